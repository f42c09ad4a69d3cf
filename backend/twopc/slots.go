package twopc

import (
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// What the offline phase makes for later would fill the memory of a large network: pads, masks and shares of every layer at
// once. Each such part is put away in a slot where it was made and fetched where it is used, so that buffers are needed for
// a layer at a time. Slots are the runtime's to keep, in memory or on disk.

// near is how many instructions may lie between two uses that share a buffer: Tuning.
const near = 8

// lane is where in time a part lives. What the sends, or the receives, of a level make and put away one after the other has
// buffers apart from all others: the two lists run side by side.
type lane uint8

const (
	throughout lane = iota
	sending
	receiving
	importing
	lanes
)

// use is an instruction that a part occurs in: its place in s.ops, and in the order of execution.
type use struct {
	op, rank int
	timed
}

// stretch is uses of a part between which it keeps its buffer.
type stretch []use

// putAway gives slots to the parts of at least so many bytes that wait long. s.ops is ordered by moment.
func (s *stream) putAway(held ends, least int) {
	uses, writers := s.uses()
	a := &away{stream: s, before: map[int][]timed{}, after: map[int][]timed{}}
	imports := map[int]*program.Import{}
	for i := range s.p.Imports {
		imports[s.p.Imports[i].Out.Buf] = &s.p.Imports[i]
	}
	for _, p := range slices.Clone(s.parts) {
		im, list := imports[p.id], stretches(uses[p.id])
		switch {
		case s.bytes(p) < least || len(list) == 0 || held.has(p):
		case im != nil:
			p.lane = importing
			im.Slot = a.next()
			a.chain(p, a.fetch(p, im.Slot, list[0]), list)
		case writers[p.id] == 1 && len(list) > 1 && list[0][0].at < cost.OnlineStart:
			p.lane = list[0].lane()
			a.chain(p, p, list)
		}
	}
	a.insert()
}

func (s *stream) bytes(p *part) int {
	if p.kind == program.Bits {
		return p.n / 8
	}
	return p.n * s.p.Ring / 8
}

// uses lists the uses of every part in the order of execution, and counts the instructions that write it.
func (s *stream) uses() (uses [][]use, writers []int) {
	uses, writers = make([][]use, len(s.parts)), make([]int, len(s.parts))
	place := make([]int, len(s.ops))
	for i := range place {
		place[i] = i
	}
	slices.SortStableFunc(place, func(i, j int) int { return executes(s.ops[i], s.ops[j]) })
	for rank, i := range place {
		t := s.ops[i]
		for _, p := range t.out {
			writers[p.id]++
		}
		for _, p := range append(slices.Clone(t.out), t.in...) {
			if list := uses[p.id]; len(list) == 0 || list[len(list)-1].op != i {
				uses[p.id] = append(list, use{i, rank, t})
			}
		}
	}
	return uses, writers
}

// stretches splits the uses of a part where it waits long: between moments and between lists of the offline phase. Online
// nothing is put away.
func stretches(uses []use) (out []stretch) {
	for i, u := range uses {
		if i > 0 {
			last := uses[i-1]
			if last.at >= cost.OnlineStart || (last.at == u.at && last.class == u.class && u.rank-last.rank <= near) {
				out[len(out)-1] = append(out[len(out)-1], u)
				continue
			}
		}
		out = append(out, stretch{u})
	}
	return out
}

func (x stretch) lane() lane {
	for _, u := range x {
		if u.at != x[0].at || u.class != x[0].class {
			return throughout
		}
	}
	return map[class]lane{send: sending, recv: receiving, compute: throughout}[x[0].class]
}

// away collects the instructions that put away and fetch, by the place in s.ops that they go before or after.
type away struct {
	*stream
	before, after map[int][]timed
	slots         int
}

func (a *away) next() int {
	a.slots++
	return a.slots
}

// chain puts p, in whose first stretch held stands for it, away after each of its stretches but the last, and fetches it for
// the next.
func (a *away) chain(p, held *part, list []stretch) {
	for i, to := range list[1:] {
		last, slot := list[i][len(list[i])-1], a.next()
		a.after[last.op] = append(a.after[last.op], timed{program.Spill, last.tag, last.class, last.at, nil, []*part{held}, []int{slot}})
		held = a.fetch(p, slot, to)
	}
}

// fetch brings p back for a stretch, as a new part.
func (a *away) fetch(p *part, slot int, to stretch) *part {
	v := &part{kind: p.kind, n: p.n, ready: p.ready, id: len(a.parts), lane: to.lane()}
	a.parts = append(a.parts, v)
	first := to[0]
	at := a.chainBegins(first)
	a.before[at] = append(a.before[at], timed{program.Fill, first.tag, first.class, first.at, []*part{v}, nil, []int{slot}})
	for _, u := range to {
		t := &a.ops[u.op]
		t.out, t.in = replaced(t.out, p, v), replaced(t.in, p, v)
	}
	return v
}

// chainBegins gives the place where the elementwise computations begin that lead up to a use without anything between them, or the
// linear map that they follow: what they take is fetched before the first, so that kernels can go through memory once for all of them.
// Outside of the online phase's computations it is the use's own place.
func (a *away) chainBegins(u use) int {
	begin := u.op
	if u.class != compute || u.at < cost.OnlineStart || !u.elementwise() {
		return begin
	}
	for i := u.op - 1; i >= 0 && a.ops[i].at == u.at; i-- {
		switch t := a.ops[i]; {
		case t.class != compute || t.op == program.TapValue: // not between the computations
		case len(t.out) == 0 || t.out[0].n != u.out[0].n:
			return begin
		case t.linear():
			return i
		case !t.elementwise():
			return begin
		default:
			begin = i
		}
	}
	return begin
}

// linear tells of a linear map that mixes elements.
func (t timed) linear() bool {
	return (t.op == program.Conv || t.op == program.Linear) && !t.elementwise()
}

func (t timed) elementwise() bool { return program.Instr{Op: t.op, Ints: t.ints}.Elementwise() }

func replaced(list []*part, p, v *part) []*part {
	list = slices.Clone(list)
	for i := range list {
		if list[i] == p {
			list[i] = v
		}
	}
	return list
}

func (a *away) insert() {
	ops := make([]timed, 0, len(a.ops)+2*a.slots)
	for i, t := range a.ops {
		ops = append(append(append(ops, a.before[i]...), t), a.after[i]...)
	}
	a.ops = ops
}
