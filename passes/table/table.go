// Package table builds the tables that a search asks for prices (cost.Table): every network of a space, on a target, without a compilation.
//
// What an op of a network lowers to, and whether it is there, depends on the options of the sites around it: a batch normalisation folds
// into a convolution or does not, a truncation goes into the sign or the square that reads it, a mask serves two layers. The passes alone
// know how. So the builder asks them: it compiles networks of the space (probes), notes every op of the result with its form, and finds
// for each op the fewest sites whose options say which form it has. It compiles more networks until each combination of options of these
// sites has been seen, and until random networks that it did not learn from are as foretold, op by op. Whatever a pass comes to do is
// learnt with it; no rule of a pass is written down a second time.
//
// What is learnt is sure for the combinations of a site set, which have all been compiled, and as sure as the networks foretold make it
// that no other site matters. A search prices its answer by a compilation in the end.
package table

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
)

// Options say what the networks of a table are priced for. A table has one OT extension and one way of making elementwise products for all
// of its networks: where these are chosen by price, a table for each tells which is cheaper.
type Options struct {
	Source      cost.Source
	OT          cost.OT
	Elementwise cost.Elementwise
}

// Compiler takes a network of a space, an option for each site, through the passes. It must be safe for several at once.
type Compiler func(options []int) (Network, error)

// Network is one that was compiled.
type Network struct {
	Ring   int        // bits, the same of all networks
	Net    *ir.Func   // stage NET, whose ReLUs count
	Secure *ir.Module // before its ops are ordered by rounds: the table's queries do that
}

// Learnt says how a table came to be.
type Learnt struct {
	Probes   int `json:"probes"`    // networks that were compiled
	Foretold int `json:"foretold"`  // of them, that the table foretold before it had learnt from them
	Ops      int `json:"ops"`       // of all networks, those that are alike once
	Forms    int `json:"forms"`     // of the ops
	MostSite int `json:"influence"` // the most sites that one op depends on
}

// Numbers of probes: random ones to begin with, and of those that must be foretold before the table is trusted.
const (
	firstProbes    = 48
	foretoldProbes = 24
	mostProbes     = 4096
	mostRounds     = 32
)

// Build makes the table of the networks that a compiler gives.
func Build(sites []cost.TableSite, compile Compiler, target cost.Target, o Options) (*cost.Table, Learnt, error) {
	b := &builder{compiler: compiler{compile: compile, options: o, sites: sites}, number: map[string]int32{}, known: map[string]int32{},
		same: map[*cost.Shape]*cost.Shape{}, shapesOf: map[int64][]*cost.Shape{}, random: rand.New(rand.NewPCG(probeSeed, uint64(len(sites))))}
	if err := b.learn(); err != nil {
		return nil, b.learnt, err
	}
	t, err := b.table(target)
	return t, b.learnt, err
}

// probeSeed makes one space's probes the same ones every time.
const probeSeed = 0x70726f6265

type builder struct {
	compiler
	random *rand.Rand
	number map[string]int32 // of ops, by what they are called in the outcome of a probe
	forms  []form
	known  map[string]int32 // numbers of forms

	same     map[*cost.Shape]*cost.Shape // the first that is equal
	shapesOf map[int64][]*cost.Shape     // by size

	probes []probe
	rules  []rule // by op
	learnt Learnt
}

// probe is a network that was compiled: the form of each op, by the op's number; ops that only later probes have are absent.
type probe struct {
	options []int
	order   []int32 // of the ops in the program
	forms   []int32
}

func (p *probe) form(op int) int32 {
	if op >= len(p.forms) {
		return absent
	}
	return p.forms[op]
}

const absent int32 = -1

// rule says which form an op has: for each combination of options of sites, the first site's varying slowest; unseen where no probe has
// had the combination.
type rule struct {
	sites []int
	forms []int32
}

const unseen int32 = -2

// learn compiles probes until those to come are foretold.
func (b *builder) learn() error {
	if err := b.probe(b.begin()); err != nil {
		return err
	}
	for range mostRounds {
		missing, err := b.infer()
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			if len(b.probes)+len(missing) > mostProbes {
				break
			}
			if err := b.probe(missing); err != nil {
				return err
			}
			continue
		}
		before := len(b.probes)
		if err := b.probe(b.draw(foretoldProbes)); err != nil {
			return err
		}
		if b.foretells(b.probes[before:]) {
			b.learnt.Probes, b.learnt.Foretold = len(b.probes), len(b.probes)-before // fewer where the space has no more
			return nil
		}
	}
	return fmt.Errorf("after %d networks the next ones are not foretold: ops depend on more sites than a table can tell", len(b.probes))
}

// begin gives the first probes: each option everywhere, each alone among the first ones and among the last, and random ones.
func (b *builder) begin() [][]int {
	var out [][]int
	most := 1
	for _, s := range b.sites {
		most = max(most, len(s.Options))
	}
	everywhere := func(option int) []int {
		n := make([]int, len(b.sites))
		for i, s := range b.sites {
			n[i] = min(option, len(s.Options)-1)
		}
		return n
	}
	for option := range most {
		out = append(out, everywhere(option))
	}
	for i := range b.sites {
		first, last := everywhere(0), everywhere(most)
		first[i], last[i] = last[i], first[i]
		out = append(out, first, last)
	}
	return append(out, b.draw(firstProbes)...)
}

