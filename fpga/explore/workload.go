// Package explore searches the designs of a board for a compiled program: tiles, unroll factors, buffers, engines and ports, under what
// may be planned of the board's logic, its memory and the link. It says what binds each layer, what does not fit and with which knob it
// would, and which other designs trade latency for area.
//
// Designs are compared by an estimate that takes microseconds. It goes stage by stage: a stage begins where a convolution needs all of what it
// reads, and takes as long as what is busiest in it, a kernel, a memory or a direction of the link, and a part of what goes on before the first
// channels are there and behind the last. Elementwise chains are those that lowering makes. It is within a sixth of schedules, and ranks
// designs; the best few, and the board's usual one, are lowered and scheduled (fpga/lower), and the schedule decides.
package explore

import (
	"fmt"
	"slices"

	"sotto/fpga/gates"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Workload is what two boards do in a phase, as far as designs are compared by it.
type Workload struct {
	Ring     int
	Link     cost.Link
	Layers   []program.Layer
	stages   []stage
	messages int // levels with messages
}

// stage is the work between two points at which something waits for all of a vector: a convolution or a product of a matrix reads all channels.
// What it makes, and what steps and messages make of that, goes slab by slab through both boards.
type stage struct {
	works []work
	bytes [2]int64 // sent, by party
}

// work is an instruction's, or a chain's.
type work struct {
	party  cost.Party
	layer  int
	kernel target.Kernel
	shape  target.Geometry // of a convolution
	n      int64           // words or, of garbled circuits, gates
	window int64           // inputs of a sum
	slots  int             // labels that a circuit needs at once
	steps  target.Steps    // of an elementwise command
	single bool            // of a movement: words one by one
	labels bool            // of inputs, n
	hashes int             // of each of n OTs
	bytes  int64           // through the memory, beside a convolution's
	sent   int64           // on the link
}

// waits tells whether the work begins when all that it reads is there.
func (w work) waits() bool { return w.kernel == target.KernelConv }

// Of reads the programs of phases.
func Of(client, server *program.Program, phases lower.Phases, link cost.Link) (*Workload, error) {
	w := &Workload{Ring: client.Ring, Link: link, Layers: client.Layers, stages: make([]stage, 1)}
	var parts [2][][]work // by party and level
	for p, prog := range []*program.Program{client, server} {
		var err error
		if parts[p], err = worksOf(prog, phases); err != nil {
			return nil, fmt.Errorf("explore: the %v's: %w", cost.Party(p), err)
		}
	}
	for level := range max(len(parts[0]), len(parts[1])) {
		first, last, messages := len(w.stages)-1, len(w.stages)-1, false
		for p := range parts {
			at := first
			if level >= len(parts[p]) {
				continue
			}
			for _, k := range parts[p][level] {
				if k.waits() {
					at++
				}
				w.add(at, k)
				messages = messages || k.sent > 0
			}
			last = max(last, at)
		}
		if messages {
			w.messages++
		}
	}
	return w, nil
}

// add adds work to a stage, of which there may be one more than there were.
func (w *Workload) add(at int, k work) {
	if at == len(w.stages) {
		w.stages = append(w.stages, stage{})
	}
	s := &w.stages[at]
	s.works, s.bytes[k.party] = append(s.works, k), s.bytes[k.party]+k.sent
}

// worksOf is a party's part of each level, in order.
func worksOf(p *program.Program, phases lower.Phases) (levels [][]work, err error) {
	sweeps, err := lower.Sweeps(p, phases)
	if err != nil {
		return nil, err
	}
	at := map[lower.Place]lower.Sweep{}
	for _, s := range sweeps {
		at[s.Place] = s
	}
	for _, phase := range phases.Each() {
		for i, l := range map[cost.Phase][]program.Level{cost.Offline: p.Offline, cost.Online: p.Online}[phase] {
			var works []work
			for part, list := range [][]program.Instr{l.Send, l.Recv, l.Compute} {
				of, err := worksIn(p, list, lower.Place{Phase: phase, Level: i, Part: lower.Part(part)}, at)
				if err != nil {
					return nil, fmt.Errorf("%s level %d: %w", phase, i, err)
				}
				works = append(works, of...)
			}
			levels = append(levels, works)
		}
	}
	return levels, nil
}

// worksIn is that of a list of a level. An elementwise command is where its first instruction stands.
func worksIn(p *program.Program, list []program.Instr, place lower.Place, sweeps map[lower.Place]lower.Sweep) (works []work, err error) {
	for k, in := range list {
		place.Index = k
		if s, ok := sweeps[place]; ok {
			works = append(works, work{party: p.Party, layer: s.Layer, kernel: target.KernelElementwise, steps: s.Steps})
		}
		if in.Local() || in.Op == program.TapValue || lower.InSweeps(in.Op) {
			continue
		}
		w, err := workOf(p, in)
		if err != nil {
			return nil, err
		}
		w.party, w.layer = p.Party, in.Tag
		works = append(works, w)
		if w.kernel != target.KernelSend {
			works = append(works, w.movers(p.Ring)...)
		}
	}
	return works, nil
}

// movers is the work of those that bring what an engine makes to the link, and from it.
func (w work) movers(ring int) []work {
	words := w.sent / int64(ring/8)
	if words == 0 {
		return nil
	}
	send, recv := work{party: w.party, layer: w.layer, kernel: target.KernelSend, n: words}, work{party: w.party.Other(), layer: w.layer, kernel: target.KernelRecv, n: words}
	return []work{send, recv}
}

// workOf is the work of one instruction.
func workOf(p *program.Program, in program.Instr) (work, error) {
	word := int64(p.Ring / 8)
	w := work{kernel: target.KernelMove, bytes: operandBytes(p, in)}
	if len(in.Out) > 0 {
		w.n = int64(in.Out[0].Len)
	} else if len(in.In) > 0 {
		w.n = int64(in.In[0].Len)
	}
	switch in.Op {
	case program.Conv, program.Linear:
		if in.Op == program.Conv && in.Elementwise() {
			w.kernel = target.KernelElementwise
			w.steps = target.Steps{N: int(w.n), Count: 1, Vectors: 2, Factors: 1, Size: geometry(in).InH * geometry(in).InW, Results: 1}
			return w, nil
		}
		w.kernel, w.shape, w.bytes = target.KernelConv, geometry(in), 2*w.n*word // addends and outputs
		if w.shape.Depthwise() {
			w.kernel, w.bytes = target.KernelDepthwise, w.bytes+int64(in.In[0].Len)*word
		}
	case program.SumPool:
		g := program.PoolGeometry(in.Ints)
		w.kernel, w.window = target.KernelPool, int64(g.KH*g.KW)
	case program.SendRing, program.SendBits:
		w.kernel, w.sent = target.KernelSend, messageBytes(in, in.In)
	case program.RecvRing, program.RecvBits:
		w.kernel = target.KernelRecv
	case program.GCLabels, program.GCEvaluate, program.GCGarble, program.GCRemask:
		return garbled(p, in, w)
	case program.OTChoose, program.OTPads, program.OT16Choose, program.OT16Pads, program.BitsChoose, program.BitsPads:
		_, n := program.OTs(in)
		return transfers(in.Op, n, w), nil
	case program.GCChoose, program.GCZero:
		task, err := p.Task(in.Ints[gcCircuit])
		if err != nil {
			return w, err
		}
		return transfers(in.Op, int64(in.Ints[gcCount]*task.Wires()), w), nil
	case program.GCTables:
		w.kernel = target.KernelRecv
	case program.CompareChoose, program.CompareTurn, program.CompareAnswer, program.CompareSelect, program.CompareOpen, program.CompareJoin, program.Products:
		w.kernel, w.n = target.KernelCompare, w.bytes/8
	case program.Walk:
		loops := program.LoopsOf(in.Ints).Of
		w.single = loops[len(loops)-1] != 1
	case program.Slice:
		w.single = program.SliceGeometry(in.Ints).StrideW > 1
	case program.Tour:
		w.single = true
	}
	return w, nil
}

func geometry(in program.Instr) target.Geometry {
	if in.Op == program.Linear {
		return target.LinearGeometry(in.Ints[2], in.Ints[3])
	}
	return target.GeometryOf(in.Ints[2:])
}

// messageBytes is what a message of a vector takes on the link.
func messageBytes(in program.Instr, of []program.Operand) int64 {
	width := 1
	if len(in.Ints) > 0 {
		width = in.Ints[0]
	}
	return cost.BitBytes(int64(of[0].Len), width)
}

// operandBytes is what an instruction's operands take in memory.
func operandBytes(p *program.Program, in program.Instr) (bytes int64) {
	for _, o := range slices.Concat(in.Out, in.In) {
		if p.Buffers[o.Buf].Kind == program.Bits {
			bytes += cost.BitBytes(int64(o.Len), 1)
		} else {
			bytes += int64(o.Len) * int64(p.Ring/8)
		}
	}
	return bytes
}

// Places of a garbled part's numbers.
const (
	gcCount   = 2
	gcCircuit = 3
)

// garbled is the work of a part of a garbled layer.
func garbled(p *program.Program, in program.Instr, w work) (work, error) {
	task, err := p.Task(in.Ints[gcCircuit])
	if err != nil {
		return w, err
	}
	plan, err := gates.New(task, p.Circuits[in.Ints[gcCircuit]].Scheme)
	if err != nil {
		return w, err
	}
	instances := int64(in.Ints[gcCount])
	blocks := (instances + target.Lanes - 1) / target.Lanes
	labels, tables := instances*int64(task.Wires())*target.LabelBits/8, instances*int64(plan.ANDs)*target.TableBits/8
	w.kernel, w.slots, w.n = target.KernelEvaluate, plan.Slots, blocks*target.Lanes*int64(len(plan.Steps))
	switch in.Op {
	case program.GCLabels:
		w.kernel, w.n, w.labels, w.slots, w.bytes, w.sent = target.KernelGarble, instances*int64(task.Wires()), true, 0, w.bytes+2*labels, labels
	case program.GCEvaluate:
		w.bytes += 2*labels + tables
	default:
		w.kernel, w.bytes, w.sent = target.KernelGarble, w.bytes+labels+tables, tables
	}
	return w, nil
}

// Kernels tells which kernels the workload needs at all, and how many labels its circuits.
func (w *Workload) Kernels() (needs map[target.Kernel]bool, slots int) {
	needs = map[target.Kernel]bool{}
	for _, l := range w.stages {
		for _, k := range l.works {
			needs[k.kernel] = true
			slots = max(slots, k.slots)
		}
	}
	return needs, slots
}
