package main

import (
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choose"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

// form is one way to compute the network in fixed point, with what the passes found out on the way to it.
type form struct {
	choose.Form
	report pass.Report
}

// forms gives what the flags leave open: the form that the passes made, the same in the ring of 64 bits where they took 32, at scales that
// keep the error asked for, and each with its pools last. The ranges allow all of them.
func (l *lowering) forms(f *lowerFlags) ([]*form, error) {
	first := &form{choose.Form{Ring: l.ring, Frac: l.context.Report.Frac}, l.context.Report}
	rings := []*form{first}
	if wider, err := l.wider(first, f); err != nil {
		return nil, err
	} else if wider != nil {
		rings = append(rings, wider)
	}
	if f.pools != "" && f.pools != wayAuto {
		return rings, nil
	}
	var all []*form
	for _, x := range rings {
		all = append(all, x)
		last, err := l.poolsLast(x)
		if err != nil {
			return nil, err
		}
		if last.Ring.String() != x.Ring.String() {
			x.Pools, last.Pools = pass.PoolsFirst, pass.PoolsLast
			all = append(all, last)
		}
	}
	return all, nil
}

// wider is the form in 64 bits, where the ring was to choose: none where it cannot hold the scales that were asked for.
func (l *lowering) wider(than *form, f *lowerFlags) (*form, error) {
	const bits = 64
	if f.ring != 0 || l.bounded == nil || than.Bits() == bits {
		return nil, nil
	}
	c := *l.context
	c.Ring, c.Frac = bits, 0
	if asked := than.report.ErrorAsked; asked > 0 {
		of := *l
		of.context = &c
		found, err := of.fewestBits(l.bounded, asked)
		if err != nil {
			return nil, nil // it has no scales for that
		}
		c.Frac = found.frac
	}
	m := l.bounded.Clone()
	if err := (&pass.Runner{}).Run(&c, m, passes.Lowered...); err != nil {
		return nil, err
	}
	c.Report.ErrorAsked = than.report.ErrorAsked
	return &form{choose.Form{Ring: m, Frac: c.Report.Frac}, c.Report}, nil
}

// poolsLast is a form with ReLUs before the pools that read them alone.
func (l *lowering) poolsLast(x *form) (*form, error) {
	c, m := *l.context, x.Ring.Clone()
	c.Pools = pass.PoolsLast
	err := (&pass.Runner{}).Run(&c, m, relu.PoolLast, clean.DCE)
	return &form{choose.Form{Ring: m, Frac: x.Frac}, x.report}, err
}

// take goes on with a form.
func (l *lowering) take(x *form) {
	if x.Ring != l.ring {
		l.ring, l.context.Report = x.Ring, x.report
		if l.watch != nil {
			l.watch("form", "the fixed-point form that is the cheapest: its ring, and which comes first of pools and the relus before them", x.Ring, 0)
		}
	}
}

// keepBounded keeps the float network with its bounds, for other forms than the first.
func (l *lowering) keepBounded(m *ir.Module) {
	if l.deciding != nil {
		l.bounded = m.Clone()
	}
}
