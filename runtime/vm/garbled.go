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

// gcChunk instances are garbled at a time. A multiple of 64: chunks meet at word borders of packed bits and of OT messages.
const gcChunk = 2048

// garbled is one party's state of a garbled batch.
type garbled struct {
	labels *spool // client: its own labels; server: the zero-labels of the client's inputs
	tables *spool // client
}

func (g *garbled) close() {
	for _, s := range []*spool{g.labels, g.tables} {
		if s != nil {
			s.close()
		}
	}
}

// part is a gc instruction's view of its batch.
type gcPart[W ring.Word] struct {
	*garbled
	index     int
	batch     *Batch
	lo, count int
	wires     int // input wires of each party, and ANDs
	circuit   *circuit.Circuit
}

func (m *Machine[W]) gcPart(in program.Instr) (*gcPart[W], error) {
	c, err := circuit.Carry(in.Ints[3] - 1)
	if err != nil {
		return nil, err
	}
	p := &gcPart[W]{garbled: m.batches[in.Ints[0]], index: in.Ints[0], batch: &m.OTs.Batches[in.Ints[0]], lo: in.Ints[1], count: in.Ints[2], wires: in.Ints[3] - 1, circuit: c}
	if p.garbled == nil {
		p.garbled = &garbled{}
		m.batches[in.Ints[0]] = p.garbled
	}
	return p, nil
}

var errOrder = errors.New("garbled material is used before it is made")

// each visits the chunks of the part with their first instance and size.
func (p *gcPart[W]) each(f func(first, n int) error) error {
	return chunks(p.count, gcChunk, func(lo, hi int) error { return f(lo, hi-lo) })
}

// low packs the low bits of the part's elements first to first+n-1, in label order.
func (p *gcPart[W]) low(x []W, first, n int) ring.Bits {
	b := ring.NewBits(n * p.wires)
	ring.InstanceBits(b, x[p.lo+first:p.lo+first+n], p.wires)
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
	x, blocks := m.r(in.In[0]), make([]prg.Block, gcChunk*p.wires)
	defer ring.Wipe(blocks)
	return p.each(func(first, n int) error {
		bits := p.low(x, first, n)
		own := blocks[:n*p.wires]
		u, err := p.batch.Receiver.Extend(bits.Words(), len(own), own)
		ring.Wipe(bits.Words())
		if err != nil {
			return err
		}
		if _, err := m.Conn.Write(u); err != nil {
			return err
		}
		return labels.write(own)
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
	blocks, u := make([]prg.Block, gcChunk*p.wires), make([]byte, cost.SoftSpokenBytes(int64(gcChunk*p.wires)))
	defer ring.Wipe(blocks)
	return p.each(func(_, n int) error {
		part := u[:cost.SoftSpokenBytes(int64(n*p.wires))]
		if err := m.Conn.ReadFull(part); err != nil {
			return err
		}
		zero := blocks[:n*p.wires]
		if err := p.batch.Sender.Extend(len(zero), part, zero); err != nil {
			return err
		}
		return labels.write(zero)
	})
}

func (p *gcPart[W]) garbler() (*garble.Garbler, error) {
	return garble.NewGarbler(p.circuit, p.batch.Hash, p.batch.Delta, p.batch.Seed, prg.Garbling.First())
}

// gcGarble: the server garbles and sends the tables; the permute bits are its share of the outputs.
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
	permute := m.b(in.Out[0])
	zero, tables := make([]prg.Block, gcChunk*p.wires), make([]prg.Block, 2*gcChunk*p.wires)
	defer ring.Wipe(zero)
	return p.each(func(first, n int) error {
		z, t := zero[:n*p.wires], tables[:2*n*p.wires]
		if err := p.labels.read(z); err != nil {
			return err
		}
		if err := g.Garble(first, n, z, t, permute.Slice(p.lo+first, p.lo+first+n).Words()); err != nil {
			return err
		}
		_, err := m.Conn.Write(prg.Bytes(t))
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
	buf := make([]byte, prg.BlockBytes*2*gcChunk*p.wires)
	return p.each(func(_, n int) error {
		part := buf[:prg.BlockBytes*2*n*p.wires]
		if err := m.Conn.ReadFull(part); err != nil {
			return err
		}
		return tables.writeBytes(part)
	})
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
	x, blocks := m.r(in.In[0]), make([]prg.Block, gcChunk*p.wires)
	defer ring.Wipe(blocks)
	return p.each(func(first, n int) error {
		bits := p.low(x, first, n)
		err := g.Labels(first, n, bits.Words(), blocks[:n*p.wires])
		ring.Wipe(bits.Words())
		if err != nil {
			return err
		}
		_, err = m.Conn.Write(prg.Bytes(blocks[:n*p.wires]))
		return err
	})
}

// gcEvaluate: the client evaluates as the labels come in; the colour bits are its share of the outputs.
func (m *Machine[W]) gcEvaluate(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	if err := cmp.Or(m.made(&p.labels, StreamName{Labels, p.index}), m.made(&p.tables, StreamName{Tables, p.index})); err != nil {
		return err
	}
	e, err := garble.NewEvaluator(p.circuit, p.batch.Hash, prg.Garbling.First())
	if err != nil {
		return err
	}
	colour := m.b(in.Out[0])
	own, theirs, tables := make([]prg.Block, gcChunk*p.wires), make([]prg.Block, gcChunk*p.wires), make([]prg.Block, 2*gcChunk*p.wires)
	buf := make([]byte, prg.BlockBytes*gcChunk*p.wires)
	defer ring.Wipe(own)
	defer ring.Wipe(theirs)
	return p.each(func(first, n int) error {
		wires := n * p.wires
		if err := p.labels.read(own[:wires]); err != nil {
			return err
		}
		if err := p.tables.read(tables[:2*wires]); err != nil {
			return err
		}
		part := buf[:prg.BlockBytes*wires]
		if err := m.Conn.ReadFull(part); err != nil {
			return err
		}
		prg.Load(theirs[:wires], part)
		return e.Evaluate(first, n, own[:wires], theirs[:wires], tables[:2*wires], colour.Slice(p.lo+first, p.lo+first+n).Words())
	})
}
