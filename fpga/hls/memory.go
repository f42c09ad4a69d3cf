package hls

import (
	"sotto/fpga/lower"
	"sotto/ir/cost"
)

// MemoryFile lists what lies where in the boards' memories when a phase begins, and what is left when it has ended.
const MemoryFile = "memory.json"

// memoryMap is memory.json.
type memoryMap struct {
	Sotto   int           `json:"sotto"`
	Parties [2]partyPlace `json:"parties"`
}

// partyPlace is a board's. Constants are those of the program and the design, the same in all sessions.
type partyPlace struct {
	Party     string        `json:"party"`
	Constants []placed      `json:"constants"`
	Before    []placedValue `json:"before"` // a session's: the host, or a phase before, puts it there
	After     []placedValue `json:"after"`  // what a later phase, or the host, takes
}

// placed is words at a place.
type placed struct {
	What    string      `json:"what"`
	Space   lower.Space `json:"space"`
	Address uint32      `json:"address"`
	Words   int         `json:"words"`
}

// placedValue is a value at its place; Elements are its words of the ring, or its bits.
type placedValue struct {
	lower.Origin
	Space    lower.Space `json:"space"`
	Address  uint32      `json:"address"`
	Elements int         `json:"elements"`
}

// places lists the memories of both boards.
func (f *Folder) places() memoryMap {
	m := memoryMap{Sotto: ConfigVersion}
	for i, b := range f.Plan.Boards {
		p := partyPlace{Party: cost.Party(i).String(), Constants: constantPlaces(b), Before: []placedValue{}, After: []placedValue{}}
		used, made := read(b), writers(b)
		for n, v := range b.Values {
			at := placedValue{v.Origin, v.Space, v.Address, v.Len}
			if used[n] && len(made[n]) == 0 {
				p.Before = append(p.Before, at)
			}
			if v.Stays && (used[n] || len(made[n]) > 0) || b.Output != nil && b.Output.Value == n {
				p.After = append(p.After, at)
			}
		}
		m.Parties[i] = p
	}
	return m
}

// constantPlaces are weights, in the order in which their kernels take them, and tables.
func constantPlaces(b lower.Board) []placed {
	list := []placed{}
	for _, w := range b.Weights {
		list = append(list, placed{b.Program.Weights[w.Weight].Name, lower.RING, w.Address, w.Words})
	}
	for _, t := range b.Tables {
		list = append(list, placed{"table", lower.BITS, t.Address, len(t.Words)})
	}
	return list
}
