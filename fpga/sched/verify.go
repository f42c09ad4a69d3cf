package sched

import (
	"cmp"
	"fmt"
	"slices"
)

// Verify demands that a schedule keeps every rule of its problem. It shares nothing with the solvers: it sweeps over starts and ends.
func (p *Problem) Verify(s Schedule) error {
	if len(s.Start) != len(p.Ops) {
		return fmt.Errorf("%d starts for %d ops", len(s.Start), len(p.Ops))
	}
	for i, o := range p.Ops {
		if s.Start[i] < 0 || s.Start[i] > MaxCycles {
			return fmt.Errorf("op %d (%s) starts at %d", i, o.Name, s.Start[i])
		}
		for _, d := range o.After {
			if ready := s.Start[d.Op] + p.Ops[d.Op].Cycles + d.Lag; s.Start[i] < ready {
				return fmt.Errorf("op %d (%s) starts at %d; op %d (%s) lets it at %d", i, o.Name, s.Start[i], d.Op, p.Ops[d.Op].Name, ready)
			}
		}
	}
	if err := p.verifyResources(s); err != nil {
		return err
	}
	return p.verifyPools(s)
}

// change is a number of units or slots taken (or, negative, given back) at a time by an op.
type change struct {
	at int64
	by int
	op int
}

// sweep demands that what changes add up to, in the order of time, never exceeds what there is. What ends when another begins is free for it.
func sweep(changes []change, there int) (op, used int, ok bool) {
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	for _, c := range changes {
		if used += c.by; used > there {
			return c.op, used, false
		}
	}
	return 0, used, true
}

func (p *Problem) verifyResources(s Schedule) error {
	changes := make([][]change, len(p.Resources))
	for i, o := range p.Ops {
		if o.Cycles > 0 { // what takes no time has no unit
			changes[o.Resource] = append(changes[o.Resource], change{s.Start[i], 1, i}, change{s.Start[i] + o.Cycles, -1, i})
		}
	}
	for r, list := range changes {
		if op, used, ok := sweep(list, p.Resources[r].Units); !ok {
			return fmt.Errorf("op %d (%s) starts at %d, when %d of %d units of %s are taken", op, p.Ops[op].Name, s.Start[op], used-1, p.Resources[r].Units, p.Resources[r].Name)
		}
	}
	return nil
}

func (p *Problem) verifyPools(s Schedule) error {
	changes := make([][]change, len(p.Pools))
	for _, l := range p.Leases {
		end := s.Start[l.From] + p.Ops[l.From].Cycles
		for _, u := range l.Until {
			end = max(end, s.Start[u]+p.Ops[u].Cycles)
		}
		if end > s.Start[l.From] {
			changes[l.Pool] = append(changes[l.Pool], change{s.Start[l.From], l.Slots, l.From}, change{end, -l.Slots, l.From})
		}
	}
	for b, list := range changes {
		if op, used, ok := sweep(list, p.Pools[b].Slots); !ok {
			return fmt.Errorf("op %d (%s) starts at %d, with which %d of %d slots of %s are taken", op, p.Ops[op].Name, s.Start[op], used, p.Pools[b].Slots, p.Pools[b].Name)
		}
	}
	return nil
}
