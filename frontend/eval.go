package frontend

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir"
)

// expr evaluates an expression.
func (e *elaborator) expr(f *frame, x syntax.Expr) value {
	if !e.spend(1, x) {
		return bad{}
	}
	switch x := x.(type) {
	case *syntax.Name:
		return e.lookup(f, x)
	case *syntax.Number:
		return e.number(x)
	case *syntax.Bool:
		return x.Value
	case *syntax.Str:
		return e.str(f, x)
	case *syntax.List:
		return e.elems(f, x)
	case *syntax.Comp:
		return e.comp(f, x)
	case *syntax.IfExpr:
		return e.ifExpr(f, x)
	case *syntax.Call:
		return e.call(f, x, nil)
	case *syntax.Pipe:
		first := e.expr(f, x.X)
		return e.call(f, x.Stage, &argument{first, x.X.At()})
	case *syntax.Index:
		return e.index(f, x)
	case *syntax.Unary:
		return e.unary(f, x)
	case *syntax.Binary:
		return e.binary(f, x)
	}
	return bad{}
}

func (e *elaborator) lookup(f *frame, x *syntax.Name) value {
	if v, ok := f.vars[x.Name]; ok {
		return v
	}
	names := slices.Collect(maps.Keys(f.vars))
	return e.fail(x, "%s has no value here%s", x.Name, didYouMean(x.Name, names))
}

// scales are the units that mean something in a net: powers of ten.
var scales = map[string]float64{"": 1, "K": 1e3, "M": 1e6, "G": 1e9}

func (e *elaborator) number(x *syntax.Number) value {
	scale, ok := scales[x.Unit]
	if !ok {
		return e.fail(x, "the unit %s has no meaning in a net; accepted are K, M and G", x.Unit)
	}
	v, err := strconv.ParseFloat(x.Text, 64)
	v *= scale
	if err != nil || math.IsInf(v, 0) {
		return e.fail(x, "%s is out of range", x.Text)
	}
	if strings.ContainsAny(x.Text, ".eE") && (x.Unit == "" || v != math.Trunc(v)) {
		return v
	}
	if !inRange(v) {
		return e.fail(x, "%s is beyond 2^53", x.Text)
	}
	return int(v)
}

// str puts a string together; only integers, strings and booleans are interpolated.
func (e *elaborator) str(f *frame, x *syntax.Str) value {
	var b strings.Builder
	for _, p := range x.Parts {
		if p.X == nil {
			b.WriteString(p.Text)
			continue
		}
		switch v := e.expr(f, p.X).(type) {
		case int, bool, string:
			fmt.Fprint(&b, v)
		case bad:
			return v
		default:
			return e.fail(x, "%s cannot stand in a string; accepted are integers, strings and booleans", kindOf(v))
		}
		if b.Len() > maxText {
			return e.fail(x, "the string is longer than %d bytes", maxText)
		}
	}
	return b.String()
}

// keep makes a list of elements, within the limits.
func (e *elaborator) keep(at syntax.Placed, elems []value) value {
	l := newList(elems)
	if l.size > maxList {
		return e.halt(at, "a list has %d elements; at most %d are accepted", l.size, maxList)
	}
	if !e.spend(len(elems), at) {
		return bad{}
	}
	return l
}

func (e *elaborator) elems(f *frame, x *syntax.List) value {
	elems := make([]value, len(x.Elems))
	for i, el := range x.Elems {
		if elems[i] = e.expr(f, el); isBad(elems[i]) {
			return bad{}
		}
	}
	return e.keep(x, elems)
}

func (e *elaborator) comp(f *frame, x *syntax.Comp) value {
	in, ok := e.listOf(f, x.In, "for goes over a list or a range")
	if !ok {
		return bad{}
	}
	inner := &frame{maps.Clone(f.vars), f.scope, f.kind}
	elems := []value{}
	for _, elem := range in.elems {
		if !e.bind(inner.vars, x.Vars, elem, x.In) {
			return bad{}
		}
		if x.Cond != nil {
			yes, ok := e.condition(inner, x.Cond)
			if !ok {
				return bad{}
			}
			if !yes {
				continue
			}
		}
		v := e.expr(inner, x.Elem)
		if isBad(v) {
			return bad{}
		}
		elems = append(elems, v)
	}
	return e.keep(x, elems)
}

