package conform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
	"sotto/tools/sotto/weights"
)

func image(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = r.Float32()
	}
	return out
}

func compileExample(t testing.TB, name, text string, d cost.Deployment, bits int, choices ...pass.Decision) *Net {
	t.Helper()
	return compileWith(t, name, text, d, bits, pass.Protocols{}, choices...)
}

// compileWith is compileExample with protocols that are not the default.
func compileWith(t testing.TB, name, text string, d cost.Deployment, bits int, p pass.Protocols, choices ...pass.Decision) *Net {
	t.Helper()
	return compileIn(t, name, text, &pass.Context{Deploy: d, Ring: bits, Choices: choices, Source: cost.FromDealer, Protocols: p})
}

// compileIn compiles an example, or the text, with initial weights and calibration inputs.
func compileIn(t testing.TB, name, text string, c *pass.Context) *Net {
	t.Helper()
	if text == "" {
		b, err := os.ReadFile(filepath.Join("../../examples", name+".sotto"))
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	s, err := frontend.Load(name+".sotto", []byte(text), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := weights.HeInitialised(s.Func, c.Choices, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Weights = w
	c.Calibration = [][]float32{image(100, s.Func.Params[0].Type.Len()), image(101, s.Func.Params[0].Type.Len())}
	n, err := Compile(c, s.Module, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *Net) playTLS(t *testing.T, x []float32) *Played {
	t.Helper()
	c, s := wiretest.SecurePair(t, wire.Options{})
	p, err := n.Play(x, [2]*wire.Conn{c, s})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkValues compares every RING value with the reference evaluation on its actual reconstructed arguments.
func checkValues(t *testing.T, n *Net, x []float32, p *Played) {
	t.Helper()
	diffs, _, err := Compare(n.Ring.Funcs[0], ranges.WeightsOf(n.Context), x, p.Taps)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diffs {
		t.Errorf("%s", d)
	}
}

// checkOutput demands that the private output is within the stated bound of the float network's, and the class the same
// wherever the float network prefers it by more than twice the bound. It gives the greatest error.
func checkOutput(t *testing.T, n *Net, x []float32, p *Played) float64 {
	t.Helper()
	f := n.Net.Funcs[0]
	env, err := (&ir.Runner{Weight: ranges.WeightsOf(n.Context)}).Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
	if err != nil {
		t.Fatal(err)
	}
	want := env[f.Result].Real()
	if len(want) != len(p.Output) || len(p.Taps) == 0 {
		t.Fatalf("%d outputs, float has %d; %d values compared", len(p.Output), len(want), len(p.Taps))
	}
	worst, bound := 0.0, n.Context.Report.ErrorBound
	for i := range want {
		worst = max(worst, math.Abs(want[i]-p.Output[i]))
	}
	if worst > bound {
		t.Errorf("worst error %g is above the stated bound %g: got %v, want %v", worst, bound, p.Output, want)
	}
	if best, margin := preferred(want); margin > 2*bound {
		if got, _ := preferred(p.Output); got != best {
			t.Errorf("class %d, float prefers %d by %g, the bound is %g", got, best, margin, bound)
		}
	}
	return worst
}

// preferred gives the greatest element and by how much it leads.
func preferred(x []float64) (best int, margin float64) {
	margin = math.Inf(1)
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	for i := range x {
		if i != best {
			margin = min(margin, x[best]-x[i])
		}
	}
	return best, margin
}

// checkCosts demands that bytes and rounds measured on the wire are those the op table declares.
func checkCosts(t *testing.T, n *Net, p *Played) {
	t.Helper()
	l := ir.Account(n.Secure, n.Secure.Funcs[0], n.Context.Source)
	for side, res := range p.Results {
		for phase, got := range map[cost.Phase]cost.Traffic{cost.Offline: res.Stats.Offline.Traffic, cost.Online: res.Stats.Online.Traffic} {
			if want := l.Total(phase); got != want {
				t.Errorf("%s at the %s: wire counted %+v, declared %+v", phase, cost.Party(side), got, want)
			}
			sum := cost.Traffic{}
			for _, layer := range res.Stats.Layers {
				sum.Add(phaseOf(layer, phase).Traffic)
			}
			if sum != got {
				t.Errorf("%s at the %s: layers sum to %+v, total is %+v", phase, cost.Party(side), sum, got)
			}
		}
	}
	declared := map[string][2]cost.Traffic{}
	for phase := range 2 {
		for tag, tr := range l.ByTag(cost.Phase(phase)) {
			path := "session"
			if tag >= 0 {
				path = n.Secure.Funcs[0].Body[tag].Layer()
			}
			d := declared[path]
			d[phase].Add(tr)
			declared[path] = d
		}
	}
	checkDealt(t, n, l, p)
	for _, layer := range p.Results[0].Stats.Layers {
		d := declared[layer.Path]
		if layer.Offline.Traffic != d[cost.Offline] || layer.Online.Traffic != d[cost.Online] {
			t.Errorf("layer %s: measured %+v %+v, declared %+v", layer.Path, layer.Offline.Traffic, layer.Online.Traffic, d)
		}
	}
}

// checkDealt demands that each party got from the dealer what the op table declares, layer by layer.
func checkDealt(t *testing.T, n *Net, l *cost.Ledger, p *Played) {
	t.Helper()
	for side, res := range p.Results {
		declared, total := map[string]int64{}, int64(0)
		for _, m := range l.Dealt {
			if m.From != cost.Party(side) { // of dealt messages From is who receives
				continue
			}
			path := "session"
			if m.Tag >= 0 {
				path = n.Secure.Funcs[0].Body[m.Tag].Layer()
			}
			declared[path] += m.Bytes
			total += m.Bytes
		}
		if got := res.Stats.Offline.DealerSent; got != total {
			t.Errorf("the dealer sent the %s %d bytes, declared %d", cost.Party(side), got, total)
		}
		for _, layer := range res.Stats.Layers {
			if got := layer.Offline.DealerSent; got != declared[layer.Path] {
				t.Errorf("layer %s: the dealer sent the %s %d bytes, declared %d", layer.Path, cost.Party(side), got, declared[layer.Path])
			}
		}
	}
}

func phaseOf(l party.LayerStats, p cost.Phase) party.Phase {
	if p == cost.Offline {
		return l.Offline
	}
	return l.Online
}

func TestMinionn(t *testing.T) {
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, bits := range []int{32, 64} {
			t.Run(fmt.Sprintf("%s-%d", d, bits), func(t *testing.T) {
				n := compileExample(t, "minionn", "", d, bits)
				n.checkSources(t, image(5, n.Ring.Funcs[0].Params[0].Type.Len()))
			})
		}
	}
}

// sources are the makers of material.
var sources = []cost.Source{cost.FromHE, cost.FromDealer}

// checkSources runs a network with the material of either source, and holds all that is to be held.
func (n *Net) checkSources(t *testing.T, x []float32) {
	t.Helper()
	for _, source := range sources {
		t.Run(string(source), func(t *testing.T) {
			n.Context.Source = source
			p := n.playTLS(t, x)
			checkValues(t, n, x, p)
			checkCosts(t, n, p)
			checkOutput(t, n, x, p)
		})
	}
}

// opNets are small networks as users write them: what their ops become where they meet. Each op by itself is in TestEveryDeclaredOp.
var opNets = map[string]string{
	"relu6":    "x = conv(image, 8, kernel = 3, stride = 2) |> relu6\n output y = x |> flatten |> linear(5) to client",
	"x2act":    "x = conv(image, 8, kernel = 3, pad = 1) |> batchnorm |> x2act\n output y = x |> avgpool(3, stride = 2, pad = 1) |> x2act |> flatten |> linear(4) to client",
	"maxpool":  "x = conv(image, 4, kernel = 3) |> maxpool(3, stride = 2, pad = 1) |> relu\n output y = maxpool(x, 2) |> flatten |> linear(5) to client",
	"argmax":   "output y = conv(image, 4, kernel = 5) |> relu |> avgpool |> flatten |> linear(11) |> argmax to client",
	"residual": "x = conv(image, 6, kernel = 3, pad = 1) |> batchnorm |> relu\n y = conv(x, 6, kernel = 3, pad = 1) |> batchnorm |> relu |> conv(6, kernel = 3, pad = 1) |> batchnorm\n z = relu(x + y)\n output o = z |> avgpool |> flatten |> linear(3) to client",
	"open":     "x = conv(image, 6, kernel = 3, pad = 1) |> batchnorm |> x2act\n y = conv(x, 6, kernel = 3, pad = 1) |> batchnorm |> x2act |> conv(6, kernel = 3, pad = 1) |> batchnorm\n z = x2act(x + y)\n output o = z |> avgpool |> flatten |> linear(3) to client",
	"groups":   "x = conv(image, 6, kernel = 3, groups = 3) |> batchnorm |> relu6 |> conv(6, kernel = 3, groups = 6, dilation = 2) |> batchnorm |> relu\n output y = x |> flatten |> linear(3) to client",
	"moves":    "x = conv(image, 4, kernel = 1) |> relu\n a = slice(x, stride = 2) |> conv(3, kernel = 1)\n b = slice(x, start = 1, stride = 2) |> pad(0) |> conv(3, kernel = 1)\n output y = concat(a, b) |> batchnorm |> relu |> dropout(0.5) |> flatten |> linear(3) to client",
	"padmove":  "x = conv(image, 4, kernel = 1) |> relu |> pad(1) |> conv(2, kernel = 3)\n output y = x |> flatten |> linear(3) |> softmax to client",
	"masks":    "output y = avgpool(image, 3) to client", // masks without anything that needs a set-up
	"linear":   "output y = image |> flatten |> linear(7) to client",
	"bnalone":  "x = conv(image, 4, kernel = 1) |> relu |> batchnorm |> relu\n output y = x |> avgpool |> flatten |> linear(2) to client",
}

func TestEveryOp(t *testing.T) {
	for name, body := range opNets {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					n := compileExample(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+body+"\n}\n", d, bits)
					n.checkSources(t, image(7, 270))
				})
			}
		}
	}
}

// TestLongVectors runs a layer that is longer than every chunk the machine works in, and no multiple of any.
func TestLongVectors(t *testing.T) {
	text := "net long {\n input image: f32[3, 181, 199] from client\n x = conv(image, 2, kernel = 3) |> relu |> maxpool(2)\n output y = x |> avgpool |> flatten |> linear(2) to client\n}\n"
	n := compileExample(t, "long", text, cost.ClientServer, 32)
	x := image(3, 3*181*199)
	p := n.playTLS(t, x)
	checkValues(t, n, x, p)
	checkCosts(t, n, p)
	checkOutput(t, n, x, p)
}