// draw gives random networks: half of them of options that are equally likely, half with a random bias for the first.
func (b *builder) draw(n int) [][]int {
	out := make([][]int, n)
	for k := range out {
		bias := 0.0
		if k%2 == 1 {
			bias = b.random.Float64()
		}
		for _, s := range b.sites {
			option := b.random.IntN(len(s.Options))
			if b.random.Float64() < bias {
				option = 0
			}
			out[k] = append(out[k], option)
		}
	}
	return out
}

// probe compiles networks, without those that are there.
func (b *builder) probe(networks [][]int) error {
	var fresh [][]int
	for _, n := range networks {
		is := func(o []int) bool { return slices.Equal(n, o) }
		if !slices.ContainsFunc(b.probes, func(p probe) bool { return is(p.options) }) && !slices.ContainsFunc(fresh, is) {
			fresh = append(fresh, n)
		}
	}
	outcomes, err := b.compiler.all(fresh)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		b.probes = append(b.probes, b.enter(fresh[i], o))
	}
	return nil
}

// foretells tells whether the rules give the forms that probes have.
func (b *builder) foretells(probes []probe) bool {
	for _, p := range probes {
		if len(p.forms) > len(b.rules) {
			return false
		}
		for op, r := range b.rules {
			if r.forms[b.combination(r.sites, p.options)] != p.form(op) {
				return false
			}
		}
	}
	return true
}

// combination numbers the options of sites.
func (b *builder) combination(sites, options []int) (n int) {
	for _, s := range sites {
		n = n*len(b.sites[s].Options) + options[s]
	}
	return n
}

// table hands over what was learnt.
func (b *builder) table(target cost.Target) (*cost.Table, error) {
	order, err := b.order()
	if err != nil {
		return nil, err
	}
	var forms []cost.TableForm
	for _, f := range b.forms {
		forms = append(forms, cost.TableForm{Shape: f.shape, Args: f.args, Start: f.start, Masks: f.masks, ReLUs: f.relus})
	}
	var ops []cost.TableOp
	for _, f := range order {
		r := b.rules[b.forms[f].op]
		ops = append(ops, cost.TableOp{Slot: b.forms[f].op, Form: f, Sites: r.sites, There: r.has(f)})
		b.learnt.MostSite = max(b.learnt.MostSite, len(r.sites))
	}
	b.learnt.Ops, b.learnt.Forms = len(b.number), len(forms)
	base := cost.TableBase{Deploy: b.deploy, Source: b.options.Source, OT: b.options.OT, Elementwise: b.options.Elementwise, Ring: b.ring}
	return cost.NewTable(base, target, b.sites, ops, forms)
}

// has tells for each combination whether an op has a form.
func (r rule) has(form int32) []bool {
	out := make([]bool, len(r.forms))
	for i, f := range r.forms {
		out[i] = f == form
	}
	return out
}

// order lists the forms so that each probe has its own in that order, as far as there is one. Where options change the order of ops that
// do not read each other, parts of a message may be in another order than the program's.
func (b *builder) order() ([]int32, error) {
	s := newSequence(len(b.forms))
	for _, p := range b.probes {
		for i, op := range p.order {
			f := p.forms[op]
			s.place[f] = max(s.place[f], i)
			if i > 0 {
				s.put(p.forms[p.order[i-1]], f, &s.follows)
			}
			for _, a := range b.forms[f].args {
				if a >= 0 {
					s.put(p.forms[a], f, &s.reads)
				}
			}
		}
	}
	out := s.sorted()
	if len(out) < len(b.forms) {
		return nil, errors.New("the ops of the space's networks come in orders that no one order has")
	}
	return out, nil
}

// sequence sorts forms by what comes after what.
type sequence struct {
	reads, follows edges // which must hold, and which should
	place          []int // late in the program, last
}

// edges are those of one kind.
type edges struct {
	known map[[2]int32]bool
	after [][]int32
	waits []int
}

func newSequence(n int) *sequence {
	new := func() edges { return edges{map[[2]int32]bool{}, make([][]int32, n), make([]int, n)} }
	return &sequence{new(), new(), make([]int, n)}
}

// put says that one form comes after another.
func (s *sequence) put(first, then int32, e *edges) {
	if pair := [2]int32{first, then}; !e.known[pair] {
		e.known[pair] = true
		e.after[first] = append(e.after[first], then)
		e.waits[then]++
	}
}

// done says that a form has its place.
func (e *edges) done(f int32) {
	for _, then := range e.after[f] {
		e.waits[then]--
	}
}

// sorted lists the forms, as many as have a place.
func (s *sequence) sorted() (out []int32) {
	placed := make([]bool, len(s.place))
	for {
		next := -1
		for f := range placed {
			if !placed[f] && s.reads.waits[f] == 0 && (next < 0 || s.before(f, next)) {
				next = f
			}
		}
		if next < 0 {
			return out
		}
		placed[next] = true
		out = append(out, int32(next))
		s.reads.done(int32(next))
		s.follows.done(int32(next))
	}
}

// before tells which of two forms whose arguments are there comes first: the one that waits for fewer others, which are none unless
// orders differ.
func (s *sequence) before(f, g int) bool {
	if s.follows.waits[f] != s.follows.waits[g] {
		return s.follows.waits[f] < s.follows.waits[g]
	}
	return s.place[f] < s.place[g]
}
