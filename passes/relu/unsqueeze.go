package relu

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Unsqueeze leaves out 1x1 convolutions that stand with a ReLU of their own in front of a convolution of more pixels, as ENAS has them:
// they save multiplications there, which cost little under private inference, and cost a ReLU each (CryptoNAS, section 3). It is not
// exact, and made for networks that are trained as it leaves them: the weights of what goes are used no longer.
//
// What goes is relu, 1x1 convolution and batch normalisation, if there is one, between a tensor and the relu of the larger convolution,
// which then reads the tensor: only where the 1x1 convolution keeps the shape, nobody else reads what is between, and the tensor is no
// concatenation, of which the 1x1 convolution would be the joint.
var Unsqueeze = &pass.Pass{
	Name: "unsqueeze",
	Doc: "leaves out 1x1 convolutions of as many channels, with their relus and batch normalisations, in front of the relu of a larger convolution" +
		" (approximate: another network, for networks trained so)",
	Needs: ir.Net,
	Run:   whereFewer(unsqueezed),
}

func unsqueezed(f *ir.Func) *ir.Func {
	r, readers := pass.NewRewriter(f), f.Consumers()
	for _, v := range f.Body {
		x := squeezed(v, readers)
		if x == nil || v == f.Result {
			r.To[v] = r.Copy(v)
			continue
		}
		r.To[v] = r.B.At(v).MustAs(v.Name, v.Op.Name, v.Attrs, r.To[x])
	}
	return finish(r)
}

// squeezed gives the tensor in front of the 1x1 convolution before the relu v of larger convolutions, or nil if there is none.
func squeezed(v *ir.Value, readers map[*ir.Value][]*ir.Value) *ir.Value {
	if !rectifies(v) || !readBy(readers[v], "nn.conv2d") || slices.ContainsFunc(readers[v], pointwise) {
		return nil
	}
	between := func(u *ir.Value) bool { return len(readers[u]) == 1 }
	u := v.Args[0]
	if u.Is("nn.batchnorm") && between(u) {
		u = u.Args[0]
	}
	if !u.Is("nn.conv2d") || !pointwise(u) || !between(u) {
		return nil
	}
	first := u.Args[0]
	if !rectifies(first) || !between(first) || first.Args[0].Is("nn.concat") || !slices.Equal(first.Type.Shape, u.Type.Shape) {
		return nil
	}
	return first.Args[0]
}

// pointwise tells whether a convolution reads one pixel for each of its output.
func pointwise(conv *ir.Value) bool {
	shape := conv.Args[1].Type.Shape
	return shape[2] == 1 && shape[3] == 1
}
