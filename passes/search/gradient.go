package search

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
)

// Order is how a gradient search takes the gradient of the logits.
type Order int

const (
	// SecondOrder looks through one step of the weights (DARTS, Liu et al., ICLR 2019, section 2.3, equations 6 to 8).
	SecondOrder Order = 2
	// FirstOrder takes the weights as they are.
	FirstOrder Order = 1
)

// GradientSettings are those of a gradient search. The defaults are PASNet's.
type GradientSettings struct {
	Epochs  int
	Batches int // of an epoch
	Order   Order
	// Rate is the learning rate of the weights, falling to LeastRate by a cosine; Momentum and Decay are those of the engine's optimiser,
	// which the virtual step of the second order repeats.
	Rate, LeastRate, Momentum, Decay float64
	LogitRate, LogitDecay            float64 // of Adam
	// PriceWeight is lambda: the loss of both levels is cross entropy + lambda * the expected figure of the objective.
	PriceWeight float64
	// Temperature of Gumbel noise on the logits (Jang et al., ICLR 2017); 0 is none.
	Temperature float64
	// WarmUp is how many epochs train the weights alone.
	WarmUp int
	Seed   uint64
}

// PASNet are its settings (papers of PASNet, DAC 2023, and DARTS): second order, SGD from 0.025 to 0.001, Adam of 3e-4 on the logits.
var PASNet = GradientSettings{Epochs: 50, Order: SecondOrder, Rate: 0.025, LeastRate: 0.001, Momentum: 0.9, Decay: 3e-4,
	LogitRate: 3e-4, LogitDecay: 1e-3}

// LogitMomentum is the momentum of logits whose optimiser is SGD, as where two parties step them: that of their Adam elsewhere.
const LogitMomentum = adamMean

// LogitStepper is an Engine that steps its logits itself, price and all, as one in fixed point does: what two parties can.
type LogitStepper interface {
	Engine
	StepLogits(b Batch, rate float64) (Metrics, error)
}

// Turn is a step of a search whose engine steps logits itself: all that such a search is, of first order and by turns.
type Turn struct {
	Logits bool // a step of the logits, on the validation split; else one of the weights, on the training split
	Batch  Batch
	Rate   float64
}

// Turns is how many steps that search takes.
func (s GradientSettings) Turns() int { return 2*s.Epochs*s.Batches - s.warm() }

// warm is how many steps are of the weights alone.
func (s GradientSettings) warm() int { return min(s.WarmUp, s.Epochs) * s.Batches }

// Turn gives step n, from 0. For each batch that is the logits' first.
func (s GradientSettings) Turn(n int) Turn {
	number := n
	if warm := s.warm(); n >= warm {
		number = warm + (n-warm)/2
		if (n-warm)%2 == 0 {
			return Turn{true, Batch{Valid, number}, s.LogitRate}
		}
	}
	return Turn{false, Batch{Train, number}, s.rate(number / s.Batches)}
}

// rate is the learning rate of the weights in an epoch.
func (s GradientSettings) rate(epoch int) float64 {
	return Cosine(s.Rate, s.LeastRate, epoch, s.Epochs)
}

// Gradient is the search by gradient: softmax of a site's logits weighs its options, logits follow the gradient of the validation loss and of
// the expected price, and after the last epoch each site takes the option that Derive says.
type Gradient struct {
	engine  Engine
	stepper LogitStepper // the engine, if it steps logits itself
	space   *Space
	set     GradientSettings
	state   gradientState
	buffers gradientBuffers
}

// gradientState is what a resumed search goes on from.
type gradientState struct {
	Batch  int       `json:"batch"` // the next
	Logits []float64 `json:"logits"`
	Adam   adam      `json:"adam"`
	Train  running   `json:"train"` // of the epoch so far
}

type gradientBuffers struct {
	weights, moved, velocity, dw []float32
	logits, da, plus, minus      []float32
}

