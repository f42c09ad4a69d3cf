package ir

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"sotto/ir/cost"
	"sotto/ir/pos"
)

// Limits on what a text may hold: it may come from anybody.
const (
	maxText  = 64 << 20
	maxNest  = 64
	maxFiles = 1 << 12
)

// Parse reads the text form of a module. The first error comes back as a *pos.Diagnostic that points into the text under
// the given name. What is parsed is well typed: every op's result is inferred and compared with what is written.
func Parse(name, text string) (m *Module, err error) {
	if len(text) > maxText {
		return nil, pos.Errorf(pos.Pos{File: name}, "%d bytes of IR text, accepted are at most %d", len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return nil, pos.Errorf(pos.Pos{File: name}, "the text is not UTF-8")
	}
	p := &parser{name: name, text: text, line: 1}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *pos.Diagnostic:
			m, err = nil, r
		default:
			panic(r)
		}
	}()
	p.advance()
	return p.module(), nil
}

type parser struct {
	name, text string
	at         int // offset of what follows tok
	line, bol  int // line number, offset of its beginning
	tok        string
	start      int // offset of tok
	tokLine    int
	tokBol     int

	mod    *Module
	funcs  map[string]bool
	values map[string]*Value // every value of the function by name; nil once its option has ended
	local  []string          // names declared, in order
	seen   seen
	nest   int
}

func (p *parser) here() pos.Pos {
	return pos.Pos{File: p.name, Line: p.tokLine, Col: p.start - p.tokBol + 1}
}

func (p *parser) fail(format string, args ...any) {
	panic(pos.Errorf(p.here(), format, args...).Span(len(p.tok)))
}

const punctuation = "{}[]():,="

// advance reads the next token: punctuation, a string in quotes, "->", or a word.
func (p *parser) advance() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '\n':
			p.at++
			p.line, p.bol = p.line+1, p.at
		case c == ' ' || c == '\t' || c == '\r':
			p.at++
		case c == ';':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		default:
			p.token(c)
			return
		}
	}
	p.start, p.tok, p.tokLine, p.tokBol = p.at, "", p.line, p.bol
}

func (p *parser) token(c byte) {
	p.start, p.tokLine, p.tokBol = p.at, p.line, p.bol
	switch {
	case strings.HasPrefix(p.text[p.at:], "->"):
		p.at += 2
	case strings.IndexByte(punctuation, c) >= 0:
		p.at++
	case c == '"':
		quoted, err := strconv.QuotedPrefix(p.text[p.at:])
		if err != nil {
			p.tok = `"`
			p.fail("a string that does not end on its line")
		}
		p.at += len(quoted)
	case c == '@': // a location or path: colons belong to it
		p.word(" \t\r\n;,(){}=")
	default:
		p.word(" \t\r\n;\"" + punctuation)
	}
	p.tok = p.text[p.start:p.at]
}

func (p *parser) word(stop string) {
	for p.at++; p.at < len(p.text) && strings.IndexByte(stop, p.text[p.at]) < 0; p.at++ {
	}
}

func (p *parser) take() string {
	t := p.tok
	p.advance()
	return t
}

