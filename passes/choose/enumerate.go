package choose

import (
	"cmp"
	"slices"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// MostEnumerated is the most candidates of a problem of which all are weighed: those of five ops that compare, with three ways each, two
// extensions, two schemes and three packings are 2916. To lower and count them takes about a second.
const MostEnumerated = 3000

// weighed is a candidate of a problem that is enumerated.
type weighed struct {
	c       Candidate
	a       *account
	uniform bool // of one way
}

// enumerated weighs all candidates of some forms.
func (s *search) enumerated(what Weighed, forms []int) (out Choice, err error) {
	every, err := s.candidatesOf(forms, what != WeighedAll)
	if err != nil {
		return out, err
	}
	of := func(accepts func(*weighed) bool, most int) []Candidate {
		var best []Candidate
		for _, w := range s.first(every, accepts, most) {
			best = append(best, w.c)
		}
		return best
	}
	out.Weighed = what
	out.near = unlike(of(func(*weighed) bool { return true }, mostNear*len(cost.Packings())))
	out.Candidate, out.Uniform = out.near[0], of(func(w *weighed) bool { return w.uniform }, 1)[0]
	if out.Times, err = s.times(out.Candidate); err == nil {
		out.UniformTimes, err = s.times(out.Uniform)
	}
	return out, err
}

// unlike leaves those that differ from the ones before in more than the packing.
func unlike(all []Candidate) (out []Candidate) {
	seen := map[string]bool{}
	for _, c := range all {
		alike := c
		alike.Packing, alike.Packs = 0, nil
		if _, key := alike.key(); !seen[key] {
			seen[key] = true
			out = append(out, c)
		}
	}
	return out
}

// mostNear is how many of the best are packed by layer, which may change their order; apart from their packing they differ.
const mostNear = 4

// first gives the best few of the candidates that are accepted, of equals the first: they are played from the least bound on, until a bound is
// above the price of the last of these.
func (s *search) first(every []weighed, accepts func(*weighed) bool, most int) (best []*weighed) {
	type priced struct {
		at    int
		price float64 // at least, until it is played
	}
	nearer := func(a, b priced) int { return cmp.Or(cmp.Compare(a.price, b.price), cmp.Compare(a.at, b.at)) }
	var order, found []priced
	for i := range every {
		if w := &every[i]; accepts(w) {
			order = append(order, priced{i, s.least(w.a).By(s.Objective)})
		}
	}
	slices.SortFunc(order, nearer)
	for _, b := range order {
		if len(found) == most && b.price > found[most-1].price {
			break
		}
		b.price = s.sum(every[b.at].a).By(s.Objective)
		i, _ := slices.BinarySearchFunc(found, b, nearer)
		found = slices.Insert(found, i, b)
		found = found[:min(len(found), most)]
	}
	for _, f := range found {
		best = append(best, &every[f.at])
	}
	return best
}

// candidatesOf lists all candidates of some forms.
func (p *Problem) candidatesOf(forms []int, alike bool) (every []weighed, err error) {
	p.listing.Lock()
	defer p.listing.Unlock()
	for _, form := range forms {
		if err := p.enumerate(form, alike); err != nil {
			return nil, err
		}
		every = append(every, p.every[form]...)
	}
	return every, nil
}

// enumerate lists all candidates of a form, once, all layers packed alike or not. Those whose scheme garbles nothing are one.
func (p *Problem) enumerate(form int, alike bool) error {
	if p.every[form] != nil {
		return nil
	}
	seen, space := map[*account]bool{}, p.Forms[form].Space
	var every []weighed
	for _, g := range space.unpacked(form) {
		err := space.each(func(ways []pass.Nonlinear) error {
			return space.eachPacking(Candidate{Ways: slices.Clone(ways), Program: g}, alike, func(c Candidate) error {
				a, err := p.account(c)
				if err == nil && !seen[a] {
					seen[a] = true
					every = append(every, weighed{c, a, space.uniform(ways)})
				}
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	if p.every == nil {
		p.every = map[int][]weighed{}
	}
	p.every[form] = every
	return nil
}

// each visits every combination of ways.
func (s *Space) each(visit func([]pass.Nonlinear) error) error {
	ways := make([]pass.Nonlinear, len(s.Ways))
	var from func(site int) error
	from = func(site int) error {
		if site == len(ways) {
			return visit(ways)
		}
		for _, w := range s.Ways[site] {
			ways[site] = w
			if err := from(site + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return from(0)
}

// uniform tells whether all sites that have the choice take one way.
func (s *Space) uniform(ways []pass.Nonlinear) bool {
	return slices.ContainsFunc(append(s.all(), ""), func(w pass.Nonlinear) bool { return slices.Equal(ways, s.alternating(w, w)) })
}
