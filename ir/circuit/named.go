package circuit

import (
	"fmt"
	"math/bits"
)

// The circuits of the protocols. A value x of the ring Z/2^l is shared as
// x = x0 + x1 mod 2^l; the garbler holds x0, the evaluator x1. Counts are AND
// gates, exact, and held by tests.

// Bounds of the named circuits: a ring is at most 64 bits wide, and a window
// or a list of logits at most MaxCandidates long.
const (
	MaxWidth      = 64
	MaxCandidates = 1 << 12
)

// checkSizes checks the width of a ring and the number of candidates.
func checkSizes(name string, l, k int) error {
	if l < 1 || l > MaxWidth {
		return fmt.Errorf("circuit: %s: width %d: 1 to %d bits are accepted", name, l, MaxWidth)
	}
	if k < 1 || k > MaxCandidates {
		return fmt.Errorf("circuit: %s: %d candidates: 1 to %d are accepted", name, k, MaxCandidates)
	}
	return nil
}

// Carry returns the carry out of x + y for the garbler's n-bit x and the
// evaluator's n-bit y, 1 <= n <= 64. One output.
//
// n ANDs, depth n. The sign of a shared x in a ring of l bits is
// msb(x0) ^ msb(x1) ^ Carry(l-1) of the low bits: l-1 ANDs.
func Carry(n int) (*Circuit, error) {
	if err := checkSizes("carry", n, 1); err != nil {
		return nil, err
	}
	b := NewBuilder(n, n)
	return b.Build(b.CarryOut(b.GarblerBits(0, n), b.EvaluatorBits(0, n), False))
}

// ReLU returns max(x0 + x1, 0) - r mod 2^l in two's complement, whole: the
// garbler enters x0, then the mask r, the evaluator x1, all of l bits. l
// outputs; with them the evaluator's new share, the garbler's being r.
//
// 3(l-1) ANDs: l-1 to reconstruct, l-1 to clear all but the sign bit, which
// is always 0, and l-1 to re-mask.
func ReLU(l int) (*Circuit, error) {
	if err := checkSizes("relu", l, 1); err != nil {
		return nil, err
	}
	b := NewBuilder(2*l, l)
	x := b.Add(b.GarblerBits(0, l), b.EvaluatorBits(0, l))
	positive := x[l-1].Not()
	y := make([]Bit, l)
	for i := range y {
		y[i] = b.And(x[i], positive)
	}
	return b.Build(b.Sub(y, b.GarblerBits(l, l))...)
}

// MaxPool returns the largest of k shared numbers less r mod 2^l, whole, in
// two's complement: the garbler enters k shares of l bits, then the mask r of
// l bits, the evaluator k shares. l outputs. No bound on the inputs is
// needed.
//
// k(l-1) + (k-1)2l + (l-1) ANDs: k adders to reconstruct, k-1 comparisons of
// l and choices of l, one re-mask.
func MaxPool(k, l int) (*Circuit, error) {
	if err := checkSizes("maxpool", l, k); err != nil {
		return nil, err
	}
	b := NewBuilder((k+1)*l, k*l)
	best := b.tournament(b.candidates(k, l))
	return b.Build(b.Sub(best.value, b.GarblerBits(k*l, l))...)
}

// Argmax returns the index of the largest of k shared numbers in two's
// complement, the lowest such index if several are equal: the garbler enters
// k shares of l bits, the evaluator k shares. ceil(log2 k) outputs, at least
// one. No bound on the inputs is needed.
//
// For k >= 2: k(l-1) + (k-1)l + (k-2)l + s(k) ANDs: k adders, k-1
// comparisons, a choice of values after all but the last of them, and the
// choices of indices s(1) = s(2) = 0, s(k) = s(2^j) + s(k-2^j) + j with 2^j
// the largest power of two below k. Choosing every value and all
// ceil(log2 k) index bits at each comparison would cost
// k(l-1) + (k-1)(2l + ceil(log2 k)); the difference is folded away because
// the last value is not asked for and the first indices are constants.
func Argmax(k, l int) (*Circuit, error) {
	if err := checkSizes("argmax", l, k); err != nil {
		return nil, err
	}
	b := NewBuilder(k*l, k*l)
	return b.Build(b.tournament(b.candidates(k, l)).index...)
}

// candidate is a number in a tournament and its index among the inputs.
type candidate struct {
	value, index []Bit
}

// candidates reconstructs the k numbers of l bits that both parties share
// from their input 0 on, and gives each its index.
func (b *Builder) candidates(k, l int) []candidate {
	indexBits := max(1, bits.Len(uint(k-1)))
	list := make([]candidate, k)
	for i := range list {
		list[i].value = b.Add(b.GarblerBits(i*l, l), b.EvaluatorBits(i*l, l))
		list[i].index = b.Const(uint64(i), indexBits)
	}
	return list
}

// tournament returns the largest candidate, the first of equals, by
// ceil(log2 k) stages of neighbours; an odd one waits for the next stage.
func (b *Builder) tournament(list []candidate) candidate {
	for len(list) > 1 {
		next := make([]candidate, 0, (len(list)+1)/2)
		for ; len(list) > 1; list = list[2:] {
			next = append(next, b.larger(list[0], list[1]))
		}
		list = append(next, list...)
	}
	return list[0]
}

// larger returns the larger of two candidates, p if they are equal.
func (b *Builder) larger(p, q candidate) candidate {
	less := b.LessThanSigned(p.value, q.value)
	return candidate{b.MuxNumber(less, q.value, p.value), b.MuxNumber(less, q.index, p.index)}
}
