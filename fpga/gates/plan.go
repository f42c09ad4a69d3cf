package gates

import (
	"slices"

	"sotto/ir/circuit"
)

// planner is the state of making a plan.
type planner struct {
	task *circuit.Task
	p    *Plan
	defs []def // of each wire
	free []int // slots
}

// def is a wire.
type def struct {
	kind    kind
	a, b    signed   // that a gate reads
	input   int      // number of an input of its kind, or of an AND
	last    int      // the last AND that it depends on, or -1
	uses    int      // by gates and outputs, still to come
	reader  int      // a gate that reads it
	outputs []output // that it is, still to come
	slot    int      // where its labels are, or -1
}

type kind uint8

const (
	isXor = kind(firstSlot) + iota // an input's kind is its Source
	isAnd
	isInverter
)

// signed is a wire, perhaps turned round. No wire is an inverter's: they are looked through.
type signed struct {
	wire   int
	invert bool
}

// output is an output of the circuit.
type output struct {
	number int
	invert bool
}

func newPlanner(task *circuit.Task) *planner {
	b := &planner{task: task, p: &Plan{Task: task}, defs: make([]def, task.Circuit.Wires())}
	for w := range b.defs {
		d := &b.defs[w]
		d.slot, d.last = -1, -1
		if w < task.Inputs() {
			d.kind, d.input = b.inputOf(w)
		} else {
			b.define(w, task.Gates[w-task.Inputs()])
		}
	}
	for o, w := range task.Outputs {
		s := b.behind(w)
		d := &b.defs[s.wire]
		d.uses++
		d.outputs = append(d.outputs, output{o, s.invert})
	}
	return b
}

// inputOf gives an input's kind, and its number among those of its kind.
func (b *planner) inputOf(w int) (kind, int) {
	late := b.task.Garbler - b.task.Early
	switch {
	case w < late:
		return kind(Garbler), w
	case w < b.task.Garbler:
		return kind(Early), w - late
	}
	return kind(Evaluator), w - b.task.Garbler
}

// define adds a gate.
func (b *planner) define(w int, g circuit.Gate) {
	d := &b.defs[w]
	d.a = b.behind(g.A)
	if g.Op == circuit.INV {
		d.kind = isInverter
		return
	}
	d.b = b.behind(g.B)
	for _, s := range []signed{d.a, d.b} {
		of := &b.defs[s.wire]
		d.last = max(d.last, of.last)
		of.uses++
		of.reader = w
	}
	d.kind = isXor
	if g.Op == circuit.AND {
		d.kind, d.last, d.input = isAnd, b.p.ANDs, b.p.ANDs
		b.p.ANDs++
	}
}

// behind looks through an inverter.
func (b *planner) behind(w circuit.Wire) signed {
	if d := &b.defs[w]; d.kind == isInverter {
		return signed{d.a.wire, !d.a.invert}
	}
	return signed{wire: int(w)}
}

// plan makes the steps: the ANDs in order, read or not, since the tables hold them all; what they read before them; and outputs as soon
// as they are known.
func (b *planner) plan() *Plan {
	known := b.outputsByAND()
	b.output(known[0])
	for w := b.task.Inputs(); w < len(b.defs); w++ {
		if d := &b.defs[w]; d.kind == isAnd {
			b.and(w)
			b.output(known[1+d.input])
		}
	}
	return b.p
}

// outputsByAND lists the wires that are outputs by the AND that they are known after, those that need none first.
func (b *planner) outputsByAND() [][]int {
	known := make([][]int, 1+b.p.ANDs)
	for _, w := range b.task.Outputs {
		wire := b.behind(w).wire
		at := 1 + b.defs[wire].last
		known[at] = append(known[at], wire)
	}
	return known
}

// making is a step that is being put together, and the wires in slots that it reads.
type making struct {
	Step
	slots []int
}

// and makes the step of an AND, with the XOR behind it if that alone reads it.
func (b *planner) and(w int) {
	d, s, result := &b.defs[w], &making{Step: Step{And: true}}, w
	s.InvertA = b.read(s, A1, b.grown(sum{[]int{d.a.wire}, d.a.invert}, B1-A1))
	s.InvertB = b.read(s, B1, b.grown(sum{[]int{d.b.wire}, d.b.invert}, P-B1))
	if x, other := b.behindAND(w); x > 0 {
		s.InvertP = b.read(s, P, sum{[]int{other}, b.defs[x].a.invert != b.defs[x].b.invert})
		d.uses--
		result = x
	}
	b.make(s, result)
}

