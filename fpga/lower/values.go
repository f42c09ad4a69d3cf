package lower

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Values. A program's buffers are used again and again; here every result is a value of its own, with its own place in memory for as long
// as it is needed and a while longer, so that commands wait for what they read and hardly ever for a place. What is put away in a slot and
// fetched, copied, or taken of something longer is the value it was: no command moves it.

// Space is one of a board's two memories.
type Space uint8

const (
	RING Space = iota // words of the ring
	BITS              // words of 64 bits
)

func (s Space) String() string { return [...]string{"ring", "bits"}[s] }

// MarshalText writes a space by its name.
func (s Space) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Part is a list of a level.
type Part uint8

const (
	Sending Part = iota
	Receiving
	Computing
)

func (p Part) String() string { return [...]string{"send", "recv", "compute"}[p] }

// MarshalText writes a part by its name.
func (p Part) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Place is an instruction of a program.
type Place struct {
	Phase cost.Phase `json:"phase"`
	Level int        `json:"level"`
	Part  Part       `json:"part"`
	Index int        `json:"index"` // in that list
}

// OriginKind says where a value comes from.
type OriginKind string

const (
	Made     OriginKind = "made"     // by commands of this plan, for the instruction at Place
	Earlier  OriginKind = "earlier"  // by the instruction at Place, in a phase before
	Imported OriginKind = "imported" // Index of Program.Imports
	Input    OriginKind = "input"    // the party's input
	Labels   OriginKind = "labels"   // that a garbled batch, Index, keeps from the offline phase
	Tables   OriginKind = "tables"   // that it keeps
	Keys     OriginKind = "keys"     // of a garbled batch: see KeyWords
	Passed   OriginKind = "passed"   // by commands of this plan, for the instruction at Place, and used within them alone: it has no place in memory
	Scratch  OriginKind = "scratch"  // between commands of one instruction, at Place
	Drawn    OriginKind = "drawn"    // by the host, for the instruction at Place: choices of OTs, masks
	Leaves   OriginKind = "leaves"   // of an OT extension's trees: Result says whether of the pads that party Index sends, or of batch Index
	PadKeys  OriginKind = "pad keys" // key record of the pads that party Index sends
)

// Origin is where a value comes from. Result counts an instruction's results, or what it needs beside them.
type Origin struct {
	Kind   OriginKind `json:"kind"`
	Place  Place      `json:"place"`
	Result int        `json:"result"`
	Index  int        `json:"index"`
}

// Value is something in a board's memory.
type Value struct {
	Space   Space  `json:"space"`
	Len     int    `json:"len"` // elements; of BITS bits
	Address uint32 `json:"address"`
	Origin  Origin `json:"origin"`
	Stays   bool   `json:"stays,omitempty"` // beyond the phase

	first, last int   // tasks that write it first, and use it last
	after       []int // values that lay there before
	writers     []writer
}

// Words are those that it takes of its space.
func (v Value) Words() int { return wordsOf(v.Space, v.Len) }

func wordsOf(s Space, n int) int {
	if s == BITS {
		return (n + bitsPerWord - 1) / bitsPerWord
	}
	return n
}

const bitsPerWord = 64

// view is a vector: len elements of a value from element at on.
type view struct {
	value, at, len int
}

// task is an instruction with its vectors.
type task struct {
	program.Instr
	place   Place
	out, in []view
	// Its time, as tasks are counted: of a message, that of all of its level.
	first, last int
}

// before is the task of what is there when the phase begins.
const before = -1

// tracer finds the values of a party's program.
type tracer struct {
	program *program.Program
	phases  Phases // that are lowered
	values  []Value
	tasks   []task
	sweeps  []sweep // all tasks, in the order in which they are cut
	buffers []view
	slots   map[int]view
	extra   map[Origin]int // values that no operand names
}

var noView = view{value: -1}

// trace follows a program up to and through phases.
func trace(p *program.Program, phases Phases) (*tracer, error) {
	t := &tracer{program: p, phases: phases, buffers: make([]view, len(p.Buffers)), slots: map[int]view{}, extra: map[Origin]int{}}
	for i := range t.buffers {
		t.buffers[i] = noView
	}
	for i, im := range p.Imports {
		v := t.define(im.Out, Origin{Kind: Imported, Index: i})
		if im.Slot != 0 {
			t.slots[im.Slot] = v
			t.buffers[im.Out.Buf] = noView
		}
	}
	for i, levels := range [][]program.Level{p.Offline, p.Online} {
		if cost.Phase(i) > phases.Last {
			break
		}
		if in := p.Input; cost.Phase(i) == cost.Online && in.Buf >= 0 {
			t.define(program.Operand{Buf: in.Buf, Len: in.Len()}, Origin{Kind: Input})
		}
		for l, level := range levels {
			first := len(t.tasks)
			for s, list := range [][]program.Instr{level.Send, level.Recv, level.Compute} {
				for k, in := range list {
					if err := t.follow(in, Place{cost.Phase(i), l, Part(s), k}); err != nil {
						return nil, fmt.Errorf("lower: %s level %d, layer %s: %s: %w", cost.Phase(i), l, p.Layers[in.Tag].Path, in.Op, err)
					}
				}
				if Part(s) == Receiving {
					t.atOnce(first)
				}
			}
		}
	}
	t.keeps()
	t.fuse()
	return t, nil
}

