package relu

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// PoolFirst takes max-pooling before the ReLU that it reads: the greatest of rectified elements is the rectified greatest, and
// padding wins in neither. It does so in stage NET and, for who weighs both orders of one fixed-point network, in RING.
var PoolFirst = &pass.Pass{
	Name: "poolfirst",
	Doc: "takes maxpool before the relu that it alone reads, where fewer elements come out than go in: as many fewer relus, for comparisons of" +
		" the pool that are a bit wider and a truncation that waits for none (exact; --pools written leaves them)",
	Needs: ir.Net | ir.RingStage,
	Run: func(c *pass.Context, m *ir.Module) error {
		if c.Pools == pass.PoolsAsWritten || m.Stage == ir.RingStage && c.Pools == pass.PoolsLast {
			return nil
		}
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
		if !maxpools(v) || v.Args[0] == f.Result {
			r.To[v] = r.Copy(v)
			continue
		}
		x, site := v.Args[0], r.To[v.Args[0]]
		if !passesPools(site) || !readBy(readers[x], v.Op.Name) || total(readers[x]) >= x.Type.Len() {
			r.To[v] = r.Copy(v)
			continue
		}
		pooled := r.B.At(v).Must(v.Op.Name, v.Attrs.Only("kernel", "stride", "pad"), site.Args[0])
		pooled.CopyFacts(site.Args[0])
		r.To[v] = r.B.At(site).Must(site.Op.Name, site.Attrs.Only("drop", "part"), pooled)
		r.To[v].CopyFacts(v)
	}
	return finish(r)
}

func maxpools(v *ir.Value) bool { return v.Is("nn.maxpool") || v.Is("ring.maxpool") }

// passesPools tells whether v may come behind a pool instead of before it.
func passesPools(v *ir.Value) bool { return v.Is("ring.relu") || rectifies(v) }
