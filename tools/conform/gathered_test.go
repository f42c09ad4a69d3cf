package conform

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// gatheredText is a network with ReLUs behind a layer, behind a sum whose terms have other readers, and behind one that is truncated for
// more than them.
const gatheredText = `net small {
 input image: f32[3, 9, 10] from client
 x = conv(image, 4, kernel = 3) as "a" |> relu as "first"
 y = conv(x, 4, kernel = 3, pad = 1) as "b" |> batchnorm as "bn" |> relu6 as "second"
 z = conv(y, 4, kernel = 3, pad = 1) as "c" |> batchnorm as "bn2"
 s = z + x
 u = conv(relu(s) as "third", 3, kernel = 3, stride = 2) as "d"
 v = conv(s, 3, kernel = 3, stride = 2) as "e" |> relu as "fourth"
 output o = u + v |> flatten |> linear(5) |> relu as "fifth" to client
}
`

// gateShapes are the tensors of its ReLUs.
var gateShapes = map[string][]int{"first": {4, 7, 8}, "second": {4, 7, 8}, "third": {4, 7, 8}, "fourth": {3, 3, 3}, "fifth": {5}}

// gatesOf draws masks with keep of ten elements kept, and one by channels.
func gatesOf(seed uint64, keep int) pass.Gates {
	rng, gates := rand.New(rand.NewPCG(seed, 0)), pass.Gates{}
	for _, path := range []string{"first", "second", "third", "fourth", "fifth"} {
		shape := gateShapes[path]
		if path == "second" {
			shape = shape[:1]
		}
		g := pass.Gate{Shape: shape}
		for n := product(shape); len(g.Keep) < n; {
			k := int64(0)
			if rng.IntN(10) < keep {
				k = 1
			}
			g.Keep = append(g.Keep, k)
		}
		gates[path] = g
	}
	return gates
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// TestGatheredReLUs: ReLUs on some elements of their tensors compute the values of the RING function and send what was declared, for masks
// from none to all.
func TestGatheredReLUs(t *testing.T) {
	for _, way := range pass.Nonlinears() {
		for _, trunc := range pass.Truncations() {
			for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
				t.Run(fmt.Sprintf("%s-%s-%s", way, trunc, d), func(t *testing.T) { playGathered(t, way, trunc, d) })
			}
		}
	}
}

func playGathered(t *testing.T, way pass.Nonlinear, trunc pass.Truncation, d cost.Deployment) {
	for i, keep := range []int{0, 1, 5, 10} {
		n := compileIn(t, "gathered", gatheredText, &pass.Context{Deploy: d, Ring: 32, Source: cost.FromDealer, Gates: gatesOf(uint64(i), keep),
			Protocols: pass.Protocols{Nonlinear: way, Truncation: trunc}})
		if gathers := hasOp(n, "ring.gather"); gathers != slices.Contains([]int{1, 5}, keep) {
			t.Errorf("%d of ten kept: there is a gather: %v", keep, gathers)
		}
		x := image(7, 270)
		p := n.playTLS(t, x)
		checkValues(t, n, x, p)
		checkCosts(t, n, p)
	}
}
