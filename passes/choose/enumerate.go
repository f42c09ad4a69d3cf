package choose

import (
	"cmp"
	"math"
	"slices"

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
	var every []weighed
	for _, form := range forms {
		if err := s.enumerate(form, what != WeighedAll); err != nil {
			return out, err
		}
		every = append(every, s.every[form]...)
	}
	of := func(accepts func(*weighed) bool) (Candidate, Times) {
		w := s.first(every, accepts)
		return w.c, s.sum(w.a)
	}
	out.Weighed = what
	out.Candidate, out.Times = of(func(*weighed) bool { return true })
	out.Uniform, out.UniformTimes = of(func(w *weighed) bool { return w.uniform })
	return out, nil
}

// first gives the best of the candidates that are accepted, of equals the first: they are played from the least bound on, until a bound is
// above the best price.
func (s *search) first(every []weighed, accepts func(*weighed) bool) *weighed {
	type bounded struct {
		at    int
		least float64
	}
	var order []bounded
	for i := range every {
		if w := &every[i]; accepts(w) {
			order = append(order, bounded{i, s.least(w.a).By(s.Objective)})
		}
	}
	slices.SortFunc(order, func(a, b bounded) int { return cmp.Or(cmp.Compare(a.least, b.least), cmp.Compare(a.at, b.at)) })
	best, price := -1, math.Inf(1)
	for _, b := range order {
		if b.least > price {
			break
		}
		if x := s.sum(every[b.at].a).By(s.Objective); x < price || x == price && b.at < best {
			best, price = b.at, x
		}
	}
	return &every[best]
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
