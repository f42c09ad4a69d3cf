package relu_test

import (
	"encoding/json"
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

// published are the ReLUs of a network before the passes and after each.
type published struct {
	Net, Source              string
	Squeeze                  int
	Before, Shuffled, Pruned int64
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
		}{{choices.Resolve, c.Before}, {relu.Shuffle, c.Shuffled}, {relu.Prune, c.Pruned}, {clean.DCE, c.Pruned}} {
			run(t, m, step.pass)
			if got := relu.Count(m.Funcs[0]); got != step.want {
				t.Errorf("%s with squeeze = %d after %s: %d ReLUs, want %d (%s)", c.Net, c.Squeeze, step.pass.Name, got, step.want, c.Source)
			}
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
		for _, step := range []struct {
			pass *pass.Pass
			want int64
		}{{choices.Resolve, original.Before}, {relu.Unsqueeze, without.Before}, {relu.Shuffle, without.Shuffled}, {relu.Prune, without.Pruned}} {
			run(t, m, step.pass)
			if got := relu.Count(m.Funcs[0]); got != step.want {
				t.Errorf("%s after %s: %d ReLUs, want %d (%s)", original.Net, step.pass.Name, got, step.want, without.Source)
			}
		}
	}
}

// Pruning needs no shuffling before it.
func TestPruningAloneGivesTheSame(t *testing.T) {
	for _, c := range readPublished(t) {
		m := load(t, c.Net, c.Squeeze)
		run(t, m, choices.Resolve, relu.Prune)
		if got := relu.Count(m.Funcs[0]); got != c.Pruned {
			t.Errorf("%s with squeeze = %d: %d ReLUs, want %d (%s)", c.Net, c.Squeeze, got, c.Pruned, c.Source)
		}
	}
}
