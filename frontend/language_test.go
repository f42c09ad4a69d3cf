package frontend

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sotto/docs"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

// reference is the page that says what the language is.
func reference(t *testing.T) *docs.Page {
	t.Helper()
	p, err := docs.Read("../docs/LANGUAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wrapBody makes a file of the lines of a net, as the reference promises. Nothing in such lines changes x.
func wrapBody(lines string) string {
	return "net n {\ninput image: f32[3, 16, 16] from client\nx = conv(image, 8, kernel = 3, pad = 1) as given\n" + lines +
		"output y = x to client\n}\n"
}

// examples are the blocks of the reference that must compile, as files.
func examples(p *docs.Page) (out []string) {
	for _, b := range p.Blocks {
		switch {
		case !b.Is("sotto"):
		case len(b.Info) == 1:
			out = append(out, b.Text)
		case b.Info[1] == "body":
			out = append(out, wrapBody(b.Text))
		}
	}
	return out
}

func TestTheReferencesExamplesCompile(t *testing.T) {
	for _, src := range examples(reference(t)) {
		if _, err := Load("net.sotto", []byte(src), Options{}); err != nil {
			t.Errorf("%v\n%s", err, src)
		}
	}
}

// The errors that the reference shows behind a bad example are those that it gets.
func TestTheReferencesErrorsAreReal(t *testing.T) {
	p, n := reference(t), 0
	for i := range p.Blocks {
		if b := p.Blocks[i]; !b.Is("sotto") || len(b.Info) == 1 || b.Info[1] != "bad" {
			continue
		}
		n++
		if i+1 == len(p.Blocks) || !p.Blocks[i+1].Is("text") {
			t.Errorf("%s: a bad example without the block of its errors behind it", p.Blocks[i].At(0))
			continue
		}
		_, err := Load("net.sotto", []byte(p.Blocks[i].Text), Options{})
		if err == nil {
			t.Errorf("%s: a bad example that compiles", p.Blocks[i].At(0))
			continue
		}
		var text strings.Builder
		pos.Print(&text, err, pos.Source{"net.sotto": p.Blocks[i].Text})
		if err := p.HoldBlock(i+1, text.String()); err != nil {
			t.Error(err)
		}
	}
	if n < 5 {
		t.Errorf("%d bad examples: the reference has more", n)
	}
}

// Each kind of node of the syntax tree, with each part that may be missing, stands in an example of the reference; so does each operator, and
// each function with each of its options by name.
func TestTheReferenceShowsEveryConstruct(t *testing.T) {
	p := reference(t)
	seen := map[string]bool{}
	for _, src := range examples(p) {
		f, err := syntax.Parse("net.sotto", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		visit(reflect.ValueOf(f), seen)
	}
	want := parts(t)
	for _, op := range syntax.Operators() {
		if op != "|>" && op != "not" { // Pipe, Unary
			want = append(want, "operator "+op)
		}
	}
	for name, b := range builtins {
		want = append(want, "function "+name)
		for _, a := range b.params {
			if a.optional {
				want = append(want, fmt.Sprintf("option %s of %s", a.name, name))
			}
		}
	}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("no example of docs/LANGUAGE.md has the %s", w)
		}
	}
	for _, word := range slices.Concat(syntax.Keywords(), syntax.Units(), preprocessing) {
		if !regexp.MustCompile("`[^`]*\\b" + word + "\\b").MatchString(p.Prose()) {
			t.Errorf("docs/LANGUAGE.md does not name %s", word)
		}
	}
}

// visit notes the nodes below a value, and which of their parts are there.
func visit(v reflect.Value, seen map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			visit(v.Elem(), seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !f.Anonymous && !v.Field(i).IsZero() {
				seen["part "+v.Type().Name()+"."+f.Name] = true
				visit(v.Field(i), seen)
			}
		}
		switch x := v.Interface().(type) {
		case syntax.Binary:
			seen["operator "+string(x.Op)] = true
		case syntax.Call:
			seen["function "+x.Fn.Name] = true
			for _, a := range x.Args {
				if a.Name != nil {
					seen[fmt.Sprintf("option %s of %s", a.Name.Name, x.Fn.Name)] = true
				}
			}
		}
	}
}

// parts lists all parts that nodes of the syntax tree can have.
func parts(t *testing.T) (out []string) {
	f, err := parser.ParseFile(token.NewFileSet(), "syntax/ast.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.Name != "Node" {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					out = append(out, "part "+spec.Name.Name+"."+name.Name)
				}
			}
		}
		return true
	})
	if len(out) < 50 {
		t.Errorf("%d parts were found: the tree has more", len(out))
	}
	return out
}

// The table of layers is written of what the compiler reads calls by, and of the weights that the reference's examples get.
func TestTheReferencesTableOfLayers(t *testing.T) {
	p := reference(t)
	weights := map[string][]string{} // by op
	for _, src := range examples(p) {
		s, err := Load("net.sotto", []byte(src), Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Func.Walk(func(v *ir.Value) {
			var names []string
			for _, a := range v.Args {
				if at := strings.LastIndexByte(a.Path, '.'); a.Op.Name == "param" {
					names = append(names, "`"+a.Path[at+1:]+"`")
				}
			}
			if len(names) > len(weights[v.Op.Name]) {
				weights[v.Op.Name] = names
			}
		})
	}
	var b strings.Builder
	b.WriteString("| call | what it is | weights |\n|---|---|---|\n")
	order := func(a, b string) int { // layers, then questions
		return strings.Compare(fmt.Sprint(builtins[a].ask != nil, a), fmt.Sprint(builtins[b].ask != nil, b))
	}
	for _, name := range slices.SortedFunc(maps.Keys(builtins), order) {
		f := builtins[name]
		doc := f.doc
		if doc == "" {
			doc, _, _ = strings.Cut(ir.MustLookup(f.op).Doc, ", where keep") // gates are no words of the language
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", signature(name, f), doc, strings.Join(weights[f.op], ", "))
	}
	if err := p.HoldTable("layers", b.String()); err != nil {
		t.Error(err)
	}
}

// signature is a function as it is called, with what its options are when they are missing.
func signature(name string, f builtin) string {
	var list []string
	for _, p := range f.params {
		switch {
		case p.follows != "":
			list = append(list, p.name+" = "+p.follows)
		case p.optional:
			list = append(list, fmt.Sprintf("%s = %v", p.name, p.otherwise))
		case f.rest:
			list = append(list, p.name, "...")
		default:
			list = append(list, p.name)
		}
	}
	return name + "(" + strings.Join(list, ", ") + ")"
}

// An op that users cannot write is of no use, unless its block says that others make it.
func TestEveryOpIsWritten(t *testing.T) {
	made := map[string]bool{}
	for _, b := range builtins {
		made[b.op] = true
	}
	for _, o := range ir.Ops() {
		if o.Stages&ir.Space != 0 && strings.HasPrefix(o.Name, "nn.") && made[o.Name] == o.Inner {
			t.Errorf("%s: layers.go makes it: %v, and the block says Inner: %v: accepted is a row there, a block of one tensor without weights and with numbers as options, or Inner",
				o.Name, made[o.Name], o.Inner)
		}
	}
}
