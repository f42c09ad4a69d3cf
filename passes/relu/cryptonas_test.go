package relu_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/relu"
)

// published are the ReLUs of a network before the passes and after each, and its MACs and parameters, as they are printed, which the passes
// leave alone. Empty: nothing is published.
type published struct {
	Net, Source              string
	Squeeze                  int
	Before, Shuffled, Pruned int64
	MACs, Params             string
}

// holds compares a network with what is published. All its ReLUs count, those too that nobody reads.
func (p published) holds(t *testing.T, m *ir.Module, after string, relus int64) {
	t.Helper()
	s := frontend.Summarise(m.Funcs[0])
	if s.ReLUs != relus || relu.Count(m.Funcs[0]) != relus {
		t.Errorf("%s with squeeze = %d after %s: %d ReLUs, %d of them read, want %d (%s)", p.Net, p.Squeeze, after, s.ReLUs, relu.Count(m.Funcs[0]), relus, p.Source)
	}
	for _, c := range []struct {
		what, want string
		got        int64
	}{{"MACs", p.MACs, s.MACs}, {"parameters", p.Params, s.Params}} {
		if got := fmt.Sprintf("%.2e", float64(c.got)); c.want != "" && got != c.want {
			t.Errorf("%s with squeeze = %d after %s: %s %s, want %s (%s)", p.Net, p.Squeeze, after, got, c.what, c.want, p.Source)
		}
	}
}

func readPublished(t *testing.T) (list []published) {
	t.Helper()
	text, err := os.ReadFile("testdata/counts.json")
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func load(t *testing.T, net string, squeeze int) *ir.Module {
	t.Helper()
	return loadFile(t, "testdata/cryptonas.sotto", frontend.Options{Net: net, Params: map[string][]int{"squeeze": {squeeze}}})
}

func loadFile(t *testing.T, file string, o frontend.Options) *ir.Module {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := frontend.Load(file, src, o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Module
}

func run(t *testing.T, m *ir.Module, passes ...*pass.Pass) {
	t.Helper()
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, passes...); err != nil {
		t.Fatal(err)
	}
}

func TestCryptoNASHasThePublishedCounts(t *testing.T) {
	for _, c := range readPublished(t) {
		m := load(t, c.Net, c.Squeeze)
		for _, step := range []struct {
			pass *pass.Pass
			want int64
		}{{choices.Resolve, c.Before}, {relu.Shuffle, c.Shuffled}, {relu.Prune, c.Pruned}} {
			run(t, m, step.pass)
			c.holds(t, m, step.pass.Name, step.want)
		}
	}
}

// What pruning leaves is the example, which is written without those relus.
func TestPrunedNetworksAreTheExamples(t *testing.T) {
	tidy := []*pass.Pass{choices.Resolve, relu.Prune, clean.Identities, clean.DCE}
	for net, example := range map[string]string{"cnet1": "cnet1_cifar10", "cnet2": "cnet2_cifar10"} {
		got, want := load(t, net, 0), loadFile(t, "../../examples/"+example+".sotto", frontend.Options{})
		run(t, got, tidy...)
		run(t, want, tidy...)
		got.Funcs[0].Name = want.Funcs[0].Name
		got.Funcs[0].Walk(func(v *ir.Value) { v.Path = strings.TrimPrefix(v.Path, "macro#1.") })
		if !slices.Equal(golden.Fingerprint(got), golden.Fingerprint(want)) {
			t.Errorf("%s pruned is\n%s\nwant\n%s", net, got, want)
		}
	}
}

// Leaving out ENAS's 1x1 convolutions makes the network that is written without them, and changes none of those.
func TestUnsqueezedNetworksAreThoseWithout(t *testing.T) {
	tidy := []*pass.Pass{choices.Resolve, relu.Unsqueeze, clean.DCE}
	for _, net := range []string{"cnet1", "cnet2"} {
		got, want := load(t, net, 1), load(t, net, 0)
		run(t, want, choices.Resolve, clean.DCE)
		left := want.String()
		run(t, want, relu.Unsqueeze)
		if want.String() != left {
			t.Errorf("%s without them is changed", net)
		}
		run(t, got, tidy...)
		if !slices.Equal(golden.Fingerprint(got), golden.Fingerprint(want)) {
			t.Errorf("%s is\n%s\nwant\n%s", net, got, want)
		}
	}
}

// The chain of the paper: ENAS's network, without 1x1 convolutions, pruned.
func TestCryptoNASChain(t *testing.T) {
	list := readPublished(t)
	for _, original := range list {
		if original.Squeeze == 0 {
			continue
		}
		without := list[slices.IndexFunc(list, func(p published) bool { return p.Net == original.Net && p.Squeeze == 0 })]
		m := load(t, original.Net, original.Squeeze)
		run(t, m, choices.Resolve)
		original.holds(t, m, "resolve", original.Before)
		for _, step := range []struct {
			pass *pass.Pass
			want int64
		}{{relu.Unsqueeze, without.Before}, {relu.Shuffle, without.Shuffled}, {relu.Prune, without.Pruned}} {
			run(t, m, step.pass)
			without.holds(t, m, step.pass.Name, step.want)
		}
	}
}

// Pruning needs no shuffling before it.
func TestPruningAloneGivesTheSame(t *testing.T) {
	for _, c := range readPublished(t) {
		m := load(t, c.Net, c.Squeeze)
		run(t, m, choices.Resolve, relu.Prune)
		c.holds(t, m, relu.Prune.Name, c.Pruned)
	}
}
