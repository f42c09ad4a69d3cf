// Package unbatch puts the batch of a training step into the first dimension of its values, so that only ops that must know of samples do.
package unbatch

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Unbatch makes of each batch of samples one value.
var Unbatch = &pass.Pass{
	Name: "unbatch",
	Doc: "puts batches into the first dimension, sample by sample: layers, their gradients and sums over the batch say how many samples there are, all else is" +
		" computed as if it were of one; what is one for all samples is repeated where it meets a batch (exact)",
	Needs: ir.RingStage,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			u := &unbatcher{Rewriter: pass.NewRewriter(f), repeated: map[*ir.Value]*ir.Value{}}
			for _, p := range u.New.Params {
				for _, fact := range []string{"mean", "std"} { // by channel
					if x := p.Floats(fact); len(x) > 0 {
						p.Set(fact, slices.Repeat(x, max(1, p.Type.Batch)))
					}
				}
				p.Type = p.Type.Joined()
			}
			for _, v := range f.Body {
				n, err := u.value(v)
				if err != nil {
					return fmt.Errorf("@%s: %s (%s): %w", f.Name, v, v.Path, err)
				}
				u.To[v] = n
			}
			u.New.Result = u.To[f.Result]
			m.Funcs[i] = u.New
		}
		return nil
	},
}

type unbatcher struct {
	*pass.Rewriter
	repeated map[*ir.Value]*ir.Value // what is one for all samples → the same for each
}

// alike are the ops that treat all elements alike, or all channels: of a batch in the first dimension they are what they were.
var alike = []string{
	"ring.add", "ring.sub", "ring.mul", "ring.mulc", "ring.addc", "ring.mulp", "ring.trunc", "ring.drelu", "ring.mux", "ring.pick",
	"ring.sumpool", "ring.unpool", "ring.pad", "ring.slice", "ring.upsample",
}

// value gives the new value for an old one.
func (u *unbatcher) value(v *ir.Value) (*ir.Value, error) {
	batch := v.Type.Batch
	for _, a := range v.Args {
		batch = max(batch, a.Type.Batch)
	}
	if batch == 0 {
		return u.Copy(v), nil
	}
	n := v.CopyTo(u.To)
	_, knows := ir.FindAttr(v.Op.Attrs, "batch")
	_, tour := ir.FindAttr(v.Op.Attrs, "image")
	switch {
	case v.Is("ring.spread"), v.Is("ring.reshape"):
		n.Set("shape", joined(v.Ints("shape"), batch))
	case knows:
		n.Set("batch", batch)
	case tour:
		n.Set("image", joined(v.Ints("image"), batch))
	case !slices.Contains(alike, v.Op.Name):
		return nil, fmt.Errorf("%s of a batch: accepted is what steps in fixed point have", v.Op.Name)
	default:
		for i, a := range v.Args {
			if a.Type.Batch == 0 && !(v.Is("ring.mulp") && i == 1) {
				n.Args[i] = u.repeat(n.Args[i], batch)
			}
		}
	}
	u.New.Body = append(u.New.Body, n)
	return n, n.Retype()
}

// joined is the shape of a batch of a shape in its first dimension.
func joined(shape []int, batch int) []int {
	shape = slices.Clone(shape)
	shape[0] *= batch
	return shape
}

// repeat gives each sample of a batch the same, or the numbers of its stretches if it is spread.
func (u *unbatcher) repeat(x *ir.Value, batch int) *ir.Value {
	if n := u.repeated[x]; n != nil {
		return n
	}
	b, shape := u.B.At(x), ir.Attrs{"shape": joined(x.Type.Shape, batch), "batch": batch}
	numbers := x
	switch {
	case x.Is("ring.spread"):
		numbers = x.Args[0]
	case len(x.Type.Shape) > 1:
		numbers = b.Must("ring.reshape", ir.Attrs{"shape": []int{x.Type.Len()}}, x)
	}
	u.repeated[x] = b.Must("ring.spread", shape, numbers)
	return u.repeated[x]
}
