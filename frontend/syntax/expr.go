package syntax

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Binding powers of the infix operators, loosest first. |> is 0 and a prefix - binds tighter than all of them.
const (
	pipePower = iota
	orPower
	andPower
	notPower
	comparePower
	rangePower
	addPower
	mulPower
	minusPower
	postfixPower
)

var power = map[string]int{
	"|>": pipePower, "or": orPower, "and": andPower, "..": rangePower, "+": addPower, "-": addPower,
	"*": mulPower, "/": mulPower, "%": mulPower, "==": comparePower, "!=": comparePower, "<": comparePower,
	"<=": comparePower, ">": comparePower, ">=": comparePower, "in": comparePower, "not": comparePower,
}

// units may follow a number on its line: a decimal or binary scale, or a physical unit.
var units = []string{
	"K", "M", "G", "ns", "us", "ms", "s", "B", "KB", "MB", "GB", "KiB", "MiB", "GiB", "bps", "Kbps", "Mbps", "Gbps",
	"uJ", "mJ", "J", "mW", "W",
}

// exprParser parses one expression by precedence climbing on the token stream that participle hands it.
type exprParser struct {
	lex   *lexer.PeekingLexer
	prev  lexer.Token // last token taken
	depth int
}

// parseExpr is the grammar's production for an expression.
func parseExpr(lex *lexer.PeekingLexer) (Expr, error) {
	p := &exprParser{lex: lex}
	return p.expr(pipePower)
}

// nested is a whole expression inside another, however deep the recursion is by then.
func (p *exprParser) nested() (Expr, error) { return p.expr(pipePower) }

func (p *exprParser) peek() lexer.Token { return *p.lex.Peek() }

func (p *exprParser) next() lexer.Token {
	p.prev = *p.lex.Next()
	return p.prev
}

// at reports whether the next token is the given word or sign.
func (p *exprParser) at(word string) bool {
	t := p.peek()
	return t.Type != tString && t.Value == word
}

func (p *exprParser) accept(word string) bool {
	if !p.at(word) {
		return false
	}
	p.next()
	return true
}

func (p *exprParser) expect(word, where string) error {
	if p.accept(word) {
		return nil
	}
	return p.unexpected(`"` + word + `" ` + where)
}

func (p *exprParser) unexpected(expected string) error {
	t := p.peek()
	return participle.Errorf(t.Pos, "unexpected %s; expected %s", describe(t), expected)
}

// span is the place from the start of n to the last token taken.
func (p *exprParser) span(n Node) Node { return n.to(node(p.prev)) }

// expr parses operators that bind at least as tightly as least.
func (p *exprParser) expr(least int) (Expr, error) {
	if p.depth++; p.depth > maxNest {
		return nil, participle.Errorf(p.peek().Pos, "the expression nests more than %d deep here", maxNest)
	}
	defer func() { p.depth-- }()
	x, err := p.prefix(least)
	for links := 0; err == nil; links++ {
		op, level, ok := p.infix()
		if !ok || level < least {
			return x, nil
		}
		if links >= maxChain {
			return nil, participle.Errorf(p.peek().Pos, "more than %d operators in one expression; name a part of it", maxChain)
		}
		if x, err = p.apply(x, op, level); err == nil && level == comparePower {
			err = p.noChain()
		}
	}
	return nil, err
}

// infix looks at the next operator without taking it; `not` counts only as the first word of `not in`.
func (p *exprParser) infix() (op Op, level int, ok bool) {
	t := p.peek()
	if t.Type == tString {
		return "", 0, false
	}
	level, ok = power[t.Value]
	op = Op(t.Value)
	if op == "not" {
		before := p.lex.MakeCheckpoint()
		p.lex.Next()
		op, ok = "not in", p.at("in")
		p.lex.LoadCheckpoint(before)
	}
	return op, level, ok
}

func (p *exprParser) apply(x Expr, op Op, level int) (Expr, error) {
	at := node(p.next())
	if op == "not in" {
		at = at.to(node(p.next()))
	}
	if op == "|>" {
		stage, err := p.stage()
		if err != nil {
			return nil, err
		}
		return &Pipe{p.span(x.At()), x, stage}, nil
	}
	y, err := p.expr(level + 1)
	if err != nil {
		return nil, err
	}
	return &Binary{p.span(x.At()), op, at, x, y}, nil
}

// noChain refuses a < b < c, which would not mean what it says.
func (p *exprParser) noChain() error {
	if _, level, ok := p.infix(); ok && level == comparePower {
		return participle.Errorf(p.peek().Pos, "comparisons do not chain; write a < b and b < c")
	}
	return nil
}

// stage is what stands right of |>: a call, or a bare name for a call without further arguments.
func (p *exprParser) stage() (*Call, error) {
	if p.peek().Type != tIdent {
		return nil, p.unexpected("the name of an operation, block or choice after |>")
	}
	return p.call(ident(p.next()))
}

