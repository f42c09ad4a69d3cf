package syntax

import (
	"regexp"
	"slices"
	"strings"
)

// width is the column after which Format breaks a line where it can.
const width = 110

// Format prints a file in the one accepted layout. It keeps comments, single blank lines between statements, and bodies
// that stand on one line. Formatting the result again changes nothing, and the result parses to the same tree.
func Format(f *File) string {
	p := &printer{comments: f.Comments, fresh: true}
	for i, d := range f.Decls {
		if i > 0 && (isLarge(d) || isLarge(f.Decls[i-1])) {
			p.blank = true
		}
		p.decl(d)
	}
	p.flush(1<<62, 1<<62)
	return p.out.String()
}

// FormatExpr prints an expression on one line.
func FormatExpr(x Expr) string { return flat(x, pipePower) }

// isLarge reports whether a declaration stands apart from its neighbours.
func isLarge(d Decl) bool {
	switch d.(type) {
	case *Choice, *Target:
		return false
	}
	return true
}

type printer struct {
	out      strings.Builder
	comments []Comment // not printed yet
	indent   int
	last     int  // source line of what was printed last
	fresh    bool // nothing printed yet in this body
	blank    bool // a blank line is due
}

func (p *printer) write(text string) {
	p.out.WriteString(strings.Repeat("  ", p.indent))
	p.out.WriteString(text)
	p.out.WriteByte('\n')
	p.fresh, p.blank = false, false
}

// gap prints a blank line if the source has one before the given line, or one is due.
func (p *printer) gap(line int) {
	if !p.fresh && (p.blank || line > p.last+1) {
		p.out.WriteByte('\n')
	}
	p.blank = false
}

// flush prints the comments above source line end on lines of their own. They count as standing no later than at.
func (p *printer) flush(at, end int) {
	for len(p.comments) > 0 && p.comments[0].Pos.Line < end {
		c := p.comments[0]
		p.comments = p.comments[1:]
		p.gap(min(c.Pos.Line, at))
		p.write(c.Text)
		p.last = c.Pos.Line
	}
}

// trail takes the comment that ends source line n, ready to be appended.
func (p *printer) trail(n int) string {
	if len(p.comments) == 0 || p.comments[0].Pos.Line != n {
		return ""
	}
	c := p.comments[0]
	p.comments = p.comments[1:]
	return "  " + c.Text
}

// line prints text for source lines first to last, with the comments above, inside and after it.
func (p *printer) line(first, last int, text string) {
	p.flush(first, last)
	p.gap(first)
	p.write(text + p.trail(last))
	p.last = last
}

// simple prints a statement without a body.
func (p *printer) simple(n Node, text string) { p.line(n.Pos.Line, n.Last, text) }

func (p *printer) decl(d Decl) {
	switch d := d.(type) {
	case *Net:
		p.braced(d.Node, "net "+d.Name.Name+" ", d.Body)
	case *Block:
		p.braced(d.Node, "block "+d.Name.Name+params(d.Params)+" ", d.Body)
	case *Choice:
		p.simple(d.Node, p.choice(d))
	case *Target:
		p.simple(d.Node, target(d))
	case *Search:
		p.search(d)
	}
}

func (p *printer) choice(d *Choice) string {
	head := "choice " + d.Name.Name + params(d.Params)
	if d.Shared {
		head = "shared " + head
	}
	options := flatAll(d.Options)
	if text := head + " = " + strings.Join(options, " | "); p.fits(text) {
		return text
	}
	return head + "\n  = " + strings.Join(options, "\n  | ")
}

func target(d *Target) string {
	s := "target " + d.Name.Name + " = " + FormatExpr(d.Device)
	if d.Count != nil {
		s += " x " + FormatExpr(d.Count)
	}
	if d.Link == nil {
		return s
	}
	args := make([]string, len(d.Link.Args))
	for i, a := range d.Link.Args {
		args[i] = strings.TrimRight(FormatExpr(a.Value)+" "+a.Direction, " ")
	}
	return s + " link(" + strings.Join(args, ", ") + ")"
}

