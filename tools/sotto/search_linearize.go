package main

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/passes/search"
	batches "sotto/tools/sotto/samples"
)

// linearizeSettings are those of the method linearize.
type linearizeSettings struct {
	Granularity []string `json:"granularity"`
	Distil      float64  `json:"distil"`
	Temperature float64  `json:"temperature"`
	Penalty     float64  `json:"penalty"`
	Growth      float64  `json:"growth"`
	GateRate    float64  `json:"gate_rate"`
	Limits      []string `json:"limits,omitempty"` // that gates close for, levels among them
}

func (s *linearizeSettings) add(c *cobra.Command) {
	c.Flags().StringSliceVar(&s.Granularity, "granularity", []string{"site"}, "what loses its ReLU at once: site, channel or pixel; several make a network each")
	c.Flags().Float64Var(&s.Distil, "distil", 0.5, "part of a label that is the answer of the network with all its ReLUs, while what was linearized is trained on; 0: none")
	c.Flags().Float64Var(&s.Temperature, "temperature", 2, "of that network's softmax")
	c.Flags().Float64Var(&s.Penalty, "penalty", search.SNL.Penalty, "of an open gate, at first")
	c.Flags().Float64Var(&s.Growth, "growth", search.SNL.Growth, "of the penalty after an epoch in which too few gates closed")
	c.Flags().Float64Var(&s.GateRate, "gate-rate", search.SNL.GateRate, "learning rate of the gates")
}

// linearizeFields are the flags that a search block may set for the method.
var linearizeFields = []string{"granularity", "distil", "temperature", "penalty", "growth", "gate-rate"}

// site is the granularity without gates: a ReLU goes as a whole.
const site = "site"

// grains are the granularities that have gates.
var grains = map[string]relu.Grain{"channel": relu.Channel, "pixel": relu.Pixel}

// snl takes SNL's settings for what was not said.
func (f *searchFlags) snl(cmd *cobra.Command) {
	if !cmd.Flags().Changed("epochs") {
		f.settings.Epochs = search.SNL.Epochs
	}
}

// linearizable says what the method lacks.
func (s *searcher) linearizable() error {
	set := &s.f.settings
	unknown := func(g string) bool { _, gated := grains[g]; return !gated && g != site }
	switch {
	case len(set.Granularity) == 0 || slices.ContainsFunc(set.Granularity, unknown):
		return usagef("--granularity %s: accepted are site, %s", strings.Join(set.Granularity, ","), strings.Join(slices.Sorted(maps.Keys(grains)), ", "))
	case len(s.goal.Limits)+len(s.goal.Levels) == 0:
		return usagef("a network without limits keeps its ReLUs: accepted is --budget, such as relus=20K or latency=40ms")
	case s.n.relus.any():
		return usagef("the method linearize chooses the ReLUs that go: accepted is a network without --gates, --prune and \"linearize\"")
	case s.f.init == "" && set.Pretrain == 0:
		return usagef("the method linearize takes a trained network: accepted are --init FILE, and --pretrain of some epochs")
	case s.f.random > 0 && !slices.Equal(set.Granularity, []string{site}):
		return usagef("--random draws sites: accepted with it is --granularity site")
	}
	check := batches.Distilled{Weight: set.Distil, Temperature: set.Temperature}
	if err := check.Check(); set.Distil != 0 && err != nil {
		return usageError{err}
	}
	set.Limits = nil
	for _, l := range limitsOf(slices.Concat(s.goal.Limits, s.goal.Levels)) {
		set.Limits = append(set.Limits, l.String())
	}
	return nil
}

// byLinearizing takes ReLUs off a trained network until it holds the limits, and trains what is left with that network as its teacher: once for
// each granularity and level.
func (s *searcher) byLinearizing(kept map[string]*trial) ([]*trial, error) {
	if err := s.linearizable(); err != nil {
		return nil, err
	}
	begin, err := s.trained(s.n)
	if err != nil {
		return nil, err
	}
	whole := &trial{Name: "all-relus", Baseline: true, also: -s.f.settings.Finetune} // as it was
	if whole, err = s.once(kept, whole, s.n, named(s.n), begin); err != nil {
		return nil, err
	}
	out := []*trial{whole}
	for _, grain := range s.f.settings.Granularity {
		for name, under := range s.levels(grain) {
			trials, err := under.linearized(kept, name, grain, begin)
			if err != nil {
				return nil, err
			}
			out = append(out, trials...)
		}
	}
	return out, nil
}

// levels are the names of a granularity's networks, and a search for each: one for each level, one where there is none.
func (s *searcher) levels(grain string) iter.Seq2[string, *searcher] {
	return func(yield func(string, *searcher) bool) {
		if len(s.goal.Levels) == 0 {
			yield(grain, s)
		}
		for _, level := range s.goal.Levels {
			under := *s
			under.goal = s.goal.Under(level)
			under.limits = limitsOf(under.goal.Limits)
			if !yield(grain+"-"+level.Measure+"-"+strconv.FormatFloat(level.Most, 'f', -1, 64), &under) {
				return
			}
		}
	}
}

