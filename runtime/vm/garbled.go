package vm

import (
	"cmp"
	"errors"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/garble"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Garbled layers are streamed: labels and tables of a chunk of instances at a time pass through memory, and what has to
// wait for the online phase waits in a spool on disk.

// gcChunkBytes is about how much of tables or labels is worked on at a time: Tuning, what stays in the caches of a core.
const gcChunkBytes = 1 << 20

// chunkStep divides the instances of every chunk but a last one: chunks meet at word borders of packed bits and of OT messages.
const chunkStep = 64

// garbled is one party's state of a garbled batch.
type garbled struct {
	labels *spool // client: its own labels; server: the zero-labels of the client's inputs
	tables *spool // client
	flips  []byte // server: what turns labels of Ferret into zero-labels
}

func (g *garbled) close() {
	for _, s := range []*spool{g.labels, g.tables} {
		if s != nil {
			s.close()
		}
	}
}

// gcPart is a gc instruction's view of its batch.
type gcPart[W ring.Word] struct {
	*garbled
	*circuit.Task
	scheme    cost.Scheme
	table     int // blocks of an instance's tables
	index     int
	batch     *Batch
	lo, count int
	chunk     int // instances that are worked on at a time
	chunks    *relays[W]
}

func (m *Machine[W]) gcPart(in program.Instr) (*gcPart[W], error) {
	t, err := m.Program.Task(in.Ints[3])
	if err != nil {
		return nil, err
	}
	p := &gcPart[W]{garbled: m.batches[in.Ints[0]], Task: t, scheme: m.Program.Circuits[in.Ints[3]].Scheme, index: in.Ints[0], batch: &m.OTs.Batches[in.Ints[0]], lo: in.Ints[1], count: in.Ints[2], chunks: &m.relays}
	p.table = int(p.scheme.TableBlocks(int64(t.ANDs())))
	p.chunk = GarbledChunk(t, p.scheme, p.count)
	if p.garbled == nil {
		p.garbled = &garbled{}
		m.batches[in.Ints[0]] = p.garbled
	}
	return p, nil
}

// GarbledChunk is how many instances of a garbled part are worked on at a time. A stream of tables has chunk after chunk, the last one
// shorter: of each its tables and then, of results in the ring, its permute words.
func GarbledChunk(t *circuit.Task, s cost.Scheme, count int) int {
	each := prg.BlockBytes * max(int(s.TableBlocks(int64(t.ANDs()))), t.Wires(), 1)
	return min(count, max(gcChunkBytes/each/chunkStep, 1)*chunkStep)
}

var errOrder = errors.New("garbled material is used before it is made")

// each visits the chunks of the part with their first instance and size.
func (p *gcPart[W]) each(f func(first, n int) error) error {
	return chunks(p.count, p.chunk, func(lo, hi int) error { return f(lo, hi-lo) })
}

// inputs packs the bits of x that enter instances first to first+n-1, in label order.
func (p *gcPart[W]) inputs(x []W, first, n int) ring.Bits {
	b := ring.NewBits(n * p.Wires())
	x = x[(p.lo+first)*p.Elements : (p.lo+first+n)*p.Elements]
	if p.From > 0 {
		high := make([]W, len(x))
		defer ring.Wipe(high)
		for i, e := range x {
			high[i] = e >> p.From
		}
		x = high
	}
	ring.BlockBits(b, x, p.Elements, p.Bits)
	return b
}

// gcChoose: the client's share bits choose its labels.
func (m *Machine[W]) gcChoose(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	labels, err := m.ready(&p.labels, StreamName{Labels, p.index})
	if err != nil {
		return err
	}
	x, ots := m.r(in.In[0]), p.batch.Receiver
	return overlap(p, sends, func(first, n int, c *chunk[W]) error {
		bits := p.inputs(x, first, n)
		defer ring.Wipe(bits.Words())
		own := room(&c.labels, n*p.Wires())
		if err := ots.ExtendTo(room(&c.message, ots.MessageBytes(len(own))), bits.Words(), len(own), own); err != nil {
			return err
		}
		return labels.write(own)
	}, func(_, _ int, c *chunk[W]) error {
		_, err := m.Conn.Write(c.message)
		return err
	})
}

// gcZero: the server gets the zero-labels of the client's inputs.
func (m *Machine[W]) gcZero(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	labels, err := m.ready(&p.labels, StreamName{Labels, p.index})
	if err != nil {
		return err
	}
	ots := p.batch.Sender
	return overlap(p, receives, func(_, n int, c *chunk[W]) error {
		return m.Conn.ReadFull(room(&c.message, ots.MessageBytes(n*p.Wires())))
	}, func(_, n int, c *chunk[W]) error {
		zero := room(&c.labels, n*p.Wires())
		if err := ots.Extend(len(zero), c.message, zero); err != nil {
			return err
		}
		return labels.write(zero)
	})
}

func (p *gcPart[W]) garbler() (*garble.Garbler, error) {
	return garble.NewGarbler(p.scheme, p.Circuit, p.batch.Hash, p.batch.Delta, p.batch.Seed, prg.Garbling.First())
}

// gcGarble: the server garbles and sends the tables. Its share of the outputs are the permute bits, or the masks that it enters:
// then the permute bits go with the tables.
func (m *Machine[W]) gcGarble(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	if err := m.made(&p.labels, StreamName{Labels, p.index}); err != nil {
		return err
	}
	g, err := p.garbler()
	if err != nil {
		return err
	}
	defer g.Wipe()
	outs := m.outputs(in)
	return overlap(p, sends, func(first, n int, c *chunk[W]) error {
		zero := room(&c.labels, n*p.Wires())
		if err := p.zeroLabels(zero); err != nil {
			return err
		}
		early, permute := p.early(outs, first, n), p.bits(outs, first, n, c)
		if err := g.Garble(first, n, zero, early.Words(), room(&c.tables, n*p.table), permute); err != nil {
			return err
		}
		ring.Wipe(early.Words())
		p.encode(c, n)
		return nil
	}, func(_, n int, c *chunk[W]) error {
		if _, err := m.Conn.Write(prg.Bytes(c.tables[:n*p.table])); err != nil {
			return err
		}
		_, err := m.Conn.Write(ring.Bytes(c.permute))
		return err
	})
}

// gcTables: the client keeps the tables.
func (m *Machine[W]) gcTables(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	tables, err := m.ready(&p.tables, StreamName{Tables, p.index})
	if err != nil {
		return err
	}
	var buffer []prg.Block
	return p.each(func(_, n int) error { return tables.fill(p.tableBytes(n), &buffer, m.Conn.ReadFull) })
}

// gcLabels: the server sends the labels of its share's bits.
func (m *Machine[W]) gcLabels(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	g, err := p.garbler()
	if err != nil {
		return err
	}
	defer g.Wipe()
	x := m.r(in.In[0])
	return overlap(p, sends, func(first, n int, c *chunk[W]) error {
		bits := p.inputs(x, first, n)
		defer ring.Wipe(bits.Words())
		return g.Labels(first, n, bits.Words(), room(&c.labels, n*p.Wires()))
	}, func(_, n int, c *chunk[W]) error {
		_, err := m.Conn.Write(prg.Bytes(c.labels[:n*p.Wires()]))
		return err
	})
}

// gcEvaluate: the client evaluates as the labels come in. Its share of the outputs are the colour bits, or what they decode to.
func (m *Machine[W]) gcEvaluate(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	if err := cmp.Or(m.made(&p.labels, StreamName{Labels, p.index}), m.made(&p.tables, StreamName{Tables, p.index})); err != nil {
		return err
	}
	e, err := garble.NewEvaluator(p.scheme, p.Circuit, p.batch.Hash, prg.Garbling.First())
	if err != nil {
		return err
	}
	outs := m.outputs(in)
	return overlap(p, receives, func(_, n int, c *chunk[W]) error {
		return m.Conn.ReadFull(prg.Bytes(room(&c.theirs, n*p.Wires())))
	}, func(first, n int, c *chunk[W]) error {
		own, err := p.labels.next(prg.BlockBytes*n*p.Wires(), &c.labels)
		if err != nil {
			return err
		}
		defer ring.Wipe(own)
		tables, err := p.tables.next(p.tableBytes(n), &c.tables)
		if err != nil {
			return err
		}
		size, colour := n*p.table, p.bits(outs, first, n, c)
		if err := e.Evaluate(first, n, own, c.theirs, tables[:size], colour); err != nil {
			return err
		}
		p.decode(outs, first, n, c, prg.Bytes(tables[size:]))
		return nil
	})
}
