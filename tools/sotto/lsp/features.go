package lsp

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sotto/frontend"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

type location struct {
	URI   string `json:"uri"`
	Range span   `json:"range"`
}

type diagnostic struct {
	Range    span      `json:"range"`
	Severity int       `json:"severity"` // 1: error
	Source   string    `json:"source"`
	Message  string    `json:"message"`
	Related  []related `json:"relatedInformation,omitempty"`
}

type related struct {
	Location location `json:"location"`
	Message  string   `json:"message"`
}

type published struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version,omitempty"`
	Diagnostics []diagnostic `json:"diagnostics"`
}

// publish sends the diagnostics of the files that have changed.
func (s *Server) publish() error {
	for _, uri := range slices.Sorted(maps.Keys(s.dirty)) {
		delete(s.dirty, uri)
		p := published{URI: uri, Diagnostics: []diagnostic{}}
		if d := s.open[uri]; d != nil {
			p.Version, p.Diagnostics = &d.version, s.diagnose(d)
		}
		if err := writeMessage(s.out, notification{"2.0", "textDocument/publishDiagnostics", p}); err != nil {
			return err
		}
	}
	return nil
}

// diagnose gives the errors of a file. One inside the compiler is an error of the file's first line.
func (s *Server) diagnose(d *document) (out []diagnostic) {
	defer func() {
		if p := recover(); p != nil {
			out = []diagnostic{{Severity: 1, Source: "sotto", Message: fmt.Sprintf("error inside sotto: %v", p)}}
		}
	}()
	s.analyse(d)
	out = []diagnostic{}
	for _, e := range d.errs {
		g := diagnostic{Range: d.span(d.at(e.Pos), max(e.Len, 1)), Severity: 1, Source: "sotto", Message: e.Msg}
		for _, n := range e.Notes {
			if n.Pos.IsValid() {
				g.Related = append(g.Related, related{location{d.uri, d.span(d.at(n.Pos), 1)}, n.Msg})
			} else {
				g.Message += "\n" + n.Msg
			}
		}
		out = append(out, g)
	}
	return out
}

func (s *Server) definition(d *document, p position) (any, error) {
	n, in, ok := d.nameAt(d.offset(p))
	if !ok {
		return nil, nil
	}
	b, ok := d.define(n, in)
	if !ok {
		return nil, nil
	}
	return location{d.uri, d.span(b.at.Offset, b.at.Len)}, nil
}

type edit struct {
	Range span   `json:"range"`
	Text  string `json:"newText"`
}

func (s *Server) format(d *document, _ position) (any, error) {
	if d.parsed != nil {
		return nil, fmt.Errorf("a file with errors has no layout: %w", d.parsed)
	}
	text := syntax.Format(d.file)
	if text == d.text {
		return []edit{}, nil
	}
	return []edit{{d.span(0, len(d.text)), text}}, nil
}

type symbol struct {
	Name      string `json:"name"`
	Detail    string `json:"detail"`
	Kind      int    `json:"kind"`
	Range     span   `json:"range"`
	Selection span   `json:"selectionRange"`
}

// Kinds of symbols, as the protocol numbers them.
const (
	kindClass    = 5
	kindEnum     = 10
	kindFunction = 12
	kindObject   = 19
)

func (s *Server) symbols(d *document, _ position) (any, error) {
	out := []symbol{}
	for _, x := range d.file.Decls {
		word, kind := declared(x)
		name, at := x.DeclName(), x.At()
		out = append(out, symbol{name.Name, word, kind, d.span(at.Offset, at.Len), d.span(name.Offset, name.Len)})
	}
	return out, nil
}

// declared names the kind of a declaration.
func declared(x syntax.Decl) (word string, kind int) {
	switch x := x.(type) {
	case *syntax.Net:
		return "net", kindClass
	case *syntax.Block:
		return "block", kindFunction
	case *syntax.Choice:
		if x.Shared {
			return "shared choice", kindEnum
		}
		return "choice", kindEnum
	case *syntax.Search:
		return "search", kindObject
	}
	return "target", kindObject
}

type hover struct {
	Contents markup `json:"contents"`
	Range    span   `json:"range"`
}

type markup struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// hover tells of the name under the cursor: of a layer its shape and what it costs, of a block, choice or net what it costs in all.
func (s *Server) hover(d *document, p position) (any, error) {
	offset := d.offset(p)
	n, in, ok := d.nameAt(offset)
	if !ok {
		return nil, nil
	}
	text := d.describe(n, in)
	if text == "" {
		return nil, nil
	}
	return hover{markup{"markdown", text}, d.span(n.Offset, n.Len)}, nil
}

