// Package passes holds the named pipelines: read top to bottom, they are the compiler.
package passes

import (
	"slices"

	"sotto/passes/autodiff"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/fixed"
	"sotto/passes/fixedstep"
	"sotto/passes/fold"
	"sotto/passes/pass"
	"sotto/passes/protocols"
	"sotto/passes/ranges"
	"sotto/passes/relu"
	"sotto/passes/rounds"
	"sotto/passes/unbatch"
)

// ToNet resolves a space and makes the float network small.
var ToNet = []*pass.Pass{
	clean.Shapes,     // what was parsed or built fits together
	choices.Resolve,  // one network from here on
	relu.Linearize,   // while relus have the paths that gates call them by
	clean.Identities, // dropout is training's business
	clean.CSE,        // options share their inputs' work
	relu.Shuffle,     // after cse, which shows what is shared
	relu.PoolFirst,   // of what shuffling left: a relu that skips share stays before its pool
	clean.DCE,
}

// AsWritten resolves a space and changes nothing that costs: for models that price a network's ops one by one, as PASNet's.
var AsWritten = []*pass.Pass{clean.Shapes, choices.Resolve, clean.Identities, clean.DCE}

// ToTrainable resolves a space to a network that can be trained, with its dropout; ToSupernet keeps all its options, for a gradient search.
var (
	ToTrainable = []*pass.Pass{clean.Shapes, choices.Resolve, relu.Linearize, clean.CSE, clean.DCE}
	ToSupernet  = []*pass.Pass{clean.Shapes, choices.Relax, clean.CSE, clean.DCE}
)

// WithGates resolves a space to a network whose ReLUs have gates, for a search that closes them.
func WithGates(g relu.Grain) []*pass.Pass {
	by := relu.GateChannels
	if g == relu.Pixel {
		by = relu.GatePixels
	}
	return []*pass.Pass{clean.Shapes, choices.Resolve, clean.DCE, by, clean.CSE, clean.DCE}
}

// Opened resolves a space to a network, and makes of that the space of its ReLUs that may go.
var Opened = []*pass.Pass{clean.Shapes, choices.Resolve, choices.Open}

// ToTrain makes of either the functions that train it.
var ToTrain = []*pass.Pass{
	autodiff.Autodiff, // of the network as it is written: nothing is folded
	clean.Identities,  // dropout, where a function infers
	clean.CSE,
	clean.DCE, // gradients that nobody asked for
}

// ToFixedStep writes the step of them in fixed point, as two parties can compute it.
var ToFixedStep = []*pass.Pass{
	fixedstep.FixedStep,
	clean.CSE, // what is truncated or spread twice
	clean.DCE, // sums that nothing is normalised back by
}

// ToPrivateStep assigns two parties that hold shares of all of it their work in such a step.
var ToPrivateStep = append([]*pass.Pass{
	unbatch.Unbatch, // protocols are of one sample
	clean.DCE,       // what was spread for one sample
}, ToSecure...)

// ToRing goes to fixed point.
var ToRing = []*pass.Pass{
	fold.X2act,    // polynomials become squares whose factors can fold
	fold.Fold,     // batch norms and factors go into weights
	clean.DCE,     // so that ranges sees no dead layers
	ranges.Ranges, // needs the folded weights
	fixed.Fixed,   // ring and scales from the ranges
	clean.CSE,     // quantised weights, truncations
	relu.PoolLast, // where it was asked for
	clean.DCE,
	relu.SignDrop, // of relus that are left, in units of their scales
}

// ToSecure assigns the two parties their work.
var ToSecure = []*pass.Pass{
	protocols.Protocols, // who holds what, which protocol
	clean.CSE,           // one opening a tensor
	clean.DCE,           // masks nobody reads
	protocols.Products,  // by the count of squares
	protocols.OTs,       // by the count of OTs
	rounds.Rounds,       // levels side by side
}

// ToNetWith is ToNet with passes on request, where relus still have the operands that the user wrote.
func ToNetWith(requested ...*pass.Pass) []*pass.Pass {
	at := slices.Index(ToNet, relu.Linearize) + 1
	return slices.Insert(slices.Clone(ToNet), at, requested...)
}

// Bounded and Lowered are the two halves of ToRing: what is found out about the network, and its fixed-point form, which may be made
// several times with other fraction bits.
var (
	Bounded = ToRing[:slices.Index(ToRing, fixed.Fixed)]
	Lowered = ToRing[len(Bounded):]
)

// OnRequest are passes that change what is computed: they run where they are asked for.
var OnRequest = []*pass.Pass{
	relu.Unsqueeze, relu.Prune,
}

// Candidate is what of ToSecure prices depend on, for whoever compares protocols (choose): all but what chooses.
var Candidate = []*pass.Pass{protocols.Protocols, clean.CSE, clean.DCE, rounds.Rounds}

// All lists every pass once, for `sotto opt`.
func All() []*pass.Pass {
	var all []*pass.Pass
	for _, list := range [][]*pass.Pass{ToNet, {choices.Relax}, OnRequest, ToRing, ToSecure, ToTrain, ToFixedStep, ToPrivateStep, {choices.Open, relu.GateChannels, relu.GatePixels}} {
		for _, p := range list {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// Find looks a pass up by name.
func Find(name string) (*pass.Pass, bool) {
	all := All()
	i := slices.IndexFunc(all, func(p *pass.Pass) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}
