package main

import (
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// deciding is what the choice of protocols goes by.
type deciding struct {
	flags     lowerFlags
	target    cost.Target
	objective choose.Objective

	base    pass.Protocols // that flags name
	problem *choose.Problem
	choice  choose.Choice
}

// choose has the protocols chosen by the prices of a target, as far as the flags leave them open. A dump in stage SECURE has its protocols;
// its extension and products stay unless a flag names others.
func (l *lowering) choose(n *network, f lowerFlags, target cost.Target) (err error) {
	l.deciding = &deciding{flags: f, target: target}
	if l.deciding.objective, err = f.objective(); err != nil {
		return err
	}
	if _, err := f.programs(); err != nil || n.module.Stage != ir.Secure {
		return err
	}
	if f.ot != "" {
		l.context.OT, err = cost.ParseOTPolicy(f.ot, target)
	}
	if err == nil && f.products != "" {
		l.context.Elementwise, err = cost.ParseElementwisePolicy(f.products, target)
	}
	return err
}

// programs is what the flags leave open of what is chosen for a whole program; an empty list is all.
func (f *lowerFlags) programs() (*choose.Space, error) {
	s := &choose.Space{}
	if f.ot != "" && f.ot != cost.OTAuto {
		o, err := cost.ParseOT(f.ot)
		if err != nil {
			return s, usageError{fmt.Errorf("--ot: %w, or %s", err, cost.OTAuto)}
		}
		s.OTs = []cost.OT{o}
	}
	if f.garbling != "" && f.garbling != cost.SchemeAuto {
		g, err := cost.ParseScheme(f.garbling)
		if err != nil {
			return s, usageError{fmt.Errorf("--garbling: %w, or %s", err, cost.SchemeAuto)}
		}
		s.Schemes = []cost.Scheme{g}
	}
	if f.products != "" && f.products != cost.ElementwiseAuto {
		e, err := cost.ParseElementwise(f.products)
		if err != nil {
			return s, usageError{fmt.Errorf("--products: %w, or %s", err, cost.ElementwiseAuto)}
		}
		s.Elementwise = []cost.Elementwise{e}
	}
	return s, nil
}

// pose says what there is to choose from: the problem, and its forms.
func (l *lowering) pose() (forms []*form, err error) {
	d := l.deciding
	if d.base, err = d.flags.protocols(l.ring.Funcs[0]); err != nil {
		return nil, err
	}
	if forms, err = l.forms(&d.flags); err == nil {
		d.problem, err = l.problem(forms)
	}
	return forms, err
}

// decide chooses the form and the protocols of the network and has the passes that follow obey.
func (l *lowering) decide() error {
	d := l.deciding
	forms, err := l.pose()
	if err != nil {
		return err
	}
	l.app.progress.step("choosing protocols")
	if d.choice, err = d.problem.Choose(d.target.Link); err != nil {
		return err
	}
	c := d.choice.Candidate
	l.take(forms[c.Form])
	l.context.Protocols = forms[c.Form].Space.Protocols(c)
	l.context.Protocols.Truncation = d.base.Truncation // for networks beside this one (firstOptions)
	l.context.OT, l.context.Elementwise = cost.AlwaysOT(c.OT), cost.AlwaysElementwise(c.Elementwise)
	l.context.Packing, l.context.Packings = c.Packing, forms[c.Form].Space.Packed(c)
	return nil
}

// problem is the choice among forms and what the flags leave open of each.
func (l *lowering) problem(forms []*form) (_ *choose.Problem, err error) {
	d := l.deciding
	p := &choose.Problem{Deploy: l.context.Deploy, Source: l.context.Source, Passes: passes.Candidate, Target: d.target, Objective: d.objective}
	for _, x := range forms {
		if x.Space, err = d.space(x.Ring.Funcs[0], l.context); err != nil {
			return nil, err
		}
		p.Forms = append(p.Forms, &x.Form)
	}
	return p, nil
}

// space is what the flags leave open.
func (d *deciding) space(f *ir.Func, l *pass.Context) (*choose.Space, error) {
	fixed, err := d.flags.programs()
	if err != nil {
		return nil, err
	}
	s := choose.NewSpace(f, l.Deploy, l.Source)
	if fixed.OTs != nil {
		s.OTs = fixed.OTs
	}
	if fixed.Schemes != nil {
		s.Schemes = fixed.Schemes
	}
	if fixed.Elementwise != nil {
		s.Elementwise = fixed.Elementwise
	}
	if err := d.flags.pack(s, f); err != nil {
		return nil, err
	}
	for _, t := range s.Truncations {
		if way := d.base.TruncationAt(t.Path); way != "" && way != wayAuto {
			s.Truncate([]string{t.Path}, way)
		}
	}
	for i, site := range s.Sites {
		if way := d.base.Way(site.Path); way != "" && way != wayAuto {
			s.Ways[i] = []pass.Nonlinear{way}
		} else if within := d.flags.within; within != nil {
			s.Ways[i] = slices.DeleteFunc(slices.Clone(s.Ways[i]), func(way pass.Nonlinear) bool { return !slices.Contains(within, way) })
		}
	}
	return s, nil
}

// pack leaves the packings that --packing does.
func (f *lowerFlags) pack(s *choose.Space, fn *ir.Func) error {
	all, byPath, err := f.packing.resolve("packing", pass.LayerSites(fn))
	if err != nil {
		return err
	}
	for path, name := range byPath {
		if k, err := cost.ParsePacking(name); err == nil { // not auto
			s.Pack([]string{path}, k)
		}
	}
	if all != "" {
		k, err := cost.ParsePacking(all)
		if err != nil {
			return usageError{err}
		}
		s.PackAll([]cost.Packing{k})
	}
	return nil
}
