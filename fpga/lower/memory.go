package lower

import (
	"fmt"
	"math"
	"slices"
)

// Where values lie. They get the first hole that is large enough when the task that makes them comes, and give it back some tasks after the
// last that reads them: a place that is used again too soon would make commands wait that have nothing to do with each other.

// reuseDistance is how many tasks a value's place rests after its last use: Tuning, about two layers of a network.
const reuseDistance = 48

// alignBytes is what every value, weight and table begins at a multiple of: a beat of the widest memory port.
const alignBytes = 64

// arena hands out a space.
type arena struct {
	space  Space
	align  int // words
	most   int // words: what an address can name
	holes  []hole
	used   int      // the end of all that is taken
	before []tenant // what lay in a hole, latest last
}

type hole struct{ lo, hi int }

// tenant is a value that lay somewhere.
type tenant struct {
	hole
	value int
}

func newArena(s Space, wordBytes int) *arena {
	return &arena{space: s, align: max(1, alignBytes/wordBytes), most: math.MaxUint32}
}

func (a *arena) round(words int) int { return (max(words, 1) + a.align - 1) / a.align * a.align }

// take gives words their place, and the values that lay there before.
func (a *arena) take(words int) (address int, before []int, err error) {
	words = a.round(words)
	for i, h := range a.holes {
		if h.hi-h.lo < words {
			continue
		}
		if address, a.holes[i].lo = h.lo, h.lo+words; a.holes[i].lo == h.hi {
			a.holes = slices.Delete(a.holes, i, i+1)
		}
		return address, a.inherit(address, address+words), nil
	}
	address, err = a.behind(words)
	return address, nil, err
}

// behind gives words a place behind all others, which nothing had before.
func (a *arena) behind(words int) (address int, err error) {
	address = a.used
	if a.used += a.round(words); a.used > a.most {
		return 0, fmt.Errorf("lower: %d words of %s: accepted are %d, which an address can name", a.used, a.space, a.most)
	}
	return address, nil
}

// inherit lists the values that lay between two addresses. What is left of their places stays theirs.
func (a *arena) inherit(lo, hi int) (values []int) {
	var left []tenant
	for _, t := range a.before {
		if t.lo >= hi || t.hi <= lo {
			left = append(left, t)
			continue
		}
		values = append(values, t.value)
		for _, h := range []hole{{t.lo, lo}, {hi, t.hi}} {
			if h.lo < h.hi {
				left = append(left, tenant{h, t.value})
			}
		}
	}
	a.before = left
	return values
}

// give takes a value's place back.
func (a *arena) give(value, address, words int) {
	h := hole{address, address + a.round(words)}
	a.before = append(a.before, tenant{h, value})
	i, _ := slices.BinarySearchFunc(a.holes, h.lo, func(x hole, lo int) int { return x.lo - lo })
	a.holes = slices.Insert(a.holes, i, h)
	if i+1 < len(a.holes) && a.holes[i].hi == a.holes[i+1].lo {
		a.holes[i].hi = a.holes[i+1].hi
		a.holes = slices.Delete(a.holes, i+1, i+2)
	}
	if i > 0 && a.holes[i-1].hi == a.holes[i].lo {
		a.holes[i-1].hi = a.holes[i].hi
		a.holes = slices.Delete(a.holes, i, i+1)
	}
}

// forever is the last use of what stays.
const forever = math.MaxInt

// place gives all values that are used their addresses.
func place(values []Value, arenas [2]*arena) error {
	var order []int
	for i, v := range values {
		if v.last >= 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return values[a].first - values[b].first })
	leaving := slices.Clone(order)
	slices.SortStableFunc(leaving, func(a, b int) int {
		return min(values[a].last, forever-1) - min(values[b].last, forever-1)
	})
	for _, i := range order {
		v := &values[i]
		for len(leaving) > 0 && values[leaving[0]].last < v.first-reuseDistance {
			old := values[leaving[0]]
			arenas[old.Space].give(leaving[0], int(old.Address), old.Words())
			leaving = leaving[1:]
		}
		address, before, err := arenas[v.Space].take(v.Words())
		if err != nil {
			return err
		}
		v.Address, v.after = uint32(address), before
	}
	return nil
}
