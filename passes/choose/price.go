package choose

import (
	"cmp"
	"slices"
	"sync"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Problem is a network whose protocols are to be chosen. Several goroutines may ask for choices and prices at a time.
type Problem struct {
	Forms  []*Form
	Deploy cost.Deployment
	Source cost.Source // of the material
	Target cost.Target // whose machines compute; its link is where the choice is made
	// Objective is what is made small.
	Objective Objective
	// Passes take the network to SECURE: all of them that prices depend on, and none that chooses.
	Passes []*pass.Pass
	// Enumerate is the most candidates of which all are weighed; 0 is MostEnumerated, and fewer than there are has them searched.
	Enumerate int
	// Keep is the most candidates whose prices are kept for when they are asked for again; 0 is twice MostEnumerated.
	Keep int

	mu      sync.Mutex // of what follows
	layouts *cost.Layouts
	lowered map[string]*secure
	priced  map[string]*account

	listing sync.Mutex        // of what follows
	every   map[int][]weighed // of the forms that are enumerated
}

// secure is a candidate in SECURE, whatever its OT extension and products.
type secure struct {
	mu    sync.Mutex
	m     *ir.Module
	asked cost.Extensions
	owner []int // of the ops, by tag: the site they belong to, or -1
	layer []int // of the ops, by tag: the layer that they are, or -1
}

// account is what a candidate does, priced but for the link.
type account struct {
	*secure
	phases [2]*cost.Laid
}

// of is a candidate's space.
func (p *Problem) of(g Program) *Space { return p.Forms[g.Form].Space }

// account lowers a candidate and counts what it does.
func (p *Problem) account(c Candidate) (*account, error) {
	lowered, whole := c.key()
	a, s, layouts := p.known(lowered, whole)
	if a != nil {
		return a, nil
	}
	if s == nil {
		m, err := p.lower(c)
		if err != nil {
			return nil, err
		}
		if err := ir.CheckMaterial(m, p.Source); err != nil {
			return nil, err
		}
		s = &secure{m: m, asked: ir.SessionOTs(m, m.Funcs[0]), owner: p.owners(c.Program, m.Funcs[0]), layer: p.of(c.Program).layersOf(m.Funcs[0])}
	}
	return p.keep(lowered, whole, &account{s, layouts.Lay(s.ledger(p.of(c.Program), c, p.Source))}), nil
}

// known gives what is kept of a candidate.
func (p *Problem) known(lowered, whole string) (*account, *secure, *cost.Layouts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.priced) >= cmp.Or(p.Keep, 2*MostEnumerated) || p.priced == nil {
		p.priced, p.lowered, p.layouts = map[string]*account{}, map[string]*secure{}, cost.NewLayouts(p.Target)
	}
	return p.priced[whole], p.lowered[lowered], p.layouts
}

// keep keeps an account, or gives the one that another goroutine has kept since.
func (p *Problem) keep(lowered, whole string, a *account) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	if had := p.priced[whole]; had != nil {
		return had
	}
	p.lowered[lowered], p.priced[whole] = a.secure, a
	return a
}

// ledger counts what a candidate does.
func (s *secure) ledger(space *Space, c Candidate, source cost.Source) *cost.Ledger {
	s.mu.Lock() // of the packings, which are set for each candidate
	defer s.mu.Unlock()
	s.pack(space, c)
	with := ir.Module{Stage: s.m.Stage, Deploy: s.m.Deploy, OT: c.OT, Elementwise: c.Elementwise, Packing: c.Packing}
	return ir.AccountAsking(s.asked, &with, s.m.Funcs[0], source)
}

// pack packs the layers as a candidate does.
func (s *secure) pack(space *Space, c Candidate) {
	for tag, i := range s.layer {
		if i >= 0 {
			s.m.Funcs[0].Body[tag].SetPacking(space.packing(c, i))
		}
	}
}

// layersOf says which layer each op of a function in SECURE is.
func (s *Space) layersOf(f *ir.Func) []int {
	out := make([]int, len(f.Body))
	for tag, v := range f.Body {
		out[tag] = -1
		if v.Linear() {
			out[tag] = slices.IndexFunc(s.Layers, func(l Layer) bool { return l.Path == pass.SitePath(v) })
		}
	}
	return out
}

// lower takes a candidate to SECURE.
func (p *Problem) lower(c Candidate) (*ir.Module, error) {
	m := p.Forms[c.Form].Ring.Clone()
	context := &pass.Context{Deploy: p.Deploy, Source: p.Source, Protocols: p.of(c.Program).Protocols(c)}
	return m, (&pass.Runner{}).Run(context, m, p.Passes...)
}

// owners says which site each op of a function belongs to: those of its path, and the truncation and the masks that are there for it.
func (p *Problem) owners(g Program, f *ir.Func) []int {
	sites := map[string]int{}
	for i, s := range p.of(g).Sites {
		sites[s.Path] = i
	}
	owner := make([]int, len(f.Body))
	tags := map[*ir.Value]int{}
	for tag, v := range f.Body {
		tags[v] = tag
		owner[tag] = -1
		if i, ok := sites[pass.SitePath(v)]; ok {
			owner[tag] = i
		}
	}
	for tag := len(f.Body) - 1; tag >= 0; tag-- { // readers come later
		for _, x := range f.Body[tag].Args {
			if at, ok := tags[x]; ok && owner[tag] >= 0 && owner[at] < 0 && prepares(x) {
				owner[at] = owner[tag]
			}
		}
	}
	return owner
}

// prepares tells whether an op only brings a value into another form.
func prepares(v *ir.Value) bool {
	return v.Is("mask") || v.Is("open") || v.Is("ot.trunc") || v.Is("ot.trunc.exact") || v.Op.Local && !v.Op.Constant && !v.Is("ring.conv2d") && !v.Is("ring.linear")
}

// Price estimates a candidate on a link.
func (p *Problem) Price(c Candidate, link cost.Link) (Times, error) {
	return p.search(link).times(c)
}

// adapt gives a candidate's ways to other choices for the whole program: in another form each site keeps its own, as far as it may.
func (p *Problem) adapt(c Candidate, g Program) Candidate {
	if g.Form == c.Form {
		c.Program = g
		return c
	}
	of := map[string]pass.Nonlinear{}
	for i, s := range p.of(c.Program).Sites {
		of[s.Path] = c.Ways[i]
	}
	s := p.of(g)
	out := Candidate{Ways: make([]pass.Nonlinear, len(s.Sites)), Program: g}
	if packs := slices.Clone(c.Packs); packs != nil && len(packs) == len(s.Layers) {
		for i, l := range s.Layers {
			packs[i] = l.as[packs[i]]
		}
		out = s.packed(out, packs)
	}
	for i, site := range s.Sites {
		out.Ways[i] = s.allowed(i, of[site.Path])
	}
	return out
}
