package vm

import (
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Label OTs by Ferret. The OTs have random choices; the client's message d turns them into the bits of its share and crosses
// the trees. So what the server spools are labels for random bits, and d makes zero labels of them when they are used.

// gcFlip: the client's choices, as what changes the random ones.
func (m *Machine[W]) gcFlip(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	x, d := m.r(in.In[0]), m.b(in.Out[0])
	at := 0
	return p.each(func(first, n int) error {
		bits := p.inputs(x, first, n)
		defer ring.Wipe(bits.Words())
		flips, err := p.batch.SilentReceiver.Choose(bits.Words(), bits.Len())
		if err != nil {
			return err
		}
		ring.UnpackBits(d.Slice(at, at+bits.Len()), flips)
		at += bits.Len()
		return nil
	})
}

// gcTrees: the server makes the labels for random choices.
func (m *Machine[W]) gcTrees(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	return m.spoolLabels(p, func(labels []prg.Block) error { return ferretSender{p.batch.SilentSender}.Next(m.Conn, labels) })
}

// gcExpand: the client gets the labels it chose.
func (m *Machine[W]) gcExpand(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	return m.spoolLabels(p, func(labels []prg.Block) error {
		return ferretReceiver{p.batch.SilentReceiver}.Next(m.Conn, nil, labels)
	})
}

// spoolLabels keeps the labels of the client's inputs that next makes.
func (m *Machine[W]) spoolLabels(p *gcPart[W], next func(labels []prg.Block) error) error {
	labels, err := m.ready(&p.labels, StreamName{Labels, p.index})
	if err != nil {
		return err
	}
	wires := p.count * p.Wires()
	buffer := make([]prg.Block, min(otChunk, wires))
	defer ring.Wipe(buffer)
	return chunks(wires, otChunk, func(lo, hi int) error {
		if err := next(buffer[:hi-lo]); err != nil {
			return err
		}
		return labels.write(buffer[:hi-lo])
	})
}

// gcCorrect: the server keeps the client's d for the labels in the spool.
func (m *Machine[W]) gcCorrect(in program.Instr) error {
	p, err := m.gcPart(in)
	if err != nil {
		return err
	}
	d := m.b(in.In[0])
	p.flips = make([]byte, (d.Len()+7)/8)
	ring.PackBits(p.flips, d)
	return nil
}

// zeroLabels reads the zero labels of the client's inputs of the next instances, whose number is a multiple of 8 except at
// the end.
func (p *gcPart[W]) zeroLabels(zero []prg.Block) error {
	if err := p.labels.read(zero); err != nil || p.batch.SilentSender == nil {
		return err
	}
	bytes := min((len(zero)+7)/8, len(p.flips))
	own := p.flips[:bytes]
	p.flips = p.flips[bytes:]
	return p.batch.SilentSender.Choose(own, zero)
}
