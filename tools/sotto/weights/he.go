package weights

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/pass"
)

// Initial values that are no He weights: see HeInitialised.
const (
	gammaOfBranch = 0.25  // last batch normalisation of a residual branch
	x2actSquare   = 0.005 // x2act starts as 0.005*x^2 + x: near the identity, so that depth does not blow values up
	x2actLinear   = 1
)

// HeInitialised gives reproducible weights for tests and measurements: whoever knows the seed knows them.
//
// Weights of convolutions and linear layers are uniform in ±sqrt(6/fan-in), which has the variance 2/fan-in of He et al.
// (ICCV 2015, equation 10); biases are uniform in ±1/sqrt(fan-in). Batch normalisations have gamma 1 (0.25 where one
// ends a residual branch: at an addition, the deeper of the arguments that are batch normalisations) and beta 0; their
// running mean and variance are what the layer before gives for inputs uniform in [0,1), propagated analytically from
// layer to layer with the weights actually drawn (moments.go), so that activations stay near unit variance.
// x2act starts as 0.005*x^2 + x.
//
// The statistics depend on which option a choice is decided for: undecided ones count their first. Weights of all
// options are given. A tensor is a function of the seed, its path and the network.
func HeInitialised(f *ir.Func, decisions []pass.Decision, seed uint64) (Source, error) {
	decided, err := choices.Decide(f, decisions)
	if err != nil {
		return nil, err
	}
	for _, s := range choices.Sites(f) {
		if _, ok := decided[s.Path]; !ok {
			decided[s.Path] = s.Options[0]
		}
	}
	h := &recipe{seed: seed, choices: decided, tensors: map[string]tensor{}}
	newPropagation(h, f).run()
	if h.clash != nil {
		return nil, h.clash
	}
	for _, p := range Params(f) {
		if _, ok := h.tensors[p.Path]; !ok {
			return nil, fmt.Errorf("random:%d: what weight %s is for is not visible in this module: accepted are a .sotto file, a dump from"+
				" before the batch normalisations are folded, or a weights file", seed, p.Path)
		}
	}
	return h, nil
}

// recipe makes tensors on demand.
type recipe struct {
	seed    uint64
	choices map[string]string
	tensors map[string]tensor
	clash   error // a weight that has two shapes
}

// tensor says how to make one: uniform in ±bound where bound is set, else values, else value everywhere.
type tensor struct {
	shape  []int
	bound  float64
	values []float64
	value  float64
}

func (h *recipe) Initialised() string        { return fmt.Sprintf("random:%d", h.seed) }
func (h *recipe) Choices() map[string]string { return h.choices }
func (h *recipe) Close() error               { return nil }

// Weight makes the tensor of that path.
func (h *recipe) Weight(path string, shape []int) ([]float32, error) {
	t, ok := h.tensors[path]
	if !ok || !slices.Equal(t.shape, shape) {
		return nil, fmt.Errorf("random:%d: no weight %s of shape %v", h.seed, path, shape)
	}
	out := make([]float32, ir.Float(shape...).Len())
	switch {
	case t.bound > 0:
		drawUniform(out, h.seed, path, t.bound)
	case t.values != nil:
		for i, x := range t.values {
			out[i] = float32(x)
		}
	default:
		for i := range out {
			out[i] = float32(t.value)
		}
	}
	return out, nil
}

// drawUniform fills out with values uniform in ±bound, two of each 64 bits of a generator of this tensor's own. These
// are public test weights: the generator is not a cryptographic one.
func drawUniform(out []float32, seed uint64, path string, bound float64) {
	name := fnv.New64a()
	name.Write([]byte(path))
	r := rand.NewPCG(seed, name.Sum64())
	unit := float32(bound / (1 << 31))
	for i := 0; i < len(out); i += 2 {
		bits := r.Uint64()
		out[i] = float32(int32(bits)) * unit
		if i+1 < len(out) {
			out[i+1] = float32(int32(bits>>32)) * unit
		}
	}
}

// assign sets how the weight v is made, unless another layer that shares it came first.
func (h *recipe) assign(v *ir.Value, t tensor) {
	have, ok := h.tensors[v.Path]
	if !ok {
		t.shape = v.Type.Shape
		h.tensors[v.Path] = t
		return
	}
	if !slices.Equal(have.shape, v.Type.Shape) {
		h.clash = fmt.Errorf("weight %s has shapes %v and %v: accepted is one", v.Path, have.shape, v.Type.Shape)
	}
}

func (h *recipe) constant(v *ir.Value, x float64) { h.assign(v, tensor{value: x}) }

// linear assigns the weights of a convolution or linear layer.
func (h *recipe) linear(v *ir.Value) {
	w := v.Args[1]
	fanIn := float64(w.Type.Len() / w.Type.Shape[0])
	h.assign(w, tensor{bound: math.Sqrt(6 / fanIn)})
	if len(v.Args) > 2 {
		h.assign(v.Args[2], tensor{bound: 1 / math.Sqrt(fanIn)})
	}
}

// made gives the elements of an assigned weight, zeros for one with another shape, which clash reports.
func (h *recipe) made(v *ir.Value) []float32 {
	w, err := h.Weight(v.Path, v.Type.Shape)
	if err != nil {
		return make([]float32, v.Type.Len())
	}
	return w
}
