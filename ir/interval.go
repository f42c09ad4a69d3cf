package ir

import "math"

// Interval is [Lo, Hi], a bound of every element of a tensor. Each op's Range gives its result's from its arguments'.
type Interval struct{ Lo, Hi float64 }

// Add sums intervals.
func (a Interval) Add(b Interval) Interval { return Interval{a.Lo + b.Lo, a.Hi + b.Hi} }

// Union is the least interval that holds both.
func (a Interval) Union(b Interval) Interval { return Interval{min(a.Lo, b.Lo), max(a.Hi, b.Hi)} }

// Times scales an interval by a number of either sign.
func (a Interval) Times(f float64) Interval {
	if f < 0 {
		return Interval{a.Hi * f, a.Lo * f}
	}
	return Interval{a.Lo * f, a.Hi * f}
}

// beyond is as far as bounds are followed: squares of squares would leave float64, and no ring holds this much anyway.
const beyond = 1e100

// Range bounds v from the bounds of its arguments and the weights among them, by argument: an op without a rule of its own
// gives no element that its arguments do not have.
func (v *Value) Range(in []Interval, weights [][]float32) Interval {
	var out Interval
	if v.Op.Range != nil {
		out = v.Op.Range(v, in, weights)
	} else {
		out = in[0]
		for i, a := range v.Args {
			if !a.IsConstant() {
				out = out.Union(in[i])
			}
		}
	}
	return Interval{max(out.Lo, -beyond), min(out.Hi, beyond)}
}

// rangeFunc is the type of an op's Range.
type rangeFunc = func(v *Value, in []Interval, weights [][]float32) Interval

// rangeMonotone is the rule of an activation that never falls.
func rangeMonotone(f func(float32) float32) rangeFunc {
	return func(_ *Value, in []Interval, _ [][]float32) Interval {
		return Interval{float64(f(float32(in[0].Lo))), float64(f(float32(in[0].Hi)))}
	}
}

// rangeWithZero is the rule of ops that bring zeros in.
func rangeWithZero(_ *Value, in []Interval, _ [][]float32) Interval { return in[0].Union(Interval{}) }

// rangeEach applies a rule for one weight to all of them.
func rangeEach(rule func(x Interval, w float64) Interval) rangeFunc {
	return func(_ *Value, in []Interval, weights [][]float32) Interval {
		out := rule(in[0], float64(weights[1][0]))
		for _, w := range weights[1] {
			out = out.Union(rule(in[0], float64(w)))
		}
		return out
	}
}

// rangeLinear bounds every output channel: positive weights meet one end of the input's interval, negative ones the other.
// Zero padding lets any tap meet a zero.
func rangeLinear(v *Value, in []Interval, weights [][]float32) Interval {
	x := in[0].Union(Interval{})
	outs := v.Args[1].Type.Shape[0]
	per := len(weights[1]) / outs
	all := Interval{math.Inf(1), math.Inf(-1)}
	for o := range outs {
		var pos, neg float64
		for _, t := range weights[1][o*per : (o+1)*per] {
			pos += max(float64(t), 0)
			neg += min(float64(t), 0)
		}
		b := Interval{pos*x.Lo + neg*x.Hi, pos*x.Hi + neg*x.Lo}
		if len(v.Args) > 2 {
			c := float64(weights[2][o])
			b = b.Add(Interval{c, c})
		}
		all = all.Union(b)
	}
	return all
}

// rangeSquare bounds x*x.
func rangeSquare(_ *Value, in []Interval, _ [][]float32) Interval {
	m := max(math.Abs(in[0].Lo), math.Abs(in[0].Hi))
	return Interval{0, m * m}
}
