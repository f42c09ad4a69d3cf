package sched

import (
	"container/heap"
)

// List schedules by priority: whenever a unit is free, it starts the ready op of its class that goes first. It does so twice, where the
// longest chain behind an op goes first and where the problem's order does, and gives the better. Slots of a pool are taken in the
// problem's order, so that it never gets stuck where Check passes: of all ops that have not ended, the first in order has its
// predecessors, its unit sooner or later, and every slot but those that it also lacks when ops run one by one.
// Time O((ops + dependences + leases) log ops). The problem must pass Check.
func List(p *Problem) Schedule {
	chains := list(p, p.tails())
	ordered := list(p, make([]int64, len(p.Ops)))
	if p.Latency(ordered) < p.Latency(chains) {
		return ordered
	}
	return chains
}

// list starts what has the highest priority first, of equals the first in order.
func list(p *Problem, priority []int64) Schedule {
	l := newLister(p, priority)
	for i := range p.Ops {
		if l.missing[i] == 0 {
			l.arrive(i, 0)
		}
	}
	for len(l.events) > 0 {
		now := l.events[0].at
		for len(l.events) > 0 && l.events[0].at == now {
			l.pass(heap.Pop(&l.events).(event))
		}
		for l.startAll(now) { // ops of no cycles end at once and let others start
		}
	}
	return Schedule{l.start}
}

// lister is the state of List at a time.
type lister struct {
	*Problem
	start   []int64
	missing []int     // by op: predecessors that have not ended
	readyAt []int64   // by op: the end of those that have, with lags
	next    [][]Dep   // by op: who waits for it
	ready   []opHeap  // by resource: ops whose predecessors have ended, and whose turn to take slots it is
	free    []int     // by resource: units
	slots   []int     // by pool: free
	takers  [][]int   // by pool: ops that take slots, in order; those that have are dropped
	parked  []bool    // by op: only its turn to take slots is missing
	takes   [][]int   // by op: leases that start with it
	holds   []int     // by lease: ops that have not ended
	holders [][]int   // by op: leases that it holds
	events  eventHeap // ends of ops, and moments at which an op is ready
}

// event is an op's end or, where ready is set, the moment from which it may start.
type event struct {
	at    int64
	op    int
	ready bool
}

func newLister(p *Problem, priority []int64) *lister {
	n := len(p.Ops)
	l := &lister{Problem: p, start: make([]int64, n), missing: make([]int, n), readyAt: make([]int64, n), next: make([][]Dep, n),
		ready: make([]opHeap, len(p.Resources)), slots: make([]int, len(p.Pools)), takers: make([][]int, len(p.Pools)), takes: make([][]int, n),
		holds: make([]int, len(p.Leases)), holders: make([][]int, n), parked: make([]bool, n)}
	for i, o := range p.Ops {
		l.missing[i] = len(o.After)
		for _, d := range o.After {
			l.next[d.Op] = append(l.next[d.Op], Dep{i, d.Lag})
		}
	}
	for _, r := range p.Resources {
		l.free = append(l.free, r.Units)
	}
	for i, b := range p.Pools {
		l.slots[i] = b.Slots
	}
	for i, b := range p.Leases {
		l.takes[b.From] = append(l.takes[b.From], i)
		for _, u := range append([]int{b.From}, b.Until...) {
			l.holds[i]++
			l.holders[u] = append(l.holders[u], i)
		}
	}
	for i := range p.Ops {
		for _, b := range l.takes[i] {
			l.takers[p.Leases[b].Pool] = append(l.takers[p.Leases[b].Pool], i) // an op may stand there twice
		}
	}
	for r := range l.ready {
		l.ready[r].priority = priority
	}
	return l
}

// pass takes note of an event.
func (l *lister) pass(e event) {
	if e.ready {
		l.queue(e.op)
		return
	}
	if l.Ops[e.op].Cycles > 0 {
		l.free[l.Ops[e.op].Resource]++
	}
	for _, b := range l.holders[e.op] {
		if l.holds[b]--; l.holds[b] == 0 {
			l.slots[l.Leases[b].Pool] += l.Leases[b].Slots
		}
	}
	for _, d := range l.next[e.op] {
		l.readyAt[d.Op] = max(l.readyAt[d.Op], e.at+d.Lag)
		if l.missing[d.Op]--; l.missing[d.Op] == 0 {
			l.arrive(d.Op, l.readyAt[d.Op])
		}
	}
}

// queue lets an op start as soon as there is a unit, or parks it until its turn.
func (l *lister) queue(op int) {
	if l.parked[op] = !l.turn(op); !l.parked[op] {
		heap.Push(&l.ready[l.Ops[op].Resource], op)
	}
}

// turn reports whether an op is the next to take slots of all its pools.
func (l *lister) turn(op int) bool {
	for _, b := range l.takes[op] {
		if l.takers[l.Leases[b].Pool][0] != op {
			return false
		}
	}
	return true
}

// arrive lets an op start from a time on.
func (l *lister) arrive(op int, at int64) { heap.Push(&l.events, event{at, op, true}) }

// startAll starts what can start now, and reports whether it was any op.
func (l *lister) startAll(now int64) (any bool) {
	for r := range l.ready {
		var waiting []int // for slots
		for len(l.ready[r].ops) > 0 && (l.free[r] > 0 || l.Ops[l.ready[r].ops[0]].Cycles == 0) {
			op := heap.Pop(&l.ready[r]).(int)
			if !l.fits(op) {
				waiting = append(waiting, op)
				continue
			}
			l.begin(op, now)
			any = true
		}
		for _, op := range waiting {
			heap.Push(&l.ready[r], op)
		}
	}
	return any
}

// fits reports whether pools have the slots that an op takes.
func (l *lister) fits(op int) bool {
	for i, b := range l.takes[op] {
		pool, need := l.Leases[b].Pool, 0
		for _, other := range l.takes[op][:i+1] {
			if l.Leases[other].Pool == pool {
				need += l.Leases[other].Slots
			}
		}
		if need > l.slots[pool] {
			return false
		}
	}
	return true
}

func (l *lister) begin(op int, now int64) {
	o := l.Ops[op]
	l.start[op] = now
	for _, b := range l.takes[op] {
		pool := l.Leases[b].Pool
		l.slots[pool] -= l.Leases[b].Slots
		l.takers[pool] = l.takers[pool][1:]
	}
	for _, b := range l.takes[op] {
		if next := l.takers[l.Leases[b].Pool]; len(next) > 0 && l.parked[next[0]] {
			l.queue(next[0])
		}
	}
	if o.Cycles == 0 {
		l.pass(event{now, op, false})
		return
	}
	l.free[o.Resource]--
	heap.Push(&l.events, event{now + o.Cycles, op, false})
}

// opHeap orders ops by priority, the highest first, and by their number.
type opHeap struct {
	ops      []int
	priority []int64
}

func (h *opHeap) Len() int { return len(h.ops) }
func (h *opHeap) Less(i, j int) bool {
	a, b := h.ops[i], h.ops[j]
	if h.priority[a] != h.priority[b] {
		return h.priority[a] > h.priority[b]
	}
	return a < b
}
func (h *opHeap) Swap(i, j int) { h.ops[i], h.ops[j] = h.ops[j], h.ops[i] }
func (h *opHeap) Push(x any)    { h.ops = append(h.ops, x.(int)) }
func (h *opHeap) Pop() any {
	last := h.ops[len(h.ops)-1]
	h.ops = h.ops[:len(h.ops)-1]
	return last
}

type eventHeap []event

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)        { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
