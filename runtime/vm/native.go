package vm

import (
	"fmt"
	"time"
	"unsafe"

	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/kernel/native"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Native is a library of kernels for a program, with the program's weights packed for it: what machines have in common.
type Native[W ring.Word] struct {
	plan    *program.Native
	symbols map[string]uintptr
	weights map[int][]W // that stages read as they are
	panels  [][]W
}

// NewNative finds the functions of a library and packs the weights. The plan must have passed Check.
func NewNative[W ring.Word](plan *program.Native, lib *native.Library, weights [][]W) (*Native[W], error) {
	n := &Native[W]{plan: plan, symbols: map[string]uintptr{}, weights: map[int][]W{}}
	for _, r := range plan.Regions {
		for _, s := range r.Stages {
			at, err := lib.Symbol(s.Symbol)
			if err != nil {
				return nil, fmt.Errorf("native kernels: %w", err)
			}
			n.symbols[s.Symbol] = at
			for _, a := range s.Args {
				if a.Kind == program.WeightArg {
					n.weights[a.Index] = weights[a.Index]
				}
			}
		}
	}
	for _, w := range plan.Panels {
		p := kernel.Panels{Groups: w.Groups, Out: w.Out, Depth: w.Depth, Width: w.Width}
		packed := make([]W, p.Len())
		if err := kernel.Pack(p, packed, weights[w.Weight]); err != nil {
			return nil, err
		}
		n.panels = append(n.panels, packed)
	}
	return n, nil
}

// region is the calls that stand for instructions of a level.
type region struct {
	count  int
	stages []stage
}

// stage is a call with the lists of its arguments, one for each worker.
type stage struct {
	program.Stage
	call  *native.Call
	lists [][]unsafe.Pointer
}

// place is where a region begins: a level of the online phase and an instruction of its computations.
type place struct{ level, first int }

// nativeRun is a machine's part of native kernels.
type nativeRun struct {
	regions map[place]region
	inside  map[place]bool // the instructions of regions
	scratch [][]uint64     // shared memory, then that of each worker
}

// UseNative has the machine compute with native kernels where there are some: before it packs its weights or runs.
func (m *Machine[W]) UseNative(n *Native[W]) {
	run := &nativeRun{regions: map[place]region{}, inside: map[place]bool{}, scratch: [][]uint64{aligned(n.plan.Shared)}}
	for range native.Workers() {
		run.scratch = append(run.scratch, aligned(n.plan.Worker))
	}
	for _, r := range n.plan.Regions {
		bound := region{count: r.Count}
		for _, s := range r.Stages {
			bound.stages = append(bound.stages, m.bind(n, s, run.scratch))
		}
		run.regions[place{r.Level, r.First}] = bound
		for i := range r.Count {
			run.inside[place{r.Level, r.First + i}] = true
		}
	}
	m.native = run
	run.wipe() // so that the system gives it memory before there is an input
}

// aligned gives scratch memory that begins where a vector of any size may.
func aligned(bytes int) []uint64 {
	const vector, word = 64, 8
	all := make([]uint64, (bytes+vector)/word+vector/word)
	skip := (vector - uintptr(unsafe.Pointer(unsafe.SliceData(all)))%vector) % vector
	return all[skip/word:]
}

// bind makes a stage's lists of arguments. Buffers are still missing.
func (m *Machine[W]) bind(n *Native[W], s program.Stage, scratch [][]uint64) stage {
	lists := make([][]unsafe.Pointer, len(scratch)-1)
	for worker := range lists {
		for _, a := range s.Args {
			lists[worker] = append(lists[worker], n.argument(a, scratch[0], scratch[1+worker]))
		}
	}
	return stage{s, native.NewCall(n.symbols[s.Symbol], s.Units, s.Grain, lists), lists}
}

// argument gives what an argument points to, if it is no buffer.
func (n *Native[W]) argument(a program.Arg, shared, worker []uint64) unsafe.Pointer {
	switch a.Kind {
	case program.WeightArg:
		return unsafe.Pointer(unsafe.SliceData(n.weights[a.Index]))
	case program.PanelsArg:
		return unsafe.Pointer(unsafe.SliceData(n.panels[a.Index]))
	case program.SharedArg:
		return unsafe.Add(unsafe.Pointer(unsafe.SliceData(shared)), a.Index)
	case program.WorkerArg:
		return unsafe.Pointer(unsafe.SliceData(worker))
	}
	return nil
}

// buffers puts the places of buffers into a stage's lists: they may change from level to level.
func (m *Machine[W]) buffers(s stage) {
	for i, a := range s.Args {
		if a.Kind != program.BufferArg {
			continue
		}
		at := unsafe.Pointer(unsafe.SliceData(m.ring[a.Index]))
		if m.Program.Buffers[a.Index].Kind == program.Bits {
			at = unsafe.Pointer(unsafe.SliceData(m.bits[a.Index].Words()))
		}
		for _, list := range s.lists {
			list[i] = at
		}
	}
}

// computes runs the computations of a level from one on: regions by their kernels, if there are some, and the others one by one.
func (m *Machine[W]) computes(level int, list []program.Instr, first int) error {
	for i := first; i < len(list); {
		n := m.runNative(place{level, i})
		for _, in := range list[i : i+n] {
			m.watch.passed(m.Program.Layers[in.Tag].Path)
		}
		if n == 0 {
			n = 1
			if err := m.each(Computing, list[i:i+1], m.compute); err != nil {
				return err
			}
		}
		i += n
	}
	return nil
}

// covered tells whether an instruction of the online phase is in a region that is run.
func (m *Machine[W]) covered(at place) bool {
	return m.native != nil && !m.watched() && m.native.inside[at]
}

// runNative runs the region that begins at an instruction and says how many instructions it stands for: none where there is none,
// and where values are to be seen one by one.
func (m *Machine[W]) runNative(at place) int {
	if m.phase != cost.Online || !m.covered(at) {
		return 0
	}
	r := m.native.regions[at]
	for _, s := range r.stages {
		start := time.Now()
		m.buffers(s)
		s.call.Run()
		m.spend(Computing, "native", s.Tag, start)
	}
	return r.count
}

func (r *nativeRun) wipe() {
	if r == nil {
		return
	}
	for _, s := range r.scratch {
		ring.Wipe(s)
	}
}