// NewGradient begins a search in an engine whose weights are as they shall begin, trained before or not. Logits begin at 0.
func NewGradient(e Engine, s *Space, set GradientSettings) (*Gradient, error) {
	if err := s.check(e.Len(Logits)); err != nil {
		return nil, err
	}
	if set.Epochs < 1 || set.Batches < 1 {
		return nil, fmt.Errorf("a search of %d epochs of %d batches: accepted are at least 1; a batch takes its images from the training and from the validation split", set.Epochs, set.Batches)
	}
	if set.Order != FirstOrder && set.Order != SecondOrder {
		return nil, fmt.Errorf("order %d: accepted are 1 and 2", set.Order)
	}
	stepper, _ := e.(LogitStepper)
	if stepper != nil && (set.Order != FirstOrder || set.Temperature != 0 || set.LogitDecay != 0) {
		return nil, fmt.Errorf("order %d, noise of temperature %g and decay %g of logits that the engine steps itself: accepted is the first order without noise and decay", set.Order, set.Temperature, set.LogitDecay)
	}
	n, m := e.Len(Logits), e.Len(Weights)
	g := &Gradient{engine: e, stepper: stepper, space: s, set: set}
	g.state = gradientState{Logits: make([]float64, n), Adam: newAdam(n)}
	g.buffers = gradientBuffers{logits: make([]float32, n), da: make([]float32, n), plus: make([]float32, n), minus: make([]float32, n)}
	if set.Order == SecondOrder {
		b := &g.buffers
		b.weights, b.moved, b.velocity, b.dw = make([]float32, m), make([]float32, m), make([]float32, m), make([]float32, m)
	}
	return g, nil
}

// Step takes one step of the logits, then one of the weights.
func (g *Gradient) Step() (*Entry, bool, error) {
	epoch := g.state.Batch / g.set.Batches
	if epoch >= g.set.Epochs {
		return nil, true, nil
	}
	rate := g.set.rate(epoch)
	noise := g.place()
	if epoch >= g.set.WarmUp {
		if err := g.stepLogits(rate, noise); err != nil {
			return nil, false, err
		}
	}
	m, err := g.engine.Step(Batch{Train, g.state.Batch}, rate)
	if err != nil {
		return nil, false, err
	}
	g.state.Train.add(m)
	g.state.Batch++
	if g.state.Batch%g.set.Batches != 0 {
		return nil, false, nil
	}
	entry, err := g.entry(epoch, rate)
	return entry, epoch+1 == g.set.Epochs, err
}

// place gives the engine the logits of this step and returns what they are divided by.
func (g *Gradient) place() (temperature float64) {
	temperature = 1
	var gumbel func() float64
	if g.set.Temperature > 0 {
		temperature = g.set.Temperature
		r := rand.New(rand.NewPCG(g.set.Seed, uint64(g.state.Batch)))
		gumbel = func() float64 { return -math.Log(-math.Log(1 - r.Float64())) }
	}
	for i, l := range g.state.Logits {
		if gumbel != nil {
			l += gumbel()
		}
		g.buffers.logits[i] = float32(l / temperature)
	}
	g.hand()
	return temperature
}

// hand gives the engine logits, unless they are its own.
func (g *Gradient) hand() {
	if g.stepper == nil {
		g.engine.Set(Logits, g.buffers.logits)
	}
}

// stepLogits follows the gradient of the validation loss, through one step of the weights if the order is second, and of the price.
func (g *Gradient) stepLogits(rate, temperature float64) error {
	if g.stepper != nil {
		return g.ownStep()
	}
	hyper := g.firstOrder
	if g.set.Order == SecondOrder {
		hyper = g.secondOrder
	}
	if err := hyper(rate); err != nil {
		return err
	}
	total := make([]float64, len(g.buffers.da))
	for i, d := range g.buffers.da {
		total[i] = float64(d)
	}
	g.space.addPriceGradient(total, g.space.probabilities(g.buffers.logits), g.set.PriceWeight)
	for i := range total {
		total[i] = total[i]/temperature + g.set.LogitDecay*g.state.Logits[i]
	}
	g.state.Adam.step(g.state.Logits, total, g.set.LogitRate)
	return nil
}

// ownStep has the engine step its logits.
func (g *Gradient) ownStep() error {
	if _, err := g.stepper.StepLogits(g.valid(), g.set.LogitRate); err != nil {
		return err
	}
	g.engine.Get(Logits, g.buffers.logits)
	for i, l := range g.buffers.logits {
		g.state.Logits[i] = float64(l)
	}
	return nil
}