func (p *printer) search(d *Search) {
	p.line(d.Pos.Line, d.Net.Last, "search "+d.Name.Name+" in "+d.Net.Name+" {")
	p.indent++
	p.fresh = true
	for _, s := range d.Settings {
		p.simple(s.At(), p.setting(s))
	}
	p.flush(d.Last, d.Last)
	p.indent--
	p.write("}" + p.trail(d.Last))
	p.last = d.Last
}

func (p *printer) setting(s Setting) string {
	switch s := s.(type) {
	case *Data:
		return p.wrap("data ", s.Value, "")
	case *Method:
		return "method " + s.Name.Name + p.record(s.Name.Name, s.Fields)
	case *Objective:
		return p.wrap(string(s.Sense)+" ", s.Value, "")
	case *Constraints:
		return p.fill("subject to ", flatAll(s.Exprs), "")
	}
	return ""
}

func params(list []Param) string {
	out := make([]string, len(list))
	for i, q := range list {
		out[i] = q.Name.Name
		if q.Default != nil {
			out[i] += " = " + FormatExpr(q.Default)
		}
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// record prints ` { name = value, ... }`, or nothing for no fields.
func (p *printer) record(before string, fields []Field) string {
	if len(fields) == 0 {
		return ""
	}
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name.Name + " = " + FormatExpr(f.Value)
	}
	return strings.TrimPrefix(p.fill(before+" { ", list, " }"), before)
}

// braced prints a header and its body, on one line if the source has it so and it fits.
func (p *printer) braced(n Node, head string, b Body) {
	if text, ok := inline(b); ok && n.Pos.Line == n.Last && p.fits(head+text) {
		p.simple(n, head+text)
		return
	}
	p.open(n, head, b)
	p.flush(b.Last, b.Last)
	p.close(b)
}

// open prints `head {` and the statements of the body.
func (p *printer) open(n Node, head string, b Body) {
	p.line(n.Pos.Line, b.Pos.Line, head+"{")
	p.stmts(b)
}

func (p *printer) stmts(b Body) {
	p.indent++
	p.fresh = true
	for _, s := range b.Stmts {
		p.stmt(s)
	}
	p.indent--
}

func (p *printer) close(b Body) {
	p.write("}" + p.trail(b.Last))
	p.last = b.Last
}

func (p *printer) stmt(s Stmt) {
	switch s := s.(type) {
	case *For:
		p.braced(s.Node, forHead(s), s.Body)
	case *If:
		p.ifStmt(s)
	default:
		p.simple(s.At(), p.plain(s))
	}
}

func forHead(s *For) string { return "for " + names(s.Vars) + " in " + FormatExpr(s.In) + " " }

func names(list []Ident) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Name
	}
	return strings.Join(out, ", ")
}

func (p *printer) ifStmt(s *If) {
	if text, ok := inlineIf(s); ok && s.Pos.Line == s.Last && p.fits(text) {
		p.simple(s.Node, text)
		return
	}
	bodies := make([]Body, 0, len(s.Arms)+1)
	heads := make([]string, 0, len(s.Arms)+1)
	for _, a := range s.Arms {
		bodies = append(bodies, a.Body)
		heads = append(heads, "if "+FormatExpr(a.Cond)+" ")
	}
	if s.Else != nil {
		bodies = append(bodies, *s.Else)
		heads = append(heads, "")
	}
	p.open(s.Node, heads[0], bodies[0])
	for i := 1; i < len(bodies); i++ {
		line := bodies[i].Pos.Line
		p.inner(bodies[i-1].Last, line)
		p.write("} else " + heads[i] + "{" + p.trail(line))
		p.last = line
		p.stmts(bodies[i])
	}
	end := bodies[len(bodies)-1]
	p.inner(end.Last, end.Last)
	p.close(end)
}

// inner flushes comments as the last lines of a body.
func (p *printer) inner(at, end int) {
	p.indent++
	p.flush(at, end)
	p.indent--
}

