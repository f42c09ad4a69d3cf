package main

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"sotto/fpga/target"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/search"
	"sotto/tools/sotto/goals"
)

// spacePrices prices the networks of a space by the figures that a goal names, each in less than a millisecond once it is known.
type spacePrices struct {
	fn      *ir.Func
	sites   []choices.Site
	figures []goals.Figure
	tables  map[string]*cost.Table // by target
	queries map[string]*cost.Query
	boards  map[string]target.Design
	counted map[string]frontend.Summary // by options
}

// tableFigures are the figures that a table of prices has.
var tableFigures = map[string]cost.Figures{
	"latency": {OnlineMS: 1}, "offline": {OfflineMS: 1}, "total": {OnlineMS: 1, OfflineMS: 1},
	"traffic": {OnlineBytes: 1, OfflineBytes: 1}, "online": {OnlineBytes: 1}, "rounds": {OnlineRounds: 1},
}

// countFigures are the figures that are counted in the network itself.
var countFigures = map[string]func(frontend.Summary) float64{
	"relus":  func(s frontend.Summary) float64 { return float64(s.ReLUs) },
	"macs":   func(s frontend.Summary) float64 { return float64(s.MACs) },
	"params": func(s frontend.Summary) float64 { return float64(s.Params) },
}

// areaFigures are the figures of a board.
var areaFigures = map[string]func(target.Area) float64{
	"lut": func(a target.Area) float64 { return float64(a.LUT) }, "ff": func(a target.Area) float64 { return float64(a.FF) },
	"dsp": func(a target.Area) float64 { return float64(a.DSP) }, "bram": func(a target.Area) float64 { return float64(a.BRAM36()) },
	"uram": func(a target.Area) float64 { return float64(a.URAM) },
}

// figuresOf lists the figures of an objective and limits, each once.
func figuresOf(g *goals.Goal) (all []goals.Figure) {
	for _, t := range g.Objective {
		all = append(all, t.Figure)
	}
	for _, l := range slices.Concat(g.Limits, g.Levels) {
		all = append(all, l.Figure)
	}
	slices.SortFunc(all, func(a, b goals.Figure) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all)
}

// limitsOf are the limits by the names of measures.
func limitsOf(limits []goals.Limit) (out []search.Limit) {
	for _, l := range limits {
		out = append(out, search.Limit{Measure: l.Figure.String(), Most: l.Most})
	}
	return out
}

// newMeasures is what figures of single networks are taken by, without tables.
func (a *app) newMeasures(n *network, flags lowerFlags, figures []goals.Figure) (*spacePrices, error) {
	p := &spacePrices{fn: n.fn(), sites: choices.Sites(n.fn()), figures: figures, tables: map[string]*cost.Table{}, queries: map[string]*cost.Query{},
		boards: map[string]target.Design{}, counted: map[string]frontend.Summary{}}
	for _, f := range figures {
		if _, ok := areaFigures[f.Measure]; ok {
			d, err := a.design(f.Target, n, flags.ring)
			if err != nil {
				return nil, err
			}
			p.boards[f.Target] = d
		}
	}
	return p, nil
}

// newSpacePrices builds the tables that figures need too. Networks are compiled with the protocols of the one with the first option everywhere.
func (a *app) newSpacePrices(n *network, flags lowerFlags, figures []goals.Figure) (*spacePrices, error) {
	p, err := a.newMeasures(n, flags, figures)
	if err != nil {
		return nil, err
	}
	for _, f := range figures {
		if _, ok := tableFigures[f.Measure]; ok && p.tables[f.Target] == nil {
			prices, err := a.target(f.Target, n)
			if err != nil {
				return nil, err
			}
			a.progress.step("prices of the space on %s", f.Target)
			t, err := a.spaceTable(n, flags, prices)
			if err != nil {
				return nil, err
			}
			p.tables[f.Target], p.queries[f.Target] = t, t.NewQuery()
		}
	}
	return p, nil
}

// spaceTable is the table of a space's prices on a target.
func (a *app) spaceTable(n *network, flags lowerFlags, prices cost.Target) (*cost.Table, error) {
	l, err := a.firstOptions(n, flags, prices)
	if err != nil {
		return nil, err
	}
	defer l.close()
	t, _, err := passes.PriceTable(l.context, n.module, prices, l.secure.OT, l.secure.Elementwise)
	return t, err
}

