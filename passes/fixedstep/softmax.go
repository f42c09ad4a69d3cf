package fixedstep

import (
	"math"

	"sotto/ir"
	"sotto/passes/pass"
)

// softmaxes are what stands for softmax, of logits [N] of a batch.
var softmaxes map[pass.Softmax]func(s *step, z *ir.Value) odds

// odds are probabilities at the scale of activations; and of alternatives that are flat beyond bounds, bits of logits that are not below the lower
// one, and not above the upper one.
type odds struct{ p, low, high *ir.Value }

// loss is the gradient by the logits: p - label, as of softmax. That is p*(1 - label) - label*(1 - p), the one part of which pushes logits of wrong
// classes down and the other that of the right one up. Beyond the bounds they would do so for ever, as p does not get nearer to
// 0 and 1 there: each part ends at its bound.
func (s *step) loss(o odds, label *ir.Value) *ir.Value {
	if o.low == nil {
		return s.sub(o.p, label)
	}
	both := s.trunc(s.mul(o.p, label), s.frac)
	return s.sub(s.mux(o.low, s.sub(o.p, both)), s.mux(o.high, s.sub(label, both)))
}

func init() {
	softmaxes = map[pass.Softmax]func(s *step, z *ir.Value) odds{
		pass.Taylor: (*step).taylor, pass.ShiftedReLU: (*step).shiftedRelu, pass.ODE: (*step).ode, pass.Limit: (*step).limit,
	}
}

// farthest is what logits count as that are farther from zero: it bounds the sums that are divided by, so that none leaves its domain, however
// large logits get.
const farthest = 16

// within is max(min(x, high), low), with bits that say where x is not below low and not above high.
func (s *step) within(x *ir.Value, low, high float64) (y, notBelow, notAbove *ir.Value) {
	under := s.from(high, x)
	notAbove = s.sign(under)
	over := s.plus(s.from(high, s.mux(notAbove, under)), -low)
	notBelow = s.sign(over)
	return s.plus(s.mux(notBelow, over), low), notBelow, notAbove
}

// taylor is t/sum(t), t = ((z+1)^2 + 1)/2 for z of at least -1: the Taylor polynomial of exp of second order, left of its least value held there. As
// it is it rises again: a logit below -1 of another class has the gradient that leads it still farther down, where it counts the more, and
// trainings diverge.
func (s *step) taylor(z *ir.Value) odds {
	z, low, high := s.within(z, -1, farthest)
	z = s.plus(z, 1)
	t := s.at(s.halved(s.plus(s.mul(z, z), 1), 1), s.frac)
	most := ((farthest+1)*(farthest+1) + 1) / 2.
	return odds{s.shares(t, 0.5, most), low, high}
}

// shiftedRelu is t/sum(t), t = max(z, 0) + shift.
func (s *step) shiftedRelu(z *ir.Value) odds {
	const shift = 0.125
	z, low, high := s.within(z, 0, farthest)
	return odds{s.shares(s.plus(z, shift), shift, farthest+shift), low, high}
}

// ode is the solution of dp/dt = (z - <z,p>)*p at t = 1 from p = 1/m, which softmax is, by 2^odeBits steps of Euler. They keep the sum, and stay
// positive as all |z - <z,p>| are at most 2^odeBits = 2*farthest.
func (s *step) ode(z *ir.Value) odds {
	const odeBits = 5
	z, low, high := s.within(z, -farthest, farthest)
	m := z.Type.Shape
	uniform := 1 / float64(z.Type.Len())
	p := s.plus(s.b.Must("ring.mulc", ir.Attrs{"c": 0, "frac": finer}, z), uniform) // at the scale of weights
	for range 1 << odeBits {
		mean := s.at(s.total(s.mul(z, p)), frac(z))
		change := s.mul(s.sub(z, s.spread(mean, m)), p)
		p = s.add(p, s.at(s.halved(change, odeBits), frac(p)))
	}
	return odds{s.at(p, s.frac), low, high}
}

// limit is t/sum(t), t = max(1 + (z - max z)/2^n, 0)^(2^n), which exp is the limit of: what others take. Without the inner max, logits that lie 2^n
// below the greatest would count more the farther they lie.
func (s *step) limit(z *ir.Value) odds {
	const limitBits = 8
	classes := z.Type.Len()
	top, _ := s.greatest(s.reshape(z, 1, 1, classes), []int{1, classes}, []int{1, 1}, []int{0, 0})
	below := s.sub(z, s.spread(top, z.Type.Shape))
	t := s.plus(s.at(s.halved(below, limitBits), s.fine()), 1)
	t = s.mux(s.sign(t), t)
	for range limitBits {
		t = s.trunc(s.mul(t, t), s.fine())
	}
	return odds{p: s.shares(t, 1/float64(classes), 1)}
}

// total adds up the numbers of each sample, [N] to [1].
func (s *step) total(x *ir.Value) *ir.Value {
	n := x.Type.Len()
	return s.reshape(s.b.Must("ring.sumpool", ir.Attrs{"kernel": []int{1, n}}, s.reshape(x, 1, 1, n)), 1)
}

// shares divides numbers of at least least and at most most, on average, by their sum.
func (s *step) shares(t *ir.Value, least, most float64) *ir.Value {
	n := float64(t.Type.Len())
	within := domain{int(math.Floor(math.Log2(n * least))), int(math.Ceil(math.Log2(n*most + 1)))}
	r := s.reciprocal(s.total(t), within, s.fine())
	return s.at(s.mul(t, s.spread(r, t.Type.Shape)), s.frac)
}
