package plain

import (
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
)

// optimisers are the ways in which steps are drawn to go.
var optimisers = []pass.Training{
	{Optimiser: pass.SGD{Momentum: 0.9}, Decay: 1e-2},
	{Optimiser: pass.SGD{Momentum: 0.9, Nesterov: true}, Decay: 1e-2, Clip: 0.5},
	{Optimiser: pass.Adam{Beta1: 0.9, Beta2: 0.99, Eps: 1e-3}, Smoothing: 0.1},
}

// drawTraining makes the training functions of a drawn network, relaxed or with its choices drawn.
func drawTraining(r *rapid.T) *ir.Module {
	d := golden.DrawNet(r, "")
	how := rapid.SampledFrom(optimisers).Draw(r, "optimiser")
	how.Batch = rapid.IntRange(2, 5).Draw(r, "batch")
	c := &pass.Context{Training: &how, Choices: d.Choices}
	decide := rapid.SampledFrom([][]*pass.Pass{passes.ToTrainable, passes.ToSupernet}).Draw(r, "decide")
	if err := (&pass.Runner{}).Run(c, d.Space, slices.Concat(decide, passes.ToTrain)...); err != nil {
		r.Skip(err)
	}
	return d.Space
}

// begun is state for programs to begin with.
func begun(rng *rand.Rand, of ...*Program) State {
	s := State{}
	for _, p := range of {
		for _, path := range slices.Sorted(maps.Keys(p.State())) {
			if s[path] == nil {
				positive := strings.Contains(path, "var") || strings.HasSuffix(path, "adam.square")
				s[path] = draw(rng, p.State()[path], positive)
			}
		}
	}
	return s
}

func (s State) clone() State {
	out := State{}
	for path, x := range s {
		out[path] = slices.Clone(x)
	}
	return out
}

// inputsOf are inputs of a training function: labels are distributions, and the numbers of steps are whole.
func inputsOf(rng *rand.Rand, f *ir.Func) (inputs [][]float32) {
	for _, v := range f.Params {
		x := draw(rng, v.Type.All(), false)
		switch {
		case strings.HasPrefix(v.Name, "label"):
			for i := range x {
				x[i] = 0
			}
			for at := 0; at < len(x); at += v.Type.Len() {
				x[at+rng.IntN(v.Type.Len())] = 1
			}
		case strings.HasPrefix(v.Name, "lr"):
			x[0] = 0.05
		case strings.HasPrefix(v.Name, "step"):
			x[0], x[1] = 7, 3
		}
		inputs = append(inputs, x)
	}
	return inputs
}

// TestFunctionsAgainstReference runs the training functions of drawn networks as programs and by reference, and on one core and on more.
func TestFunctionsAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := drawTraining(r)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 5))
		for _, f := range m.Funcs {
			p, err := Compile(f)
			if err != nil {
				r.Fatal(err)
			}
			state, inputs := begun(rng, p), inputsOf(rng, f)
			before := state.clone()
			got, err := p.Run(&Memory{}, state, inputs...)
			if err != nil {
				r.Fatal(err)
			}
			again := before.clone()
			if one := onCores(r, 1, p, again, inputs); !equalState(State{"": one}, State{"": got}) || !equalState(again, state) {
				r.Fatalf("@%s gives other bits on one core", f.Name)
			}
			againstReference(r, f, before, state, inputs, got)
		}
	})
}

func onCores(r *rapid.T, cores int, p *Program, s State, inputs [][]float32) []float32 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	m := &Memory{arena: make([]float32, p.Arena())}
	for i := range m.arena {
		m.arena[i] = float32(math.NaN()) // nothing is read before it is written
	}
	x, err := p.Run(m, s, inputs...)
	if err != nil {
		r.Fatal(err)
	}
	return x
}

func equalState(a, b State) bool {
	for path := range a {
		for i, x := range a[path] {
			if math.Float32bits(x) != math.Float32bits(b[path][i]) {
				return false
			}
		}
	}
	return true
}

// againstReference compares a run with the reference evaluation from the same state.
func againstReference(r *rapid.T, f *ir.Func, before, after State, inputs [][]float32, result []float32) {
	left := State{}
	runner := ir.Runner{
		Weight: func(v *ir.Value) (*ir.Tensor, error) {
			return &ir.Tensor{Type: v.Type, F: slices.Clone(before[v.Path])}, nil
		},
		Assign: func(v *ir.Value, x *ir.Tensor) { left[v.Path] = slices.Clone(x.F) },
	}
	var tensors []*ir.Tensor
	for i, v := range f.Params {
		tensors = append(tensors, &ir.Tensor{Type: v.Type, F: inputs[i]})
	}
	env, err := runner.Run(f, tensors...)
	if err != nil {
		r.Fatal(err)
	}
	agree(r, f.Name, result, env[f.Result].F)
	for path, x := range before {
		want := left[path]
		if want == nil {
			want = x // what is not assigned stays
		}
		agree(r, f.Name+" "+path, after[path], want)
	}
}

// agree compares with the reference, where rounding was carried through a whole network and back.
func agree(r *rapid.T, what string, got, want []float32) {
	const lost = 1e-3
	scale := 1.0
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= lost*scale) {
			r.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}
