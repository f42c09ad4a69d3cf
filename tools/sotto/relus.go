package main

import (
	"fmt"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/runtime/tensorfile"
)

// reluDecisions say which ReLUs of a network stay.
type reluDecisions struct {
	gates pass.Gates
	prune bool
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
