package fold

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// Fold removes batch normalisations and per-channel factors: into the weights of the layer before where that layer has no
// other reader, through additions and concatenations; what cannot fold stays as nn.scale and nn.shift.
var Fold = &pass.Pass{
	Name: "fold",
	Doc: "folds batch normalisation and per-channel factors and summands into the weights of the layer before, through add and" +
		" concat (exact up to rounding of the weights)",
	Needs: ir.Net,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			fd := &folder{Rewriter: pass.NewRewriter(f), reads: f.Uses()}
			for _, v := range f.Body {
				n := fd.value(v)
				fd.To[v] = n
				fd.left(n, fd.reads[v])
			}
			fd.New.Result = fd.To[f.Result]
			m.Funcs[i] = fd.New
		}
		return nil
	},
}

type folder struct {
	*pass.Rewriter
	reads map[*ir.Value]int // of old values: how often they are read
	count map[*ir.Value]int // of new values
}

func (f *folder) left(n *ir.Value, reads int) {
	if f.count == nil {
		f.count = map[*ir.Value]int{}
	}
	f.count[n] = max(f.count[n], reads)
}

// sole reports whether a new value has a single reader: it may be replaced by a changed copy.
func (f *folder) sole(n *ir.Value) bool { return f.count[n] == 1 }

func (f *folder) value(v *ir.Value) *ir.Value {
	a := f.Args(v)
	b := f.B.At(v)
	switch v.Op.Name {
	case "nn.batchnorm":
		s := b.Must("const.bnscale", ir.Attrs{"eps": v.Float("eps")}, a[1], a[4])
		scaled := f.scaled(v, a[0], s)
		mean := b.Must("const.scalerows", nil, a[3], s)
		return f.shifted(v, scaled, b.Must("const.sub", nil, a[2], mean))
	case "nn.scale":
		return f.scaled(v, a[0], a[1])
	case "nn.shift":
		return f.shifted(v, a[0], a[1])
	}
	return f.Copy(v)
}

// single marks a value this pass has just made for one reader.
func (f *folder) single(n *ir.Value) *ir.Value {
	f.left(n, 1)
	return n
}

// scaled gives x * s, folded as far back as it goes. at is the layer that asked for it.
func (f *folder) scaled(at, x, s *ir.Value) *ir.Value {
	b := f.B.At(x)
	if f.sole(x) {
		switch {
		case x.Is("nn.conv2d"), x.Is("nn.linear"):
			return f.single(b.Must(x.Op.Name, x.Attrs, f.scaledWeights(x, s)...))
		case x.Is("nn.add"):
			return f.single(b.Must("nn.add", nil, f.scaled(at, x.Args[0], s), f.scaled(at, x.Args[1], s)))
		case x.Is("nn.shift") && fits(x.Args[1], s):
			return f.single(b.Must("nn.shift", nil, f.scaled(at, x.Args[0], s), f.product(b, x.Args[1], s)))
		case x.Is("nn.scale") && fits(x.Args[1], s):
			return f.single(b.Must("nn.scale", nil, x.Args[0], f.product(b, x.Args[1], s)))
		case x.Is("nn.concat"):
			return f.single(b.Must("nn.concat", nil, f.parts(x, s, f.scaled)...))
		}
	}
	return f.single(f.B.At(at).Must("nn.scale", nil, x, s))
}

// fits reports whether two per-channel weights combine elementwise: one of them is a single number or both are alike.
func fits(a, b *ir.Value) bool {
	return b.Type.Len() == 1 || a.Type.Len() == b.Type.Len()
}

func (f *folder) product(b *ir.Builder, w, s *ir.Value) *ir.Value {
	return b.Must("const.scalerows", nil, w, s)
}

// scaledWeights gives the arguments of a linear layer whose output is multiplied by s.
func (f *folder) scaledWeights(x, s *ir.Value) []*ir.Value {
	b := f.B.At(x)
	args := []*ir.Value{x.Args[0]}
	for _, w := range x.Args[1:] {
		args = append(args, f.product(b, w, s))
	}
	return args
}

// shifted gives x + c, folded into a bias where it can be.
func (f *folder) shifted(at, x, c *ir.Value) *ir.Value {
	b := f.B.At(x)
	if f.sole(x) {
		switch {
		case x.Is("nn.conv2d"), x.Is("nn.linear"):
			return f.single(b.Must(x.Op.Name, x.Attrs, f.biased(x, c)...))
		case x.Is("nn.concat"):
			return f.single(b.Must("nn.concat", nil, f.parts(x, c, f.shifted)...))
		}
	}
	return f.single(f.B.At(at).Must("nn.shift", nil, x, c))
}

func (f *folder) biased(x, c *ir.Value) []*ir.Value {
	b := f.B.At(x)
	outs := x.Args[1].Type.Shape[0]
	if c.Type.Len() != outs {
		c = b.Must("const.repeat", ir.Attrs{"n": outs}, c)
	}
	if len(x.Args) > 2 {
		c = b.Must("const.add", nil, x.Args[2], c)
	}
	return []*ir.Value{x.Args[0], x.Args[1], c}
}

// parts applies a per-channel rewrite to every part of a concatenation with the rows of the weight that belong to it.
func (f *folder) parts(x, w *ir.Value, rewrite func(at, x, w *ir.Value) *ir.Value) []*ir.Value {
	out := make([]*ir.Value, len(x.Args))
	lo := 0
	for i, a := range x.Args {
		rows := w
		if w.Type.Len() > 1 {
			rows = f.B.At(x).Must("const.rows", ir.Attrs{"lo": lo, "hi": lo + a.Type.Shape[0]}, w)
		}
		lo += a.Type.Shape[0]
		out[i] = rewrite(x, a, rows)
	}
	return out
}
