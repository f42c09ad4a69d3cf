package protocols

import (
	"slices"

	"sotto/ir"
)

// A training step in the outsourced deployment: data, weights and all between them are shared, so both factors of a product are opened (Beaver). What is
// opened is opened once: the forward opening of a layer's input serves the gradient of its weights, and that of its weights the gradient of its
// input. A sign is one shared bit, which the forward and the backward pass multiply by.

// products are the ops that multiply two activations or gradients.
var products = []string{"ring.conv2d.x", "ring.conv2d.w", "ring.linear.x", "ring.linear.w", "ring.mul", "ring.products"}

// bilinear tells whether both factors of a RING value are shared: those of a layer with weights that the function does not overwrite are opened
// once for all, by another protocol.
func (a *assigner) bilinear(v *ir.Value) bool {
	if v.Is("ring.conv2d") || v.Is("ring.linear") {
		return !a.To[v.Args[1]].IsConstant()
	}
	return slices.Contains(products, v.Op.Name)
}

// open gives the opened form of a value. Of numbers that are spread, the numbers are opened.
func (a *assigner) open(x *ir.Value) *ir.Value {
	if a.opened[x] == nil {
		b, name := a.B.At(x), x.Name+".e"
		if x.Is("ring.spread") {
			a.opened[x] = b.MustAs(name, x.Op.Name, x.Attrs, a.open(x.Args[0]))
		} else {
			a.opened[x] = b.MustAs(name, "open", nil, x)
		}
	}
	return a.opened[x]
}

// state gives the parties' shares of a state tensor, or has them kept.
func (a *assigner) state(v *ir.Value) *ir.Value {
	if v.Overwrites() {
		n := a.B.AtPath(v.Pos, v.Path).Assign(v.Path, a.To[v.Args[0]])
		n.Name = v.Name
		return n
	}
	n := a.Copy(v)
	n.Op, n.Type.Share = ir.MustLookup("state"), ir.Arithmetic
	return n
}

// pick is a public integer times a bit.
func (a *assigner) pick(v *ir.Value) *ir.Value {
	b := a.B.At(v)
	d := b.MustAs(v.Name+".d", "ot.arithmetic", ir.Attrs{"bits": v.Int("bits")}, a.To[v.Args[0]])
	return b.MustAs(v.Name, "ring.mulc", ir.Attrs{"c": v.Int("c"), "frac": v.Int("frac")}, d)
}
