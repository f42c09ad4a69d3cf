package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// dealtNets have every op that compares, by the ops that their SECURE function has with DealtWhole and those that it no longer
// needs.
var dealtNets = map[string]struct {
	body       string
	has, hasNo []string
}{
	"relu":     {opNets["bnalone"], []string{"fss.relu"}, []string{"ot.mux", "fss.drelu"}},
	"relu6":    {opNets["relu6"], []string{"fss.relu", "ot.trunc"}, []string{"ot.mux", "fss.drelu"}},
	"maxpool":  {opNets["maxpool"], []string{"fss.relu"}, []string{"ot.mux", "fss.drelu"}},
	"argmax":   {opNets["argmax"], []string{"fss.relu", "fss.drelu", "ot.mux"}, nil},
	"residual": {opNets["residual"], []string{"fss.relu"}, []string{"ot.mux", "fss.drelu"}},
}

// TestDealtComparisons runs every op that compares with keys from a dealer: values, the wire and what the dealer sends.
func TestDealtComparisons(t *testing.T) {
	for name, c := range dealtNets {
		for _, way := range []pass.Nonlinear{pass.DealtSign, pass.DealtWhole} {
			for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
				for _, bits := range []int{32, 64} {
					t.Run(fmt.Sprintf("%s-%s-%s-%d", name, way, d, bits), func(t *testing.T) {
						n := compileWith(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+c.body+"\n}\n", d, bits, pass.Protocols{Nonlinear: way})
						if way == pass.DealtWhole {
							checkOps(t, n, c.has, c.hasNo)
						} else {
							checkOps(t, n, []string{"fss.drelu", "ot.mux"}, []string{"fss.relu", "gc.drelu"})
						}
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
}

func checkOps(t *testing.T, n *Net, has, hasNo []string) {
	t.Helper()
	for _, op := range has {
		if !hasOp(n, op) {
			t.Errorf("there is no %s", op)
		}
	}
	for _, op := range hasNo {
		if hasOp(n, op) {
			t.Errorf("there is a %s", op)
		}
	}
}

// TestDealtSignsOfSeveralBatches runs a layer of more comparisons than one hash key serves, the last batch no multiple of a word.
func TestDealtSignsOfSeveralBatches(t *testing.T) {
	for _, way := range []pass.Nonlinear{pass.DealtSign, pass.DealtWhole} {
		t.Run(string(way), func(t *testing.T) { testSeveralBatches(t, way) })
	}
}

func testSeveralBatches(t *testing.T, way pass.Nonlinear) {
	const side = 101
	n := compileWith(t, "wide", fmt.Sprintf("net wide {\n input image: f32[1, %d, %d] from client\n"+
		" x = conv(image, 1, kernel = 1) |> relu |> avgpool\n output y = x |> flatten |> linear(3) to client\n}\n", side, side),
		cost.ClientServer, 32, pass.Protocols{Nonlinear: way})
	if most := cost.ComparisonBatch; side*side <= 2*most {
		t.Fatalf("%d comparisons, a batch has %d", side*side, most)
	}
	x := image(11, side*side)
	p := n.playTLS(t, x)
	checkValues(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}
