package passes_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	errorbound "sotto/passes/errors"
	"sotto/passes/fixed"
	"sotto/passes/fold"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/ranges"
	"sotto/passes/relu"
	"sotto/passes/rounds"
)

// compile runs passes on a copy. The runner verifies the module after each.
func compile(t rapid.TB, c *pass.Context, m *ir.Module, lists ...[]*pass.Pass) *ir.Module {
	m = m.Clone()
	if err := (&pass.Runner{}).Run(c, m, slices.Concat(lists...)...); err != nil {
		t.Fatal(err)
	}
	return m
}

// evaluate runs the module's function on the drawn input and gives every value's tensor by name.
func evaluate(t rapid.TB, d *golden.Drawn, m *ir.Module) (result *ir.Tensor, all map[string]*ir.Tensor) {
	f := m.Funcs[0]
	all = map[string]*ir.Tensor{}
	r := ir.Runner{Weight: ranges.WeightsOf(d.Context()), Visit: func(v *ir.Value, x *ir.Tensor) { all[v.Name] = x }}
	env, err := r.Run(f, d.Tensor(f))
	if err != nil {
		t.Fatal(err)
	}
	return env[f.Result], all
}

// greatest is the greatest magnitude of any float value, and at least 1: what rounding errors are relative to.
func greatest(all map[string]*ir.Tensor) float64 {
	top := 1.0
	for _, x := range all {
		for _, e := range x.F {
			top = max(top, math.Abs(float64(e)))
		}
	}
	return top
}

func distance(a, b *ir.Tensor) float64 {
	d, x, y := 0.0, a.Real(), b.Real()
	for i := range x {
		d = max(d, math.Abs(x[i]-y[i]))
	}
	return d
}

func drawContext(t *rapid.T, d *golden.Drawn) *pass.Context {
	c := d.Context()
	c.Deploy = rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deployment")
	c.Ring = rapid.SampledFrom([]int{32, 64}).Draw(t, "ring")
	return c
}

// drawProtocols assigns each op of a RING function a protocol of its own.
func drawProtocols(t *rapid.T, c *pass.Context, f *ir.Func) {
	c.Protocols = pass.Protocols{Nonlinear: rapid.SampledFrom(pass.Nonlinears()).Draw(t, "nonlinear"), Sites: map[string]pass.Nonlinear{}, Truncations: map[string]pass.Truncation{}}
	for _, s := range pass.Sites(f) {
		c.Protocols.Sites[s.Path] = rapid.SampledFrom(pass.Nonlinears()).Draw(t, s.Path)
	}
	for _, s := range pass.TruncationSites(f) {
		c.Protocols.Truncations[s.Path] = rapid.SampledFrom(pass.Truncations()).Draw(t, s.Path)
	}
}

// every is the whole compiler.
var every = slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)

func TestEveryStagePrintsAndParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax", "nn.softmax")
		m := d.Space.Clone()
		r := pass.Runner{After: func(p *pass.Pass, m *ir.Module, _ time.Duration) { parsesBack(t, p.Name, m) }}
		parsesBack(t, "load", m)
		if err := r.Run(drawContext(t, d), m, every...); err != nil {
			t.Fatal(err)
		}
	})
}

func parsesBack(t *rapid.T, after string, m *ir.Module) {
	text := m.String()
	again, err := ir.Parse(after, text)
	if err != nil {
		t.Fatalf("after %s: %v\n%s", after, err, text)
	}
	if back := again.String(); back != text {
		t.Fatalf("after %s, printed:\n%s\nparsed and printed again:\n%s", after, text, back)
	}
}

// A training step between two parties computes what it does in the clear, value by value, and leaves the same state.
func TestSecureStepsComputeTheClearOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawStep(t)
		c := d.Pass
		c.Deploy = cost.Outsourced
		ring := compile(t, &c, d.Net, passes.ToTrain, passes.ToFixedStep)
		drawProtocols(t, &c, ring.Funcs[0])
		secure := compile(t, &c, ring, passes.ToPrivateStep)
		parsesBack(t, "private", secure)
		for i, f := range ring.Funcs {
			computesTheSame(t, d, f, secure.Funcs[i])
		}
	})
}

