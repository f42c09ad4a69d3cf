package syntax

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sotto/ir/pos"
)

// sameTree compares trees without their places.
var sameTree = cmp.Options{
	cmp.Comparer(func(a, b Node) bool { return true }),
	cmp.Transformer("text", func(c Comment) string { return c.Text }),
}

func parse(t *testing.T, src string) *File {
	t.Helper()
	f, err := Parse("t.sotto", []byte(src))
	if err != nil {
		t.Fatalf("parse: %v\n%s", err, src)
	}
	return f
}

// checkFormat holds the two laws of Format on a file that parses.
func checkFormat(t *testing.T, src string) {
	t.Helper()
	f := parse(t, src)
	once := Format(f)
	again, err := Parse("t.sotto", []byte(once))
	if err != nil {
		t.Fatalf("formatted text does not parse: %v\n%s", err, once)
	}
	if d := cmp.Diff(f, again, sameTree); d != "" {
		t.Fatalf("formatting changed the tree:\n%s\n%s", d, once)
	}
	if twice := Format(again); twice != once {
		t.Fatalf("formatting is not idempotent:\n%s", cmp.Diff(once, twice))
	}
}

func TestFormatLaws(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sotto")
	if err != nil || len(files) < 2 {
		t.Fatalf("test files: %v %v", files, err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkFormat(t, string(src))
		checkFormat(t, strings.ReplaceAll(string(src), "\n", "\r\n"))
	}
}

func TestFormatGolden(t *testing.T) {
	for _, name := range []string{"design", "odd"} {
		src, err := os.ReadFile("testdata/" + name + ".sotto")
		if err != nil {
			t.Fatal(err)
		}
		got := Format(parse(t, string(src)))
		golden := "testdata/" + name + ".formatted"
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s:\n%s", golden, d)
		}
	}
}

func TestLongLinesBreak(t *testing.T) {
	stages := strings.Repeat(" |> conv(64, kernel = 3, pad = 1) |> batchnorm |> relu", 4)
	elems := strings.TrimSuffix(strings.Repeat("12345678, ", 30), ", ")
	src := "choice c(x) = " + strings.TrimSuffix(strings.Repeat("conv(x, 64, kernel = 3) |> batchnorm | ", 6), "| ") + "\n" +
		"net n {\n  x = image" + stages + "\n  let l = [" + elems + "]\n  y = f(" + elems + ") as name\n" +
		"  z = if a { f(" + elems[:90] + ") } else if b { 2 } else { 3 }  # end\n  if x { y = f(" + elems + ") }\n  let v in {" + elems + "}\n}\n"
	checkFormat(t, src)
	for _, line := range strings.Split(Format(parse(t, src)), "\n") {
		if len(line) > width && !strings.Contains(line, "|") {
			t.Errorf("line of %d columns: %s", len(line), line)
		}
	}
}

// TestPrecedence parses an expression and the same with every parenthesis written out.
func TestPrecedence(t *testing.T) {
	for _, c := range [][2]string{
		{"a + b * c - d", "(a + (b * c)) - d"},
		{"a - b - c", "(a - b) - c"},
		{"-a[1] * b", "(-(a[1])) * b"},
		{"not a == b and c or d", "((not (a == b)) and c) or d"},
		{"a + 1 |> f |> g(2)", "((a + 1) |> f) |> g(2)"},
		{"x in 0..n + 1", "x in (0..(n + 1))"},
		{"a not in b or c", "(a not in b) or c"},
		{"a % b / c", "(a % b) / c"},
		{"100 us / 3 ms", "(100 us) / (3 ms)"},
		{"if a { b } else { c } + 1", "(if a { b } else { c }) + 1"},
	} {
		plain, full := parse(t, "net n { x = "+c[0]+" }"), parse(t, "net n { x = "+c[1]+" }")
		if d := cmp.Diff(plain, full, sameTree); d != "" {
			t.Errorf("%s is not %s:\n%s", c[0], c[1], d)
		}
		if got := Format(full); got != "net n { x = "+c[0]+" }\n" {
			t.Errorf("%s formats as %s", c[1], got)
		}
	}
}

func TestPlaces(t *testing.T) {
	src := "# é\nnet n {\n  xs = [é]; x = conv(x, 32, kernel = 5) |> bn\n}\n"
	src = strings.Replace(src, "[é]", "[e]", 1)
	f := parse(t, src)
	n := f.Decls[0].(*Net)
	call := n.Body.Stmts[1].(*Assign).Value.(*Pipe).X.(*Call)
	if got := src[call.Offset : call.Offset+call.Len]; got != "conv(x, 32, kernel = 5)" {
		t.Errorf("the call spans %q", got)
	}
	a := call.Args[2]
	if want := (pos.Pos{File: "t.sotto", Line: 3, Col: 29}); a.Pos != want || src[a.Offset:a.Offset+a.Len] != "kernel = 5" {
		t.Errorf("the argument stands at %v and spans %q", a.Pos, src[a.Offset:a.Offset+a.Len])
	}
	if n.Pos.Line != 2 || n.Last != 4 || n.Body.Pos.Col != 7 {
		t.Errorf("the net spans %+v, its body %+v", n.Node, n.Body.Node)
	}
}

