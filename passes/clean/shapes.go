package clean

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// Shapes infers every type anew from the arguments' types.
var Shapes = &pass.Pass{
	Name:  "shapes",
	Doc:   "infers the type of every value anew and refuses what does not fit together (exact)",
	Needs: ir.Space | ir.Net | ir.RingStage | ir.Secure | ir.Train,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			var err error
			f.Walk(func(v *ir.Value) {
				if err == nil && v.Op != ir.Input {
					err = v.Retype()
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	},
}

// Identities removes what is the identity in inference: dropout, and movements that move nothing.
var Identities = &pass.Pass{
	Name:  "identities",
	Doc:   "removes dropout and movements that move nothing (exact in inference)",
	Needs: ir.Net | ir.Train,
	Run: func(_ *pass.Context, m *ir.Module) error {
		return pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
			if v.Op.Unchanged != nil && v.Op.Unchanged(v) {
				return r.To[v.Args[0]], nil
			}
			return nil, nil
		})
	},
}
