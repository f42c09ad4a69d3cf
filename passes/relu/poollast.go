package relu

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// PoolLast takes ReLUs before the max-pooling that they alone read, in stage RING: PoolFirst the other way round, for a network or a link where
// the rounds of a wider comparison cost more than ReLUs.
var PoolLast = &pass.Pass{
	Name:  "poollast",
	Doc:   "takes maxpool behind the relu that alone reads it, where --pools last asks for it: more relus, for comparisons of the pool that are a bit narrower (exact)",
	Needs: ir.RingStage,
	Run: func(c *pass.Context, m *ir.Module) error {
		if c.Pools != pass.PoolsLast {
			return nil
		}
		for i, f := range m.Funcs {
			m.Funcs[i] = poolLast(f)
		}
		return nil
	},
}

// poolLast rewrites a function. A relu behind several pools moves before all of them: what comes before the pool is asked again.
func poolLast(f *ir.Func) *ir.Func {
	r, readers := pass.NewRewriter(f), f.Consumers()
	for _, v := range f.Body {
		r.To[v] = r.Copy(v)
		if v.Is("ring.relu") && follows(f, readers, v) {
			r.To[v] = behind(r, readers, v)
		}
	}
	return finish(r)
}

// follows tells whether an op is all that becomes of a pool.
func follows(f *ir.Func, readers map[*ir.Value][]*ir.Value, v *ir.Value) bool {
	x := v.Args[0]
	return maxpools(x) && len(readers[x]) == 1 && x != f.Result
}

// behind gives the pools of a relu's operand applied to the relu of what they pool. The copies that it takes the place of are dead.
func behind(r *pass.Rewriter, readers map[*ir.Value][]*ir.Value, v *ir.Value) *ir.Value {
	var pools []*ir.Value
	x := v
	for follows(r.Old, readers, x) {
		x = x.Args[0]
		pools = append(pools, x)
	}
	y := r.B.At(v).Must(v.Op.Name, v.Attrs.Only("drop", "part"), r.To[x.Args[0]])
	y.CopyFacts(x.Args[0])
	for _, kind := range []string{"worst", "seen", "assumed"} {
		if b := y.Floats(kind); len(b) == 2 {
			y.Set(kind, []float64{max(b[0], 0), max(b[1], 0)})
		}
	}
	for i := len(pools) - 1; i >= 0; i-- {
		p := pools[i]
		y = r.B.At(p).Must(p.Op.Name, p.Attrs.Only("kernel", "stride", "pad"), y)
		y.CopyFacts(v)
	}
	return y
}
