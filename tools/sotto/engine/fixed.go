package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/search"
)

// Fixed trains a network in fixed point: its step is that which two parties compute, on numbers that nobody shares, by the reference evaluation
// of the IR. What is evaluated is the network in float with the weights as the ring has them.
type Fixed struct {
	*Engine
	fixed   *ir.Func
	logits  *ir.Func              // the step of the logits of a relaxed space, if they have an optimiser; else nil
	decide  *ir.Func              // with it
	ring    map[string]*ir.Tensor // state by path; the engine's is what it stands for
	reached map[*ir.Value]uint64  // the greatest element, in the ring, of each value of the steps that were taken
	least   Margin
	outside error // of an element that leaves what the ring holds, or what is assumed of it
}

// Margin says where a run came nearest to the bounds of the ring, [-2^62, 2^62), which truncation needs, or to the end of the domain that roots are
// computed in.
type Margin struct {
	Bits float64 `json:"bits"` // the logarithm of what is left
	At   string  `json:"at"`   // path and op, and the domain if it is that
}

func (m *Margin) String() string {
	return fmt.Sprintf("the bounds were %.1f bits away at the nearest, at %s", m.Bits, m.At)
}

// FixedOptions say how numbers are written; zeros stand for what package fixedstep takes.
type FixedOptions struct{ Ring, Frac int }

// NewFixed makes an engine for a NET of one image. Training.Softmax is what it computes in softmax's place.
func NewFixed(net *ir.Module, o Options, how FixedOptions, d Data) (*Fixed, error) {
	e, err := New(net, o, d)
	if err != nil {
		return nil, err
	}
	m := e.network.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Training: &o.Training, Ring: how.Ring, Frac: how.Frac}, m, passes.ToFixedStep...); err != nil {
		return nil, err
	}
	f := &Fixed{Engine: e, fixed: m.Func("step"), logits: m.Func("step.logits"), decide: m.Func("decide"), ring: map[string]*ir.Tensor{}, reached: map[*ir.Value]uint64{}, least: Margin{Bits: math.Inf(1)}}
	for _, g := range m.Funcs {
		for _, v := range g.Body {
			if v.Op.State {
				f.ring[v.Path] = ir.NewTensor(v.Type)
			}
		}
	}
	f.round()
	return f, nil
}

// round takes the engine's state over.
func (f *Fixed) round() {
	for path, x := range f.ring {
		f.put(path, ir.Quantize(x.Type, f.state[path]))
	}
}

// put makes a tensor the state at a path.
func (f *Fixed) put(path string, x *ir.Tensor) {
	f.ring[path] = x
	for i, r := range x.Real() {
		f.state[path][i] = float32(r)
	}
}

// Step is search.Engine's. An element that leaves the bounds of the ring ends the run; what wrapped around between two values shows by that too,
// unless it came back to within them all, which of many elements is not likely.
func (f *Fixed) Step(b search.Batch, rate float64) (search.Metrics, error) {
	if f.state[steps][0] >= most-1 {
		return search.Metrics{}, fmt.Errorf("a run of 2^24 steps: accepted are fewer")
	}
	m, err := f.take(f.fixed, b, rate)
	if err == nil {
		f.state[steps][0]++
	}
	return m, err
}

// StepLogits takes a step of the optimiser of the logits (Training.OfLogits), as a search does by turns with Step, on other samples.
func (f *Fixed) StepLogits(b search.Batch, rate float64) (search.Metrics, error) {
	if f.logits == nil {
		return search.Metrics{}, fmt.Errorf("a step of logits: accepted is that of a relaxed space whose logits have an optimiser")
	}
	return f.take(f.logits, b, rate)
}

// Decide gives, for each site in the order of the logits' paths, which option has the greatest logit.
func (f *Fixed) Decide() ([]int, error) {
	if f.decide == nil {
		return nil, fmt.Errorf("a decision: accepted is that of a relaxed space whose logits have an optimiser")
	}
	run := ir.Runner{Weight: func(v *ir.Value) (*ir.Tensor, error) { return f.ring[v.Path], nil }}
	env, err := run.Run(f.decide)
	if err != nil {
		return nil, err
	}
	var options []int
	for _, i := range env[f.decide.Result].I {
		options = append(options, int(i))
	}
	return options, nil
}

// take runs a step on a batch.
func (f *Fixed) take(step *ir.Func, b search.Batch, rate float64) (search.Metrics, error) {
	if err := f.data.Fill(b, f.images, f.labels); err != nil {
		return search.Metrics{}, err
	}
	var in []*ir.Tensor
	for i, x := range [][]float32{f.images, f.labels, {float32(rate)}} {
		in = append(in, ir.Quantize(step.Params[i].Type, x))
	}
	next := map[string]*ir.Tensor{}
	run := ir.Runner{
		Weight: func(v *ir.Value) (*ir.Tensor, error) { return f.ring[v.Path], nil },
		Assign: func(v *ir.Value, x *ir.Tensor) { next[v.Path] = x },
		Visit:  f.measure,
	}
	env, err := run.Run(step, in...)
	if err != nil {
		return search.Metrics{}, err
	}
	if f.outside != nil {
		return search.Metrics{}, f.outside
	}
	for path, x := range next {
		f.put(path, x)
	}
	return f.judged(env[step.Result]), nil
}

