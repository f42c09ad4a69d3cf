package engine

import (
	"fmt"
	"slices"

	"sotto/backend/plain"
	"sotto/ir"
	"sotto/passes/search"
)

// Macro trains networks that share weights: those of a space whose parameters make the network. What two networks call by one path is one
// tensor if it has one shape. It does one thing at a time.
type Macro struct {
	data      Data
	options   Options
	elaborate Elaborate
	memory    plain.Memory
	store     map[string][]float32 // by path and shape
	kept      map[string]bool      // of the store, what functions read
	taken     map[string][]float32 // steps that were taken
	networks  map[string]*member
	images    []float32
	labels    []float32
}

// member is a network with its view of the store.
type member struct {
	*network
	state plain.State
}

// mostNetworks is how many compiled networks are kept, of some megabytes each: controllers draw the same ones again, and compiling takes as long as a step.
const mostNetworks = 256

// Elaborate gives a network of a space, a NET of one image, and what its weights begin with.
type Elaborate func(options []int) (*ir.Module, Init, error)

// NewMacro makes an engine for the networks of a space. Of the options, those of training count.
func NewMacro(elaborate Elaborate, o Options, d Data) *Macro {
	return &Macro{data: d, options: o, elaborate: elaborate, store: map[string][]float32{}, kept: map[string]bool{}, taken: map[string][]float32{steps: {0}},
		networks: map[string]*member{}}
}

// member gives a network of the space. Tensors that no network had before begin as elaborate says.
func (m *Macro) member(options []int) (*member, error) {
	name := fmt.Sprint(options)
	if n := m.networks[name]; n != nil {
		return n, nil
	}
	net, init, err := m.elaborate(options)
	if err != nil {
		return nil, err
	}
	n, err := derive(net, m.options.Training, m.data)
	if err != nil {
		return nil, err
	}
	fresh := plain.State{}
	out := &member{network: n, state: plain.State{}}
	for path, shape := range n.shapes {
		key := fmt.Sprint(path, shape)
		if m.store[key] == nil {
			m.store[key] = make([]float32, ir.Float(shape...).Len())
			fresh[path] = m.store[key]
		}
		out.state[path] = m.store[key]
		m.kept[key] = m.kept[key] || slices.Contains(n.kept, path)
	}
	m.images, m.labels = n.batch()
	if len(m.networks) >= mostNetworks {
		clear(m.networks)
	}
	m.networks[name] = out
	return out, begin(fresh, n, net.Funcs[0], init)
}

// Train is search.Sampler's.
func (m *Macro) Train(options []int, b search.Batch, rate float64) (search.Metrics, error) {
	if m.taken[steps][0] >= most-1 {
		return search.Metrics{}, fmt.Errorf("a run of 2^24 steps: accepted are fewer")
	}
	x, err := m.run("step", options, b, []float32{float32(rate)}, m.step())
	if err == nil {
		m.taken[steps][0]++
	}
	return x, err
}

// Eval is search.Sampler's. Normalisations go by the batch: running statistics are of all networks that share them.
func (m *Macro) Eval(options []int, b search.Batch) (search.Metrics, error) {
	return m.run("measure", options, b, m.step())
}

func (m *Macro) step() []float32 { return m.options.at(m.taken[steps][0]) }

func (m *Macro) run(name string, options []int, b search.Batch, more ...[]float32) (search.Metrics, error) {
	n, err := m.member(options)
	if err != nil {
		return search.Metrics{}, err
	}
	p, err := n.program(name)
	if err != nil {
		return search.Metrics{}, err
	}
	if err := m.data.Fill(b, m.images, m.labels); err != nil {
		return search.Metrics{}, err
	}
	loss, err := p.Run(&m.memory, n.state, append([][]float32{m.images, m.labels}, more...)...)
	if err != nil {
		return search.Metrics{}, err
	}
	size := m.data.Size()
	return search.Metrics{Loss: float64(loss[0]), Accuracy: float64(n.state[correct][0]) / float64(size), Samples: size}, nil
}

// Network gives the weights of one network as they are now, by path.
func (m *Macro) Network(options []int) (map[string][]float32, error) {
	n, err := m.member(options)
	if err != nil {
		return nil, err
	}
	out := map[string][]float32{}
	for _, path := range n.kept {
		out[path] = slices.Clone(n.state[path])
	}
	return out, nil
}

// State is search.Sampler's.
func (m *Macro) State() map[string][]float32 {
	out := map[string][]float32{steps: slices.Clone(m.taken[steps])}
	for key := range m.kept {
		if m.kept[key] {
			out[key] = slices.Clone(m.store[key])
		}
	}
	return out
}

// Restore is search.Sampler's: it takes what State gave, also before any network was made.
func (m *Macro) Restore(from map[string][]float32) error {
	if len(from[steps]) != 1 {
		return fmt.Errorf("state %s is missing", steps)
	}
	for key, x := range from {
		if have := m.store[key]; have != nil && len(have) != len(x) {
			return fmt.Errorf("state %s has %d elements, accepted are %d", key, len(x), len(have))
		}
	}
	for key, x := range from {
		switch {
		case key == steps:
			copy(m.taken[steps], x)
		case m.store[key] == nil:
			m.store[key], m.kept[key] = slices.Clone(x), true
		default:
			copy(m.store[key], x)
		}
	}
	return nil
}

var _ search.Sampler = (*Macro)(nil)