// atOnce makes the tasks from a number on, a level's messages, one in time: what is sent keeps its place until all is received, and what is
// received has its place from the first Send on. A message that waited for one to leave that goes the other way might wait for ever.
func (t *tracer) atOnce(first int) {
	last := len(t.tasks) - 1
	for i := first; i <= last; i++ {
		t.tasks[i].first, t.tasks[i].last = first, last
		for _, v := range t.tasks[i].in {
			t.values[v.value].last = max(t.values[v.value].last, last)
		}
		for _, v := range t.tasks[i].out {
			t.values[v.value].first = min(t.values[v.value].first, first)
		}
	}
}

// define makes a value of an operand, which it is from now on.
func (t *tracer) define(o program.Operand, origin Origin) view {
	v := view{t.value(spaceOf(t.program.Buffers[o.Buf].Kind), o.Len, origin), 0, o.Len}
	t.buffers[o.Buf] = v
	return v
}

// value makes a value.
func (t *tracer) value(s Space, n int, origin Origin) int {
	first := before
	switch origin.Kind {
	case Made, Scratch:
		first = len(t.tasks)
	case Labels, Tables:
		if t.phases.Has(cost.Offline) {
			first = len(t.tasks)
		}
	}
	t.values = append(t.values, Value{Space: s, Len: n, Origin: origin, first: first, last: before})
	return len(t.values) - 1
}

func spaceOf(k program.Kind) Space {
	if k == program.Bits {
		return BITS
	}
	return RING
}

// read gives the vector that an operand is.
func (t *tracer) read(o program.Operand) (view, error) {
	v := t.buffers[o.Buf]
	if v.value < 0 || v.len < o.Len {
		return v, fmt.Errorf("buffer %d is read before it is written", o.Buf)
	}
	v.len = o.Len
	return v, nil
}

// follow takes note of an instruction.
func (t *tracer) follow(in program.Instr, place Place) error {
	k := task{Instr: in, place: place, first: len(t.tasks), last: len(t.tasks)}
	for _, o := range in.In {
		v, err := t.read(o)
		if err != nil {
			return err
		}
		k.in = append(k.in, v)
	}
	switch in.Op {
	case program.TapValue:
		return nil
	case program.Spill:
		t.slots[in.Ints[0]] = k.in[0]
		t.buffers[in.In[0].Buf] = noView
		return nil
	case program.Fill:
		t.buffers[in.Out[0].Buf] = t.slots[in.Ints[0]]
		delete(t.slots, in.Ints[0])
		return nil
	case program.Copy:
		t.buffers[in.Out[0].Buf] = k.in[0]
		return nil
	case program.GCDraw, program.OTDraw:
		t.define(in.Out[0], t.origin(place, Drawn))
		return nil
	case program.Take:
		v := view{k.in[0].value, k.in[0].at + in.Ints[0], in.Out[0].Len}
		t.buffers[in.Out[0].Buf] = v
		return nil
	}
	origin := t.origin(place, Made)
	for i, o := range in.Out {
		origin.Result = i
		if in.WritesPart() && t.continues(in, o) {
			k.out = append(k.out, t.buffers[o.Buf])
			continue
		}
		k.out = append(k.out, t.define(o, origin))
	}
	if t.phases.Has(place.Phase) {
		for _, v := range append(k.in, k.out...) {
			t.values[v.value].last = len(t.tasks)
		}
		t.tasks = append(t.tasks, k)
	}
	return nil
}

// origin is where the results of an instruction of the phase that is lowered come from, or of one before.
func (t *tracer) origin(place Place, kind OriginKind) Origin {
	if place.Phase < t.phases.First {
		kind = Earlier
	}
	return Origin{Kind: kind, Place: place}
}

// continues tells whether a part of a garbled layer goes on with a result that another part began.
func (t *tracer) continues(in program.Instr, o program.Operand) bool {
	v := t.buffers[o.Buf]
	const first = 1 // of the numbers: the part's first instance
	return in.Ints[first] > 0 && v.value >= 0 && v.len == o.Len
}

// beside gives a value that no operand names, to the task that is cut: the value is there from the first task that asks for it, or from
// before, to the last one.
func (c *cutter) beside(s Space, n int, origin Origin) view {
	v, ok := c.extra[origin]
	if !ok {
		v = c.value(s, n, origin)
		if c.values[v].first >= 0 {
			c.values[v].first = c.tasks[c.task].first
		}
		c.extra[origin] = v
	}
	c.values[v].last = max(c.values[v].last, c.tasks[c.task].last)
	return view{v, 0, n}
}
