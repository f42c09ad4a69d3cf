package syntax

import (
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"sotto/ir/pos"
)

// lexicon lists the tokens; the first rule that matches wins. Space, Comment and Newline never reach the grammar: a
// newline that ends a statement becomes a Sep. Bad and OpenStr are errors that the lexer reports itself.
var lexicon = lexer.MustSimple([]lexer.SimpleRule{
	{Name: "Space", Pattern: `[ \t\r]+`},
	{Name: "Newline", Pattern: `\n`},
	{Name: "Comment", Pattern: `#[^\n]*`},
	{Name: "Sep", Pattern: `;`},
	{Name: "Keyword", Pattern: `(` + strings.Join(keywords, "|") + `)\b`},
	{Name: "Ident", Pattern: `[A-Za-z_][A-Za-z0-9_]*`},
	{Name: "Number", Pattern: `[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`},
	{Name: "String", Pattern: `"[^"\n]*"`},
	{Name: "OpenStr", Pattern: `"[^"\n]*`},
	{Name: "Punct", Pattern: `\|>|\.\.|==|!=|<=|>=|[-+*/%=<>|,:()\[\]{}]`},
	{Name: "Bad", Pattern: `(?s:.)`},
})

// keywords may not be names. Words such as from, to, client, data or link have a meaning only in their place.
var keywords = []string{
	"and", "as", "block", "choice", "else", "false", "for", "if", "in", "input", "let", "net", "not", "or", "output",
	"return", "search", "shared", "target", "true",
}

// topLevel keywords begin a declaration wherever they begin a line: the parser finds its feet there after an error.
var topLevel = []string{"net", "block", "choice", "shared", "target", "search"}

var symbol = lexicon.Symbols()

var (
	tSpace, tNewline, tComment = symbol["Space"], symbol["Newline"], symbol["Comment"]
	tSep, tKeyword, tIdent     = symbol["Sep"], symbol["Keyword"], symbol["Ident"]
	tNumber, tString           = symbol["Number"], symbol["String"]
	tOpenStr, tBad             = symbol["OpenStr"], symbol["Bad"]
)

// token is a lexer token with what the splitter needs to know of the line it stands on.
type token struct {
	lexer.Token
	first bool // the first on its line
}

func (t token) is(words ...string) bool { return t.Type != tString && slices.Contains(words, t.Value) }

// node is the place of a token. Synthetic tokens have no length.
func node(t lexer.Token) Node {
	p := pos.Pos{File: t.Pos.Filename, Line: t.Pos.Line, Col: t.Pos.Column}
	return Node{p, t.Pos.Offset, len(t.Value), t.Pos.Line}
}

// scan cuts src into tokens with byte columns, sets comments aside and reports what is no token at all.
func scan(name string, src string, errs *pos.List) (tokens []token, comments []Comment) {
	lex, err := lexicon.LexString(name, src)
	if err != nil {
		errs.Add(pos.Errorf(pos.Pos{File: name}, "%v", err))
		return nil, nil
	}
	line, lineStart, first := 1, 0, true
	for {
		t, err := lex.Next()
		if err != nil || t.EOF() {
			return tokens, comments
		}
		t.Pos.Filename, t.Pos.Line, t.Pos.Column = name, line, t.Pos.Offset-lineStart+1
		switch t.Type {
		case tSpace:
			continue
		case tNewline:
			line, lineStart, first = line+1, t.Pos.Offset+1, true
			continue
		case tComment:
			n := node(t)
			comments = append(comments, Comment{n, strings.TrimRight(t.Value, " \t\r")})
			continue
		case tBad:
			errs.Add(node(t).Errorf("unexpected character %q", t.Value))
		case tOpenStr:
			errs.Add(node(t).Errorf("this string is not closed on its line; it ends with \""))
			t.Value = strings.TrimRight(t.Value, "\r") + `"`
		}
		tokens = append(tokens, token{t, first})
		first = false
	}
}

