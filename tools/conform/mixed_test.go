package conform

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// mixedText is a network with every op that compares, a skip connection and a branch that two comparisons read.
const mixedText = `net small {
 input image: f32[3, 9, 10] from client
 x = conv(image, 4, kernel = 3) as "a" |> relu as "first"
 x = maxpool(x, 2) as "pool"
 y = conv(x, 4, kernel = 3, pad = 1) as "b" |> batchnorm as "bn" |> relu as "second"
 z = conv(y, 4, kernel = 3, pad = 1) as "c" |> batchnorm as "bn2"
 s = z + x
 u = relu(s) as "third"
 v = relu6(s) as "fourth"
 w = conv(u + v, 3, kernel = 3, pad = 1) as "d" |> relu6 as "fifth"
 output o = w |> flatten |> linear(5) |> argmax as "answer" to client
}
`

// mixed are assignments of several protocols in one network; those of the second need a dealer.
var mixed = []struct {
	name     string
	of       pass.Protocols
	sources  []cost.Source
	has, not []string
}{
	{"gc and ot", pass.Protocols{Nonlinear: pass.OTSign, Sites: map[string]pass.Nonlinear{
		"first": pass.GarbledSign, "pool": pass.GarbledWhole, "third": pass.GarbledWhole, "fifth": pass.GarbledWhole, "answer": pass.GarbledSign},
		Truncations: map[string]pass.Truncation{"b": pass.ExactTruncation}},
		sources, []string{"gc.drelu", "gc.relu", "gc.clip", "gc.maxpool", "ot.drelu", "ot.trunc", "ot.trunc.exact"}, []string{"gc.argmax"}},
	{"dealt", pass.Protocols{Nonlinear: pass.DealtWhole, Sites: map[string]pass.Nonlinear{
		"pool": pass.OTSign, "second": pass.GarbledSign, "third": pass.DealtSign, "fourth": pass.GarbledWhole, "answer": pass.OTSign}},
		[]cost.Source{cost.FromDealer}, []string{"fss.relu", "fss.drelu", "ot.drelu", "gc.drelu", "gc.clip"}, nil},
}

// TestMixedProtocols: several protocols in one network give the values of its RING function and send what was declared.
func TestMixedProtocols(t *testing.T) {
	for _, m := range mixed {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", m.name, d, bits), func(t *testing.T) {
					n := compileWith(t, "mixed", mixedText, d, bits, m.of)
					for _, op := range m.has {
						if !hasOp(n, op) {
							t.Errorf("there is no %s", op)
						}
					}
					for _, op := range m.not {
						if hasOp(n, op) {
							t.Errorf("there is a %s", op)
						}
					}
					x := image(7, 270)
					for _, n.Context.Source = range m.sources {
						p := n.playTLS(t, x)
						checkValues(t, n, x, p)
						checkCosts(t, n, p)
						checkOutput(t, n, x, p)
					}
				})
			}
		}
	}
}
