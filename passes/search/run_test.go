package search

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// slope is an engine that follows x^2 from where it is, with momentum: its history depends on all of its state.
type slope struct {
	x, v float32
	dies int // steps until it fails; 0: never
}

var errDies = errors.New("the process is killed here")

func (s *slope) Len(Kind) int                                          { return 1 }
func (s *slope) Get(_ Kind, dst []float32)                             { dst[0] = s.x }
func (s *slope) Set(_ Kind, src []float32)                             { s.x = src[0] }
func (s *slope) Gradient(Batch, []float32, []float32) (float64, error) { return 0, nil }
func (s *slope) Eval(Split) (Metrics, error) {
	return Metrics{float64(s.x) * float64(s.x), 0.5, 7}, nil
}
func (s *slope) State() map[string][]float32 { return map[string][]float32{"x": {s.x}, "v": {s.v}} }
func (s *slope) Restore(m map[string][]float32) error {
	s.x, s.v = m["x"][0], m["v"][0]
	return nil
}

func (s *slope) Step(b Batch, rate float64) (Metrics, error) {
	if s.dies--; s.dies == 0 {
		return Metrics{}, errDies
	}
	s.v = 0.9*s.v + 2*s.x + float32(b.Number%3)/100
	s.x -= float32(rate) * s.v
	return Metrics{float64(s.x) * float64(s.x), 0.5, 4}, nil
}

// memory is a keeper without files.
type memory struct {
	lines [][]byte
	last  *Checkpoint
}

func (k *memory) Append(line []byte) error { k.lines = append(k.lines, line); return nil }
func (k *memory) Lines() ([][]byte, error) { return k.lines, nil }
func (k *memory) Cut(n int) error          { k.lines = k.lines[:n]; return nil }
func (k *memory) Load() (*Checkpoint, error) {
	return k.last, nil
}
func (k *memory) Save(c *Checkpoint) error {
	c.Tensors = maps.Clone(c.Tensors)
	k.last = c
	return nil
}

// lazy is a keeper that saves every so many times only, so that the journal runs ahead of the checkpoint.
type lazy struct {
	*memory
	every, n int
}

func (k *lazy) Save(c *Checkpoint) error {
	if k.n++; k.n%k.every != 0 {
		return nil
	}
	return k.memory.Save(c)
}

var shortTraining = TrainSettings{Epochs: 4, Batches: 5, Schedule: Schedule{Kind: CosineRate, Most: 0.05, WarmUp: 1}}

func trained(t rapid.TB, k Keeper, dies int, resume bool) ([]*Entry, *slope, error) {
	e := &slope{x: 3, dies: dies}
	m, err := NewTraining(e, shortTraining)
	if err != nil {
		t.Fatal(err)
	}
	var told []*Entry
	err = Run(context.Background(), m, e, RunOptions{Keeper: k, Settings: json.RawMessage(`{"seed": 1}`), Resume: resume,
		Entry: func(e *Entry) { told = append(told, e) }})
	return told, e, err
}

