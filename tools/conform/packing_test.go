package conform

import (
	"fmt"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// packedText has a layer that each packing packs in its own way.
const packedText = "net small {\n input image: f32[128, 28, 28] from client\n x = conv(image, 128, kernel = 3, pad = 1) |> relu\n output y = x |> avgpool |> flatten |> linear(5) to client\n}\n"

// TestPackings: programs of every packing compute the same and send what was declared: fewer bytes the dearer a byte.
func TestPackings(t *testing.T) {
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		bytes := map[cost.Packing]int64{}
		for _, k := range cost.Packings() {
			t.Run(fmt.Sprintf("%s-%s", d, k), func(t *testing.T) {
				n := compileIn(t, "packed", packedText, &pass.Context{Deploy: d, Ring: 32, Source: cost.FromHE, Packing: k, Protocols: pass.Protocols{Nonlinear: pass.OTSign}})
				x := image(7, 128*28*28)
				p := n.playTLS(t, x)
				checkValues(t, n, x, p)
				checkCosts(t, n, p)
				checkOutput(t, n, x, p)
				sum := ir.Account(n.Secure, n.Secure.Funcs[0], cost.FromHE).Total(cost.Offline)
				bytes[k] = sum.ClientSent + sum.ServerSent
			})
		}
		if bytes[cost.Compact] >= bytes[cost.Balanced] || bytes[cost.Balanced] > bytes[cost.Light] {
			t.Errorf("%s: bytes by packing are %v", d, bytes)
		}
	}
}

// TestPackingsByLayer: two layers packed each in its own way compute and send what was declared.
func TestPackingsByLayer(t *testing.T) {
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(d), func(t *testing.T) {
			n := compileIn(t, "packed", packedText, &pass.Context{Deploy: d, Ring: 32, Source: cost.FromHE, Packing: cost.Compact,
				Packings: map[string]cost.Packing{"conv#1": cost.Light}, Protocols: pass.Protocols{Nonlinear: pass.OTSign}})
			own := map[cost.Packing]int{}
			for _, v := range n.Secure.Funcs[0].Body {
				if v.Linear() {
					k, err := v.Packing(n.Secure.Packing)
					if err != nil {
						t.Fatal(err)
					}
					own[k]++
				}
			}
			if own[cost.Light] != 1 || own[cost.Compact] != 1 {
				t.Fatalf("layers by packing: %v", own)
			}
			x := image(7, 128*28*28)
			p := n.playTLS(t, x)
			checkValues(t, n, x, p)
			checkCosts(t, n, p)
			checkOutput(t, n, x, p)
		})
	}
}
