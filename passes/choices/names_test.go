package choices

import (
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes/pass"
)

// labelled has three uses of the choice act: one that is named by the user, one that is numbered, and one of hand-written
// IR that does not say which choice it is a use of.
const labelled = `module space

func @net(%x: C f32[4]) -> f32[4] {
%1 = choice {choice="act", site="foo"} : f32[4] {
option relu:
%2 = nn.relu %x : f32[4]
yield %2
option none:
%3 = nn.dropout %x : f32[4]
yield %3
}
%4 = choice {choice="act", site="b.act#1"} : f32[4] {
option relu:
%5 = nn.relu %1 : f32[4]
yield %5
option none:
%6 = nn.dropout %1 : f32[4]
yield %6
}
%7 = choice {site="c.act#1"} : f32[4] {
option relu:
%8 = nn.relu %4 : f32[4]
yield %8
option none:
%9 = nn.dropout %4 : f32[4]
yield %9
}
return %7
}
`

func TestDecisionsByNameAndBySite(t *testing.T) {
	m, err := ir.Parse("labelled.ir", labelled)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ decisions, want string }{
		{"act=relu", "foo=relu b.act#1=relu"},
		{"act=relu foo=none", "foo=none b.act#1=relu"},
		{"foo=none act=relu", "foo=relu b.act#1=relu"},
		{"b.act#1=none c.act#1=relu", "b.act#1=none c.act#1=relu"},
		{"b.act=relu", `no choice or site is called "b.act": accepted are act, c.act#1, foo, b.act#1`},
		{"act=gelu", `choice foo has no option "gelu": accepted are relu, none`},
	} {
		if got := decide(m.Funcs[0], c.decisions); got != c.want {
			t.Errorf("%s: got %s, want %s", c.decisions, got, c.want)
		}
	}
}

// decide writes what Decide made of a list of decisions as such a list, in the order of the sites.
func decide(f *ir.Func, list string) string {
	var decisions []pass.Decision
	for _, d := range strings.Fields(list) {
		site, option, _ := strings.Cut(d, "=")
		decisions = append(decisions, pass.Decision{Site: site, Option: option})
	}
	decided, err := Decide(f, decisions)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, s := range Sites(f) {
		if option, ok := decided[s.Path]; ok {
			out = append(out, s.Path+"="+option)
		}
	}
	return strings.Join(out, " ")
}
