package hls

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/vm"
)

// Recording is one party's online phase as the CPU runtime ran it: what it started from, and sums over the results of each instruction.
// It is a vm.Recorder. It holds secrets of both the party and its material: it is for inputs and weights that are drawn for a test.
type Recording struct {
	Program *program.Program
	Weights [][]byte // as the program lists them, words of its ring
	Buffers [][]byte // before the first online instruction
	Batches []Keys   // of garbled batches
	Results map[Place][]Sums

	mu      sync.Mutex
	streams map[vm.StreamName]*memory
	places  map[*program.Operand]Place
}

// Place is where an instruction of the online phase stands.
type Place struct {
	Level int     `json:"level"`
	Part  Portion `json:"part"`
	Index int     `json:"index"`
}

// Portion is the list of a level that an instruction stands in.
type Portion string

const (
	Sends    Portion = "send"
	Receives Portion = "recv"
	Computes Portion = "compute"
)

// Keys are a garbled batch's secrets at one party: the evaluator has the hash's key alone.
type Keys struct {
	Hash  prg.Block
	Delta prg.Block
	Seed  prg.Seed
}

// NewRecording is ready to record a program whose weights are given as bytes.
func NewRecording(p *program.Program, weights [][]byte) *Recording {
	r := &Recording{Program: p, Weights: weights, Results: map[Place][]Sums{}, streams: map[vm.StreamName]*memory{}, places: map[*program.Operand]Place{}}
	for i, l := range p.Online {
		for part, list := range map[Portion][]program.Instr{Sends: l.Send, Receives: l.Recv, Computes: l.Compute} {
			for j, in := range list {
				if len(in.Out) > 0 {
					r.places[&in.Out[0]] = Place{i, part, j}
				}
			}
		}
	}
	return r
}

// At gives the instruction at a place.
func (r *Recording) At(p Place) program.Instr {
	l := r.Program.Online[p.Level]
	return map[Portion][]program.Instr{Sends: l.Send, Receives: l.Recv, Computes: l.Compute}[p.Part][p.Index]
}

// Stream keeps a stream in memory.
func (r *Recording) Stream(n vm.StreamName) (vm.Stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &memory{}
	r.streams[n] = s
	return s, nil
}

// Streamed is what was written to a stream before the online phase.
func (r *Recording) Streamed(n vm.StreamName) ([]byte, error) {
	s := r.streams[n]
	if s == nil {
		return nil, fmt.Errorf("the %s's recording has no stream %s", r.Program.Party, n)
	}
	return s.all, nil
}

// Begins keeps the state that the online phase starts from.
func (r *Recording) Begins(buffers [][]byte, batches []vm.Batch) error {
	for _, b := range buffers {
		r.Buffers = append(r.Buffers, slices.Clone(b))
	}
	for _, b := range batches {
		r.Batches = append(r.Batches, Keys{b.Key, b.Delta, b.Seed})
	}
	for _, s := range r.streams {
		s.all = slices.Clone(s.left.Bytes())
	}
	return nil
}

// Done keeps sums over an instruction's results.
func (r *Recording) Done(in program.Instr, results [][]byte) error {
	at, ok := r.places[&in.Out[0]]
	if !ok {
		return fmt.Errorf("%s is no instruction of the program's online phase", in.Op)
	}
	sums := make([]Sums, len(results))
	for i, b := range results {
		sums[i] = r.sum(in.Out[i], b)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Results[at] = sums
	return nil
}

// sum is the sums over an operand in the words of its space.
func (r *Recording) sum(o program.Operand, b []byte) Sums {
	if r.Program.Buffers[o.Buf].Kind == program.Bits {
		return sumWords(trimmed(b, o.Len), wordBytes(BitsWord))
	}
	return sumWords(b, r.Program.Ring/8)
}

// memory is a stream in memory.
type memory struct {
	left bytes.Buffer
	all  []byte
}

func (m *memory) Write(p []byte) (int, error) { return m.left.Write(p) }
func (m *memory) Read(p []byte) (int, error)  { return m.left.Read(p) }
func (m *memory) Close() error                { return nil }
