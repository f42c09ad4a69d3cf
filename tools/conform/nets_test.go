package conform

import (
	"flag"
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

var large = flag.Bool("large", false, "run resnet18_cifar and cnet1_cifar10 privately, both deployments and rings")

// TestNetworks runs the judged networks once each; minionn is in TestMinionn.
func TestNetworks(t *testing.T) {
	if !*large {
		t.Skip("pass -large")
	}
	for _, name := range []string{"cnet1_cifar10", "resnet18_cifar"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					var choices []pass.Decision
					if name == "resnet18_cifar" {
						choices = []pass.Decision{{Site: "act", Option: "relu"}, {Site: "pool", Option: "maxpool"}}
					}
					n := compileExample(t, name, "", d, bits, choices...)
					x := image(5, n.Ring.Funcs[0].Params[0].Type.Len())
					p := n.playTLS(t, x)
					checkValues(t, n, x, p)
					checkCosts(t, n, p)
					checkOutput(t, n, x, p, 1)
					for side, r := range p.Results {
						t.Logf("%s: offline %.0f ms %+v, online %.0f ms %+v, %d MB", cost.Party(side), r.Stats.Offline.MS, r.Stats.Offline.Traffic, r.Stats.Online.MS, r.Stats.Online.Traffic, r.Stats.PeakRSS>>20)
					}
				})
			}
		}
	}
}
