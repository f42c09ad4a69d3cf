// Package sched places operations in time: which engine, memory port or direction of the link does what, and when, under finite buffers.
// It knows no tensors: whoever makes a problem says what an operation stands for.
//
// Model. A resource is a class of equal units; an operation has one unit of one class from its start for its cycles, without a break.
// An operation starts no sooner than all that it comes after have ended, with a lag for each (the delay of a link). A lease holds slots of a
// pool (buffers of equal size) from the start of the operation that fills them to the end of the last one that needs them. The latency is
// the end of the last operation. This is the resource-constrained project scheduling problem with blocking buffers, which is NP-hard
// (Blazewicz, Lenstra, Rinnooy Kan, Discrete Applied Mathematics 5, 1983).
package sched

import (
	"errors"
	"fmt"
	"slices"
)

// Problem is what is to be scheduled. Its operations stand in an order in which they could run one after the other: it decides who takes
// slots first, which keeps any schedule of List from getting stuck.
type Problem struct {
	Resources []Resource `json:"resources"`
	Pools     []Pool     `json:"pools"`
	Ops       []Op       `json:"ops"`
	Leases    []Lease    `json:"leases"`
}

// Resource is a class of equal units: engines of a board, its memory port, a direction of the link.
type Resource struct {
	Name  string `json:"name"`
	Units int    `json:"units"`
}

// Pool is a number of buffers of equal size.
type Pool struct {
	Name  string `json:"name"`
	Slots int    `json:"slots"`
}

// Op is an operation.
type Op struct {
	Name     string `json:"name"`
	Resource int    `json:"resource"` // an index of Resources
	Cycles   int64  `json:"cycles"`
	After    []Dep  `json:"after,omitempty"`
}

// Dep is an operation that another comes after.
type Dep struct {
	Op  int   `json:"op"`            // an index of Ops, less than that of the op that waits
	Lag int64 `json:"lag,omitempty"` // cycles from its end
}

// Lease is slots of a pool held from the start of From to the end of the last of Until. From itself counts among them.
type Lease struct {
	Pool  int   `json:"pool"`
	Slots int   `json:"slots"`
	From  int   `json:"from"`
	Until []int `json:"until,omitempty"` // not before From
}

// MaxCycles bounds what a problem's cycles and lags may add up to, so that no time overflows.
const MaxCycles = 1 << 60

// Check demands that indices are in range, numbers positive, operations in an order that respects After, and that they could run one
// after the other in it: a lease that does not fit then is named, with the slots that would do.
func (p *Problem) Check() error {
	for i, r := range p.Resources {
		if r.Units < 1 {
			return fmt.Errorf("resource %d (%s) has %d units: accepted are 1 and more", i, r.Name, r.Units)
		}
	}
	for i, b := range p.Pools {
		if b.Slots < 1 {
			return fmt.Errorf("pool %d (%s) has %d slots: accepted are 1 and more", i, b.Name, b.Slots)
		}
	}
	if err := p.checkOps(); err != nil {
		return err
	}
	for i, l := range p.Leases {
		if err := p.checkLease(l); err != nil {
			return fmt.Errorf("lease %d: %w", i, err)
		}
	}
	return p.checkSequence()
}

func (p *Problem) checkOps() error {
	left := int64(MaxCycles)
	take := func(cycles int64) bool { // false: negative, or too many in all
		ok := cycles >= 0 && cycles <= left
		left -= cycles
		return ok
	}
	for i, o := range p.Ops {
		if o.Resource < 0 || o.Resource >= len(p.Resources) {
			return fmt.Errorf("op %d (%s): resource %d of %d", i, o.Name, o.Resource, len(p.Resources))
		}
		ok := take(o.Cycles)
		for _, d := range o.After {
			if d.Op < 0 || d.Op >= i {
				return fmt.Errorf("op %d (%s) comes after op %d: accepted are earlier ones", i, o.Name, d.Op)
			}
			ok = ok && take(d.Lag)
		}
		if !ok {
			return fmt.Errorf("op %d (%s): %d cycles: accepted are 0 and more, and %d with lags in all", i, o.Name, o.Cycles, int64(MaxCycles))
		}
	}
	return nil
}

