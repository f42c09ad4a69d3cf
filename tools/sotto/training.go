package main

import (
	"github.com/spf13/cobra"

	"sotto/passes/pass"
)

// trainingFlags say how weights are trained.
type trainingFlags struct {
	batch     int
	optimiser string
	momentum  float64
	decay     float64
	decays    string
	clip      float64
	smoothing float64
}

// decayed are the sets of weights that may decay, by what users call them.
var decayed = map[string]pass.Decayed{"all": pass.All, "matrices": pass.Matrices}

// adam is torch.optim.Adam's, but for momentum, which is its first beta.
var adam = pass.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}

func (t *trainingFlags) add(c *cobra.Command) {
	c.Flags().IntVar(&t.batch, "batch", 64, "`samples` of a step")
	c.Flags().StringVar(&t.optimiser, "optimiser", "nesterov", "`how` weights are stepped: sgd, nesterov or adam")
	c.Flags().Float64Var(&t.momentum, "momentum", adam.Beta1, "how much of the last step's `direction` is kept")
	c.Flags().Float64Var(&t.decay, "decay", 5e-4, "weight decay: so much of a weight is added to its `gradient`")
	c.Flags().StringVar(&t.decays, "decay-of", "all", "`which` weights decay: all, or matrices, without biases, normalisations and activations")
	c.Flags().Float64Var(&t.clip, "clip", 0, "the greatest `norm` of a step's gradients together (default: any)")
	c.Flags().Float64Var(&t.smoothing, "smoothing", 0, "how much of a label is spread evenly over the `classes`")
}

// training gives what the flags say.
func (t *trainingFlags) training() (*pass.Training, error) {
	of, known := decayed[t.decays]
	switch {
	case t.batch < 1:
		return nil, usagef("--batch %d: accepted are 1 and more", t.batch)
	case !known:
		return nil, usagef("--decay-of %s: accepted are all and matrices", t.decays)
	}
	for _, x := range []struct {
		flag  string
		value float64
		below float64
	}{{"momentum", t.momentum, 1}, {"decay", t.decay, 1}, {"smoothing", t.smoothing, 1}, {"clip", t.clip, 1e9}} {
		if !(x.value >= 0 && x.value < x.below) {
			return nil, usagef("--%s %g: accepted are numbers from 0 to below %g", x.flag, x.value, x.below)
		}
	}
	o, err := optimiserNamed(t.optimiser, t.momentum)
	return &pass.Training{Batch: t.batch, Optimiser: o, Decay: t.decay, Decays: of, Clip: t.clip, Smoothing: t.smoothing}, err
}

// optimiserNamed gives an optimiser by what users call it.
func optimiserNamed(name string, momentum float64) (pass.Optimiser, error) {
	switch name {
	case "sgd":
		return pass.SGD{Momentum: momentum}, nil
	case "nesterov":
		return pass.SGD{Momentum: momentum, Nesterov: true}, nil
	case "adam":
		a := adam
		a.Beta1 = momentum
		return a, nil
	}
	return nil, usagef("--optimiser %s: accepted are sgd, nesterov and adam", name)
}
