package choose

import (
	"math"
	"slices"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Choice is what the search found.
type Choice struct {
	Candidate Candidate
	Times     Times
	// Uniform is the best candidate of one way, and UniformTimes what it takes.
	Uniform      Candidate
	UniformTimes Times
}

// search is one search, on one link.
type search struct {
	*Problem
	link   cost.Link
	tables map[Program]table
	seen   map[*account]*prices
}

// prices are an account's on the link of a search.
type prices struct {
	sum   Times
	sites []Times // of each site's own ops
}

// prices estimates an account once.
func (s *search) prices(a *account) *prices {
	if p := s.seen[a]; p != nil {
		return p
	}
	sum, byTag := a.times(s.link)
	p := &prices{sum, make([]Times, len(s.Space.Sites))}
	for i, x := range byTag[1:] { // the first is the session's
		if site := a.owner[i]; site >= 0 {
			p.sites[site].Offline += x.Offline
			p.sites[site].Online += x.Online
		}
	}
	s.seen[a] = p
	return p
}

func (p *Problem) search(link cost.Link) *search {
	return &search{Problem: p, link: link, tables: map[Program]table{}, seen: map[*account]*prices{}}
}

// Choose gives the candidate that takes the least on a link.
func (p *Problem) Choose(link cost.Link) (Choice, error) {
	s := p.search(link)
	best, uniform := math.Inf(1), math.Inf(1)
	var out Choice
	for _, g := range s.Space.Programs() {
		found, err := s.under(g)
		if err != nil {
			return out, err
		}
		for i, c := range found {
			price, err := s.price(c)
			if err != nil {
				return out, err
			}
			if price < best {
				best, out.Candidate = price, c
			}
			if (i > 0 || len(s.Space.Sites) == 0) && price < uniform { // the first is that of dynamic programming
				uniform, out.Uniform = price, c
			}
		}
	}
	var err error
	if out.Candidate, err = s.improve(out.Candidate); err != nil {
		return out, err
	}
	if out.Times, err = s.times(out.Candidate); err == nil {
		out.UniformTimes, err = s.times(out.Uniform)
	}
	return out, err
}

// times are a candidate's.
func (s *search) times(c Candidate) (Times, error) {
	a, err := s.account(c)
	if err != nil {
		return Times{}, err
	}
	return s.prices(a).sum, nil
}

// price is a candidate's by the objective.
func (s *search) price(c Candidate) (float64, error) {
	t, err := s.times(c)
	return t.By(s.Objective), err
}

// Programs lists what can be chosen for the whole program.
func (s *Space) Programs() []Program {
	var all []Program
	for _, o := range s.OTs {
		for _, g := range s.Schemes {
			for _, e := range s.Elementwise {
				for _, k := range s.Packings {
					all = append(all, Program{o, g, e, k})
				}
			}
		}
	}
	return all
}

// under gives what dynamic programming finds with choices for the whole program, and then the candidates of one way.
func (s *search) under(g Program) ([]Candidate, error) {
	t, err := s.table(g)
	if err != nil {
		return nil, err
	}
	found := []Candidate{{s.shortest(t), g}}
	for _, w := range s.Space.all() {
		found = append(found, Candidate{s.Space.alternating(w, w), g})
	}
	return found, nil
}

// step is a way of a site after a way of the site before it; of the first site before is empty.
type step struct {
	site        int
	before, way pass.Nonlinear
}

// table has the prices of steps.
type table map[step]float64

// table prices the steps by programs of one way, which come first, and of two ways by turns.
func (s *search) table(g Program) (table, error) {
	if t, ok := s.tables[g]; ok {
		return t, nil
	}
	t := table{}
	ways := s.Space.all()
	for turn := range ways { // 0: a way with itself
		for i, even := range ways {
			if err := s.enter(t, Candidate{s.Space.alternating(even, ways[(i+turn)%len(ways)]), g}); err != nil {
				return nil, err
			}
		}
	}
	s.tables[g] = t
	return t, nil
}

// enter adds to a table what the sites of a candidate cost.
func (s *search) enter(t table, c Candidate) error {
	a, err := s.account(c)
	if err != nil {
		return err
	}
	for i, x := range s.prices(a).sites {
		if k := c.step(i); !t.has(k) {
			t[k] = x.By(s.Objective)
		}
	}
	return nil
}

// step is that of a site in a candidate.
func (c Candidate) step(site int) step {
	k := step{site: site, way: c.Ways[site]}
	if site > 0 {
		k.before = c.Ways[site-1]
	}
	return k
}

func (t table) has(k step) bool {
	_, ok := t[k]
	return ok
}

// at is the price of a step; one that no program has shown costs what the way costs after itself.
func (t table) at(k step) float64 {
	if x, ok := t[k]; ok {
		return x
	}
	k.before = k.way
	return t[k]
}

// shortest finds the cheapest ways of all sites by a table.
func (s *search) shortest(t table) []pass.Nonlinear {
	n := len(s.Space.Ways)
	sums := make([]map[pass.Nonlinear]float64, n)
	from := make([]map[pass.Nonlinear]pass.Nonlinear, n)
	for i, accepted := range s.Space.Ways {
		sums[i], from[i] = map[pass.Nonlinear]float64{}, map[pass.Nonlinear]pass.Nonlinear{}
		for _, w := range accepted {
			if i == 0 {
				sums[i][w] = t.at(step{0, "", w})
				continue
			}
			sums[i][w] = math.Inf(1)
			for _, before := range s.Space.Ways[i-1] {
				if x := sums[i-1][before] + t.at(step{i, before, w}); x < sums[i][w] {
					sums[i][w], from[i][w] = x, before
				}
			}
		}
	}
	ways := make([]pass.Nonlinear, n)
	for i := n - 1; i >= 0; i-- {
		if i == n-1 {
			ways[i] = slices.MinFunc(s.Space.Ways[i], func(a, b pass.Nonlinear) int { return compare(sums[i][a], sums[i][b]) })
		} else {
			ways[i] = from[i+1][ways[i+1]]
		}
	}
	return ways
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// improve makes single changes to a candidate, each priced as a whole, as long as one helps.
func (s *search) improve(c Candidate) (Candidate, error) {
	best, err := s.price(c)
	for changed := true; changed && err == nil; {
		changed = false
		var moves []move
		if moves, err = s.moves(c); err != nil {
			break
		}
		for _, m := range moves {
			next := m(c)
			if slices.Equal(next.Ways, c.Ways) && next.Program == c.Program {
				continue
			}
			price, e := s.price(next)
			if e != nil {
				return c, e
			}
			if price < best*(1-gain) {
				best, c, changed = price, next, true
			}
		}
	}
	return c, err
}

// gain is the part by which a change must be better, so that rounding of sums decides nothing.
const gain = 1e-9

// move is a single change.
type move func(Candidate) Candidate

// fewMoves is how many single changes are all tried; of more only those that the table takes to be near.
const (
	fewMoves = 48
	near     = 0.25 // of what the site costs
)

// moves lists single changes of a candidate: of a site's way, of those of two sites together, or of what is chosen for the whole program.
func (s *search) moves(c Candidate) ([]move, error) {
	t, err := s.table(c.Program)
	if err != nil {
		return nil, err
	}
	var out []move
	for _, g := range s.Space.Programs() {
		if g != c.Program {
			out = append(out, func(c Candidate) Candidate { return Candidate{c.Ways, g} })
		}
	}
	options := s.options(c, t)
	for i, ways := range options {
		for _, w := range ways {
			out = append(out, func(c Candidate) Candidate { return c.with(i, w) })
		}
	}
	for _, pair := range s.pairs() {
		for _, a := range options[pair[0]] {
			for _, b := range options[pair[1]] {
				out = append(out, func(c Candidate) Candidate { return c.with(pair[0], a).with(pair[1], b) })
			}
		}
	}
	return out, nil
}

// options lists the other ways of each site that may be better.
func (s *search) options(c Candidate, t table) [][]pass.Nonlinear {
	out := make([][]pass.Nonlinear, len(c.Ways))
	few := len(c.Ways)*(len(s.Space.all())-1) <= fewMoves
	for i, accepted := range s.Space.Ways {
		now := t.at(c.step(i))
		for _, w := range accepted {
			if w != c.Ways[i] && (few || t.at(c.with(i, w).step(i)) < now*(1+near)) {
				out[i] = append(out[i], w)
			}
		}
	}
	return out
}

// pairs lists the sites that may have to change together: those side by side, where the one alone may save no round, and those that follow
// each other, which take each other's form; of few sites any two, which may share what one direction of the link has time for.
func (s *search) pairs() [][2]int {
	const few = 6
	n := len(s.Space.Sites)
	out := slices.Clone(s.Space.Parallel)
	for i := range n {
		for j := i + 1; j < n; j++ {
			if pair := [2]int{i, j}; (j == i+1 || n <= few) && !slices.Contains(out, pair) {
				out = append(out, pair)
			}
		}
	}
	return out
}