func (a *analysis) describe(n name, in syntax.Decl) string {
	if n.called {
		if x := a.declaration(n.Name); x != nil {
			return a.describeDecl(x)
		}
		return a.describeLayer(n.Pos, true)
	}
	b, ok := a.define(n, in)
	if !ok {
		return ""
	}
	if x := a.declaration(n.Name); x != nil && b.at.Node == x.DeclName().Node {
		return a.describeDecl(x)
	}
	if in, ok := a.input(b.at.Node); ok {
		return code(in)
	}
	if b.value == nil {
		return ""
	}
	text := code(n.Name + " = " + syntax.FormatExpr(b.value))
	if at, ok := made(b.value); ok {
		return text + a.describeLayer(at.Pos, false)
	}
	return text
}

// declaration finds one by its name.
func (a *analysis) declaration(name string) syntax.Decl {
	for _, d := range a.file.Decls {
		if d.DeclName().Name == name {
			return d
		}
	}
	return nil
}

// input gives the shape of an input.
func (a *analysis) input(at syntax.Node) (string, bool) {
	for _, net := range a.nets {
		for _, v := range net.Func.Params {
			if v.Pos == at.Pos || v.Name != "" && v.Pos.Line == at.Pos.Line {
				return "input " + v.Name + ": " + v.Type.String(), true
			}
		}
	}
	return "", false
}

func code(text string) string { return "```sotto\n" + text + "\n```\n" }

// head is a declaration without what it holds.
func head(x syntax.Decl) string {
	params := func(list []syntax.Param) string {
		var out []string
		for _, p := range list {
			text := p.Name.Name
			if p.Default != nil {
				text += " = " + syntax.FormatExpr(p.Default)
			}
			out = append(out, text)
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	word, _ := declared(x)
	text := word + " " + x.DeclName().Name
	switch x := x.(type) {
	case *syntax.Block:
		return text + params(x.Params)
	case *syntax.Choice:
		var options []string
		for _, o := range x.Options {
			options = append(options, syntax.FormatExpr(o))
		}
		return text + params(x.Params) + " = " + strings.Join(options, "\n  | ")
	case *syntax.Search:
		return text + " in " + x.Net.Name
	}
	return text
}

// describeDecl counts what all uses of a declaration cost.
func (a *analysis) describeDecl(x syntax.Decl) string {
	at := x.At()
	from, to := at.Pos.Line, at.Last
	layers, _ := a.layers(func(p pos.Pos) bool { return from <= p.Line && p.Line <= to })
	of := "in all its uses"
	if _, net := x.(*syntax.Net); net {
		for _, space := range a.nets {
			if space.Func.Name == x.DeclName().Name {
				layers, of = frontend.Summarise(space.Func).Layers, "with the first option of each choice"
			}
		}
	}
	text := code(head(x))
	if len(layers) > 0 {
		text += fmt.Sprintf("%d layer(s) %s: %s\n", len(layers), of, counts(layers))
	}
	return text
}

const shown = 8 // layers of one place, in a hover

// describeLayer tells of what is made at a place, with the documentation of its op if asked for.
func (a *analysis) describeLayer(at pos.Pos, doc bool) string {
	layers, values := a.layers(func(p pos.Pos) bool { return p == at })
	var b strings.Builder
	if doc && len(values) > 0 {
		fmt.Fprintf(&b, "%s\n\n", values[0].Op.Doc)
	}
	if len(layers) > 1 {
		fmt.Fprintf(&b, "%d layers: %s\n\n", len(layers), counts(layers))
	}
	cost := map[string]frontend.Layer{}
	for _, l := range layers {
		cost[l.Path] = l
	}
	for i, v := range values {
		if i == shown {
			fmt.Fprintf(&b, "* and %d more\n", len(values)-shown)
			break
		}
		fmt.Fprintf(&b, "* %s`%s`%s\n", label(v), v.Type, costOf(cost[v.Path]))
	}
	return b.String()
}

func label(v *ir.Value) string {
	if v.Path == "" {
		return ""
	}
	return "`" + v.Path + "` "
}

func costOf(l frontend.Layer) string {
	if text := counts([]frontend.Layer{l}); text != "nothing to compute in private" {
		return ", " + text
	}
	return ""
}

// counts sums what layers cost.
func counts(layers []frontend.Layer) string {
	var relus, macs, params int64
	for _, l := range layers {
		relus, macs, params = relus+l.ReLUs, macs+l.MACs, params+l.Params
	}
	var parts []string
	for _, x := range []struct {
		n    int64
		what string
	}{{relus, "ReLUs"}, {macs, "MACs"}, {params, "parameters"}} {
		if x.n > 0 {
			parts = append(parts, thousands(x.n)+" "+x.what)
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing to compute in private")
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
