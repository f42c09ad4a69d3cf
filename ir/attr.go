package ir

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Attrs are the attributes of a value by name. A value is an int, a float64, a string, a bool, an []int or a []float64.
type Attrs map[string]any

func (a Attrs) clone() Attrs { return maps.Clone(a) }

// Kind is the type of an attribute.
type Kind uint8

const (
	IntAttr Kind = iota
	FloatAttr
	StringAttr
	BoolAttr
	IntsAttr
	FloatsAttr
)

// Attr declares an attribute of an op. An attribute that equals its default is not printed; one without a default is
// required.
type Attr struct {
	Name    string
	Kind    Kind
	Default any
	Doc     string
}

// facts may stand on any value: what passes have found out about it, and what became of it.
var facts = append(slices.Clone(bounds), Attr{"part", StringAttr, "", "the user's op that it is the result of, where that has another name than the op"})

// bounds are the facts about how large a value gets.
var bounds = []Attr{
	{"worst", FloatsAttr, []float64(nil), "least and greatest value that the weights and the input range allow"},
	{"seen", FloatsAttr, []float64(nil), "least and greatest value on the calibration inputs, widened by the margin"},
	{"assumed", FloatsAttr, []float64(nil), "least and greatest value assumed for want of weights"},
}

// CopyFacts gives v what is known about how large another value gets.
func (v *Value) CopyFacts(from *Value) {
	for _, f := range bounds {
		if x, ok := from.Attrs[f.Name]; ok {
			v.Set(f.Name, x)
		}
	}
}

// inputFacts describe what the client does to an image before it is the input of the network.
var inputFacts = []Attr{
	{"resize", IntAttr, 0, "length the shorter side is scaled to"},
	{"crop", IntAttr, 0, "side of the square cut from the centre"},
	{"mean", FloatsAttr, []float64(nil), "a number a channel, subtracted from pixels in [0,1]"},
	{"std", FloatsAttr, []float64(nil), "a number a channel, divided by afterwards"},
}

// InputRange gives the interval of an input: pixels in [0,1] after the client's normalisation.
func InputRange(p *Value) (lo, hi float64) {
	mean, std := p.Floats("mean"), p.Floats("std")
	lo, hi = 0, 1
	for i := range max(len(mean), len(std)) {
		m, s := channel(mean, i, 0), channel(std, i, 1)
		lo, hi = min(lo, -m/s), max(hi, (1-m)/s)
	}
	return lo, hi
}

// channel reads a per-channel fact that may be left out.
func channel(list []float64, i int, missing float64) float64 {
	if i < len(list) {
		return list[i]
	}
	return missing
}

// outputFacts stand on the return.
var outputFacts = []Attr{
	{"name", StringAttr, "", "what the user calls the output"},
	{"post", StringAttr, "", "what the client computes on its clear result: softmax"},
}

// FindAttr looks a declaration up in a list.
func FindAttr(list []Attr, name string) (Attr, bool) {
	for i := range list {
		if list[i].Name == name {
			return list[i], true
		}
	}
	return Attr{}, false
}

// ownAttrs lists what may stand on v besides facts.
func (v *Value) ownAttrs() []Attr {
	if v.Op == Input {
		return inputFacts
	}
	return v.Op.Attrs
}

// attrDecls lists all that may stand on v.
func (v *Value) attrDecls() []Attr { return slices.Concat(v.ownAttrs(), facts) }

// checkAttrs is for the attributes of v.
func (v *Value) checkAttrs() error { return checkAttrs(v.Op.Name, v.Attrs, v.ownAttrs(), facts) }

func (v *Value) attr(name string) any {
	if x, ok := v.Attrs[name]; ok {
		return x
	}
	if d, ok := FindAttr(v.Op.Attrs, name); ok {
		return d.Default
	}
	if d, ok := FindAttr(facts, name); ok {
		return d.Default
	}
	if d, ok := FindAttr(inputFacts, name); ok && v.Op == Input {
		return d.Default
	}
	Bugf("%s has no attribute %q", v.Op.Name, name)
	return nil
}

// Int, Float, Str, Bool, Ints and Floats read an attribute or its default.
func (v *Value) Int(name string) int { n, _ := v.attr(name).(int); return n }

// Float reads a float attribute.
func (v *Value) Float(name string) float64 { x, _ := v.attr(name).(float64); return x }

