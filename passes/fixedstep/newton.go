package fixedstep

import (
	"math"

	"sotto/ir"
)

// domain says that numbers lie between two powers of two, 2^lo and 2^hi.
type domain struct{ lo, hi int }

// newtonSteps brings the guesses of reciprocal and inverseRoot below the rounding of 24 fraction bits: see there.
const newtonSteps = 4

// reciprocal is 1/x for x in a domain, with so many fraction bits. The guess 2/3 * 2^-k for x in [2^k, 2^(k+1)) is within a third of 1/x, and a step
// y(2 - xy) squares the relative error: 3^-16 = 2.4e-8 after four. Below the domain
// the result is too small, which numbers near zero do without harm; above it is of no use: x has to be bounded by what it is made of.
func (s *step) reciprocal(x *ir.Value, within domain, frac int) *ir.Value {
	x.Set("worst", []float64{0, math.Ldexp(1, within.hi)})
	y := s.guess(x, within, frac, func(k int) float64 { return 2. / 3 * math.Ldexp(1, -k) })
	for range newtonSteps {
		y = s.trunc(s.mul(y, s.from(2, s.trunc(s.mul(x, y), x.Type.Elem.Frac))), frac)
	}
	return y
}

// inverseRoot is 1/sqrt(x) for x in a domain, with so many fraction bits. The guess 0.84 * 2^(-k/2) for x in [2^k, 2^(k+1)) is within 0.19 of it, and
// a step y(3 - x*y^2)/2 takes a relative error e to 1.5e^2 + 0.5e^3: 0.057, 0.005, 3.7e-5, 2.1e-9. Nothing but the data bounds x: what is
// assumed of it is written down, so that a run in the clear can tell whether it holds, and how nearly not.
func (s *step) inverseRoot(x *ir.Value, within domain, frac int) *ir.Value {
	x.Set("assumed", []float64{0, math.Ldexp(1, within.hi)})
	y := s.guess(x, within, frac, func(k int) float64 { return 0.84 * math.Exp2(-float64(k)/2) })
	for range newtonSteps {
		square := s.trunc(s.mul(y, y), frac)
		rest := s.from(3, s.trunc(s.mul(x, square), x.Type.Elem.Frac))
		y = s.trunc(s.halved(s.mul(y, rest), 1), frac+1)
	}
	return y
}

// from is c - x.
func (s *step) from(c float64, x *ir.Value) *ir.Value {
	return s.plus(s.b.Must("ring.mulc", ir.Attrs{"c": -1}, x), c)
}

// guess is of(k) for x in [2^k, 2^(k+1)): what it changes by at each power of two above which x lies. The comparisons are of one round.
func (s *step) guess(x *ir.Value, within domain, frac int, of func(k int) float64) *ir.Value {
	var y *ir.Value
	for k := within.lo + 1; k < within.hi; k++ {
		above := s.sign(s.plus(x, -math.Ldexp(1, k)))
		change := s.b.Must("ring.pick", ir.Attrs{"c": fixed(of(k), frac) - fixed(of(k-1), frac), "bits": ring, "frac": frac}, above)
		if y == nil {
			y = s.plus(change, of(within.lo))
			continue
		}
		y = s.add(y, change)
	}
	if y == nil { // one octave has one guess
		y = s.plus(s.at(s.b.Must("ring.mulc", ir.Attrs{"c": 0}, x), frac), of(within.lo))
	}
	return y
}
