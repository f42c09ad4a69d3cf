package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// allowPolynomial is the value of --allow that lets prices decide between a comparison and a polynomial. It is never the default: the function is
// another one, so weights must have been trained for it.
const allowPolynomial = "polynomial"

// picked is a choice that was made by price, with what each other option would add.
type picked struct {
	Path       string         `json:"path"`
	Chosen     string         `json:"chosen"`
	Polynomial bool           `json:"polynomial"`
	Rivals     []choose.Rival `json:"rivals"`
	// Flips are where the choice of all together turns to another option here, if that was asked for.
	Flips []choose.Flip `json:"flips,omitempty"`
}

// checkAllowed refuses what --allow does not know.
func (f *lowerFlags) checkAllowed() error {
	for _, what := range f.allow {
		if what != allowPolynomial {
			return usagef("--allow %s: accepted is %s", what, allowPolynomial)
		}
	}
	return nil
}

// pick decides by price the open choices of a network that offer a polynomial, if that is allowed: the network with the decisions, and what was
// decided. Prices are those of the space's table, with the protocols that the network without polynomials takes, at assumed ranges; the
// protocols of what was picked are then chosen as of any network.
func (a *app) pick(n *network, f lowerFlags, target cost.Target) (*network, []picked, error) {
	if err := f.checkAllowed(); err != nil || len(f.allow) == 0 {
		return n, nil, err
	}
	if n.module.Stage != ir.Space {
		return nil, nil, usagef("--allow %s: accepted are networks with choices, such as choice act(x) = relu(x) | x2act(x)", allowPolynomial)
	}
	sites, open, err := openPolynomials(n)
	if err != nil {
		return nil, nil, err
	}
	if len(open) == 0 {
		return nil, nil, usagef("--allow %s: no choice that offers a polynomial is open: accepted are networks with one that --set leaves", allowPolynomial)
	}
	p, err := a.picker(n, f, target, sites, open)
	if err != nil {
		return nil, nil, err
	}
	if err := p.on(target.Link); err != nil {
		return nil, nil, err
	}
	net, all, err := p.run()
	if err != nil || !f.explain {
		return net, all, err
	}
	a.progress.step("looking for flips of polynomials")
	return net, all, p.flips(all, target.Link)
}

// openPolynomials lists the sites of a space, and by number those that are not decided and have an option with a polynomial, with the options
// that have none.
func openPolynomials(n *network) ([]choices.Site, map[int]int, error) {
	sites := choices.Sites(n.fn())
	decided, err := choices.Decide(n.fn(), n.decisions)
	if err != nil {
		return nil, nil, err
	}
	plain := map[string][]string{} // by site: options without polynomials
	n.fn().Walk(func(v *ir.Value) {
		if v.Is("choice") && plain[v.Str("site")] == nil { // uses of a shared choice are alike
			plain[v.Str("site")] = []string{}
			for _, o := range v.Options {
				if !slices.ContainsFunc(o.Body, func(x *ir.Value) bool { return x.Is("nn.x2act") }) {
					plain[v.Str("site")] = append(plain[v.Str("site")], o.Label)
				}
			}
		}
	})
	open := map[int]int{}
	for i, s := range sites {
		has := plain[s.Path]
		if _, done := decided[s.Path]; !done && 0 < len(has) && len(has) < len(s.Options) {
			open[i] = slices.Index(s.Options, has[0])
		}
	}
	return sites, open, nil
}

// picker looks for the options that are cheapest together.
type picker struct {
	n         *network
	sites     []choices.Site
	open      map[int]int // by site: an option without a polynomial
	objective choose.Objective
	problem   *choose.Problem // of the network without polynomials
	context   pass.Context    // that it was lowered with
	tables    map[tableProtocols]*cost.Table
	query     *cost.Query // of the one that is priced by
	step      func()      // tells that a table is made
}

