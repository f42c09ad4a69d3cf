package vm

import (
	"fmt"
	"maps"
	"slices"

	"sotto/runtime/program"
)

// Further gives the buffer of this party's part of a further input: Program.Further by its number.
func (m *Machine[W]) Further(i int) []W { return m.tensor(m.Program.Further[i]) }

// SetPublic gives the machine a public number, in fixed point as Program.Publics says: by its number. Both parties must give the same.
func (m *Machine[W]) SetPublic(i int, v W) { m.tensor(m.Program.Publics[i])[0] = v }

// LoadState copies this party's shares of all tensors of the program's state, by name, into the machine: between the phases.
// Each must be there with its elements, and nothing else.
func (m *Machine[W]) LoadState(shares map[string][]W) error {
	for _, s := range m.Program.State {
		share, ok := shares[s.Name]
		if !ok || len(share) != s.Len() {
			return fmt.Errorf("state %s of %d elements, accepted are %d (shape %v)", s.Name, len(share), s.Len(), s.Shape)
		}
		if s.In >= 0 {
			copy(m.r(program.Operand{Buf: s.In, Len: s.Len()}), share)
		}
	}
	if len(shares) != len(m.Program.State) {
		return fmt.Errorf("state %v, accepted are %v", slices.Sorted(maps.Keys(shares)), m.stateNames())
	}
	return nil
}

// stateNames lists the program's state.
func (m *Machine[W]) stateNames() []string {
	var names []string
	for _, s := range m.Program.State {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// State gives copies of the new shares of all tensors that the online phase has replaced, by name. The caller wipes them.
func (m *Machine[W]) State() map[string][]W {
	out := map[string][]W{}
	for _, s := range m.Program.State {
		if s.Out >= 0 {
			out[s.Name] = slices.Clone(m.r(program.Operand{Buf: s.Out, Len: s.Len()}))
		}
	}
	return out
}
