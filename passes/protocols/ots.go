package protocols

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// OTs chooses the extension that the OTs of a module come from. Bytes and work with each are known exactly once the protocols
// are: the choice is a comparison. Ready times are the same with both, so that nothing else depends on it.
var OTs = &pass.Pass{
	Name:  "ots",
	Doc:   "chooses the OT extension by what the module costs with each, or as it was told",
	Needs: ir.Secure,
	Run: func(c *pass.Context, m *ir.Module) error {
		if c.OT != nil {
			m.OT = c.OT(func(o cost.OT) []*cost.Ledger { return accounts(c, m, o) })
		}
		return nil
	},
}

// accounts is what the functions of a module cost with an extension.
func accounts(c *pass.Context, m *ir.Module, o cost.OT) []*cost.Ledger {
	with := ir.Module{Stage: m.Stage, Deploy: m.Deploy, OT: o, Elementwise: m.Elementwise}
	var all []*cost.Ledger
	for _, f := range m.Funcs {
		all = append(all, ir.Account(&with, f, c.Source))
	}
	return all
}
