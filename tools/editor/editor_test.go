// Package editor holds what editors need of the language: the test is of the TextMate grammar.
package editor

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sotto/frontend/syntax"
)

// rule is a rule of a TextMate grammar, of those that this one uses.
type rule struct {
	Name, Match, Begin, End, Include string
	Captures                         map[string]struct{ Name string }
	Patterns                         []rule
}

type grammar struct {
	Patterns   []rule
	Repository map[string]rule
	compiled   map[string]*regexp.Regexp
}

func load(t *testing.T) *grammar {
	t.Helper()
	text, err := os.ReadFile("sotto.tmLanguage.json")
	if err != nil {
		t.Fatal(err)
	}
	g := &grammar{compiled: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal(text, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// find matches a pattern from a place on. Editors have look-ahead and Go has not: the one in the grammar only ends an interpolation that was
// not closed.
func (g *grammar) find(pattern, line string, from int) []int {
	re := g.compiled[pattern]
	if re == nil {
		re = regexp.MustCompile(strings.ReplaceAll(pattern, `|(?=")`, ``))
		g.compiled[pattern] = re
	}
	for _, m := range re.FindAllStringSubmatchIndex(line, -1) {
		if m[0] >= from {
			return m
		}
	}
	return nil
}

// flat resolves includes.
func (g *grammar) flat(list []rule) (out []rule) {
	for _, r := range list {
		switch {
		case r.Include != "":
			out = append(out, g.flat([]rule{g.Repository[strings.TrimPrefix(r.Include, "#")]})...)
		case r.Match == "" && r.Begin == "":
			out = append(out, g.flat(r.Patterns)...)
		default:
			out = append(out, r)
		}
	}
	return out
}

// scopes writes the innermost scope of every byte of a line from a place on, until end matches.
func (g *grammar) scopes(list []rule, line string, at int, end string, out []string) int {
	for at < len(line) {
		var best rule
		var m []int
		for _, r := range g.flat(list) {
			if n := g.find(r.Match+r.Begin, line, at); n != nil && (m == nil || n[0] < m[0]) {
				best, m = r, n
			}
		}
		if end != "" {
			if e := g.find(end, line, at); e != nil && (m == nil || e[0] <= m[0]) {
				return e[1]
			}
		}
		if m == nil {
			break
		}
		fill(out, m[0], m[1], best.Name)
		for i, c := range best.Captures {
			n, _ := strconv.Atoi(i)
			if m[2*n] >= 0 {
				fill(out, m[2*n], m[2*n+1], c.Name)
			}
		}
		at = m[1]
		if best.Begin != "" {
			from := at
			at = g.scopes(best.Patterns, line, at, best.End, out)
			for i := m[0]; i < at; i++ {
				if out[i] == "" || i < from {
					out[i] = best.Name
				}
			}
		}
	}
	return max(at, len(line))
}

func fill(out []string, from, to int, name string) {
	for i := from; i < to; i++ {
		out[i] = name
	}
}

// Every keyword of the language has a colour of its own.
func TestKeywords(t *testing.T) {
	g := load(t)
	for _, word := range syntax.Keywords() {
		out := make([]string, len(word))
		g.scopes(g.Patterns, word, 0, "", out)
		if !strings.HasPrefix(out[0], "keyword.") && !strings.HasPrefix(out[0], "storage.") && !strings.HasPrefix(out[0], "constant.") {
			t.Errorf("%s has scope %q", word, out[0])
		}
	}
}

func TestScopes(t *testing.T) {
	g := load(t)
	for _, c := range []struct{ line, at, want string }{
		{`block basic(x, c, stride = 1) {`, "block", "storage.type"},
		{`block basic(x, c, stride = 1) {`, "basic", "entity.name.function"},
		{`block basic(x, c, stride = 1) {`, "stride", "variable.other"},
		{`block basic(x, c, stride = 1) {`, "1", "constant.numeric"},
		{`shared choice pool(x) = maxpool(x, 2)`, "shared", "storage.modifier"},
		{`shared choice pool(x) = maxpool(x, 2)`, "maxpool", "entity.name.function.call"},
		{`  input image: f32[1, 28, 28] from client`, "image", "variable.other"},
		{`  input image: f32[1, 28, 28] from client`, "f32", "support.type"},
		{`  input image: f32[1, 28, 28] from client`, "from", "keyword.other"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, "branch", "string.quoted"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, "+", "keyword.operator"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, ".conv", "string.quoted"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, "as", "keyword.control"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, "|>", "keyword.operator"},
		{`  y = conv(x, 4) as "branch{i + 1}.conv" |> relu # a comment`, "a comment", "comment.line"},
		{`  y = "# no comment" + inner`, "# no", "string.quoted"},
		{`  y = "# no comment" + inner`, "inner", "variable.other"},
		{`  if not (a == 1) { return x }`, "not", "keyword.operator.word"},
		{`target pair = fpga("zcu104") x 2 link(8 Gbps, 100 us one way)`, "8 Gbps", "constant.numeric"},
		{`  subject to relus <= 100K, latency(pair) <= 63 ms`, "100K", "constant.numeric"},
	} {
		out := make([]string, len(c.line))
		g.scopes(g.Patterns, c.line, 0, "", out)
		if at := strings.Index(c.line, c.at); !strings.HasPrefix(out[at], c.want) {
			t.Errorf("%s: %q has scope %q, accepted is %s", c.line, c.at, out[at], c.want)
		}
	}
}
