package search

import (
	"encoding/json"
	"fmt"
	"math"
)

// TrainSettings are those of a plain training.
type TrainSettings struct {
	Epochs   int
	Batches  int // of an epoch
	Schedule Schedule
	// Judged is the split that is evaluated after every epoch: Valid, or Test where there is none and nothing is decided by it.
	Judged Split
}

// Training trains an engine's weights on the training split, batch by batch, and evaluates them after every epoch. Its result is what the
// engine holds at the end.
type Training struct {
	engine Engine
	set    TrainSettings
	state  trainingState
}

// trainingState is what a resumed training goes on from.
type trainingState struct {
	Batch int     `json:"batch"` // the next
	Train running `json:"train"` // of the epoch so far
}

// NewTraining begins a training of the weights that the engine holds.
func NewTraining(e Engine, set TrainSettings) (*Training, error) {
	if set.Epochs < 1 || set.Batches < 1 {
		return nil, fmt.Errorf("training of %d epochs of %d batches: accepted are at least 1", set.Epochs, set.Batches)
	}
	if err := set.Schedule.Check(); err != nil {
		return nil, err
	}
	return &Training{engine: e, set: set}, nil
}

// Step trains on one batch, and after the last one of an epoch gives its entry.
func (t *Training) Step() (*Entry, bool, error) {
	epoch := t.state.Batch / t.set.Batches
	if epoch >= t.set.Epochs {
		return nil, true, nil
	}
	rate := t.set.Rate(t.state.Batch)
	m, err := t.engine.Step(Batch{Train, t.state.Batch}, rate)
	if err != nil {
		return nil, false, err
	}
	if !finite(m.Loss) {
		return nil, false, t.diverged(t.state.Batch, rate)
	}
	t.state.Train.add(m)
	t.state.Batch++
	if t.state.Batch%t.set.Batches != 0 {
		return nil, false, nil
	}
	return t.entry(epoch, rate)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// diverged says so of a batch.
func (t *Training) diverged(batch int, rate float64) error {
	return &DivergedError{Epoch: batch/t.set.Batches + 1, Batch: batch%t.set.Batches + 1, Rate: rate}
}

// Rate is that of a batch of the run: schedules go on within an epoch.
func (s TrainSettings) Rate(batch int) float64 {
	at := float64(batch) / float64(s.Batches)
	if s.Schedule.WarmUp > 0 && batch == 0 {
		at = 1 / float64(2*s.Batches) // a first step of zero would teach nothing
	}
	return s.Schedule.Rate(at, float64(s.Epochs))
}

func (t *Training) entry(epoch int, rate float64) (*Entry, bool, error) {
	judged, err := t.engine.Eval(t.set.Judged)
	if err != nil {
		return nil, false, err
	}
	if !finite(judged.Loss) {
		return nil, false, t.diverged(t.state.Batch-1, rate)
	}
	e := &Entry{Method: "train", Epoch: epoch + 1, Epochs: t.set.Epochs, Train: t.state.Train.mean(), Valid: judged, Rate: rate}
	t.state.Train = running{}
	return e, epoch+1 == t.set.Epochs, nil
}

// Progress is how many batches are done, and of how many.
func (t *Training) Progress() (done, all int) { return t.state.Batch, t.set.Epochs * t.set.Batches }

// SoFar is what was measured in the epoch that is going on.
func (t *Training) SoFar() Metrics { return t.state.Train.mean() }

// DivergedError says that a training's loss has become infinite or no number.
type DivergedError struct {
	Epoch, Batch int // from 1
	Rate         float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("the loss is no finite number after batch %d of epoch %d, at a learning rate of %g: accepted are smaller rates, a warm-up, or clipping",
		e.Batch, e.Epoch, e.Rate)
}

// MarshalState and UnmarshalState: see Method.
func (t *Training) MarshalState() ([]byte, error) { return json.Marshal(t.state) }

func (t *Training) UnmarshalState(b []byte) error {
	var s trainingState
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("state of a training: %w", err)
	}
	if s.Batch < 0 || s.Batch > t.set.Epochs*t.set.Batches {
		return fmt.Errorf("state of a training at batch %d: this one has %d", s.Batch, t.set.Epochs*t.set.Batches)
	}
	t.state = s
	return nil
}
