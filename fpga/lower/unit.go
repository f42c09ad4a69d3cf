package lower

import (
	"slices"

	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// unit is a command before its place in the order is known, or a joint: no command, but where many that something waits for meet.
type unit struct {
	Command
	party   cost.Party
	tasks   []int // of the party, that it does
	joint   bool
	work    []Work
	after   []int // units that must have ended
	meets   int   // of a Recv: the Send at the other board
	message int64 // bytes on the link
	number  int   // among its board's commands

	reads, writes []span
}

// span is words lo to hi-1 of a value or, planar, of each of its planes.
type span struct {
	value, lo, hi int
	planar        bool
}

// writer is a unit that writes words of a value.
type writer struct {
	unit int
	span
}

// meets tells whether two spans of a value have a word in common, or may have.
func (s span) meets(o span) bool { return s.planar != o.planar || s.lo < o.hi && o.lo < s.hi }

// cutter makes the units of one party.
type cutter struct {
	*tracer
	design  target.Design
	party   cost.Party
	chunk   int // elements of a command on streams
	message int // elements of a command on the link, the same at both boards
	arenas  [2]*arena
	weights *weights
	tables  *tables
	units   *[]unit       // both parties'
	ots     [2]otProgress // by sender
	sent    []int         // Sends whose Recvs are still to be cut
	peer    *cutter
	next    int   // sweep
	task    int   // that is cut
	doing   []int // tasks that are cut together, by one command
	layer   int
	joints  map[int]joint // by value: of all that has been written to it
	users   map[int][]int // by value: units that read or write it
	cleared map[int]int   // by value: the joint that waits for what lay there before
	begun   int           // the joint that waits for the phase before, -1 in the first
}

// joint is a unit that waits for a number of writers.
type joint struct{ unit, writers int }

// command begins a command of an instruction.
func (c *cutter) command(op Operation, n int) Command {
	k := Command{Kernel: op.Kernel(), Operation: op, Layer: c.layer, Party: c.party, N: uint32(n)}
	for _, list := range [][]uint32{k.Out[:], k.In[:], k.Weight[:]} {
		for i := range list {
			list[i] = None
		}
	}
	return k
}

// whole is all words of a vector.
func (c *cutter) whole(v view) span { return c.part(v, 0, v.len) }

// part is the words of elements lo to hi-1 of a vector.
func (c *cutter) part(v view, lo, hi int) span {
	s := c.values[v.value].Space
	if s == RING {
		return span{v.value, v.at + lo, v.at + hi, false}
	}
	return span{v.value, (v.at + lo) / bitsPerWord, wordsOf(s, v.at+hi), false}
}

// address is that of element lo of a vector. Values have their places by now.
func (c *cutter) address(v view, lo int) uint32 {
	val := c.values[v.value]
	at := v.at + lo
	if val.Space == BITS {
		at /= bitsPerWord
	}
	return val.Address + uint32(at)
}

// emit adds a unit that reads and writes words, after all that wrote what it reads, and after all that had to do with what lay where it
// writes. It gives its number.
func (c *cutter) emit(k Command, work []Work, reads, writes []span) int {
	u := unit{Command: k, party: c.party, tasks: c.doing, work: work, meets: -1, reads: reads, writes: writes}
	for _, s := range reads {
		u.after = c.written(u.after, s)
	}
	for _, s := range writes {
		if n, ok := c.clear(s.value); ok {
			u.after = append(u.after, n)
		}
		u.after = c.overlaps(u.after, s)
	}
	if c.begun >= 0 {
		u.after = append(u.after, c.begun)
	}
	slices.Sort(u.after)
	u.after = slices.Compact(u.after)
	number := len(*c.units)
	*c.units = append(*c.units, u)
	for _, s := range writes {
		v := &c.values[s.value]
		v.writers = append(v.writers, writer{number, s})
	}
	for _, s := range append(slices.Clone(reads), writes...) {
		if list := c.users[s.value]; len(list) == 0 || list[len(list)-1] != number {
			c.users[s.value] = append(list, number)
		}
	}
	return number
}

// mostDirect is how many units another waits for by itself; of more, a joint does: Tuning.
const mostDirect = 6

// written adds the units that wrote some words.
func (c *cutter) written(after []int, s span) []int {
	v := &c.values[s.value]
	if len(v.writers) <= mostDirect {
		return c.overlaps(after, s)
	}
	own := c.overlaps(nil, s)
	if len(own) <= mostDirect {
		return append(after, own...)
	}
	if j, ok := c.joints[s.value]; ok && j.writers == len(own) && len(own) == len(v.writers) {
		return append(after, j.unit)
	}
	n := c.join(own)
	if len(own) == len(v.writers) {
		c.joints[s.value] = joint{n, len(own)}
	}
	return append(after, n)
}

// overlaps adds the writers of some words.
func (c *cutter) overlaps(after []int, s span) []int {
	for _, w := range c.values[s.value].writers {
		if w.meets(s) {
			after = append(after, w.unit)
		}
	}
	return after
}

// join adds a joint.
func (c *cutter) join(after []int) int {
	*c.units = append(*c.units, unit{party: c.party, tasks: c.doing, joint: true, after: after, meets: -1})
	return len(*c.units) - 1
}

// clear gives a joint of all that had to do with what lay where a value lies.
func (c *cutter) clear(value int) (int, bool) {
	if n, ok := c.cleared[value]; ok {
		return n, n >= 0
	}
	var after []int
	for _, old := range c.values[value].after {
		after = append(after, c.users[old]...)
	}
	c.cleared[value] = -1
	if len(after) > 0 {
		slices.Sort(after)
		c.cleared[value] = c.join(slices.Compact(after))
	}
	return c.cleared[value], c.cleared[value] >= 0
}

// slabs calls f for consecutive ranges of n elements, of at most size.
func slabs(n, size int, f func(lo, hi int)) {
	for lo := 0; lo < n; lo += size {
		f(lo, min(lo+size, n))
	}
}

// pieces are an instruction that goes slab by slab: n elements, of which make does those of a slab. Neighbours of one length go together,
// the first slab of each before the second of any, so that messages leave as their words are made.
type pieces struct {
	n, size int
	make    func(lo, hi int)
}

// piecewise gives a task's pieces, if it has any.
func (c *cutter) piecewise(t task) (p pieces, ok bool) {
	if s, ok := elementwises[t.Op]; ok {
		return c.elementwise(t, s), true
	}
	switch t.Op {
	case program.Conv:
		if t.Elementwise() {
			return c.scale(t), true
		}
	case program.SendRing, program.SendBits:
		return c.send(t), true
	case program.RecvRing, program.RecvBits:
		return c.recv(t), true
	}
	return p, false
}

// begin makes a task the one that is cut.
func (c *cutter) begin(number int) task { return c.enter(sweep{tasks: []int{number}}) }

// enter makes a sweep the one that is cut, and gives its first task.
func (c *cutter) enter(p sweep) task {
	t := c.tasks[p.tasks[0]]
	c.task, c.doing, c.layer = p.tasks[0], p.tasks, t.Tag
	return t
}

// pieces gives a sweep's pieces, if it has any.
func (c *cutter) pieces(p sweep) (pieces, bool) {
	t := c.enter(p)
	if p.chained() {
		return c.chain(p), true
	}
	return c.piecewise(t)
}

// cut makes the units of sweeps from a number up to an end at most, and gives the first one that is left. Sweeps go together only if what the
// first of them reads last has its place until all of them are cut.
func (c *cutter) cut(number, end int) (next int, err error) {
	t := c.enter(c.sweeps[number])
	first, ok := c.pieces(c.sweeps[number])
	if !ok {
		if f, ok := cuts[t.Op]; ok {
			return number + 1, f(c, t)
		}
		return number, &UnsupportedError{t.Op, c.program.Layers[t.Tag], acceptedInstead(t.Op)}
	}
	together, reach := []pieces{first}, c.sweeps[number].reach()
	for next = number + 1; next < end; next++ {
		reach = reach.with(c.sweeps[next].reach())
		if reach.last-reach.first >= reuseDistance {
			break
		}
		p, ok := c.pieces(c.sweeps[next])
		if !ok || p.n != first.n || p.size != first.size {
			break
		}
		together = append(together, p)
	}
	slabs(first.n, first.size, func(lo, hi int) {
		for i, p := range together {
			c.enter(c.sweeps[number+i])
			p.make(lo, hi)
		}
	})
	return next, nil
}

// reach is the first and the last of some tasks.
type reach struct{ first, last int }

func (r reach) with(o reach) reach { return reach{min(r.first, o.first), max(r.last, o.last)} }

func (p sweep) reach() reach { return reach{p.tasks[0], p.tasks[len(p.tasks)-1]} }

// cuts are the instructions that have no pieces.
var cuts map[program.Opcode]func(*cutter, task) error

func init() {
	cuts = map[program.Opcode]func(*cutter, task) error{
		program.Conv: (*cutter).conv, program.Linear: (*cutter).linear, program.SumPool: (*cutter).pool,
		program.Concat: (*cutter).concat, program.JoinBits: (*cutter).joinBits, program.Walk: (*cutter).walk,
		program.Pad: (*cutter).pad, program.Slice: (*cutter).slice, program.Tour: (*cutter).tour,
		program.Gather: (*cutter).gather, program.Scatter: (*cutter).scatter,
		program.CompareChoose: (*cutter).compareChoose, program.CompareTurn: (*cutter).compareTurn, program.CompareAnswer: (*cutter).compareAnswer,
		program.CompareSelect: (*cutter).compareSelect, program.CompareOpen: (*cutter).compareOpen, program.CompareJoin: (*cutter).compareJoin,
		program.Products: (*cutter).products,
		program.GCLabels: (*cutter).labels, program.GCEvaluate: (*cutter).evaluate,
		program.GCChoose: (*cutter).chooseLabels, program.GCZero: (*cutter).zeroLabels,
		program.GCGarble: (*cutter).garble, program.GCRemask: (*cutter).garble, program.GCTables: (*cutter).keepTables,
		program.OTChoose: (*cutter).randomOTs, program.OTPads: (*cutter).randomOTs, program.OT16Choose: (*cutter).randomOTs,
		program.OT16Pads: (*cutter).randomOTs, program.BitsChoose: (*cutter).randomOTs, program.BitsPads: (*cutter).randomOTs,
	}
}