func computesTheSame(t *rapid.T, d *golden.DrawnStep, ring, secure *ir.Func) {
	want, left, err := d.Run(ring)
	if err != nil {
		t.Fatal(err)
	}
	got, state, err := d.Run(secure)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, w := range want {
		if g, both := got[name]; both {
			compared++
			if !slices.Equal(g, w) {
				t.Fatalf("@%s: %%%s is %v between two parties, %v in the clear", ring.Name, name, g, w)
			}
		}
	}
	if compared < len(want)/2 {
		t.Fatalf("@%s: %d of %d values are compared", ring.Name, compared, len(want))
	}
	for path, w := range left {
		if !slices.Equal(state[path], w) {
			t.Fatalf("@%s is left as %v between two parties, as %v in the clear", path, state[path], w)
		}
	}
	comparedAtTheirWidths(t, secure, got)
}

// comparedAtTheirWidths demands that what a step compares fits the comparison, unless it truncated what no truncation takes.
func comparedAtTheirWidths(t *rapid.T, f *ir.Func, values map[string][]int64) {
	within := func(x *ir.Value, width int) bool {
		return !slices.ContainsFunc(values[x.Name], func(e int64) bool { return ir.Wrap(e, width) != e })
	}
	narrow := false
	for _, v := range f.Body {
		switch {
		case v.Is("ot.trunc") || v.Is("ot.trunc.exact"):
			if !within(v.Args[0], 63) {
				return
			}
		case strings.HasSuffix(v.Op.Name, ".drelu"):
			narrow = narrow || ir.SignWidth(v) < 64
			if !within(v.Args[0], ir.SignWidth(v)) {
				t.Fatalf("%s compares %v at %d bits:\n%s", v, values[v.Args[0].Name], ir.SignWidth(v), f.Name)
			}
		}
	}
	if !narrow && len(f.Params) > 0 { // what decides truncates nothing
		t.Fatalf("nothing is compared at less than the ring's bits")
	}
}

func TestRelaxedNetsPrintAndParseBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "")
		parsesBack(t, "relax", compile(t, d.Context(), d.Space, []*pass.Pass{choices.Relax}))
	})
}

// Passes that tidy have nothing left to do a second time.
func TestTidyingTwiceIsTidyingOnce(t *testing.T) {
	stages := []struct {
		before []*pass.Pass
		again  []*pass.Pass
	}{
		{[]*pass.Pass{choices.Resolve}, []*pass.Pass{clean.Shapes, clean.Identities, clean.CSE, clean.DCE}},
		{passes.ToNet[:4], []*pass.Pass{relu.Shuffle, clean.DCE, relu.PoolFirst, clean.DCE}},
		{passes.ToNet, []*pass.Pass{fold.X2act, clean.DCE}},
		{slices.Concat(passes.ToNet, passes.ToRing[:3]), []*pass.Pass{ranges.Ranges}},
		{slices.Concat(passes.ToNet, passes.ToRing), []*pass.Pass{clean.Shapes, clean.CSE, clean.DCE}},
		{every, []*pass.Pass{clean.Shapes, clean.CSE, clean.DCE, rounds.Rounds}},
	}
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax")
		c := drawContext(t, d)
		for _, s := range stages {
			m := compile(t, c, d.Space, s.before)
			for _, p := range s.again {
				once := compile(t, c, m, []*pass.Pass{p})
				if twice := compile(t, c, once, []*pass.Pass{p}); twice.String() != once.String() {
					t.Fatalf("%s once:\n%s\ntwice:\n%s", p.Name, once, twice)
				}
				m = once
			}
		}
	})
}

// No pass depends on the order of values that are independent of each other.
func TestPassesDoNotDependOnTheOrderOfValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax")
		c := drawContext(t, d)
		m := d.Space
		for _, p := range every {
			other := m.Clone()
			golden.Shuffle(other, rapid.Uint64().Draw(t, "order"))
			next, shuffled := compile(t, c, m, []*pass.Pass{p}), compile(t, c, other, []*pass.Pass{p})
			if !slices.Equal(golden.Fingerprint(next), golden.Fingerprint(shuffled)) {
				t.Fatalf("%s of\n%s\ngives\n%s\nof\n%s\nit gives\n%s", p.Name, m, next, other, shuffled)
			}
			m = next
		}
	})
}

func TestSimplifyingKeepsTheFloatFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.softmax")
		plain := compile(t, d.Context(), d.Space, []*pass.Pass{choices.Resolve})
		want, all := evaluate(t, d, plain)
		for i, m := range []*ir.Module{
			compile(t, d.Context(), d.Space, passes.ToNet),
			compile(t, d.Context(), d.Space, passes.ToNet, []*pass.Pass{fold.X2act, fold.Fold, clean.DCE}),
		} {
			got, _ := evaluate(t, d, m)
			if off := distance(want, got); off > 1e-4*greatest(all) {
				t.Fatalf("%s: off by %g with values up to %g:\n%s\nfrom\n%s", [...]string{"tidied", "folded"}[i], off, greatest(all), m, plain)
			}
		}
	})
}

func TestWorstBoundsHoldOnEveryInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax", "nn.softmax")
		m := compile(t, d.Context(), d.Space, passes.ToNet, []*pass.Pass{fold.X2act, fold.Fold, clean.DCE, ranges.Ranges})
		_, all := evaluate(t, d, m)
		m.Funcs[0].Walk(func(v *ir.Value) {
			if v.IsConstant() {
				return
			}
			bound := v.Floats("worst")
			slack := 1e-5 * greatest(all) // of float32 sums
			for i, x := range all[v.Name].F {
				if float64(x) < bound[0]-slack || float64(x) > bound[1]+slack {
					t.Fatalf("element %d of %s is %g, outside %v:\n%s", i, v, x, bound, m)
				}
			}
		})
	})
}

// What fixed point approximates is the float function: nothing is lost but by rounding.
func TestRealsOfFixedPointAreTheFloatFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax")
		c := drawContext(t, d)
		c.Pools = rapid.SampledFrom([]pass.Pools{pass.PoolsFirst, pass.PoolsLast}).Draw(t, "pools")
		c.Gates = drawGates(t, compile(t, c, d.Space, passes.ToNet[:2]))
		realsAreTheFloatFunction(t, d, c)
	})
	for name, d := range golden.OpNets() {
		if name != "nn.softmax" { // which the client computes
			t.Run(name, func(t *testing.T) { realsAreTheFloatFunction(t, d, d.Context()) })
		}
	}
}

func realsAreTheFloatFunction(t rapid.TB, d *golden.Drawn, c *pass.Context) {
	net := compile(t, c, d.Space, passes.ToNet)
	want, all := evaluate(t, d, net)
	ring := compile(t, c, net, passes.ToRing).Funcs[0]
	got := map[string][]float32{}
	if err := errorbound.Reals(ring, ranges.WeightsOf(c), d.Tensor(net.Funcs[0]).F, func(v *ir.Value, x []float32) { got[v.Name] = x }); err != nil {
		t.Fatal(err)
	}
	for i, x := range got[ring.Result.Name] {
		if off := math.Abs(float64(x) - want.Real()[i]); off > 1e-4*greatest(all) {
			t.Fatalf("element %d is %g, the float network gives %g, with values up to %g:\n%s", i, x, want.Real()[i], greatest(all), ring)
		}
	}
}

func TestFixedPointIsNearTheFloatFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "")
		c := drawContext(t, d)
		net := compile(t, c, d.Space, passes.ToNet)
		ring := compile(t, c, net, passes.ToRing)
		want, all := evaluate(t, d, net)
		got, _ := evaluate(t, d, ring)
		bound := map[int]float64{32: 5e-3, 64: 1e-4}[c.Ring] * greatest(all) // ten times what thousands of networks show
		if off := distance(want, got); !(off <= bound) {
			t.Fatalf("off by %g, accepted is %g:\n%s\nfrom\n%s", off, bound, ring, net)
		}
	})
}

