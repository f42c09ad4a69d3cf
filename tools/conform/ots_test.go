package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// ferretNets use random OTs in each direction and label OTs, of none, or of one of two batches enough for Ferret.
var ferretNets = map[string]string{
	"small":  "x = conv(image, 4, kernel = 3) |> relu |> maxpool(2)\n output y = x |> avgpool |> flatten |> linear(3) to client",
	"labels": "x = conv(image, 91, kernel = 1) |> relu |> conv(2, kernel = 1) |> relu\n output y = x |> avgpool |> flatten |> linear(3) to client",
}

// TestFerret runs networks whose OTs are silent: values, bytes and rounds are as declared.
func TestFerret(t *testing.T) {
	for name, body := range ferretNets {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					n := compileIn(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+body+"\n}\n",
						&pass.Context{Deploy: d, Ring: bits, Source: cost.FromDealer, OT: cost.AlwaysOT(cost.Ferret)})
					checkSilent(t, n, name == "labels")
					x := image(7, 270)
					p := n.playTLS(t, x)
					checkValues(t, n, x, p)
					checkCosts(t, n, p)
					checkOutput(t, n, x, p)
				})
			}
		}
	}
}

// TestComparisonsByOTFromAnyExtension: 1-of-16 OTs and triples of bits from each of the extensions that are not the default.
func TestComparisonsByOTFromAnyExtension(t *testing.T) {
	for _, o := range []cost.OT{cost.Ferret, cost.IKNP} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			t.Run(fmt.Sprintf("%s-%s", o, d), func(t *testing.T) {
				n := compileIn(t, "byot", "net small {\n input image: f32[3, 9, 10] from client\n "+ferretNets["small"]+"\n}\n",
					&pass.Context{Deploy: d, Ring: 32, Source: cost.FromDealer, OT: cost.AlwaysOT(o), Protocols: byOT})
				x := image(7, 270)
				p := n.playTLS(t, x)
				checkExact(t, n, x, p)
				checkCosts(t, n, p)
			})
		}
	}
}

// TestIKNP runs a network whose label OTs are IKNP's.
func TestIKNP(t *testing.T) {
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(d), func(t *testing.T) {
			n := compileIn(t, "iknp", "net small {\n input image: f32[3, 9, 10] from client\n "+ferretNets["small"]+"\n}\n",
				&pass.Context{Deploy: d, Ring: 32, Source: cost.FromDealer, OT: cost.AlwaysOT(cost.IKNP)})
			x := image(7, 270)
			p := n.playTLS(t, x)
			checkValues(t, n, x, p)
			checkCosts(t, n, p)
		})
	}
}

// checkSilent demands that the first batch of a network's label OTs is of Ferret or not, and that the last is not.
func checkSilent(t *testing.T, n *Net, first bool) {
	t.Helper()
	x := n.Pair.Client.Extensions
	last := len(x.Garbled) - 1
	if x.Label(0).Silent() != first || x.Label(last).Silent() || !x.Pad(cost.Client).Silent() {
		t.Fatalf("extensions %+v", x)
	}
}
