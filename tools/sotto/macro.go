package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"sotto/frontend"
	"sotto/passes/search"
)

// macroSpace is a space whose vectors of parameters make its networks, such as `let kernels[6] in {3, 5}` and `let take[6][6] in {0, 1}`: of a vector,
// element l is decided in layer l; of a matrix of zeros and ones, element l, j < l says whether layer l takes what layer j made.
type macroSpace struct {
	n         *network
	decisions []search.Decision
	slots     []slot // of each decision
}

// slot is an element of a parameter, and the values that options 0, 1, ... stand for.
type slot struct {
	param  int
	index  int
	values []int
}

// newMacroSpace takes the vectors of a network's parameters that are open; scalars are as they were picked.
func newMacroSpace(n *network) (*macroSpace, error) {
	m := &macroSpace{n: n}
	layers := 0
	for _, p := range n.params {
		if _, set := n.options.Params[p.Name]; !set && len(p.Dims) > 0 {
			layers = max(layers, p.Dims[0])
		}
	}
	for layer := range layers {
		for i, p := range n.params {
			if _, set := n.options.Params[p.Name]; set || len(p.Dims) == 0 || layer >= p.Dims[0] {
				continue
			}
			if err := m.add(layer, i, p); err != nil {
				return nil, err
			}
		}
	}
	if len(m.decisions) == 0 {
		return nil, fmt.Errorf("@%s has no vector of parameters that is open: accepted are spaces such as those with `let kernels[6] in {3, 5}`", n.fn().Name)
	}
	return m, nil
}

// add adds a parameter's decisions of a layer.
func (m *macroSpace) add(layer, number int, p frontend.Param) error {
	switch len(p.Dims) {
	case 1:
		m.decisions = append(m.decisions, search.Decision{Options: len(p.Values), Group: p.Name, Layer: layer, From: search.Op})
		m.slots = append(m.slots, slot{number, layer, counting(len(p.Values))})
		return nil
	case 2:
		zero, one := slices.Index(p.Values, "0"), slices.Index(p.Values, "1")
		if len(p.Values) != 2 || zero < 0 || one < 0 {
			return fmt.Errorf("parameter %s has the values %s: accepted for a matrix are 0 and 1, which say what layers take", p.Name, strings.Join(p.Values, ", "))
		}
		for from := range min(layer, p.Dims[1]) {
			m.decisions = append(m.decisions, search.Decision{Options: 2, Group: p.Name, Layer: layer, From: from})
			m.slots = append(m.slots, slot{number, layer*p.Dims[1] + from, []int{zero, one}})
		}
		return nil
	}
	return fmt.Errorf("parameter %s has %d dimensions: accepted are vectors, and matrices of 0 and 1", p.Name, len(p.Dims))
}

func counting(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// params are the indices of all parameters for a network's options.
func (m *macroSpace) params(options []int) map[string][]int {
	out := maps.Clone(m.n.options.Params)
	if out == nil {
		out = map[string][]int{}
	}
	for i, s := range m.slots {
		p := m.n.params[s.param]
		if out[p.Name] == nil {
			out[p.Name] = m.unset(p)
		}
		out[p.Name][s.index] = s.values[options[i]]
	}
	return out
}

// unset are a parameter's elements before any is decided: those of a matrix are 0.
func (m *macroSpace) unset(p frontend.Param) []int {
	all := make([]int, len(p.Chosen))
	if len(p.Dims) == 2 {
		for i := range all {
			all[i] = slices.Index(p.Values, "0")
		}
	}
	return all
}

// network elaborates the one with these options.
func (m *macroSpace) network(options []int) (*network, error) {
	opts := m.n.options
	opts.Params = m.params(options)
	space, err := frontend.Elaborate(m.n.file, opts)
	if err != nil {
		return nil, err
	}
	out := *m.n
	out.module, out.params, out.options = space.Module, space.Params, opts
	return &out, nil
}

// valuesText is a parameter's value as a decision file has it.
func valuesText(p frontend.Param, indices []int) string {
	var values []string
	for _, i := range indices {
		values = append(values, p.Values[i])
	}
	return strings.Join(values, ",")
}

// drawn draws so many networks, all alike probable. Options are of the numbers' upper bits: the lowest of the first ones agree for seeds such as 1 and 2.
func (m *macroSpace) drawn(count int, seed uint64) (all [][]int) {
	r := rand.New(rand.NewPCG(seed, uint64(count)))
	for range count {
		options := make([]int, len(m.decisions))
		for i, d := range m.decisions {
			options[i] = int(r.Float64() * float64(d.Options))
		}
		all = append(all, options)
	}
	return all
}