// measure remembers the least margin, and the first value that has none or leaves the domain that a division or root is computed in.
func (f *Fixed) measure(v *ir.Value, x *ir.Tensor) {
	var most uint64
	for _, e := range x.I {
		most = max(most, uint64(max(e, ^e)))
	}
	at := strings.TrimSpace(v.Path + " " + v.Op.Name)
	end := domainEnd(v)
	switch reaches := math.Ldexp(float64(most), -x.Type.Elem.Frac); {
	case f.outside != nil:
	case most >= 1<<62:
		f.outside = fmt.Errorf("%s leaves [-2^62, 2^62), which the ring holds: accepted are fewer fraction bits (--frac), or a smaller rate", at)
	case reaches > end:
		f.outside = fmt.Errorf("%s reaches %.4g, and is divided by in numbers up to %g: accepted are smaller images or weights", at, reaches, end)
	}
	f.reached[v] = max(f.reached[v], most)
	if !math.IsInf(end, 1) {
		at = fmt.Sprintf("%s, of which roots are taken up to %g", at, end)
	}
	if left := bitsLeft(v, most); left < f.least.Bits {
		f.least = Margin{left, at}
	}
}

// domainEnd is the greatest number that a step computes with at a value, where that is less than the ring holds and the data alone keeps within it.
func domainEnd(v *ir.Value) float64 {
	if assumed := v.Floats("assumed"); len(assumed) == 2 {
		return assumed[1]
	}
	return math.Inf(1)
}

// bitsLeft is how much larger an element of a value may be.
func bitsLeft(v *ir.Value, element uint64) float64 {
	end := min(62, math.Log2(domainEnd(v))+float64(v.Type.Elem.Frac))
	return end - math.Log2(float64(element)+1)
}

// Least is the least margin of the steps of this engine; nil: it took none.
func (f *Fixed) Least() *Margin {
	if f.least.At == "" {
		return nil
	}
	least := f.least
	return &least
}

// Steps are the functions that steps are taken by, in fixed point: of weights and, if they have an optimiser, of logits.
func (f *Fixed) Steps() []*ir.Func {
	if f.logits == nil {
		return []*ir.Func{f.fixed}
	}
	return []*ir.Func{f.fixed, f.logits}
}

// Reach is how far the elements of a value came.
type Reach struct {
	Path string  `json:"path"`
	Op   string  `json:"op"`
	Most float64 `json:"most"` // the greatest absolute value
	Bits float64 `json:"bits"` // by which the ring, or the domain that a root is computed in, holds more
}

// Reached gives it for every value of the steps that this engine took, in the order of the functions.
func (f *Fixed) Reached() (all []Reach) {
	for _, step := range f.Steps() {
		for _, v := range step.Body {
			if most, ok := f.reached[v]; ok {
				all = append(all, Reach{v.Path, v.Op.Name, math.Ldexp(float64(most), -v.Type.Elem.Frac), bitsLeft(v, most)})
			}
		}
	}
	return all
}

// judged gives cross entropy, of softmax itself, and right answers by the logits of the batch.
func (f *Fixed) judged(logits *ir.Tensor) search.Metrics {
	n, classes, right, loss := f.data.Size(), f.data.Classes(), 0, 0.0
	z := make([]float32, logits.Type.All())
	for i, r := range logits.Real() {
		z[i] = float32(r)
	}
	for s := range n {
		z, label := z[s*classes:(s+1)*classes], f.labels[s*classes:(s+1)*classes]
		for i, p := range ir.Softmax(z) {
			loss -= float64(label[i]) * math.Log(max(float64(p), math.SmallestNonzeroFloat32))
		}
		if slices.Index(z, slices.Max(z)) == slices.Index(label, slices.Max(label)) {
			right++
		}
	}
	return search.Metrics{Loss: loss / float64(n), Accuracy: float64(right) / float64(n), Samples: n}
}

// Set and SetWeight overwrite state by what the ring has for it.
func (f *Fixed) Set(k search.Kind, src []float32) {
	f.Engine.Set(k, src)
	f.round()
}

func (f *Fixed) SetWeight(path string, x []float32) error {
	defer f.round()
	return f.Engine.SetWeight(path, x)
}

// A tensor of the ring is kept as limbs of 16 bits, lowest first, all of which float32 has: limbs ends its path.
const (
	limbs     = ".limbs"
	limbBits  = 16
	limbCount = 64 / limbBits
)

// State is search.Engine's: every number exactly.
func (f *Fixed) State() map[string][]float32 {
	out := f.Engine.State()
	for path, x := range f.ring {
		l := make([]float32, 0, limbCount*len(x.I))
		for _, e := range x.I {
			for i := range limbCount {
				l = append(l, float32(uint16(e>>(i*limbBits))))
			}
		}
		out[path+limbs] = l
	}
	return out
}

// Restore is search.Engine's.
func (f *Fixed) Restore(from map[string][]float32) error {
	for path, x := range f.ring {
		if l := from[path+limbs]; len(l) != limbCount*len(x.I) {
			return fmt.Errorf("state %s has %d limbs, accepted are %d", path, len(l), limbCount*len(x.I))
		}
	}
	if err := f.Engine.Restore(from); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(f.ring)) {
		x, l := ir.NewTensor(f.ring[path].Type), from[path+limbs]
		for i := range x.I {
			for j := range limbCount {
				x.I[i] |= int64(uint16(l[limbCount*i+j])) << (j * limbBits)
			}
		}
		f.put(path, x)
	}
	return nil
}

var _ search.LogitStepper = (*Fixed)(nil)
