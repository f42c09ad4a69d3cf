// Package relu holds the passes that leave a network fewer ReLUs, or cheaper ones: what CryptoNAS (NeurIPS 2020) and those
// after it found to matter most under private inference. Each says whether it is exact, and what it changes where it is not.
package relu

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// rectifies tells whether v is a ReLU of all its elements that what moves elements, brings zeros in or takes the greatest of some may come
// before or after.
func rectifies(v *ir.Value) bool {
	return v.Op.ReLU && v.Op.KeepsOrder && len(v.Ints("keep")) == 0
}

// whereFewer runs a rewriting on every function and keeps what leaves it fewer ReLUs.
func whereFewer(rewritten func(*ir.Func) *ir.Func) func(*pass.Context, *ir.Module) error {
	return func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			if g := rewritten(f); Count(g) < Count(f) {
				m.Funcs[i] = g
			}
		}
		return nil
	}
}

// Count is the number of elements that ReLUs are applied to, of what a result depends on.
func Count(f *ir.Func) (n int64) {
	for _, v := range live(f, f.Result) {
		n += int64(v.Rectified())
	}
	return n
}

// finish ends a rewriting, without what it leaves unread: that counts no longer. What a network has unread as it is written stays until
// dce, since it is of the network's parameters: CryptoNAS shrinks every stored tensor, those too that no later layer joins.
func finish(r *pass.Rewriter) *ir.Func {
	r.New.Result = r.To[r.Old.Result]
	ends, readers := []*ir.Value{r.New.Result}, r.Old.Consumers()
	for _, v := range r.Old.Body {
		if len(readers[v]) == 0 {
			ends = append(ends, r.To[v])
		}
	}
	r.New.Body = live(r.New, ends...)
	return r.New
}

// live lists what some values of a function depend on, and these.
func live(f *ir.Func, ends ...*ir.Value) []*ir.Value {
	read := map[*ir.Value]bool{}
	for _, v := range ends {
		read[v] = true
	}
	var list []*ir.Value
	for _, v := range slices.Backward(f.Body) {
		if !read[v] {
			continue
		}
		list = append(list, v)
		for _, a := range v.Args {
			read[a] = true
		}
	}
	slices.Reverse(list)
	return list
}