// inline gives a body that stands on one source line as one line.
func inline(b Body) (string, bool) {
	if b.Pos.Line == 0 || b.Pos.Line != b.Last {
		return "", false
	}
	if len(b.Stmts) == 0 {
		return "{}", true
	}
	list := make([]string, len(b.Stmts))
	for i, s := range b.Stmts {
		var ok bool
		if list[i], ok = inlineStmt(s); !ok {
			return "", false
		}
	}
	return "{ " + strings.Join(list, "; ") + " }", true
}

func inlineStmt(s Stmt) (string, bool) {
	switch s := s.(type) {
	case *For:
		body, ok := inline(s.Body)
		return forHead(s) + body, ok
	case *If:
		return inlineIf(s)
	}
	return (&printer{indent: -1 << 20}).plain(s), true
}

func inlineIf(s *If) (string, bool) {
	var parts []string
	for _, a := range s.Arms {
		body, ok := inline(a.Body)
		if !ok {
			return "", false
		}
		parts = append(parts, "if "+FormatExpr(a.Cond)+" "+body)
	}
	if s.Else != nil {
		body, ok := inline(*s.Else)
		if !ok {
			return "", false
		}
		parts = append(parts, body)
	}
	return strings.Join(parts, " else "), true
}

// plain prints a statement that holds no others.
func (p *printer) plain(s Stmt) string {
	switch s := s.(type) {
	case *Assign:
		return p.wrap(s.Name.Name+" = ", s.Value, "")
	case *Let:
		return p.wrap("let "+s.Name.Name+" = ", s.Value, "")
	case *Vary:
		dims := ""
		for _, d := range s.Dims {
			dims += "[" + FormatExpr(d) + "]"
		}
		return p.fill("let "+s.Name.Name+dims+" in {", flatAll(s.Values), "}")
	case *Return:
		return p.wrap("return ", s.Value, "")
	case *Input:
		head := "input " + s.Name.Name + ": " + s.Type.Elem.Name + "[" + strings.Join(flatAll(s.Type.Dims), ", ") + "] from " + s.From.Name
		return head + p.record(head, s.Fields)
	case *Output:
		return p.wrap("output "+s.Name.Name+" = ", s.Value, " to "+s.To.Name)
	}
	return ""
}

// fits reports whether text can stand on one line here.
func (p *printer) fits(text string) bool { return 2*p.indent+len(text) <= width }

// wrap prints an expression between two texts; where it is too long it breaks a pipe before each stage, a list or the
// arguments of a call between the elements, and an if inside its braces.
func (p *printer) wrap(before string, x Expr, after string) string {
	if text := before + FormatExpr(x) + after; p.fits(text) {
		return text
	}
	switch x := x.(type) {
	case *Pipe:
		head, stages := chain(x)
		return before + flat(head, orPower) + p.newline() + strings.Join(stages, p.newline()) + after
	case *List:
		return p.fill(before+"[", flatAll(x.Elems), "]"+after)
	case *Call:
		return p.fill(before+x.Fn.Name+"(", args(x), ")"+label(x)+after)
	case *IfExpr:
		return before + p.tall(x) + after
	}
	return before + FormatExpr(x) + after
}

// tall prints an if with each value on a line of its own.
func (p *printer) tall(x *IfExpr) string {
	outer := "\n" + strings.Repeat("  ", max(p.indent, 0))
	inner := outer + "  "
	s := ""
	for _, a := range x.Arms {
		s += "if " + FormatExpr(a.Cond) + " {" + inner + FormatExpr(a.Value) + outer + "} else "
	}
	return s + "{" + inner + FormatExpr(x.Else) + outer + "}"
}

// chain takes a pipe apart into its first operand and its stages.
func chain(x *Pipe) (head Expr, stages []string) {
	for {
		stages = append(stages, "|> "+stage(x.Stage))
		next, ok := x.X.(*Pipe)
		if !ok {
			slices.Reverse(stages)
			return x.X, stages
		}
		x = next
	}
}

// newline goes to a continuation line of the current statement.
func (p *printer) newline() string { return "\n" + strings.Repeat("  ", max(p.indent, 0)+2) }

