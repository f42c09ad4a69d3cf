package vm

import (
	"crypto/rand"
	"fmt"

	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Random OTs are streamed: an extension makes the blocks of a chunk at a time, the message of the chunk moves, and the blocks
// become what the instruction is for. Nothing is held of all the OTs of an instruction but its results.

// otChunk bounds the blocks in flight in each direction, 2 MiB: whole records of SoftSpoken, and enough trees of Ferret for
// every core to have several.
const otChunk = 1 << 17

// SendEnd is the end of an extension of OTs of random choice that holds Delta.
type SendEnd interface {
	Delta() prg.Block
	// Next fills k with the K of the next len(k) OTs and moves the message that belongs to them.
	Next(c Conn, k []prg.Block) error
	// Wipe forgets Delta and the extension's state.
	Wipe()
}

// RecvEnd is the end that chooses.
type RecvEnd interface {
	// Draw sets the choices of the next n OTs that have none, with nothing beyond n in the last word.
	Draw(choice []uint64, n int) error
	// Next fills m with the M of the next len(m) OTs that have choices, those given, and moves the message.
	Next(c Conn, choice []uint64, m []prg.Block) error
	// Wipe forgets the extension's state.
	Wipe()
}

// PadSender and PadReceiver are the two sides of the random OTs that protocols take their pads from. Keys counts the hash
// tweaks used.
type PadSender struct {
	End  SendEnd
	Hash *prg.Hash
	Key  prg.Block // of Hash
	Keys *prg.Counter
}

// PadReceiver is the choosing side.
type PadReceiver struct {
	End  RecvEnd
	Hash *prg.Hash
	Key  prg.Block // of Hash
	Keys *prg.Counter
}

// COTSender makes OTs of random choice by an extension of chosen ones: the peer's choices are random.
func COTSender(s ot.COTSender) SendEnd { return &cotSender{COTSender: s} }

// COTReceiver makes OTs of random choice by an extension of chosen ones.
func COTReceiver(r ot.COTReceiver) RecvEnd { return &cotReceiver{COTReceiver: r} }

// FerretSender makes OTs of random choice by Ferret.
func FerretSender(s *ot.FerretSender) SendEnd { return ferretSender{s} }

// FerretReceiver makes OTs of random choice by Ferret.
func FerretReceiver(r *ot.FerretReceiver) RecvEnd { return ferretReceiver{r} }

type cotSender struct {
	ot.COTSender
	message []byte
}

func (s *cotSender) Next(c Conn, k []prg.Block) error {
	u := room(&s.message, s.MessageBytes(len(k)))
	if err := c.ReadFull(u); err != nil {
		return err
	}
	return s.Extend(len(k), u, k)
}

type cotReceiver struct {
	ot.COTReceiver
	message []byte
}

func (*cotReceiver) Draw(choice []uint64, n int) error {
	if _, err := rand.Read(ring.Bytes(choice)); err != nil {
		return err
	}
	if tail := n % 64; tail != 0 {
		choice[len(choice)-1] &= 1<<tail - 1
	}
	return nil
}

func (r *cotReceiver) Next(c Conn, choice []uint64, m []prg.Block) error {
	u := room(&r.message, r.MessageBytes(len(m)))
	if err := r.ExtendTo(u, choice, len(m), m); err != nil {
		return err
	}
	_, err := c.Write(u)
	return err
}

type ferretSender struct{ *ot.FerretSender }

func (s ferretSender) Next(c Conn, k []prg.Block) error {
	_, err := c.Write(s.Extend(k))
	return err
}

type ferretReceiver struct{ *ot.FerretReceiver }

func (r ferretReceiver) Next(c Conn, _ []uint64, m []prg.Block) error {
	msg := make([]byte, r.MessageBytes(len(m)))
	if err := c.ReadFull(msg); err != nil {
		return err
	}
	return r.Extend(msg, m)
}

// randomOTs runs an end of random OTs, which sends or receives as the extension has it.
func (m *Machine[W]) randomOTs(in program.Instr) error {
	switch in.Op {
	case program.OTChoose:
		return m.chooseOTs(in)
	case program.OTPads:
		return m.padsOfOTs(in)
	case program.OT16Choose:
		return m.choose16(in)
	case program.OT16Pads:
		return m.pads16(in)
	case program.BitsChoose:
		return m.chooseBits(in)
	case program.BitsPads:
		return m.padsOfBits(in)
	}
	return fmt.Errorf("no such instruction: %s", in.Op)
}

// drawOTs draws the choices of OTs.
func (m *Machine[W]) drawOTs(in program.Instr) error {
	c := m.b(in.Out[0])
	return chunks(c.Len(), otChunk, func(lo, hi int) error { return m.OTs.Recv.End.Draw(c.Slice(lo, hi).Words(), hi-lo) })
}

// chooseOTs makes the receiver's pads.
func (m *Machine[W]) chooseOTs(in program.Instr) error {
	c, q := m.b(in.In[0]), m.r(in.Out[0])
	return m.received(c, func(lo, hi int, blocks []prg.Block, first prg.Tweak) error {
		return ot.ReceiverPads(m.OTs.Recv.Hash, blocks, first, 1, q[lo:hi])
	})
}

// padsOfOTs makes the sender's pads.
func (m *Machine[W]) padsOfOTs(in program.Instr) error {
	p0, p1, s := m.r(in.Out[0]), m.r(in.Out[1]), m.OTs.Send
	return m.sent(len(p0), func(lo, hi int, blocks []prg.Block, first prg.Tweak) error {
		return ot.SenderPads(s.Hash, s.End.Delta(), blocks, first, 1, p0[lo:hi], p1[lo:hi])
	})
}

// choose16 makes the masks of the chosen messages of 1-of-16 OTs.
func (m *Machine[W]) choose16(in program.Instr) error {
	c, masks := m.b(in.In[0]), m.b(in.Out[0]).Words()
	return m.received(c, func(lo, hi int, blocks []prg.Block, first prg.Tweak) error {
		return ot.ReceiverMasks(m.OTs.Recv.Hash, c.Slice(lo, hi).Words(), blocks, first, masks[lo/ot.NCOTs*ot.NChosenWords:hi/ot.NCOTs*ot.NChosenWords])
	})
}

// pads16 makes the masks of all messages.
func (m *Machine[W]) pads16(in program.Instr) error {
	masks, s := m.b(in.Out[0]).Words(), m.OTs.Send
	return m.sent(len(masks)/ot.NMaskWords*ot.NCOTs, func(lo, hi int, blocks []prg.Block, first prg.Tweak) error {
		return ot.SenderMasks(s.Hash, s.End.Delta(), blocks, first, masks[lo/ot.NCOTs*ot.NMaskWords:hi/ot.NCOTs*ot.NMaskWords])
	})
}

// chooseBits makes the chosen messages of OTs of two bits.
func (m *Machine[W]) chooseBits(in program.Instr) error {
	c, q := m.b(in.In[0]), m.b(in.Out[0])
	return m.received(c, func(lo, _ int, blocks []prg.Block, first prg.Tweak) error {
		return ot.ReceiverBits(m.OTs.Recv.Hash, blocks, first, bitPlanes(q, lo))
	})
}

// padsOfBits makes both messages of OTs of two bits.
func (m *Machine[W]) padsOfBits(in program.Instr) error {
	p0, b, s := m.b(in.Out[0]), m.b(in.Out[1]), m.OTs.Send
	return m.sent(p0.Len()/ot.BitsPerOT, func(lo, _ int, blocks []prg.Block, first prg.Tweak) error {
		return ot.SenderBits(s.Hash, s.End.Delta(), blocks, first, bitPlanes(p0, lo), bitPlanes(b, lo))
	})
}

// bitPlanes is the bits of OTs from number lo on.
func bitPlanes(b ring.Bits, lo int) ot.BitPlanes {
	return ot.BitPlanes{Words: b.Words(), First: lo / 64, Stride: len(b.Words()) / ot.BitsPerOT}
}

// products makes shares of products of bits.
func (m *Machine[W]) products(in program.Instr) error {
	w := func(o program.Operand) []uint64 { return m.b(o).Words() }
	return ot.Products(w(in.Out[0]), w(in.In[0]), w(in.In[1]), w(in.In[2]), w(in.In[3]))
}

// useBlocks makes something of the blocks of OTs lo to hi-1 of an instruction, under tweaks from first on.
type useBlocks func(lo, hi int, blocks []prg.Block, first prg.Tweak) error

// received makes the receiver's blocks of OTs with the choices c, a chunk at a time.
func (m *Machine[W]) received(c ring.Bits, use useBlocks) error {
	end := m.OTs.Recv
	return inChunks(c.Len(), end.Keys, func(lo, hi int, blocks []prg.Block) error {
		return end.End.Next(m.Conn, c.Slice(lo, hi).Words(), blocks)
	}, use)
}

// sent makes the sender's blocks of n OTs, a chunk at a time.
func (m *Machine[W]) sent(n int, use useBlocks) error {
	end := m.OTs.Send
	return inChunks(n, end.Keys, func(_, _ int, blocks []prg.Block) error { return end.End.Next(m.Conn, blocks) }, use)
}

func inChunks(n int, keys *prg.Counter, next func(lo, hi int, blocks []prg.Block) error, use useBlocks) error {
	buffer := make([]prg.Block, min(otChunk, n))
	defer ring.Wipe(buffer)
	return chunks(n, otChunk, func(lo, hi int) error {
		blocks := buffer[:hi-lo]
		if err := next(lo, hi, blocks); err != nil {
			return err
		}
		first, err := keys.Take(uint64(hi - lo))
		if err != nil {
			return err
		}
		return use(lo, hi, blocks, first)
	})
}