// Str reads a string attribute.
func (v *Value) Str(name string) string { s, _ := v.attr(name).(string); return s }

// Bool reads a bool attribute.
func (v *Value) Bool(name string) bool { b, _ := v.attr(name).(bool); return b }

// Ints reads a list of ints.
func (v *Value) Ints(name string) []int { l, _ := v.attr(name).([]int); return l }

// Floats reads a list of floats.
func (v *Value) Floats(name string) []float64 { l, _ := v.attr(name).([]float64); return l }

// Set sets an attribute.
func (v *Value) Set(name string, x any) {
	if v.Attrs == nil {
		v.Attrs = Attrs{}
	}
	v.Attrs[name] = x
}

// checkAttrs demands that every attribute is declared in one of two lists, has its declared kind, and that required ones are there.
func checkAttrs(what string, attrs Attrs, decls, more []Attr) error {
	var wrong []string
	for name, x := range attrs {
		if d, ok := findAttr(decls, more, name); !ok || !d.Kind.holds(x) {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		return wrongAttr(what, attrs, slices.Min(wrong), decls, more)
	}
	for i := range decls {
		if d := &decls[i]; d.Default == nil && attrs[d.Name] == nil {
			return fmt.Errorf("%s needs the attribute %s (%s)", what, d.Name, d.Doc)
		}
	}
	return nil
}

func findAttr(decls, more []Attr, name string) (Attr, bool) {
	if d, ok := FindAttr(decls, name); ok {
		return d, true
	}
	return FindAttr(more, name)
}

// wrongAttr says what is wrong with an attribute.
func wrongAttr(what string, attrs Attrs, name string, decls, more []Attr) error {
	d, ok := findAttr(decls, more, name)
	if !ok {
		return fmt.Errorf("%s has no attribute %q: accepted are %s", what, name, attrNames(slices.Concat(decls, more)))
	}
	return fmt.Errorf("%s: attribute %s must be %s, not %s", what, name, d.Kind, formatAttr(attrs[name]))
}

func attrNames(decls []Attr) string {
	names := make([]string, len(decls))
	for i, d := range decls {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

func (k Kind) String() string {
	return [...]string{"an integer", "a number", "a string", "true or false", "a list of integers", "a list of numbers"}[k]
}

func (k Kind) holds(x any) bool {
	var ok bool
	switch k {
	case IntAttr:
		_, ok = x.(int)
	case FloatAttr:
		_, ok = x.(float64)
	case StringAttr:
		_, ok = x.(string)
	case BoolAttr:
		_, ok = x.(bool)
	case IntsAttr:
		_, ok = x.([]int)
	case FloatsAttr:
		_, ok = x.([]float64)
	}
	return ok
}

// sameAttr compares attribute values.
func sameAttr(a, b any) bool { return formatAttr(a) == formatAttr(b) }

// formatAttr prints a value so that it parses back to the same kind: floats always carry a point or an exponent.
func formatAttr(x any) string {
	switch x := x.(type) {
	case int:
		return strconv.Itoa(x)
	case float64:
		return formatFloat(x)
	case string:
		return strconv.Quote(x)
	case bool:
		return strconv.FormatBool(x)
	case []int:
		return shapeString(x)
	case []float64:
		parts := make([]string, len(x))
		for i, f := range x {
			parts[i] = formatFloat(f)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return fmt.Sprint(x)
}

func formatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".eIN") {
		s += ".0"
	}
	return s
}

// Only gives the named attributes of a.
func (a Attrs) Only(names ...string) Attrs {
	out := Attrs{}
	for _, n := range names {
		if x, ok := a[n]; ok {
			out[n] = x
		}
	}
	return out
}

// Declared gives the attributes of v that its op declares, without facts.
func (v *Value) Declared() Attrs {
	out := Attrs{}
	for _, d := range v.Op.Attrs {
		if x, ok := v.Attrs[d.Name]; ok {
			out[d.Name] = x
		}
	}
	return out
}

// Parts gives, by path, the user's op that a layer of a RING or SECURE function computes, of those that are made of ops with other names.
func (f *Func) Parts() map[string]string {
	out := map[string]string{}
	for _, v := range f.Body {
		if part := v.Str("part"); part != "" {
			out[v.Path] = part
		}
	}
	return out
}
