package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Linearize picks the options of a trained network's sites, such as which ReLUs go: each site's other options are tried alone, and of the networks
// that hold the limits the one is taken whose options lose least in sum. Losses are of batches in training mode: running statistics of
// normalisations are of the network as it was, and a network that differs would be judged by what does not fit it. What options lose together is not the sum, so the network
// is to be trained on, with the first as its teacher.
type Linearize struct {
	engine Engine
	space  *Space
	// batches of the validation split are what losses are the mean of.
	batches int
	state   linearizeState
}

type linearizeState struct {
	Losses []float64 `json:"losses"` // of the network as it is, then by site and other option
}

// decided is a logit beside zeros that makes an option all but certain: e^-60 is far below what float32 resolves.
const decided = 60

// NewLinearize begins: option 0 of each site is what the network was trained with. The engine has the space relaxed. Losses are means
// over so many batches of the validation split, at least one.
func NewLinearize(e Engine, s *Space, batches int) (*Linearize, error) {
	if batches < 1 {
		return nil, errors.New("no batch for validation: accepted are as many images of that split as a batch has, or more")
	}
	return &Linearize{engine: e, space: s, batches: batches}, s.check(e.Len(Logits))
}

// loss is that of the network that the engine has now.
func (l *Linearize) loss() (sum float64, err error) {
	for i := range l.batches {
		loss, err := l.engine.Gradient(Batch{Valid, i}, nil, nil)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum / float64(l.batches), nil
}

// trial gives the options of the trial of a number.
func (l *Linearize) trial(n int) (options []int, there bool) {
	options = make([]int, len(l.space.Options))
	if n == 0 {
		return options, true
	}
	for site, count := range l.space.Options {
		if n < count {
			options[site] = n
			return options, true
		}
		n -= count - 1
	}
	return nil, false
}

// place gives the engine logits that decide for options.
func (s *Space) place(e Engine, options []int) {
	logits := make([]float32, s.logits())
	s.each(func(site, from, _ int) { logits[from+options[site]] = decided })
	e.Set(Logits, logits)
}

// Step evaluates one network.
func (l *Linearize) Step() (*Entry, bool, error) {
	trials := 1
	for _, n := range l.space.Options {
		trials += n - 1
	}
	n := len(l.state.Losses)
	options, there := l.trial(n)
	if !there {
		return nil, true, nil
	}
	l.space.place(l.engine, options)
	m, err := l.engine.Eval(Valid)
	if err != nil {
		return nil, false, err
	}
	loss, err := l.loss()
	if err != nil {
		return nil, false, err
	}
	l.state.Losses = append(l.state.Losses, loss)
	figures, err := l.space.Price(options)
	return &Entry{Method: "linearize", Epoch: n + 1, Epochs: trials, Train: Metrics{Loss: loss}, Valid: m, Measures: figures, Options: options}, n+1 == trials, err
}

// Best is the network that holds the limits and loses least in sum, after the last step.
func (l *Linearize) Best() ([]int, Measures, error) {
	if _, more := l.trial(len(l.state.Losses)); more {
		return nil, nil, errors.New("not all sites have been tried yet")
	}
	kept := make([]float64, l.space.logits())
	next := 1
	l.space.each(func(_, from, to int) {
		kept[from] = 1
		for i := from + 1; i < to; i++ {
			kept[i] = math.Exp(l.state.Losses[0] - l.state.Losses[next])
			next++
		}
	})
	return l.space.Derive(kept)
}

// MarshalState and UnmarshalState: see Method.
func (l *Linearize) MarshalState() ([]byte, error) { return json.Marshal(l.state) }

func (l *Linearize) UnmarshalState(b []byte) error {
	if err := json.Unmarshal(b, &l.state); err != nil {
		return fmt.Errorf("state of a linearisation: %w", err)
	}
	return nil
}
