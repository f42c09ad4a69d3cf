package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/ranges"
)

// byOT compares by oblivious transfers and truncates exactly.
var byOT = pass.Protocols{Nonlinear: pass.OTSign, Truncation: pass.ExactTruncation}

// TestComparisonsByOT runs every op that compares by oblivious transfers. With exact truncation nothing is left to chance, so every
// value is the reference's on the same arguments; otherwise every value but the truncated ones is, although their signs are found
// without the dropped bits.
func TestComparisonsByOT(t *testing.T) {
	for _, name := range []string{"relu6", "maxpool", "argmax", "residual"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, way := range []pass.Protocols{byOT, {Nonlinear: pass.OTSign}} {
				for _, bits := range []int{32, 64} {
					t.Run(fmt.Sprintf("%s-%s-%d-%s", name, d, bits, way.WithDefaults().Truncation), func(t *testing.T) {
						playByOT(t, compileWith(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+opNets[name]+"\n}\n", d, bits, way))
					})
				}
			}
		}
	}
}

func playByOT(t *testing.T, n *Net) {
	x := image(7, 270)
	p := n.playTLS(t, x)
	if n.Context.Protocols.Truncation == pass.ExactTruncation {
		checkExact(t, n, x, p)
	}
	checkValues(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}

// checkExact demands that no value is off by a unit.
func checkExact(t *testing.T, n *Net, x []float32, p *Played) {
	t.Helper()
	if _, units, err := Compare(n.Ring.Funcs[0], ranges.WeightsOf(n.Context), x, p.Taps); err != nil || units != 0 {
		t.Errorf("a value is off by %d units: %v", units, err)
	}
}

// TestLongComparisonsByOT runs a layer that is longer than a chunk of OTs, and no multiple of a word.
func TestLongComparisonsByOT(t *testing.T) {
	text := "net long {\n input image: f32[3, 101, 99] from client\n x = conv(image, 2, kernel = 3) |> relu |> maxpool(2)\n output y = x |> avgpool |> flatten |> linear(2) to client\n}\n"
	n := compileWith(t, "long", text, cost.Outsourced, 32, byOT)
	x := image(3, 3*101*99)
	p := n.playTLS(t, x)
	checkExact(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}

// TestComparisonMessagesAreUniform looks at what the parties of a comparison by OT send, as TestMessagesAreUniform does.
func TestComparisonMessagesAreUniform(t *testing.T) {
	if !*large {
		t.Skip("pass -large")
	}
	for d, ring := range map[cost.Deployment]int{cost.ClientServer: 32, cost.Outsourced: 64} {
		t.Run(fmt.Sprintf("%s-%d", d, ring), func(t *testing.T) {
			checkUniform(t, compileWith(t, "maxpool", "net small {\n input image: f32[3, 9, 10] from client\n "+opNets["maxpool"]+"\n}\n", d, ring, byOT))
		})
	}
}
