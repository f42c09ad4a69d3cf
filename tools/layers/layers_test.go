package layers

import (
	"go/build"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayers holds the module to layers.txt. Do not edit that to fix a build.
func TestLayers(t *testing.T) {
	table, err := Parse("tools/layers/layers.txt", Text)
	if err != nil {
		t.Fatal(err)
	}
	module, files, err := Scan("../..")
	if err != nil {
		t.Fatal(err)
	}
	if module != "sotto" || len(files) < 100 {
		t.Fatalf("module %s with %d files: the scan misses the repository", module, len(files))
	}
	for _, problem := range table.Check(module, files) {
		t.Error(problem)
	}
}

const small = `
[packages]
a < none
b < a
b/* < a, b
c < b
[designed]
d < *
[tests]
a < c
[reach]
c < b
[modules]
x.org/m/v2 < a, tests
[standard]
unsafe < b
os < tests
`

// abc is a module that keeps to the small table but for c's way to a.
func abc(extra ...File) []File {
	return append([]File{
		{Package: "a", Path: "a/a.go", Imports: []Import{{"x.org/m/v2/sub", 3}, {"fmt", 4}}},
		{Package: "a", Path: "a/a_test.go", Test: true, Imports: []Import{{"m/c", 3}, {"m/a", 4}, {"os", 5}}},
		{Package: "b", Path: "b/b.go", Imports: []Import{{"unsafe", 3}}},
		{Package: "b/in", Path: "b/in/in.go", Imports: []Import{{"m/b", 3}, {"m/a", 4}}},
		{Package: "c", Path: "c/c.go", Imports: []Import{{"m/b", 3}}},
	}, extra...)
}

func TestCheckFinds(t *testing.T) {
	table, err := Parse("t", small)
	if err != nil {
		t.Fatal(err)
	}
	at := func(pkg string, imports ...Import) File {
		return File{Package: pkg, Path: pkg + "/f.go", Imports: imports}
	}
	for _, c := range []struct {
		name  string
		extra []File
		want  string
	}{
		{"nothing", nil, ""},
		{"upward", []File{at("a", Import{"m/b", 7})}, "a/f.go:7: a may not import b: t:3 accepts none"},
		{"most specific line", []File{{Package: "b", Path: "b/b_test.go", Test: true, Imports: []Import{{"m/b/in", 7}}}},
			"b/b_test.go:7: a test of b may not import b/in: t:4 accepts a"},
		{"beside", []File{at("b/in", Import{"m/b/on", 7})}, "b/in/f.go:7: b/in may not import b/on: t:5 accepts a, b"},
		{"through another", []File{at("b", Import{"m/a", 7})}, "c stands on a through b/f.go:7: t:12 accepts b"},
		{"a test only", []File{at("a", Import{"os", 7})}, "a/f.go:7: a may not import os: t:17 accepts importers tests"},
		{"another's module", []File{at("b", Import{"x.org/m/v2", 7})}, "b/f.go:7: b may not import x.org/m/v2: t:14 accepts importers a, tests"},
		{"another version", []File{at("a", Import{"x.org/m/v3", 7})}, "a/f.go:7: a imports x.org/m/v3, a module that has no line in [modules] of t"},
		{"standard", []File{at("c", Import{"unsafe", 7})}, "c/f.go:7: c may not import unsafe: t:16 accepts importers b"},
		{"new package", []File{at("e")}, `e/f.go: package "e" has no line in t`},
		{"designed package", []File{at("d", Import{"m/a", 7}, Import{"m/c", 8})}, ""},
		{"test import", []File{{Package: "c", Path: "c/c_test.go", Test: true, Imports: []Import{{"m/a", 7}}}},
			"c/c_test.go:7: a test of c may not import a: t:6 accepts b"},
	} {
		if got := strings.Join(table.Check("m", abc(c.extra...)), "\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := table.Check("m", abc()[:4]); len(got) != 1 || got[0] != "t:6: c is no package" {
		t.Errorf("a stale line: got %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a < b":                        "t:1: the line is in no section",
		"[package]":                    "t:1: no section is called [package]: accepted are",
		"[packages]\na b":              `t:2: "a b" is no rule: accepted is`,
		"[packages]\na <":              `t:2: "a <" is no rule`,
		"[packages]\na, < b":           `t:2: "a, < b" is no rule`,
		"[packages]\na < none, b":      `t:2: "a < none, b" allows none and something`,
		"[packages]\na < b\nc, a < b":  "t:3: a has a line already, 2",
		"[packages]\n\n# a\n[modules]": "",
	} {
		_, err := Parse("t", text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestScanAgreesWithBuild compares with what the go command would see of this package, and holds that a file behind a
// build constraint is seen too.
func TestScanAgreesWithBuild(t *testing.T) {
	_, files, err := Scan("../..")
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	var own, other int
	for _, f := range files {
		if f.Package == "tools/layers" {
			own++
		}
		if f.Path == "runtime/wire/wait_other.go" || f.Path == "runtime/wire/wait_linux.go" {
			other++
		}
	}
	if want := len(p.GoFiles) + len(p.TestGoFiles); own != want || other != 2 {
		t.Errorf("%d files here, want %d; %d of two constrained files", own, want, other)
	}
}

func TestScanSkipsAndRefuses(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Scan(root); err == nil {
		t.Error("no go.mod: no error")
	}
	write("go.mod", "module m\n\ngo 1.26\n")
	write("m.go", "package m\n\nimport \"m/a\"\n")
	write("a/testdata/broken.go", "not Go")
	write(".hidden/broken.go", "not Go")
	module, files, err := Scan(root)
	if err != nil || module != "m" || len(files) != 1 || files[0].Package != "" || files[0].Imports[0] != (Import{"m/a", 3}) {
		t.Errorf("got %s %+v, %v", module, files, err)
	}
	write("a/broken.go", "not Go")
	if _, _, err := Scan(root); err == nil || !strings.Contains(err.Error(), "broken.go") {
		t.Errorf("a broken file: %v", err)
	}
}
