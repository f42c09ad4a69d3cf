package choose

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"sotto/ir/cost"
	"sotto/passes/pass"
)

// aspect is one thing that is decided, for a site or for the whole program.
type aspect struct {
	path, op string
	line     int
	elements int
	options  []string
	of       func(Candidate) string
	with     func(Candidate, string) Candidate
	own      Times
}

// aspects lists what there was to choose: sites in program order, then what is chosen for all; what had one option is named too.
func (s *search) aspects(c Candidate) ([]aspect, error) {
	a, err := s.account(c)
	if err != nil {
		return nil, err
	}
	var out []aspect
	own, space := s.sites(c.Program, a), s.of(c.Program)
	for i, site := range space.Sites {
		out = append(out, aspect{site.Path, site.Op, site.Line, site.Elements, names(space.Ways[i]),
			func(c Candidate) string { return string(s.wayAt(c, site.Path)) },
			func(c Candidate, o string) Candidate { return c.with(i, pass.Nonlinear(o)) }, own[i]})
	}
	out = append(out, s.truncationAspects(c, a)...)
	layers := s.layers(c.Program, a)
	for i, l := range space.Layers {
		if len(l.Packings) > 1 {
			out = append(out, aspect{l.Path, l.Op, l.Line, l.Elements, texts(l.Packings),
				func(c Candidate) string { return s.packingAt(c, l.Path).String() },
				func(c Candidate, o string) Candidate { return space.repacked(c, i, option(l.Packings, o)) }, layers[i]})
		}
	}
	return slices.Concat(out, s.formAspects(c), s.whole(space, c)), nil
}

// packingAt is the packing of the layer at a path, in whatever form.
func (p *Problem) packingAt(c Candidate, path string) cost.Packing {
	space := p.of(c.Program)
	return space.packing(c, slices.IndexFunc(space.Layers, func(l Layer) bool { return l.Path == path }))
}

// option is that of a name.
func option[T interface{ String() string }](all []T, name string) T {
	return all[slices.IndexFunc(all, func(x T) bool { return x.String() == name })]
}

// wayAt is the way of the site at a path, in whatever form.
func (p *Problem) wayAt(c Candidate, path string) pass.Nonlinear {
	sites := p.of(c.Program).Sites
	return c.Ways[slices.IndexFunc(sites, func(s pass.Site) bool { return s.Path == path })]
}

// formAspects are those of the form: its ring, and the order of pools and ReLUs.
func (s *search) formAspects(c Candidate) (out []aspect) {
	add := func(op string, of func(*Form) string) {
		var options []string
		for _, f := range s.Forms {
			if o := of(f); !slices.Contains(options, o) {
				options = append(options, o)
			}
		}
		with := func(c Candidate, o string) Candidate {
			g := c.Program
			g.Form = s.nearest(g.Form, func(f *Form) bool { return of(f) == o })
			return s.adapt(c, g)
		}
		out = append(out, aspect{"", op, 0, 0, options, func(c Candidate) string { return of(s.Forms[c.Form]) }, with, Times{}})
	}
	add(ringAndScales, (*Form).Scales)
	if s.Forms[0].Pools != "" {
		add("pools", func(f *Form) string { return string(f.Pools) })
	}
	return out
}

// ringAndScales is the op of the decision about both.
const ringAndScales = "ring"

// nearest is the form that is as another but for what is asked for.
func (p *Problem) nearest(to int, accepts func(*Form) bool) int {
	found := -1
	for i, f := range p.Forms {
		same := f.Scales() == p.Forms[to].Scales() || f.Pools == p.Forms[to].Pools
		if accepts(f) && (found < 0 || same) {
			found = i
		}
	}
	return found
}

// whole lists the other aspects of the whole program.
func (p *Problem) whole(space *Space, c Candidate) (out []aspect) {
	add := func(op string, options []string, of func(Candidate) string, with func(*Program, string)) {
		change := func(c Candidate, o string) Candidate {
			with(&c.Program, o)
			return c
		}
		out = append(out, aspect{"", op, 0, 0, options, of, change, Times{}})
	}
	add("ot", texts(space.OTs), func(c Candidate) string { return c.OT.String() }, func(g *Program, o string) { g.OT, _ = cost.ParseOT(o) }) // one of the options
	if len(space.Elementwise) > 1 {
		add("products", texts(space.Elementwise), func(c Candidate) string { return c.Elementwise.String() }, func(g *Program, o string) { g.Elementwise, _ = cost.ParseElementwise(o) })
	}
	if packings := space.distinct(); len(packings) > 1 {
		out = append(out, aspect{"", "packing", 0, 0, texts(packings), p.packedAs, func(c Candidate, o string) Candidate {
			c.Packing, c.Packs = option(packings, o), nil
			return c
		}, Times{}})
	}
	if c.garbles() {
		scheme := func(c Candidate) string {
			if !c.garbles() {
				return "none"
			}
			return string(c.Garbling)
		}
		add("garbling", names(space.Schemes), scheme, func(g *Program, o string) { g.Garbling = cost.Scheme(o) })
	}
	return out
}