// picker prices the space, with the protocols of the network that has no polynomial.
func (a *app) picker(n *network, f lowerFlags, target cost.Target, sites []choices.Site, open map[int]int) (*picker, error) {
	p := &picker{n: n, sites: sites, open: open}
	options, err := p.start()
	if err != nil {
		return nil, err
	}
	f.weights, f.calibration, f.precision, f.dump, f.printAfter, f.explain = "", "", "", "", "", false
	plain := p.with(options)
	l, err := a.lowering(plain, f)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.choose(plain, f, target); err != nil {
		return nil, err
	}
	if err := l.toSecure(plain); err != nil {
		return nil, err
	}
	p.objective, p.problem, p.context, p.tables = l.deciding.objective, l.deciding.problem, *l.context, map[tableProtocols]*cost.Table{}
	p.step = func() { a.progress.step("networks of the space") }
	return p, nil
}

// tableProtocols are what a table's networks have in common.
type tableProtocols struct {
	nonlinear   pass.Nonlinear
	garbling    cost.Scheme
	ot          cost.OT
	elementwise cost.Elementwise
}

// on takes the prices of a link, with the protocols that the network without polynomials takes there.
func (p *picker) on(link cost.Link) error {
	choice, err := p.problem.Choose(link)
	if err != nil {
		return err
	}
	c := choice.Candidate
	with := tableProtocols{mostly(countWays(c.Ways)), c.Garbling, c.OT, c.Elementwise}
	t := p.tables[with]
	if t == nil {
		p.step()
		own := p.context
		own.Protocols = pass.Protocols{Nonlinear: with.nonlinear, Truncation: own.Protocols.Truncation, Garbling: with.garbling}
		if t, _, err = passes.PriceTable(&own, p.n.module, p.problem.Target, with.ot, with.elementwise); err != nil {
			return err
		}
		p.tables[with] = t
	}
	p.query = t.On(link).NewQuery()
	return nil
}

// flips finds where the picks of all together turn, and notes the nearest with each.
func (p *picker) flips(all []picked, link cost.Link) error {
	for _, axis := range choose.Axes() {
		turns, err := choose.Turns(axis, axis.Of(link), choose.Line[[]int]{
			Choose: func(x float64) ([]int, error) {
				if err := p.on(axis.At(link, x)); err != nil {
					return nil, err
				}
				options, _, err := p.best()
				return options, err
			},
			Price: func(options []int, x float64) (float64, error) { return p.least(options, axis.At(link, x)) },
			Same:  slices.Equal[[]int],
		})
		if err != nil {
			return err
		}
		for i := range all {
			at := slices.IndexFunc(p.sites, func(s choices.Site) bool { return s.Path == all[i].Path })
			of := func(options []int) string { return p.sites[at].Options[options[at]] }
			all[i].Flips = append(all[i].Flips, choose.Flips(turns, of, axis, axis.Of(link))...)
		}
	}
	return nil
}