// cut splits the tokens at the keywords that begin declarations. What stands before the first is reported.
func cut(tokens []token, errs *pos.List) (decls [][]token) {
	start := 0
	flush := func(end int) {
		for start < end && tokens[start].Type == tSep {
			start++
		}
		if start == end {
			return
		}
		if t := tokens[start]; !t.is(topLevel...) {
			errs.Add(node(t.Token).Errorf("unexpected %s; expected a declaration: net, block, choice, shared choice, target or search",
				describe(t.Token)))
		} else {
			decls = append(decls, tokens[start:end])
		}
		start = end
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		}
		afterSep := i > 0 && tokens[i-1].Type == tSep && depth <= 0
		if t.is(topLevel...) && (t.first || afterSep) {
			flush(i)
			depth = 0
		}
	}
	flush(len(tokens))
	return decls
}

// describe names a token for an error message.
func describe(t lexer.Token) string {
	switch {
	case t.EOF():
		return "end of the declaration"
	case t.Type == tSep && t.Value != ";":
		return "end of the line"
	case t.Type == tKeyword:
		return "keyword " + t.Value
	case t.Type == tString, t.Type == tIdent, t.Type == tNumber:
		return t.Value
	}
	return `"` + t.Value + `"`
}

var closer = map[string]string{"(": ")", "[": "]", "{": "}"}

// layout turns line breaks that end statements into Seps and balances the brackets, reporting those that do not. The
// grammar behind it sees no stray bracket, no doubled separator and none next to a brace.
type layout struct {
	out    []lexer.Token
	open   []lexer.Token // brackets not closed yet
	broken bool          // something was left out of this line
	errs   *pos.List
}

// lay runs a declaration through a layout. It reports false where brackets nest too deeply to go on.
func lay(decl []token, errs *pos.List) ([]lexer.Token, bool) {
	l := &layout{errs: errs}
	for _, t := range decl {
		if t.first {
			l.newline(decl, t)
		}
		if !l.add(t.Token) {
			return nil, false
		}
	}
	for len(l.open) > 0 {
		l.closeLast()
	}
	l.dropSep()
	return append(l.out, lexer.EOFToken(l.end())), true
}

func (l *layout) innermost() string {
	if len(l.open) == 0 {
		return "{"
	}
	return l.open[len(l.open)-1].Value
}

func (l *layout) last() lexer.Token {
	if len(l.out) == 0 {
		return lexer.Token{Type: tSep}
	}
	return l.out[len(l.out)-1]
}

// newline handles the line break before t.
func (l *layout) newline(decl []token, t token) {
	begins := l.broken || beginsStatement(decl, t)
	l.broken = false
	if !begins && (!endsOperand(l.last()) || continues(t)) {
		return
	}
	if l.innermost() != "{" && begins && endsOperand(l.last()) {
		for l.innermost() != "{" {
			l.closeLast()
		}
	}
	if last := l.last(); l.innermost() == "{" && last.Type != tSep && last.Value != "{" && last.Value != "," {
		l.out = append(l.out, lexer.Token{Type: tSep, Value: "\n", Pos: l.end()})
	}
}

// end is the position after the last token.
func (l *layout) end() lexer.Position {
	last := l.last()
	last.Pos.Offset += len(last.Value)
	last.Pos.Column += len(last.Value)
	return last.Pos
}

// endsOperand reports whether an operand or statement may end with t.
func endsOperand(t lexer.Token) bool {
	switch t.Type {
	case tIdent, tNumber, tString:
		return true
	}
	return slices.Contains([]string{")", "]", "}", "true", "false"}, t.Value)
}

// continues reports whether a line that begins with t goes on with the statement before it.
func continues(t token) bool {
	return t.is("|>", "|", "..", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "=", ",", ":", ")", "]",
		"and", "or", "in", "as", "else", "{")
}

