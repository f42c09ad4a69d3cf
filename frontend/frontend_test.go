package frontend

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sotto/ir"
	"sotto/ir/pos"
)

func load(t *testing.T, src string, opts Options) *Space {
	t.Helper()
	s, err := Load("t.sotto", []byte(src), opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return s
}

var expectation = regexp.MustCompile(`# ERROR "(.*)"$`)

// TestBadFiles holds every line of the files in testdata/bad to the error it announces, and all other lines to none.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.sotto")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad files", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(name, src, Options{Net: "n"})
		var list pos.List
		if !errors.As(err, &list) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		found := map[int]string{}
		for _, d := range list {
			found[d.Pos.Line] += d.Msg + "\n"
		}
		for i, line := range strings.Split(string(src), "\n") {
			got := found[i+1]
			m := expectation.FindStringSubmatch(line)
			switch {
			case m == nil && got != "":
				t.Errorf("%s:%d: unexpected error %s", name, i+1, got)
			case m != nil && !regexp.MustCompile(m[1]).MatchString(got):
				t.Errorf("%s:%d: want an error like %s, got %q", name, i+1, m[1], got)
			}
		}
	}
}

// TestDiagnosticText is what a person sees: positions, carets, notes.
func TestDiagnosticText(t *testing.T) {
	src, err := os.ReadFile("testdata/bad.sotto")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load("bad.sotto", src, Options{})
	var b bytes.Buffer
	pos.Print(&b, err, pos.Source{"bad.sotto": string(src)})
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile("testdata/bad.txt", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}

func TestPaths(t *testing.T) {
	s := load(t, `
choice act(x) = relu(x) | x2act(x)
choice node(x) = conv(x, 4, kernel = 1) |> batchnorm | identity(x) |> relu as plain | x | conv(x, 4, kernel = 1) as conv
shared choice pool(x) = maxpool(x, 2) | avgpool(x, 2)
block identity(x) { return relu(x) as r }
block basic(x) {
  y = conv(x, 4, kernel = 3, pad = 1) |> batchnorm |> act
  return act(node(y) + x) as last
}
net n {
  input image: f32[4, 8, 8] from client
  x = basic(basic(image)) |> basic as "layer1.0"
  x = basic(pool(x)) |> pool as second
  output y = x to client
}`, Options{})
	var paths []string
	s.Func.Walk(func(v *ir.Value) { paths = append(paths, v.Path) })
	for _, want := range []string{
		"image", "basic#1.conv#1.weight", "basic#1.batchnorm#1.running_var", "basic#1.act#1", "basic#1.act#1.x2act.a",
		"basic#2.add#1", "basic#2.last", "basic#2.last.relu", "layer1.0.conv#1.weight", "layer1.0.last.x2act.c", "basic#4.node#1",
		"basic#4.node#1.conv#1.conv#1.weight", "basic#4.node#1.conv#2.weight", "basic#4.node#1.plain.identity#1.r",
		"basic#4.node#1.plain.relu#1", "pool#1", "second", "second.avgpool",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("no value has the path %s; there are %s", want, strings.Join(paths, " "))
		}
	}
	if slices.Contains(paths, "basic#1.conv#1.bias") {
		t.Error("a convolution before a batch normalisation has a bias")
	}
	if !slices.Contains(paths, "basic#1.node#1.conv#2.bias") {
		t.Error("a convolution on its own has no bias")
	}
	sites := map[string]string{}
	for _, x := range s.Sites {
		sites[x.Path] = x.Choice + ": " + strings.Join(x.Options, " ")
	}
	want := map[string]string{"pool": "pool: maxpool avgpool"}
	for _, b := range []string{"basic#1", "basic#2", "layer1.0", "basic#4"} {
		want[b+".act#1"], want[b+".last"] = "act: relu x2act", "act: relu x2act"
		want[b+".node#1"] = "node: conv#1 plain identity conv#2"
	}
	if d := cmp.Diff(want, sites); d != "" {
		t.Errorf("sites:\n%s", d)
	}
	if text := s.Module.String(); !reparses(text) {
		t.Errorf("does not parse back:\n%s", text)
	}
}

func reparses(text string) bool {
	m, err := ir.Parse("t.ir", text)
	return err == nil && ir.Check(m) == nil && m.String() == text
}

