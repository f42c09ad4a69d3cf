package frontend

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sotto/ir"
)

// wrapBody makes a file of the lines of a net, as LANGUAGE.md promises. Nothing in such lines changes x.
func wrapBody(lines string) string {
	return "net n {\ninput image: f32[3, 16, 16] from client\nx = conv(image, 8, kernel = 3, pad = 1) as given\n" + lines +
		"output y = x to client\n}\n"
}

func TestLanguageReference(t *testing.T) {
	page, err := os.ReadFile("LANGUAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```sotto( body| bad)?\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		kind, src := m[1], m[2]
		kinds[kind]++
		if kind == " body" {
			src = wrapBody(src)
		}
		_, err := Load("LANGUAGE.md", []byte(src), Options{})
		if kind != " bad" {
			if err != nil {
				t.Errorf("%v\n%s", err, src)
			}
			continue
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(src, "# "), "\n")
		if err == nil || !strings.Contains(err.Error(), first) {
			t.Errorf("want an error with %q, got %v\n%s", first, err, src)
		}
	}
	if kinds[""] < 6 || kinds[" body"] < 6 || kinds[" bad"] < 3 {
		t.Errorf("the page has too few examples: %v", kinds)
	}
	for name := range builtins {
		if !strings.Contains(string(page), "`"+name+"(") {
			t.Errorf("LANGUAGE.md does not mention %s", name)
		}
	}
}

// An op that users cannot write is of no use, unless its block says that others make it.
func TestEveryOpIsWritten(t *testing.T) {
	made := map[string]bool{}
	for _, b := range builtins {
		made[b.op] = true
	}
	for _, o := range ir.Ops() {
		if o.Stages&ir.Space != 0 && strings.HasPrefix(o.Name, "nn.") && made[o.Name] == o.Inner {
			t.Errorf("%s: layers.go makes it: %v, and the block says Inner: %v: accepted is a row there, a block of one tensor without weights and with numbers as options, or Inner",
				o.Name, made[o.Name], o.Inner)
		}
	}
}
