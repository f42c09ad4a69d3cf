package pass

import "sotto/ir"

// Training says how a network is trained: what autodiff makes functions of.
type Training struct {
	Batch     int       // samples of a step, and of an evaluation
	Optimiser Optimiser // of the weights
	Decay     float64   // of weights: what of them is added to their gradients
	Decays    Decayed   // which weights decay
	Clip      float64   // the greatest norm of all gradients of a step; 0: any
	Smoothing float64   // how much of a label is spread over all classes
	// Costs says that logits pay what their options cost, in units of the loss: @SITE.costs are added to the loss of @gradient, as expected.
	Costs bool
	// Logits are the paths of weights that decisions are made by beside those of relaxed choices, such as gates: trained apart from the others,
	// without costs and decay.
	Logits []string
	// OfLogits is the optimiser of logits, if they are trained by a step of their own, @step.logits, as the weights are by @step; nil: there is
	// none, and who has their gradients does it.
	OfLogits Optimiser
	// Softmax is what stands for softmax in fixed point; empty: Taylor.
	Softmax Softmax
}

// Softmax is what a training step in fixed point takes for softmax: there are no exponentials there.
type Softmax string

const (
	Taylor      Softmax = "taylor" // (max(z+1, 0)^2 + 1)/2, divided by their sum
	ShiftedReLU Softmax = "relu"   // max(z, 0) + 1/8, divided by their sum
	ODE         Softmax = "ode"    // steps of the differential equation that softmax solves
	Limit       Softmax = "limit"  // (1 + z/2^n)^(2^n), divided by their sum
)

// Softmaxes lists them.
var Softmaxes = []Softmax{Taylor, ShiftedReLU, ODE, Limit}

// Decayed says which weights decay.
type Decayed uint8

const (
	All      Decayed = iota // as torch.optim has it
	Matrices                // of two dimensions and more: no biases, normalisations or activations
)

// DecayOf gives the decay of a weight.
func (t *Training) DecayOf(w *ir.Value) float64 {
	if t.Decays == Matrices && len(w.Type.Shape) < 2 {
		return 0
	}
	return t.Decay
}

// Optimiser builds steps of gradient descent.
type Optimiser interface {
	// Update gives the next value of weights, and assigns what it keeps of them, under their path.
	Update(b *ir.Builder, u Update) *ir.Value
}

// Update is what an optimiser has for a step of some weights: their path, their value and gradient, the learning rate [1] and the step [2].
type Update struct {
	Weights, Gradient, Rate, Step *ir.Value
	Decay                         float64
}

// keep reads a state tensor beside the weights, and assigns what next makes of it.
func (u Update) keep(b *ir.Builder, name string, next func(old *ir.Value) *ir.Value) *ir.Value {
	path := u.Weights.Path + "." + name
	old, err := b.Param(path, u.Weights.Type.Shape...)
	if err != nil {
		ir.Bugf("%v", err)
	}
	v := next(old)
	b.Assign(path, v)
	return v
}

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD, or with that of Nesterov.
type SGD struct {
	Momentum float64
	Nesterov bool
}

func (o SGD) Update(b *ir.Builder, u Update) *ir.Value {
	attrs := ir.Attrs{"momentum": o.Momentum, "decay": u.Decay}
	velocity := u.keep(b, "sgd.velocity", func(old *ir.Value) *ir.Value {
		return b.Must("sgd.velocity", attrs, old, u.Gradient, u.Weights)
	})
	if o.Nesterov {
		return b.Must("sgd.nesterov", attrs, u.Weights, velocity, u.Gradient, u.Rate)
	}
	return b.Must("sgd.weight", nil, u.Weights, velocity, u.Rate)
}

// Adam is torch.optim.Adam.
type Adam struct{ Beta1, Beta2, Eps float64 }

func (o Adam) Update(b *ir.Builder, u Update) *ir.Value {
	running := func(op string, beta float64) *ir.Value {
		return u.keep(b, op, func(old *ir.Value) *ir.Value {
			return b.Must(op, ir.Attrs{"beta": beta, "decay": u.Decay}, old, u.Gradient, u.Weights)
		})
	}
	mean, square := running("adam.mean", o.Beta1), running("adam.square", o.Beta2)
	return b.Must("adam.weight", ir.Attrs{"beta1": o.Beta1, "beta2": o.Beta2, "eps": o.Eps}, u.Weights, mean, square, u.Rate, u.Step)
}
