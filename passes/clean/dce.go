// Package clean holds the passes that tidy a module without changing what it computes.
package clean

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// DCE removes values that nothing uses.
var DCE = &pass.Pass{
	Name:  "dce",
	Doc:   "removes values that nothing uses; what a function overwrites is of use (exact)",
	Needs: ir.Space | ir.Net | ir.RingStage | ir.Secure | ir.Train,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			live := map[*ir.Value]bool{f.Result: true}
			f.Body = sweep(f.Body, live)
		}
		return nil
	},
}

// sweep keeps the live values of a body, going backwards so that uses are seen before what they use.
func sweep(body []*ir.Value, live map[*ir.Value]bool) []*ir.Value {
	kept := make([]*ir.Value, len(body))
	at := len(kept)
	for i := len(body) - 1; i >= 0; i-- {
		v := body[i]
		if !live[v] && !v.Overwrites() {
			continue
		}
		for _, a := range v.Args {
			live[a] = true
		}
		for _, o := range v.Options {
			live[o.Result] = true
			o.Body = sweep(o.Body, live)
		}
		at--
		kept[at] = v
	}
	return kept[at:]
}
