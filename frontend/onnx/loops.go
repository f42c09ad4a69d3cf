package onnx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sotto/frontend/syntax"
)

// slot is an integer in statements that may differ between repetitions.
type slot struct {
	at   *syntax.Expr
	role string // what it is called where it becomes a variable
	name bool   // it is part of a layer's name, or the end of a range: n + 1 is as good as 2 * c elsewhere
}

// slotsOf finds the integers of statements, in their order.
func slotsOf(stmts []syntax.Stmt) (list []slot) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.Assign:
			list = append(list, slotsIn(&s.Value, "n")...)
		case *syntax.Return:
			list = append(list, slotsIn(&s.Value, "n")...)
		case *syntax.For:
			if b, ok := s.In.(*syntax.Binary); ok {
				list = append(list, slot{&b.X, "first", true}, slot{&b.Y, "end", true})
			}
			list = append(list, slotsOf(s.Body.Stmts)...)
		}
	}
	return list
}

func slotsIn(at *syntax.Expr, role string) (list []slot) {
	switch x := (*at).(type) {
	case *syntax.Number:
		if _, ok := intOf(x); ok {
			return []slot{{at: at, role: role, name: role == labelRole}}
		}
	case *syntax.List:
		for i := range x.Elems {
			list = append(list, slotsIn(&x.Elems[i], role)...)
		}
	case *syntax.Unary:
		return slotsIn(&x.X, role)
	case *syntax.Binary:
		return append(slotsIn(&x.X, role), slotsIn(&x.Y, role)...)
	case *syntax.Pipe:
		return append(slotsIn(&x.X, role), slotsInCall(x.Stage)...)
	case *syntax.Call:
		return slotsInCall(x)
	}
	return list
}

// The roles of numbers in names, and of channels.
const (
	labelRole   = "i"
	channelRole = "c"
)

func slotsInCall(c *syntax.Call) (list []slot) {
	for i := range c.Args {
		role := channelRole // of a convolution or block
		switch {
		case c.Args[i].Name != nil:
			role = strings.TrimRight(c.Args[i].Name.Name, "0123456789")
		case strings.HasSuffix(c.Fn.Name, "pool"):
			role = "kernel"
		case c.Fn.Name == "pad":
			role = "pad"
		}
		list = append(list, slotsIn(&c.Args[i].Value, role)...)
	}
	if c.Label != nil {
		for i := range c.Label.Parts {
			if c.Label.Parts[i].X != nil {
				list = append(list, slotsIn(&c.Label.Parts[i].X, labelRole)...)
			}
		}
	}
	return list
}

// text is statements as they are formatted.
func text(stmts []syntax.Stmt) string {
	return syntax.Format(&syntax.File{Decls: []syntax.Decl{&syntax.Net{Body: syntax.Body{Stmts: stmts}}}})
}

// signature is the text of statements without their integers: those of one signature differ in them alone.
func signature(stmts []syntax.Stmt) string {
	slots := slotsOf(stmts)
	old := make([]syntax.Expr, len(slots))
	for i, s := range slots {
		old[i] = *s.at
		*s.at = name("_")
	}
	out := text(stmts)
	for i, s := range slots {
		*s.at = old[i]
	}
	return out
}

// variable stands in place of slots; values has what it is in each repetition.
type variable struct {
	name   string
	role   string
	values []int
}

// unify puts variables into the first of several lists of statements of one signature, where the lists differ. A slot that follows from a
// variable is written so: 4 * c, n + 1.
func unify(bodies [][]syntax.Stmt) (vars []*variable) {
	slots := make([][]slot, len(bodies))
	for i, b := range bodies {
		slots[i] = slotsOf(b)
	}
	taken := map[string]bool{}
	for _, w := range word.FindAllString(argument.ReplaceAllString(text(bodies[0]), ""), -1) {
		taken[w] = true
	}
	for k, s := range slots[0] {
		values := make([]int, len(bodies))
		for i := range bodies {
			values[i], _ = intOf(*slots[i][k].at)
		}
		if slices.Min(values) == slices.Max(values) {
			continue
		}
		x := express(vars, values, s)
		if x == nil {
			v := &variable{unused(s.role, taken), s.role, values}
			vars = append(vars, v)
			x = name(v.name)
		}
		*s.at = x
	}
	return vars
}

