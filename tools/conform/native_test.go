package conform

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"sotto/backend/llvm"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
	"sotto/tools/sotto/clang"
)

// nativeNet has convolutions with and without groups and stride, comparisons, squares and sums: its truncations are exact, so that
// every run gives the same.
const nativeNet = `net small {
 input image: f32[3, 9, 10] from client
 x = conv(image, 20, kernel = 3, pad = 1) |> batchnorm |> relu |> conv(8, kernel = 1, stride = 2)
 y = x |> batchnorm |> x2act |> conv(8, kernel = 3, pad = 1, groups = 8)
 output o = (x + y) |> avgpool(2) |> flatten |> linear(5) to client
}
`

// writeNative compiles kernels for both parties' programs.
func (n *Net) writeNative(t *testing.T, c *clang.Compiler) {
	t.Helper()
	for side, p := range []*program.Program{n.Pair.Client, n.Pair.Server} {
		k, err := llvm.Compile(p, c.Target)
		if err != nil {
			t.Fatal(err)
		}
		if len(k.Plan.Regions) == 0 {
			t.Fatalf("nothing of the %s's program is native", cost.Party(side))
		}
		if err := c.Write(t.Context(), filepath.Join(n.bundle(cost.Party(side)), party.NativeDir), k); err != nil {
			t.Fatal(err)
		}
	}
}

// reference is the result by the interpreter of the ring program.
func (n *Net) reference(t *testing.T, x []float32) []float64 {
	t.Helper()
	f := n.Ring.Funcs[0]
	env, err := (&ir.Runner{Weight: ranges.WeightsOf(n.Context)}).Run(f, ir.Quantize(f.Params[0].Type, x))
	if err != nil {
		t.Fatal(err)
	}
	return env[f.Result].Real()
}

// playUntapped runs the network between two parties that look at no value, which would keep native kernels from running, once each has
// prepared its bundle.
func (n *Net) playUntapped(t *testing.T, x []float32, prepare func(*party.Bundle) error) *Played {
	t.Helper()
	n.Context.Source = cost.FromHE
	client, server := wiretest.SecurePair(t, wire.Options{})
	return n.playOver(t, x, [2]*wire.Conn{client, server}, prepare, nil)
}

// playOver is playUntapped over given connections; progress, if not nil, is told how far the parties are.
func (n *Net) playOver(t *testing.T, x []float32, conns [2]*wire.Conn, prepare func(*party.Bundle) error, progress func(cost.Phase, vm.Progress)) *Played {
	t.Helper()
	out, inputs := &Played{}, n.inputs(x)
	var errs [2]error
	var wg sync.WaitGroup
	for p, conn := range conns {
		wg.Go(func() {
			defer conn.Close()
			b, err := party.OpenBundle(n.bundle(cost.Party(p)))
			if err == nil {
				err = prepare(b)
			}
			if err != nil {
				errs[p] = err
				return
			}
			out.Results[p], errs[p] = party.Run(t.Context(), party.Options{Bundle: b, Conn: conn, Source: n.Context.Source, Input: inputs[p], Progress: progress})
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if err := out.reconstruct(n); err != nil {
		t.Fatal(err)
	}
	return out
}

// asItIs runs a bundle without native kernels.
func asItIs(*party.Bundle) error { return nil }

// TestNativeNetwork runs a network whose parties both compute with native kernels: its values are the interpreter's, and its traffic
// is what is declared and what it is without them.
func TestNativeNetwork(t *testing.T) {
	compiler, err := clang.Find()
	if err != nil {
		t.Skipf("no network runs with native kernels: %v", err)
	}
	x := image(7, 270)
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, bits := range []int{32, 64} {
			t.Run(fmt.Sprintf("%s-%d", d, bits), func(t *testing.T) {
				n := compileWith(t, "native", nativeNet, d, bits, pass.Protocols{Truncation: pass.ExactTruncation})
				n.writeNative(t, compiler)
				plain, fast := n.playUntapped(t, x, asItIs), n.playUntapped(t, x, (*party.Bundle).LoadNative)
				want := n.reference(t, x)
				for what, p := range map[string]*Played{"without": plain, "with": fast} {
					if !slices.Equal(p.Output, want) {
						t.Errorf("%s native kernels: output %v, the interpreter's is %v", what, p.Output, want)
					}
					checkCosts(t, n, p)
				}
			})
		}
	}
}
