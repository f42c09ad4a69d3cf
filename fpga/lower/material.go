package lower

import (
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// The offline phase of garbled layers: label OTs by SoftSpoken, and tables.

// labelOTs are what the label OTs of a batch need.
type labelOTs struct{ leaves, key, choices, message, labels view }

func (c *cutter) labelOTs(g garbled) labelOTs {
	n := g.count * g.Task.Wires()
	return labelOTs{
		c.beside(BITS, otLeaves*blockBits, Origin{Kind: Leaves, Index: g.batch, Result: OfBatch}), c.key(g),
		c.staged(BITS, n, 0), c.staged(BITS, messageWords(n)*bitsPerWord, 1), c.kept(Labels, 0, BITS, g.labelBits(g.count), g),
	}
}

// Whose OTs an extension's leaves are for: random ones of a party's pads, or the label OTs of a batch.
const (
	OfPads = iota
	OfBatch
)

// labelSlab calls f for the OTs of some instances at a time.
func (c *cutter) labelSlab(g garbled, f func(lo, hi, first, end int)) {
	w := g.Task.Wires()
	c.instances(g, func(lo, hi int) { f(lo, hi, lo*w, hi*w) })
}

// chooseLabels is the client's end: the bits of its share choose.
func (c *cutter) chooseLabels(t task) error {
	g, err := c.labelled(t)
	if err != nil {
		return err
	}
	v, each, d := c.labelOTs(g), g.Task.Elements, c.design
	c.labelSlab(g, func(lo, hi, first, end int) {
		k := c.circuitCommand(OpChoices, g, lo, hi)
		x := (g.lo + lo) * each
		k.In[0], k.Out[0] = c.address(t.in[0], x), c.address(v.choices, first)
		var w Work
		w.LoadBytes, w.LoadCycles = int64((hi-lo)*each*d.WordBytes()), d.ShareReads(hi-lo, each)
		w.Compute = d.ChoiceCycles(hi-lo, each, g.Task.Wires())
		w.StoreBytes, w.StoreCycles = move(d, ceil(end-first, bitsPerWord), bitWordBytes, 1)
		c.emit(k, []Work{w}, []span{c.part(t.in[0], x, x+(hi-lo)*each)}, []span{c.part(v.choices, first, end)})
		c.extendReceive(first, end, v.choices, v.message, v.labels, v.leaves, 0)
	})
	return nil
}

// zeroLabels is the server's end: the zero labels of the client's inputs.
func (c *cutter) zeroLabels(t task) error {
	g, err := c.labelled(t)
	if err != nil {
		return err
	}
	v := c.labelOTs(g)
	c.labelSlab(g, func(_, _, first, end int) { c.extendSend(first, end, v.message, v.labels, v.leaves, v.key, 0) })
	return nil
}

// labelled is an instruction of label OTs.
func (c *cutter) labelled(t task) (garbled, error) {
	if err := c.extends(t); err != nil {
		return garbled{}, err
	}
	return c.garbled(t)
}

// garble makes the tables of a part, and the permute bits of its results, or the words that go with masks that were entered.
func (c *cutter) garble(t task) error {
	g, err := c.garbled(t)
	if err != nil {
		return err
	}
	if err := c.engine(c.design.Garble, Garble, g); err != nil {
		return err
	}
	labels, tables := c.kept(Labels, 0, BITS, g.labelBits(g.count), g), c.staged(BITS, g.tableBits(g.count), 2)
	c.instances(g, func(lo, hi int) {
		k := c.circuitCommand(OpTables, g, lo, hi)
		k.In[0], k.Out[0] = c.address(labels, g.labelBits(lo)), c.address(tables, g.tableBits(lo))
		reads := []span{c.part(labels, g.labelBits(lo), g.labelBits(hi))}
		permute, at := g.permute(c, t), g.lo
		if g.Task.Ring > 0 {
			k.In[1] = c.address(t.in[0], g.lo+lo)
			reads, at = append(reads, c.part(t.in[0], g.lo+lo, g.lo+hi)), 0
		}
		k.Out[1] = c.address(permute, at+lo)
		c.emit(k, c.garbleWork(g, hi-lo), reads, []span{c.part(tables, g.tableBits(lo), g.tableBits(hi)), c.part(permute, at+lo, at+hi)})
		bits := g.tableBits(hi - lo)
		c.sends(c.transfer(OpSendBlocks, wordsOf(BITS, bits), 0), tables, g.tableBits(lo), g.tableBits(hi), bits)
		if g.Task.Ring > 0 {
			c.sends(c.transfer(OpSendRing, hi-lo, c.design.Ring), permute, lo, hi, (hi-lo)*c.design.Ring)
		}
	})
	return nil
}

// permute is where a garbler's permute bits go, or the words that travel.
func (g garbled) permute(c *cutter, t task) view {
	if g.Task.Ring > 0 {
		return c.staged(RING, g.count, 3)
	}
	return t.out[0]
}

// keepTables is the client's end.
func (c *cutter) keepTables(t task) error {
	g, err := c.garbled(t)
	if err != nil {
		return err
	}
	tables := c.kept(Tables, 0, BITS, g.tableBits(g.count), g)
	c.instances(g, func(lo, hi int) {
		c.receives(c.transfer(OpRecvBlocks, wordsOf(BITS, g.tableBits(hi-lo)), 0), tables, g.tableBits(lo), g.tableBits(hi))
		if g.Task.Ring > 0 {
			c.receives(c.transfer(OpRecvRing, hi-lo, c.design.Ring), c.kept(Tables, 1, RING, g.count, g), lo, hi)
		}
	})
	return nil
}

// garbleWork is what a garbler reads and makes.
func (c *cutter) garbleWork(g garbled, n int) []Work {
	d, steps := c.design, c.stepWords(g, n)
	w := Work{LoadBytes: int64((wordsOf(BITS, g.labelBits(n)) + steps) * bitWordBytes), LoadCycles: max(d.LabelReads(n, g.Task.Wires()), int64(steps)),
		StoreBytes: int64((wordsOf(BITS, g.tableBits(n)) + ceil(n, bitsPerWord)) * bitWordBytes), StoreCycles: int64(n*g.ANDs) * d.TableBeats()}
	if g.Task.Ring > 0 {
		w.LoadBytes += int64(n * d.WordBytes())
		w.StoreBytes += int64(n*d.WordBytes()) - int64(ceil(n, bitsPerWord))*bitWordBytes
	}
	w.Compute = d.GarbleCycles(int64(len(g.Steps) * target.Lanes * d.Garble.EngineBlocks(n)))
	return []Work{w}
}

// keeps makes everything that is there at the end of an offline phase stay.
func (t *tracer) keeps() {
	if t.phases.Last != cost.Offline {
		return
	}
	for _, v := range t.buffers {
		if v.value >= 0 {
			t.values[v.value].last = forever
		}
	}
	for _, v := range t.slots {
		t.values[v.value].last = forever
	}
}