// linearized finds a network, draws as many as are asked for, and trains them all with the network with all ReLUs as their teacher.
func (s *searcher) linearized(kept map[string]*trial, name, grain string, begin map[string][]float32) (out []*trial, err error) {
	var found []pass.Gates
	state := begin
	if grain == site {
		found, err = s.bySites(name, begin)
	} else {
		found, state, err = s.byGates(name, grains[grain], begin)
	}
	if err != nil {
		return nil, err
	}
	taught, err := s.taughtBy(begin)
	if err != nil {
		return nil, err
	}
	for i, gates := range found {
		t := &trial{Name: name, Grain: grain}
		if i > 0 {
			t.Name, t.Random = fmt.Sprintf("%s-random-%d", name, i), true
		}
		n := *s.n
		n.relus.gates = gates
		if t, err = taught.once(kept, t, &n, named(&n), state); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// bySites finds the sites that lose least, by trying each alone, and draws others of the same price.
func (s *searcher) bySites(name string, begin map[string][]float32) ([]pass.Gates, error) {
	opened := *s.n
	opened.module = s.n.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Choices: s.n.decisions}, opened.module, passes.Opened...); err != nil {
		return nil, err
	}
	opened.decisions = nil
	if len(choices.Sites(opened.fn())) == 0 {
		return nil, fmt.Errorf("@%s has no ReLUs to take off", s.n.fn().Name)
	}
	prices, err := s.newSpacePrices(&opened, s.f.lower, s.prices.figures)
	if err != nil {
		return nil, err
	}
	if s.space, err = prices.space(s.goal); err != nil {
		return nil, err
	}
	e, err := s.engineOf(&opened, passes.ToSupernet)
	if err != nil {
		return nil, err
	}
	if err := carry(e, begin, s.isWeight); err != nil {
		return nil, err
	}
	l, err := search.NewLinearize(e, s.space, s.data.Batches(search.Valid))
	if err != nil {
		return nil, err
	}
	if err := s.phase(filepath.Join(name, "sites"), l, e); err != nil {
		return nil, err
	}
	best, _, err := l.Best()
	if err != nil {
		return nil, err
	}
	drawn, err := s.alike(best, s.f.random, s.f.settings.Seed)
	if err != nil {
		return nil, err
	}
	var found []pass.Gates
	for _, options := range append([][]int{best}, drawn...) {
		found = append(found, closed(prices.decisions(options)))
	}
	return found, nil
}

// closed gives the gates of what sites were decided for.
func closed(decided []pass.Decision) pass.Gates {
	gates := pass.Gates{}
	for _, d := range decided {
		if d.Option == choices.Passed {
			gates[d.Site] = pass.Gate{Shape: []int{1}, Keep: []int64{0}}
		}
	}
	return gates
}

// byGates closes gates of channels or pixels while weights are trained with them, and gives those weights.
func (s *searcher) byGates(name string, grain relu.Grain, begin map[string][]float32) ([]pass.Gates, map[string][]float32, error) {
	set := s.f.settings
	net := s.n.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Choices: s.n.decisions}, net, passes.AsWritten...); err != nil {
		return nil, nil, err
	}
	relus := grain.Gates(net.Funcs[0])
	if len(relus) == 0 {
		return nil, nil, fmt.Errorf("@%s has no ReLUs to take off", s.n.fn().Name)
	}
	var paths []string
	var each []float64
	for _, r := range relus {
		paths = append(paths, r.Weight())
		each = append(each, slices.Repeat([]float64{float64(r.ReLUs)}, r.Count)...)
	}
	e, err := s.engineOf(s.n, passes.WithGates(grain), paths...)
	if err != nil {
		return nil, nil, err
	}
	if err := carry(e, begin, s.isWeight); err != nil {
		return nil, nil, err
	}
	g := search.NewGates(e, each, s.gatedPrice(relus), s.limits, search.GateSettings{Epochs: set.Epochs, Batches: s.data.Batches(search.Train), Rate: set.FinetuneRate,
		GateRate: set.GateRate, Penalty: set.Penalty, Growth: set.Growth, Slow: search.SNL.Slow, Open: search.SNL.Open})
	if err := s.phase(filepath.Join(name, "gates"), g, e); err != nil {
		return nil, nil, err
	}
	open, err := g.Kept()
	if err != nil {
		return nil, nil, err
	}
	return []pass.Gates{masks(relus, open)}, e.State(), nil
}

// gatedPrice gives the figures that limits are of, of the network that is left, as it is compiled.
func (s *searcher) gatedPrice(relus []relu.Gated) func(open []bool) (search.Measures, error) {
	only := s.limited()
	return func(open []bool) (search.Measures, error) {
		n := *s.n
		n.relus.gates = masks(relus, open)
		return only.measure(&n)
	}
}

// masks are the gates of each ReLU, as a decision file has them.
func masks(relus []relu.Gated, open []bool) pass.Gates {
	out := pass.Gates{}
	for _, r := range relus {
		gate := pass.Gate{Shape: []int{r.Count}, Keep: make([]int64, r.Count)}
		for i := range gate.Keep {
			if open[i] {
				gate.Keep[i] = 1
			}
		}
		out[r.Path], open = gate, open[r.Count:]
	}
	return out
}

// taughtBy is the search with the network with these weights and all its ReLUs as the teacher of what it trains.
func (s *searcher) taughtBy(weights map[string][]float32) (*searcher, error) {
	if s.f.settings.Distil == 0 {
		return s, nil
	}
	e, err := s.engineOf(s.n, passes.ToTrainable)
	if err != nil {
		return nil, err
	}
	taught := *s
	taught.taught = &batches.Distilled{Of: s.data, Teacher: e.Answers, Weight: s.f.settings.Distil, Temperature: s.f.settings.Temperature}
	return &taught, carry(e, weights, s.isWeight)
}
