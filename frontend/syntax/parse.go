package syntax

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"sotto/ir/pos"
)

// Limits that keep hostile input from exhausting the stack, the memory or anybody's patience. Networks written by
// people stay orders of magnitude below them.
const (
	maxSize   = 1 << 20 // bytes in a file
	maxDepth  = 64      // brackets of all kinds inside one another
	maxNest   = 256     // operands inside operands inside one expression
	maxChain  = 512     // operators or indices in one row
	maxErrors = 50      // reported in one file
	maxRepair = 25      // statements taken out of one declaration; each costs another pass over it
)

// Parse reads a source file. name stands in the positions. The error is a pos.List of the independent syntax errors, at
// most 50 of them; the tree is then what could be made of the rest, so that an editor still has something to show.
func Parse(name string, src []byte) (*File, error) {
	f := &File{Name: name}
	if len(src) > maxSize {
		return f, pos.List{pos.Errorf(pos.Pos{File: name}, "the file has %d bytes; at most %d are accepted", len(src), maxSize)}
	}
	var errs pos.List
	tokens, comments := scan(name, string(src), &errs)
	f.Comments = comments
	for _, decl := range cut(tokens, &errs) {
		p := parser{errs: &errs}
		if d := p.decl(decl); d != nil {
			f.Decls = append(f.Decls, d)
		}
	}
	return f, limit(onePerLine(errs))
}

// onePerLine keeps the error of each line that was found first: the others mostly follow from it.
func onePerLine(errs pos.List) pos.List {
	slices.SortStableFunc(errs, func(a, b *pos.Diagnostic) int { return a.Pos.Line - b.Pos.Line })
	return slices.CompactFunc(errs, func(a, b *pos.Diagnostic) bool { return a.Pos.Line == b.Pos.Line })
}

func limit(errs pos.List) error {
	if more := len(errs) - maxErrors; more > 0 {
		last := errs[maxErrors-1]
		errs = errs[:maxErrors]
		errs.Add(pos.Errorf(last.Pos, "%d more errors follow", more))
	}
	return errs.Err()
}

// parser parses one declaration. After an error it takes the offending statement out and goes on with what is left.
type parser struct {
	tokens []lexer.Token // ends with EOF
	errs   *pos.List
}

func (p *parser) decl(decl []token) Decl {
	var ok bool
	if p.tokens, ok = lay(decl, p.errs); !ok {
		return nil
	}
	for range maxRepair {
		lex, err := peeking(p.tokens)
		if err != nil {
			p.errs.Add(node(p.tokens[0]).Errorf("%v", err))
			return nil
		}
		tree, err := grammar.ParseFromLexer(lex)
		if err == nil {
			return tree.decl()
		}
		if at := p.report(err); !p.cutStatement(at) {
			return nil
		}
	}
	return nil
}

// report adds the diagnostic for an error of the grammar and gives the index of the token it is about.
func (p *parser) report(err error) int {
	i, msg := p.explain(err)
	if i < len(p.tokens)-1 && i > 0 && (p.tokens[i-1].Type == tSep || p.tokens[i-1].Value == "{") {
		i, msg = p.explainLine(i, msg)
	}
	p.errs.Add(p.standing(i).Errorf("%s", msg))
	return i
}

// standing is where to point for token i: the end of the line before a brace on a line of its own.
func (p *parser) standing(i int) Node {
	if !p.closesLine(i) {
		return node(p.tokens[i])
	}
	n := node(p.tokens[i-1])
	n.Pos.Col, n.Offset, n.Len = n.Pos.Col+n.Len, n.Offset+n.Len, 0
	return n
}

func (p *parser) closesLine(i int) bool {
	return i > 0 && p.tokens[i].Value == "}" && p.tokens[i].Pos.Line > p.tokens[i-1].Pos.Line
}

// explainLine explains an error at the beginning of a line of a body by parsing the line on its own.
func (p *parser) explainLine(i int, msg string) (int, string) {
	lex, err := peeking(p.tokens[i:])
	if err != nil {
		return i, msg
	}
	expected := "a statement: an assignment, let, for, if, return, input or output"
	if p.tokens[0].Value == "search" {
		expected = "a setting: data, method, minimize, maximize or subject to"
		_, err = setting.ParseFromLexer(lex, participle.AllowTrailing(true))
	} else {
		_, err = statement.ParseFromLexer(lex, participle.AllowTrailing(true))
	}
	if err == nil {
		return i, msg
	}
	at, msg := p.explain(err)
	if at == i {
		msg = "unexpected " + describe(p.tokens[i]) + "; expected " + expected
	}
	return at, msg
}

