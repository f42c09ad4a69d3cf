package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/spf13/cobra"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/search"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/weights"
)

// cryptoNAS takes CryptoNAS's settings for what was not said.
func (f *searchFlags) cryptoNAS(cmd *cobra.Command) {
	c, s := search.CryptoNAS, &f.settings
	for name, take := range map[string]func(){
		"epochs": func() { s.Epochs = c.Epochs }, "finetune": func() { s.Finetune = c.Epochs }, "rate": func() { s.Rate = c.Rate },
		"finetune-rate": func() { s.FinetuneRate = c.Rate }, "weight-decay": func() { s.Decay = 2.5e-4 }, "nesterov": func() { s.Nesterov = true }, "clip": func() { s.Clip = 0 },
	} {
		if !cmd.Flags().Changed(name) {
			take()
		}
	}
}

// byBudget is CryptoNAS's search: for accuracy at one width, the width afterwards by the limits.
func (s *searcher) byBudget(kept map[string]*trial) ([]*trial, error) {
	macro, err := newMacroSpace(s.n)
	if err != nil {
		return nil, err
	}
	width, open := macro.width()
	limits := s.limits
	if open {
		limits = nil // the width sees to them
	}
	set := search.CryptoNAS
	set.Epochs, set.Batches, set.Rate, set.LeastRate = s.f.settings.Epochs, s.data.Batches(search.Train), s.f.settings.Rate, s.f.settings.Rate/100
	set.Updates, set.Drawn, set.Seed, set.Compared = s.f.settings.Updates, s.f.settings.Drawn, s.f.settings.Seed, max(1, s.data.Batches(search.Valid))
	set.Candidates = s.f.settings.Candidates
	b, err := search.NewBudget(s.sampler(macro), macro.decisions, s.macroPrice(macro, limits), limits, set)
	if err != nil {
		return nil, err
	}
	if err := s.phase("search", b, b.Sampler()); err != nil {
		return nil, err
	}
	best, err := b.Best()
	if err != nil {
		return nil, err
	}
	networks := append([][]int{best}, macro.drawn(s.f.random, s.f.settings.Seed)...)
	var out []*trial
	for i, options := range networks {
		t := &trial{Name: "found"}
		if i > 0 {
			t = &trial{Name: fmt.Sprintf("found-random-%d", i), Random: true}
		}
		shared, err := b.Shared(options)
		if err != nil {
			return nil, err
		}
		t.Shared = &shared
		n, err := macro.network(options)
		if err == nil && open {
			n, err = s.widest(n, width)
		}
		if err != nil {
			return nil, err
		}
		if t, err = s.once(kept, t, n, named(n), nil); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// byWidth trains a network as wide as the limits allow.
func (s *searcher) byWidth(kept map[string]*trial) ([]*trial, error) {
	width, open := (&macroSpace{n: s.n}).width()
	if !open {
		return nil, fmt.Errorf("@%s has no scalar parameter that is open: accepted are networks such as those with `let width in {8, 2..64}`", s.n.fn().Name)
	}
	n, err := s.widest(s.n, width)
	if err != nil {
		return nil, err
	}
	t, err := s.once(kept, &trial{Name: "found"}, n, named(n), nil)
	return []*trial{t}, err
}

// named are the parameters and choices that make a network of its file.
func named(n *network) (out []pass.Decision) {
	for _, p := range n.params {
		if indices := n.options.Params[p.Name]; indices != nil {
			out = append(out, pass.Decision{Site: p.Name, Option: valuesText(p, indices)})
		}
	}
	return append(out, n.decisions...)
}

// sampler trains networks of the space that share weights.
func (s *searcher) sampler(m *macroSpace) *engine.Macro {
	elaborate := func(options []int) (*ir.Module, engine.Init, error) {
		n, err := m.network(options)
		if err != nil {
			return nil, nil, err
		}
		if err := (&pass.Runner{}).Run(&pass.Context{Choices: n.decisions}, n.module, passes.ToTrainable...); err != nil {
			return nil, nil, err
		}
		w, err := weights.HeInitialised(n.fn(), nil, s.f.settings.Seed)
		if err != nil {
			return nil, nil, err
		}
		return n.module, w.Weight, nil
	}
	return engine.NewMacro(elaborate, engine.Options{Training: s.f.settings.training(), Seed: s.f.settings.Seed}, s.data)
}

// macroPrice gives the figures of a network that the limits ask for, and remembers them.
func (s *searcher) macroPrice(m *macroSpace, limits []search.Limit) func(options []int) (search.Measures, error) {
	known, only := map[string]search.Measures{}, s.limited()
	return func(options []int) (search.Measures, error) {
		key := fmt.Sprint(options)
		if known[key] != nil || len(limits) == 0 {
			return known[key], nil
		}
		n, err := m.network(options)
		if err != nil {
			return nil, err
		}
		known[key], err = only.measure(n)
		return known[key], err
	}
}

// width is the scalar parameter that is open, if there is one.
func (m *macroSpace) width() (frontend.Param, bool) {
	i := slices.IndexFunc(m.n.params, func(p frontend.Param) bool { return len(p.Dims) == 0 && m.n.options.Params[p.Name] == nil })
	if i < 0 {
		return frontend.Param{}, false
	}
	return m.n.params[i], true
}

// widest takes the value of a parameter with the most ReLUs of those that hold the limits: of what costs more as the parameter gives more ReLUs.
func (s *searcher) widest(n *network, width frontend.Param) (*network, error) {
	type valued struct {
		n     *network
		relus int64
	}
	var all []valued
	for i := range width.Values {
		of := *n
		of.options.Params = with(n.options.Params, width.Name, i)
		space, err := frontend.Elaborate(n.file, of.options)
		if err != nil {
			continue // a value that the network does not elaborate with
		}
		of.module, of.params = space.Module, space.Params
		net, _, err := choices.First(of.fn(), of.decisions)
		if err != nil {
			return nil, err
		}
		all = append(all, valued{&of, frontend.Summarise(net).ReLUs})
	}
	slices.SortStableFunc(all, func(a, b valued) int { return cmp.Compare(a.relus, b.relus) })
	least, only := search.Measures{}, s.limited()
	var failed error
	beyond := sort.Search(len(all), func(i int) bool {
		m, err := only.measure(all[i].n)
		failed = cmp.Or(failed, err)
		least.Lower(m)
		return err != nil || len(m.Broken(s.limits)) > 0
	})
	switch {
	case failed != nil:
		return nil, failed
	case beyond == 0:
		return nil, &search.BudgetError{Limits: s.limits, Least: least}
	}
	return all[beyond-1].n, nil
}

// with gives parameters with one more.
func with(params map[string][]int, name string, index int) map[string][]int {
	out := map[string][]int{name: {index}}
	for n, v := range params {
		out[n] = v
	}
	return out
}