func ident(t lexer.Token) Ident { return Ident{node(t), t.Value} }

func (p *exprParser) prefix(least int) (Expr, error) {
	t := p.peek()
	switch {
	case p.at("not") && least <= notPower:
		p.next()
		x, err := p.expr(notPower)
		return &Unary{p.span(node(t)), "not", x}, err
	case p.at("-"):
		p.next()
		x, err := p.expr(minusPower)
		return &Unary{p.span(node(t)), "-", x}, err
	}
	x, err := p.primary(t)
	for links := 0; err == nil && p.at("["); links++ {
		if links >= maxChain {
			return nil, participle.Errorf(p.peek().Pos, "more than %d indices on one value", maxChain)
		}
		x, err = p.index(x)
	}
	return x, err
}

func (p *exprParser) index(x Expr) (Expr, error) {
	p.next()
	i, err := p.nested()
	if err != nil {
		return nil, err
	}
	err = p.expect("]", "after the index")
	return &Index{p.span(x.At()), x, i}, err
}

func (p *exprParser) primary(t lexer.Token) (Expr, error) {
	switch {
	case t.Type == tIdent:
		return p.nameOrCall(ident(p.next()))
	case t.Type == tNumber:
		return p.number(p.next())
	case t.Type == tString:
		return parseStr(p.next())
	case p.accept("true"), p.accept("false"):
		return &Bool{node(t), t.Value == "true"}, nil
	case p.accept("("):
		x, err := p.nested()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")", "after the expression")
	case p.accept("["):
		return p.list(node(t))
	case p.accept("if"):
		return p.ifExpr(node(t))
	}
	return nil, p.unexpected("an expression")
}

func (p *exprParser) number(t lexer.Token) (Expr, error) {
	n := &Number{node(t), t.Value, ""}
	if u := p.peek(); u.Type == tIdent && u.Pos.Line == t.Pos.Line && slices.Contains(units, u.Value) {
		n.Unit = p.next().Value
		n.Node = p.span(n.Node)
	}
	return n, nil
}

func (p *exprParser) nameOrCall(name Ident) (Expr, error) {
	if p.at("(") {
		return p.call(name)
	}
	if p.at("as") {
		return nil, participle.Errorf(p.peek().Pos, "as names a call: write %s(...) as NAME", name.Name)
	}
	return &Name{name.Node, name.Name}, nil
}

// call parses what follows the name of a call: arguments if there are any, and `as LABEL`.
func (p *exprParser) call(fn Ident) (*Call, error) {
	c := &Call{Fn: fn}
	if p.accept("(") {
		if err := p.args(c); err != nil {
			return nil, err
		}
	}
	if p.accept("as") {
		if err := p.label(c); err != nil {
			return nil, err
		}
	}
	c.Node = p.span(fn.Node)
	return c, nil
}

func (p *exprParser) args(c *Call) error {
	for !p.accept(")") {
		a, err := p.arg(len(c.Args) > 0 && c.Args[len(c.Args)-1].Name != nil)
		if err != nil {
			return err
		}
		c.Args = append(c.Args, a)
		if !p.at(")") {
			if err := p.expect(",", `or ")" after the argument`); err != nil {
				return err
			}
		}
	}
	return nil
}

// arg parses one argument; after a named one, a bare name stands for itself and nothing else may be positional.
func (p *exprParser) arg(afterNamed bool) (Arg, error) {
	start := p.peek()
	if name := p.argName(); name != nil {
		x, err := p.nested()
		return Arg{p.span(name.Node), name, x, false}, err
	}
	x, err := p.nested()
	if err != nil {
		return Arg{}, err
	}
	a := Arg{Node: p.span(node(start)), Value: x}
	if !afterNamed {
		return a, nil
	}
	n, ok := x.(*Name)
	if !ok {
		return a, participle.Errorf(start.Pos, "a positional argument cannot follow a named one; write name = value")
	}
	a.Name, a.Shorthand = &Ident{n.Node, n.Name}, true
	return a, nil
}

// argName takes `name =` if it comes next.
func (p *exprParser) argName() *Ident {
	before := p.lex.MakeCheckpoint()
	if t := p.next(); t.Type == tIdent && p.accept("=") {
		name := ident(t)
		return &name
	}
	p.lex.LoadCheckpoint(before)
	return nil
}

func (p *exprParser) label(c *Call) error {
	t := p.peek()
	switch t.Type {
	case tIdent:
		p.next()
		c.Label = &Str{node(t), []StrPart{{Text: t.Value}}}
		return nil
	case tString:
		s, err := parseStr(p.next())
		c.Label, _ = s.(*Str)
		return err
	}
	return p.unexpected("a name or a string after as")
}

