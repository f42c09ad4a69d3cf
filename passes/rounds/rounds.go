// Package rounds orders a SECURE function by the round in which its values can be computed.
package rounds

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Rounds puts everything of one dependency level side by side. The messages of a level travel together whatever the order;
// the order shows it, and lets the executor work on a level as a block.
var Rounds = &pass.Pass{
	Name:  "rounds",
	Doc:   "orders values by the round in which they can be computed; what opens in one round travels in one message (exact)",
	Needs: ir.Secure,
	Run: func(c *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			start := ir.StartTimes(m, f)
			slices.SortStableFunc(f.Body, func(a, b *ir.Value) int { return int(start[a]) - int(start[b]) })
		}
		return nil
	},
}
