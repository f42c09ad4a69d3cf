package lower

import (
	"sotto/fpga/gates"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Random OTs by SoftSpoken: the receiver's board makes messages and blocks from the leaves of its trees and its choices, and sends the
// messages; the sender's makes blocks of them. Blocks are hashed to what the instruction is for. Leaves come from the base OTs, which
// are the host's, as are choices, which are drawn.

// otSlab is the OTs of a command: a chunk of fpga/hlslib/ot.hpp.
const otSlab = 4096

// Trees of SoftSpoken with fields of 4 bits: 32 of 16 leaves. A message has a word for each tree and 64 OTs.
const (
	otTrees  = 32
	otLeaves = otTrees * 16
)

// firstPadTweak is the first tweak of random OTs: runtime/prg, COTPad.
const firstPadTweak = 1 << 60

// otStep is what becomes of the blocks of an instruction's OTs.
type otStep struct {
	op     Operation
	hashes int  // of an OT
	planes bool // results are planes, whose words the command is told
	choice bool // it takes the choices again
	// writes is the store of n OTs of so many hashes each.
	writes func(d target.Design, n, each int) int64
}

var otSteps = map[program.Opcode]otStep{
	program.OTChoose: {OpChosenPads, 1, false, false, target.Design.PadWrites}, program.OTPads: {OpPads, 2, false, false, target.Design.PadWrites},
	program.OT16Choose: {OpChosen16, 1, false, true, target.Design.MaskWrites}, program.OT16Pads: {OpMasks16, 2, false, false, target.Design.MaskWrites},
	program.BitsChoose: {OpChosenBits, 1, true, false, target.Design.BitWrites}, program.BitsPads: {OpBitPads, 2, true, false, target.Design.BitWrites},
}

// chosenEnds are the instructions of the end that chooses.
var chosenEnds = map[program.Opcode]bool{program.OTChoose: true, program.OT16Choose: true, program.BitsChoose: true}

// otProgress is how far an extension has come: words of each leaf's stream, and tweaks.
type otProgress struct{ words, tweaks int64 }

// otValues are what an instruction of random OTs needs beside its operands.
type otValues struct{ leaves, key, message, blocks view }

func (c *cutter) otValues(t task) otValues {
	_, n := program.OTs(t.Instr)
	ext := int(c.otSender(t.Op))
	return otValues{
		c.beside(BITS, otLeaves*blockBits, Origin{Kind: Leaves, Index: ext, Result: OfPads}),
		c.beside(BITS, gates.KeyWords*bitsPerWord, Origin{Kind: PadKeys, Index: ext}),
		c.staged(BITS, messageWords(int(n))*bitsPerWord, 0), c.staged(BITS, int(n)*blockBits, 1),
	}
}

// otSender is the party whose Delta an instruction's OTs are under.
func (c *cutter) otSender(op program.Opcode) cost.Party {
	if chosenEnds[op] {
		return c.party.Other()
	}
	return c.party
}

// messageWords are those of the message of so many OTs.
func messageWords(n int) int { return ceil(n, bitsPerWord) * otTrees }

// extends checks that the board can make OTs, by the extension that it has.
func (c *cutter) extends(t task) error {
	if x := c.program.Extensions.OT; x != cost.SoftSpoken {
		return &UnsupportedError{t.Op, c.program.Layers[t.Tag], acceptedInstead(t.Op)}
	}
	if d := c.design.OT; d.AES < 1 || d.Hashes < 1 {
		knob, value := "ot.aes", d.AES
		if d.AES > 0 {
			knob, value = "ot.hashes", d.Hashes
		}
		return c.fit(&target.KnobError{What: "an OT extension", Knob: knob, Value: value, Need: 1})
	}
	return nil
}

// randomOTs is either end of an instruction of random OTs.
func (c *cutter) randomOTs(t task) error {
	if err := c.extends(t); err != nil {
		return err
	}
	_, count := program.OTs(t.Instr)
	n, v, progress := int(count), c.otValues(t), &c.ots[c.otSender(t.Op)]
	step := otSteps[t.Op]
	slabs(n, otSlab, func(lo, hi int) {
		if chosenEnds[t.Op] {
			c.extendReceive(lo, hi, t.in[0], v.message, v.blocks, v.leaves, progress.words)
		} else {
			c.extendSend(lo, hi, v.message, v.blocks, v.leaves, v.key, progress.words)
		}
		c.hashOTs(t, step, n, lo, hi, v, progress.tweaks)
	})
	progress.words += int64(ceil(n, bitsPerWord))
	progress.tweaks += count
	return nil
}

// otCommand begins a command on OTs lo to hi-1 of vectors.
func (c *cutter) otCommand(op Operation, lo, hi int, number int64) Command {
	k := c.command(op, hi-lo)
	k.Lo = uint32(lo)
	k.SetConstant(0, uint64(number))
	return k
}

// extendReceive makes the receiver's blocks of OTs, and their message, which it sends.
func (c *cutter) extendReceive(lo, hi int, choices, message, blocks, leaves view, used int64) {
	k := c.otCommand(OpExtendReceive, lo, hi, used)
	k.Out[0], k.Out[1], k.In[0], k.Weight[0] = c.address(message, 0), c.address(blocks, 0), c.address(choices, 0), c.address(leaves, 0)
	m := c.messagePart(message, lo, hi)
	c.emit(k, c.extendWork(lo, hi, used, messageWords(hi-lo)+blockWords(hi-lo)),
		[]span{c.part(choices, lo, hi), c.whole(leaves)}, []span{m, c.part(blocks, lo*blockBits, hi*blockBits)})
	first, last := m.lo*bitsPerWord, m.hi*bitsPerWord
	c.sends(c.transfer(OpSendBlocks, m.hi-m.lo, 0), message, first, last, last-first)
}

// extendSend receives a message, and makes the sender's blocks.
func (c *cutter) extendSend(lo, hi int, message, blocks, leaves, key view, used int64) {
	m := c.messagePart(message, lo, hi)
	c.receives(c.transfer(OpRecvBlocks, m.hi-m.lo, 0), message, m.lo*bitsPerWord, m.hi*bitsPerWord)
	k := c.otCommand(OpExtendSend, lo, hi, used)
	k.Out[0], k.In[0], k.Weight[0], k.Weight[1] = c.address(blocks, 0), c.address(message, 0), c.address(leaves, 0), c.address(key, 0)
	c.emit(k, c.extendWork(lo, hi, used, blockWords(hi-lo)), []span{m, c.whole(leaves), c.whole(key)},
		[]span{c.part(blocks, lo*blockBits, hi*blockBits)})
}

// messagePart is the message of OTs lo to hi-1.
func (c *cutter) messagePart(message view, lo, hi int) span {
	return span{message.value, lo / bitsPerWord * otTrees, messageWords(hi), false}
}

func blockWords(n int) int { return n * gates.BlockWords }

// extendWork is the work on OTs lo to hi-1 from a word of the streams on: the leaves' keys and a word for each tree and 64 of them in, and some
// words out.
func (c *cutter) extendWork(lo, hi int, used int64, out int) []Work {
	d, n := c.design, hi-lo
	return []Work{{
		LoadBytes: int64((messageWords(n) + ceil(n, otSlab)*blockWords(otLeaves)) * bitWordBytes), LoadCycles: d.ExtendReads(n),
		Compute:    d.ExtendCycles(n, int(used)+lo/bitsPerWord) + target.OTDepth,
		StoreBytes: int64(out * bitWordBytes), StoreCycles: d.ExtendWrites(n),
	}}
}

// hashOTs makes what an instruction is for of its blocks.
func (c *cutter) hashOTs(t task, step otStep, n, lo, hi int, v otValues, tweak int64) {
	k := c.otCommand(step.op, lo, hi, firstPadTweak+tweak)
	k.Weight[1] = c.address(v.key, 0)
	if step.planes {
		k.Ints[2] = int32(ceil(n, bitsPerWord))
	}
	ins := []view{v.blocks}
	reads := []span{c.part(v.blocks, lo*blockBits, hi*blockBits), c.whole(v.key)}
	if step.choice {
		ins = []view{t.in[0], v.blocks}
		reads = append(reads, c.part(t.in[0], lo, hi))
	}
	for i, x := range ins {
		k.In[i] = c.address(x, 0)
	}
	var writes []span
	var w Work
	w.LoadBytes, w.LoadCycles = int64(blockWords(hi-lo)*bitWordBytes), int64(hi-lo)
	w.StoreCycles = step.writes(c.design, hi-lo, step.hashes)
	for i, x := range t.out {
		k.Out[i] = c.address(x, 0)
		if step.planes {
			writes = append(writes, planes(x, lo/bitsPerWord, ceil(hi, bitsPerWord)))
		} else {
			writes = append(writes, c.part(x, x.len*lo/n, x.len*hi/n))
		}
		w.StoreBytes += c.resultBytes(x, x.len*hi/n-x.len*lo/n)
	}
	w.Compute = c.design.HashCycles(hi-lo, step.hashes) + target.OTDepth
	c.emit(k, []Work{w}, reads, writes)
}

// resultBytes are those of some elements of a vector.
func (c *cutter) resultBytes(x view, elements int) int64 {
	if c.values[x.value].Space == BITS {
		return int64(ceil(elements, bitsPerWord) * bitWordBytes)
	}
	return int64(elements * c.design.WordBytes())
}
