package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// productNets have squares: of 8190 elements, which fill a block of slots but for two, and of some that go on into a second block.
var productNets = map[string]string{
	"wide": "x = conv(image, 91, kernel = 1) |> batchnorm |> x2act\n output y = x |> avgpool |> flatten |> linear(3) to client",
	"two":  "x = conv(image, 91, kernel = 1) |> batchnorm |> x2act\n output y = x |> conv(2, kernel = 1) |> batchnorm |> x2act |> avgpool |> flatten |> linear(3) to client",
}

// TestProductsByPrice: the compiler takes encryption for a layer of squares of 64 bits, and not for a few on a slow link, where a block of
// slots has ten times the bytes of their OTs; the session moves what it declared.
func TestProductsByPrice(t *testing.T) {
	target, err := cost.ShippedTarget("lan")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(d), func(t *testing.T) {
			playProducts(t, "wide", d, 64, target.FasterElementwise, cost.BySIMD)
		})
	}
	target.Link.BytesPerSecond.Value = 1e6 // on a fast one either is as good: OTs of their own take set-up, a block takes bytes
	n := compileIn(t, "few", "net small {\n input image: f32[3, 9, 10] from client\n "+opNets["x2act"]+"\n}\n",
		&pass.Context{Deploy: cost.ClientServer, Ring: 64, Source: cost.FromHE, Elementwise: target.FasterElementwise})
	if n.Secure.Elementwise != cost.ByGilboa {
		t.Errorf("a few products are made by %v", n.Secure.Elementwise)
	}
}

// TestProductsAsAsked: encryption where it was asked for, in both rings, of one inference and with layers that share a block.
func TestProductsAsAsked(t *testing.T) {
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, bits := range []int{32, 64} {
			t.Run(fmt.Sprintf("%s-%d", d, bits), func(t *testing.T) {
				playProducts(t, "two", d, bits, cost.AlwaysElementwise(cost.BySIMD), cost.BySIMD)
			})
		}
	}
}

func playProducts(t *testing.T, name string, d cost.Deployment, bits int, how cost.ElementwisePolicy, want cost.Elementwise) {
	t.Helper()
	n := compileIn(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+productNets[name]+"\n}\n",
		&pass.Context{Deploy: d, Ring: bits, Source: cost.FromHE, Elementwise: how})
	if n.Secure.Elementwise != want || n.Pair.Manifest.Elementwise != want {
		t.Fatalf("products by %v, the manifest says %v, want %v", n.Secure.Elementwise, n.Pair.Manifest.Elementwise, want)
	}
	x := image(7, 270)
	p := n.playTLS(t, x)
	checkValues(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}
