package choose

import (
	"math"
	"slices"

	"sotto/ir/cost"
)

// Axis is a property of the link that a choice may depend on.
type Axis string

const (
	Bandwidth Axis = "bandwidth" // bits per second, each way
	Delay     Axis = "delay"     // milliseconds, one way
)

// Axes lists them.
func Axes() []Axis { return []Axis{Bandwidth, Delay} }

// limits of the search for flips. Delays go down to a microsecond, below which there is only none.
var limits = map[Axis]struct{ least, most float64 }{Bandwidth: {1e3, 1e12}, Delay: {1e-3, 1e3}}

// Of gives a link's value on an axis.
func (a Axis) Of(l cost.Link) float64 {
	if a == Delay {
		return l.OneWayMS.Value
	}
	return bitsPerByte * l.BytesPerSecond.Value
}

// At is a link with another value on the axis.
func (a Axis) At(l cost.Link, x float64) cost.Link {
	if a == Delay {
		l.OneWayMS.Value = x
	} else {
		l.BytesPerSecond.Value = x / bitsPerByte
	}
	return l
}

const bitsPerByte = 8

// Flip is a value of an axis where a choice changes, and the programs of both sides are estimated equal.
type Flip struct {
	Axis Axis    `json:"axis"`
	At   float64 `json:"at"` // bits per second, or milliseconds one way
	To   string  `json:"to"` // the option on the far side, seen from the link
	// Below says that the far side is that of lower values.
	Below bool `json:"below"`
}

// Turn is a value of an axis where something of the choice changes.
type Turn[C any] struct {
	At            float64
	Below, Beyond C
}

// Line is a choice along an axis: what is chosen at a value, what takes how many milliseconds there, and what is one choice.
type Line[C any] struct {
	Choose func(x float64) (C, error)
	Price  func(c C, x float64) (float64, error)
	Same   func(a, b C) bool
	// Alike tells whether turns between two choices need not be found; nil: between the same alone.
	Alike func(a, b C) bool
}

// turns finds where the choice changes between a link's value of an axis and its limits.
func (p *Problem) turns(link cost.Link, a Axis) ([]Turn[Candidate], error) {
	return Turns(a, a.Of(link), Line[Candidate]{
		Choose: func(x float64) (Candidate, error) {
			c, err := p.Choose(a.At(link, x))
			return c.Candidate, err
		},
		Price: func(c Candidate, x float64) (float64, error) {
			t, err := p.Price(c, a.At(link, x))
			return t.By(p.Objective), err
		},
		Same: Candidate.Same,
	})
}

// Turns finds where a choice changes between a value of an axis and the limits of that. Between the values looked at, which lie a factor of
// stride apart, a choice that changes and changes back is not seen.
func Turns[C any](a Axis, at float64, l Line[C]) ([]Turn[C], error) {
	return newAxis(a, l).turns(grid(a, at))
}

// Nearest finds the nearest turn on either side of a value of an axis, as Turns does, and looks no further.
func Nearest[C any](a Axis, at float64, l Line[C]) (turns []Turn[C], err error) {
	all := grid(a, at)
	x := newAxis(a, l)
	from := slices.Index(all, limited(a, at))
	for _, step := range []int{-1, 1} {
		for i := from; 0 <= i+step && i+step < len(all); i += step {
			found, err := x.between(nil, min(all[i], all[i+step]), max(all[i], all[i+step]))
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				turns = append(turns, found[(len(found)-1)*(1-step)/2])
				break
			}
		}
	}
	return turns, nil
}

// newAxis is a search that has looked at nothing yet.
func newAxis[C any](a Axis, l Line[C]) *axis[C] {
	if l.Alike == nil {
		l.Alike = l.Same
	}
	return &axis[C]{Line: l, Axis: a, chosen: map[float64]C{}}
}

// limited is the value within the limits that is nearest.
func limited(a Axis, x float64) float64 { return min(max(x, limits[a].least), limits[a].most) }

// stride is the factor between neighbours of a grid.
const stride = 4

// grid lists values of an axis from limit to limit through x.
func grid(a Axis, x float64) []float64 {
	lim := limits[a]
	at := limited(a, x)
	all := []float64{at}
	for y := at; y > lim.least; {
		y = max(y/stride, lim.least)
		all = append(all, y)
	}
	for y := at; y < lim.most; {
		y = min(y*stride, lim.most)
		all = append(all, y)
	}
	slices.Sort(all)
	return all
}

// axis is a search along one.
type axis[C any] struct {
	Line[C]
	Axis
	chosen map[float64]C
}

