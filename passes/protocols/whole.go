package protocols

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Whole ops: a relu, a relu6, a maxpool or an argmax all inside one garbled circuit, with the truncation of a relu's or
// maxpool's operand.

// whole emits v as one garbled op, or gives nil if it is none.
func (a *assigner) whole(v *ir.Value) *ir.Value {
	switch {
	case v.Is("ring.relu"):
		o := a.entering(v.Args[0])
		return a.B.At(v).MustAs(v.Name, "gc.relu", o.attrs(), o.x)
	case v.Is("ring.sub"):
		return a.clip(v)
	case v.Is("ring.maxpool"):
		return a.wholeMaxpool(v)
	case v.Is("ring.argmax") && v.Args[0].Type.Len() > 1:
		x := v.Args[0]
		o := entering{a.mask(a.To[x]), reluWidth(x), 0}
		return a.B.At(v).MustAs(v.Name, "gc.argmax", o.attrs(), o.x)
	}
	return nil
}

// entering is what a circuit takes: the masked form of a value of width bits, of which it drops the lowest first.
type entering struct {
	x           *ir.Value
	width, drop int
}

// entering gives what a circuit takes for x: a truncated value enters as it was before, since a circuit truncates for nothing.
func (a *assigner) entering(x *ir.Value) entering {
	source, drop := a.signSource(x), 0
	if source != x {
		drop = x.Int("bits")
	}
	const kept = 2 // a sign and a bit at least are left
	return entering{a.mask(a.To[source]), max(reluWidth(source), drop+kept), drop}
}

func (e entering) attrs() ir.Attrs {
	attrs := ir.Attrs{}
	if e.drop > 0 {
		attrs["bits"] = e.drop
	}
	if e.width < e.x.Type.Elem.Bits {
		attrs["width"] = e.width
	}
	return attrs
}

// clip recognises relu(x) - relu(x - most), of which something reaches most.
func (a *assigner) clip(v *ir.Value) *ir.Value {
	low, high := v.Args[0], v.Args[1]
	if !low.Is("ring.relu") || !high.Is("ring.relu") || !high.Args[0].Is("ring.addc") || high.Args[0].Args[0] != low.Args[0] {
		return nil
	}
	most, o := -high.Args[0].Int("c"), a.entering(low.Args[0])
	if most < 1 || most>>(o.width-o.drop-1) > 0 {
		return nil
	}
	attrs := o.attrs()
	attrs["most"] = most
	return a.B.At(v).MustAs(v.Name, "gc.clip", attrs, o.x)
}

// wholeMaxpool lays the windows out and takes the greatest of each.
func (a *assigner) wholeMaxpool(v *ir.Value) *ir.Value {
	o, b := a.entering(v.Args[0]), a.B.At(v)
	geometry, attrs, k := v.Attrs.Only("kernel", "stride", "pad"), o.attrs(), v.Ints("kernel")
	geometry["image"] = o.x.Type.Shape
	attrs["of"] = k[0] * k[1]
	windows := b.MustAs(v.Name+".w", "tour.windows", geometry, o.x)
	return b.MustAs(v.Name, "ring.reshape", ir.Attrs{"shape": v.Type.Shape}, b.MustAs(v.Name+".x", "gc.maxpool", attrs, windows))
}

// wholeOf tells whether r, which reads v, is a truncation that a whole op takes in; signOf knows those of relus.
func (a *assigner) wholeOf(v, r *ir.Value) bool {
	return a.protocols.Nonlinear == pass.GarbledWhole && r.Is("ring.trunc") &&
		slices.ContainsFunc(a.readers[r], func(x *ir.Value) bool { return x.Is("ring.maxpool") })
}

// garble sets how the AND gates of every garbled op are garbled.
func (a *assigner) garble(s cost.Scheme) {
	for _, v := range a.New.Body {
		if _, garbled := ir.GarblingOf(v); garbled && s != cost.HalfGates {
			v.Set("scheme", string(s))
		}
	}
}
