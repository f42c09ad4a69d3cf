package nonlin_test

import (
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

// signBatch inputs go through a session of their own, as each garbled batch has its own Delta.
const signBatch = 50_000

// manySigns calls f with a width and inputs of it, shared anew: every fourth is next to zero, or to an end of the range.
func manySigns(t *testing.T, f func(t *testing.T, width int, x [2][]uint32, d [2]ring.Bits)) {
	widths := []int{32, 20, 31, 13, 2}
	for k := range nonlin.Samples(2*signBatch) / signBatch {
		width := widths[k%len(widths)]
		x := within[uint32](width-1, signBatch)
		edges := []uint32{0, 1, ^uint32(0), 1<<(width-1) - 1, ^uint32(0) << (width - 1)}
		for i := 0; i < len(x); i += 4 {
			x[i] = edges[i/4%len(edges)]
		}
		f(t, width, share(x), [2]ring.Bits{ring.NewBits(signBatch), ring.NewBits(signBatch)})
	}
}

func TestGarbledSignsOfManyInputs(t *testing.T) {
	manySigns(t, func(t *testing.T, width int, x [2][]uint32, d [2]ring.Bits) {
		c := dreluCase[uint32]{width, x, d}
		session(t, c.declared(t).extensions, 3, c.run)
		c.check(t)
	})
}

func TestOTSignsOfManyInputs(t *testing.T) {
	manySigns(t, func(t *testing.T, width int, x [2][]uint32, d [2]ring.Bits) {
		c := comparisonCase[uint32]{cost.ClientServer, nonlin.Compare[uint32]{Bits: width - 1}, cost.Comparison{Bits: width - 1}, x, d}
		session(t, c.declared(t).extensions, 3, c.run)
		c.check(t)
	})
}
