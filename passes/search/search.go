// Package search turns a space of networks, or a network, into a trained network that holds its budgets. It knows neither tensors nor
// kernels: an Engine that it is handed trains and evaluates, and prices come from the table of the space (ir/cost).
//
// A method goes step by step, so that whoever drives it can save a checkpoint between any two, and is a function of its settings and
// their seed alone: a run that was resumed has the history of one that was not interrupted.
package search

import (
	"fmt"
	"slices"
	"strings"
)

// Split is a part of a data set.
type Split int

const (
	Train Split = iota // weights are trained on it
	Valid              // logits are trained on it, and networks are compared by it
	Test               // no decision is made by it
)

func (s Split) String() string { return [...]string{"train", "valid", "test"}[s] }

// Batch names samples of a split. Numbers count from the beginning of the run: which samples a number means follows from the data's seed.
type Batch struct {
	Split  Split
	Number int
}

// Kind is a part of an engine's state, as one vector.
type Kind int

const (
	Weights  Kind = iota // what is trained by the gradient of the training loss
	Logits               // of the sites of a relaxed space, site after site
	Velocity             // of the weights: the momentum buffer of SGD, which has as many elements
)

// Metrics are of a batch or a split.
type Metrics struct {
	Loss     float64 `json:"loss"`     // mean cross entropy, in nats
	Accuracy float64 `json:"accuracy"` // 0 to 1
	Samples  int     `json:"samples"`
}

// Engine trains and evaluates one network, or a space whose choices are relaxed.
type Engine interface {
	// Len is how many elements a kind of state has.
	Len(Kind) int
	// Get copies state out, Set in: vectors have Len elements.
	Get(k Kind, dst []float32)
	Set(k Kind, src []float32)
	// Gradient writes the gradient of the loss of a batch in training mode by the weights and by the logits, each unless it is nil. It
	// changes no state: not the running statistics either.
	Gradient(b Batch, weights, logits []float32) (loss float64, err error)
	// Step takes one step of the weights' optimiser at a learning rate.
	Step(b Batch, rate float64) (Metrics, error)
	// Eval evaluates the network on a whole split, with running statistics.
	Eval(s Split) (Metrics, error)
	// State is everything that a resumed run needs, by path; Restore takes it back and says which path is missing or of another size.
	State() map[string][]float32
	Restore(map[string][]float32) error
}

// Method is a run: a search or a training.
type Method interface {
	// Step does the next piece of work, a batch or a trial. Where something is to be told, as at the end of an epoch, it gives an entry.
	Step() (entry *Entry, done bool, err error)
	// MarshalState gives the method's own state between two steps, which the engine's is not part of; UnmarshalState takes it back.
	MarshalState() ([]byte, error)
	UnmarshalState([]byte) error
}

// Entry is a line of a run's journal.
type Entry struct {
	Method   string   `json:"method"`
	Epoch    int      `json:"epoch"` // from 1
	Epochs   int      `json:"epochs"`
	Train    Metrics  `json:"train"`              // of the epoch's batches
	Valid    Metrics  `json:"valid"`              // after it
	Measures Measures `json:"measures,omitempty"` // of the network that would be taken now
	Entropy  float64  `json:"entropy,omitempty"`  // mean of the sites', in bits: 0 when all is decided
	Options  []int    `json:"options,omitempty"`  // by site, of the network that would be taken now
	Expected float64  `json:"expected,omitempty"` // figure of the objective, of a relaxed space
	Rate     float64  `json:"rate,omitempty"`     // learning rate of the weights
}

// Measures are figures of a network by name, such as "latency" in milliseconds or "relus".
type Measures map[string]float64

// Limit is a hard constraint: a figure that no answer may exceed.
type Limit struct {
	Measure string
	Most    float64
}

func (l Limit) String() string { return fmt.Sprintf("%s <= %g", l.Measure, l.Most) }

// Broken lists the limits that figures exceed; a figure that is not there is exceeded.
func (m Measures) Broken(limits []Limit) []Limit {
	return slices.DeleteFunc(slices.Clone(limits), func(l Limit) bool {
		v, ok := m[l.Measure]
		return ok && v <= l.Most
	})
}

// Lower takes the figures of o that are below its own, or new.
func (m Measures) Lower(o Measures) {
	for name, v := range o {
		if least, seen := m[name]; !seen || v < least {
			m[name] = v
		}
	}
}

// BudgetError says that no network of a space holds its limits.
type BudgetError struct {
	Limits []Limit
	Least  Measures // the least of each measure that was found
}

func (e *BudgetError) Error() string {
	var parts []string
	for _, l := range e.Limits {
		if e.Least[l.Measure] > l.Most {
			parts = append(parts, fmt.Sprintf("%s, the least found is %.4g", l, e.Least[l.Measure]))
		}
	}
	if len(parts) == 0 { // each alone is held by some
		parts = append(parts, fmt.Sprint(e.Limits))
	}
	return "no network of the space holds " + strings.Join(parts, "; ")
}