func (e *elaborator) ifExpr(f *frame, x *syntax.IfExpr) value {
	for _, a := range x.Arms {
		yes, ok := e.condition(f, a.Cond)
		if !ok {
			return bad{}
		}
		if yes {
			return e.expr(f, a.Value)
		}
	}
	return e.expr(f, x.Else)
}

func (e *elaborator) condition(f *frame, x syntax.Expr) (yes, ok bool) {
	v := e.expr(f, x)
	if yes, ok = v.(bool); !ok && !isBad(v) {
		e.fail(x, "the condition is %s; accepted is true or false", show(v))
	}
	return yes, ok
}

// listOf evaluates an expression that must be a list; want begins the error.
func (e *elaborator) listOf(f *frame, x syntax.Expr, want string) (*list, bool) {
	v := e.expr(f, x)
	l, ok := v.(*list)
	if !ok && !isBad(v) {
		e.fail(x, "%s, not over %s", want, show(v))
	}
	return l, ok
}

// integer evaluates an expression that must be an integer of at least least.
func (e *elaborator) integer(f *frame, x syntax.Expr, what string, least int) (int, bool) {
	v := e.expr(f, x)
	n, ok := v.(int)
	if ok && n >= least {
		return n, true
	}
	if !isBad(v) {
		e.fail(x, "%s is %s; accepted are integers from %d", what, show(v), least)
	}
	return 0, false
}

func (e *elaborator) index(f *frame, x *syntax.Index) value {
	base, at := e.expr(f, x.X), e.expr(f, x.I)
	if isBad(base) || isBad(at) {
		return bad{}
	}
	l, ok := base.(*list)
	if !ok {
		return e.fail(x.X, "only a list has elements; this is %s", kindOf(base))
	}
	i, ok := at.(int)
	n := len(l.elems)
	switch {
	case !ok:
		return e.fail(x.I, "the index is %s; accepted are integers", show(at))
	case n == 0:
		return e.fail(x.I, "the list is empty")
	case i < -n || i >= n:
		return e.fail(x.I, "the index is %d; accepted are %d to %d", i, -n, n-1)
	case i < 0:
		i += n
	}
	return l.elems[i]
}

func (e *elaborator) unary(f *frame, x *syntax.Unary) value {
	v := e.expr(f, x.X)
	if isBad(v) {
		return v
	}
	if yes, ok := v.(bool); ok && x.Op == "not" {
		return !yes
	}
	if x.Op == "-" {
		switch v := v.(type) {
		case int:
			return -v
		case float64:
			return -v
		case *tensor:
			return e.emit(f, x.Node, "negate", v)
		}
	}
	return e.fail(x, "%s does not apply to %s", x.Op, show(v))
}

func (e *elaborator) binary(f *frame, x *syntax.Binary) value {
	a := e.expr(f, x.X)
	if x.Op == "and" || x.Op == "or" {
		return e.logic(f, x, a)
	}
	b := e.expr(f, x.Y)
	if isBad(a) || isBad(b) {
		return bad{}
	}
	switch x.Op {
	case "==", "!=":
		same, ok := equal(a, b)
		if !ok {
			return e.clash(x, a, b, "compared")
		}
		return same == (x.Op == "==")
	case "<", "<=", ">", ">=":
		return e.order(x, a, b)
	case "in", "not in":
		return e.member(x, a, b)
	case "..":
		return e.span(x, a, b)
	}
	return e.arithmetic(f, x, a, b)
}

// logic evaluates and / or; the right side only where it matters.
func (e *elaborator) logic(f *frame, x *syntax.Binary, a value) value {
	left, ok := a.(bool)
	if !ok {
		if isBad(a) {
			return a
		}
		return e.fail(x.X, "%s takes true or false, not %s", x.Op, show(a))
	}
	if left == (x.Op == "or") {
		return left
	}
	right, ok := e.condition(f, x.Y)
	if !ok {
		return bad{}
	}
	return right
}

func (e *elaborator) clash(x *syntax.Binary, a, b value, how string) value {
	return e.fail(x, "%s and %s cannot be %s", show(a), show(b), how)
}

func (e *elaborator) order(x *syntax.Binary, a, b value) value {
	p, okA := asFloat(a)
	q, okB := asFloat(b)
	if !okA || !okB {
		return e.clash(x, a, b, "compared")
	}
	switch x.Op {
	case "<":
		return p < q
	case "<=":
		return p <= q
	case ">":
		return p > q
	}
	return p >= q
}

