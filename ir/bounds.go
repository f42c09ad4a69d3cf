package ir

import "math"

// Bounds gives the bounds that are relied on for a value, in units of its float meaning, by the facts that the ranges pass
// left: what was seen on calibration inputs, doubled, but never more than the worst case; else the worst case; else what is
// assumed without weights. calibrated says that they rest on what was seen. Without a fact nothing is known: no bound is
// infinite, so that callers can calculate with it.
func (v *Value) Bounds() (bounds Interval, calibrated bool) {
	seen, worst, assumed := v.Floats("seen"), v.Floats("worst"), v.Floats("assumed")
	switch {
	case len(seen) == 2 && len(worst) == 2:
		both := Interval{max(seen[0], worst[0]), min(seen[1], worst[1])}
		return both, both != Interval{worst[0], worst[1]}
	case len(seen) == 2:
		return Interval{seen[0], seen[1]}, true
	case len(worst) == 2:
		return Interval{worst[0], worst[1]}, false
	case len(assumed) == 2:
		return Interval{assumed[0], assumed[1]}, false
	}
	return Interval{-math.MaxFloat64, math.MaxFloat64}, false
}

// RestsOn names what the bounds of a value rest on: calibrated, worst_case, assumed or unknown.
func (v *Value) RestsOn() string {
	_, calibrated := v.Bounds()
	switch {
	case calibrated:
		return "calibrated"
	case len(v.Floats("worst")) == 2:
		return "worst_case"
	case len(v.Floats("assumed")) == 2:
		return "assumed"
	}
	return "unknown"
}

// Magnitude is the greatest absolute value in an interval.
func (a Interval) Magnitude() float64 { return max(math.Abs(a.Lo), math.Abs(a.Hi)) }

// Holds is the magnitude below which fixed point keeps a value of a RING function right, in units of its float meaning: 2^(l-2) units of
// the last place, for a truncation by one COT and the difference of two values need the bit above; a result that nothing else reads is
// only opened, which is right below 2^(l-1).
func (f *Func) Holds(v *Value) float64 {
	spare := 2
	if v == f.Result && f.Uses()[v] == 1 {
		spare = 1
	}
	return math.Ldexp(1, v.Type.Elem.Bits-spare-v.Type.Elem.Frac)
}
