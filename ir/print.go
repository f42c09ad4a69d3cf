package ir

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sotto/ir/cost"
	"sotto/ir/pos"
)

// Print gives the text form of a module. Facts are syntax; what note returns for a value stands behind it as a comment,
// which the parser drops. note may be nil.
func Print(m *Module, note func(*Value) string) string {
	p := printer{files: map[string]int{}, note: note}
	fmt.Fprintf(&p.b, "module %s", m.Stage)
	if m.Deploy != "" {
		fmt.Fprintf(&p.b, " %s", m.Deploy)
	}
	if m.OT != cost.SoftSpoken {
		fmt.Fprintf(&p.b, " %s", m.OT)
	}
	if m.Elementwise != cost.ByGilboa {
		fmt.Fprintf(&p.b, " %s", m.Elementwise)
	}
	if m.Packing != cost.Balanced {
		fmt.Fprintf(&p.b, " %s", m.Packing)
	}
	p.b.WriteByte('\n')
	for i, f := range m.Files {
		p.files[f] = i + 1
		fmt.Fprintf(&p.b, "file %d %q\n", i+1, f)
	}
	for _, f := range m.Funcs {
		p.b.WriteByte('\n')
		p.function(f)
	}
	return p.b.String()
}

func (m *Module) String() string { return Print(m, nil) }

type printer struct {
	b     strings.Builder
	files map[string]int
	note  func(*Value) string
}

func (p *printer) function(f *Func) {
	fmt.Fprintf(&p.b, "func @%s(", f.Name)
	for i, v := range f.Params {
		if i > 0 {
			p.b.WriteString(", ")
		}
		fmt.Fprintf(&p.b, "%s: %s%s%s", v, v.Type, attrText(v.Attrs, v.attrDecls()), p.location(v.Pos, v.Path))
	}
	fmt.Fprintf(&p.b, ") -> %s {%s\n", f.Result.Type, p.location(f.Pos, ""))
	p.body(f.Body, "  ")
	fmt.Fprintf(&p.b, "  return %s%s\n}\n", f.Result, attrText(f.Output, outputFacts))
}

func (p *printer) body(body []*Value, indent string) {
	for _, v := range body {
		p.value(v, indent)
	}
}

func (p *printer) value(v *Value, indent string) {
	path := v.Path
	if v.Op.State {
		path = ""
	}
	line := indent + v.Text() + p.location(v.Pos, path)
	if len(v.Options) > 0 {
		line += " {"
	}
	if p.note != nil {
		if n := p.note(v); n != "" {
			line += fmt.Sprintf("%*s; %s", max(1, 96-len(line)), "", n)
		}
	}
	fmt.Fprintln(&p.b, line)
	for _, o := range v.Options {
		fmt.Fprintf(&p.b, "%soption %s:\n", indent, o.Label)
		p.body(o.Body, indent+"  ")
		fmt.Fprintf(&p.b, "%s  yield %s\n", indent, o.Result)
	}
	if len(v.Options) > 0 {
		fmt.Fprintf(&p.b, "%s}\n", indent)
	}
}

// Text is the line of a value in a dump, without its place and, but for state, its path.
func (v *Value) Text() string {
	line := fmt.Sprintf("%s = %s", v, v.Op.Name)
	if v.Op.State {
		line += " @" + v.Path
	}
	for i, a := range v.Args {
		line += [...]string{", ", " "}[b2i(i == 0)] + a.String()
	}
	return line + attrText(v.Attrs, v.attrDecls()) + " : " + v.Type.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// location prints " @file:line:col/path"; a place without a position or path leaves its part out.
func (p *printer) location(at pos.Pos, path string) string {
	if !at.IsValid() && path == "" {
		return ""
	}
	s := fmt.Sprintf("  @%d:%d:%d", p.files[at.File], at.Line, at.Col)
	if path != "" {
		s += "/" + path
	}
	return s
}

// attrText prints what differs from the default, in the order of declaration.
func attrText(attrs Attrs, decls []Attr) string {
	parts := attrTexts(attrs, decls)
	if len(parts) == 0 {
		return ""
	}
	return " {" + strings.Join(parts, ", ") + "}"
}

// AttrTexts gives the attributes of a value as a dump has them: name=text of those that differ from their defaults.
func (v *Value) AttrTexts() []string { return attrTexts(v.Attrs, v.attrDecls()) }

// OutputTexts gives those of a function's return.
func (f *Func) OutputTexts() []string { return attrTexts(f.Output, outputFacts) }

func attrTexts(attrs Attrs, decls []Attr) (parts []string) {
	known := map[string]bool{}
	for _, d := range decls {
		known[d.Name] = true
		if x, ok := attrs[d.Name]; ok && (d.Default == nil || !sameAttr(x, d.Default)) {
			parts = append(parts, d.Name+"="+formatAttr(x))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) { // undeclared ones are an error for the verifier, not for us
		if !known[name] {
			parts = append(parts, name+"="+formatAttr(attrs[name]))
		}
	}
	return parts
}
