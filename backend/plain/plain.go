// Package plain compiles functions of TRAIN and NET, for one party that has everything in the clear: training steps, and evaluation. A
// function becomes a list of calls of runtime/kernel over one piece of memory, planned by liveness; state, that is weights, optimiser
// state and running statistics, lies outside it, in tensors by path. Programs compute the same bits whatever the number of cores.
package plain

import (
	"fmt"
	"slices"
	"time"

	"sotto/ir"
)

// State is tensors by path, which programs read and overwrite.
type State map[string][]float32

// Memory is what programs compute in, one at a time: as much as the greatest of them takes. The zero Memory is ready.
type Memory struct{ arena []float32 }

// Program is a compiled function.
type Program struct {
	name    string
	inputs  []*ir.Value
	calls   []*step
	copies  []store // at the end
	state   map[string]int
	result  place
	arena   int // elements
	scratch int // of which at the end are scratch
	// Watch, if set, is told how long each call took, with the value that it computes.
	Watch func(v *ir.Value, took time.Duration)
}

// store is a state tensor that is overwritten when all has been computed.
type store struct {
	path string
	from place
}

// place is where a tensor lies while its program runs.
type place struct {
	of    region
	path  string // of state
	index int    // of an input
	at    int    // in the arena
	n     int
}

type region uint8

const (
	inArena region = iota
	inState
	inInput
)

// State gives the state tensors that the program reads or writes, with their elements.
func (p *Program) State() map[string]int { return p.state }

// Arena is the elements of memory that the program takes, beside state and inputs.
func (p *Program) Arena() int { return p.arena }

// frame is what a run finds tensors in.
type frame struct {
	arena  []float32
	state  State
	inputs [][]float32
}

func (f *frame) at(p place) []float32 {
	switch p.of {
	case inState:
		return f.state[p.path]
	case inInput:
		return f.inputs[p.index]
	}
	return f.arena[p.at:][:p.n]
}

// Run computes the function: inputs have all samples one behind the other, and the result is a copy. State is overwritten as the function says.
func (p *Program) Run(m *Memory, state State, inputs ...[]float32) ([]float32, error) {
	if err := p.check(state, inputs); err != nil {
		return nil, err
	}
	if len(m.arena) < p.arena {
		m.arena = make([]float32, p.arena)
	}
	f := &frame{m.arena[:p.arena], state, inputs}
	for _, s := range p.calls {
		if err := p.call(s, f); err != nil {
			return nil, fmt.Errorf("@%s: %s (%s): %w", p.name, s.v, s.of.Op.Name, err)
		}
	}
	result := slices.Clone(f.at(p.result))
	for _, c := range p.copies {
		copy(state[c.path], f.at(c.from))
	}
	return result, nil
}

func (p *Program) call(s *step, f *frame) error {
	c := call{dst: f.at(s.to), args: s.slices, scratch: f.arena[p.arena-p.scratch:]}
	for i, from := range s.from {
		c.args[i] = f.at(from)
	}
	if p.Watch == nil {
		return s.run(&c)
	}
	start := time.Now()
	err := s.run(&c)
	p.Watch(s.v, time.Since(start))
	return err
}

// check demands the inputs and the state that the program was compiled for.
func (p *Program) check(state State, inputs [][]float32) error {
	if len(inputs) != len(p.inputs) {
		return fmt.Errorf("@%s takes %d input(s), not %d", p.name, len(p.inputs), len(inputs))
	}
	for i, v := range p.inputs {
		if len(inputs[i]) != v.Type.All() {
			return fmt.Errorf("@%s: input %s has %d elements, accepted is %s", p.name, v, len(inputs[i]), v.Type)
		}
	}
	for path, n := range p.state {
		if len(state[path]) != n {
			return fmt.Errorf("@%s: state %s has %d elements, accepted are %d", p.name, path, len(state[path]), n)
		}
	}
	return nil
}