// TestAResumedRunHasTheSameHistory: wherever it is killed, however often, and however old the checkpoint is.
func TestAResumedRunHasTheSameHistory(t *testing.T) {
	whole := &memory{}
	_, at, err := trained(t, whole, 0, false)
	if err != nil || len(whole.lines) != 4 {
		t.Fatal(err, len(whole.lines))
	}
	rapid.Check(t, func(t *rapid.T) {
		k := &lazy{memory: &memory{}, every: rapid.IntRange(1, 7).Draw(t, "every")}
		var told []*Entry
		var end *slope
		err := errDies
		for resume := false; errors.Is(err, errDies); resume = true {
			dies := rapid.IntRange(8, 25).Draw(t, "dies") // each life gets beyond the last checkpoint
			told, end, err = trained(t, k, dies, resume)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(k.lines, whole.lines, bytes.Equal) || len(told) != 4 || end.x != at.x || end.v != at.v {
			t.Fatalf("%s\nwant\n%s", bytes.Join(k.lines, []byte("\n")), bytes.Join(whole.lines, []byte("\n")))
		}
	})
}

func TestAnInterruptedRunIsSaved(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	e := &slope{x: 3}
	m, err := NewTraining(e, shortTraining)
	if err != nil {
		t.Fatal(err)
	}
	k, steps := &memory{}, 0
	err = Run(ctx, m, e, RunOptions{Keeper: k, Settings: json.RawMessage(`{}`), Every: time.Hour, Stepped: func() {
		if steps++; steps == 7 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) || k.last == nil || string(k.last.Method) == "" || k.last.Tensors["x"][0] != e.x {
		t.Errorf("%v, checkpoint %+v", err, k.last)
	}
}

func TestCheckpointsOfOthersAreRefused(t *testing.T) {
	k := &memory{}
	if _, _, err := trained(t, k, 0, false); err != nil {
		t.Fatal(err)
	}
	k.last.Settings = json.RawMessage(`{"seed": 2}`)
	if _, _, err := trained(t, k, 0, true); err == nil || !strings.Contains(err.Error(), "other settings: seed 2, not 1;") {
		t.Errorf("%v", err)
	}
	k.last.Settings = json.RawMessage(`{"seed":1}`)
	k.lines = k.lines[:2]
	if _, _, err := trained(t, k, 0, true); err == nil || !strings.Contains(err.Error(), "the journal has 2 lines, the checkpoint is from after 4") {
		t.Errorf("%v", err)
	}
}

func TestDivergenceIsAnError(t *testing.T) {
	e := &slope{x: float32(math.NaN())}
	m, err := NewTraining(e, shortTraining)
	if err != nil {
		t.Fatal(err)
	}
	var diverged *DivergedError
	if _, _, err := m.Step(); !errors.As(err, &diverged) || diverged.Epoch != 1 || diverged.Batch != 1 {
		t.Errorf("%v", err)
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		at   float64
		want float64
	}{
		{Schedule{Kind: CosineRate, Most: 0.1}, 0, 0.1},
		{Schedule{Kind: CosineRate, Most: 0.1}, 5, 0.05},
		{Schedule{Kind: CosineRate, Most: 0.1, Least: 0.02}, 10, 0.02},
		{Schedule{Kind: CosineRate, Most: 0.1, WarmUp: 2}, 1, 0.05},
		{Schedule{Kind: CosineRate, Most: 0.1, WarmUp: 2}, 6, 0.05},
		{Schedule{Kind: RestartsRate, Most: 0.1, First: 2}, 1, 0.05},
		{Schedule{Kind: RestartsRate, Most: 0.1, First: 2}, 2, 0.1},
		{Schedule{Kind: RestartsRate, Most: 0.1, First: 2}, 4, 0.05},
		{Schedule{Kind: StepsRate, Most: 0.1, Every: 3, Factor: 0.1}, 2.9, 0.1},
		{Schedule{Kind: StepsRate, Most: 0.1, Every: 3, Factor: 0.1}, 6, 0.001},
		{Schedule{Kind: ConstantRate, Most: 0.1}, 9, 0.1},
	} {
		if got := c.s.Rate(c.at, 10); math.Abs(got-c.want) > 1e-12 || c.s.Check() != nil {
			t.Errorf("%+v after %g epochs of 10: %g, want %g (%v)", c.s, c.at, got, c.want, c.s.Check())
		}
	}
	for want, s := range map[string]Schedule{
		"accepted are [cosine": {Kind: "linear"},
		"finite numbers":       {Kind: CosineRate, Most: math.NaN()},
		"first cosine":         {Kind: RestartsRate, Most: 1},
		"steps every":          {Kind: StepsRate, Most: 1},
		"not above":            {Kind: CosineRate, Most: 1, Least: 2},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}
