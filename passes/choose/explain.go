package choose

import (
	"cmp"
	"slices"

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
	own      func(*prices) Times
}

// aspects lists what there was to choose: sites in program order, then what is chosen for all; what had one option is named too.
func (s *search) aspects(c Candidate) []aspect {
	var out []aspect
	for i, site := range s.Space.Sites {
		out = append(out, aspect{site.Path, site.Op, site.Line, site.Elements, names(s.Space.Ways[i]),
			func(c Candidate) string { return string(c.Ways[i]) },
			func(c Candidate, o string) Candidate { return c.with(i, pass.Nonlinear(o)) },
			func(p *prices) Times { return p.sites[i] }})
	}
	whole := func(*prices) Times { return Times{} }
	out = append(out, aspect{"", "ot", 0, 0, texts(s.Space.OTs),
		func(c Candidate) string { return c.OT.String() },
		func(c Candidate, o string) Candidate {
			c.OT, _ = cost.ParseOT(o) // one of the options
			return c
		}, whole})
	if len(s.Space.Elementwise) > 1 {
		out = append(out, aspect{"", "products", 0, 0, texts(s.Space.Elementwise),
			func(c Candidate) string { return c.Elementwise.String() },
			func(c Candidate, o string) Candidate {
				c.Elementwise, _ = cost.ParseElementwise(o)
				return c
			}, whole})
	}
	if len(s.Space.Packings) > 1 {
		out = append(out, aspect{"", "packing", 0, 0, texts(s.Space.Packings),
			func(c Candidate) string { return c.Packing.String() },
			func(c Candidate, o string) Candidate {
				c.Packing, _ = cost.ParsePacking(o)
				return c
			}, whole})
	}
	if c.garbles() {
		out = append(out, aspect{"", "garbling", 0, 0, names(s.Space.Schemes),
			func(c Candidate) string {
				if !c.garbles() {
					return "none"
				}
				return string(c.Garbling)
			},
			func(c Candidate, o string) Candidate {
				c.Garbling = cost.Scheme(o)
				return c
			}, whole})
	}
	return out
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
}

// Decision says why something is as it is. Path is empty for what is chosen for the whole program.
type Decision struct {
	Path     string `json:"path"`
	Op       string `json:"op"`
	Line     int    `json:"line"`
	Elements int    `json:"elements"`
	Chosen   string `json:"chosen"`
	Times           // an op's part of the estimate
	// Rivals are the other options, the runner-up first; none where the user left no choice.
	Rivals []Rival `json:"rivals"`
	// Flips are the nearest bandwidths and delays, on either side of the link's, where the choice of all together turns to another option here;
	// none within the limits is never.
	Flips []Flip `json:"flips"`
}

// Explain gives the reasons of a choice on a link.
func (p *Problem) Explain(c Choice, link cost.Link) ([]Decision, error) {
	s := p.search(link)
	aspects := s.aspects(c.Candidate)
	out := make([]Decision, len(aspects))
	a, err := s.account(c.Candidate)
	if err != nil {
		return nil, err
	}
	for i, x := range aspects {
		out[i] = Decision{x.path, x.op, x.line, x.elements, x.of(c.Candidate), x.own(s.prices(a)), nil, []Flip{}}
		if out[i].Rivals, err = s.rivals(c, x); err != nil {
			return nil, err
		}
	}
	for _, axis := range Axes() {
		turns, err := p.turns(link, axis)
		if err != nil {
			return nil, err
		}
		for i, x := range aspects {
			out[i].Flips = append(out[i].Flips, flips(turns, x.of, axis, axis.Of(link))...)
		}
	}
	return out, nil
}

// rivals prices the other options.
func (s *search) rivals(c Choice, a aspect) ([]Rival, error) {
	out := []Rival{}
	for _, o := range a.options {
		if o == a.of(c.Candidate) {
			continue
		}
		t, err := s.times(a.with(c.Candidate, o))
		if err != nil {
			return nil, err
		}
		out = append(out, Rival{o, Times{t.Offline - c.Times.Offline, t.Online - c.Times.Online}})
	}
	slices.SortStableFunc(out, func(a, b Rival) int { return cmp.Compare(a.By(s.Objective), b.By(s.Objective)) })
	return out, nil
}