func (p *exprParser) list(open Node) (Expr, error) {
	if p.accept("]") {
		return &List{p.span(open), nil}, nil
	}
	first, err := p.nested()
	if err != nil {
		return nil, err
	}
	if p.accept("for") {
		return p.comp(open, first)
	}
	l := &List{Elems: []Expr{first}}
	for !p.accept("]") {
		if err := p.expect(",", `or "]" after the element`); err != nil {
			return nil, err
		}
		if p.accept("]") {
			break
		}
		x, err := p.nested()
		if err != nil {
			return nil, err
		}
		l.Elems = append(l.Elems, x)
	}
	l.Node = p.span(open)
	return l, nil
}

func (p *exprParser) comp(open Node, elem Expr) (Expr, error) {
	c := &Comp{Elem: elem}
	for more := true; more; more = p.accept(",") {
		if p.peek().Type != tIdent {
			return nil, p.unexpected("a name after for")
		}
		c.Vars = append(c.Vars, ident(p.next()))
	}
	err := p.expect("in", "after the names of for")
	if err == nil {
		c.In, err = p.nested()
	}
	if err == nil && p.accept("if") {
		c.Cond, err = p.nested()
	}
	if err == nil {
		err = p.expect("]", "at the end of the comprehension")
	}
	c.Node = p.span(open)
	return c, err
}

func (p *exprParser) ifExpr(start Node) (Expr, error) {
	x := &IfExpr{}
	for more := true; more; {
		cond, err := p.nested()
		if err != nil {
			return nil, err
		}
		value, err := p.braced()
		if err != nil {
			return nil, err
		}
		x.Arms = append(x.Arms, ExprArm{cond, value})
		if err := p.expect("else", "after the value: an if inside an expression has both"); err != nil {
			return nil, err
		}
		more = p.accept("if")
	}
	var err error
	x.Else, err = p.braced()
	x.Node = p.span(start)
	return x, err
}

func (p *exprParser) braced() (Expr, error) {
	if err := p.expect("{", "before the value"); err != nil {
		return nil, err
	}
	x, err := p.nested()
	if err != nil {
		return nil, err
	}
	return x, p.expect("}", "after the value")
}

// parseStr takes a string literal apart into text and {expressions}.
func parseStr(t lexer.Token) (Expr, error) {
	s := &Str{Node: node(t)}
	body := t.Value[1 : len(t.Value)-1]
	var text strings.Builder
	for i := 0; i < len(body); i++ {
		switch {
		case strings.HasPrefix(body[i:], "{{"), strings.HasPrefix(body[i:], "}}"):
			text.WriteByte(body[i])
			i++
		case body[i] == '}':
			return nil, participle.Errorf(t.Pos, `"}" alone in a string; write "}}" for a brace`)
		case body[i] == '{':
			n := strings.IndexByte(body[i:], '}')
			if n < 0 {
				return nil, participle.Errorf(t.Pos, `"{" is not closed in this string; write "{{" for a brace`)
			}
			x, err := parseInside(t, i+1, i+n)
			if err != nil {
				return nil, err
			}
			s.Parts = appendText(s.Parts, &text)
			s.Parts = append(s.Parts, StrPart{X: x})
			i += n
		default:
			text.WriteByte(body[i])
		}
	}
	s.Parts = appendText(s.Parts, &text)
	return s, nil
}

func appendText(parts []StrPart, text *strings.Builder) []StrPart {
	if text.Len() > 0 {
		parts = append(parts, StrPart{Text: text.String()})
		text.Reset()
	}
	return parts
}

// parseInside parses body[from:to] of a string token as an expression. Errors stand on the string.
func parseInside(t lexer.Token, from, to int) (Expr, error) {
	fail := func(why string) error {
		return participle.Errorf(t.Pos, "in {%s}: %s", t.Value[1+from:1+to], why)
	}
	lex, err := lexicon.LexString(t.Pos.Filename, t.Value[1+from:1+to])
	if err != nil {
		return nil, fail(err.Error())
	}
	all, err := lexer.ConsumeAll(lex)
	if err != nil {
		return nil, fail(err.Error())
	}
	tokens := slices.DeleteFunc(all, func(t lexer.Token) bool { return t.Type == tSpace })
	for i := range tokens {
		at := &tokens[i].Pos
		at.Offset += t.Pos.Offset + 1 + from
		at.Line, at.Column = t.Pos.Line, t.Pos.Column+at.Offset-t.Pos.Offset
	}
	inner, err := peeking(tokens)
	if err != nil {
		return nil, fail(err.Error())
	}
	x, err := parseExpr(inner)
	if err != nil {
		return nil, fail(err.(participle.Error).Message())
	}
	if rest := inner.Peek(); !rest.EOF() {
		return nil, fail("unexpected " + describe(*rest))
	}
	return x, nil
}
