package main

import (
	"fmt"
	"strings"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// wayAuto leaves the way to the prices.
const wayAuto = "auto"

// ways are the values of a flag that names protocols: one for all ops, or PATH=WAY for one op or all of a block. Later ones win.
type ways []string

// resolve gives the way of all ops, empty for auto or none, and of those of some paths among sites.
func (w ways) resolve(flag string, sites []pass.Site) (all string, byPath map[string]string, err error) {
	byPath = map[string]string{}
	for _, text := range w {
		path, way, single := strings.Cut(text, "=")
		if !single {
			all, byPath = path, map[string]string{}
			continue
		}
		under, err := pass.Under(sites, path)
		if err != nil {
			return "", nil, usageError{fmt.Errorf("--%s %s: %w", flag, text, err)}
		}
		for _, p := range under {
			byPath[p] = way
		}
	}
	if all == wayAuto {
		all = ""
	}
	return all, byPath, nil
}

// check refuses ways that there are none of, before a network is there.
func (w ways) check(flag string, accepts func(way string) error) error {
	for _, text := range w {
		way := text
		if _, after, single := strings.Cut(text, "="); single {
			way = after
		}
		if err := accepts(way); err != nil {
			return usageError{fmt.Errorf("--%s %s: %w", flag, text, err)}
		}
	}
	return nil
}

// checkWays refuses unknown protocols.
func (f *lowerFlags) checkWays() error {
	err := f.nonlinear.check("nonlinear", func(way string) error {
		if way == wayAuto {
			return nil
		}
		if err := (pass.Protocols{Nonlinear: pass.Nonlinear(way)}).Check(); err != nil {
			return fmt.Errorf("%w, or %s", err, wayAuto)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.packing.check("packing", func(way string) error {
		if _, err := cost.ParsePacking(way); err != nil && way != wayAuto {
			return fmt.Errorf("%w, or %s", err, wayAuto)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.trunc.check("trunc", func(way string) error {
		if way == wayAuto {
			return nil
		}
		if err := (pass.Protocols{Truncation: pass.Truncation(way)}).Check(); err != nil {
			return fmt.Errorf("%w, or %s", err, wayAuto)
		}
		return nil
	})
}

// protocols resolves the flags against a RING function; ways that are left to the prices are empty.
func (f *lowerFlags) protocols(fn *ir.Func) (p pass.Protocols, err error) {
	sites, truncations := pass.Sites(fn), pass.TruncationSites(fn)
	all, byPath, err := f.nonlinear.resolve("nonlinear", sites)
	if err != nil {
		return p, err
	}
	p.Nonlinear, p.Sites = pass.Nonlinear(all), map[string]pass.Nonlinear{}
	for path, way := range byPath {
		p.Sites[path] = pass.Nonlinear(way)
	}
	if all, byPath, err = f.trunc.resolve("trunc", truncations); err != nil {
		return p, err
	}
	p.Truncation, p.Truncations = pass.Truncation(all), map[string]pass.Truncation{}
	for path, way := range byPath {
		p.Truncations[path] = pass.Truncation(way)
	}
	return p, nil
}

// objective reads --minimize.
func (f *lowerFlags) objective() (choose.Objective, error) {
	for _, o := range choose.Objectives() {
		if f.minimize == string(o) || f.minimize == "" {
			return o, nil
		}
	}
	return "", usagef("--minimize %s: accepted are %v", f.minimize, choose.Objectives())
}
