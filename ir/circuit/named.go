package circuit

import "fmt"

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

// candidate is a number in a tournament and its index among the inputs.
type candidate struct {
	value, index []Bit
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
