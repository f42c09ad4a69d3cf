package conform

import (
	"fmt"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass/golden"
)

// TestEveryDeclaredOp runs every op that networks are made of, in the network of its example: an op needs no test of its own here.
func TestEveryDeclaredOp(t *testing.T) {
	for name, d := range golden.OpNets() {
		for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			t.Run(fmt.Sprintf("%s-%s", name, deploy), func(t *testing.T) {
				c := d.Context()
				c.Deploy, c.Ring, c.Source = deploy, 32, cost.FromDealer
				n, err := Compile(c, d.Space, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				p := n.playTLS(t, d.Input)
				checkValues(t, n, d.Input, p)
				checkCosts(t, n, p)
				checkOutput(t, n, d.Input, p)
				written := map[string]string{}
				if ir.MustLookup(name).Moves { // others may have become what else computes them
					written = map[string]string{"op#1": strings.TrimPrefix(name, "nn."), "op#2": strings.TrimPrefix(name, "nn.")}
				}
				checkLayers(t, name, n, written)
			})
		}
	}
}
