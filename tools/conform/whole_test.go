package conform

import (
	"fmt"
	"slices"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// wholeNets have every op that a garbled circuit computes as a whole, by the ops that their SECURE function then has and those that
// it no longer needs.
var wholeNets = map[string]struct {
	body       string
	has, hasNo []string
}{
	"relu": {"x = conv(image, 8, kernel = 3, stride = 2) |> relu\n output y = x |> flatten |> linear(5) to client",
		[]string{"gc.relu"}, []string{"ot.trunc", "ot.mux", "gc.drelu"}},
	"relu6": {"x = conv(image, 8, kernel = 3, stride = 2) |> batchnorm |> relu6\n output y = x |> flatten |> linear(5) to client",
		[]string{"gc.clip"}, []string{"ot.trunc", "ot.mux", "gc.drelu"}},
	"maxpool": {"x = conv(image, 4, kernel = 3) |> maxpool(3, stride = 2, pad = 1) |> relu\n output y = maxpool(x, 2) |> flatten |> linear(5) to client",
		[]string{"gc.maxpool", "gc.relu", "tour.windows"}, []string{"ot.trunc", "ot.mux", "gc.drelu"}},
	"argmax": {"output y = conv(image, 4, kernel = 5) |> relu |> avgpool |> flatten |> linear(11) |> argmax to client",
		[]string{"gc.relu", "gc.argmax"}, []string{"ot.mux", "gc.drelu"}},
	"residual": {"x = conv(image, 6, kernel = 3, pad = 1) |> batchnorm |> relu\n y = conv(x, 6, kernel = 3, pad = 1) |> batchnorm\n" +
		" z = relu(x + y)\n output o = z |> avgpool |> flatten |> linear(3) to client",
		[]string{"gc.relu"}, []string{"ot.mux", "gc.drelu"}},
}

// TestWholeOps holds networks of whole ops to their values, bytes and rounds.
func TestWholeOps(t *testing.T) {
	for name, c := range wholeNets {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					n := compileWith(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+c.body+"\n}\n", d, bits, pass.Protocols{Nonlinear: pass.GarbledWhole})
					for _, op := range c.has {
						if !hasOp(n, op) {
							t.Errorf("there is no %s", op)
						}
					}
					for _, op := range c.hasNo {
						if hasOp(n, op) {
							t.Errorf("there is a %s", op)
						}
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

func hasOp(n *Net, name string) bool {
	return slices.ContainsFunc(n.Secure.Funcs[0].Body, func(v *ir.Value) bool { return v.Is(name) })
}

// TestWholeOpsTakeFewerRounds: against the sign alone with a multiplexer and a truncation after it.
func TestWholeOpsTakeFewerRounds(t *testing.T) {
	text := "net small {\n input image: f32[3, 9, 10] from client\n " + wholeNets["maxpool"].body + "\n}\n"
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		var rounds [2]int
		for i, nonlinear := range []pass.Nonlinear{pass.GarbledSign, pass.GarbledWhole} {
			n := compileWith(t, "maxpool", text, d, 32, pass.Protocols{Nonlinear: nonlinear})
			rounds[i] = ir.Account(n.Secure, n.Secure.Funcs[0], cost.FromDealer).Total(cost.Online).Rounds
		}
		if rounds[1] >= rounds[0] {
			t.Errorf("%s: %d rounds with whole ops, %d with signs", d, rounds[1], rounds[0])
		}
		t.Logf("%s: %d rounds with whole ops, %d with signs", d, rounds[1], rounds[0])
	}
}

// TestThreeHalves runs signs and whole ops with three-halves garbling.
func TestThreeHalves(t *testing.T) {
	for _, nonlinear := range []pass.Nonlinear{pass.GarbledSign, pass.GarbledWhole} {
		for _, bits := range []int{32, 64} {
			t.Run(fmt.Sprintf("%s-%d", nonlinear, bits), func(t *testing.T) {
				n := compileWith(t, "maxpool", "net small {\n input image: f32[3, 9, 10] from client\n "+wholeNets["maxpool"].body+"\n}\n", cost.ClientServer, bits,
					pass.Protocols{Nonlinear: nonlinear, Garbling: cost.ThreeHalves})
				x := image(7, 270)
				p := n.playTLS(t, x)
				checkValues(t, n, x, p)
				checkCosts(t, n, p)
				checkOutput(t, n, x, p)
			})
		}
	}
}
