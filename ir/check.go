package ir

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Check verifies a module: every value is computed once and before its use, its op is legal in the stage, its attributes
// are declared, its type is what the op gives. The error shows the function with an arrow at each offending value.
func Check(m *Module) error {
	var errs []error
	for _, f := range m.Funcs {
		if err := m.checkFunc(f); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (m *Module) checkFunc(f *Func) error {
	wrong := map[*Value]error{}
	named := make(map[string]*Value, len(f.Params)+len(f.Body)) // who has a name; nobody that is visible, if nil
	known := func(v *Value) bool { return named[v.Name] == v }
	seen := seen{}
	declare := func(v *Value) {
		if _, twice := named[v.Name]; twice {
			wrong[v] = fmt.Errorf("%s is computed twice", v)
		}
		named[v.Name] = v
	}
	for _, p := range f.Params {
		if err := m.checkParam(p); err != nil {
			wrong[p] = err
		}
		declare(p)
	}
	var body func([]*Value)
	body = func(values []*Value) {
		for _, v := range values {
			for _, o := range v.Options {
				body(o.Body)
				if !known(o.Result) {
					wrong[v] = fmt.Errorf("option %s yields %s, which is not computed before", o.Label, o.Result)
				}
				for _, inner := range o.Body {
					named[inner.Name] = nil // what an option computes is not visible outside
				}
			}
			for _, a := range v.Args {
				if !known(a) {
					wrong[v] = fmt.Errorf("%s is used before it is computed", a)
				}
			}
			if wrong[v] == nil {
				if err := errors.Join(m.checkValue(v), seen.check(m, v)); err != nil {
					wrong[v] = err
				}
			}
			declare(v)
		}
	}
	body(f.Body)
	if f.Result == nil || !known(f.Result) {
		return fmt.Errorf("function @%s returns a value it does not compute", f.Name)
	}
	if err := checkAttrs("return", f.Output, outputFacts, nil); err != nil {
		return fmt.Errorf("function @%s: %w", f.Name, err)
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(pointAt(m, f, wrong))
}

func (m *Module) checkParam(v *Value) error {
	if err := v.checkAttrs(); err != nil {
		return err
	}
	if m.Stage&(Space|Net|Train) != 0 && !v.Type.Elem.Float || m.Stage&ringStages != 0 && !v.Type.Elem.IsRing() || m.Stage&batched == 0 && v.Type.Batch > 0 {
		return fmt.Errorf("an input of type %s in stage %s", v.Type, m.Stage)
	}
	return v.Type.check()
}

// batched are the stages whose functions may take a batch and overwrite state: training steps, in float and in fixed point.
const batched = Train | RingStage

// checkValue verifies one value on its own: stage, arguments, attributes, type, and a comparison's width.
func (m *Module) checkValue(v *Value) error {
	if v.Op.Stages&m.Stage == 0 {
		return fmt.Errorf("%s is not legal in stage %s", v.Op.Name, m.Stage)
	}
	t, err := v.infer()
	if err != nil {
		return err
	}
	if !t.Equal(v.Type) {
		return fmt.Errorf("is written as %s, %s gives %s", v.Type, v.Op.Name, t)
	}
	if m.Stage == Train { // what is trained is a weight, whatever it is
		return nil
	}
	if t.Batch > 0 && m.Stage&batched == 0 {
		return fmt.Errorf("is %s: only functions of stages %s and %s have batches", t, Train, RingStage)
	}
	if err := v.checkWeights(); err != nil {
		return err
	}
	return v.checkWidth()
}

// seen is what values of a function are held against that stand for the same: by the site of a choice, by the path of a state tensor.
type seen struct {
	sites   map[string][]string // the options
	state   map[string]*Value   // the first that reads or overwrites it
	written map[string]bool
}

func (s *seen) check(m *Module, v *Value) error {
	switch {
	case v.Is("choice"):
		return s.checkSite(v)
	case v.Op.State && m.Stage&(batched|Secure) != 0:
		return s.checkState(v)
	}
	return nil
}

// checkSite demands that all choices of one site have the same options.
func (s *seen) checkSite(v *Value) error {
	site, labels := v.Str("site"), make([]string, len(v.Options))
	for i, o := range v.Options {
		labels[i] = o.Label
	}
	first, seen := s.sites[site]
	if seen && !slices.Equal(first, labels) {
		return fmt.Errorf("site %q has the options %s here, and %s before", site, strings.Join(labels, ", "), strings.Join(first, ", "))
	}
	if s.sites == nil {
		s.sites = map[string][]string{}
	}
	s.sites[site] = labels
	return nil
}

// checkState demands that a state tensor has one shape, and is overwritten once.
func (s *seen) checkState(v *Value) error {
	if s.state == nil {
		s.state, s.written = map[string]*Value{}, map[string]bool{}
	}
	first := s.state[v.Path]
	switch {
	case first == nil:
		s.state[v.Path] = v
	case !slices.Equal(first.Type.Shape, v.Type.Shape):
		return fmt.Errorf("@%s has shape %s here, and %s before", v.Path, shapeString(v.Type.Shape), shapeString(first.Type.Shape))
	}
	if v.Overwrites() {
		if s.written[v.Path] {
			return fmt.Errorf("@%s is overwritten twice", v.Path)
		}
		s.written[v.Path] = true
	}
	return nil
}

// pointAt prints the function with an arrow and the reason under each wrong value.
func pointAt(m *Module, f *Func, wrong map[*Value]error) string {
	text := Print(&Module{Stage: m.Stage, Deploy: m.Deploy, OT: m.OT, Elementwise: m.Elementwise, Packing: m.Packing, Files: m.Files, Funcs: []*Func{f}}, func(v *Value) string {
		if err := wrong[v]; err != nil {
			return "\x00" + err.Error()
		}
		return ""
	})
	var b strings.Builder
	fmt.Fprintf(&b, "function @%s does not verify in stage %s:\n", f.Name, m.Stage)
	for _, p := range f.Params {
		if wrong[p] != nil {
			fmt.Fprintf(&b, "parameter %s: %v\n", p, wrong[p])
		}
	}
	for line := range strings.Lines(text) {
		code, reason, ok := strings.Cut(line, "; \x00")
		b.WriteString(strings.TrimRight(code, " \n") + "\n")
		if ok {
			indent := len(code) - len(strings.TrimLeft(code, " "))
			fmt.Fprintf(&b, "%s^^^ %s", strings.Repeat(" ", indent), reason)
		}
	}
	return b.String()
}
