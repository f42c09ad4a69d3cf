package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/fixedstep"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/passes/search"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/goals"
	"sotto/tools/sotto/weights"
)

// A search in fixed point: what two parties compute, and in the clear what they would.

// toShared relaxes a space as it is searched in fixed point, without dropout.
var toShared = slices.Concat(passes.ToSupernet, []*pass.Pass{clean.Identities, relu.PoolFirst, clean.DCE})

// inRing holds the settings of a search in fixed point to what there is, and takes what there is where nobody gave them.
func (f *searchFlags) inRing(g *goals.Goal, cmd *cobra.Command) error {
	if fixed, err := f.settings.fixed(&pass.Training{}, f.settings.Rate); !fixed || err != nil {
		return err
	}
	if f.settings.Method != "gradient" {
		return usagef("--method %s: in fixed point (--ring), accepted is gradient", f.settings.Method)
	}
	for _, c := range []struct {
		flag, accepted string
		others         bool // are accepted too, if they are given
	}{{"order", "1", false}, {"clip", "0", false}, {"gumbel", "0", false}, {"logit-decay", "0", false}, {"logit-rate", ringLogitRate, true}} {
		flag := cmd.Flags().Lookup(c.flag)
		if _, set := g.Settings[strings.ReplaceAll(c.flag, "-", "_")]; !set && !flag.Changed {
			if err := flag.Value.Set(c.accepted); err != nil {
				return err
			}
		}
		if !c.others && flag.Value.String() != c.accepted {
			return usagef("--%s %s: in fixed point (--ring), accepted is %s", c.flag, flag.Value, c.accepted)
		}
	}
	if r := f.settings.LogitRate; r < fixedstep.LeastFactor {
		return usagef("--logit-rate %g: in fixed point (--ring), accepted are %.2g and more", r, fixedstep.LeastFactor)
	}
	return nil
}

// ringLogitRate is the learning rate of logits in fixed point, whose optimiser is SGD, where nobody says: Adam's would leave them where they are.
const ringLogitRate = "0.25"

// ringTraining says how weights and logits are stepped in fixed point.
func (s *searchSettings) ringTraining() (*pass.Training, error) {
	how := s.training()
	how.OfLogits, how.Costs = pass.SGD{Momentum: search.LogitMomentum}, true
	_, err := s.fixedSettings.fixed(&how, s.Rate)
	return &how, err
}

// mostCost bounds what an option may cost, in units of the loss, far beyond what any loss comes to: a step of its logit stays within the ring.
const mostCost = 1 << 10

// spaceCosts are what options cost in units of the loss, by the path of the state that has them: their effects on the objective, weighed. What a
// relaxed space is expected to cost is the sum of them by the probabilities of options, but for a constant.
func spaceCosts(sites []choices.Site, space *search.Space, weight float64) (map[string][]float32, error) {
	out := map[string][]float32{}
	for i, site := range sites {
		x := make([]float32, len(site.Options))
		for o, effect := range space.Effects[i] {
			if x[o] = float32(weight * effect); !(math.Abs(float64(x[o])) <= mostCost) {
				return nil, fmt.Errorf("option %s of %s costs %.3g in units of the loss: accepted is up to %d, by a lower --weight", site.Options[o], site.Path, x[o], mostCost)
			}
		}
		out[site.Path+".costs"] = x
	}
	return out, nil
}

