package sched

import (
	"errors"
	"fmt"
	"slices"
)

// MaxExact is the most ops that Exact takes: its time grows with their number's factorial where little binds them.
const MaxExact = 14

// ErrBudget says that a search ended before it was done.
var ErrBudget = errors.New("sched: the search for the best schedule used up its nodes")

// Exact finds a schedule of least latency by branch and bound, within a number of nodes (0: without limit); ErrBudget comes with the best
// schedule found. It tries ops in every order in which they may start and starts each as soon as those before it in that order let it, but
// not before them. Some best schedule is among these: take any, in the order of its starts; by induction each op starts no later than
// there, since what holds units and slots at its start there has begun before it and ended no later. The problem must pass Check.
func Exact(p *Problem, nodes int) (Schedule, error) {
	if len(p.Ops) > MaxExact {
		return Schedule{}, fmt.Errorf("sched: %d ops: an exact schedule is searched for at most %d", len(p.Ops), MaxExact)
	}
	best := List(p)
	x := &exact{Problem: p, tail: p.tails(), least: p.Bounds().Least(), best: best, latency: p.Latency(best), nodes: nodes, placed: make([]bool, len(p.Ops)), now: Schedule{make([]int64, len(p.Ops))}}
	x.place(0, 0)
	if x.out {
		return x.best, ErrBudget
	}
	return x.best, nil
}

type exact struct {
	*Problem
	tail    []int64
	least   int64
	best    Schedule
	latency int64
	nodes   int // left; 0 at the beginning: as many as it takes
	out     bool

	placed []bool
	now    Schedule // of placed ops
}

// place tries every op that may be next, after count ops of which the last starts at a time.
func (x *exact) place(count int, last int64) {
	if count == len(x.Ops) {
		if l := x.Latency(x.now); l < x.latency {
			x.latency, x.best = l, Schedule{slices.Clone(x.now.Start)}
		}
		return
	}
	for i := range x.Ops {
		if x.latency == x.least || x.out {
			return
		}
		if x.placed[i] || !x.free(i) {
			continue
		}
		if x.nodes > 0 {
			if x.nodes--; x.nodes == 0 {
				x.out = true
				return
			}
		}
		at, ok := x.earliest(i, last)
		if !ok || at+x.tail[i] >= x.latency {
			continue
		}
		x.placed[i], x.now.Start[i] = true, at
		if x.bound(at) < x.latency {
			x.place(count+1, at)
		}
		x.placed[i] = false
	}
}

// free reports whether all that an op comes after is placed.
func (x *exact) free(i int) bool {
	return !slices.ContainsFunc(x.Ops[i].After, func(d Dep) bool { return !x.placed[d.Op] })
}

// bound is a latency that no completion is below, where no op starts before now: chains through ops that are not placed, and their work.
func (x *exact) bound(now int64) int64 {
	work := make([]int64, len(x.Resources))
	least := int64(0)
	early := make([]int64, len(x.Ops))
	for i, o := range x.Ops {
		if x.placed[i] {
			early[i] = x.now.Start[i]
			least = max(least, early[i]+o.Cycles)
			work[o.Resource] += max(0, early[i]+o.Cycles-now)
			continue
		}
		early[i] = now
		for _, d := range o.After {
			early[i] = max(early[i], early[d.Op]+x.Ops[d.Op].Cycles+d.Lag)
		}
		least = max(least, early[i]+x.tail[i])
		work[o.Resource] += o.Cycles
	}
	for r, w := range work {
		units := int64(x.Resources[r].Units)
		least = max(least, now+(w+units-1)/units)
	}
	return least
}

// earliest is the first time from which an op may start next to those placed; ok is false where slots that it needs are held by leases
// whose ops are not all placed, and so have no end.
func (x *exact) earliest(i int, last int64) (at int64, ok bool) {
	at = last
	for _, d := range x.Ops[i].After {
		at = max(at, x.now.Start[d.Op]+x.Ops[d.Op].Cycles+d.Lag)
	}
	// A unit or a slot can become free only when an op ends.
	times := []int64{at}
	for j, o := range x.Ops {
		if end := x.now.Start[j] + o.Cycles; x.placed[j] && end > at {
			times = append(times, end)
		}
	}
	slices.Sort(times)
	for _, t := range times {
		if x.unit(i, t) && x.slots(i, t) {
			return t, true
		}
	}
	return 0, false
}

// unit reports whether op i has a unit at t. Ops placed so far start no later, so none takes it away.
func (x *exact) unit(i int, t int64) bool {
	used := 0
	for j, o := range x.Ops {
		if x.placed[j] && o.Resource == x.Ops[i].Resource && x.now.Start[j]+o.Cycles > t {
			used++
		}
	}
	return used < x.Resources[x.Ops[i].Resource].Units || x.Ops[i].Cycles == 0
}

// slots reports whether pools have the slots that op i takes at t.
func (x *exact) slots(i int, t int64) bool {
	used := make([]int, len(x.Pools))
	for _, l := range x.Leases {
		if l.From == i || x.placed[l.From] && x.held(l, t) {
			used[l.Pool] += l.Slots
		}
	}
	for b, n := range used {
		if n > x.Pools[b].Slots {
			return false
		}
	}
	return true
}

// held reports whether a lease that has begun has not ended at t.
func (x *exact) held(l Lease, t int64) bool {
	if x.now.Start[l.From]+x.Ops[l.From].Cycles > t {
		return true
	}
	return slices.ContainsFunc(l.Until, func(u int) bool { return !x.placed[u] || x.now.Start[u]+x.Ops[u].Cycles > t })
}
