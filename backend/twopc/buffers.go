package twopc

import (
	"cmp"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// place puts a party's instructions into levels and its parts into buffers. Parts whose lives do not overlap share a
// buffer: what a level sends and receives lives at once, computations one after the other.
func (s *stream) place(held ends, tuning Tuning) {
	slices.SortStableFunc(s.ops, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	s.putAway(held, tuning.SlotBytes)
	lives := s.lives(held)
	where := s.allocate(lives)
	for i := range s.p.Imports {
		s.p.Imports[i].Out.Buf = where[s.p.Imports[i].Out.Buf]
	}
	for _, x := range slices.Concat(held.in, held.out) {
		*x.buf = where[x.part.id]
	}
	for _, t := range s.ops {
		in := program.Instr{Op: t.op, Tag: t.tag, Out: operands(t.out, where), In: operands(t.in, where), Ints: t.ints}
		l := s.level(t.at)
		switch t.class {
		case send:
			l.Send = append(l.Send, in)
		case recv:
			l.Recv = append(l.Recv, in)
		default:
			l.Compute = append(l.Compute, in)
		}
	}
}

// ends are the parts that hold what a program is given before its online phase, and what it leaves behind it.
type ends struct{ in, out []end }

// end is such a part, and where the program says which buffer it has.
type end struct {
	*part
	buf *int
}

func (e *ends) into(p *part, buf *int) {
	if p != nil {
		e.in = append(e.in, end{p, buf})
	}
}

func (e *ends) outOf(p *part, buf *int) {
	if p != nil {
		e.out = append(e.out, end{p, buf})
	}
}

// has tells whether a part is one of them.
func (e ends) has(p *part) bool {
	return slices.ContainsFunc(slices.Concat(e.in, e.out), func(x end) bool { return x.part == p })
}

func operands(parts []*part, where []int) []program.Operand {
	out := make([]program.Operand, len(parts))
	for i, p := range parts {
		out[i] = program.Operand{Buf: where[p.id], Len: p.n}
	}
	return out
}

// level gives the level of a moment. Level 0 of a phase only computes.
func (s *stream) level(at cost.Time) *program.Level {
	list, depth := &s.p.Offline, int(at-cost.Start)
	if at.Phase() == cost.Online {
		list, depth = &s.p.Online, at.Depth()
	}
	for len(*list) <= depth {
		*list = append(*list, program.Level{})
	}
	return &(*list)[depth]
}

// life is the span of steps in which a part must keep its buffer.
type life struct{ from, to int }

// lives numbers the steps: all messages of a level are one step, each computation one. In a lane of its own each instruction, or
// import, is a step. Unused parts live for a moment.
func (s *stream) lives(held ends) []life {
	out := make([]life, len(s.parts))
	for i := range out {
		out[i] = life{from: -1}
	}
	for i, im := range s.p.Imports {
		out[im.Out.Buf] = life{0, 0}
		if s.parts[im.Out.Buf].lane == importing {
			out[im.Out.Buf] = life{i, i}
		}
	}
	rank := 0
	touch := func(p *part, step int) {
		if p.lane != throughout {
			step = rank
		}
		l := &out[p.id]
		if l.from < 0 {
			l.from = step
		}
		l.to = max(l.to, step)
	}
	step := 0
	var level cost.Time = -1
	messages := false
	var f fusible
	for _, t := range ordered(s.ops) {
		if t.class == compute || t.at != level || !messages {
			step++
		}
		level, messages = t.at, t.class != compute
		rank++
		for _, p := range append(slices.Clone(t.out), t.in...) {
			touch(p, step)
		}
		if x := f.follow(t); x != nil {
			touch(x, step)
		}
		if t.at >= cost.OnlineStart {
			for _, x := range held.in {
				touch(x.part, step)
			}
		}
	}
	for _, x := range slices.Concat(held.in, held.out) {
		touch(x.part, step+1)
	}
	return out
}

// fusible is a linear map of the online phase and the elementwise computations behind it, which may become one kernel: it writes their
// results while it still reads the map's input.
type fusible struct {
	x  *part // the input, if there is such a map
	at cost.Time
	n  int // elements of all results
}

// follow goes on to the next instruction and gives the input that it must leave alone, or nil.
func (f *fusible) follow(t timed) *part {
	switch {
	case t.op == program.TapValue:
	case t.class != compute || t.at < cost.OnlineStart || len(t.out) == 0:
		*f = fusible{}
	case t.linear():
		*f = fusible{t.in[0], t.at, t.out[0].n}
	case !t.elementwise() || t.at != f.at || t.out[0].n != f.n:
		*f = fusible{}
	}
	return f.x
}

// ordered gives the instructions as they run: level by level, messages before computations.
func ordered(ops []timed) []timed {
	out := slices.Clone(ops)
	slices.SortStableFunc(out, executes)
	return out
}

// executes orders instructions: level by level, messages before computations.
func executes(a, b timed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.class, b.class)) }

// allocate gives every part a buffer: the smallest free one of its kind that is large enough, else a new one. Lanes share none.
func (s *stream) allocate(lives []life) []int {
	where := make([]int, len(lives))
	for lane := range lanes {
		s.allocateLane(lane, lives, where)
	}
	return where
}

func (s *stream) allocateLane(of lane, lives []life, where []int) {
	var order []int
	for i, l := range lives {
		if l.from >= 0 && s.parts[i].lane == of {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lives[a].from, lives[b].from) })
	ending := map[int][]int{} // step → buffers whose part is last used in it
	var free [2]shelf         // by kind
	step := 0
	for _, i := range order {
		for ; step < lives[i].from; step++ {
			for _, b := range ending[step] {
				free[s.p.Buffers[b].Kind].put(s.p.Buffers[b].Len, b)
			}
			delete(ending, step)
		}
		where[i] = s.pick(&free[s.parts[i].kind], s.parts[i])
		ending[lives[i].to] = append(ending[lives[i].to], where[i])
	}
}

func (s *stream) pick(free *shelf, p *part) int {
	// A buffer more than twice too large is left to others.
	if b, ok := free.take(p.n, 2*p.n); ok {
		return b
	}
	s.p.Buffers = append(s.p.Buffers, program.Buffer{Kind: p.kind, Len: p.n})
	return len(s.p.Buffers) - 1
}

// shelf holds free buffers by length.
type shelf struct {
	lens []int // that have a buffer, ascending
	bufs map[int][]int
}

func (f *shelf) put(n, buf int) {
	if f.bufs == nil {
		f.bufs = map[int][]int{}
	}
	if len(f.bufs[n]) == 0 {
		i, _ := slices.BinarySearch(f.lens, n)
		f.lens = slices.Insert(f.lens, i, n)
	}
	f.bufs[n] = append(f.bufs[n], buf)
}

// take gives the smallest buffer of at least least and at most most elements.
func (f *shelf) take(least, most int) (int, bool) {
	i, _ := slices.BinarySearch(f.lens, least)
	if i == len(f.lens) || f.lens[i] > most {
		return 0, false
	}
	n := f.lens[i]
	last := len(f.bufs[n]) - 1
	buf := f.bufs[n][last]
	f.bufs[n] = f.bufs[n][:last]
	if last == 0 {
		f.lens = slices.Delete(f.lens, i, i+1)
	}
	return buf, true
}