// least is what a network takes on a link by the cheapest of the tables that were made.
func (p *picker) least(options []int, link cost.Link) (float64, error) {
	least := math.Inf(1)
	for _, t := range p.tables {
		x, err := t.On(link).NewQuery().Price(options)
		if err != nil {
			return 0, err
		}
		least = min(least, choose.Times{Offline: x.OfflineMS, Online: x.OnlineMS}.By(p.objective))
	}
	return least, nil
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

// start has what is decided, and no polynomial where that is open.
func (p *picker) start() ([]int, error) {
	decided, err := choices.Decide(p.n.fn(), p.n.decisions)
	if err != nil {
		return nil, err
	}
	options := make([]int, len(p.sites))
	for i, s := range p.sites {
		if o, ok := decided[s.Path]; ok {
			options[i] = slices.Index(s.Options, o)
		} else if o, ok := p.open[i]; ok {
			options[i] = o
		} else {
			return nil, usagef("choice %s is open and offers no polynomial: accepted is --set %s=OPTION, of %s", s.Path, s.Choice, strings.Join(s.Options, ", "))
		}
	}
	return options, nil
}

// with is the network with options.
func (p *picker) with(options []int) *network {
	n := *p.n
	n.decisions = slices.Clone(n.decisions)
	for i := range p.sites {
		if _, ok := p.open[i]; ok {
			n.decisions = append(n.decisions, pass.Decision{Site: p.sites[i].Path, Option: p.sites[i].Options[options[i]]})
		}
	}
	return &n
}

func (p *picker) price(options []int) (choose.Times, error) {
	x, err := p.query.Price(options)
	return choose.Times{Offline: x.OfflineMS, Online: x.OnlineMS}, err
}

// run gives the network with the best options.
func (p *picker) run() (*network, []picked, error) {
	options, all, err := p.best()
	if err != nil {
		return nil, nil, err
	}
	return p.with(options), all, nil
}

// best takes the better of what is found from no polynomial anywhere and from one wherever there may be.
func (p *picker) best() ([]int, []picked, error) {
	plain, err := p.start()
	if err != nil {
		return nil, nil, err
	}
	other := slices.Clone(plain)
	for i, o := range p.open {
		other[i] = (o + 1) % len(p.sites[i].Options)
	}
	options, now, out, err := p.descend(plain)
	if err != nil {
		return nil, nil, err
	}
	if o, price, list, err := p.descend(other); err != nil {
		return nil, nil, err
	} else if price.By(p.objective) < now.By(p.objective) {
		options, out = o, list
	}
	return options, out, nil
}

// descend changes single options until none helps.
func (p *picker) descend(from []int) (options []int, now choose.Times, out []picked, err error) {
	options = slices.Clone(from)
	if now, err = p.price(options); err != nil {
		return nil, now, nil, err
	}
	for changed := true; changed; {
		changed, out = false, nil
		for i := range p.sites {
			if _, ok := p.open[i]; !ok {
				continue
			}
			was := options[i]
			x, price, err := p.site(options, i, now)
			if err != nil {
				return nil, now, nil, err
			}
			now, changed = price, changed || options[i] != was
			out = append(out, x)
		}
	}
	return options, now, out, nil
}

// site takes the best option of a site, all others as they are.
func (p *picker) site(options []int, i int, now choose.Times) (picked, choose.Times, error) {
	best, prices := options[i], make([]choose.Times, len(p.sites[i].Options))
	prices[best] = now
	for o := range prices {
		if o == best { // which has been priced
			continue
		}
		options[i] = o
		var err error
		if prices[o], err = p.price(options); err != nil {
			return picked{}, now, err
		}
	}
	for o := range prices {
		if prices[o].By(p.objective) < prices[best].By(p.objective) {
			best = o
		}
	}
	options[i] = best
	x := picked{Path: p.sites[i].Path, Chosen: p.sites[i].Options[best], Polynomial: best != p.open[i]}
	for o, t := range prices {
		if o != best {
			x.Rivals = append(x.Rivals, choose.Rival{Option: p.sites[i].Options[o], Times: choose.Times{Offline: t.Offline - prices[best].Offline, Online: t.Online - prices[best].Online}})
		}
	}
	return x, prices[best], nil
}

// notePicked says what a user must know of polynomials that were picked.
func (l *lowering) notePicked(all []picked) {
	polynomials := 0
	for _, x := range all {
		if x.Polynomial {
			polynomials++
		}
	}
	if len(all) > 0 {
		l.context.Notice("--allow %s: of %d open activations %d are polynomials by price. That is another function: weights must have been trained for it, and `sotto verify --data` measures its accuracy",
			allowPolynomial, len(all), polynomials)
	}
}

// pickedText is a table of what was picked, nothing where nothing was open.
func pickedText(w io.Writer, all []picked) {
	if len(all) == 0 {
		return
	}
	explained := slices.ContainsFunc(all, func(x picked) bool { return x.Flips != nil })
	var rows [][]string
	for _, x := range all {
		var others []string
		for _, r := range x.Rivals {
			others = append(others, fmt.Sprintf("%s %+.3g ms", r.Option, r.Offline+r.Online))
		}
		row := []string{x.Path, x.Chosen, strings.Join(others, ", ")}
		if explained {
			row = append(row, flipsText(x.Flips, choose.Bandwidth), flipsText(x.Flips, choose.Delay))
		}
		rows = append(rows, row)
	}
	head := "choice picked others"
	if explained {
		head += flipsHead
	}
	table(w, head, rows)
	fmt.Fprintln(w)
}
