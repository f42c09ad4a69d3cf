package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// TestDealtSigns runs every op that compares with keys from a dealer: values, the wire and what the dealer sends.
func TestDealtSigns(t *testing.T) {
	for _, name := range []string{"relu6", "maxpool", "argmax", "residual"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					n := compileWith(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+opNets[name]+"\n}\n", d, bits,
						pass.Protocols{Nonlinear: pass.DealtSign})
					if !n.Pair.Manifest.NeedsDealer() {
						t.Fatal("nothing is compared by dealt keys")
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

// TestDealtSignsOfSeveralBatches runs a layer of more comparisons than one hash key serves, the last batch no multiple of a word.
func TestDealtSignsOfSeveralBatches(t *testing.T) {
	const side = 101
	n := compileWith(t, "wide", fmt.Sprintf("net wide {\n input image: f32[1, %d, %d] from client\n"+
		" x = conv(image, 1, kernel = 1) |> relu |> avgpool\n output y = x |> flatten |> linear(3) to client\n}\n", side, side),
		cost.ClientServer, 32, pass.Protocols{Nonlinear: pass.DealtSign})
	if most := cost.ComparisonBatch; side*side <= 2*most {
		t.Fatalf("%d comparisons, a batch has %d", side*side, most)
	}
	x := image(11, side*side)
	p := n.playTLS(t, x)
	checkValues(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}
