package nonlin

import (
	"os"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Samples is how many random inputs a protocol is tried on: 10^7 where SOTTO_LONG is set, otherwise so many as a quick test
// takes.
func Samples(quick int) int {
	if os.Getenv("SOTTO_LONG") != "" {
		return 10_000_000
	}
	return quick
}

// TestExactTruncationOfManyInputs never fails: the protocol is exact.
func TestExactTruncationOfManyInputs(t *testing.T) {
	t.Run("32", manyExact[uint32])
	t.Run("64", manyExact[uint64])
}

func manyExact[W ring.Word](t *testing.T) {
	const batch = 100_000
	s, l := deterministicTestRandomness("many exact"), ring.Width[W]()
	bits := []int{1, 4, 12, l / 2, l - 3}
	for k := range Samples(batch) / batch {
		f, receiver := bits[k%len(bits)], cost.Party(k%2)
		x, own := testWords[W](s, batch), testWords[W](s, batch)
		for i := range x {
			x[i] = x[i]&(1<<(l-1)-1) - 1<<(l-2) // in the range
		}
		shares := [2][]W{make([]W, batch), own}
		ring.Sub(shares[0], x, own)
		checkExact(t, s, f, receiver, x, shares)
	}
}

// TestComparisonOfManyInputs never fails, either.
func TestComparisonOfManyInputs(t *testing.T) {
	t.Run("32", manyComparisons[uint32])
	t.Run("64", manyComparisons[uint64])
}

func manyComparisons[W ring.Word](t *testing.T) {
	const batch = 100_000
	s := deterministicTestRandomness("many comparisons")
	for k := range Samples(batch) / batch {
		bits := 1 + k*7%(ring.Width[W]()-1)
		testComparing(s, bits, closeBy[W](s, bits, batch)).check(t)
	}
}

// closeBy draws pairs, every fourth of which adds up to 2^bits or one of its neighbours.
func closeBy[W ring.Word](s *prg.Stream, bits, n int) [2][]W {
	x := [2][]W{testWords[W](s, n), testWords[W](s, n)}
	for i := 0; i < n; i += 4 {
		x[1][i] = 1<<bits - x[0][i] + W(i/4%3) - 1
	}
	return x
}
