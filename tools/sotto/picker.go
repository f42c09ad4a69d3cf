package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// picker looks for the options that are cheapest together. A table of the space's prices finds networks: it prices one without lowering it, but
// with the comparisons that the network without polynomials has, and all layers packed alike. What is found, the network without polynomials and
// the one with all of them are then held against each other as they would be compiled, each with what is chosen for it, so that neither of the
// two is estimated faster than the pick.
type picker struct {
	app       *app
	n         *network
	flags     lowerFlags
	target    cost.Target
	objective choose.Objective
	sites     []choices.Site
	offers    []offer

	plain, polynomial []int                      // options: no polynomial wherever there need be none, and one wherever there may be
	problems          map[string]*choose.Problem // of these two and the others that were last looked at, by their options
	others            []string
	context           pass.Context           // that they are lowered with
	tables            map[string]*cost.Table // by the protocols of comparisons
	queries           []*cost.Query          // of one of them on a link, with each extension and way of products: the cheapest counts
}

// offer is an open choice between options that are polynomials and others. One that does nothing is not among these: it would be the cheapest
// everywhere.
type offer struct {
	site                 int
	compares, polynomial []int // options
}

func (o *offer) options() []int { return slices.Concat(o.compares, o.polynomial) }

// picker prepares the pick of what a network's decisions leave open.
func (a *app) picker(n *network, f lowerFlags, target cost.Target) (*picker, error) {
	f.weights, f.calibration, f.precision, f.dump, f.printAfter, f.explain = "", "", "", "", "", false
	p := &picker{app: a, n: n, flags: f, target: target, sites: choices.Sites(n.fn()), problems: map[string]*choose.Problem{}, tables: map[string]*cost.Table{}}
	var err error
	if p.objective, err = f.objective(); err != nil {
		return nil, err
	}
	decided, err := choices.Decide(n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	p.offers = offersOf(n.fn(), p.sites, decided)
	if len(p.offers) == 0 {
		return nil, usagef("--allow %s: no choice that offers a polynomial is open: accepted are networks with one that --set leaves", allowPolynomial)
	}
	p.plain = make([]int, len(p.sites))
	for i, s := range p.sites {
		p.plain[i] = slices.Index(s.Options, decided[s.Path])
	}
	p.polynomial = slices.Clone(p.plain)
	for _, o := range p.offers {
		p.plain[o.site], p.polynomial[o.site] = o.compares[0], o.polynomial[0]
	}
	if i := slices.Index(p.plain, -1); i >= 0 {
		s := p.sites[i]
		return nil, usagef("choice %s is open and offers no polynomial: accepted is --set %s=OPTION, of %s", s.Path, s.Choice, strings.Join(s.Options, ", "))
	}
	return p, nil
}

// offersOf lists the sites of a space that are not decided and offer both.
func offersOf(f *ir.Func, sites []choices.Site, decided map[string]string) (all []offer) {
	values := map[string]*ir.Value{} // by site: uses of a shared choice are alike
	f.Walk(func(v *ir.Value) {
		if v.Is("choice") {
			values[v.Str("site")] = v
		}
	})
	for i, s := range sites {
		o := offer{site: i}
		for k, option := range values[s.Path].Options {
			switch {
			case slices.ContainsFunc(option.Body, func(v *ir.Value) bool { return v.Is("nn.x2act") }):
				o.polynomial = append(o.polynomial, k)
			case len(option.Body) > 0:
				o.compares = append(o.compares, k)
			}
		}
		if decided[s.Path] == "" && o.polynomial != nil && o.compares != nil {
			all = append(all, o)
		}
	}
	return all
}

// with is the network with options.
func (p *picker) with(options []int) *network {
	n := *p.n
	n.decisions = slices.Clone(n.decisions)
	for _, o := range p.offers {
		s := p.sites[o.site]
		n.decisions = append(n.decisions, pass.Decision{Site: s.Path, Option: s.Options[options[o.site]]})
	}
	return &n
}

// weighed is a network as it would be compiled for a link.
type weighed struct {
	options []int
	program choose.Candidate
	ms      float64 // of what is made least
}

// weigh chooses the protocols of a network.
func (p *picker) weigh(options []int, link cost.Link) (weighed, error) {
	problem, err := p.problem(options)
	if err != nil {
		return weighed{}, err
	}
	c, err := problem.Choose(link)
	return weighed{options, c.Candidate, c.Times.By(p.objective)}, err
}

// mostProblems bounds the memory of programs that were priced: what is found on either side of a flip is compared there.
const mostProblems = 2

// problem is the choice of protocols of a network.
func (p *picker) problem(options []int) (*choose.Problem, error) {
	key := fmt.Sprint(options)
	if had := p.problems[key]; had != nil {
		return had, nil
	}
	if len(p.others) == mostProblems {
		delete(p.problems, p.others[0])
		p.others = p.others[1:]
	}
	if !slices.Equal(options, p.plain) && !slices.Equal(options, p.polynomial) {
		p.others = append(p.others, key)
	}
	n := p.with(options)
	l, err := p.app.lowering(n, p.flags)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.choose(n, p.flags, p.target); err != nil {
		return nil, err
	}
	if err := l.toRing(n); err != nil {
		return nil, err
	}
	if _, err := l.pose(); err != nil {
		return nil, err
	}
	p.context, p.problems[key] = *l.context, l.deciding.problem
	p.context.Protocols = l.deciding.base
	return l.deciding.problem, nil
}

// best weighs what is found from no polynomial anywhere and from one wherever there may be, and both of these.
func (p *picker) best(link cost.Link) (weighed, error) {
	best, err := p.weigh(p.plain, link)
	if err != nil {
		return best, err
	}
	if err := p.on(best.program, link); err != nil {
		return best, err
	}
	seen := [][]int{p.plain}
	for _, from := range [][]int{p.plain, p.polynomial} {
		found, err := p.descend(from)
		if err != nil {
			return best, err
		}
		for _, options := range [][]int{from, found} {
			if slices.ContainsFunc(seen, func(o []int) bool { return slices.Equal(o, options) }) {
				continue
			}
			seen = append(seen, options)
			x, err := p.weigh(options, link)
			if err != nil {
				return best, err
			}
			if x.ms < best.ms {
				best = x
			}
		}
	}
	return best, nil
}

// on takes the prices of a link, with the comparisons of a program of the network without polynomials.
func (p *picker) on(program choose.Candidate, link cost.Link) error {
	space := p.problems[fmt.Sprint(p.plain)].Forms[program.Form].Space
	with := space.Protocols(program)
	with.Nonlinear, with.Truncation = mostly(countWays(program.Ways)), p.context.Protocols.Truncation // of what that network has not
	key := fmt.Sprint(with)
	t := p.tables[key]
	if t == nil {
		p.app.progress.step("networks of the space")
		own := p.context
		own.Protocols = with
		var err error
		if t, _, err = passes.PriceTable(&own, p.n.module, p.target, program.OT, program.Elementwise); err != nil {
			return err
		}
		p.tables[key] = t
	}
	all, err := p.problem(p.polynomial) // which has what can be made in several ways
	if err != nil {
		return err
	}
	t, p.queries = t.On(link), p.queries[:0]
	for _, products := range all.Forms[0].Space.Elementwise {
		for _, ot := range all.Forms[0].Space.OTs {
			p.queries = append(p.queries, t.With(ot, products).NewQuery())
		}
	}
	return nil
}

// mostly is the way that most ops take, of equals the first.
func mostly(counts map[pass.Nonlinear]int) pass.Nonlinear {
	best := pass.Nonlinears()[0]
	for _, w := range pass.Nonlinears() {
		if counts[w] > counts[best] {
			best = w
		}
	}
	return best
}

// price is what a network takes by the table.
func (p *picker) price(options []int) (least choose.Times, err error) {
	for i, q := range p.queries {
		x, err := q.Price(options)
		if err != nil {
			return least, err
		}
		if t := (choose.Times{Offline: x.OfflineMS, Online: x.OnlineMS}); i == 0 || t.By(p.objective) < least.By(p.objective) {
			least = t
		}
	}
	return least, nil
}

// descend changes single options until none helps.
func (p *picker) descend(from []int) ([]int, error) {
	least, err := p.price(from)
	if err != nil {
		return nil, err
	}
	options := slices.Clone(from)
	for changed := true; changed; {
		changed = false
		for _, o := range p.offers {
			for _, k := range o.options() {
				was := options[o.site]
				options[o.site] = k
				t, err := p.price(options)
				if err != nil {
					return nil, err
				}
				if t.By(p.objective) < least.By(p.objective) {
					least, changed = t, true
				} else {
					options[o.site] = was
				}
			}
		}
	}
	return options, nil
}

// rows say what was picked, and what the other options would add by the table.
func (p *picker) rows(options []int) (all []picked, err error) {
	now, err := p.price(options)
	if err != nil {
		return nil, err
	}
	for _, o := range p.offers {
		s, chosen := p.sites[o.site], options[o.site]
		x := picked{Path: s.Path, Chosen: s.Options[chosen], Polynomial: slices.Contains(o.polynomial, chosen)}
		for _, k := range o.options() {
			if k == chosen {
				continue
			}
			other := slices.Clone(options)
			other[o.site] = k
			t, err := p.price(other)
			if err != nil {
				return nil, err
			}
			x.Rivals = append(x.Rivals, choose.Rival{Option: s.Options[k], Times: choose.Times{Offline: t.Offline - now.Offline, Online: t.Online - now.Online}})
		}
		slices.SortStableFunc(x.Rivals, func(a, b choose.Rival) int { return cmp.Compare(a.By(p.objective), b.By(p.objective)) })
		all = append(all, x)
	}
	return all, nil
}

// flips finds the nearest values on either side of the link's where the pick turns, and notes them with the rows that change there.
func (p *picker) flips(all []picked, link cost.Link) error {
	for i := range all {
		all[i].Flips = []choose.Flip{} // asked for, though there may be none
	}
	for _, axis := range choose.Axes() {
		turns, err := choose.Nearest(axis, axis.Of(link), choose.Line[weighed]{
			Choose: func(x float64) (weighed, error) { return p.best(axis.At(link, x)) },
			Price: func(c weighed, x float64) (float64, error) {
				problem, err := p.problem(c.options)
				if err != nil {
					return 0, err
				}
				t, err := problem.Price(c.program, axis.At(link, x))
				return t.By(p.objective), err
			},
			Same:  func(a, b weighed) bool { return slices.Equal(a.options, b.options) && a.program.Same(b.program) },
			Alike: func(a, b weighed) bool { return slices.Equal(a.options, b.options) },
		})
		if err != nil {
			return err
		}
		if turns, err = p.confirmed(turns, axis, link); err != nil {
			return err
		}
		for i, o := range p.offers {
			of := func(x weighed) string { return p.sites[o.site].Options[x.options[o.site]] }
			all[i].Flips = append(all[i].Flips, choose.Flips(turns, of, axis, axis.Of(link))...)
		}
	}
	return nil
}

// side is how far from a turn the pick is made again, as a factor.
const side = 1.0005

// confirmed leaves the turns where the picks on either side are those that were compared: of networks that nearly cost the same, now one is
// found and now another.
func (p *picker) confirmed(turns []choose.Turn[weighed], axis choose.Axis, link cost.Link) (real []choose.Turn[weighed], err error) {
	for _, t := range turns {
		below, err := p.best(axis.At(link, t.At/side))
		if err != nil {
			return nil, err
		}
		beyond, err := p.best(axis.At(link, t.At*side))
		if err != nil {
			return nil, err
		}
		if slices.Equal(below.options, t.Below.options) && slices.Equal(beyond.options, t.Beyond.options) {
			real = append(real, t)
		}
	}
	return real, nil
}
