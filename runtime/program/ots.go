package program

import (
	"fmt"
	"maps"
	"slices"

	"sotto/ir/cost"
)

// Random OTs. The extension's receiver sends and its sender receives if it is SoftSpoken or IKNP, the other way round if it is Ferret; the
// program's Extensions say which. first is the number of the first OT among those of the direction, n how many they are.
const (
	OTDraw   Opcode = "ot.draw"   // compute: c <- [first]: the choices of n OTs
	OTChoose Opcode = "ot.choose" // q <- c [first]: their chosen pads
	OTPads   Opcode = "ot.pads"   // p0, p1 <- [first]: both pads, at the other end

	OT16Choose Opcode = "ot16.choose" // masks <- c [first]: of the chosen messages of n/4 1-of-16 OTs: see runtime/ot/ot16.go
	OT16Pads   Opcode = "ot16.pads"   // masks <- [first]: of all messages, at the other end

	BitsChoose Opcode = "bits.choose" // q <- c [first]: chosen messages of n OTs of two bits, as planes: see runtime/ot/bits.go
	BitsPads   Opcode = "bits.pads"   // p0, b <- [first]: the messages of choice 0, and what the others differ by
	Products   Opcode = "bits.mul"    // compute: c <- a, b, p0, q: shares of products of bits, of an OT each way
)

func init() {
	maps.Copy(shapes, map[Opcode]shape{
		OTDraw: {k(b), nil, false, 1}, OTChoose: {k(r), k(b), false, 1}, OTPads: {k(r, r), nil, false, 1},
		OT16Choose: {k(b), k(b), false, 1}, OT16Pads: {k(b), nil, false, 1},
		BitsChoose: {k(b), k(b), false, 1}, BitsPads: {k(b, b), nil, false, 1}, Products: {k(b), k(b, b, b, b), false, 0},
	})
}

// resultOTs says how many OTs an instruction takes for how many elements of its results. A 1-of-16 OT takes four; its receiver
// has masks of two bits, its sender sixteen such.
var resultOTs = map[Opcode]struct{ ots, elements int64 }{
	OTDraw: {1, 1}, OTChoose: {1, 1}, OTPads: {1, 1}, OT16Choose: {4, 2}, OT16Pads: {4, 16 * 2}, BitsChoose: {1, 2}, BitsPads: {1, 2},
}

// wholeOTs are what the OTs of an instruction must be a multiple of: 1-of-16 OTs are made 64 at a time, planes have whole words.
var wholeOTs = map[Opcode]int64{OT16Choose: 4 * 64, OT16Pads: 4 * 64, BitsChoose: 64, BitsPads: 64}

// otEnds pairs the instructions at the two ends of a batch of random OTs: the one of the end that chooses with the one of the
// end that holds Delta. Which of them sends is the extension's: Ferret's sender, or the receiver of the others.
var otEnds = map[Opcode]Opcode{OTChoose: OTPads, OT16Choose: OT16Pads, BitsChoose: BitsPads}

// drawsChoices holds the instructions that draw the choices for one of otEnds, at the end that chooses.
var drawsChoices = map[Opcode]bool{OTDraw: true}

// silentLabels are the instructions of label OTs by Ferret, loudLabels those of the others.
var (
	silentLabels = []Opcode{GCFlip, GCTrees, GCExpand, GCCorrect}
	loudLabels   = []Opcode{GCChoose, GCZero}
)

// meets names the recv that meets a send; ok is false for what sends nothing.
func (p *Program) meets(op Opcode) (recv Opcode, ok bool) {
	if recv, ok = receiver[op]; ok {
		return recv, true
	}
	for choose, pads := range otEnds {
		from, to := choose, pads
		if p.Extensions.OT == cost.Ferret {
			from, to = pads, choose
		}
		if op == from {
			return to, true
		}
	}
	return "", false
}

// otSender gives the party whose Delta an instruction of random OTs is under.
func (p *Program) otSender(op Opcode) (sender cost.Party, ok bool) {
	if _, chooses := otEnds[op]; chooses || drawsChoices[op] {
		return p.Party.Other(), true
	}
	return p.Party, padsOf(op)
}

// MakesOTs reports whether an instruction uses the state of an OT extension.
func (op Opcode) MakesOTs() bool {
	_, chooses := otEnds[op]
	return chooses || drawsChoices[op] || padsOf(op) || slices.Contains(silentLabels, op) || slices.Contains(loudLabels, op)
}

// padsOf reports whether op is the end of random OTs that holds Delta.
func padsOf(op Opcode) bool {
	for _, pads := range otEnds {
		if op == pads {
			return true
		}
	}
	return false
}

