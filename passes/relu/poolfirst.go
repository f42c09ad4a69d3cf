package relu

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// PoolFirst takes max-pooling before the ReLU that it reads: the greatest of rectified elements is the rectified greatest, and
// padding wins in neither.
var PoolFirst = &pass.Pass{
	Name: "poolfirst",
	Doc: "takes maxpool before the relu that it alone reads, where fewer elements come out than go in: as many fewer relus, and comparisons of" +
		" the pool that are one bit wider (exact)",
	Needs: ir.Net,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			m.Funcs[i] = poolFirst(f)
		}
		return nil
	},
}

// poolFirst rewrites a function. A pool of pools moves a relu behind all of them: what a value became counts, not what it was.
func poolFirst(f *ir.Func) *ir.Func {
	r, readers := pass.NewRewriter(f), f.Consumers()
	for _, v := range f.Body {
		if !v.Is("nn.maxpool") || v.Args[0] == f.Result {
			r.To[v] = r.Copy(v)
			continue
		}
		x, site := v.Args[0], r.To[v.Args[0]]
		if !rectifies(site) || !readBy(readers[x], "nn.maxpool") || total(readers[x]) >= x.Type.Len() {
			r.To[v] = r.Copy(v)
			continue
		}
		pooled := r.B.At(v).Must(v.Op.Name, v.Attrs, site.Args[0])
		r.To[v] = r.B.At(site).Must(site.Op.Name, site.Attrs, pooled)
	}
	r.New.Result = r.To[f.Result]
	return r.New
}