// packedAs names the packing of all layers, the first of those that come to the same plans, or says that there are several.
func (p *Problem) packedAs(c Candidate) string {
	space := p.of(c.Program)
	if c = space.packed(c, space.packs(c)); c.Packs != nil {
		return "by layer"
	}
	return c.Packing.String()
}

func names[T ~string](all []T) (out []string) {
	for _, x := range all {
		out = append(out, string(x))
	}
	return out
}

func texts[T interface{ String() string }](all []T) (out []string) {
	for _, x := range all {
		out = append(out, x.String())
	}
	return out
}

// Rival is another option, and what the whole program takes with it and all else as it is, beyond the chosen one: negative in a phase
// that is faster with it.
type Rival struct {
	Option string `json:"option"`
	Times
	ErrorBound float64 `json:"error_bound,omitempty"` // of the output, where that is another and known
	Aside      bool    `json:"aside,omitempty"`       // it is not for prices to choose: fewer bits than was asked for
}

// Decision says why something is as it is. Path is empty for what is chosen for the whole program.
type Decision struct {
	Path       string  `json:"path"`
	Op         string  `json:"op"`
	Line       int     `json:"line"`
	Elements   int     `json:"elements"`
	Chosen     string  `json:"chosen"`
	Times              // an op's part of the estimate
	ErrorBound float64 `json:"error_bound,omitempty"` // of ring and scales: what the output's error keeps to, where that is known
	// Rivals are the other options, the runner-up first; none where the user left no choice.
	Rivals []Rival `json:"rivals"`
	// Flips are the nearest bandwidths and delays, on either side of the link's, where the choice of all together turns to another option here;
	// none within the limits is never.
	Flips []Flip `json:"flips"`
}

// Explain gives the reasons of a choice on a link.
func (p *Problem) Explain(c Choice, link cost.Link) ([]Decision, error) {
	s := p.search(link)
	aspects, err := s.aspects(c.Candidate)
	if err != nil {
		return nil, err
	}
	turns, failed := make([][]Turn[Candidate], len(Axes())), make([]error, len(Axes()))
	var all sync.WaitGroup
	for i, axis := range Axes() {
		all.Go(func() { turns[i], failed[i] = p.turns(link, axis) })
	}
	out := make([]Decision, len(aspects))
	for i, x := range aspects {
		out[i] = Decision{Path: x.path, Op: x.op, Line: x.line, Elements: x.elements, Chosen: x.of(c.Candidate), Times: x.own, Flips: []Flip{}}
		if x.op == ringAndScales {
			out[i].ErrorBound = p.Forms[c.Candidate.Form].ErrorBound
		}
		if out[i].Rivals, err = s.rivals(c, x); err != nil {
			break
		}
	}
	all.Wait()
	for a, axis := range Axes() {
		for i, x := range aspects {
			out[i].Flips = append(out[i].Flips, Flips(turns[a], x.of, axis, axis.Of(link))...)
		}
	}
	return out, errors.Join(append(failed, err)...)
}

// rivals prices the other options.
func (s *search) rivals(c Choice, a aspect) ([]Rival, error) {
	out := []Rival{}
	for _, o := range a.options {
		if o == a.of(c.Candidate) {
			continue
		}
		x := a.with(c.Candidate, o)
		t, err := s.times(x)
		if err != nil {
			return nil, err
		}
		r := Rival{Option: o, Times: Times{t.Offline - c.Times.Offline, t.Online - c.Times.Online}}
		if a.op == ringAndScales {
			r.ErrorBound, r.Aside = s.Forms[x.Form].ErrorBound, s.Forms[x.Form].Aside
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Rival) int { return cmp.Compare(a.By(s.Objective), b.By(s.Objective)) })
	return out, nil
}