// express writes values by a variable of the same kind, nil if none will do.
func express(vars []*variable, values []int, s slot) syntax.Expr {
	for _, v := range vars {
		if slices.Equal(v.values, values) && (v.role == s.role || s.role == "groups") {
			return name(v.name)
		}
	}
	for _, v := range vars {
		if numbering(v.role) != s.name {
			continue
		}
		if factor := values[0] / max(v.values[0], 1); !s.name && factor > 1 && follows(v.values, values, func(n int) int { return factor * n }) {
			return &syntax.Binary{Op: "*", X: integer(factor), Y: name(v.name)}
		}
		if more := values[0] - v.values[0]; s.name && more > 0 && follows(v.values, values, func(n int) int { return n + more }) {
			return &syntax.Binary{Op: "+", X: name(v.name), Y: integer(more)}
		}
		if s.name && slices.Equal(v.values, values) {
			return name(v.name)
		}
	}
	return nil
}

// numbering reports whether a role is a number in a name or a range.
func numbering(role string) bool { return role == labelRole || role == "first" || role == "end" }

func follows(from, to []int, how func(int) int) bool {
	for i := range from {
		if how(from[i]) != to[i] {
			return false
		}
	}
	return true
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// argument is the name of one, which is no value's.
var argument = regexp.MustCompile(`[a-z]+ = `)

// unused gives a name that is not taken, and takes it.
func unused(role string, taken map[string]bool) string {
	candidates := []string{role}
	switch role {
	case labelRole:
		candidates = []string{"i", "n", "m", "k"}
	case channelRole:
		candidates = []string{"c", "d", "e", "f"}
	}
	for n := 2; ; n++ {
		for _, c := range candidates {
			if !taken[c] {
				taken[c] = true
				return c
			}
		}
		candidates = []string{fmt.Sprintf("%s%d", role, n)}
	}
}

// The longest list of statements in which repetitions are looked for, and the most statements that one has.
const (
	mostStatements = 1024
	mostRepeated   = 8
)

// roll writes repetitions of statements that differ in numbers as loops, those that save most lines first.
func roll(stmts []syntax.Stmt) []syntax.Stmt {
	if len(stmts) > mostStatements {
		return stmts
	}
	keys := make([]string, len(stmts))
	for i, s := range stmts {
		keys[i] = signature([]syntax.Stmt{s})
	}
	for {
		at, each, times := repetition(keys, stmts)
		if times == 0 {
			return stmts
		}
		groups := make([][]syntax.Stmt, times)
		for i := range groups {
			groups[i] = stmts[at+i*each : at+(i+1)*each]
		}
		loop := loopOf(groups)
		stmts = slices.Replace(slices.Clone(stmts), at, at+each*times, syntax.Stmt(loop))
		keys = slices.Replace(keys, at, at+each*times, signature([]syntax.Stmt{loop}))
	}
}

// repetition finds the repeated statements that a loop saves most lines of, single ones first; times is 0 where none saves any.
func repetition(keys []string, stmts []syntax.Stmt) (at, each, times int) {
	best := -1
	for n := 1; n <= mostRepeated; n++ {
		for i := 0; i+2*n <= len(keys); i++ {
			r := 1
			for i+(r+1)*n <= len(keys) && slices.Equal(keys[i:i+n], keys[i+r*n:i+(r+1)*n]) {
				r++
			}
			if r < 2 || !rollable(stmts[i:i+n]) {
				continue
			}
			const header = 1 // line
			saved := (r-1)*n - header
			if saved == 0 && !isUse(stmts[i]) {
				continue // two layers read better one below the other
			}
			if saved > best {
				best, at, each, times = saved, i, n, r
			}
		}
		if times > 0 && n == 1 {
			break
		}
	}
	return at, each, times
}

// isUse reports whether a statement is the use of a block.
func isUse(s syntax.Stmt) bool {
	a, ok := s.(*syntax.Assign)
	if !ok {
		return false
	}
	c, ok := a.Value.(*syntax.Call)
	return ok && !slices.Contains(functions, c.Fn.Name)
}

// rank puts the numbers of names before others.
func rank(v *variable) int {
	if numbering(v.role) {
		return 0
	}
	return 1
}

// rollable reports whether statements may stand in a loop: not the loops over lists, whose elements would be variables.
func rollable(stmts []syntax.Stmt) bool {
	return !slices.ContainsFunc(stmts, func(s syntax.Stmt) bool {
		loop, ok := s.(*syntax.For)
		if !ok {
			return false
		}
		_, isRange := loop.In.(*syntax.Binary)
		return !isRange
	})
}

// loopOf writes groups of statements of one signature as a loop.
func loopOf(groups [][]syntax.Stmt) *syntax.For {
	vars := unify(groups)
	slices.SortStableFunc(vars, func(v, w *variable) int { return rank(v) - rank(w) })
	loop := &syntax.For{Body: syntax.Body{Stmts: groups[0]}}
	if len(groups[0]) == 1 { // on one line, where it fits
		loop.Pos.Line, loop.Last, loop.Body.Pos.Line, loop.Body.Last = 1, 1, 1, 1
	}
	for _, v := range vars {
		loop.Vars = append(loop.Vars, ident(v.name))
	}
	n := len(groups)
	if len(vars) == 0 { // the same, n times
		loop.Vars = []syntax.Ident{ident("i")} // which no label has
		loop.In = &syntax.Binary{Op: "..", X: integer(0), Y: integer(n)}
		return loop
	}
	first := vars[0].values
	if len(vars) == 1 && follows(first[:n-1], first[1:], func(k int) int { return k + 1 }) {
		loop.In = &syntax.Binary{Op: "..", X: integer(first[0]), Y: integer(first[n-1] + 1)}
		return loop
	}
	list := &syntax.List{}
	for i := range n {
		row := &syntax.List{}
		for _, v := range vars {
			row.Elems = append(row.Elems, integer(v.values[i]))
		}
		if len(vars) == 1 {
			list.Elems = append(list.Elems, row.Elems[0])
		} else {
			list.Elems = append(list.Elems, row)
		}
	}
	loop.In = list
	return loop
}

// shorten leaves out that stride is stride: behind another named argument, and where a block is given its parameters in their order.
func shorten(c *syntax.Call) {
	inOrder := !slices.Contains(functions, c.Fn.Name)
	for i := range c.Args {
		a := &c.Args[i]
		value, same := a.Value.(*syntax.Name)
		switch same = same && a.Name != nil && value.Name == a.Name.Name; {
		case same && inOrder:
			a.Name = nil
		case same && i > 0 && c.Args[i-1].Name != nil:
			a.Shorthand = true
		}
		inOrder = inOrder && a.Name == nil
	}
}

func nameOf(a syntax.Arg) string {
	if a.Name == nil {
		return ""
	}
	return a.Name.Name
}

// tidy joins the numbers in names that stayed numbers with the text around them, and leaves out the arguments of convolutions that are the default.
func tidy(stmts []syntax.Stmt) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.Assign:
			tidyExpr(s.Value)
		case *syntax.Return:
			tidyExpr(s.Value)
		case *syntax.Output:
			tidyExpr(s.Value)
		case *syntax.For:
			tidy(s.Body.Stmts)
		}
	}
}

func tidyExpr(x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.Pipe:
		tidyExpr(x.X)
		tidyExpr(x.Stage)
	case *syntax.Call:
		x.Args = slices.DeleteFunc(x.Args, func(a syntax.Arg) bool {
			n, ok := intOf(a.Value)
			usual, has := map[string]int{"stride": 1, "pad": 0}[nameOf(a)]
			return x.Fn.Name == "conv" && ok && has && n == usual
		})
		shorten(x)
		for _, a := range x.Args {
			tidyExpr(a.Value)
		}
		if x.Label == nil {
			return
		}
		var parts []syntax.StrPart
		for _, p := range x.Label.Parts {
			if n, ok := intOf(p.X); ok {
				p = syntax.StrPart{Text: fmt.Sprint(n)}
			}
			if k := len(parts) - 1; k >= 0 && p.X == nil && parts[k].X == nil {
				parts[k].Text += p.Text
			} else {
				parts = append(parts, p)
			}
		}
		x.Label.Parts = parts
	}
}