func (e *elaborator) member(x *syntax.Binary, a, b value) value {
	l, ok := b.(*list)
	if !ok {
		return e.fail(x.Y, "%s looks into a list, not into %s", x.Op, show(b))
	}
	if !e.spend(l.size, x) {
		return bad{}
	}
	found := slices.ContainsFunc(l.elems, func(v value) bool { same, ok := equal(a, v); return ok && same })
	return found == (x.Op == "in")
}

// span is the list a, a+1, ..., b-1.
func (e *elaborator) span(x *syntax.Binary, a, b value) value {
	from, okA := a.(int)
	to, okB := b.(int)
	if !okA || !okB {
		return e.fail(x, "a range goes from integer to integer, not from %s to %s", show(a), show(b))
	}
	if to-from > maxList {
		return e.halt(x, "the range has %d elements; at most %d are accepted", to-from, maxList)
	}
	elems := make([]value, max(to-from, 0))
	for i := range elems {
		elems[i] = from + i
	}
	return e.keep(x, elems)
}

// arithmetic evaluates + - * / %: integers stay integers (/ rounds down), lists join, tensors add.
func (e *elaborator) arithmetic(f *frame, x *syntax.Binary, a, b value) value {
	switch a := a.(type) {
	case *list:
		if b, ok := b.(*list); ok && x.Op == "+" {
			return e.keep(x, slices.Concat(a.elems, b.elems))
		}
	case *tensor:
		if b, ok := b.(*tensor); ok {
			return e.tensors(f, x, a, b)
		}
	case int:
		if b, ok := b.(int); ok {
			return e.integers(x, a, b)
		}
	}
	p, okA := asFloat(a)
	q, okB := asFloat(b)
	if !okA || !okB {
		return e.fail(x, "%s %s %s has no meaning; accepted are numbers, and + on lists and on tensors", kindOf(a), x.Op, kindOf(b))
	}
	return e.floats(x, p, q)
}

func (e *elaborator) tensors(f *frame, x *syntax.Binary, a, b *tensor) value {
	switch x.Op {
	case "+":
		return e.emit(f, x.Node, "add", a, b)
	case "-":
		minus, ok := e.emit(f, x.Node, "negate", b).(*tensor)
		if !ok {
			return bad{}
		}
		return e.emit(f, x.Node, "add", a, minus)
	}
	return e.fail(x, "tensors cannot be combined with %s; accepted are + and -", x.Op)
}

func (e *elaborator) integers(x *syntax.Binary, a, b int) value {
	if b == 0 && (x.Op == "/" || x.Op == "%") {
		return e.fail(x.Y, "division by zero")
	}
	var n int
	switch x.Op {
	case "+":
		n = a + b
	case "-":
		n = a - b
	case "*":
		if !inRange(float64(a) * float64(b)) {
			return e.fail(x, "%d * %d is beyond 2^53", a, b)
		}
		n = a * b
	case "/":
		n = floorDiv(a, b)
	case "%":
		n = floorMod(a, b)
	}
	if n > maxInteger || n < -maxInteger {
		return e.fail(x, "the result is beyond 2^53")
	}
	return n
}

func (e *elaborator) floats(x *syntax.Binary, a, b float64) value {
	var v float64
	switch x.Op {
	case "+":
		v = a + b
	case "-":
		v = a - b
	case "*":
		v = a * b
	case "/":
		v = a / b
	case "%":
		v = a - b*math.Floor(a/b)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return e.fail(x, "%s %s %s is not a finite number", show(a), x.Op, show(b))
	}
	return v
}

// emit builds an operator's layer, which has a name like a call's.
func (e *elaborator) emit(f *frame, at syntax.Node, op string, args ...*tensor) value {
	c := &layerCall{e: e, f: f, call: &syntax.Call{Node: at, Fn: syntax.Ident{Node: at, Name: op}}, op: "nn." + op, at: at}
	var ok bool
	if c.path, ok = e.path(f, c.call); !ok {
		return bad{}
	}
	values := make([]*ir.Value, len(args))
	for i, a := range args {
		if a.softmaxed {
			return c.afterSoftmax(a)
		}
		values[i] = a.v
	}
	c.operands = args
	return c.build(nil, values...)
}
