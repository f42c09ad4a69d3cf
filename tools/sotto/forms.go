package main

import (
	"cmp"
	"slices"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choose"
	"sotto/passes/clean"
	"sotto/passes/fixed"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

// form is one way to compute the network in fixed point, with what the passes found out on the way to it.
type form struct {
	choose.Form
	report pass.Report
}

// forms gives what the flags leave open: the form that the passes made, the same in the ring of 64 bits where they took 32, where an error was asked for
// finer scales if they are cheaper, and each with its pools last. The ranges allow all of them, and they keep to the error.
func (l *lowering) forms(f *lowerFlags) ([]*form, error) {
	first := &form{choose.Form{Ring: l.ring, Frac: l.context.Report.Frac, ErrorBound: l.context.Report.ErrorBound}, l.context.Report}
	rings := []*form{first}
	if wider, err := l.wider(first, f); err != nil {
		return nil, err
	} else if wider != nil {
		rings = append(rings, wider)
	}
	if finer, err := l.finer(rings); err != nil {
		return nil, err
	} else if finer != nil {
		rings = append(rings, finer)
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

// at is a network with its bounds in fixed point: in the narrowest ring that holds it, if none is said, and with the most fraction bits that fit, if no number is said.
func (l *lowering) at(bounded *ir.Module, ring, frac int) (*form, error) {
	c, m := *l.context, bounded.Clone()
	c.Ring, c.Frac, c.Report = ring, frac, pass.Report{ErrorAsked: l.context.Report.ErrorAsked}
	err := (&pass.Runner{}).Run(&c, m, passes.Lowered...)
	return &form{choose.Form{Ring: m, Frac: c.Report.Frac}, c.Report}, err
}

// wider is the form in 64 bits, where the ring was to choose: none where it cannot hold the scales that were asked for.
func (l *lowering) wider(than *form, f *lowerFlags) (*form, error) {
	const bits = 64
	if f.ring != 0 || l.bounded == nil || than.Bits() == bits {
		return nil, nil
	}
	if asked := than.report.ErrorAsked; asked > 0 {
		found, err := l.fewestBits(l.bounded, []int{bits}, asked)
		if err != nil {
			return nil, nil // it has no scales for that
		}
		return found, nil
	}
	return l.at(l.bounded, bits, 0)
}

// finer is the cheapest form, where that has more fraction bits than the fewest that keep to the error asked for: nil where the fewest are cheaper, as they
// mostly are (fixed/RATIONALE.md). It is searched for, all programs of all scales being too many to weigh.
func (l *lowering) finer(fewest []*form) (*form, error) {
	all := slices.Clone(fewest)
	for _, x := range fewest {
		for _, frac := range fixed.Precisions(x.Bits()) {
			if x.report.ErrorAsked == 0 || frac <= x.Frac {
				continue
			}
			y, err := l.at(l.bounded, x.Bits(), frac)
			if err != nil {
				break // so many do not fit, nor do more
			}
			all = append(all, y)
		}
	}
	if len(all) == len(fewest) {
		return nil, nil
	}
	l.app.progress.step("choosing scales")
	p, err := l.problem(all)
	if err != nil {
		return nil, err
	}
	p.Enumerate = 1
	found, err := p.Choose(p.Target.Link)
	if err != nil {
		return nil, err
	}
	x := all[found.Candidate.Form]
	if slices.Contains(fewest, x) {
		return nil, nil
	}
	if x.ErrorBound, err = l.boundOf(x.Ring); err != nil || x.ErrorBound > x.report.ErrorAsked {
		return nil, err
	}
	return x, nil
}

// fewer is the form with one fraction bit less, for --explain to say what that would save: nil where there is none.
func (l *lowering) fewer(than *choose.Form) (*form, error) {
	ring, frac := than.Bits(), than.Frac-1
	if l.bounded == nil || !slices.Contains(fixed.Precisions(ring), frac) {
		return nil, nil
	}
	x, err := l.at(l.bounded, ring, frac)
	if err == nil && than.Pools == pass.PoolsLast {
		x, err = l.poolsLast(x)
	}
	if err != nil {
		return nil, err
	}
	x.Pools, x.Aside = than.Pools, true
	x.Space, err = l.deciding.space(x.Ring.Funcs[0], l.context)
	return x, err
}

// boundForms states the error of all forms that are compared, as far as there are weights to measure it.
func (l *lowering) boundForms(chosen *choose.Form) (err error) {
	if l.context.Report.ErrorBound == 0 { // nor is it known of the chosen one
		return nil
	}
	known := map[string]float64{chosen.Scales(): l.context.Report.ErrorBound}
	for _, x := range l.deciding.problem.Forms {
		if x.ErrorBound = cmp.Or(known[x.Scales()], x.ErrorBound); x.ErrorBound == 0 {
			if x.ErrorBound, err = l.boundOf(x.Ring); err != nil {
				return err
			}
		}
		known[x.Scales()] = x.ErrorBound
	}
	return nil
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
