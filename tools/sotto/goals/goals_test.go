package goals

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sotto/frontend/syntax"
)

func read(t *testing.T, settings string) (*Goal, error) {
	t.Helper()
	f, err := syntax.Parse("s.sotto", []byte("search s in n {\n"+settings+"\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return Read(f.Decls[0].(*syntax.Search))
}

func TestRead(t *testing.T) {
	got, err := read(t, `data "cifar10"
method gradient { epochs = 2 * 25, order = 2, schedule = cosine }
minimize loss + 0.02 * latency(pair) / ms + relus / 1M - 2 * traffic("lan") / MB
subject to relus <= 100K, latency(pair) <= 0.063 s, 2 * params <= 10M`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Goal{Name: "s", Net: "n", Data: "cifar10", Method: "gradient",
		Settings:  map[string]Setting{"epochs": {Number: 50}, "order": {Number: 2}, "schedule": {Word: "cosine"}},
		Objective: []Term{{Figure{"latency", "pair"}, 0.02}, {Figure{"relus", ""}, 1e-6}, {Figure{"traffic", "lan"}, -2e-6}},
		Limits:    []Limit{{Figure{"relus", ""}, 1e5}, {Figure{"latency", "pair"}, 63}, {Figure{"params", ""}, 5e6}}}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Setting{}, "Node"), cmpopts.EquateApprox(1e-12, 0)); d != "" {
		t.Error(d)
	}
}

// A goal that names a target is of it.
func TestTarget(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"minimize loss + relus / 1K + latency(pair) / ms\nsubject to latency(lan) <= 3 ms", "pair"},
		{"minimize loss + relus / 1K\nsubject to latency(lan) <= 3 ms", "lan"},
		{"minimize loss + relus / 1K", ""},
	} {
		g, err := read(t, c.settings)
		if err != nil || g.Target() != c.want {
			t.Errorf("%s: target %q, %v, want %q", c.settings, g.Target(), err, c.want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	got, err := ParseLimits("latency(wan) <= 1.5 s,900ms,0.5 s", "lan")
	wan := Figure{"latency", "wan"}
	if d := cmp.Diff([]Limit{{wan, 1500}, {wan, 900}, {wan, 500}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, text := range []string{"relus=3,", "relus=3,x", "relus=3,params=4", ",3"} {
		if got, err := ParseLimits(text, "lan"); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestGoalsThatAreNone(t *testing.T) {
	for _, c := range []struct{ setting, want string }{
		{"maximize loss", "2:1: maximize: a search makes its loss least"},
		{"minimize loss + latency(pair)", "2:10: a number + a time: accepted are two of a kind"},
		{"minimize latency(pair) / ms", "2:10: minimize: the loss counts 0 times"},
		{"minimize loss + speed", "2:17: no figure is called speed: accepted are loss, bram"},
		{"minimize loss + latency / ms", "2:17: latency is of a target: accepted is latency(TARGET)"},
		{"minimize loss + relus(pair)", "2:17: relus depends on no target: accepted is relus"},
		{"minimize loss * relus", "2:10: *: accepted are sums of figures times numbers"},
		{"subject to relus >= 3", "2:12: subject to: accepted is a figure that is at most something"},
		{"subject to relus <= 3 ms", "2:12: subject to: a number <= a time"},
		{"subject to relus <= macs", "2:12: subject to: accepted is one figure on the left"},
		{"subject to loss <= 3", "2:12: subject to: accepted is one figure of bram"},
		{"subject to latency(pair) <= 3 Mbps", "2:29: 3 Mbps: accepted are times, sizes and plain numbers"},
		{"data 3", `2:6: accepted is a text such as "cifar10"`},
		{"method gradient { epochs = 3 ms }", "2:28: epochs: accepted is a plain number or a word"},
	} {
		_, err := read(t, c.setting)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.setting, err, c.want)
		}
	}
}

func TestParseLimit(t *testing.T) {
	for _, c := range []struct {
		text string
		want Limit
	}{
		{"relu=86K", Limit{Figure{"relus", ""}, 86e3}},
		{"relus=86016", Limit{Figure{"relus", ""}, 86016}},
		{"latency=63ms", Limit{Figure{"latency", "lan"}, 63}},
		{"latency(wan) <= 1.5 s", Limit{Figure{"latency", "wan"}, 1500}},
		{"traffic=12MB", Limit{Figure{"traffic", "lan"}, 12e6}},
		{"latency=63", Limit{Figure{"latency", "lan"}, 63}},
	} {
		if got, err := ParseLimit(c.text, "lan"); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"", "relus", "speed=3", "relus(lan)=3", "relus=3ms", "latency=3MB", "relus=-3", "relus=x"} {
		if got, err := ParseLimit(text, "lan"); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}