func (p *parser) accept(tok string) bool {
	if p.tok != tok {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(tok string) {
	if !p.accept(tok) {
		p.fail("found %s, accepted is %q", p.found(), tok)
	}
}

func (p *parser) found() string {
	if p.tok == "" {
		return "the end of the text"
	}
	return strconv.Quote(p.tok)
}

func (p *parser) int() int {
	n, err := strconv.Atoi(p.tok)
	if err != nil {
		p.fail("found %s, accepted is an integer", p.found())
	}
	p.advance()
	return n
}

func (p *parser) module() *Module {
	p.expect("module")
	p.mod, p.funcs = &Module{Stage: p.stage()}, map[string]bool{}
	if p.mod.Stage == Secure {
		d, err := cost.ParseDeployment(p.tok)
		if err != nil {
			p.fail("%v", err)
		}
		p.mod.Deploy = d
		p.advance()
		if o, err := cost.ParseOT(p.tok); err == nil && o != cost.SoftSpoken {
			p.mod.OT = o
			p.advance()
		}
		if e, err := cost.ParseElementwise(p.tok); err == nil && e != cost.ByGilboa {
			p.mod.Elementwise = e
			p.advance()
		}
		if k, err := cost.ParsePacking(p.tok); err == nil && k != cost.Balanced {
			p.mod.Packing = k
			p.advance()
		}
	}
	for p.accept("file") {
		p.file()
	}
	for p.tok != "" {
		f := p.function()
		if p.funcs[f.Name] {
			p.fail("function @%s is there twice", f.Name)
		}
		p.funcs[f.Name] = true
		p.mod.Funcs = append(p.mod.Funcs, f)
	}
	return p.mod
}

func (p *parser) stage() Stage {
	for s, name := range stageNames {
		if p.accept(name) {
			return s
		}
	}
	p.fail("found %s, accepted are the stages space, net, ring, secure and train", p.found())
	return 0
}

func (p *parser) file() {
	if n := len(p.mod.Files) + 1; p.tok != strconv.Itoa(n) || n > maxFiles {
		p.fail("found %s, accepted is file number %d (of at most %d)", p.found(), n, maxFiles)
	}
	p.advance()
	p.mod.Files = append(p.mod.Files, p.quoted())
}

func (p *parser) quoted() string {
	s, err := strconv.Unquote(p.tok)
	if err != nil || p.tok[0] != '"' {
		p.fail("found %s, accepted is a string in double quotes", p.found())
	}
	p.advance()
	return s
}

func (p *parser) prefixed(prefix byte, what string) string {
	if len(p.tok) < 2 || p.tok[0] != prefix {
		p.fail("found %s, accepted is %s", p.found(), what)
	}
	return p.take()[1:]
}

func (p *parser) function() *Func {
	p.expect("func")
	f := &Func{Name: p.prefixed('@', "a function name such as @net")}
	p.values, p.local, p.seen = map[string]*Value{}, nil, seen{}
	p.expect("(")
	for p.tok != ")" {
		if len(f.Params) > 0 {
			p.expect(",")
		}
		f.Params = append(f.Params, p.param())
	}
	p.expect(")")
	p.expect("->")
	result := p.typ()
	p.expect("{")
	f.Pos, _ = p.location()
	f.Body = p.body("return")
	p.expect("return")
	f.Result = p.use()
	f.Output = p.attrs("return", outputFacts)
	p.expect("}")
	if !f.Result.Type.Equal(result) {
		p.fail("function @%s returns %s, its head says %s", f.Name, f.Result.Type, result)
	}
	return f
}

func (p *parser) param() *Value {
	v := &Value{Name: p.prefixed('%', "a value such as %x"), Op: Input}
	p.expect(":")
	v.Type = p.typ()
	v.Attrs = p.attrs("input", v.attrDecls())
	v.Pos, v.Path = p.location()
	p.declare(v)
	return v
}

func (p *parser) declare(v *Value) {
	if _, ok := p.values[v.Name]; ok {
		p.fail("%s is computed twice", v)
	}
	p.values[v.Name] = v
	p.local = append(p.local, v.Name)
}

func (p *parser) use() *Value {
	v := p.values[strings.TrimPrefix(p.tok, "%")]
	if len(p.tok) < 2 || p.tok[0] != '%' {
		p.fail("found %s, accepted is a value such as %%x", p.found())
	}
	if v == nil {
		p.fail("%s is used before it is computed", p.tok)
	}
	p.advance()
	return v
}

// body reads values up to the word that ends it. What an option computes is not visible outside.
func (p *parser) body(end string) []*Value {
	if p.nest++; p.nest > maxNest {
		p.fail("choices nested more than %d deep", maxNest)
	}
	defer func() { p.nest-- }()
	var body []*Value
	for p.tok != end {
		v := p.value()
		p.declare(v)
		body = append(body, v)
	}
	return body
}

func (p *parser) value() *Value {
	start := p.here()
	v := &Value{Name: p.prefixed('%', "a value such as %x, or the end of the body")}
	p.expect("=")
	op, ok := Lookup(p.tok)
	if !ok {
		p.fail("no op is called %s; `sotto opt --ops` lists them", p.found())
	}
	v.Op = op
	p.advance()
	if op.State {
		v.Path = p.prefixed('@', "the path of the weight such as @conv1.weight")
	}
	for strings.HasPrefix(p.tok, "%") {
		v.Args = append(v.Args, p.use())
		if !p.accept(",") {
			break
		}
	}
	v.Attrs = p.attrs(op.Name, v.attrDecls())
	p.expect(":")
	v.Type = p.typ()
	at, path := p.location()
	if v.Pos = at; path != "" {
		v.Path = path
	}
	if op.Name == "choice" {
		p.options(v)
	}
	p.typecheck(v, start)
	return v
}

func (p *parser) typecheck(v *Value, at pos.Pos) {
	if err := errors.Join(p.mod.checkValue(v), p.seen.check(p.mod, v)); err != nil {
		panic(pos.Errorf(at, "%s: %v", v, err).Span(len(v.Name) + 1))
	}
}

func (p *parser) options(v *Value) {
	p.expect("{")
	for p.accept("option") {
		outside := len(p.local)
		o := &Option{Label: p.take()}
		p.expect(":")
		o.Body = p.body("yield")
		p.expect("yield")
		o.Result = p.use()
		v.Options = append(v.Options, o)
		for _, name := range p.local[outside:] {
			p.values[name] = nil // not visible outside the option; the name stays taken
		}
		p.local = p.local[:outside]
	}
	p.expect("}")
}

func (p *parser) typ() Type {
	var t Type
	if len(p.tok) == 1 && strings.Contains(sharings, p.tok) {
		t.Share = Sharing(p.take()[0])
	}
	t.Elem = p.elem()
	p.expect("[")
	for p.tok != "]" {
		if len(t.Shape) > 0 {
			p.expect(",")
		}
		if len(t.Shape) == 8 {
			p.fail("a shape of more than 8 dimensions")
		}
		t.Shape = append(t.Shape, p.int())
	}
	p.expect("]")
	if err := checkShape(t.Shape); err != nil {
		p.fail("%v", err)
	}
	if p.accept("x") {
		if t.Batch = p.int(); t.Batch < 1 {
			p.fail("a batch of %d: accepted are numbers from 1", t.Batch)
		}
		if err := t.check(); err != nil {
			p.fail("%v", err)
		}
	}
	return t
}

func (p *parser) elem() Elem {
	switch p.tok {
	case "f32":
		p.advance()
		return F32
	case "u1":
		p.advance()
		return U1
	}
	bits, frac, ok := strings.Cut(strings.TrimPrefix(p.tok, "i"), "q")
	b, err1 := strconv.Atoi(bits)
	f, err2 := strconv.Atoi(frac)
	if !ok || p.tok[0] != 'i' || err1 != nil || err2 != nil {
		p.fail("found %s, accepted are the elements f32, u1, i32qF and i64qF", p.found())
	}
	if err := checkRing(b, f); err != nil {
		p.fail("%v", err)
	}
	p.advance()
	return Ring(b, f)
}

func (p *parser) attrs(what string, decls []Attr) Attrs {
	if p.tok != "{" {
		return nil
	}
	p.advance()
	out := Attrs{}
	for p.tok != "}" {
		if len(out) > 0 {
			p.expect(",")
		}
		name := p.tok
		d, ok := FindAttr(decls, name)
		if !ok {
			p.fail("%s has no attribute %s: accepted are %s", what, p.found(), attrNames(decls))
		}
		p.advance()
		if _, twice := out[name]; twice {
			p.fail("attribute %s is there twice", name)
		}
		p.expect("=")
		out[name] = p.attrValue(d)
	}
	p.expect("}")
	return out
}

func (p *parser) attrValue(d Attr) any {
	switch d.Kind {
	case IntAttr:
		return p.int()
	case FloatAttr:
		return p.float()
	case StringAttr:
		return p.quoted()
	case BoolAttr:
		if p.tok != "true" && p.tok != "false" {
			p.fail("found %s, accepted are true and false", p.found())
		}
		return p.take() == "true"
	case IntsAttr:
		return list(p, p.int)
	}
	return list(p, p.float)
}

func (p *parser) float() float64 {
	x, err := strconv.ParseFloat(p.tok, 64)
	if err != nil || math.IsNaN(x) {
		p.fail("found %s, accepted is a number", p.found())
	}
	p.advance()
	return x
}

func list[T any](p *parser, item func() T) []T {
	p.expect("[")
	var out []T
	for p.tok != "]" {
		if len(out) > 0 {
			p.expect(",")
		}
		out = append(out, item())
	}
	p.expect("]")
	return out
}

// location reads "@file:line:col/path" where there is one.
func (p *parser) location() (pos.Pos, string) {
	if !strings.HasPrefix(p.tok, "@") {
		return pos.Pos{}, ""
	}
	place, path, _ := strings.Cut(p.tok[1:], "/")
	var file, line, col int
	if n, err := fmt.Sscanf(place, "%d:%d:%d", &file, &line, &col); n != 3 || err != nil || file < 0 || file > len(p.mod.Files) || line < 0 || col < 0 {
		p.fail("found %s, accepted is a place such as @1:3:7 in one of the %d file(s) named above", p.found(), len(p.mod.Files))
	}
	p.advance()
	at := pos.Pos{Line: line, Col: col}
	if file > 0 {
		at.File = p.mod.Files[file-1]
	}
	return at, path
}
