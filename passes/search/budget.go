package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
)

// Sampler trains the networks of a macro space, which share a weight wherever its path and shape agree, and evaluates them.
type Sampler interface {
	// Train takes one optimiser step of the weights of a network.
	Train(options []int, b Batch, rate float64) (Metrics, error)
	// Eval evaluates a network on a batch, as it is trained now.
	Eval(options []int, b Batch) (Metrics, error)
	State() map[string][]float32
	Restore(map[string][]float32) error
}

// BudgetSettings are those of a search with a controller. The defaults are CryptoNAS's.
type BudgetSettings struct {
	Epochs, Batches int // of the shared weights
	// Rate falls to LeastRate along a cosine that begins anew after Restart epochs, then after twice as many, and so on.
	Rate, LeastRate float64
	Restart         int
	Updates, Drawn  int     // of the controller in an epoch; networks an update is the mean of
	ControllerRate  float64 // of Adam
	Baseline        float64 // how much of the moving mean reward stays
	EntropyWeight   float64 // in the reward
	SkipRate        float64 // that the controller is held to
	SkipWeight      float64 // of the divergence from it
	Candidates      int     // networks that are compared in the end, each on so many validation batches
	Compared        int
	Seed            uint64
}

// CryptoNAS are its settings.
var CryptoNAS = BudgetSettings{Epochs: 310, Rate: 0.05, LeastRate: 0.0005, Restart: 10, Updates: 50, Drawn: 20, ControllerRate: 1e-3,
	Baseline: 0.99, EntropyWeight: 1e-4, SkipRate: 0.4, SkipWeight: 0.8, Candidates: 10, Compared: 1}

// Budget is CryptoNAS's search: weights that all networks of a macro space share are trained on networks that a controller draws, and the
// controller by REINFORCE on their accuracy on single validation batches. No network that breaks a limit is trained, rewarded or taken.
type Budget struct {
	sampler    Sampler
	price      func(options []int) (Measures, error)
	limits     []Limit
	set        BudgetSettings
	controller *controller
	state      budgetState
}

type budgetState struct {
	Done       int       `json:"done"` // batches, updates and candidates in the order of work
	Controller []float64 `json:"controller"`
	Adam       adam      `json:"adam"`
	Mean       *float64  `json:"mean"` // moving mean reward; nil before the first
	Train      running   `json:"train"`
	Reward     running   `json:"reward"`
	Best       []int     `json:"best"`
	BestValid  Metrics   `json:"best_valid"`
}

// NewBudget begins a search. price gives a network's figures, limits are what they may not exceed.
func NewBudget(s Sampler, decisions []Decision, price func([]int) (Measures, error), limits []Limit, set BudgetSettings) (*Budget, error) {
	if set.Batches < 1 || set.Drawn < 1 || set.Candidates < 1 || set.Restart < 1 || set.Compared < 1 {
		return nil, fmt.Errorf("%d batches, %d networks an update, %d candidates on %d batches, restart after %d: accepted are 1 and more",
			set.Batches, set.Drawn, set.Candidates, set.Compared, set.Restart)
	}
	c, err := newController(decisions, rand.New(rand.NewPCG(set.Seed, 0)))
	if err != nil {
		return nil, err
	}
	b := &Budget{sampler: s, price: price, limits: limits, set: set, controller: c}
	n := len(c.values.v)
	b.state = budgetState{Controller: c.values.v, Adam: newAdam(n)}
	b.state.Adam.Beta = 0 // CryptoNAS
	return b, nil
}

// work says what the step of a number is: an epoch is its batches, then the controller's updates; candidates come after the last epoch.
func (b *Budget) work(n int) (epoch, within int) {
	perEpoch := b.set.Batches + b.set.Updates
	return n / perEpoch, n % perEpoch
}

// Step trains the weights on a batch, or takes one step of the controller, or evaluates a candidate.
func (b *Budget) Step() (*Entry, bool, error) {
	epoch, within := b.work(b.state.Done)
	r := rand.New(rand.NewPCG(b.set.Seed, uint64(1+b.state.Done)))
	last := b.set.Epochs*(b.set.Batches+b.set.Updates) + b.set.Candidates
	var err error
	switch {
	case b.state.Done >= last:
		return nil, true, nil
	case epoch >= b.set.Epochs:
		err = b.compare(r)
	case within < b.set.Batches:
		err = b.train(r, epoch, within)
	default:
		err = b.reinforce(r)
	}
	if err != nil {
		return nil, false, err
	}
	b.state.Done++
	next, _ := b.work(b.state.Done)
	if b.state.Done == last || (next > epoch && epoch < b.set.Epochs) {
		return b.entry(epoch), b.state.Done == last, nil
	}
	return nil, false, nil
}