func TestParametersOfASpace(t *testing.T) {
	src := `net n {
  input image: f32[4, 8, 8] from client
  let w in {4, 8}
  let take[2][3] in {false, true}
  y = conv(image, w, kernel = 1)
  for i, row in [[0, take[0]], [1, take[1]]] { for j in 0..3 { if row[j] { y = relu(y) as "r{i}{j}" } } }
  output o = y to client
}`
	s := load(t, src, Options{})
	want := []Param{
		{"w", nil, []string{"4", "8"}, []int{0}, pos.Pos{File: "t.sotto", Line: 3, Col: 3}},
		{"take", []int{2, 3}, []string{"false", "true"}, make([]int, 6), pos.Pos{File: "t.sotto", Line: 4, Col: 3}},
	}
	if d := cmp.Diff(want, s.Params); d != "" {
		t.Error(d)
	}
	if u := Summarise(s.Func); u.ReLUs != 0 || s.Func.Result.Type.Shape[0] != 4 {
		t.Errorf("by default: %d ReLUs, shape %v", u.ReLUs, s.Func.Result.Type.Shape)
	}
	s = load(t, src, Options{Params: map[string][]int{"w": {1}, "take": {0, 1, 0, 0, 0, 1}}})
	u := Summarise(s.Func)
	var names []string
	for _, l := range u.Layers[1:] {
		names = append(names, l.Path)
	}
	if u.ReLUs != 2*8*8*8 || strings.Join(names, " ") != "r01 r12" {
		t.Errorf("with parameters: %d ReLUs in %v", u.ReLUs, names)
	}
	for _, bad := range []map[string][]int{{"w": {2}}, {"w": {0, 0}}, {"take": {0}}, {"x": {0}}, {"w": {-1}}} {
		if _, err := Load("t.sotto", []byte(src), Options{Params: bad}); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestNetIsPicked(t *testing.T) {
	one := "net %s {\ninput v: f32[4] from client\noutput o = relu(v) to client\n}\n"
	two := fmt.Sprintf(one+one, "a", "b")
	if got := load(t, two, Options{Net: "b"}).Func.Name; got != "b" {
		t.Errorf("got %s", got)
	}
	for src, want := range map[string]string{two: "several nets; name one of a, b", "": "declares no net", "block f(x) { return x }": "no net"} {
		if _, err := Load("t.sotto", []byte(src), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", src, err)
		}
	}
	if _, err := Load("t.sotto", []byte(two), Options{Net: "c"}); err == nil || !strings.Contains(err.Error(), "no net is called c") {
		t.Errorf("got %v", err)
	}
}

func TestOutputFacts(t *testing.T) {
	s := load(t, "net n {\ninput v: f32[4] from client\noutput probs = softmax(v) to client\n}", Options{})
	if d := cmp.Diff(ir.Attrs{"name": "probs", "post": "softmax"}, s.Func.Output); d != "" {
		t.Error(d)
	}
	for src, want := range map[string]string{
		"net n {\noutput o = 3 to client\n}":                                                         "the output is an integer",
		"net n {\ninput v: f32[4] from client\n}":                                                    "net n has no output",
		"net n { let w in {1}; output o = w to client }":                                             "accepted is a tensor",
		"net n {\ninput v: f32[4] from client\noutput o = v to client\noutput p = v to client\n}":    "a net has one output",
		"net n {\ninput v: f32[4] from client\ninput v: f32[4] from client\noutput p = v to client}": "input v is declared twice",
	} {
		if _, err := Load("t.sotto", []byte(src), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", src, err)
		}
	}
}

func TestSearchesAndTargetsAreKept(t *testing.T) {
	net := "net %s {\ninput v: f32[4] from client\noutput o = relu(v) to client\n}\n"
	s := load(t, fmt.Sprintf(net+net, "a", "b")+"target t = fpga(\"zcu104\")\nsearch s in a { minimize loss }\nsearch u in b { minimize loss }\n", Options{Net: "a"})
	if len(s.Targets) != 1 || len(s.Searches) != 1 || s.Searches[0].Name.Name != "s" {
		t.Errorf("targets %v, searches %v", s.Targets, s.Searches)
	}
}

// TestMaybeDropsToZeros evaluates the options of maybe.
func TestMaybeDropsToZeros(t *testing.T) {
	s := load(t, "net n {\ninput v: f32[2, 2, 3] from client\noutput o = maybe(v) to client\n}", Options{})
	c := s.Func.Result
	if !c.Is("choice") || len(c.Options) != 2 || c.Options[0].Result != s.Func.Params[0] {
		t.Fatalf("not a choice that keeps: %s", s.Module)
	}
	x := ir.NewTensor(s.Func.Params[0].Type)
	for i := range x.F {
		x.F[i] = float32(i + 1)
	}
	zeros, err := ir.EvalOne(c.Options[1].Result, []*ir.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(make([]float32, 12), zeros.F); d != "" {
		t.Error(d)
	}
}

// TestLimits feeds what would keep a careless elaborator busy for ever.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"loops":   {"for a in 0..60000 { for b in 0..60000 { y = a } }", "more than 4194304 steps"},
		"double":  {"l = [1]\nfor a in 0..100 { l = l + l }", "a list has"},
		"nested":  {"l = [1]\nfor a in 0..100 { l = [l, l] }", "a list has"},
		"range":   {"l = 0..1000000000", "the range has"},
		"layers":  {"y = v\nfor a in 0..60000 { y = relu(relu(y)) }", "more than 65536 layers"},
		"string":  {"s = \"x\"\nfor a in 0..100 { s = \"{s}{s}\" }", "longer than"},
		"numbers": {"n = 2\nfor a in 0..100 { n = n * n }", "beyond 2^53"},
		"weights": {"y = conv(v, 1000000, kernel = 1000, pad = 1000)", "shape"},
		"errors":  {strings.Repeat("y = 1 / 0\n", 100), "division"},
	} {
		_, err := Load("t.sotto", []byte("net n {\ninput v: f32[4, 4, 4] from client\n"+c.body+"\noutput o = v to client\n}"), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.300v", name, err)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kernle", "kernel", 2}, {"relu", "relu6", 1}, {"flaten", "flatten", 1}, {"kitten", "sitting", 3}} {
		if got := editDistance(c.a, c.b); got != c.want || editDistance(c.b, c.a) != c.want {
			t.Errorf("%s to %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzLoad holds Load to never panic, and what it accepts to a module that verifies and parses back.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.sotto", "testdata/*.sotto", "../examples/*.sotto"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(src))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Load("t.sotto", []byte(src), Options{})
		if err == nil && !reparses(s.Module.String()) {
			t.Errorf("does not parse back:\n%s", s.Module)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Error(err)
		}
	})
}
