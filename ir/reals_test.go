package ir

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// fixedPoint is a builder with a value of so many fraction bits.
func fixedPoint(frac int) (*Builder, *Value) {
	x := &Value{Name: "x", Op: Input, Type: Type{Elem: Ring(64, frac), Shape: []int{1}}}
	return NewBuilder(&Func{Params: []*Value{x}}), x
}

// Sums and products with a real number are near the real ones, and a power of two takes the fraction bits that it has.
func TestRealNumbersInTheRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, x := fixedPoint(rapid.IntRange(7, 20).Draw(t, "frac"))
		number := rapid.Float64Range(-20, 20).Draw(t, "number")
		in := Quantize(x.Type, []float32{rapid.Float32Range(-30, 30).Draw(t, "x")})
		unit := math.Ldexp(1, -x.Type.Elem.Frac)
		for want, v := range map[float64]*Value{in.Real()[0] + number: b.plus(x, number), in.Real()[0] * number: b.times(x, number)} {
			got, err := EvalOne(v, []*Tensor{in})
			if err != nil {
				t.Fatal(err)
			}
			if far := math.Abs(got.Real()[0] - want); far > 30*unit {
				t.Fatalf("%s of %g and %g gives %g", v.Op.Name, in.Real()[0], number, got.Real()[0])
			}
		}
	})
	b, x := fixedPoint(12)
	for number, frac := range map[float64]int{-1: 0, 7: 0, 0.125: 3, 2.5: 1, 1. / 6: 12} {
		if got := b.times(x, number).Type.Elem.Frac - 12; got != frac {
			t.Errorf("times %g has %d fraction bits more, want %d", number, got, frac)
		}
	}
}

// Where the bounds of x are widened by any factor, as those that were seen on some inputs are, those of the sum widened by it hold the sum.
func TestBoundsOfSumsMayBeWidened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, x := fixedPoint(12)
		lo, hi := rapid.Float64Range(-50, 0).Draw(t, "lo"), rapid.Float64Range(0, 50).Draw(t, "hi")
		x.Set("seen", []float64{lo, hi})
		number, factor := rapid.Float64Range(-20, 20).Draw(t, "number"), rapid.Float64Range(1, 4).Draw(t, "factor")
		at := b.plus(x, number).Floats("seen")
		for _, end := range []float64{lo, hi} {
			if sum := end*factor + number; sum < at[0]*factor || sum > at[1]*factor {
				t.Fatalf("%g is outside of %v times %g", sum, at, factor)
			}
		}
	})
}