// draw draws a network that holds the limits.
func (b *Budget) draw(t *tape, r *rand.Rand) (sample, Measures, error) {
	const most = 200
	least := Measures{}
	for range most {
		t.back = t.back[:0]
		s := b.controller.sample(t, b.set.SkipRate, pick(r))
		figures, err := b.price(s.options)
		if err != nil {
			return s, nil, err
		}
		if len(figures.Broken(b.limits)) == 0 {
			return s, figures, nil
		}
		least.Lower(figures)
	}
	return sample{}, nil, fmt.Errorf("of %d networks that were drawn: %w", most, &BudgetError{b.limits, least})
}

func (b *Budget) train(r *rand.Rand, epoch, within int) error {
	s, _, err := b.draw(&tape{}, r)
	if err != nil {
		return err
	}
	rate := CosineRestarts(b.set.Rate, b.set.LeastRate, epoch, b.set.Restart)
	m, err := b.sampler.Train(s.options, Batch{Train, epoch*b.set.Batches + within}, rate)
	b.state.Train.add(m)
	return err
}

// reinforce moves the controller against the mean over drawn networks of
//
//	(reward - mean reward) * -log p + SkipWeight * divergence,  reward = accuracy + EntropyWeight * entropy
//
// (Williams, 1992; ENAS).
func (b *Budget) reinforce(r *rand.Rand) error {
	gradient := b.controller.values.d
	clear(gradient)
	for i := range b.set.Drawn {
		t := &tape{}
		s, _, err := b.draw(t, r)
		if err != nil {
			return err
		}
		m, err := b.sampler.Eval(s.options, Batch{Valid, b.state.Done*b.set.Drawn + i})
		if err != nil {
			return err
		}
		b.state.Reward.add(m)
		reward := m.Accuracy + b.set.EntropyWeight*s.entropy
		if b.state.Mean == nil {
			b.state.Mean = &reward
		}
		mean := b.set.Baseline**b.state.Mean + (1-b.set.Baseline)*reward
		b.state.Mean = &mean
		s.surprise.d[0] = (reward - mean) / float64(b.set.Drawn)
		s.drift.d[0] = b.set.SkipWeight / float64(b.set.Drawn)
		t.backward()
	}
	b.state.Adam.step(b.controller.values.v, gradient, b.set.ControllerRate)
	return nil
}

// compare evaluates one more network of the trained controller.
func (b *Budget) compare(r *rand.Rand) error {
	s, _, err := b.draw(&tape{}, r)
	if err != nil {
		return err
	}
	m, err := b.Shared(s.options)
	if err == nil && (b.state.Best == nil || m.Accuracy > b.state.BestValid.Accuracy) {
		b.state.Best, b.state.BestValid = s.options, m
	}
	return err
}

// Shared evaluates a network with the weights that all share, as they are now, on the batches that candidates are compared on.
func (b *Budget) Shared(options []int) (Metrics, error) {
	var sum running
	for i := range b.set.Compared {
		m, err := b.sampler.Eval(options, Batch{Valid, i})
		if err != nil {
			return Metrics{}, err
		}
		sum.add(m)
	}
	return sum.mean(), nil
}

func (b *Budget) entry(epoch int) *Entry {
	e := &Entry{Method: "budget", Epoch: min(epoch+1, b.set.Epochs), Epochs: b.set.Epochs, Train: b.state.Train.mean(), Valid: b.state.Reward.mean()}
	if b.state.Best != nil {
		e.Valid, e.Options = b.state.BestValid, b.state.Best
	}
	b.state.Train, b.state.Reward = running{}, running{}
	return e
}

// Sampler is what the search trains: its state belongs to a checkpoint.
func (b *Budget) Sampler() Sampler { return b.sampler }

// Best is the network that was found, after the last step.
func (b *Budget) Best() ([]int, error) {
	if b.state.Best == nil {
		return nil, errors.New("the search has not compared its candidates yet")
	}
	return b.state.Best, nil
}

// MarshalState and UnmarshalState: see Method.
func (b *Budget) MarshalState() ([]byte, error) { return json.Marshal(b.state) }

func (b *Budget) UnmarshalState(text []byte) error {
	var s budgetState
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("state of a budget search: %w", err)
	}
	n := len(b.controller.values.v)
	if len(s.Controller) != n || len(s.Adam.Mean) != n || len(s.Adam.Square) != n || s.Done < 0 {
		return fmt.Errorf("state of a budget search whose controller has %d numbers: this space's has %d", len(s.Controller), n)
	}
	copy(b.controller.values.v, s.Controller)
	s.Controller = b.controller.values.v
	b.state = s
	return nil
}