// beginsStatement reports whether t, first on its line, can only begin a statement, or be a field or named argument
// after a comma. After a complete operand inside brackets it means that one was left open.
func beginsStatement(decl []token, t token) bool {
	if t.is("let", "return", "input", "output") {
		return true
	}
	i, _ := slices.BinarySearchFunc(decl, t, func(a, b token) int { return a.Pos.Offset - b.Pos.Offset })
	return (t.Type == tIdent || t.Type == tKeyword) && i+1 < len(decl) && decl[i+1].is("=")
}

// add appends t, matching brackets. It reports false when they nest too deeply.
func (l *layout) add(t lexer.Token) bool {
	if t.Type == tSep {
		if last := l.last(); last.Type != tSep && last.Value != "{" {
			l.out = append(l.out, t)
		}
		return true
	}
	switch {
	case t.Type == tString:
	case t.Type == tBad:
		l.broken = true
		return true
	case t.Type == tOpenStr:
		t.Type = tString
		l.out = append(l.out, t)
		for l.innermost() != "{" {
			l.closeQuietly()
		}
		return true
	case closer[t.Value] != "":
		if len(l.open) >= maxDepth {
			l.errs.Add(node(t).Errorf("brackets nest more than %d deep here", maxDepth))
			return false
		}
		l.open = append(l.open, t)
	case t.Value == ")" || t.Value == "]" || t.Value == "}":
		return l.closeWith(t)
	}
	l.out = append(l.out, t)
	return true
}

// closeWith matches a closing bracket with the nearest opening one of its kind; those between were left open.
func (l *layout) closeWith(t lexer.Token) bool {
	match := func(o lexer.Token) bool { return closer[o.Value] == t.Value }
	from := 0
	if t.Value != "}" { // a ) or ] never closes over a brace: the brace is the stronger hint
		from = l.lastBrace()
	}
	inner := slices.ContainsFunc(l.open[from:], match)
	if !inner {
		l.errs.Add(node(t).Errorf("%q closes nothing", t.Value))
		l.broken = true
		return true
	}
	for !match(l.open[len(l.open)-1]) {
		l.closeLast()
	}
	l.dropSepBefore(t)
	l.open = l.open[:len(l.open)-1]
	l.out = append(l.out, t)
	return true
}

// lastBrace is the index of the innermost open brace, 0 without one.
func (l *layout) lastBrace() int {
	i := len(l.open) - 1
	for i > 0 && l.open[i].Value != "{" {
		i--
	}
	return max(i, 0)
}

// closeLast reports the innermost open bracket and closes it.
func (l *layout) closeLast() {
	o := l.open[len(l.open)-1]
	l.errs.Add(node(o).Errorf("%q is never closed", o.Value))
	l.closeQuietly()
}

func (l *layout) closeQuietly() {
	o := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	l.dropSep()
	l.out = append(l.out, lexer.Token{Type: symbol["Punct"], Value: closer[o.Value], Pos: l.end()})
}

func (l *layout) dropSepBefore(t lexer.Token) {
	if t.Value == "}" {
		l.dropSep()
	}
}

func (l *layout) dropSep() {
	if len(l.out) > 0 && l.last().Type == tSep {
		l.out = l.out[:len(l.out)-1]
	}
}

// tokenList is a lexer over tokens that are already there.
type tokenList struct{ rest []lexer.Token }

// Next gives the next token; the list ends with EOF.
func (l *tokenList) Next() (lexer.Token, error) {
	t := l.rest[0]
	if !t.EOF() {
		l.rest = l.rest[1:]
	}
	return t, nil
}

func peeking(tokens []lexer.Token) (*lexer.PeekingLexer, error) {
	return lexer.Upgrade(&tokenList{tokens})
}

// Keywords gives the words that cannot be names, for those who colour them.
func Keywords() []string { return slices.Clone(keywords) }

// Operators gives the words and signs that stand between two operands.
func Operators() []string { return append(slices.Sorted(maps.Keys(power)), "not in") }

// Units gives the words that may stand behind a number.
func Units() []string { return slices.Clone(units) }
