package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
)

// TestGarbledLayersOfSeveralBatches runs a layer of more ANDs than one key and Delta may garble, its last part no multiple of
// a word: 549,081 signs of 31 ANDs are 2^24 and some.
func TestGarbledLayersOfSeveralBatches(t *testing.T) {
	if !*large {
		t.Skip("pass -large")
	}
	const side = 741
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(d), func(t *testing.T) {
			n := compileExample(t, "parts", fmt.Sprintf("net wide {\n input image: f32[1, %d, %d] from client\n"+
				" x = conv(image, 1, kernel = 1) |> relu |> avgpool(57, stride = 57)\n output y = x |> flatten |> linear(3) to client\n}\n", side, side), d, 32)
			if got := len(n.Pair.Client.Extensions.Garbled); got != 2 {
				t.Fatalf("%d garbled batches, want 2", got)
			}
			x := image(11, side*side)
			p := n.playTLS(t, x)
			checkValues(t, n, x, p)
			checkCosts(t, n, p)
			checkOutput(t, n, x, p)
		})
	}
}
