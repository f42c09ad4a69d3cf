package conform

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

var (
	large  = flag.Bool("large", false, "run minionn, cnet1_cifar10 and resnet18_cifar privately, both deployments and rings")
	inputs = flag.Int("inputs", 1, "random inputs for each of them")
	otName = flag.String("ot", cost.SoftSpoken.String(), "OT extension of theirs")
	way    = flag.String("nonlinear", "", "protocol of their comparisons")
)

// TestNetworks runs the judged networks, with the material of the parties alone and of a dealer by turns. The first inputs' bytes and
// rounds are held to the declared ones; on every input
// each value is compared with the reference and the output with the float network.
func TestNetworks(t *testing.T) {
	if !*large {
		t.Skip("pass -large, and -inputs N for more than one input")
	}
	for _, name := range []string{"minionn", "cnet1_cifar10", "resnet18_cifar"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) { playMany(t, name, d, bits) })
			}
		}
	}
}

func playMany(t *testing.T, name string, d cost.Deployment, bits int) {
	var choices []pass.Decision
	if name == "resnet18_cifar" {
		choices = []pass.Decision{{Site: "act", Option: "relu"}, {Site: "pool", Option: "maxpool"}}
	}
	ots, err := cost.ParseOT(*otName)
	if err != nil {
		t.Fatal(err)
	}
	n := compileIn(t, name, "", &pass.Context{Deploy: d, Ring: bits, Choices: choices, Source: cost.FromDealer, OT: cost.AlwaysOT(ots),
		Protocols: pass.Protocols{Nonlinear: pass.Nonlinear(*way)}})
	worst, same := 0.0, 0
	for i := range *inputs {
		x := image(uint64(i), n.Ring.Funcs[0].Params[0].Type.Len())
		if *way == "" || !strings.HasPrefix(*way, "fss") { // whose keys a dealer alone makes
			n.Context.Source = sources[i%len(sources)]
		}
		p := n.playTLS(t, x)
		checkValues(t, n, x, p)
		worst = max(worst, checkOutput(t, n, x, p))
		if i < len(sources) {
			checkCosts(t, n, p)
			for side, r := range p.Results {
				t.Logf("%s: offline %.0f ms %+v, online %.0f ms %+v, %d MB", cost.Party(side), r.Stats.Offline.MS, r.Stats.Offline.Traffic, r.Stats.Online.MS, r.Stats.Online.Traffic, r.Stats.PeakRSS>>20)
			}
		}
		same++
		if t.Failed() {
			break
		}
	}
	t.Logf("%d inputs: greatest error %.3g, stated bound %.3g", same, worst, n.Context.Report.ErrorBound)
}