// behindAND gives the XOR that alone reads an AND, and what else it reads, if that is at hand before the AND and needs no step of its
// own; or zeros.
func (b *planner) behindAND(w int) (x, other int) {
	d := &b.defs[w]
	if d.uses != 1 || len(d.outputs) > 0 || b.defs[d.reader].kind != isXor {
		return 0, 0
	}
	other = b.defs[d.reader].a.wire + b.defs[d.reader].b.wire - w
	if o := &b.defs[other]; o.last >= d.input || b.lonely(other) {
		return 0, 0
	}
	return d.reader, other
}

// sum is wires that are added, and perhaps turned round.
type sum struct {
	wires  []int
	invert bool
}

// lonely tells whether a wire is a XOR that is still to be made and that one step alone reads: it need not be made.
func (b *planner) lonely(w int) bool {
	d := &b.defs[w]
	return d.kind == isXor && d.slot < 0 && d.uses == 1 && len(d.outputs) == 0
}

// grown looks through lonely wires, as long as there are at most so many.
func (b *planner) grown(t sum, most int) sum {
	for len(t.wires) < most {
		i := slices.IndexFunc(t.wires, b.lonely)
		if i < 0 {
			break
		}
		d := &b.defs[t.wires[i]]
		d.uses--
		t.wires[i] = d.a.wire
		t.wires = append(t.wires, d.b.wire)
		t.invert = t.invert != (d.a.invert != d.b.invert)
	}
	return t
}

// read gives a step its operands from a place on, which are made before if they are not there yet, and tells whether they are turned round.
func (b *planner) read(s *making, at int, t sum) (invert bool) {
	for i, w := range t.wires {
		s.Sources[at+i] = b.source(s, w)
	}
	return t.invert
}

// source is where a step takes a wire from. An input is streamed in where nothing else reads it, if the step takes none of its kind
// yet.
func (b *planner) source(s *making, w int) Source {
	d := &b.defs[w]
	if stream := Source(d.kind); stream < firstSlot && d.slot < 0 && d.uses == 1 && !slices.Contains(s.Sources[:], stream) {
		d.uses--
		s.Input[stream] = d.input
		return stream
	}
	switch {
	case d.slot >= 0:
	case d.kind == isXor:
		b.xor(w)
	default:
		b.load(w)
	}
	s.slots = append(s.slots, w)
	return Slot(d.slot)
}

// xor makes the step of a XOR.
func (b *planner) xor(w int) {
	d, s := &b.defs[w], &making{}
	s.InvertP = b.read(s, A1, b.grown(sum{[]int{d.a.wire, d.b.wire}, d.a.invert != d.b.invert}, Operands))
	b.make(s, w)
}

// load makes the step that puts an input into a slot.
func (b *planner) load(w int) {
	stream, s := Source(b.defs[w].kind), &making{}
	s.Sources[A1], s.Input[stream] = stream, b.defs[w].input
	b.make(s, w)
}

// output makes steps of wires that are outputs, those that are of no other step.
func (b *planner) output(wires []int) {
	for _, w := range wires {
		d := &b.defs[w]
		if len(d.outputs) > 0 && d.kind == isXor && d.slot < 0 {
			b.xor(w)
			continue
		}
		if len(d.outputs) > 0 {
			o, s := d.takeOutput(), &making{}
			s.Sources[A1] = b.source(s, w)
			s.Output, s.Out, s.InvertOut = true, o.number, o.invert
			b.emit(s)
		}
	}
}

func (d *def) takeOutput() output {
	o := d.outputs[0]
	d.outputs = d.outputs[1:]
	return o
}

// make ends a step whose result is a wire: an output, if it is one, and a slot if anything else reads it.
func (b *planner) make(s *making, w int) {
	d := &b.defs[w]
	if len(d.outputs) > 0 {
		o := d.takeOutput()
		s.Output, s.Out, s.InvertOut = true, o.number, o.invert
		d.uses--
	}
	s.Write = d.uses > 0
	b.release(s)
	if s.Write {
		d.slot = b.take()
		s.Dst = d.slot
	}
	b.p.Steps = append(b.p.Steps, s.Step)
}

// emit ends a step without a result.
func (b *planner) emit(s *making) {
	b.release(s)
	b.p.Steps = append(b.p.Steps, s.Step)
}

// release frees slots after the last use. The step's own result may have one of them: an instance is read before it is written.
func (b *planner) release(s *making) {
	for _, w := range s.slots {
		d := &b.defs[w]
		if d.uses--; d.uses == 0 {
			b.free = append(b.free, d.slot)
		}
	}
}

func (b *planner) take() int {
	if n := len(b.free); n > 0 {
		slot := b.free[n-1]
		b.free = b.free[:n-1]
		return slot
	}
	b.p.Slots++
	return b.p.Slots - 1
}
