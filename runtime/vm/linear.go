package vm

import (
	"slices"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// linears are a program's linear maps with their weights packed, its maps of batches, and the memory that all take in turn.
type linears[W ring.Word] struct {
	packed  map[*int]*kernel.Packed[W] // by where an instruction's ints lie
	batches map[batchKey]bilinear[W]
	scratch []W
}

// Pack puts the weights of all linear maps, but for those that native kernels compute, in the order in which the kernels read
// them. Afterwards the machine holds no others but those that channels have one of. Without it, the first linear map does so.
func (m *Machine[W]) Pack() error {
	if m.linears.packed != nil {
		return nil
	}
	m.linears.packed, m.linears.batches = map[*int]*kernel.Packed[W]{}, map[batchKey]bilinear[W]{}
	shifts, scratch, moved := make([][]W, len(m.Weights)), 0, 0
	for i, l := range slices.Concat(m.Program.Offline, m.Program.Online) {
		for j, in := range l.Compute {
			if m.covered(place{i - len(m.Program.Offline), j}) {
				continue
			}
			moved = max(moved, len(in.In))
			switch in.Op {
			case program.SumPool:
				t := program.PoolGeometry(in.Ints)
				m.mover.Reserve(t.C * t.W)
			case program.BatchConv, program.BatchConvX, program.BatchConvW:
				f, err := planBilinear[W](in.Op, in.Ints)
				if err != nil {
					return m.located(in, err)
				}
				m.linears.batches[batchKey{in.Op, &in.Ints[0]}] = f
				scratch = max(scratch, f.scratch)
			case program.Shift, program.QuadraticBlind, program.QuadraticServer, program.RoundedCorrelate, program.RoundedServer:
				shifts[in.Ints[0]] = m.Weights[in.Ints[0]]
			case program.Conv, program.Linear:
				if in.Elementwise() {
					shifts[in.Ints[0]] = m.Weights[in.Ints[0]]
					if in.Ints[1] >= 0 {
						shifts[in.Ints[1]] = m.Weights[in.Ints[1]]
					}
					continue
				}
				p, err := pack(in.Op, in.Ints[2:], m.Weights[in.Ints[0]], m.bias(in))
				if err != nil {
					return m.located(in, err)
				}
				m.linears.packed[&in.Ints[0]] = p
				scratch = max(scratch, p.Scratch())
			}
		}
	}
	m.linears.scratch, m.Weights, m.moved = make([]W, scratch), shifts, make([][]W, 0, moved)
	ring.Wipe(m.linears.scratch) // so that the system gives it memory before there is an input
	return m.stream()
}

// bias gives the bias of a linear map, or nil.
func (m *Machine[W]) bias(in program.Instr) []W {
	if in.Ints[1] < 0 {
		return nil
	}
	return m.Weights[in.Ints[1]]
}

func pack[W ring.Word](op program.Opcode, ints []int, w, bias []W) (*kernel.Packed[W], error) {
	if op == program.Linear {
		return kernel.PackLinear(ints[0], ints[1], w, bias)
	}
	return kernel.PackConv(program.Geometry(ints), w, bias)
}

// linear computes W*x + u (+ bias): u is this party's share of the product of the weights with the mask.
func (m *Machine[W]) linear(in program.Instr) error {
	if err := m.Pack(); err != nil {
		return err
	}
	return m.linears.packed[&in.Ints[0]].Apply(m.r(in.Out[0]), m.r(in.In[0]), m.r(in.In[1]), m.linears.scratch)
}

func (l *linears[W]) wipe() {
	for _, p := range l.packed {
		p.Wipe()
	}
	ring.Wipe(l.scratch)
}
