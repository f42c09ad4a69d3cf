package choose

import (
	"cmp"
	"math"
	"slices"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Choice is what was found.
type Choice struct {
	Candidate Candidate
	Times     Times
	// Uniform is the best candidate of one way, and UniformTimes what it takes.
	Uniform      Candidate
	UniformTimes Times
	Weighed      Weighed

	near []Candidate // the next best of those that were weighed
}

// Weighed is what of all candidates was weighed, so that none of it is better than the choice.
type Weighed string

const (
	WeighedAll   Weighed = "all"
	WeighedAlike Weighed = "alike" // those that pack all layers alike; packings of single layers were searched
	WeighedForm  Weighed = "form"  // of these, those of the forms that have few, one of which a search found the best
	WeighedNone  Weighed = "none"  // there were more than MostEnumerated even of that
)

// search is one search, on one link.
type search struct {
	*Problem
	link   cost.Link
	tables map[Program]table
	played map[*cost.Laid]played
	bounds map[*cost.Laid]float64
	sited  map[*account][]Times
}

// played is what a phase takes on the link of a search.
type played struct {
	ms    float64
	byTag []float64
}

func (p *Problem) search(link cost.Link) *search {
	return &search{Problem: p, link: link, tables: map[Program]table{}, played: map[*cost.Laid]played{}, bounds: map[*cost.Laid]float64{}, sited: map[*account][]Times{}}
}

// play plays a phase once.
func (s *search) play(l *cost.Laid) played {
	p, ok := s.played[l]
	if !ok {
		p.ms, p.byTag = l.Play(s.link)
		s.played[l] = p
	}
	return p
}

// sum is what an account takes.
func (s *search) sum(a *account) Times {
	return Times{s.play(a.phases[cost.Offline]).ms, s.play(a.phases[cost.Online]).ms}
}

// sites are what of it each site's own ops take.
func (s *search) sites(g Program, a *account) []Times {
	if t, ok := s.sited[a]; ok {
		return t
	}
	s.sited[a] = s.shares(a, a.owner, len(s.of(g).Sites))
	return s.sited[a]
}

// layers are what of it each linear layer takes.
func (s *search) layers(g Program, a *account) []Times {
	return s.shares(a, a.layer, len(s.of(g).Layers))
}

// shares sums the times of an account's ops by whom they belong to, of n.
func (s *search) shares(a *account, owner []int, n int) []Times {
	out := make([]Times, n)
	offline, online := s.play(a.phases[cost.Offline]).byTag, s.play(a.phases[cost.Online]).byTag
	for tag, i := range owner {
		if at := tag - cost.SessionTag; i >= 0 {
			if at < len(offline) {
				out[i].Offline += offline[at]
			}
			if at < len(online) {
				out[i].Online += online[at]
			}
		}
	}
	return out
}

// least is what an account takes at least.
func (s *search) least(a *account) Times {
	of := func(l *cost.Laid) float64 {
		ms, ok := s.bounds[l]
		if !ok {
			ms = l.Least(s.link)
			s.bounds[l] = ms
		}
		return ms
	}
	return Times{of(a.phases[cost.Offline]), of(a.phases[cost.Online])}
}

// Choose gives the candidate that takes the least on a link.
func (p *Problem) Choose(link cost.Link) (Choice, error) {
	most := cmp.Or(p.Enumerate, MostEnumerated)
	s := p.search(link)
	switch {
	case p.candidates(false, most) <= most:
		return s.enumerated(WeighedAll, p.forms())
	case p.candidates(true, most) <= most:
		return s.repack(s.enumerated(WeighedAlike, p.forms()))
	}
	found, err := s.choose()
	if form := found.Candidate.Form; err == nil && p.Forms[form].Space.candidates(true, most) <= most {
		uniform, times := found.Uniform, found.UniformTimes
		found, err = s.enumerated(WeighedForm, p.small(most))
		if times.By(s.Objective) < found.UniformTimes.By(s.Objective) {
			found.Uniform, found.UniformTimes = uniform, times // of another form
		}
	}
	return s.repack(found, err)
}

// small numbers the forms that have few candidates with all layers packed alike, each by itself.
func (p *Problem) small(most int) (all []int) {
	for _, i := range p.forms() {
		if p.Forms[i].Space.candidates(true, most) <= most {
			all = append(all, i)
		}
	}
	return all
}

// forms numbers those that may be chosen.
func (p *Problem) forms() (all []int) {
	for i, f := range p.Forms {
		if !f.Aside {
			all = append(all, i)
		}
	}
	return all
}

// candidates counts those of all forms.
func (p *Problem) candidates(alike bool, most int) (n int) {
	for _, i := range p.forms() {
		n += p.Forms[i].Space.candidates(alike, most)
	}
	return n
}

// repack packs the layers of what was found one by one, and of the best program of one way.
func (s *search) repack(c Choice, err error) (Choice, error) {
	if err != nil {
		return c, err
	}
	if c.Candidate, err = s.pack(c.Candidate); err != nil {
		return c, err
	}
	for _, other := range c.near {
		packed, err := s.pack(other)
		if err != nil {
			return c, err
		}
		if c.Candidate, _, err = s.better(c.Candidate, packed); err != nil {
			return c, err
		}
	}
	if c.Uniform, err = s.pack(c.Uniform); err != nil {
		return c, err
	}
	if c.Candidate, _, err = s.better(c.Candidate, c.Uniform); err != nil {
		return c, err
	}
	if c.Times, err = s.times(c.Candidate); err == nil {
		c.UniformTimes, err = s.times(c.Uniform)
	}
	return c, err
}

// rankedPrograms is how many choices for the whole program are gone into, the best by programs of one way.
const rankedPrograms = 2

// choose searches.
func (s *search) choose() (out Choice, err error) {
	out.Weighed = WeighedNone
	r := ranking{search: s}
	if err := r.uniforms(s.Forms[0].Space.Programs(0)); err != nil {
		return out, err
	}
	var also []Program
	for _, g := range r.programs() {
		for _, g.Form = range s.forms()[1:] {
			also = append(also, g)
		}
	}
	if err := r.uniforms(also); err != nil {
		return out, err
	}
	out.Uniform = r.best
	best := r.best
	for _, g := range r.programs() {
		t, err := s.table(g)
		if err != nil {
			return out, err
		}
		if best, _, err = s.better(best, Candidate{Ways: s.shortest(t, g), Program: g}); err != nil {
			return out, err
		}
	}
	if out.Candidate, err = s.improve(best); err != nil {
		return out, err
	}
	if out.Times, err = s.times(out.Candidate); err == nil {
		out.UniformTimes, err = s.times(out.Uniform)
	}
	return out, err
}

// ranking finds the best program of one way, and which choices for the whole program it and the next have.
type ranking struct {
	*search
	best   Candidate
	price  float64
	ranked []ranked
}

// ranked is what programs of one way take under choices for the whole program: the best of them, or a bound that is no better than others.
type ranked struct {
	g     Program
	price float64
}

// uniforms prices candidates of one way, from the least bound on; those are left out whose bound is worse than the price of the worst that
// ranks.
func (r *ranking) uniforms(programs []Program) error {
	type bounded struct {
		c     Candidate
		a     *account
		least float64
	}
	var all []bounded
	for _, g := range programs {
		for _, w := range r.of(g).all() {
			c := Candidate{Ways: r.of(g).alternating(w, w), Program: g}
			a, err := r.account(c)
			if err != nil {
				return err
			}
			all = append(all, bounded{c, a, r.least(a).By(r.Objective)})
		}
	}
	slices.SortStableFunc(all, func(a, b bounded) int { return cmp.Compare(a.least, b.least) })
	for _, b := range all {
		if len(r.ranked) >= rankedPrograms && b.least > r.ranked[rankedPrograms-1].price {
			break
		}
		price := r.sum(b.a).By(r.Objective)
		if len(r.ranked) == 0 || price < r.price {
			r.best, r.price = b.c, price
		}
		r.rank(b.c.Program, price)
	}
	return nil
}

// rank notes a price, of each choice for the whole program the least.
func (r *ranking) rank(g Program, price float64) {
	if i := slices.IndexFunc(r.ranked, func(x ranked) bool { return x.g == g }); i < 0 {
		r.ranked = append(r.ranked, ranked{g, price})
	} else {
		r.ranked[i].price = min(r.ranked[i].price, price)
	}
	slices.SortStableFunc(r.ranked, func(a, b ranked) int { return cmp.Compare(a.price, b.price) })
}

// programs are the best.
func (r *ranking) programs() (out []Program) {
	for _, x := range r.ranked[:min(rankedPrograms, len(r.ranked))] {
		out = append(out, x.g)
	}
	return out
}

// times are a candidate's.
func (s *search) times(c Candidate) (Times, error) {
	a, err := s.account(c)
	if err != nil {
		return Times{}, err
	}
	return s.sum(a), nil
}

// better gives the better of two candidates, the first where they are equal, and whether it is the second. Of the second no phase is played
// where bounds, and what of it was played before, tell.
func (s *search) better(c, next Candidate) (Candidate, bool, error) {
	now, err := s.times(c)
	if err != nil {
		return c, false, err
	}
	a, err := s.account(next)
	if err != nil {
		return c, false, err
	}
	most := now.By(s.Objective) * (1 - gain)
	for _, phase := range a.phases {
		if s.atLeast(a).By(s.Objective) >= most {
			return c, false, nil
		}
		s.play(phase)
	}
	if s.sum(a).By(s.Objective) >= most {
		return c, false, nil
	}
	return next, true, nil
}

// atLeast is what an account takes at least: of a phase that was played what it takes.
func (s *search) atLeast(a *account) Times {
	t := s.least(a)
	for phase, of := range [...]*float64{cost.Offline: &t.Offline, cost.Online: &t.Online} {
		if p, ok := s.played[a.phases[phase]]; ok {
			*of = p.ms
		}
	}
	return t
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
	space := s.of(g)
	ways := space.all()
	for turn := range ways { // 0: a way with itself
		for i, even := range ways {
			if err := s.enter(t, Candidate{Ways: space.alternating(even, ways[(i+turn)%len(ways)]), Program: g}); err != nil {
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
	for i, x := range s.sites(c.Program, a) {
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
func (s *search) shortest(t table, g Program) []pass.Nonlinear {
	space := s.of(g)
	n := len(space.Ways)
	sums := make([]map[pass.Nonlinear]float64, n)
	from := make([]map[pass.Nonlinear]pass.Nonlinear, n)
	for i, accepted := range space.Ways {
		sums[i], from[i] = map[pass.Nonlinear]float64{}, map[pass.Nonlinear]pass.Nonlinear{}
		for _, w := range accepted {
			if i == 0 {
				sums[i][w] = t.at(step{0, "", w})
				continue
			}
			sums[i][w] = math.Inf(1)
			for _, before := range space.Ways[i-1] {
				if x := sums[i-1][before] + t.at(step{i, before, w}); x < sums[i][w] {
					sums[i][w], from[i][w] = x, before
				}
			}
		}
	}
	ways := make([]pass.Nonlinear, n)
	for i := n - 1; i >= 0; i-- {
		if i == n-1 {
			ways[i] = slices.MinFunc(space.Ways[i], func(a, b pass.Nonlinear) int { return cmp.Compare(sums[i][a], sums[i][b]) })
		} else {
			ways[i] = from[i+1][ways[i+1]]
		}
	}
	return ways
}

// improve makes single changes to a candidate, each priced as a whole, as long as one helps.
func (s *search) improve(c Candidate) (Candidate, error) {
	for changed := true; changed; {
		changed = false
		moves, err := s.moves(c)
		if err != nil {
			return c, err
		}
		for _, m := range moves {
			next, helps := m(c), false
			if next.Same(c) {
				continue
			}
			if c, helps, err = s.better(c, next); err != nil {
				return c, err
			}
			changed = changed || helps
		}
	}
	return c, nil
}

// gain is the part by which a change must be better, so that rounding of sums decides nothing.
const gain = 1e-9

// move is a single change.
type move func(Candidate) Candidate

// fewMoves is how many single changes are all tried; of more only those that the table takes to be near, and the nearest.
const (
	fewMoves = 48
	near     = 0.25 // of what the site costs
	nearest  = 8
)

// moves lists single changes of a candidate: of a site's way, of those of two sites together, or of what is chosen for the whole program.
func (s *search) moves(c Candidate) ([]move, error) {
	t, err := s.table(c.Program)
	if err != nil {
		return nil, err
	}
	var out []move
	for _, g := range s.neighbours(c.Program) {
		out = append(out, func(c Candidate) Candidate { return s.adapt(c, g) })
	}
	options := s.options(c, t)
	for i, ways := range options {
		for _, w := range ways {
			out = append(out, inForm(c.Form, func(c Candidate) Candidate { return c.with(i, w) }))
			for _, o := range s.of(c.Program).OTs {
				if o != c.OT { // whose bytes the ways take more or fewer of
					out = append(out, inForm(c.Form, func(c Candidate) Candidate {
						c.OT = o
						return c.with(i, w)
					}))
				}
			}
			for _, g := range s.of(c.Program).Schemes {
				if garbled(w) && g != c.Garbling { // what is garbled least decides how, and whether
					out = append(out, inForm(c.Form, func(c Candidate) Candidate {
						c.Garbling = g
						return c.with(i, w)
					}))
				}
			}
		}
	}
	for _, pair := range s.of(c.Program).pairs() {
		for _, a := range options[pair[0]] {
			for _, b := range options[pair[1]] {
				out = append(out, inForm(c.Form, func(c Candidate) Candidate { return c.with(pair[0], a).with(pair[1], b) }))
			}
		}
	}
	return out, nil
}

// inForm is a change of sites in the order of a form: none where an earlier change took another.
func inForm(form int, m move) move {
	return func(c Candidate) Candidate {
		if c.Form != form {
			return c
		}
		return m(c)
	}
}

// neighbours lists other choices for the whole program: all of the same form, and the same in other forms.
func (s *search) neighbours(g Program) (out []Program) {
	for _, o := range s.of(g).Programs(g.Form) {
		if o != g {
			out = append(out, o)
		}
	}
	for _, form := range s.forms() {
		if o := g; form != g.Form {
			o.Form = form
			out = append(out, o)
		}
	}
	return out
}

// options lists the other ways of each site that may be better.
func (s *search) options(c Candidate, t table) [][]pass.Nonlinear {
	type other struct {
		site  int
		way   pass.Nonlinear
		times float64 // as dear
	}
	var all []other
	for i, accepted := range s.of(c.Program).Ways {
		now := t.at(c.step(i))
		for _, w := range accepted {
			if w != c.Ways[i] {
				all = append(all, other{i, w, t.at(c.with(i, w).step(i)) / now})
			}
		}
	}
	few := len(all) <= fewMoves
	slices.SortStableFunc(all, func(a, b other) int { return cmp.Compare(a.times, b.times) })
	out := make([][]pass.Nonlinear, len(c.Ways))
	for n, o := range all {
		if few || n < nearest || o.times < 1+near {
			out[o.site] = append(out[o.site], o.way)
		}
	}
	return out
}

// pairs lists the sites that may have to change together: those side by side, where the one alone may save no round, and those that follow
// each other, which take each other's form; of few sites any two, which may share what one direction of the link has time for.
func (s *Space) pairs() [][2]int {
	const few = 6
	n := len(s.Sites)
	out := slices.Clone(s.Parallel)
	for i := range n {
		for j := i + 1; j < n; j++ {
			if pair := [2]int{i, j}; (j == i+1 || n <= few) && !slices.Contains(out, pair) {
				out = append(out, pair)
			}
		}
	}
	return out
}