// OTs is how many OTs an instruction of random OTs takes from its extension, and the number of the first.
func OTs(in Instr) (first, n int64) {
	per := resultOTs[in.Op]
	return int64(in.Ints[0]), int64(in.Out[0].Len) / per.elements * per.ots
}

// checkOTSizes demands results of whole OTs, all of one size, and a choice for each OT.
func checkOTSizes(in Instr) error {
	if in.Op == Products {
		return checkProducts(in)
	}
	per := resultOTs[in.Op]
	_, n := OTs(in)
	for _, o := range in.Out {
		if int64(o.Len)*per.ots != n*per.elements || n%max(wholeOTs[in.Op], 1) != 0 {
			return fmt.Errorf("%d elements of %d OTs, accepted are %d for each %d, of a multiple of %d OTs", o.Len, n, per.elements, per.ots, max(wholeOTs[in.Op], 1))
		}
	}
	for _, c := range in.In {
		if int64(c.Len) != n {
			return fmt.Errorf("%d choices of %d OTs", c.Len, n)
		}
	}
	return nil
}

// checkProducts demands planes of two bits for each bit of a, in whole words.
func checkProducts(in Instr) error {
	a := in.In[0].Len
	for _, o := range append(slices.Clone(in.In[1:]), in.Out...) {
		if a%64 != 0 || o.Len != 2*a {
			return fmt.Errorf("products of %d bits with %d, accepted are two of each of a multiple of 64", a, o.Len)
		}
	}
	return nil
}

// otBytes is the message of an instruction of random OTs.
func (p *Program) otBytes(in Instr) int64 {
	sender, ok := p.otSender(in.Op)
	if !ok || drawsChoices[in.Op] {
		return 0
	}
	first, n := OTs(in)
	i := p.Extensions.Pad(sender)
	if !i.Silent() {
		return i.Bytes(n)
	}
	trees, _ := cost.FerretBytes(i.Set, first, n)
	return trees
}

// labelOTBytes is the message of n label OTs of a batch whose receiver sends.
func (p *Program) labelOTBytes(batch int, n int64) int64 {
	if batch < 0 || batch >= len(p.Extensions.Garbled) {
		return 0
	}
	return p.Extensions.Label(batch).Bytes(n)
}

// labelBytes is the message of an instruction of label OTs by Ferret; the choices are bits like others.
func (p *Program) labelBytes(in Instr) int64 {
	batch := in.Ints[0]
	if batch < 0 || batch >= len(p.Extensions.Garbled) {
		return 0
	}
	trees, _ := cost.FerretBytes(p.Extensions.Label(batch).Set, 0, p.Extensions.Garbled[batch].OTs)
	return trees
}

// checkOTs demands that the random OTs of every extension are used in order, each once, choices and pads alike, and that the
// program says how many there are.
func (p *Program) checkOTs() error {
	for _, n := range p.Extensions.Pads {
		if n < 0 || n > maxElements*maxOTsPerElement {
			return fmt.Errorf("program: %d random OTs, accepted are 0 to %d", n, maxElements*maxOTsPerElement)
		}
	}
	var drawn, made [2]int64
	for _, in := range p.instructions() {
		sender, ok := p.otSender(in.Op)
		if !ok || len(in.Ints) == 0 || len(in.Out) == 0 {
			continue
		}
		next := &made[sender]
		if drawsChoices[in.Op] {
			next = &drawn[sender]
		}
		first, n := OTs(in)
		if first != *next || n < 0 || n > p.Extensions.Pads[sender]-first {
			return fmt.Errorf("program: %s takes %d OTs from number %d on, of %d of which %d are used", in.Op, n, first, p.Extensions.Pads[sender], *next)
		}
		*next += n
	}
	want, peer := p.Extensions.Pads, p.Party.Other()
	if made != want || drawn[peer] != want[peer] {
		return fmt.Errorf("program: %v random OTs by sender, of which %v are used", want, made)
	}
	return nil
}

// checkLabels demands that the label OTs of a garbled batch are as many as the extension was set up for, and by its protocol.
func (p *Program) checkLabels(in Instr, batch int, n int64) error {
	x := p.Extensions
	if want := x.Garbled[batch].OTs; n != want {
		return fmt.Errorf("%d label OTs, batch %d has %d", n, batch, want)
	}
	foreign := silentLabels
	if x.Label(batch).Silent() {
		foreign = loudLabels
	}
	if slices.Contains(foreign, in.Op) {
		return fmt.Errorf("batch %d has its label OTs from another extension", batch)
	}
	return nil
}
