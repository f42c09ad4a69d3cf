package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// sharedSearch is a search of a space in fixed point, and what two parties compute of it.
func sharedSearch(t *testing.T, space string, flags ...string) (*searcher, *searchPrograms) {
	t.Helper()
	a, n := loaded(t, space)
	s := &searcher{app: a, n: n, f: &searchFlags{}}
	c := &cobra.Command{}
	s.f.add(c)
	err := c.ParseFlags(append(flags, "--ring", "64", "-o", t.TempDir()))
	if err == nil {
		s.goal, err = s.f.goal(n, c)
	}
	if err == nil {
		err = s.begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	how, err := s.f.settings.ringTraining()
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.searchPrograms(n, &pass.Context{Training: how, Deploy: cost.Outsourced, Source: cost.FromDealer, Protocols: pass.Protocols{Nonlinear: pass.DealtSign}})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// Two parties begin a search with the state, to the last bit, that the same search in the clear begins with, what options cost included; and what
// they decide are numbers of options, site by site as they stand in the program.
func TestSharedSearch(t *testing.T) {
	s, p := sharedSearch(t, killedSpace, "--data", "glyphs:40", "--batch", "4", "--target", "lan", "--seed", "7")
	t.Run("begins", func(t *testing.T) { beginsAsInTheClear(t, s, p) })
	t.Run("decides", func(t *testing.T) { namesDecisions(t, p) })
}

func beginsAsInTheClear(t *testing.T, s *searcher, p *searchPrograms) {
	const weight = 0.5
	w := &privateWork{net: s.n, steps: p.steps(), sites: p.sites}
	s.f.weights = []float64{weight}
	if err := s.app.beginSearch(w, s.f, s.goal); err != nil {
		t.Fatal(err)
	}
	got, err := w.beginning()
	delete(got, decisionShare)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.fixed(weight, nil)
	if err != nil {
		t.Fatal(err)
	}
	priced := 0
	for path, x := range got {
		want, err := e.Weight(path, x.Type.Shape)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range x.Real() {
			if float32(r) != want[i] {
				t.Fatalf("%s[%d] is %g for two parties, %g in the clear", path, i, r, want[i])
			}
		}
		if strings.HasSuffix(path, ".costs") {
			priced++
			if x.Real()[0] == 0 || x.Real()[0] == x.Real()[1] {
				t.Errorf("%s are %v", path, x.Real())
			}
		}
	}
	if kept := len(e.State()); priced != 2 || len(got) < 20 || len(got) > kept {
		t.Errorf("%d tensors of state, %d of them costs; the search in the clear keeps %d", len(got), priced, kept)
	}
}

func namesDecisions(t *testing.T, p *searchPrograms) {
	var order, want []string
	for _, v := range p.decide.secure.Funcs[0].Body {
		if path, ok := strings.CutSuffix(v.Path, ".logits"); ok && v.Op.State {
			order = append(order, path)
		}
	}
	for _, site := range p.sites {
		want = append(want, site.Path)
	}
	if len(want) != 2 || !slices.Equal(order, want) {
		t.Errorf("the program decides of %v, what it gives is read as of %v", order, want)
	}
	got, err := namedOptions(p.sites, []int64{1, 0})
	if err != nil || got[want[0]] != "x2act" || got[want[1]] != "relu" {
		t.Errorf("options 1 and 0 are %v, %v", got, err)
	}
	for _, bad := range [][]int64{{0}, {0, 2}, {-1, 0}} {
		if _, err := namedOptions(p.sites, bad); err == nil {
			t.Errorf("options %v of two sites of two options are taken", bad)
		}
	}
}
