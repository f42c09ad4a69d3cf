package twopc_test

import (
	"slices"
	"strings"
	"testing"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
)

// Reports call a layer what the user does, whatever protocols and ring ops it was compiled to.
func TestLayersAreCalledAsTheUserDoes(t *testing.T) {
	every := slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)
	for op, d := range golden.OpNets() {
		if ir.MustLookup(op).Inner || op == "nn.batchnorm" { // which goes by its weights' names
			continue
		}
		for _, way := range pass.Nonlinears() {
			m := d.Space.Clone()
			c := &pass.Context{Deploy: cost.ClientServer, Protocols: pass.Protocols{Nonlinear: way}} // without weights: bounds are wide, and whole circuits clip
			if err := new(pass.Runner).Run(c, m, every...); err != nil {
				t.Fatal(err)
			}
			layers, want := twopc.LayerOps(m.Funcs[0]), strings.TrimPrefix(op, "nn.")
			for _, path := range []string{"op#1", "op#2"} {
				if got, computed := layers[path]; computed && got != want {
					t.Errorf("%s by %s: layer %s is called %q", op, way, path, got)
				}
			}
		}
	}
}
