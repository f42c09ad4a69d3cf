package protocols

import (
	"maps"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// quadratic is a RING value 2^k*x*x + b*x: what an x2act comes to before its constant. In client-server one message serves both of its
// terms (runtime/nonlin/quadratic.go), and b*x takes no material of a linear layer.
type quadratic struct{ x, slope *ir.Value }

// findQuadratics notes the sums that are computed with their terms, and those terms.
func (a *assigner) findQuadratics() {
	a.quadratics, a.within = map[*ir.Value]quadratic{}, map[*ir.Value]bool{}
	if !a.clientServer {
		return
	}
	for _, v := range a.Old.Body {
		if !v.Is("ring.add") {
			continue
		}
		for _, terms := range [][2]*ir.Value{{v.Args[0], v.Args[1]}, {v.Args[1], v.Args[0]}} {
			if q, parts := a.quadratic(terms[0], terms[1]); parts != nil {
				a.quadratics[v] = q
				for _, p := range parts {
					a.within[p] = true
				}
				break
			}
		}
	}
}

// quadratic recognises a square, perhaps scaled to more fraction bits, and a factor a channel of the same x. parts are the values
// that nobody else reads; nil if it is something else.
func (a *assigner) quadratic(square, linear *ir.Value) (q quadratic, parts []*ir.Value) {
	if square.Is("ring.mulc") && square.Int("c") == 1<<square.Int("frac") {
		parts, square = append(parts, square), square.Args[0]
	}
	parts = append(parts, square, linear)
	shared := func(v *ir.Value) bool { return len(a.readers[v]) != 1 || v == a.Old.Result }
	if !square.Is("ring.square") || !scalesChannels(linear) || linear.Args[0] != square.Args[0] || slices.ContainsFunc(parts, shared) {
		return quadratic{}, nil
	}
	return quadratic{square.Args[0], linear.Args[1]}, parts
}

// joinsQuadratic tells whether a value is a truncation that a quadratic takes in: of a value of which the client knows its part
// offline, and that nothing else reads. Then its result is not needed, nor a mask for it (runtime/nonlin/rounded.go).
func (a *assigner) joinsQuadratic(v *ir.Value) bool {
	if !a.clientServer || !v.Is("ring.trunc") || a.truncation(v) != pass.OneCOT || v == a.Old.Result || len(v.Type.Shape) != 3 {
		return false
	}
	if a.To[v.Args[0]].Type.Share != ir.Masked || len(a.readers[v]) == 0 {
		return false
	}
	return !slices.ContainsFunc(a.readers[v], func(r *ir.Value) bool { return !a.within[r] })
}

// lowerQuadratic computes a quadratic, with the truncation before it if that joined it.
func (a *assigner) lowerQuadratic(v *ir.Value, q quadratic) *ir.Value {
	b := a.B.At(v)
	if x := a.To[q.x]; x != nil {
		return b.MustAs(v.Name, "beaver.quadratic", v.Attrs, a.operand(x), a.To[q.slope])
	}
	attrs := ir.Attrs{"bits": q.x.Int("bits")}
	maps.Copy(attrs, v.Attrs)
	return b.MustAs(v.Name, "ot.quadratic", attrs, a.To[q.x.Args[0]], a.To[q.slope])
}

// scalesChannels tells whether a value is a product with one weight a channel.
func scalesChannels(v *ir.Value) bool {
	if !v.Is("ring.conv2d") || len(v.Args) != 2 {
		return false
	}
	x, w := v.Args[0].Type, v.Args[1].Type
	still := slices.Equal(v.Ints("stride"), []int{1, 1}) && slices.Equal(v.Ints("pad"), []int{0, 0})
	return still && v.Int("groups") == x.Shape[0] && w.Len() == x.Shape[0] && w.Elem.Frac >= x.Elem.Frac
}
