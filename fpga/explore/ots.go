package explore

import (
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// hashesOf are how many hashes an end makes of each OT. Label OTs are not hashed.
var hashesOf = map[program.Opcode]int{
	program.OTChoose: 1, program.OTPads: 2, program.OT16Choose: 1, program.OT16Pads: 2, program.BitsChoose: 1, program.BitsPads: 2,
}

// choosing are the ends that send the message of an extension.
var choosing = map[program.Opcode]bool{program.OTChoose: true, program.OT16Choose: true, program.BitsChoose: true, program.GCChoose: true}

// transfers is the work of n OTs at one end: their blocks are written, and read where they are hashed, the message is written and read.
func transfers(op program.Opcode, n int64, w work) work {
	const blockBytes = target.LabelBits / 8
	message := cost.SoftSpokenBytes(n)
	w.kernel, w.n, w.hashes = target.KernelOT, n, hashesOf[op]
	w.bytes += message + n*blockBytes
	if w.hashes > 0 {
		w.bytes += n * blockBytes
	}
	if choosing[op] {
		w.sent = message
	}
	return w
}

// transferCycles is an OT step's.
func transferCycles(d target.Design, w work) int64 {
	cycles := d.ExtendCycles(int(w.n), 0)
	if w.hashes > 0 {
		cycles += d.HashCycles(int(w.n), w.hashes)
	}
	return cycles
}

// otSteps are all kinds of OT steps: leaves expanded and hashes made side by side.
func otSteps(d target.Design) (all []target.Design) {
	if d.OT.AES == 0 {
		return nil
	}
	for _, core := range []target.Core{target.Iterative, target.Pipelined} {
		for aes := 1; aes <= target.MostOTAES; aes *= 2 {
			for hashes := 1; hashes <= 4; hashes *= 2 {
				next := d
				next.OT = target.OTStep{Core: core, AES: aes, Hashes: hashes}
				all = append(all, next)
			}
		}
	}
	return all
}