func (p *Problem) checkLease(l Lease) error {
	if l.Pool < 0 || l.Pool >= len(p.Pools) {
		return fmt.Errorf("pool %d of %d", l.Pool, len(p.Pools))
	}
	if l.Slots < 1 {
		return fmt.Errorf("%d slots: accepted are 1 and more", l.Slots)
	}
	if l.From < 0 || l.From >= len(p.Ops) {
		return fmt.Errorf("from op %d of %d", l.From, len(p.Ops))
	}
	for _, u := range l.Until {
		if u < l.From || u >= len(p.Ops) {
			return fmt.Errorf("from op %d until op %d of %d: accepted are later ones", l.From, u, len(p.Ops))
		}
	}
	return nil
}

// NeedError says that a pool is too small for any schedule in the problem's order.
type NeedError struct {
	Pool        string
	Op          string // where it runs out
	Slots, Need int
}

func (e *NeedError) Error() string {
	return fmt.Sprintf("pool %s has %d slots, op %s needs %d", e.Pool, e.Slots, e.Op, e.Need)
}

// checkSequence holds each pool to what running one op after the other needs, and names the most that any op does.
func (p *Problem) checkSequence() error {
	held, worst := make([]int, len(p.Pools)), make([]*NeedError, len(p.Pools))
	taken, freed := p.leasesByOp()
	for i, o := range p.Ops {
		for _, l := range taken[i] {
			b := p.Leases[l].Pool
			held[b] += p.Leases[l].Slots
			if need := held[b]; need > p.Pools[b].Slots && (worst[b] == nil || need > worst[b].Need) {
				worst[b] = &NeedError{p.Pools[b].Name, o.Name, p.Pools[b].Slots, need}
			}
		}
		for _, l := range freed[i] {
			held[p.Leases[l].Pool] -= p.Leases[l].Slots
		}
	}
	var errs []error
	for _, e := range worst {
		if e != nil {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// leasesByOp lists the leases that start with each op, and those that end with it where ops run one after the other.
func (p *Problem) leasesByOp() (taken, freed [][]int) {
	taken, freed = make([][]int, len(p.Ops)), make([][]int, len(p.Ops))
	for i, l := range p.Leases {
		last := slices.Max(append(slices.Clone(l.Until), l.From))
		taken[l.From] = append(taken[l.From], i)
		freed[last] = append(freed[last], i)
	}
	return taken, freed
}

// Schedule gives each op of a problem its start, in cycles from 0.
type Schedule struct {
	Start []int64 `json:"start"`
}

// Latency is the end of the last op.
func (p *Problem) Latency(s Schedule) int64 {
	end := int64(0)
	for i, o := range p.Ops {
		end = max(end, s.Start[i]+o.Cycles)
	}
	return end
}

// Bounds are latencies that no schedule can be below.
type Bounds struct {
	Path      int64   // of the longest chain of ops and lags
	Resources []int64 // by the work of each class, spread evenly over its units
}

// Bounds computes them.
func (p *Problem) Bounds() Bounds {
	b := Bounds{Resources: make([]int64, len(p.Resources))}
	for i, tail := range p.tails() {
		b.Path = max(b.Path, tail)
		b.Resources[p.Ops[i].Resource] += p.Ops[i].Cycles
	}
	for i, r := range p.Resources {
		b.Resources[i] = (b.Resources[i] + int64(r.Units) - 1) / int64(r.Units)
	}
	return b
}

// Least is the greatest of the bounds.
func (b Bounds) Least() int64 { return slices.Max(append(slices.Clone(b.Resources), b.Path)) }

// tails gives each op the longest chain from its start to the end of the problem.
func (p *Problem) tails() []int64 {
	tail := make([]int64, len(p.Ops)) // first: after its end
	for i := len(p.Ops) - 1; i >= 0; i-- {
		tail[i] += p.Ops[i].Cycles
		for _, d := range p.Ops[i].After {
			tail[d.Op] = max(tail[d.Op], d.Lag+tail[i])
		}
	}
	return tail
}
