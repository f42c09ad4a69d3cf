// Package hls writes what a plan of fpga/lower needs to run on two boards: the kernels' instances, the images of both memories, the
// commands, build files, and a C-simulation that holds every result against the CPU runtime's.
package hls

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/vm"
)

// Recording is one party's session as the CPU runtime ran it: what was there before the phase that hardware runs, and sums over what each
// instruction of that phase made. It is a vm.Recorder. It holds secrets of the party: it is for inputs and weights that are drawn for a test.
type Recording struct {
	Program *program.Program
	Weights [][]byte // as the program lists them, words of its ring
	Phases  lower.Phases
	Begun   vm.Beginning      // of the first of them, with the input
	Kept    map[Source][]byte // what was asked for
	Results map[Source]Sums   // of the phase

	mu      sync.Mutex
	wanted  map[Source]bool
	streams map[vm.StreamName]*memory
	sources map[*program.Operand][]Source
}

// Source is where a vector comes from: an import of the program, or a result of an instruction. What several instructions make part by
// part is the first one's.
type Source struct {
	Import int         // from 1; 0: an instruction's
	Place  lower.Place // of the instruction
	Result int
}

// sourceOf is where a value of a plan comes from; ok is false of what no instruction and no import is.
func sourceOf(o lower.Origin) (s Source, ok bool) {
	switch o.Kind {
	case lower.Imported:
		return Source{Import: o.Index + 1}, true
	case lower.Earlier, lower.Made, lower.Drawn:
		return Source{Place: o.Place, Result: o.Result}, true
	}
	return s, false
}

// Wanted lists what a board's memory holds before its first command that a session must keep.
func Wanted(b lower.Board) (list []Source) {
	used := read(b)
	for i, v := range b.Values {
		if s, ok := sourceOf(v.Origin); ok && used[i] && v.Origin.Kind != lower.Made {
			list = append(list, s)
		}
	}
	return list
}

// NewRecording is ready to record a session of a program whose weights are given as bytes: the results of a phase as sums, and what is
// wanted of what was there before.
func NewRecording(p *program.Program, weights [][]byte, phases lower.Phases, wanted []Source) *Recording {
	r := &Recording{Program: p, Weights: weights, Phases: phases, Kept: map[Source][]byte{}, Results: map[Source]Sums{}, wanted: map[Source]bool{},
		streams: map[vm.StreamName]*memory{}, sources: map[*program.Operand][]Source{}}
	for _, w := range wanted {
		r.wanted[w] = true
	}
	r.trace()
	return r
}

// trace finds the source of every result.
func (r *Recording) trace() {
	owner := make([]Source, len(r.Program.Buffers)) // of what lies in each buffer
	for phase, levels := range [][]program.Level{cost.Offline: r.Program.Offline, cost.Online: r.Program.Online} {
		for i, l := range levels {
			for k, list := range [][]program.Instr{l.Send, l.Recv, l.Compute} {
				for j, in := range list {
					r.results(in, lower.Place{Phase: cost.Phase(phase), Level: i, Part: lower.Part(k), Index: j}, owner)
				}
			}
		}
	}
}

func (r *Recording) results(in program.Instr, at lower.Place, owner []Source) {
	if len(in.Out) == 0 {
		return
	}
	const first = 1 // of the numbers of what writes a part: its first instance
	for i, o := range in.Out {
		if !in.WritesPart() || in.Ints[first] == 0 {
			owner[o.Buf] = Source{Place: at, Result: i}
		}
		r.sources[&in.Out[0]] = append(r.sources[&in.Out[0]], owner[o.Buf])
	}
}

// Stream keeps a stream in memory.
func (r *Recording) Stream(n vm.StreamName) (vm.Stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &memory{}
	r.streams[n] = s
	return s, nil
}

// Streamed is what was written to a stream.
func (r *Recording) Streamed(n vm.StreamName) ([]byte, error) {
	s := r.streams[n]
	if s == nil {
		return nil, fmt.Errorf("the %s's session has no stream %s", r.Program.Party, n)
	}
	return s.all, nil
}

// Imported keeps an import that is wanted.
func (r *Recording) Imported(index int, part []byte) error {
	r.keep(Source{Import: index + 1}, part)
	return nil
}

// Begins keeps what the first phase begins with, and the input.
func (r *Recording) Begins(b vm.Beginning) error {
	if b.Phase == r.Phases.First {
		r.Begun = b
	}
	if r.Phases.Has(b.Phase) {
		r.Begun.Input = slices.Clone(b.Input)
	}
	return nil
}

// Done keeps sums over an instruction's results, and those that are wanted.
func (r *Recording) Done(phase cost.Phase, in program.Instr, results [][]byte) error {
	from, ok := r.sources[&in.Out[0]]
	if !ok {
		return fmt.Errorf("%s is no instruction of the program", in.Op)
	}
	for i, b := range results {
		if o := in.Out[i]; r.Program.Buffers[o.Buf].Kind == program.Bits {
			b = trimmed(b, o.Len)
		}
		r.keep(from[i], b)
		if r.Phases.Has(phase) {
			r.sum(from[i], in.Out[i], b)
		}
	}
	return nil
}

func (r *Recording) keep(s Source, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wanted[s] {
		r.Kept[s] = slices.Clone(b)
	}
}

// sum keeps the sums over an operand in the words of its space.
func (r *Recording) sum(s Source, o program.Operand, b []byte) {
	word := r.Program.Ring / 8
	if r.Program.Buffers[o.Buf].Kind == program.Bits {
		word = wordBytes
	}
	sums := sumWords(b, word)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Results[s] = sums
}

// memory is a stream in memory that forgets nothing.
type memory struct {
	all  []byte
	left bytes.Reader
	read bool
}

func (m *memory) Write(p []byte) (int, error) {
	m.all = append(m.all, p...)
	return len(p), nil
}

func (m *memory) Read(p []byte) (int, error) {
	if !m.read { // what is written is whole before it is read
		m.left.Reset(m.all)
		m.read = true
	}
	return m.left.Read(p)
}

func (m *memory) Close() error { return nil }
