// Package choose decides by price which protocol computes what: for every op that compares its way, and for the whole program the form it
// is computed in (ring and scales, the order of pools and ReLUs), the OT extension, the garbling scheme, how elementwise products are made
// and how layers are packed, all alike or each in its own way.
//
// A candidate is priced as a whole, by the estimate of its ledger: rounds of parallel branches, directions of the link and set-up that
// several ops share are in it. Of up to MostEnumerated candidates all are weighed, and the answer is proven: each has a bound that no play
// of its phases is below (cost.Layouts.Least), and those whose bound is no less than the best price are not played. Where there are
// more, the search goes in steps. The programs of one way are ranked, whatever else is chosen for the whole of them. Under the best few,
// dynamic programming over the sites in program order finds the best ways by what an op costs after
// either way of the site before, which is read off the estimates of a few programs: those of one way, and those where two ways alternate.
// Then the best of these and of all programs of one way is improved by changes of one or two ops, or of what is chosen for the whole,
// until none helps, each priced as a whole. So the choice is never estimated worse than a program of one way.
package choose

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Objective is what is made small.
type Objective string

const (
	Total   Objective = "total" // offline and online
	Online  Objective = "online"
	Offline Objective = "offline"
)

// Objectives lists the accepted ones, the default first.
func Objectives() []Objective { return []Objective{Total, Online, Offline} }

// Times are estimated milliseconds.
type Times struct {
	Offline float64 `json:"offline_ms"`
	Online  float64 `json:"online_ms"`
}

// By is what an objective makes of times. What it leaves out decides between equals, and so weighs next to nothing.
func (t Times) By(o Objective) float64 {
	const tie = 1e-6
	switch o {
	case Online:
		return t.Online + tie*t.Offline
	case Offline:
		return t.Offline + tie*t.Online
	}
	return t.Offline + t.Online
}

// Space is what there is to choose from. Every list has an element at least.
type Space struct {
	Sites       []pass.Site
	Ways        [][]pass.Nonlinear // of each site
	Parallel    [][2]int           // sites on branches beside each other, whose rounds pass together
	OTs         []cost.OT
	Schemes     []cost.Scheme
	Elementwise []cost.Elementwise
	Packings    []cost.Packing // of all layers
	Layers      []Layer        // that may be packed by themselves too
	Truncations []Truncation

	listed sync.Once
	mixed  [][]cost.Packing // frontier, once it is asked for
}

// Form is the network in fixed point, in one of the ways in which it may be computed. Forms of one problem have the same sites, in an order of
// their own; the first is what decides between equals.
type Form struct {
	Ring       *ir.Module
	Frac       int        // fraction bits of activations
	ErrorBound float64    // of the output; 0 where it is not known
	Aside      bool       // it is never chosen, having fewer bits than was asked for: Explain prices it beside those that may be
	Pools      pass.Pools // empty where the order of pools and ReLUs makes no difference
	Space      *Space
}

// Bits are those of the form's ring.
func (f *Form) Bits() int { return f.Ring.Funcs[0].Result.Type.Elem.Bits }

// Scales names a form's ring and scales.
func (f *Form) Scales() string { return fmt.Sprintf("%d, frac %d", f.Bits(), f.Frac) }

// NewSpace gives all that a RING function may be computed with, its material from a source. Keys come of a dealer alone; an extension,
// a scheme or products that nothing asks for are not varied.
func NewSpace(f *ir.Func, d cost.Deployment, source cost.Source) *Space {
	s := &Space{Sites: pass.Sites(f), OTs: []cost.OT{cost.SoftSpoken, cost.Ferret}, Schemes: cost.Schemes(), Elementwise: []cost.Elementwise{cost.ByGilboa}, Packings: []cost.Packing{cost.Balanced}}
	for range s.Sites {
		s.Ways = append(s.Ways, Ways(source))
	}
	s.Parallel = parallel(f, s.Sites)
	squares := slices.ContainsFunc(f.Body, func(v *ir.Value) bool { return v.Is("ring.square") || v.Is("ring.quadratic") })
	if source == cost.FromHE && squares {
		s.Elementwise = append(s.Elementwise, cost.BySIMD)
	}
	if source == cost.FromHE {
		s.Packings = cost.Packings()
	}
	s.Truncations = newTruncations(f)
	s.Layers = newLayers(f, d)
	s.PackAll(s.Packings)
	return s
}

// parallel finds the pairs of sites of which neither depends on the other.
func parallel(f *ir.Func, sites []pass.Site) (pairs [][2]int) {
	index := map[string]int{}
	for i, s := range sites {
		index[s.Path] = i
	}
	depends := map[*ir.Value][]bool{} // on which sites
	under := make([][]bool, len(sites))
	for _, v := range f.Body {
		on := make([]bool, len(sites))
		for _, x := range v.Args {
			for i, yes := range depends[x] {
				on[i] = on[i] || yes
			}
		}
		if i, ok := index[pass.SitePath(v)]; ok {
			on[i], under[i] = true, on
		}
		depends[v] = on
	}
	for b := range sites {
		for a := range b {
			if !under[b][a] && !under[a][b] {
				pairs = append(pairs, [2]int{a, b})
			}
		}
	}
	return pairs
}