// TestErrors gives the diagnostics of bad files as line:col: message, all of them.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"two statements", "net n {\n  x = \n  y = 2 3\n  z = 4\n}",
			`2:6: unexpected end of the line; expected an expression
3:9: unexpected 3; expected a new line, ";" or "}"`},
		{"independent", "net n {\n  x = f(,)\n  y = 2 3\n  for i in 0..3 {\n    z = ]\n    a = 1\n  }\n}\nblock b( {\n}\nchoice c(x) = \ntarget t\n",
			`2:9: unexpected ","; expected an expression
3:9: unexpected 3; expected a new line, ";" or "}"
5:9: "]" closes nothing
9:8: "(" is never closed
11:14: unexpected end of the declaration; expected an expression
12:9: unexpected end of the declaration; expected "="`},
		{"bad character", "net n {\n  x = 3 $ 4\n  y = @\n}", `2:9: unexpected character "$"
3:7: unexpected character "@"`},
		{"open string", "net n {\n  x = f(\"abc)\n  y = 1\n}", `2:9: this string is not closed on its line; it ends with "`},
		{"open parenthesis", "net n {\n  x = conv(x, 3\n  y = relu(x)\n}", `2:11: "(" is never closed`},
		{"open brace", "net n {\n  for i in a {\n  x = 1\n}\nnet m { x = 2 }", `1:7: "{" is never closed`},
		{"stray closer", "net n {\n  x = 1)\n}\n}", "2:8: \")\" closes nothing\n4:1: \"}\" closes nothing"},
		{"keyword as name", "net n {\n  let = 3\n  in = 4\n}", "2:7: unexpected \"=\"; expected a name\n3:3: unexpected keyword in; expected a statement: an assignment, let, for, if, return, input or output"},
		{"no declaration", "x = 3\nnet n { }", "1:1: unexpected x; expected a declaration: net, block, choice, shared choice, target or search"},
		{"positional after named", "net n { x = f(a = 1, 2) }", "1:22: a positional argument cannot follow a named one; write name = value"},
		{"label of a name", "net n { x = y as z }", "1:15: as names a call: write y(...) as NAME"},
		{"chained comparison", "net n { x = 1 < y < 3 }", "1:19: comparisons do not chain; write a < b and b < c"},
		{"if without else", "net n { x = if a { 1 } }", `1:24: unexpected "}"; expected "else" after the value: an if inside an expression has both`},
		{"interpolation", "net n { x = f(\"a{1 +}\") }", "1:15: in {1 +}: unexpected end of the declaration; expected an expression"},
		{"brace in a string", "net n { x = \"}\"; y = \"{\" }", `1:13: "}" alone in a string; write "}}" for a brace`},
		{"unknown setting", "search s in n {\n  budget 3\n  data 4\n}", "2:3: unexpected budget; expected a setting: data, method, minimize, maximize or subject to"},
		{"missing newline", "net n { x = 1 y = 2 }", `1:15: unexpected y; expected a new line, ";" or "}"`},
		{"missing type", "net n {\n  input x from client\n  output y = x\n}", "2:11: unexpected from; expected \":\"\n3:15: unexpected end of the line; expected \"to\""},
	} {
		_, err := Parse("t.sotto", []byte(c.src))
		if got := plainErrors(err); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func plainErrors(err error) string {
	var list pos.List
	errors.As(err, &list)
	lines := make([]string, len(list))
	for i, d := range list {
		lines[i] = fmt.Sprintf("%d:%d: %s", d.Pos.Line, d.Pos.Col, d.Msg)
	}
	return strings.Join(lines, "\n")
}

// TestGoodPartsSurvive checks that an error costs only its own statement.
func TestGoodPartsSurvive(t *testing.T) {
	f, err := Parse("t.sotto", []byte("net n {\n  a = 1\n  b = )\n  if a {\n    c = = 2\n    d = 3\n  }\n}\nblock b(x) { return x }\n"))
	if err == nil {
		t.Fatal("no error")
	}
	got := Format(f)
	if want := "net n {\n  a = 1\n\n  if a {\n    d = 3\n  }\n}\n\nblock b(x) { return x }\n"; strings.ReplaceAll(got, "\n\n", "\n") != strings.ReplaceAll(want, "\n\n", "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLimits feeds what would exhaust a careless parser.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"size":     {strings.Repeat(" ", maxSize+1), "at most"},
		"brackets": {"net n { x = " + strings.Repeat("(", 100000), "nest more than"},
		"bodies":   {"net n {" + strings.Repeat("if a {", 10000), "nest more than"},
		"minus":    {"net n { x = " + strings.Repeat("-", 100000) + "1 }", "nests more than"},
		"not":      {"net n { x = " + strings.Repeat("not ", 100000) + "1 }", "nests more than"},
		"sum":      {"net n { x = " + strings.Repeat("1+", 100000) + "1 }", "operators in one expression"},
		"indices":  {"net n { x = a" + strings.Repeat("[1]", 100000) + " }", "indices on one value"},
		"errors":   {"net n {\n" + strings.Repeat("x = )\n", 10000) + "}", "more errors follow"},
		"errors2":  {"net n {\n" + strings.Repeat("x = =\n", 10000) + "}", "expected an expression"},
		"bytes":    {strings.Repeat("\x00\xff", 100000), "unexpected character"},
	} {
		_, err := Parse("t.sotto", []byte(c.src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.300v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"design", "odd"} {
		src, err := os.ReadFile("testdata/" + name + ".sotto")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
		for _, decl := range strings.Split(string(src), "\n\n") {
			f.Add(decl)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := Parse("t.sotto", []byte(src)); err == nil {
			checkFormat(t, src)
		}
	})
}

// TestRandomTrees formats trees that no source file wrote and parses them back.
func TestRandomTrees(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := drawExpr(r, 4)
		src := "net n { v = " + FormatExpr(x) + " }\n"
		f, err := Parse("t.sotto", []byte(src))
		if err != nil {
			r.Fatalf("%v\n%s", err, src)
		}
		got := f.Decls[0].(*Net).Body.Stmts[0].(*Assign).Value
		if d := cmp.Diff(x, got, sameTree); d != "" {
			r.Fatalf("%s parses to another tree:\n%s", src, d)
		}
	})
}

func drawExpr(r *rapid.T, depth int) Expr {
	leaves := []func() Expr{
		func() Expr { return &Name{Name: drawName(r)} },
		func() Expr { return &Number{Text: rapid.SampledFrom([]string{"0", "17", "0.25", "1e-5"}).Draw(r, "n")} },
		func() Expr { return &Number{Text: "8", Unit: rapid.SampledFrom(units).Draw(r, "unit")} },
		func() Expr { return &Bool{Value: rapid.Bool().Draw(r, "b")} },
		func() Expr { return &Str{Parts: []StrPart{{Text: "a{}b"}, {X: &Name{Name: drawName(r)}}}} },
	}
	if depth == 0 {
		return rapid.SampledFrom(leaves).Draw(r, "leaf")()
	}
	sub := func() Expr { return drawExpr(r, depth-1) }
	inner := []func() Expr{
		func() Expr { return &List{Elems: []Expr{sub(), sub()}} },
		func() Expr { return &Comp{Elem: sub(), Vars: []Ident{{Name: "i"}}, In: sub(), Cond: sub()} },
		func() Expr { return &IfExpr{Arms: []ExprArm{{sub(), sub()}, {sub(), sub()}}, Else: sub()} },
		func() Expr { return drawCall(r, sub) },
		func() Expr { return &Pipe{X: sub(), Stage: drawCall(r, sub)} },
		func() Expr { return &Index{X: sub(), I: sub()} },
		func() Expr { return &Unary{Op: rapid.SampledFrom([]Op{"-", "not"}).Draw(r, "op"), X: sub()} },
		func() Expr {
			ops := []Op{"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "..", "and", "or"}
			return &Binary{Op: rapid.SampledFrom(ops).Draw(r, "op"), X: sub(), Y: sub()}
		},
	}
	return rapid.SampledFrom(append(inner, leaves...)).Draw(r, "node")()
}

func drawName(r *rapid.T) string {
	return rapid.SampledFrom([]string{"x", "inner", "not_", "to", "x2act", "K", "link"}).Draw(r, "name")
}

func drawCall(r *rapid.T, sub func() Expr) *Call {
	c := &Call{Fn: Ident{Name: drawName(r)}, Args: []Arg{{Value: sub()}, {Name: &Ident{Name: "k"}, Value: sub()}}}
	if rapid.Bool().Draw(r, "shorthand") {
		c.Args = append(c.Args, Arg{Name: &Ident{Name: "s"}, Value: &Name{Name: "s"}, Shorthand: true})
	}
	if rapid.Bool().Draw(r, "label") {
		c.Label = &Str{Parts: []StrPart{{Text: rapid.SampledFrom([]string{"a", "layer1.0", "in"}).Draw(r, "text")}}}
	}
	return c
}