// firstOptions compiles the network with the first option everywhere: the protocols that it takes are those of all networks of a table.
func (a *app) firstOptions(n *network, flags lowerFlags, prices cost.Target) (*lowering, error) {
	first := *n
	first.decisions = nil
	for _, s := range choices.Sites(n.fn()) {
		first.decisions = append(first.decisions, pass.Decision{Site: s.Path, Option: s.Options[0]})
	}
	l, err := a.lowering(&first, flags)
	if err != nil {
		return nil, err
	}
	if err = l.choose(&first, flags, prices); err == nil {
		err = l.toSecure(&first)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// design finds the board of a target and the design on it that its prices are of.
func (a *app) design(name string, n *network, ring int) (target.Design, error) {
	prices, err := a.target(name, n)
	if err != nil {
		return target.Design{}, err
	}
	pair, _, _ := strings.Cut(name, "@")
	for _, d := range n.targets {
		if d.Name.Name == name {
			device, err := deviceOf(d)
			if err != nil {
				return target.Design{}, err
			}
			pair = device + pairSuffix
		}
	}
	b, err := a.board(pair)
	if err != nil {
		return target.Design{}, fmt.Errorf("only boards have LUTs: %w", err)
	}
	return target.ForLink(b, cmp.Or(ring, 32), prices.Link)
}

// areaFor is what a design takes of its board without the kernels that a network has no use for.
func areaFor(d target.Design, s frontend.Summary) target.Area {
	if s.ReLUs == 0 && s.MaxpoolInputs == 0 {
		d.Garble.Count, d.Evaluate.Count, d.OT.AES, d.Compare.Lanes = 0, 0, 0, 0
	}
	return d.Area()
}

// price gives a network's figures by the option of each site. Not for several at once.
func (p *spacePrices) price(options []int) (search.Measures, error) {
	out := search.Measures{}
	priced := map[string]cost.Figures{}
	for name, q := range p.queries {
		figures, err := q.Price(options)
		if err != nil {
			return nil, err
		}
		priced[name] = figures.Figures()
	}
	for _, f := range p.figures {
		if weights, ok := tableFigures[f.Measure]; ok {
			out[f.String()] = priced[f.Target].Dot(weights)
			continue
		}
		s, err := p.summary(options)
		if err != nil {
			return nil, err
		}
		if count, ok := countFigures[f.Measure]; ok {
			out[f.String()] = count(s)
		} else {
			out[f.String()] = areaFigures[f.Measure](areaFor(p.boards[f.Target], s))
		}
	}
	return out, nil
}

// summary counts a network.
func (p *spacePrices) summary(options []int) (frontend.Summary, error) {
	key := fmt.Sprint(options)
	if s, known := p.counted[key]; known {
		return s, nil
	}
	net, err := p.network(options)
	if err != nil {
		return frontend.Summary{}, err
	}
	s := frontend.Summarise(net)
	p.counted[key] = s
	return s, nil
}

// decisions names the options of sites.
func (p *spacePrices) decisions(options []int) (out []pass.Decision) {
	for i, s := range p.sites {
		out = append(out, pass.Decision{Site: s.Path, Option: s.Options[options[i]]})
	}
	return out
}

// network is the one with these options.
func (p *spacePrices) network(options []int) (*ir.Func, error) {
	net, open, err := choices.First(p.fn, p.decisions(options))
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("sites without an option: %s", strings.Join(open, ", "))
	}
	return net, err
}

// effectNetworks are as many random networks as an option's effect is the mean of.
const effectNetworks = 16

// space is what a search is told: how many options there are, what each adds to the objective, and the limits.
func (p *spacePrices) space(g *goals.Goal) (*search.Space, error) {
	s := &search.Space{Price: p.price, Limits: limitsOf(g.Limits)}
	for _, site := range p.sites {
		s.Options = append(s.Options, len(site.Options))
		s.Effects = append(s.Effects, make([]float64, len(site.Options)))
	}
	for _, name := range slices.Sorted(maps.Keys(p.tables)) { // sums that are the same each time
		t, weights := p.tables[name], cost.Figures{}
		for _, term := range g.Objective {
			if f, ok := tableFigures[term.Measure]; ok && term.Target == name {
				weights = sumFigures(weights, f, term.Weight)
			}
		}
		e, err := t.Effects(effectNetworks, rand.New(rand.NewPCG(effectsSeed, effectsSeed)).IntN)
		if err != nil {
			return nil, err
		}
		s.Mean += e.Mean.Dot(weights)
		for site := range e.Sites {
			for o, f := range e.Sites[site] {
				s.Effects[site][o] += f.Dot(weights)
			}
		}
	}
	return s, p.addCounts(s, g)
}

// sumFigures is a + w*b.
func sumFigures(a, b cost.Figures, w float64) cost.Figures {
	return cost.Figures{OfflineMS: a.OfflineMS + w*b.OfflineMS, OnlineMS: a.OnlineMS + w*b.OnlineMS, OfflineBytes: a.OfflineBytes + w*b.OfflineBytes,
		OnlineBytes: a.OnlineBytes + w*b.OnlineBytes, OnlineRounds: a.OnlineRounds + w*b.OnlineRounds, ReLUs: a.ReLUs + w*b.ReLUs}
}

// addCounts adds the effects of what is counted: differences from the network with the first options, where sites do not nest exactly so.
func (p *spacePrices) addCounts(s *search.Space, g *goals.Goal) error {
	value := func(options []int) (sum float64, err error) {
		for _, t := range g.Objective {
			if _, ok := tableFigures[t.Measure]; ok {
				continue
			}
			m, err := p.price(options)
			if err != nil {
				return 0, err
			}
			sum += t.Weight * m[t.Figure.String()]
		}
		return sum, nil
	}
	if !slices.ContainsFunc(g.Objective, func(t goals.Term) bool { _, ok := tableFigures[t.Measure]; return !ok }) {
		return nil
	}
	options := make([]int, len(s.Options))
	base, err := value(options)
	if err != nil {
		return err
	}
	s.Mean += base
	for site, n := range s.Options {
		added := make([]float64, n)
		mean := 0.0
		for o := range n {
			options[site] = o
			v, err := value(options)
			if err != nil {
				return err
			}
			added[o] = v - base
			mean += added[o] / float64(n)
		}
		options[site] = 0
		s.Mean += mean
		for o := range n {
			s.Effects[site][o] += added[o] - mean
		}
	}
	return nil
}

// names lists the figures in their order.
func (p *spacePrices) names() (out []string) {
	for _, f := range p.figures {
		out = append(out, f.String())
	}
	return out
}

// measureNames lists a network's figures in a fixed order.
func measureNames(m search.Measures) []string { return slices.Sorted(maps.Keys(m)) }
