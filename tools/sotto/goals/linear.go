package goals

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
)

// linear is a constant plus figures times numbers, all of one kind.
type linear struct {
	kind     kind
	constant float64
	terms    map[Figure]float64
}

// units are numbers of milliseconds, bytes and ones.
var units = map[string]struct {
	kind  kind
	value float64
}{
	"K": {plain, 1e3}, "M": {plain, 1e6}, "G": {plain, 1e9}, "": {plain, 1},
	"ns": {times, 1e-6}, "us": {times, 1e-3}, "ms": {times, 1}, "s": {times, 1e3},
	"B": {sizes, 1}, "KB": {sizes, 1e3}, "MB": {sizes, 1e6}, "GB": {sizes, 1e9},
	"KiB": {sizes, 1 << 10}, "MiB": {sizes, 1 << 20}, "GiB": {sizes, 1 << 30},
}

func evaluate(e syntax.Expr) (linear, error) {
	switch v := e.(type) {
	case *syntax.Number:
		return number(v)
	case *syntax.Name:
		return name(v)
	case *syntax.Call:
		return call(v)
	case *syntax.Unary:
		if v.Op == "-" {
			x, err := evaluate(v.X)
			return x.scaled(-1), err
		}
	case *syntax.Binary:
		return binary(v)
	}
	return linear{}, e.At().Errorf("accepted are numbers, loss, figures such as relus and latency(TARGET), and + - * / of them")
}

func number(n *syntax.Number) (linear, error) {
	u, ok := units[n.Unit]
	if !ok {
		return linear{}, n.Errorf("%s %s: accepted are times, sizes and plain numbers", n.Text, n.Unit)
	}
	x, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		return linear{}, n.Errorf("%s is no number", n.Text)
	}
	return linear{kind: u.kind, constant: x * u.value}, nil
}

// name is a unit, as in latency(pair) / ms, or a figure without a target.
func name(n *syntax.Name) (linear, error) {
	if u, ok := units[n.Name]; ok {
		return linear{kind: u.kind, constant: u.value}, nil
	}
	m, ok := measures[n.Name]
	switch {
	case n.Name == loss, ok && !m.onTarget:
		return linear{kind: m.kind, terms: map[Figure]float64{{Measure: n.Name}: 1}}, nil
	case ok:
		return linear{}, n.Errorf("%s is of a target: accepted is %s(TARGET)", n.Name, n.Name)
	}
	return linear{}, unknown(n.Node, n.Name)
}

func unknown(at syntax.Node, name string) error {
	return at.Errorf("no figure is called %s: accepted are loss, %s", name, strings.Join(slices.Sorted(maps.Keys(measures)), ", "))
}

func call(c *syntax.Call) (linear, error) {
	m, ok := measures[c.Fn.Name]
	if !ok {
		return linear{}, unknown(c.Fn.Node, c.Fn.Name)
	}
	if !m.onTarget {
		return linear{}, c.Errorf("%s depends on no target: accepted is %s", c.Fn.Name, c.Fn.Name)
	}
	if len(c.Args) != 1 || c.Args[0].Name != nil {
		return linear{}, c.Errorf("%s: accepted is %s(TARGET)", c.Fn.Name, c.Fn.Name)
	}
	var target string
	switch a := c.Args[0].Value.(type) {
	case *syntax.Name:
		target = a.Name
	case *syntax.Str:
		var err error
		if target, err = word(a); err != nil {
			return linear{}, err
		}
	default:
		return linear{}, c.Args[0].Errorf("%s: accepted is the name of a target, or a text such as \"zcu104x2@8gbps,0.1ms\"", c.Fn.Name)
	}
	return linear{kind: m.kind, terms: map[Figure]float64{{c.Fn.Name, target}: 1}}, nil
}

func binary(b *syntax.Binary) (linear, error) {
	x, err := evaluate(b.X)
	if err != nil {
		return linear{}, err
	}
	y, err := evaluate(b.Y)
	if err != nil {
		return linear{}, err
	}
	switch {
	case b.Op == "+" || b.Op == "-":
		if x.kind != y.kind {
			return linear{}, b.Errorf("%s %s %s: accepted are two of a kind, such as loss + 0.02 * latency(pair) / ms", x.kind.name(), b.Op, y.kind.name())
		}
		if b.Op == "-" {
			y = y.scaled(-1)
		}
		return x.plus(y), nil
	case b.Op == "*" && len(x.terms) == 0 && x.kind == plain:
		return y.scaled(x.constant), nil
	case b.Op == "*" && len(y.terms) == 0 && y.kind == plain:
		return x.scaled(y.constant), nil
	case b.Op == "/" && len(y.terms) == 0 && y.constant != 0 && (y.kind == plain || y.kind == x.kind):
		out := x.scaled(1 / y.constant)
		if y.kind == x.kind {
			out.kind = plain
		}
		return out, nil
	}
	return linear{}, b.Errorf("%s: accepted are sums of figures times numbers, each divided by a unit of its kind", b.Op)
}

func (x linear) scaled(by float64) linear {
	out := linear{kind: x.kind, constant: by * x.constant, terms: map[Figure]float64{}}
	for f, w := range x.terms {
		out.terms[f] = by * w
	}
	return out
}

func (x linear) plus(y linear) linear {
	out := x.scaled(1)
	out.constant += y.constant
	for f, w := range y.terms {
		out.terms[f] += w
	}
	return out
}

// ParseLimits reads a limit of the command line with one number or several, such as relus=12K,6K.
func ParseLimits(text, target string) (all []Limit, err error) {
	numbers := strings.Split(text, ",")
	for i, n := range numbers {
		if i > 0 {
			n = numbers[0][:strings.LastIndexByte(numbers[0], '=')+1] + n
		}
		l, err := ParseLimit(n, target)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// ParseLimit reads a limit of the command line: relus=86K, or "latency(lan)<=40 ms". A figure that depends on a target and names none is of
// the target given.
func ParseLimit(text, target string) (Limit, error) {
	left, right, ok := strings.Cut(text, "<=")
	if !ok {
		left, right, ok = strings.Cut(text, "=")
	}
	if !ok {
		return Limit{}, fmt.Errorf("%q: accepted is FIGURE=NUMBER, such as relus=86K or latency=63ms, of the figures\n  %s", text, strings.Join(Measures(), "\n  "))
	}
	measure, on, named := strings.Cut(strings.TrimSuffix(strings.TrimSpace(left), ")"), "(")
	if measure == "relu" {
		measure = "relus"
	}
	m, ok := measures[measure]
	if !ok || (named && !m.onTarget) {
		return Limit{}, fmt.Errorf("%q: no figure is called %s: accepted are\n  %s", text, left, strings.Join(Measures(), "\n  "))
	}
	if !named && m.onTarget {
		on = target
	}
	right = strings.TrimSpace(right)
	digits := strings.TrimRight(right, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	u, known := units[strings.TrimSpace(right[len(digits):])]
	x, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || (u.kind != m.kind && digits != right) || x < 0 {
		return Limit{}, fmt.Errorf("%q: accepted is %s=%s", text, measure, map[kind]string{plain: "86K", times: "63ms", sizes: "12MB"}[m.kind])
	}
	return Limit{Figure{measure, on}, x * u.value}, nil
}
