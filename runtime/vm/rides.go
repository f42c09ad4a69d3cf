package vm

import (
	"fmt"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Ride is what travels with a message of the program although no instruction of it does: material that the parties make
// alone needs one message more than set-up has, and goes with the first of the offline phase.
type Ride struct {
	Tag  int // layer
	Move func() error
}

// Rides are what this party's first offline message carries besides, and the peer's, in the order of layers.
type Rides struct{ Send, Recv []Ride }

// board is the opcode of a ride: the machine's own, no program holds it. Its int is the ride's index.
const board program.Opcode = "material"

// Board puts the rides into a phase's levels as instructions. In a message the parts stand in the order of their layers.
func (r Rides) Board(phase cost.Phase, levels []program.Level) []program.Level {
	const first = 1 // level 0 only computes
	if phase != cost.Offline || len(r.Send)+len(r.Recv) == 0 {
		return levels
	}
	levels = slices.Clone(levels)
	for len(levels) <= first {
		levels = append(levels, program.Level{})
	}
	l := &levels[first]
	l.Send, l.Recv = boarded(l.Send, r.Send), boarded(l.Recv, r.Recv)
	return levels
}

func boarded(list []program.Instr, rides []Ride) []program.Instr {
	list = slices.Clone(list)
	for i, r := range rides {
		list = append(list, program.Instr{Op: board, Tag: r.Tag, Ints: []int{i}})
	}
	slices.SortStableFunc(list, func(a, b program.Instr) int { return a.Tag - b.Tag })
	return list
}

// ride moves one of them.
func ride(rides []Ride, in program.Instr) error {
	if len(in.Ints) != 1 || in.Ints[0] < 0 || in.Ints[0] >= len(rides) {
		return fmt.Errorf("no such instruction: %s", in.Op)
	}
	return rides[in.Ints[0]].Move()
}

// ImportItem takes the deferred part of an item of the material.
func (m *Machine[W]) ImportItem(item int, part func(item, part int, dst []W) error) error {
	for i, im := range m.Program.Imports {
		if im.Item != item || im.Part != deferredPart {
			continue
		}
		if err := m.importPart(i, part); err != nil {
			return err
		}
	}
	return nil
}

// deferredPart is the part of a deferred item that is there only once its message has moved.
const deferredPart = 0
