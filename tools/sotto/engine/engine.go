// Package engine trains networks on this machine: it derives their training functions, compiles them with backend/plain and holds their
// state. It is what passes/search calls an Engine.
package engine

import (
	"fmt"
	"slices"
	"strings"

	"sotto/backend/plain"
	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/search"
)

// Data gives batches of images and labels.
type Data interface {
	// Size is the images of a batch, Classes what they are of.
	Size() int
	Classes() int
	// Samples is the images of a split, Batches the whole batches of an epoch of it.
	Samples(s search.Split) int
	Batches(s search.Split) int
	// Fill gives a batch of Size images and their labels, one hot. It is a function of b alone.
	Fill(b search.Batch, images, labels []float32) error
	// Whole gives a split in order, batch after batch: n images, none past the end. What is left of the batch is zeros, labels too.
	Whole(s search.Split, number int, images, labels []float32) (n int, err error)
}

// Options say how to train.
type Options struct {
	// Training is the optimiser's; the batch is the data's.
	Training pass.Training
	// Seed is that of dropout. Its low 24 bits count.
	Seed uint64
	// Init gives what weights begin with, running statistics too; logits begin as zeros. Nil: zeros, for Restore or SetWeight to overwrite.
	Init Init
}

// Init gives a weight by its path.
type Init func(path string, shape []int) ([]float32, error)

// correct is the path under which functions leave how many answers were correct, and steps the one of how many steps were taken.
const (
	correct = "metrics.correct"
	steps   = "engine.steps"
)

// most is where float32 no longer has every integer: seeds and steps are inputs of functions.
const most = 1 << 24

// at is the input that says which step is taken, the one after those that were.
func (o Options) at(taken float32) []float32 { return []float32{float32(o.Seed % most), taken + 1} }

// Engine is a network that is being trained, or a space whose choices are relaxed. It does one thing at a time.
type Engine struct {
	data    Data
	options Options
	network *network
	memory  plain.Memory
	state   plain.State
	kept    []string // the paths of state that functions read, sorted: what a resumed run needs
	weights []string // trained ones, sorted
	logits  []string // site by site
	images  []float32
	labels  []float32
}

// New makes an engine for a NET, relaxed or not, of one image.
func New(net *ir.Module, o Options, d Data) (*Engine, error) {
	n, err := derive(net, o.Training, d)
	if err != nil {
		return nil, err
	}
	e := &Engine{data: d, options: o, network: n, state: plain.State{steps: {0}}}
	e.images, e.labels = n.batch()
	for path, shape := range n.shapes {
		e.state[path] = make([]float32, ir.Float(shape...).Len())
	}
	e.weights, e.logits, e.kept = n.weights, n.logits, append(n.kept, steps)
	slices.Sort(e.kept)
	return e, begin(e.state, n, net.Funcs[0], o.Init)
}

// begin fills those tensors that are there with weights, but for logits.
func begin(state plain.State, n *network, net *ir.Func, init Init) error {
	for _, v := range net.Body {
		if !v.Is("param") || init == nil || state[v.Path] == nil || slices.Contains(n.logits, v.Path) {
			continue
		}
		x, err := init(v.Path, v.Type.Shape)
		if err == nil && len(x) != len(state[v.Path]) {
			err = fmt.Errorf("%d elements, accepted are %d", len(x), len(state[v.Path]))
		}
		if err != nil {
			return fmt.Errorf("@%s: weight %s: %w", net.Name, v.Path, err)
		}
		copy(state[v.Path], x)
	}
	return nil
}

// paths gives those of a kind of state.
func (e *Engine) paths(k search.Kind) []string {
	switch k {
	case search.Weights:
		return e.weights
	case search.Logits:
		return e.logits
	}
	velocities := slices.Clone(e.weights)
	for i := range velocities {
		velocities[i] += velocity
	}
	return velocities
}

// velocity ends the paths of SGD's momentum buffers, gradient those of what @gradient leaves.
const (
	velocity = ".sgd.velocity"
	gradient = ".grad"
)

// Len is the elements of a kind of state.
func (e *Engine) Len(k search.Kind) int {
	if k == search.Velocity {
		k = search.Weights
	}
	n := 0
	for _, path := range e.paths(k) {
		n += len(e.state[path])
	}
	return n
}

// Get copies a kind of state out. The velocity of an optimiser without one is zero.
func (e *Engine) Get(k search.Kind, dst []float32) {
	if k == search.Velocity {
		clear(dst)
	}
	gather(e.state, e.paths(k), "", dst)
}

// Set copies a kind of state in.
func (e *Engine) Set(k search.Kind, src []float32) {
	for _, path := range e.paths(k) {
		if x := e.state[path]; x != nil {
			copy(x, src)
			src = src[len(x):]
		}
	}
}

func (e *Engine) step() []float32 { return e.options.at(e.state[steps][0]) }

