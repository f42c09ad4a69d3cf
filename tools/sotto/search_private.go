package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/share"
	"sotto/runtime/wire"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/goals"
)

// A private search: two servers step by turns, on shares, the weights and the decisions of a space. What is decided neither of them learns.

// The programs of a private search, as privateTurn.Program numbers them.
const (
	stepWeights = iota
	stepLogits
	decideSites
)

// searchesInTheClear are flags of what only a search in the clear does, and what there is instead.
var searchesInTheClear = map[string]string{
	"data":          "data comes as shares, by --data-bundle",
	"budget":        "nobody knows what is decided: prices count in the loss alone, by --weight",
	"random":        "nobody knows what is decided",
	"pretrain":      "weights begin as public random ones",
	"finetune":      "what is found is trained on by sotto train --private",
	"finetune-rate": "what is found is trained on by sotto train --private",
	"images":        "owners share what is to be trained on",
	"checkpoint":    "accepted is --checkpoint-steps",
}

// checkPrivate refuses what only a search in the clear can do.
func (f *searchFlags) checkPrivate(cmd *cobra.Command) error {
	for _, flag := range slices.Sorted(maps.Keys(searchesInTheClear)) {
		if cmd.Flags().Changed(flag) && cmd.Flags().Lookup(flag).Value.String() != "0" {
			return usagef("--%s: with --private, %s", flag, searchesInTheClear[flag])
		}
	}
	switch {
	case f.init != "" && !strings.HasPrefix(f.init, randomWeights):
		return usagef("--init %s: with --private, weights begin as public random ones: accepted is random:SEED", f.init)
	case len(f.weights) > 1:
		return usagef("--weight %v: with --private, accepted is one number", f.weights)
	case f.output == "" && f.private.deal == "" && len(f.private.estimate) == 0:
		return usagef("-o is missing: accepted is the folder to write to")
	}
	f.settings.Ring = cmp.Or(f.settings.Ring, privateRing)
	f.private.ot, f.private.products = cmp.Or(f.lower.ot, cost.SoftSpoken.String()), cmp.Or(f.lower.products, cost.BySIMD.String())
	return nil
}

// searchPrivate is search for one of the three.
func (a *app) searchPrivate(path string, f *searchFlags, cmd *cobra.Command) (*privateResult, error) {
	f.private.offline = f.lower.offline
	role, err := f.private.role(false)
	if err == nil {
		err = f.checkPrivate(cmd)
	}
	if err != nil {
		return nil, err
	}
	n, err := a.loadSpace(path, f.network)
	if err != nil {
		return nil, err
	}
	goal, err := f.goal(n, cmd)
	if err != nil {
		return nil, err
	}
	f.settings.Pretrain = 0 // whatever the file's search block says
	if len(goal.Limits) > 0 {
		a.notice("the search block's limits are not held: nobody knows what is decided, and prices count in the loss alone (--weight)")
	}
	p, err := a.privatePrograms(n, f)
	if err != nil {
		return nil, err
	}
	of, err := f.ringRun(p.step.ring, f.weights[0])
	if err != nil {
		return nil, err
	}
	w := &privateWork{net: n, steps: p.steps(), sites: p.sites, output: f.output, resume: f.resume,
		target: f.target, batch: f.settings.Batch, epochs: f.settings.Epochs, seed: f.settings.Seed, turns: f.turns, fits: func(steps int) (*engine.Margin, error) { return a.fitsRing(f.ranges, of, steps-1) }, plan: party.Plan{
			{Name: "rates and the weight of prices (--rate, --logit-rate, --weight and others)", Value: of.Rates},
			{Name: "the beginning of weights (--init, --seed)", Value: of.Init}}}
	if role != wire.Dealer {
		if err := a.beginSearch(w, f, goal); err != nil {
			return nil, err
		}
	}
	return a.privately(role, &f.private, w)
}

func (a *app) privatePrograms(n *network, f *searchFlags) (*searchPrograms, error) {
	how, err := f.settings.ringTraining()
	if err != nil {
		return nil, err
	}
	context, err := f.private.context(n, how, f.settings.fixedSettings)
	if err != nil {
		return nil, err
	}
	return a.searchPrograms(n, context)
}

// turns are the steps of a search, and the decision.
func (f *searchFlags) turns(images func(split string) int) ([]privateTurn, error) {
	train, err := batchesOf(images, share.Train, f.settings.Batch)
	if err != nil {
		return nil, err
	}
	valid, err := batchesOf(images, share.Validation, f.settings.Batch)
	if err != nil {
		return nil, err
	}
	g := f.settings.gradient(min(train, valid), f.weights[0])
	var all []privateTurn
	for n := range g.Turns() {
		t := g.Turn(n)
		u := privateTurn{Program: stepWeights, Epoch: t.Batch.Number / g.Batches, Split: share.Train, Batch: t.Batch.Number, Rate: t.Rate}
		if t.Logits {
			u.Program, u.Split = stepLogits, share.Validation
		}
		all = append(all, u)
	}
	return append(all, privateTurn{Program: decideSites, Epoch: g.Epochs - 1}), nil
}

// beginSearch prices the space: what options cost is public, and a part of what both servers begin with.
func (a *app) beginSearch(w *privateWork, f *searchFlags, goal *goals.Goal) error {
	prices, err := a.newSpacePrices(w.net, f.lower, figuresOf(goal))
	if err != nil {
		return err
	}
	space, err := prices.space(goal)
	if err != nil {
		return err
	}
	costs, err := spaceCosts(prices.sites, space, f.weights[0])
	if err != nil {
		return err
	}
	w.begin = func() (map[string][]float32, error) {
		all, err := a.publicWeights(w.net, f.init, f.settings.Seed)
		if err == nil {
			maps.Copy(all, costs)
		}
		return all, err
	}
	return nil
}
