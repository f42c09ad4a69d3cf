package lower

import (
	"math/bits"

	"sotto/fpga/gates"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Garbled layers. The runtime keeps labels and tables of a batch in a stream from one phase to the next; here they are values. A batch
// belongs to one part of one layer: instances lo to lo+count-1 of the layer are 0 to count-1 of the batch.

// part of a garbled layer, as an instruction's numbers give it.
type garbled struct {
	*gates.Plan
	batch, lo, count int
}

// Numbers of a gc instruction.
const (
	gcBatch = iota
	gcLo
	gcCount
	gcCircuit
)

// garbled reads an instruction's numbers.
func (c *cutter) garbled(t task) (garbled, error) {
	circuit := t.Ints[gcCircuit]
	task, err := c.program.Task(circuit)
	if err != nil {
		return garbled{}, err
	}
	plan, err := gates.New(task, c.program.Circuits[circuit].Scheme)
	return garbled{plan, t.Ints[gcBatch], t.Ints[gcLo], t.Ints[gcCount]}, err
}

const blockBits = target.LabelBits

// labelBits and tableBits are those of so many instances.
func (g garbled) labelBits(n int) int { return n * g.Task.Wires() * blockBits }

func (g garbled) tableBits(n int) int { return n * g.ANDs * target.TableBits }

// kept is what a batch keeps from the offline phase, where it is made and stays to the end.
func (c *cutter) kept(kind OriginKind, result int, s Space, n int, g garbled) view {
	v := c.beside(s, n, Origin{Kind: kind, Index: g.batch, Result: result})
	if c.phases.Last == cost.Offline {
		c.values[v.value].last = forever
	}
	return v
}

// key is what a batch is garbled under.
func (c *cutter) key(g garbled) view {
	return c.beside(BITS, gates.KeyWords*bitsPerWord, Origin{Kind: Keys, Index: g.batch})
}

// staged is what commands of one instruction hand on.
func (c *cutter) staged(s Space, n, result int) view {
	return c.beside(s, n, Origin{Kind: Scratch, Place: c.tasks[c.task].place, Result: result})
}

// engine checks that there is an engine that has room for a circuit's labels.
func (c *cutter) engine(e target.Engines, kernel Kernel, g garbled) error {
	lacks := func(knob string, value, need int) error {
		return c.fit(&target.KnobError{What: "a garbled circuit", Knob: kernel.String() + "." + knob, Value: value, Need: need})
	}
	if e.Count < 1 {
		return lacks("count", e.Count, 1)
	}
	if e.Slots < g.Slots {
		return lacks("slots", e.Slots, 1<<bits.Len(uint(g.Slots-1))) // the knob takes powers of two
	}
	return nil
}

// circuitCommand begins a command on instances of a batch.
func (c *cutter) circuitCommand(op Operation, g garbled, lo, hi int) Command {
	k := c.command(op, hi-lo)
	k.Lo = uint32(lo)
	for i, v := range g.Ints() {
		k.Ints[i] = int32(v)
	}
	k.Weight[0], k.Weight[1] = c.tables.put(g.Words()), c.address(c.key(g), 0)
	return k
}

// instances cuts a part into blocks, as many at a time as there are engines to work on them side by side. Both boards cut alike, as what
// one sends the other receives.
func (c *cutter) instances(g garbled, f func(lo, hi int)) {
	a, b := c.design, c.peer.design
	slabs(g.count, target.Lanes*max(a.Garble.Count, a.Evaluate.Count, b.Garble.Count, b.Evaluate.Count, 1), f)
}

// labels is the server's side of a layer's inputs: labels of the bits of its share, which it sends.
func (c *cutter) labels(t task) error {
	g, err := c.garbled(t)
	if err != nil {
		return err
	}
	if err := c.engine(c.design.Garble, Garble, g); err != nil {
		return err
	}
	labels, each, d := c.staged(BITS, g.labelBits(g.count), 0), g.Task.Elements, c.design
	c.instances(g, func(lo, hi int) {
		n := hi - lo
		k := c.circuitCommand(OpLabels, g, lo, hi)
		first := (g.lo + lo) * each
		k.In[0], k.Out[0] = c.address(t.in[0], first), c.address(labels, g.labelBits(lo))
		var w Work
		w.LoadBytes, w.LoadCycles = int64(n*each*d.WordBytes()), d.ShareReads(n, each)
		w.Compute = int64(d.Garbler().LabelCycles(n * g.Task.Wires()))
		w.StoreBytes, w.StoreCycles = move(d, wordsOf(BITS, g.labelBits(n)), bitWordBytes, gates.BlockWords)
		c.emit(k, []Work{w}, []span{c.part(t.in[0], first, first+n*each)}, []span{c.part(labels, g.labelBits(lo), g.labelBits(hi))})
		c.sends(c.transfer(OpSendBlocks, wordsOf(BITS, g.labelBits(n)), 0), labels, g.labelBits(lo), g.labelBits(hi), g.labelBits(n))
	})
	return nil
}

// evaluate is the client's: labels arrive, and its shares of the results come of them, its own labels and the tables.
func (c *cutter) evaluate(t task) error {
	g, err := c.garbled(t)
	if err != nil {
		return err
	}
	if err := c.engine(c.design.Evaluate, Evaluate, g); err != nil {
		return err
	}
	theirs := c.staged(BITS, g.labelBits(g.count), 0)
	own, tables := c.kept(Labels, 0, BITS, g.labelBits(g.count), g), c.kept(Tables, 0, BITS, g.tableBits(g.count), g)
	streams := []view{own, theirs, tables}
	c.instances(g, func(lo, hi int) {
		c.receives(c.transfer(OpRecvBlocks, wordsOf(BITS, g.labelBits(hi-lo)), 0), theirs, g.labelBits(lo), g.labelBits(hi))
		k := c.circuitCommand(OpEvaluate, g, lo, hi)
		reads := []span{}
		for i, v := range streams {
			each := v.len / g.count
			k.In[i] = c.address(v, lo*each)
			reads = append(reads, c.part(v, lo*each, hi*each))
		}
		if g.Task.Ring > 0 {
			permute := c.kept(Tables, 1, RING, g.count, g)
			k.In[3] = c.address(permute, lo)
			reads = append(reads, c.part(permute, lo, hi))
		}
		k.Out[0] = c.address(t.out[0], g.lo+lo)
		c.emit(k, c.engineWork(g, hi-lo, c.design.EvaluateCycles), reads, []span{c.part(t.out[0], g.lo+lo, g.lo+hi)})
	})
	return nil
}

// engineWork is what an evaluator reads and does: two streams of labels and one of tables, each through a port of its own.
func (c *cutter) engineWork(g garbled, n int, cycles func(ands int64) int64) []Work {
	d := c.design
	labels, tables := wordsOf(BITS, g.labelBits(n)), wordsOf(BITS, g.tableBits(n))
	w := Work{LoadBytes: int64((2*labels + tables + c.stepWords(g, n)) * bitWordBytes),
		LoadCycles: max(d.LabelReads(n, g.Task.Wires()), d.TableReads(n, g.ANDs), int64(c.stepWords(g, n)))}
	w.Compute = cycles(int64(len(g.Steps) * target.Lanes * d.Evaluate.EngineBlocks(n)))
	blocks := ceil(n, target.Lanes)
	w.StoreBytes, w.StoreCycles = int64(blocks*bitWordBytes), int64(blocks)
	if g.Task.Ring > 0 {
		w.LoadBytes += int64(n * d.WordBytes())
		w.StoreBytes, w.StoreCycles = int64(n*d.WordBytes()), int64(n)
	}
	return []Work{w}
}

// stepWords is the words of the steps that engines read: all of them for each block.
func (c *cutter) stepWords(g garbled, n int) int {
	return gates.StepWords * len(g.Steps) * ceil(n, target.Lanes)
}

// besides makes the values that no operand names and an instruction reads or makes: they need places before anything is cut.
func (c *cutter) besides(number int) error {
	t := c.begin(number)
	if _, ok := otSteps[t.Op]; ok {
		if err := c.extends(t); err != nil {
			return err
		}
		c.otValues(t)
		return nil
	}
	needs, ok := garbledNeeds[t.Op]
	if !ok {
		return nil
	}
	g, err := c.garbled(t)
	if err != nil {
		return err
	}
	c.key(g)
	needs(c, g)
	return nil
}

// garbledNeeds are what instructions of garbled parts need beside their key.
var garbledNeeds = map[program.Opcode]func(*cutter, garbled){
	program.GCLabels: func(c *cutter, g garbled) { c.staged(BITS, g.labelBits(g.count), 0) },
	program.GCEvaluate: func(c *cutter, g garbled) {
		c.staged(BITS, g.labelBits(g.count), 0)
		c.kept(Labels, 0, BITS, g.labelBits(g.count), g)
		c.keptTables(g)
	},
	program.GCChoose: func(c *cutter, g garbled) { c.labelOTs(g) },
	program.GCZero:   func(c *cutter, g garbled) { c.labelOTs(g) },
	program.GCGarble: garblerNeeds, program.GCRemask: garblerNeeds,
	program.GCTables: (*cutter).keptTables,
}

func garblerNeeds(c *cutter, g garbled) {
	c.kept(Labels, 0, BITS, g.labelBits(g.count), g)
	c.staged(BITS, g.tableBits(g.count), 2)
	if g.Task.Ring > 0 {
		c.staged(RING, g.count, 3)
	}
}

func (c *cutter) keptTables(g garbled) {
	c.kept(Tables, 0, BITS, g.tableBits(g.count), g)
	if g.Task.Ring > 0 {
		c.kept(Tables, 1, RING, g.count, g)
	}
}
