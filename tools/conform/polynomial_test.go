package conform

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
)

// polynomialExamples are the networks in examples whose activations may all be polynomials.
var polynomialExamples = []string{"resnet18", "resnet50", "mobilenetv2", "vgg16", "resnet18_cifar"}

// TestActivationsTruncateOnce compiles them for both deployments and rings: of what an activation computes one value is truncated, its
// result, and it multiplies by no weight but that of its linear term. In client-server the truncation of the layer before goes into
// the activation's messages, so that one is left for the two.
func TestActivationsTruncateOnce(t *testing.T) {
	for _, name := range polynomialExamples {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, ring := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, ring), func(t *testing.T) {
					ring, secure := polynomialModules(t, name, &pass.Context{Deploy: d, Ring: ring, Source: cost.FromHE})
					sites := countOps(ring, "ring.quadratic")
					if len(sites) == 0 {
						t.Fatal("no activation")
					}
					for _, op := range []string{"ring.trunc", "ring.conv2d"} {
						for path, n := range countOps(ring, op) {
							if most := map[string]int{"ring.trunc": 1}[op]; sites[path] > 0 && n > most {
								t.Errorf("%s: %d %s, accepted are %d", path, n, op, most)
							}
						}
					}
					if d == cost.ClientServer {
						joined(t, secure, len(sites))
					}
				})
			}
		}
	}
}

// joined demands that no layer before an activation is truncated by itself.
func joined(t *testing.T, secure *ir.Func, sites int) {
	t.Helper()
	n := 0
	for _, v := range secure.Body {
		if v.Is("ot.quadratic") {
			n++
		}
	}
	if n != sites {
		t.Errorf("%d of %d activations take the truncation before them in", n, sites)
	}
}

// countOps counts the values of an op by their layer.
func countOps(f *ir.Func, op string) map[string]int {
	n := map[string]int{}
	for _, v := range f.Body {
		if v.Is(op) {
			n[v.Path]++
		}
	}
	return n
}

// polynomialModules compiles an example without weights, with x2act everywhere and mean pools.
func polynomialModules(t *testing.T, name string, c *pass.Context) (ring, secure *ir.Func) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples", name+".sotto"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := frontend.Load(name+".sotto", text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Choices = []pass.Decision{{Site: "act", Option: "x2act"}}
	if strings.Contains(string(text), "choice pool") {
		c.Choices = append(c.Choices, pass.Decision{Site: "pool", Option: "avgpool"})
	}
	m, r := s.Module.Clone(), pass.Runner{}
	for _, list := range [][]*pass.Pass{passes.ToNet, passes.ToRing} {
		if err := r.Run(c, m, list...); err != nil {
			t.Fatal(err)
		}
	}
	ring = m.Clone().Funcs[0]
	if err := r.Run(c, m, passes.ToSecure...); err != nil {
		t.Fatal(err)
	}
	return ring, m.Funcs[0]
}
