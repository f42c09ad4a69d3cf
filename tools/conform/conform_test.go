package conform

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// insecureWeights are reproducible He-initialised weights: public, for tests.
type insecureWeights struct{ seed uint64 }

func (w insecureWeights) Weight(path string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	h.Write([]byte(path))
	r := rand.New(rand.NewPCG(w.seed, h.Sum64()))
	n := 1
	for _, d := range shape {
		n *= d
	}
	out := make([]float32, n)
	std := math.Sqrt(2 / float64(max(n/shape[0], 1)))
	for i := range out {
		out[i] = float32(r.NormFloat64() * std)
		if len(shape) == 1 {
			out[i] = 0.9 + 0.2*r.Float32()
		}
	}
	return out, nil
}

func image(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = r.Float32()
	}
	return out
}

func compileExample(t *testing.T, name, text string, d cost.Deployment, bits int, choices ...pass.Decision) *Net {
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
	c := &pass.Context{Deploy: d, Ring: bits, Weights: insecureWeights{1}, Choices: choices, Source: cost.FromDealer}
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
	diffs, err := Compare(n, x, p.Taps)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diffs {
		t.Errorf("%s", d)
	}
}

// checkCosts demands that bytes and rounds measured on the wire are those the op table declares.
func checkCosts(t *testing.T, n *Net, p *Played) {
	t.Helper()
	l := ir.Account(n.Secure, n.Secure.Funcs[0], cost.FromDealer)
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
	for _, layer := range p.Results[0].Stats.Layers {
		d := declared[layer.Path]
		if layer.Offline.Traffic != d[cost.Offline] || layer.Online.Traffic != d[cost.Online] {
			t.Errorf("layer %s: measured %+v %+v, declared %+v", layer.Path, layer.Offline.Traffic, layer.Online.Traffic, d)
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
				x := image(5, n.Ring.Funcs[0].Params[0].Type.Len())
				p := n.playTLS(t, x)
				checkValues(t, n, x, p)
				checkCosts(t, n, p)
			})
		}
	}
}
