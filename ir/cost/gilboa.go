package cost

import (
	"iter"
	"math"
)

// Multiplication of two private numbers by oblivious transfer (N. Gilboa, "Two Party RSA Key Generation", CRYPTO 1999), over
// Z/2^l: an OT for each bit of the one factor, whose correlation is as wide as what that bit can still change.
// runtime/nonlin/gilboa.go has the protocol, runtime/material runs it on an OT extension of its own.

// GilboaOTs is the OTs that n products of l-bit numbers take: one for each bit of one factor, the elements in whole words.
func GilboaOTs(n int64, l int) int64 { return int64(l) * groupOTs * groups(n) }

// GilboaBytes is what the correlating party sends for n products besides the OTs: for bit j of the other's factor l-j bits a
// product, each width packed by itself. That is l(l+1)/2 bits a product, 66 bytes at l = 32.
func GilboaBytes(n int64, l int) int64 {
	var sum int64
	for width := 1; width <= l; width++ {
		sum += BitBytes(n, width)
	}
	return sum
}

// GilboaOT says where the OTs of a session's products come from: SoftSpoken, or, if Ferret names a set, Ferret started by
// SoftSpoken. Random factors are the random choices of Ferret; chosen ones take a correction a bit.
type GilboaOT struct {
	Ferret *FerretSet
	Chosen bool
}

// NewGilboaOT picks the way that moves the fewest bytes for so many OTs, of SoftSpoken and the sets that programs use; chosen tells that the choices are given (the masks
// of the outsourced deployment) and not drawn with the OTs.
func NewGilboaOT(ots int64, chosen bool) GilboaOT {
	best, least := GilboaOT{nil, chosen}, int64(math.MaxInt64)
	for o := range gilboaOTs(chosen) {
		if n := o.total(ots); n < least {
			best, least = o, n
		}
	}
	return best
}

func gilboaOTs(chosen bool) iter.Seq[GilboaOT] {
	return func(yield func(GilboaOT) bool) {
		if !yield(GilboaOT{nil, chosen}) {
			return
		}
		for i, s := range ferretSets {
			if s.SecretBits <= cachedSecretBits && !yield(GilboaOT{&ferretSets[i], chosen}) {
				return
			}
		}
	}
}

// Instance is the extension that makes the OTs.
func (o GilboaOT) Instance() Instance {
	if o.Ferret == nil {
		return Instance{OT: SoftSpoken}
	}
	return Instance{Ferret, *o.Ferret}
}

// total is what so many OTs move, without the products' own messages.
func (o GilboaOT) total(ots int64) int64 {
	if ots == 0 {
		return 0
	}
	return o.SetupBytes() + o.ChoiceBytes(ots) + o.TreeBytes(0, ots)
}

// SetupBytes is what the choosing party sends in the set-up's second message beyond its answer to the base OTs: with Ferret
// the public seed and the choices of its first base.
func (o GilboaOT) SetupBytes() int64 {
	if o.Ferret == nil {
		return 0
	}
	return SeedBytes + SoftSpokenBytes(o.Ferret.Base())
}

// ChoiceBytes is what the choosing party sends for n OTs, in the set-up's second message.
func (o GilboaOT) ChoiceBytes(n int64) int64 {
	switch {
	case o.Ferret == nil:
		return SoftSpokenBytes(n)
	case o.Chosen:
		return BitBytes(n, 1)
	}
	return 0
}

// TreeBytes is what the correlating party sends for the n OTs from number first on, with the products' messages.
func (o GilboaOT) TreeBytes(first, n int64) int64 {
	if o.Ferret == nil {
		return 0
	}
	toReceiver, _ := FerretBytes(*o.Ferret, first, n)
	return toReceiver
}
