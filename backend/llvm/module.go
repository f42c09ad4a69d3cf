// Package llvm writes the party-local stretches of a program as LLVM IR: kernels that are specialised to shape, ring and processor.
//
// The text has typed pointers, which clang takes from version 14 on; later ones read them as opaque. Values are named after what they are
// for, and what stands above a function or loop says what it computes, and for which layers.
package llvm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/enum"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
)

// Kernels is what Compile makes of a program.
type Kernels struct {
	Text string         // the module
	Plan program.Native // all but what is known once the library is built: Compiler and Library
}

// Compile writes kernels for the online computations of a program.
func Compile(p *program.Program, t Target) (k *Kernels, err error) {
	defer func() { // llir panics on operands that do not fit: a bug of this package
		if r := recover(); r != nil {
			err = fmt.Errorf("native kernels for %s at the %s: internal error: %v", p.Net, p.Party, r)
		}
	}()
	m := newModule(t)
	m.elem, m.plan.Pair, m.plan.Party = RingElem(p.Ring), p.Pair.String(), p.Party
	m.program, m.lives = p, livesOf(p)
	for level, l := range p.Online {
		m.level(level, l.Compute)
	}
	title := fmt.Sprintf("Native kernels of %s at the %s, Z/2^%d, for %s. Program %s.", p.Net, p.Party, p.Ring, t.Name, p.Pair.Short())
	return &Kernels{m.text(title, p.Layers), m.plan}, nil
}

// Convolution is one that belongs to no program.
type Convolution struct {
	Geometry kernel.Conv
	Elem     Elem
	After    Epilogue
}

// CompileConvolutions writes kernels for convolutions alone: region i of the plan is that of convolution i. Buffer 0 is the result, 1
// the input and 2 what is added to the result; weight 0 is the bias; the plan's panels are numbered as the regions are, those of
// depthwise convolutions, which read weight 1 as it is, left out.
func CompileConvolutions(list []Convolution, t Target) *Kernels {
	m := newModule(t)
	var names []program.Layer
	at := func(i int) program.Arg { return program.Arg{Kind: program.BufferArg, Index: i} }
	for i, c := range list {
		names = append(names, program.Layer{Path: fmt.Sprintf("convolution %d", i)})
		l := layer{tag: i, elem: c.Elem, geometry: c.Geometry, after: c.After, y: at(0), x: at(1), u: at(2), weight: 1}
		m.plan.Regions = append(m.plan.Regions, program.Region{First: i, Count: 1, Stages: m.convolution(l)})
	}
	return &Kernels{m.text(fmt.Sprintf("Native kernels of convolutions, for %s.", t.Name), names), m.plan}
}

// module collects the functions of a program and where they are called.
type module struct {
	target  Target
	program *program.Program // whose regions these are, if they are one's
	lives   *lives
	elem    Elem
	plan    program.Native
	names   []string // of functions, in the order of their first use
	bodies  map[string]*fn
	users   map[string][]int // layers
}

func newModule(t Target) *module {
	return &module{target: t, bodies: map[string]*fn{}, users: map[string][]int{},
		plan: program.Native{Version: program.NativeVersion, Target: t.Name, Triple: t.Triple, Features: t.Features, Panels: []program.Panels{}, Regions: []program.Region{}}}
}

// level finds the regions of a level.
func (m *module) level(level int, list []program.Instr) {
	for first := 0; first < len(list); {
		count, stages := m.region(list[first:], m.lives.begins[level]+first)
		if count > 0 {
			m.plan.Regions = append(m.plan.Regions, program.Region{Level: level, First: first, Count: count, Stages: stages})
		}
		first += max(count, 1)
	}
}

// region gives the stages that stand for the first instructions of a list, and how many these are; the first one's place is at.
func (m *module) region(list []program.Instr, at int) (int, []program.Stage) {
	if c, count := chainOf(list); count > 0 {
		return count, []program.Stage{m.chained(c, func(buf int) bool { return m.lives.after(buf, c.n, at+count-1) })}
	}
	if count, stages := m.fused(list, at); count > 0 {
		return count, stages
	}
	switch in := list[0]; in.Op {
	case program.Conv, program.Linear:
		return m.linear(in)
	case program.SumPool:
		return m.sumPool(in)
	}
	return 0, nil
}

// function adds a function that a layer uses, unless it is there already.
func (m *module) function(name string, layer int, write func(name string) *fn) string {
	if m.bodies[name] == nil {
		m.bodies[name] = write(name)
		m.names = append(m.names, name)
	}
	if !slices.Contains(m.users[name], layer) {
		m.users[name] = append(m.users[name], layer)
	}
	return name
}

// text renders the module.
func (m *module) text(title string, layers []program.Layer) string {
	w := new(strings.Builder)
	fmt.Fprintf(w, "; %s\n; A stage does units lo to hi-1 of its work; what bufs point to stands in the description beside this file.\n\n", title)
	fmt.Fprintf(w, "target triple = %q\n\n%s\n\n", m.target.Triple, prefetching.LLString())
	for _, name := range m.names {
		m.bodies[name].text(w, m.target, m.usedBy(name, layers))
	}
	return w.String()
}

// usedBy lists the layers of a function with their places in the user's file.
func (m *module) usedBy(name string, layers []program.Layer) []string {
	var out []string
	for _, tag := range m.users[name] {
		l := layers[tag]
		at := ""
		if l.Line > 0 {
			at = fmt.Sprintf(", %s:%d:%d", l.File, l.Line, l.Col)
		}
		out = append(out, l.Path+at)
	}
	return out
}

// text renders a function with comments above it and above its loops.
func (b *fn) text(w *strings.Builder, t Target, notes []string) {
	bits := fmt.Sprint(8 * t.Vector)
	b.f.FuncAttrs = append(b.f.FuncAttrs, enum.FuncAttrNoUnwind, ir.AttrPair{Key: "prefer-vector-width", Value: bits}, ir.AttrPair{Key: "min-legal-vector-width", Value: bits})
	for _, n := range notes {
		fmt.Fprintf(w, "; %s\n", n)
	}
	for line := range strings.Lines(b.f.LLString()) {
		if label, isLabel := strings.CutSuffix(strings.TrimSpace(line), ":"); isLabel && b.notes[label] != "" {
			fmt.Fprintf(w, "\t; %s\n", b.notes[label])
		}
		w.WriteString(line)
	}
	w.WriteString("\n\n")
}
