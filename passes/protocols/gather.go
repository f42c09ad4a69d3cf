package protocols

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Linearised ReLUs: some elements of a tensor are gathered and compared, and the others pass (passes/fixed). All are truncated
// together; the comparison takes the kept elements of what was truncated, as it does where there is no mask.

// comparedBy tells whether some op that reads v, or elements gathered of it, is of a kind. x is what it reads.
func (a *assigner) comparedBy(v *ir.Value, kind func(x, op *ir.Value) bool) bool {
	return slices.ContainsFunc(a.readers[v], func(r *ir.Value) bool {
		if r.Is("ring.gather") {
			return a.comparedBy(r, kind)
		}
		return kind(v, r)
	})
}

// gatheredSource is what the sign of gathered elements is taken of: of what a truncation took, where the op takes no more than a sign. The
// truncation has other readers, so no op takes it in.
func (a *assigner) gatheredSource(x, op *ir.Value) *ir.Value {
	whole := a.way(op) == pass.GarbledWhole || a.way(op) == pass.DealtWhole
	if t := x.Args[0]; t.Is("ring.trunc") && op.Is("ring.relu") && !whole {
		return t.Args[0]
	}
	return x
}

// truncationOf is the truncation whose result x is, or was gathered of.
func truncationOf(x *ir.Value) *ir.Value {
	if x.Is("ring.gather") {
		return x.Args[0]
	}
	return x
}

// taken gives the elements of a form of the source that the relu v compares: those that were gathered, if they were.
func (a *assigner) taken(v, form *ir.Value) *ir.Value {
	x := v.Args[0]
	if !x.Is("ring.gather") {
		return form
	}
	return a.B.At(v).MustAs(v.Name+".s", "ring.gather", x.Attrs.Only("keep"), form)
}

// scatter puts rectified elements back. Neither part is masked for it: the result is, once, if its readers want that.
func (a *assigner) scatter(v *ir.Value) *ir.Value {
	return a.B.At(v).MustAs(v.Name, v.Op.Name, v.Attrs, a.additive(a.To[v.Args[0]]), a.additive(a.To[v.Args[1]]))
}