func (l *axis[C]) choose(x float64) (C, error) {
	if c, ok := l.chosen[x]; ok {
		return c, nil
	}
	c, err := l.Choose(x)
	l.chosen[x] = c
	return c, err
}

func (l *axis[C]) turns(grid []float64) (all []Turn[C], err error) {
	for _, x := range grid {
		if _, err := l.choose(x); err != nil {
			return nil, err
		}
	}
	for i := range grid[1:] {
		if all, err = l.between(all, grid[i], grid[i+1]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fine is how close two turns are told apart, as a factor.
const fine = 1.0005

// between adds the turns from lo to hi. Where the choices of the ends cost the same is the only one, if nothing is better there; otherwise what
// is better divides the stretch in two (M. Eisner and D. Severance, "Mathematical techniques for efficient record segmentation in large shared
// databases", J. ACM 1976). That finds all turns of prices that are linear; of others, one that is best on a part of the stretch alone that
// such a point does not meet goes unseen.
func (l *axis[C]) between(all []Turn[C], lo, hi float64) ([]Turn[C], error) {
	below, err := l.choose(lo)
	if err != nil {
		return nil, err
	}
	beyond, err := l.choose(hi)
	if err != nil || l.Alike(below, beyond) {
		return all, err
	}
	if hi < lo*fine {
		return append(all, Turn[C]{math.Sqrt(lo * hi), below, beyond}), nil
	}
	x, err := l.equal(below, beyond, lo, hi)
	if err != nil {
		return nil, err
	}
	better, err := l.better(below, beyond, x)
	if err != nil {
		return nil, err
	}
	if !better {
		return append(all, Turn[C]{x, below, beyond}), nil
	}
	if all, err = l.between(all, lo, x); err != nil {
		return nil, err
	}
	return l.between(all, x, hi)
}

// better tells whether the choice at a value is better there than both of two candidates.
func (l *axis[C]) better(a, b C, x float64) (bool, error) {
	c, err := l.choose(x)
	if err != nil || l.Same(c, a) || l.Same(c, b) {
		return false, err
	}
	price, err := l.Price(c, x)
	if err != nil {
		return false, err
	}
	for _, other := range []C{a, b} {
		if d, err := l.difference(other, c, x); err != nil || d <= price*gain {
			return false, err
		}
	}
	return true, nil
}

// equal finds the value where two candidates cost the same, the first being no dearer at lo and the second at hi: by false position (Illinois),
// as times are nearly linear in delays and in the time of a byte.
func (l *axis[C]) equal(below, beyond C, lo, hi float64) (float64, error) {
	const steps, enough = 40, 1e-6
	a, b := l.linear(lo), l.linear(hi)
	da, err := l.difference(below, beyond, lo)
	if err != nil {
		return 0, err
	}
	db, err := l.difference(below, beyond, hi)
	switch {
	case err != nil || da >= 0:
		return lo, err
	case db <= 0:
		return hi, nil
	}
	last, side := math.Inf(1), 0
	for i := 0; i < steps && err == nil; i++ {
		u := (a*db - b*da) / (db - da)
		x := l.linear(u)
		if math.Abs(u-last) <= enough*u {
			return x, nil
		}
		last = u
		var d float64
		if d, err = l.difference(below, beyond, x); d <= 0 {
			a, da = u, d
			if side < 0 {
				db /= 2 // the other end stays: it counts less
			}
			side = -1
		} else {
			b, db = u, d
			if side > 0 {
				da /= 2
			}
			side = 1
		}
	}
	return l.linear((a + b) / 2), err
}

// linear is a value as times are linear in it, and back.
func (l *axis[C]) linear(x float64) float64 {
	if l.Axis == Bandwidth {
		return 1 / x
	}
	return x
}

// difference is how much dearer one candidate is than another.
func (l *axis[C]) difference(a, b C, x float64) (float64, error) {
	pa, err := l.Price(a, x)
	if err != nil {
		return 0, err
	}
	pb, err := l.Price(b, x)
	return pa - pb, err
}

// Flips gives the nearest turn on either side of a link's value at which something that is decided changes.
func Flips[C any](turns []Turn[C], of func(C) string, a Axis, from float64) (out []Flip) {
	for i := len(turns) - 1; i >= 0; i-- { // downwards
		if t := turns[i]; t.At < from && of(t.Below) != of(t.Beyond) {
			out = append(out, Flip{a, t.At, of(t.Below), true})
			break
		}
	}
	for _, t := range turns {
		if t.At >= from && of(t.Below) != of(t.Beyond) {
			return append(out, Flip{a, t.At, of(t.Beyond), false})
		}
	}
	return out
}
