package ir

import "math"

// Sums and products with real numbers, of which blocks build ring ops (Ring).

// plus adds a real number to x, rounded to its fraction bits.
func (b *Builder) plus(x *Value, number float64) *Value {
	y := b.Must("ring.addc", Attrs{"c": int(math.RoundToEven(math.Ldexp(number, x.Type.Elem.Frac)))}, x)
	for _, f := range bounds { // on the safe side, so that they may be widened as those of x are
		if at := x.Floats(f.Name); len(at) == 2 {
			y.Set(f.Name, []float64{at[0] - math.Abs(number), at[1] + math.Abs(number)})
		}
	}
	return y
}

// times multiplies x by a real number, which is rounded to as many fraction bits as x has, or fewer where they say all of it: the result has those
// and x's.
func (b *Builder) times(x *Value, number float64) *Value {
	frac := 0
	for ; frac < x.Type.Elem.Frac && math.Ldexp(number, frac) != math.Trunc(math.Ldexp(number, frac)); frac++ {
	}
	return b.Must("ring.mulc", Attrs{"c": int(math.RoundToEven(math.Ldexp(number, frac))), "frac": frac}, x)
}