// Gradient is search.Engine's.
func (e *Engine) Gradient(b search.Batch, weights, logits []float32) (float64, error) {
	name := "gradient"
	if weights == nil && len(e.logits) > 0 {
		name = "gradient.logits"
	}
	if err := e.data.Fill(b, e.images, e.labels); err != nil {
		return 0, err
	}
	loss, err := e.run(name, e.images, e.labels, e.step())
	if err != nil {
		return 0, err
	}
	gather(e.state, e.weights, gradient, weights)
	gather(e.state, e.logits, gradient, logits)
	return loss, nil
}

// Step is search.Engine's.
func (e *Engine) Step(b search.Batch, rate float64) (search.Metrics, error) {
	if e.state[steps][0] >= most-1 {
		return search.Metrics{}, fmt.Errorf("a run of 2^24 steps: accepted are fewer")
	}
	if err := e.data.Fill(b, e.images, e.labels); err != nil {
		return search.Metrics{}, err
	}
	loss, err := e.run("step", e.images, e.labels, []float32{float32(rate)}, e.step())
	if err != nil {
		return search.Metrics{}, err
	}
	e.state[steps][0]++
	return e.metrics(loss, e.data.Size()), nil
}

func (e *Engine) metrics(loss float64, samples int) search.Metrics {
	return search.Metrics{Loss: loss, Accuracy: float64(e.state[correct][0]) / float64(samples), Samples: samples}
}

// Eval is search.Engine's.
func (e *Engine) Eval(s search.Split) (search.Metrics, error) {
	var sum search.Metrics
	right := 0.0
	for number := 0; ; number++ {
		n, err := e.data.Whole(s, number, e.images, e.labels)
		if err != nil || n == 0 {
			sum.Loss, sum.Accuracy = sum.Loss/float64(max(1, sum.Samples)), right/float64(max(1, sum.Samples))
			return sum, err
		}
		loss, err := e.run("eval", e.images, e.labels)
		if err != nil {
			return sum, err
		}
		sum.Loss += loss * float64(e.data.Size()) // labels of zeros add nothing to the mean over the batch
		right += float64(e.state[correct][0])
		sum.Samples += n
	}
}

// Answers gives the network's outputs, with running statistics, for n images, Classes numbers each.
func (e *Engine) Answers(images []float32, n int) ([]float32, error) {
	of := len(e.images) / e.data.Size()
	if len(images) < n*of {
		return nil, fmt.Errorf("%d images of %d numbers: there are %d numbers", n, of, len(images))
	}
	var out []float32
	batch := make([]float32, len(e.images))
	for at := 0; at < n; at += e.data.Size() {
		here := min(e.data.Size(), n-at)
		clear(batch[copy(batch, images[at*of:(at+here)*of]):])
		p, err := e.network.program("net")
		if err != nil {
			return nil, err
		}
		y, err := p.Run(&e.memory, e.state, batch)
		if err != nil {
			return nil, err
		}
		out = append(out, y[:here*len(y)/e.data.Size()]...)
	}
	return out, nil
}

// run runs a function that gives a loss.
func (e *Engine) run(name string, inputs ...[]float32) (float64, error) {
	p, err := e.network.program(name)
	if err != nil {
		return 0, err
	}
	loss, err := p.Run(&e.memory, e.state, inputs...)
	if err != nil {
		return 0, err
	}
	return float64(loss[0]), nil
}

// State is search.Engine's: copies.
func (e *Engine) State() map[string][]float32 {
	out := map[string][]float32{}
	for _, path := range e.kept {
		out[path] = slices.Clone(e.state[path])
	}
	return out
}

// Restore is search.Engine's.
func (e *Engine) Restore(from map[string][]float32) error { return restore(e.state, e.kept, from) }

func restore(state plain.State, kept []string, from map[string][]float32) error {
	for _, path := range kept {
		if x, ok := from[path]; !ok || len(x) != len(state[path]) {
			return fmt.Errorf("state %s has %d elements, accepted are %d", path, len(x), len(state[path]))
		}
	}
	for _, path := range kept {
		copy(state[path], from[path])
	}
	return nil
}

// Weight gives a copy of a weight as it is now: an Engine is pass.Weights.
func (e *Engine) Weight(path string, shape []int) ([]float32, error) {
	x := e.state[path]
	if n := ir.Float(shape...).Len(); x == nil || len(x) != n {
		return nil, fmt.Errorf("weight %s has %d elements, asked for are %d", path, len(x), n)
	}
	return slices.Clone(x), nil
}

// SetWeight overwrites a weight.
func (e *Engine) SetWeight(path string, x []float32) error {
	if strings.HasSuffix(path, gradient) || e.state[path] == nil || len(e.state[path]) != len(x) {
		return fmt.Errorf("weight %s has %d elements, accepted are %d", path, len(x), len(e.state[path]))
	}
	copy(e.state[path], x)
	return nil
}

// gather copies tensors with a suffix to their paths into one vector, unless that is nil.
func gather(state plain.State, paths []string, suffix string, dst []float32) {
	for _, path := range paths {
		if dst != nil {
			dst = dst[copy(dst, state[path+suffix]):]
		}
	}
}

var _ search.Engine = (*Engine)(nil)