// fill prints a comma-separated list, with as many elements on a line as fit.
func (p *printer) fill(before string, list []string, after string) string {
	if text := before + strings.Join(list, ", ") + after; p.fits(text) || len(list) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(before)
	column := 2*p.indent + len(before)
	for i, e := range list {
		if i < len(list)-1 {
			e += ","
		}
		room := width
		if i == len(list)-1 {
			room -= len(after)
		}
		if i > 0 && column+1+len(e) > room {
			b.WriteString(p.newline())
			column = 2 * (p.indent + 2)
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(e)
		column += len(e)
	}
	return b.String() + after
}

func flatAll(list []Expr) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = FormatExpr(x)
	}
	return out
}

// flat prints an expression on one line, in parentheses if it binds more loosely than least.
func flat(x Expr, least int) string {
	text, level := operand(x)
	if level < least {
		return "(" + text + ")"
	}
	return text
}

// operand prints an expression without parentheses around it and says how tightly it binds.
func operand(x Expr) (text string, level int) {
	switch x := x.(type) {
	case *Pipe:
		return flat(x.X, pipePower) + " |> " + stage(x.Stage), pipePower
	case *Unary:
		if x.Op == "not" {
			return "not " + flat(x.X, notPower), notPower
		}
		return string(x.Op) + flat(x.X, minusPower), minusPower
	case *Binary:
		return binary(x)
	}
	return primary(x), postfixPower
}

func binary(x *Binary) (text string, level int) {
	level = comparePower
	if l, ok := power[string(x.Op)]; ok {
		level = l
	}
	left, sign := level, " "+string(x.Op)+" "
	switch level {
	case comparePower:
		left++
	case rangePower:
		sign = string(x.Op)
	}
	return flat(x.X, left) + sign + flat(x.Y, level+1), level
}

func primary(x Expr) string {
	switch x := x.(type) {
	case *Name:
		return x.Name
	case *Number:
		return number(x)
	case *Bool:
		if x.Value {
			return "true"
		}
		return "false"
	case *Str:
		return quote(x)
	case *List:
		return "[" + strings.Join(flatAll(x.Elems), ", ") + "]"
	case *Comp:
		s := "[" + FormatExpr(x.Elem) + " for " + names(x.Vars) + " in " + FormatExpr(x.In)
		if x.Cond != nil {
			s += " if " + FormatExpr(x.Cond)
		}
		return s + "]"
	case *IfExpr:
		s := ""
		for _, a := range x.Arms {
			s += "if " + FormatExpr(a.Cond) + " { " + FormatExpr(a.Value) + " } else "
		}
		return s + "{ " + FormatExpr(x.Else) + " }"
	case *Call:
		return x.Fn.Name + "(" + strings.Join(args(x), ", ") + ")" + label(x)
	case *Index:
		return flat(x.X, postfixPower) + "[" + FormatExpr(x.I) + "]"
	}
	return ""
}

func number(x *Number) string {
	switch x.Unit {
	case "", "K", "M", "G":
		return x.Text + x.Unit
	}
	return x.Text + " " + x.Unit
}

// stage prints a call on the right of |>, bare if it has no arguments.
func stage(c *Call) string {
	if len(c.Args) == 0 {
		return c.Fn.Name + label(c)
	}
	return primary(c)
}

func args(c *Call) []string {
	out := make([]string, len(c.Args))
	for i, a := range c.Args {
		switch {
		case a.Name == nil:
			out[i] = FormatExpr(a.Value)
		case a.Shorthand:
			out[i] = a.Name.Name
		default:
			out[i] = a.Name.Name + " = " + FormatExpr(a.Value)
		}
	}
	return out
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func label(c *Call) string {
	if c.Label == nil {
		return ""
	}
	if p := c.Label.Parts; len(p) == 1 && p[0].X == nil && plainName.MatchString(p[0].Text) && !slices.Contains(keywords, p[0].Text) {
		return " as " + p[0].Text
	}
	return " as " + quote(c.Label)
}

var braces = strings.NewReplacer("{", "{{", "}", "}}")

func quote(s *Str) string {
	var b strings.Builder
	for _, p := range s.Parts {
		if p.X != nil {
			b.WriteString("{" + FormatExpr(p.X) + "}")
		} else {
			b.WriteString(braces.Replace(p.Text))
		}
	}
	return `"` + b.String() + `"`
}
