package gates

import "sotto/fpga/target"

// A step is two words of 64 bits, which fpga/hlslib/gates.hpp reads:
//
//	word 0   bit 0 And, 1 InvertA, 2 InvertB, 3 InvertP, 4 Write, 5 Output, 6 InvertOut; from bit 8 on Dst and then A1 A2 B1 B2 P, of
//	         9 bits each
//	word 1   the numbers of the garbler's input, the early one, the evaluator's, and the output, of 16 bits each
const (
	andBit = iota
	invertABit
	invertBBit
	invertPBit
	writeBit
	outputBit
	invertOutBit

	fieldsAt = 8

	// StepWords is the words of a step.
	StepWords = 2
)

// Words is the plan as the kernels read it.
func (p *Plan) Words() []uint64 {
	words := make([]uint64, 0, StepWords*len(p.Steps))
	for _, s := range p.Steps {
		words = append(words, s.operation(), s.numbers())
	}
	return words
}

func (s Step) operation() uint64 {
	var w uint64
	for bit, set := range []bool{
		andBit: s.And, invertABit: s.InvertA, invertBBit: s.InvertB, invertPBit: s.InvertP, writeBit: s.Write, outputBit: s.Output, invertOutBit: s.InvertOut,
	} {
		if set {
			w |= 1 << bit
		}
	}
	w |= uint64(s.Dst) << fieldsAt
	for i, from := range s.Sources {
		w |= uint64(from) << (fieldsAt + sourceBits*(1+i))
	}
	return w
}

func (s Step) numbers() uint64 {
	return uint64(s.Input[Garbler]) | uint64(s.Input[Early])<<inputBits | uint64(s.Input[Evaluator])<<(2*inputBits) | uint64(s.Out)<<(3*inputBits)
}

// Ints are the numbers of a command of the garbler or the evaluator that a plan gives, in order.
//
//	steps      of the plan
//	ands       of an instance
//	wires      of an instance whose labels travel, of each party
//	ring       bits of a result that is a number, or 0 where it is a bit
//	elements   ring words that an instance takes
//	from, bits which bits of each
func (p *Plan) Ints() []int {
	t := p.Task
	return []int{len(p.Steps), p.ANDs, t.Wires(), t.Ring, t.Elements, t.From, t.Bits}
}

// KeyWords is the words of what a batch is garbled under, as the kernels read it: blocks with the low half first, the key of the hash,
// Delta, and the seed of the garbler's labels. An evaluator's has zeros for the last two.
const KeyWords = 6

// TableWords is the words of the tables of an AND of an instance, BlockWords those of a label.
const (
	BlockWords = target.LabelBits / 64
	TableWords = target.TableBits / 64
)