// Ways lists the ways to compare that material of a source allows. Of equals the first is taken.
func Ways(source cost.Source) []pass.Nonlinear {
	ways := []pass.Nonlinear{pass.OTSign, pass.GarbledSign, pass.GarbledWhole}
	if source == cost.FromDealer {
		ways = append(ways, pass.DealtSign, pass.DealtWhole)
	}
	return ways
}

// Fix leaves one way for the sites of some paths.
func (s *Space) Fix(paths []string, way pass.Nonlinear) {
	for i, site := range s.Sites {
		if slices.Contains(paths, site.Path) {
			s.Ways[i] = []pass.Nonlinear{way}
		}
	}
}

// Candidate is one way to compute a network.
type Candidate struct {
	Ways []pass.Nonlinear // of the sites, in their order
	Program
	Packs  []cost.Packing    // of the layers, in their order; nil: all as the program says
	Truncs []pass.Truncation // of the truncations, in their order; nil: each in its first way, the cheapest
}

// Program is what is chosen for all of a program.
type Program struct {
	Form        int // of the problem's
	OT          cost.OT
	Garbling    cost.Scheme
	Elementwise cost.Elementwise
	Packing     cost.Packing
}

// Same tells whether two candidates are one program.
func (c Candidate) Same(o Candidate) bool {
	_, a := c.key()
	_, b := o.key()
	return a == b
}

// with is the candidate with another way at a site.
func (c Candidate) with(site int, w pass.Nonlinear) Candidate {
	c.Ways = slices.Clone(c.Ways)
	c.Ways[site] = w
	return c
}

// garbles tells whether a candidate garbles anything, so that its scheme matters.
func (c Candidate) garbles() bool {
	return slices.ContainsFunc(c.Ways, garbled)
}

// garbled tells whether a way garbles.
func garbled(w pass.Nonlinear) bool { return w == pass.GarbledSign || w == pass.GarbledWhole }

// key names what of a candidate the passes lower, and all of it.
func (c Candidate) key() (lowered, whole string) {
	b := make([]byte, 0, 8*len(c.Ways))
	b = strconv.AppendInt(b, int64(c.Form), 10)
	for _, w := range c.Ways {
		b = append(append(b, ' '), w...)
	}
	if c.garbles() {
		b = append(append(b, ' '), c.Garbling...)
	}
	for _, t := range c.Truncs {
		b = append(append(b, ' '), t...)
	}
	lowered = string(b)
	b = append(b, ' ', byte(c.OT), byte(c.Elementwise), byte(c.Packing))
	for _, k := range c.Packs {
		b = append(b, byte(k))
	}
	return lowered, string(b)
}

// Protocols are the candidate's.
func (s *Space) Protocols(c Candidate) pass.Protocols {
	base := pass.Protocols{Garbling: c.Garbling, Sites: map[string]pass.Nonlinear{}, Truncations: s.truncations(c)}
	for i, w := range c.Ways {
		base.Sites[s.Sites[i].Path] = w
	}
	return base
}

// alternating takes two ways by turns, wherever a site allows them.
func (s *Space) alternating(even, odd pass.Nonlinear) []pass.Nonlinear {
	var ways []pass.Nonlinear
	for i := range s.Ways {
		w := even
		if i%2 == 1 {
			w = odd
		}
		ways = append(ways, s.allowed(i, w))
	}
	return ways
}

// allowed is a way where a site has the choice of it, and otherwise the first it has.
func (s *Space) allowed(site int, w pass.Nonlinear) pass.Nonlinear {
	if slices.Contains(s.Ways[site], w) {
		return w
	}
	return s.Ways[site][0]
}

// all lists the ways of any site.
func (s *Space) all() []pass.Nonlinear {
	var out []pass.Nonlinear
	for _, accepted := range s.Ways {
		for _, w := range accepted {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// Programs lists what can be chosen for the whole program in a form.
func (s *Space) Programs(form int) []Program {
	all := s.unpacked(form)
	for i, n := 0, len(all); i < n; i++ {
		for _, k := range s.Packings[1:] {
			g := all[i]
			g.Packing = k
			all = append(all, g)
		}
	}
	return all
}

// unpacked is Programs in one packing.
func (s *Space) unpacked(form int) []Program {
	var all []Program
	for _, o := range s.OTs {
		for _, g := range s.Schemes {
			for _, e := range s.Elementwise {
				all = append(all, Program{form, o, g, e, s.Packings[0]})
			}
		}
	}
	return all
}

// candidates counts all there are, with all layers packed alike or not, up to a few more than most.
func (s *Space) candidates(alike bool, most int) int {
	n := len(s.unpacked(0))
	if alike || len(s.Layers) == 0 {
		n *= len(s.Packings)
	} else {
		n *= s.mixes(most)
	}
	for _, w := range s.Ways {
		if n > most {
			break
		}
		n *= len(w)
	}
	return n
}