// What the protocols compute is what the ring function computes, bit for bit: results keep their names.
func TestSecureComputesTheRingFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax", "nn.softmax")
		c := drawContext(t, d)
		c.Frac = rapid.SampledFrom([]int{0, fixed.Precisions(c.Ring)[0]}).Draw(t, "fraction bits")
		ring := compile(t, c, d.Space, passes.ToNet, passes.ToRing)
		drawProtocols(t, c, ring.Funcs[0])
		secure := compile(t, c, ring, passes.ToSecure)
		want, values := evaluate(t, d, ring)
		got, secureValues := evaluate(t, d, secure)
		if !slices.Equal(want.I, got.I) {
			t.Fatalf("ring gives %v, secure %v:\n%s\nfrom\n%s", want.I, got.I, secure, ring)
		}
		for name, x := range values {
			if y := secureValues[name]; y != nil && !slices.Equal(x.I, y.I) {
				t.Fatalf("%%%s is %v in the ring, %v in secure:\n%s\nfrom\n%s", name, x.I, y.I, secure, ring)
			}
		}
	})
}

// Every op, in the network of its example: each function computes what the one before it does.
func TestEveryOpCompilesToWhatItComputes(t *testing.T) {
	for op, d := range golden.OpNets() {
		for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			c := d.Context()
			c.Deploy, c.Ring = deploy, 32
			net := compile(t, c, d.Space, passes.ToNet)
			ring := compile(t, c, net, passes.ToRing)
			secure := compile(t, c, ring, passes.ToSecure)
			want, all := evaluate(t, d, net)
			fixed, _ := evaluate(t, d, ring)
			got, _ := evaluate(t, d, secure)
			if off := distance(want, fixed); !(off <= 5e-3*greatest(all)) && op != "nn.softmax" { // which the client computes
				t.Errorf("%s: fixed point is off by %g:\n%s\nfrom\n%s", op, off, ring, net)
			}
			if !slices.Equal(fixed.I, got.I) {
				t.Errorf("%s, %s: ring gives %v, secure %v:\n%s\nfrom\n%s", op, deploy, fixed.I, got.I, secure, ring)
			}
		}
	}
}

// So they do where ReLUs are on some elements alone, by whatever masks.
func TestSecureComputesTheRingFunctionOfLinearisedNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax")
		c := drawContext(t, d)
		c.Protocols.Nonlinear = rapid.SampledFrom(pass.Nonlinears()).Draw(t, "way")
		c.Gates = drawGates(t, compile(t, c, d.Space, passes.ToNet[:2]))
		ring := compile(t, c, d.Space, passes.ToNet, passes.ToRing)
		secure := compile(t, c, ring, passes.ToSecure)
		want, _ := evaluate(t, d, ring)
		got, _ := evaluate(t, d, secure)
		if !slices.Equal(want.I, got.I) {
			t.Fatalf("ring gives %v, secure %v:\n%s\nfrom\n%s", want.I, got.I, secure, ring)
		}
	})
}

// drawGates masks some of a network's ReLUs.
func drawGates(t *rapid.T, m *ir.Module) pass.Gates {
	gates := pass.Gates{}
	for _, v := range m.Funcs[0].Body {
		if n := v.Rectified(); n > 0 && rapid.Bool().Draw(t, "gated") {
			gates[v.Path] = pass.Gate{Shape: v.Type.Shape, Keep: rapid.SliceOfN(rapid.Int64Range(0, 1), n, n).Draw(t, "keep")}
		}
	}
	return gates
}

func TestRoundsOrdersByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "", "nn.argmax")
		m := compile(t, drawContext(t, d), d.Space, every)
		f := m.Funcs[0]
		start := ir.StartTimes(m, f)
		if !slices.IsSortedFunc(f.Body, func(a, b *ir.Value) int { return int(start[a]) - int(start[b]) }) {
			t.Fatalf("values are not in the order of their rounds:\n%s", m)
		}
	})
}

func TestFindNamesEveryPassOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range passes.All() {
		found, ok := passes.Find(p.Name)
		if !ok || found != p || seen[p.Name] || p.Doc == "" {
			t.Errorf("pass %s: found %v, named before %v, doc %q", p.Name, ok, seen[p.Name], p.Doc)
		}
		seen[p.Name] = true
	}
	if _, ok := passes.Find("no such pass"); ok {
		t.Error("found a pass that is not there")
	}
}
