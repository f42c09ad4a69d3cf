package choices

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// Options of a site that Open makes.
const (
	Kept   = "relu" // the ReLU as it was
	Passed = "none" // its argument
)

// Open makes a space of a network: each ReLU may go, and is decided by its path, under which gates call it too. One without a path stays.
var Open = &pass.Pass{
	Name:  "open",
	Doc:   "makes of each relu a choice between relu and none, decided by its path: the networks that a trained one may lose relus to",
	Needs: ir.Net, Gives: ir.Space,
	Run: func(_ *pass.Context, m *ir.Module) error {
		return pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
			if v.Rectified() == 0 || v.Path == "" {
				return nil, nil
			}
			same := v.CopyTo(r.To)
			kept := &ir.Option{Label: Kept, Body: []*ir.Value{same}, Result: same}
			return r.B.At(v).Choice(v.Path, "", kept, &ir.Option{Label: Passed, Result: r.To[v.Args[0]]})
		})
	},
}
