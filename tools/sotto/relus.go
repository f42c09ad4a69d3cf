package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"sotto/frontend"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/runtime/tensorfile"
)

// reluDecisions say which ReLUs of a network stay.
type reluDecisions struct {
	gates  pass.Gates
	prune  bool
	budget int64  // most relus of all; 0: any number
	param  string // that the budget picks; empty: the one there is
}

// readBudget reads BUDGET or NAME=BUDGET.
func (d *reluDecisions) readBudget(text string) error {
	if text == "" {
		return nil
	}
	number := text
	if name, rest, named := strings.Cut(text, "="); named {
		d.param, number = name, rest
	}
	scale := 1.0
	if rest, has := strings.CutSuffix(number, "K"); has {
		number, scale = rest, 1e3
	} else if rest, has := strings.CutSuffix(number, "M"); has {
		number, scale = rest, 1e6
	}
	n, err := strconv.ParseFloat(number, 64)
	if d.budget = int64(math.Round(n * scale)); err != nil || d.budget < 1 || n*scale > 1e15 {
		return usagef("--relu-budget %s: accepted is a number of relus such as 86016 or 50K, or NAME=50K", text)
	}
	return nil
}

// balanced adds the parameter that the budget picks, if there is one.
func (d reluDecisions) balanced(file *syntax.File, opts frontend.Options, decided []pass.Decision) (frontend.Options, error) {
	if d.budget == 0 {
		return opts, nil
	}
	return frontend.Balance(file, opts, d.param, d.budget, func(s *frontend.Space) (int64, error) {
		f, _, err := choices.First(s.Func, decided)
		if err != nil {
			return 0, err
		}
		return d.compared(f)
	})
}

// compared counts the relus of a function without choices that are left to compute: what the decisions and the exact passes leave.
func (d reluDecisions) compared(f *ir.Func) (int64, error) {
	var list []*pass.Pass
	for _, p := range d.toNet() {
		if p.Needs&ir.Net != 0 {
			list = append(list, p)
		}
	}
	m := (&ir.Module{Stage: ir.Net, Funcs: []*ir.Func{f}}).Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Gates: d.gates}, m, list...); err != nil {
		return 0, err
	}
	return relu.Count(m.Funcs[0]), nil
}

// readGates adds the tensors of a safetensors file to the gates.
func (d *reluDecisions) readGates(path string) error {
	if path == "" {
		return nil
	}
	f, err := tensorfile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.gates == nil {
		d.gates = pass.Gates{}
	}
	for _, name := range f.Names() {
		keep, shape, err := f.Ints(name)
		if err != nil {
			return err
		}
		d.gates[name] = pass.Gate{Shape: shape, Keep: keep}
	}
	return nil
}

func (d reluDecisions) any() bool { return len(d.gates) > 0 || d.prune }

// takes refuses decisions about a network whose ReLUs are other ops already.
func (d reluDecisions) takes(m *ir.Module) error {
	if d.budget > 0 {
		return errors.New("--relu-budget picks a parameter of a space: accepted are .sotto files")
	}
	if d.any() && m.Stage&(ir.Space|ir.Net) == 0 {
		return fmt.Errorf("--gates, --prune and \"linearize\" need relus as they are written: accepted are .sotto files and dumps of stage space or net, not %s", m.Stage)
	}
	return nil
}

// requested lists the passes that the decisions ask for beside the pipeline's.
func (d reluDecisions) requested() []*pass.Pass {
	if d.prune {
		return []*pass.Pass{relu.Prune}
	}
	return nil
}

// ofNet lists the passes that take decisions to a module in stage NET.
func (d reluDecisions) ofNet() []*pass.Pass {
	if !d.any() {
		return nil
	}
	return append([]*pass.Pass{relu.Linearize}, d.requested()...)
}

// toNet lists the passes that take a module of stage SPACE to NET.
func (d reluDecisions) toNet() []*pass.Pass { return passes.ToNetWith(d.requested()...) }

// apply gives a function without choices as the decisions leave it.
func (d reluDecisions) apply(f *ir.Func) (*ir.Func, error) {
	m := &ir.Module{Stage: ir.Net, Funcs: []*ir.Func{f}}
	err := (&pass.Runner{}).Run(&pass.Context{Gates: d.gates}, m, d.ofNet()...)
	return m.Funcs[0], err
}
