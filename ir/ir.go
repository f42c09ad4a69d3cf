// Package ir is the one intermediate representation of the compiler: a Module of Funcs, each a list of Values in an order
// that computes every value before it is used. A Value is what an Op gives for its arguments; the op table (ops_*.go)
// declares every op once, with its documentation, its types, its reference evaluation, its gradient and its exact cost.
//
// A module is in one of five stages. SPACE holds float nn ops and choices between them, NET holds no choices, RING holds the
// same computation over Z/2^l in fixed point, SECURE says who holds which share and which protocol computes what. TRAIN, made of a NET
// too, holds the functions that train it. The stages are one IR: one printer, one parser, one verifier.
package ir

import (
	"fmt"
	"slices"
	"strings"

	"sotto/ir/cost"
	"sotto/ir/pos"
)

// Stage is the property of a module that the verifier checks.
type Stage uint8

const (
	Space Stage = 1 << iota
	Net
	RingStage
	Secure
	Train
)

var stageNames = map[Stage]string{Space: "space", Net: "net", RingStage: "ring", Secure: "secure", Train: "train"}

func (s Stage) String() string { return stageNames[s] }

// Module is a compilation unit.
type Module struct {
	Stage  Stage
	Deploy cost.Deployment // of a SECURE module
	OT     cost.OT         // of a SECURE module
	// Elementwise is how the parties of a SECURE module make elementwise products where they make them alone.
	Elementwise cost.Elementwise
	// Packing is how its linear layers are packed for the encryption there.
	Packing cost.Packing
	Files   []string // names that positions refer to
	Funcs   []*Func
}

// Func gives the named function, or nil.
func (m *Module) Func(name string) *Func {
	for _, f := range m.Funcs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Func is a function of one network. Its result is one of its values.
type Func struct {
	Name   string
	Params []*Value
	Body   []*Value
	Result *Value
	// Output holds the attributes of the return: name, and what the client does with the clear result.
	Output Attrs
	Pos    pos.Pos

	next int
}

// Value is one SSA value: an op applied to arguments, or a parameter of the function (Op is Input).
type Value struct {
	Name    string
	Op      *Op
	Args    []*Value
	Attrs   Attrs
	Type    Type
	Options []*Option // of a choice
	Pos     pos.Pos
	Path    string // the user's name for the layer, weight or choice site
}

// Option is one alternative of a choice: a list of values that may use those outside, the last being the result.
type Option struct {
	Label  string
	Body   []*Value
	Result *Value
}

// Is reports whether v is computed by the named op.
func (v *Value) Is(op string) bool { return v.Op.Name == op }

func (v *Value) String() string { return "%" + v.Name }

// Bugf stops the compiler on a state that no input should reach. Only the pass runner recovers it.
func Bugf(format string, args ...any) {
	panic(Bug{fmt.Sprintf(format, args...)})
}

// Bug is what Bugf panics with.
type Bug struct{ Msg string }

func (b Bug) Error() string { return "internal error: " + b.Msg }

// Fresh gives a name no value of f has: base itself where it is free and not empty.
func (f *Func) Fresh(base string) string {
	if f.next == 0 {
		f.next = 1
		f.Walk(func(v *Value) {
			var n int
			if _, err := fmt.Sscanf(v.Name, "%d", &n); err == nil && n >= f.next {
				f.next = n + 1
			}
		})
	}
	if base != "" {
		return base
	}
	f.next++
	return fmt.Sprint(f.next - 1)
}

// Walk visits every value: parameters, the body in order, the bodies of options before the choice that holds them.
func (f *Func) Walk(visit func(*Value)) {
	for _, v := range f.Params {
		visit(v)
	}
	walk(f.Body, visit)
}

func walk(body []*Value, visit func(*Value)) {
	for _, v := range body {
		for _, o := range v.Options {
			walk(o.Body, visit)
		}
		visit(v)
	}
}

// Uses counts how often each value is an argument, an option's result or the function's result.
func (f *Func) Uses() map[*Value]int {
	uses := make(map[*Value]int, len(f.Params)+len(f.Body))
	f.Walk(func(v *Value) {
		for _, a := range v.Args {
			uses[a]++
		}
		for _, o := range v.Options {
			uses[o.Result]++
		}
	})
	uses[f.Result]++
	return uses
}

// Consumers lists, for every value, the values that read it.
func (f *Func) Consumers() map[*Value][]*Value {
	out := make(map[*Value][]*Value, len(f.Params)+len(f.Body))
	f.Walk(func(v *Value) {
		for _, a := range v.Args {
			out[a] = append(out[a], v)
		}
	})
	return out
}

// Layer is the path of the layer a weight path belongs to: all but the last part for a parameter, the path itself otherwise.
func (v *Value) Layer() string {
	if v.Reads() {
		if i := strings.LastIndexByte(v.Path, '.'); i >= 0 {
			return v.Path[:i]
		}
	}
	return v.Path
}

// Clone copies a module so that a pass may change it freely.
func (m *Module) Clone() *Module {
	c := &Module{Stage: m.Stage, Deploy: m.Deploy, OT: m.OT, Elementwise: m.Elementwise, Packing: m.Packing, Files: slices.Clone(m.Files)}
	for _, f := range m.Funcs {
		c.Funcs = append(c.Funcs, f.Clone())
	}
	return c
}

// Clone copies a function; arguments point at the copies.
func (f *Func) Clone() *Func {
	to := make(map[*Value]*Value, len(f.Params)+len(f.Body))
	c := &Func{Name: f.Name, Output: f.Output.clone(), Pos: f.Pos, next: f.next}
	for _, p := range f.Params {
		c.Params = append(c.Params, p.CopyTo(to))
	}
	c.Body = copyBody(f.Body, to)
	c.Result = to[f.Result]
	return c
}

func copyBody(body []*Value, to map[*Value]*Value) []*Value {
	out := make([]*Value, len(body))
	for i, v := range body {
		out[i] = v.CopyTo(to)
	}
	return out
}

// CopyTo copies v with its arguments and options replaced as the map says, and enters the copy in the map.
func (v *Value) CopyTo(to map[*Value]*Value) *Value {
	c := &Value{Name: v.Name, Op: v.Op, Attrs: v.Attrs.clone(), Type: v.Type, Pos: v.Pos, Path: v.Path}
	for _, o := range v.Options {
		body := copyBody(o.Body, to)
		c.Options = append(c.Options, &Option{Label: o.Label, Body: body, Result: mapped(to, o.Result)})
	}
	for _, a := range v.Args {
		c.Args = append(c.Args, mapped(to, a))
	}
	to[v] = c
	return c
}

func mapped(to map[*Value]*Value, v *Value) *Value {
	if n, ok := to[v]; ok {
		return n
	}
	return v
}

// Shell gives a function with f's name, output and position and no values; fresh names do not meet f's.
func (f *Func) Shell() *Func {
	f.Fresh("-") // finds the next free number
	return &Func{Name: f.Name, Output: f.Output.clone(), Pos: f.Pos, next: f.next}
}
