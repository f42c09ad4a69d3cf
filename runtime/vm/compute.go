package vm

import (
	"slices"

	"sotto/runtime/fss"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// compute runs a local instruction.
func (m *Machine[W]) compute(in program.Instr) error {
	if done, err := m.moveSlot(in); done {
		return err
	}
	if m.parted(in) || m.makes(in) || m.comparison(in) {
		return nil
	}
	out := func() []W { return m.r(in.Out[0]) }
	switch in.Op {
	case program.Conv, program.Linear:
		return m.linear(in)
	case program.BatchConv, program.BatchConvX, program.BatchConvW:
		return m.batch(in)
	case program.FSSSign:
		return m.fssSign(in)
	case program.FSSRectify:
		return m.fssRectify(in)
	case program.FSSSelect:
		fss.Select(m.r(in.Out[0]), m.b(in.In[0]), m.b(in.In[1]), m.r(in.In[2]), m.r(in.In[3]))
		return nil
	case program.OTDraw:
		return m.drawOTs(in)
	case program.Products:
		return m.products(in)
	case program.GCFlip:
		return m.gcFlip(in)
	case program.GCCorrect:
		return m.gcCorrect(in)
	case program.Take:
		copy(out(), m.r(in.In[0])[in.Ints[0]:])
		return nil
	case program.JoinBits:
		m.joinBits(in)
		return nil
	case program.TapValue:
		if m.InsecureTap == nil {
			return nil
		}
		return m.InsecureTap(m.Program.Taps[in.Ints[0]].Name, m.r(in.In[0]))
	}
	m.moved = m.moved[:0]
	for _, o := range in.In {
		m.moved = append(m.moved, m.r(o))
	}
	return move(&m.mover, in.Op, in.Ints, out(), m.moved)
}

// joinBits puts vectors of bits behind one another.
func (m *Machine[W]) joinBits(in program.Instr) {
	to := m.b(in.Out[0]).Words()
	for _, o := range in.In {
		to = to[copy(to, m.b(o).Words()):]
	}
}

// makes runs what makes something of nothing, or reports that it is something else.
func (m *Machine[W]) makes(in program.Instr) bool {
	switch in.Op {
	case program.GCDraw:
		prg.Draw(m.r(in.Out[0]))
	case program.Zero:
		clear(m.r(in.Out[0]))
	case program.Iota:
		for i, out := 0, m.r(in.Out[0]); i < len(out); i++ {
			out[i] = W(i)
		}
	default:
		return false
	}
	return true
}

// chunks calls f for consecutive ranges of at most size.
func chunks(n, size int, f func(lo, hi int) error) error {
	for lo := 0; lo < n; lo += size {
		if err := f(lo, min(lo+size, n)); err != nil {
			return err
		}
	}
	return nil
}

// send runs a sending instruction inside an open message.
func (m *Machine[W]) send(in program.Instr) error {
	if done, err := m.moveSlot(in); done {
		return err
	}
	switch in.Op {
	case program.SendRing:
		return m.sendRing(m.r(in.In[0]), in.Ints[0])
	case program.SendBits:
		_, err := m.Conn.Write(m.b(in.In[0]).Bytes())
		return err
	case program.GCChoose:
		return m.gcChoose(in)
	case program.GCTrees:
		return m.gcTrees(in)
	case program.GCGarble, program.GCRemask:
		return m.gcGarble(in)
	case program.GCLabels:
		return m.gcLabels(in)
	case board:
		return ride(m.Rides.Send, in)
	}
	return m.randomOTs(in)
}

// receive runs a receiving instruction.
func (m *Machine[W]) receive(in program.Instr) error {
	if done, err := m.moveSlot(in); done {
		return err
	}
	m.Conn.SetRecvTag(int(m.phase), in.Tag)
	switch in.Op {
	case program.RecvRing:
		return m.recvRing(m.r(in.Out[0]), in.Ints[0])
	case program.RecvBits:
		return m.recvBits(m.b(in.Out[0]))
	case program.GCZero:
		return m.gcZero(in)
	case program.GCExpand:
		return m.gcExpand(in)
	case program.GCTables:
		return m.gcTables(in)
	case program.GCEvaluate:
		return m.gcEvaluate(in)
	case board:
		return ride(m.Rides.Recv, in)
	}
	return m.randomOTs(in)
}

// packChunk elements are packed at a time: a multiple of 8, so that packed chunks meet at byte borders.
const packChunk = 1 << 15

// packs makes room for the packed chunks of a program's messages.
func (m *Machine[W]) packs() {
	sent, received := 0, 0
	for _, l := range slices.Concat(m.Program.Offline, m.Program.Online) {
		for _, in := range l.Send {
			if in.Op == program.SendRing {
				sent = max(sent, packedChunk(in.In[0], in.Ints[0]))
			}
		}
		for _, in := range l.Recv {
			if in.Op == program.RecvRing {
				received = max(received, packedChunk(in.Out[0], in.Ints[0]))
			}
		}
	}
	m.outgoing, m.incoming = make([]byte, sent), make([]byte, received)
}

// packedChunk is the bytes of an operand's longest chunk, its elements packed to a width.
func packedChunk(o program.Operand, width int) int {
	return ring.PackedLen(min(o.Len, packChunk), width)
}

func (m *Machine[W]) sendRing(x []W, width int) error {
	if width == ring.Width[W]() {
		_, err := m.Conn.Write(ring.Bytes(x))
		return err
	}
	return chunks(len(x), packChunk, func(lo, hi int) error {
		p := m.outgoing[:ring.PackedLen(hi-lo, width)]
		ring.Pack(p, x[lo:hi], width)
		_, err := m.Conn.Write(p)
		return err
	})
}

func (m *Machine[W]) recvRing(x []W, width int) error {
	if width == ring.Width[W]() {
		return m.Conn.ReadFull(ring.Bytes(x))
	}
	return chunks(len(x), packChunk, func(lo, hi int) error {
		p := m.incoming[:ring.PackedLen(hi-lo, width)]
		if err := m.Conn.ReadFull(p); err != nil {
			return err
		}
		ring.Unpack(x[lo:hi], p, width)
		return nil
	})
}

func (m *Machine[W]) recvBits(b ring.Bits) error {
	if err := m.Conn.ReadFull(b.Bytes()); err != nil {
		return err
	}
	ring.UnpackBits(b, b.Bytes()) // where they are: it clears what is left of the last word
	return nil
}