func (g *Gradient) firstOrder(float64) error {
	_, err := g.engine.Gradient(g.valid(), nil, g.buffers.da)
	return err
}

func (g *Gradient) train() Batch { return Batch{Train, g.state.Batch} }
func (g *Gradient) valid() Batch { return Batch{Valid, g.state.Batch} }

// secondOrder leaves in da the gradient of L_valid(w') by the logits, where w' = w - xi*(mu*v + dL_train/dw + wd*w) is the step that the weights are
// about to take, xi being the learning rate:
//
//	da = dL_valid(w')/da - xi * (dL_train(w+)/da - dL_train(w-)/da) / (2 eps),  w+- = w +- eps * dL_valid(w')/dw',  eps = 0.01 / |dL_valid(w')/dw'|
//
// which is DARTS's equation 8 with the momentum and decay of the weights' optimiser. The weights are afterwards as they were, to the bit.
func (g *Gradient) secondOrder(rate float64) error {
	const reach = 0.01
	b, e := &g.buffers, g.engine
	e.Get(Weights, b.weights)
	e.Get(Velocity, b.velocity)
	defer e.Set(Weights, b.weights)
	if _, err := e.Gradient(g.train(), b.dw, nil); err != nil {
		return err
	}
	for i, w := range b.weights {
		step := g.set.Momentum*float64(b.velocity[i]) + float64(b.dw[i]) + g.set.Decay*float64(w)
		b.moved[i] = float32(float64(w) - rate*step)
	}
	e.Set(Weights, b.moved)
	if _, err := e.Gradient(g.valid(), b.dw, b.da); err != nil {
		return err
	}
	length := norm(b.dw)
	if length == 0 {
		return nil
	}
	eps := reach / length
	for _, side := range []struct {
		eps float64
		da  []float32
	}{{eps, b.plus}, {-eps, b.minus}} {
		for i, w := range b.weights {
			b.moved[i] = float32(float64(w) + side.eps*float64(b.dw[i]))
		}
		e.Set(Weights, b.moved)
		if _, err := e.Gradient(g.train(), nil, side.da); err != nil {
			return err
		}
	}
	for i := range b.da {
		b.da[i] -= float32(rate * (float64(b.plus[i]) - float64(b.minus[i])) / (2 * eps))
	}
	return nil
}

func norm(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// entry is what the journal gets after an epoch.
func (g *Gradient) entry(epoch int, rate float64) (*Entry, error) {
	p := g.Probabilities()
	for i, l := range g.state.Logits {
		g.buffers.logits[i] = float32(l)
	}
	g.hand()
	valid, err := g.engine.Eval(Valid)
	if err != nil {
		return nil, err
	}
	options, figures, err := g.space.Derive(p)
	if err != nil {
		return nil, err
	}
	e := &Entry{Method: "gradient", Epoch: epoch + 1, Epochs: g.set.Epochs, Train: g.state.Train.mean(), Valid: valid,
		Measures: figures, Entropy: g.space.entropy(p), Options: options, Rate: rate, Expected: g.space.expected(p)}
	g.state.Train = running{}
	return e, nil
}

// Probabilities are those of all options, site after site.
func (g *Gradient) Probabilities() []float64 {
	logits := make([]float32, len(g.state.Logits))
	for i, l := range g.state.Logits {
		logits[i] = float32(l)
	}
	return g.space.probabilities(logits)
}

// MarshalState and UnmarshalState: see Method.
func (g *Gradient) MarshalState() ([]byte, error) { return json.Marshal(g.state) }

func (g *Gradient) UnmarshalState(b []byte) error {
	var s gradientState
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("state of a gradient search: %w", err)
	}
	n := len(g.state.Logits)
	if len(s.Logits) != n || len(s.Adam.Mean) != n || len(s.Adam.Square) != n || s.Batch < 0 {
		return fmt.Errorf("state of a gradient search with %d logits at batch %d: this space has %d", len(s.Logits), s.Batch, n)
	}
	g.state = s
	return nil
}
