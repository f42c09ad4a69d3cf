// Package irdiff says what differs between two modules in what they compute: which ops were added, removed or changed. Values are matched by
// what they are and where in the user's network they belong, not by their names or places in the text, so that renumbering
// and reordering make no difference.
package irdiff

import (
	"fmt"
	"slices"
	"strings"

	"sotto/ir"
)

// Module is what differs between two modules.
type Module struct {
	Changes []Change `json:"changes"` // of the module itself: stage, deployment, protocols
	Funcs   []Func   `json:"functions"`
}

// Func is what differs between two functions. A function that only one module has is added or removed as a whole.
type Func struct {
	Name    string   `json:"name"` // in the first module, or in the one that has it
	Changes []Change `json:"changes"`
	Removed []Value  `json:"removed"`
	Added   []Value  `json:"added"`
	Changed []Pair   `json:"changed"`
}

// Value is a value as its dump has it.
type Value struct {
	Text string `json:"text"`
	Path string `json:"path"`
	Op   string `json:"op"`
	File string `json:"file,omitempty"` // of the user's
	Line int    `json:"line,omitempty"`
}

// Pair is a value that both functions have, with what became of it.
type Pair struct {
	From    Value    `json:"from"`
	To      Value    `json:"to"`
	Changes []Change `json:"changes"`
}

// Change is one thing that differs; an empty side has none of it.
type Change struct {
	What string `json:"what"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Equal tells whether nothing differs.
func (m *Module) Equal() bool { return len(m.Changes) == 0 && len(m.Funcs) == 0 }

// Counts gives how many values were removed, added and changed.
func (m *Module) Counts() (removed, added, changed int) {
	for _, f := range m.Funcs {
		removed, added, changed = removed+len(f.Removed), added+len(f.Added), changed+len(f.Changed)
	}
	return
}

// Of compares two modules. Functions are matched by name, or as they stand where each module has one.
func Of(a, b *ir.Module) *Module {
	m := &Module{Changes: header(a, b), Funcs: []Func{}}
	add := func(f Func) {
		if len(f.Changes)+len(f.Removed)+len(f.Added)+len(f.Changed) > 0 {
			m.Funcs = append(m.Funcs, f)
		}
	}
	for _, f := range a.Funcs {
		g := b.Func(f.Name)
		if len(a.Funcs) == 1 && len(b.Funcs) == 1 {
			g = b.Funcs[0]
		}
		add(functions(f, g))
	}
	for _, g := range b.Funcs {
		if len(a.Funcs) > 1 || len(b.Funcs) > 1 {
			if a.Func(g.Name) == nil {
				add(functions(nil, g))
			}
		}
	}
	return m
}

func header(a, b *ir.Module) []Change {
	c := changes{}
	c.note("stage", a.Stage.String(), b.Stage.String())
	c.note("deployment", string(a.Deploy), string(b.Deploy))
	c.note("OT extension", a.OT.String(), b.OT.String())
	c.note("elementwise products", fmt.Sprint(a.Elementwise), fmt.Sprint(b.Elementwise))
	c.note("packing", fmt.Sprint(a.Packing), fmt.Sprint(b.Packing))
	return c
}

type changes []Change

func (c *changes) note(what, from, to string) {
	if from != to {
		*c = append(*c, Change{what, from, to})
	}
}

// texts notes name=text that differ.
func (c *changes) texts(kind string, from, to []string) {
	value := func(list []string, name string) string {
		for _, x := range list {
			if n, v, _ := strings.Cut(x, "="); n == name {
				return v
			}
		}
		return ""
	}
	var seen []string
	for _, x := range slices.Concat(from, to) {
		if name, _, _ := strings.Cut(x, "="); !slices.Contains(seen, name) {
			seen = append(seen, name)
			c.note(kind+" "+name, value(from, name), value(to, name))
		}
	}
}

// functions compares two functions, of which one may be nil.
func functions(f, g *ir.Func) Func {
	m := newMatch(f, g)
	out := Func{Changes: changes{}, Removed: []Value{}, Added: []Value{}, Changed: []Pair{}}
	switch {
	case f == nil:
		out.Name = g.Name
		out.Changes = append(out.Changes, Change{"function", "", "@" + g.Name})
	case g == nil:
		out.Name = f.Name
		out.Changes = append(out.Changes, Change{"function", "@" + f.Name, ""})
	default:
		out.Name, out.Changes = f.Name, m.function(f, g)
	}
	for _, v := range m.a {
		to := m.to[v.Value]
		if to == nil {
			out.Removed = append(out.Removed, describe(v.Value))
		} else if c := m.changes(v, m.of[to]); len(c) > 0 {
			out.Changed = append(out.Changed, Pair{describe(v.Value), describe(to), c})
		}
	}
	for _, w := range m.b {
		if m.from[w.Value] == nil {
			out.Added = append(out.Added, describe(w.Value))
		}
	}
	return out
}

func describe(v *ir.Value) Value {
	text := v.Text()
	if v.Op == ir.Input {
		text = fmt.Sprintf("%s: %s", v, v.Type)
	}
	return Value{Text: text, Path: v.Path, Op: v.Op.Name, File: v.Pos.File, Line: v.Pos.Line}
}

// function compares what is of the function as a whole.
func (m *matching) function(f, g *ir.Func) changes {
	c := changes{}
	c.note("name", "@"+f.Name, "@"+g.Name)
	m.operand(&c, "result", f.Result, g.Result)
	c.texts("output", f.OutputTexts(), g.OutputTexts())
	return c
}

// operand notes an operand that is another value now.
func (m *matching) operand(c *changes, what string, a, b *ir.Value) {
	if m.to[a] != b {
		c.note(what, a.String()+under(a), b.String()+under(b))
		if len(*c) == 0 || (*c)[len(*c)-1].What != what { // two values of one name
			*c = append(*c, Change{what, a.Text(), b.Text()})
		}
	}
}

// under names the layer of a value, for people.
func under(v *ir.Value) string {
	if v.Path == "" {
		return ""
	}
	return " (" + v.Path + ")"
}

// changes compares two values that were matched.
func (m *matching) changes(a, b placed) changes {
	c := changes{}
	c.note("op", a.Op.Name, b.Op.Name)
	c.note("path", a.Path, b.Path)
	c.note("option", a.option, b.option)
	c.note("type", a.Type.String(), b.Type.String())
	c.texts("attribute", a.AttrTexts(), b.AttrTexts())
	for i := range max(len(a.Args), len(b.Args)) {
		what := fmt.Sprintf("operand %d", i+1)
		switch {
		case i >= len(b.Args):
			c.note(what, a.Args[i].String()+under(a.Args[i]), "")
		case i >= len(a.Args):
			c.note(what, "", b.Args[i].String()+under(b.Args[i]))
		default:
			m.operand(&c, what, a.Args[i], b.Args[i])
		}
	}
	m.options(&c, a.Value, b.Value)
	return c
}

// options compares those of choices; what lies within them is matched like other values.
func (m *matching) options(c *changes, a, b *ir.Value) {
	named := func(v *ir.Value, label string) *ir.Option {
		for _, o := range v.Options {
			if o.Label == label {
				return o
			}
		}
		return nil
	}
	for _, o := range a.Options {
		if to := named(b, o.Label); to == nil {
			c.note("option", o.Label, "")
		} else {
			m.operand(c, "result of option "+o.Label, o.Result, to.Result)
		}
	}
	for _, o := range b.Options {
		if named(a, o.Label) == nil {
			c.note("option", "", o.Label)
		}
	}
}
