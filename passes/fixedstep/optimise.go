package fixedstep

import (
	"fmt"
	"math"

	"sotto/ir"
)

// crossentropyBack is (softmax(logits) - label) / batch, softmax by the alternative that was asked for: labels add up to one.
func (s *step) crossentropyBack(v *ir.Value) (*ir.Value, error) {
	z, label, dy := s.To[v.Args[0]], s.To[v.Args[1]], v.Args[2]
	if !isOne(dy) {
		return nil, fmt.Errorf("a loss of more than the cross entropy: accepted is that alone")
	}
	if smoothing := v.Float("smoothing"); smoothing > 0 {
		each := smoothing / float64(label.Type.Len())
		if fixed(each, frac(label)) == 0 {
			return nil, fmt.Errorf("smoothing of %g: accepted are 0, and what leaves each of %d classes %.2g and more", smoothing, label.Type.Len(), math.Ldexp(1, -frac(label)))
		}
		label = s.plus(s.trunc(s.times(label, 1-smoothing), rateFrac), each)
	}
	d := s.loss(softmaxes[s.softmax](s, z), label)
	return s.over(d, d.Type.Batch, s.gradient(d.Type.Batch)), nil
}

// isOne tells of the gradient of the loss by itself.
func isOne(v *ir.Value) bool { return v.Is("train.fill") && v.Float("x") == 1 }

// direction is momentum*v + g + decay*w, of which only the gradient is not a tensor of state.
func (s *step) direction(v *ir.Value, velocity, g, w *ir.Value) *ir.Value {
	sum := s.at(g, s.fine()+rateFrac)
	if m := v.Float("momentum"); m != 0 {
		sum = s.add(sum, s.times(velocity, m))
	}
	if d := v.Float("decay"); d != 0 {
		sum = s.add(sum, s.times(w, d))
	}
	return s.trunc(sum, rateFrac)
}

func (s *step) velocity(v *ir.Value) *ir.Value {
	return s.direction(v, s.To[v.Args[0]], s.To[v.Args[1]], s.To[v.Args[2]])
}

// stepped is w - lr*direction.
func (s *step) stepped(w, direction, rate *ir.Value) *ir.Value {
	return s.sub(w, s.trunc(s.b.Must("ring.mulp", nil, direction, rate), rateFrac))
}

func (s *step) weight(v *ir.Value) *ir.Value {
	return s.stepped(s.To[v.Args[0]], s.To[v.Args[1]], s.To[v.Args[2]])
}

func (s *step) nesterov(v *ir.Value) *ir.Value {
	w := s.To[v.Args[0]]
	return s.stepped(w, s.direction(v, s.To[v.Args[1]], s.To[v.Args[2]], w), s.To[v.Args[3]])
}