// fixed is an engine of the space in fixed point.
func (s *searcher) fixed(weight float64, begin map[string][]float32) (*engine.Fixed, error) {
	m := s.n.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, toShared...); err != nil {
		return nil, err
	}
	random, err := weights.HeInitialised(s.n.fn(), s.n.decisions, s.f.settings.Seed)
	if err != nil {
		return nil, err
	}
	first := func(path string, shape []int) ([]float32, error) {
		if x := begin[path]; len(x) == ir.Float(shape...).Len() {
			return x, nil
		}
		return random.Weight(path, shape)
	}
	how, err := s.f.settings.ringTraining()
	if err != nil {
		return nil, err
	}
	e, err := engine.NewFixed(m, engine.Options{Training: *how, Seed: s.f.settings.Seed, Init: first},
		engine.FixedOptions{Ring: s.f.settings.Ring, Frac: s.f.settings.Frac}, s.data)
	if err != nil {
		return nil, err
	}
	costs, err := spaceCosts(s.prices.sites, s.space, weight)
	if err != nil {
		return nil, err
	}
	for path, x := range costs {
		if err := e.SetWeight(path, x); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// nearest remembers the least margin of searches in fixed point.
func (s *searcher) nearest(e search.Engine) {
	f, ok := e.(*engine.Fixed)
	if !ok {
		return
	}
	if m := f.Least(); m != nil && (s.least == nil || m.Bits < s.least.Bits) {
		s.least = m
	}
}

// searchPrograms are what a private search is made of: programs over one state, the first two of which two parties run by turns (search.Turn), and
// the third at the end.
type searchPrograms struct {
	net                  *network
	step, logits, decide *privateStep
	sites                []choices.Site // in the order of what decide gives: which option of each is taken
}

// searchPrograms compiles a space for two parties.
func (a *app) searchPrograms(n *network, c *pass.Context) (*searchPrograms, error) {
	p := &searchPrograms{net: n, sites: choices.Sites(n.fn())}
	if err := n.infers(); err != nil {
		return nil, err
	}
	if err := oneInput(n.fn()); err != nil {
		return nil, err
	}
	if len(p.sites) == 0 {
		return nil, noChoices(n)
	}
	slices.SortFunc(p.sites, func(s, t choices.Site) int { return cmp.Compare(s.Path+".logits", t.Path+".logits") })
	a.progress.step("compiling the steps of the search")
	m := n.module.Clone()
	if err := (&pass.Runner{}).Run(c, m, slices.Concat(toShared, passes.ToTrain, passes.ToFixedStep)...); err != nil {
		return nil, err
	}
	for _, of := range []struct {
		name string
		to   **privateStep
	}{{"step", &p.step}, {"step.logits", &p.logits}, {"decide", &p.decide}} {
		var err error
		if *of.to, err = forParties(n, c, m, of.name); err != nil {
			return nil, fmt.Errorf("@%s: %w", of.name, err)
		}
	}
	p.step.ring = programOf(m.Func("step"), m.Func("step.logits"))
	return p, nil
}

// forParties compiles one of the functions that train a network, in RING, for two parties.
func forParties(n *network, c *pass.Context, m *ir.Module, name string) (*privateStep, error) {
	s := &privateStep{net: n, source: c.Source, secure: m.Clone()}
	s.secure.Funcs = []*ir.Func{s.secure.Func(name)}
	if err := (&pass.Runner{}).Run(c, s.secure, passes.ToPrivateStep...); err != nil {
		return nil, err
	}
	if err := ir.CheckMaterial(s.secure, s.source); err != nil {
		return nil, err
	}
	f := s.secure.Funcs[0]
	for _, p := range f.Params {
		for _, of := range []string{"mean", "std", "resize", "crop"} { // of one image: who shares them does that
			delete(p.Attrs, of)
		}
	}
	var err error
	s.pair, err = twopc.Emit(s.secure, f)
	return s, err
}

// steps are the programs as a private run numbers them.
func (p *searchPrograms) steps() []*privateStep {
	return []*privateStep{stepWeights: p.step, stepLogits: p.logits, decideSites: p.decide}
}

// namedOptions names the options that sites take.
func namedOptions(sites []choices.Site, options []int64) (map[string]string, error) {
	if len(options) != len(sites) {
		return nil, fmt.Errorf("%d decisions of %d sites", len(options), len(sites))
	}
	out := map[string]string{}
	for i, s := range sites {
		if options[i] < 0 || options[i] >= int64(len(s.Options)) {
			return nil, fmt.Errorf("site %s takes option %d, accepted are 0 to %d", s.Path, options[i], len(s.Options)-1)
		}
		out[s.Path] = s.Options[options[i]]
	}
	return out, nil
}