// explain gives the token an error is about and a message in the user's words.
func (p *parser) explain(err error) (int, string) {
	var at participle.Error
	if !errors.As(err, &at) {
		return len(p.tokens) - 1, err.Error()
	}
	i, _ := slices.BinarySearchFunc(p.tokens, at.Position().Offset, func(t lexer.Token, o int) int { return t.Pos.Offset - o })
	i = min(i, len(p.tokens)-1)
	var unexpected *participle.UnexpectedTokenError
	if !errors.As(err, &unexpected) {
		return i, at.Message()
	}
	return i, p.expectation(i, unexpected)
}

// expectation says what stands at token i and what the grammar would have accepted there.
func (p *parser) expectation(i int, err *participle.UnexpectedTokenError) string {
	found := "unexpected " + describe(p.tokens[i])
	if p.closesLine(i) {
		found = "unexpected end of the line"
	}
	_, raw, ok := strings.Cut(strings.TrimSuffix(err.Message(), ")"), "(expected ")
	if !ok {
		return found + `; expected a new line or ";" before it`
	}
	return found + "; expected " + inWords(raw)
}

// wordings give the user's words for what participle may say it expected.
var wordings = []struct{ prefix, words string }{
	{"ArmRule", "an expression"},
	{"BodyRule", `"{"`},
	{"FieldRule", "name = value"},
	{"TypeRule", "a type such as f32[3, 32, 32]"},
	{"LinkArgRule", "an expression"},
	{"ExprRule", "an expression"},
	{"Expr", "an expression"},
	{`"}"`, `a new line, ";" or "}"`},
}

func inWords(raw string) string {
	for _, w := range wordings {
		if strings.HasPrefix(raw, w.prefix) {
			return w.words
		}
	}
	first, _, _ := strings.Cut(raw, " ")
	if strings.HasPrefix(raw, `"`) {
		return strings.TrimRight(first, "?*+)")
	}
	return "a name" // what every other production begins with
}

// cutStatement removes the innermost statement around token i. It reports false where there is none to remove.
func (p *parser) cutStatement(i int) bool {
	from, to := statementAround(p.tokens, i)
	if from >= to {
		return false
	}
	if p.tokens[to].Type == tSep {
		to++
	} else if p.tokens[from-1].Type == tSep {
		from--
	}
	p.tokens = slices.Delete(slices.Clone(p.tokens), from, to)
	return true
}

// frame is an open bracket; body marks those whose content is a list of statements.
type frame struct {
	body  bool
	start int // of the current statement in a body
}

// statementAround gives the tokens [from, to) of the innermost statement that holds token i, both 0 for none. It knows
// a body's brace from any other by the word that begins the statement.
func statementAround(tokens []lexer.Token, i int) (from, to int) {
	opensBody := func(start int) bool {
		return slices.Contains([]string{"for", "if", "net", "block", "search"}, tokens[start].Value)
	}
	stack := []frame{{body: true, start: 0}}
	top := func() *frame { return &stack[len(stack)-1] }
	depth := 0 // of the frame whose statement holds i
	for k, t := range tokens {
		if k == i {
			for d := range stack {
				if stack[d].body {
					from, depth = stack[d].start, d
				}
			}
		}
		ended := k >= i && len(stack)-1 == depth && (t.Type == tSep || t.Value == "}" || t.EOF())
		if ended && depth > 0 {
			return from, k
		}
		switch {
		case t.Type == tString:
		case t.Type == tSep && top().body:
			top().start = k + 1
		case t.Value == "{":
			stack = append(stack, frame{top().body && opensBody(top().start), k + 1})
		case t.Value == "(" || t.Value == "[":
			stack = append(stack, frame{})
		case t.Value == ")" || t.Value == "]" || t.Value == "}":
			stack = stack[:max(len(stack)-1, 1)]
		}
	}
	return 0, 0
}
