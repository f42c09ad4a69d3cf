package search

import (
	"math"
	"slices"
)

// exhaustive is how many networks of a space are all looked at.
const exhaustive = 1 << 12

// Derive picks the most probable network that holds the space's limits, its probability being the product of its options'. In a space of at
// most 4096 networks it is the best of all. In a greater one it is found from the most probable options by exchanging those that
// cost the least probability for what they mend, and then as good as no exchange at one or two sites could better it. The error is
// a *BudgetError where nothing holds.
func (s *Space) Derive(p []float64) ([]int, Measures, error) {
	d := &derivation{space: s, least: Measures{}, score: make([][]float64, len(s.Options))}
	networks := 1
	s.each(func(site, from, to int) {
		for _, q := range p[from:to] {
			d.score[site] = append(d.score[site], math.Log(max(q, math.SmallestNonzeroFloat64)))
		}
		networks = min(networks*(to-from), exhaustive+1)
	})
	best := d.repaired
	if networks <= exhaustive {
		best = d.all
	}
	found, err := best()
	if err != nil {
		return nil, nil, err
	}
	if found.options == nil {
		return nil, nil, &BudgetError{s.Limits, d.least}
	}
	return found.options, found.figures, nil
}

type derivation struct {
	space *Space
	score [][]float64 // logarithms of probabilities, by site and option
	least Measures
}

// candidate is a network with what it is judged by: first how far it is beyond the limits, then its score.
type candidate struct {
	options []int
	figures Measures
	excess  float64 // sum of the limits' relative excesses
	score   float64
}

func (c candidate) better(o candidate) bool {
	if o.options == nil || c.excess != o.excess {
		return o.options == nil || c.excess < o.excess
	}
	return c.score > o.score
}

func (d *derivation) judge(options []int) (candidate, error) {
	figures, err := d.space.Price(options)
	if err != nil {
		return candidate{}, err
	}
	c := candidate{options: slices.Clone(options), figures: figures}
	for site, o := range options {
		c.score += d.score[site][o]
	}
	d.least.Lower(figures)
	for _, l := range d.space.Limits {
		if v, ok := figures[l.Measure]; !ok || v > l.Most {
			c.excess += excess(v, l.Most, ok)
		}
	}
	return c, nil
}

// excess is how far a figure is beyond its limit, relative to it where it is positive; positive however close.
func excess(v, most float64, known bool) float64 {
	if !known {
		return math.Inf(1)
	}
	return max((v-most)/max(math.Abs(most), math.SmallestNonzeroFloat32), math.SmallestNonzeroFloat64)
}

// all looks at every network.
func (d *derivation) all() (best candidate, err error) {
	options := make([]int, len(d.space.Options))
	for {
		c, err := d.judge(options)
		if err != nil {
			return candidate{}, err
		}
		if c.excess == 0 && c.better(best) {
			best = c
		}
		site := 0
		for ; site < len(options); site++ {
			if options[site]++; options[site] < d.space.Options[site] {
				break
			}
			options[site] = 0
		}
		if site == len(options) {
			return best, nil
		}
	}
}

// repaired exchanges options until the limits hold and no exchange betters the network.
func (d *derivation) repaired() (candidate, error) {
	options := make([]int, len(d.space.Options))
	for site, scores := range d.score {
		options[site] = argmax(scores)
	}
	now, err := d.judge(options)
	for err == nil {
		var next candidate
		if next, err = d.exchange(now, 1); err == nil && next.options == nil {
			next, err = d.exchange(now, 2)
		}
		if next.options == nil {
			break
		}
		now = next
	}
	if now.excess > 0 {
		now = candidate{}
	}
	return now, err
}

// exchange finds the best network with other options at so many sites. While limits are broken, that is the one that mends the most for the
// score that it costs.
func (d *derivation) exchange(now candidate, sites int) (best candidate, err error) {
	var bestGain float64
	options := slices.Clone(now.options)
	var visit func(first, left int) error
	visit = func(first, left int) error {
		if left == 0 {
			c, err := d.judge(options)
			if gain := c.gain(now); err == nil && gain > bestGain {
				best, bestGain = c, gain
			}
			return err
		}
		for site := first; site < len(options); site++ {
			for o := range d.space.Options[site] {
				if o == now.options[site] {
					continue
				}
				options[site] = o
				if err := visit(site+1, left-1); err != nil {
					return err
				}
			}
			options[site] = now.options[site]
		}
		return nil
	}
	err = visit(0, sites)
	return best, err
}

// gain is what c is better than o by; at most 0 where it is not.
func (c candidate) gain(o candidate) float64 {
	if !c.better(o) {
		return 0
	}
	if o.excess == 0 {
		return c.score - o.score
	}
	const least = 1e-9 // of a loss of score: exchanges that lose none come first
	return (min(o.excess, math.MaxFloat32) - c.excess) / max(o.score-c.score, least)
}

func argmax(x []float64) (at int) {
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}
