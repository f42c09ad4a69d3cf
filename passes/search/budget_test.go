package search

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// macro are the decisions of a space of layers with three ops each and a skip from every earlier layer but the last.
func macro(layers int) (out []Decision) {
	for l := range layers {
		out = append(out, Decision{Options: 3, Group: "op", Layer: l, From: Op})
		for from := range l - 1 {
			out = append(out, Decision{Options: 2, Layer: l, From: from})
		}
	}
	return out
}

// The controller's loss is differentiated on the tape; here against central differences at some of its parameters.
func TestControllerGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		c, err := newController(macro(rapid.IntRange(1, 4).Draw(t, "layers")), rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.values.v {
			c.values.v[i] *= 5 // away from where all is linear
		}
		tape := &tape{}
		drawn := c.sample(tape, 0.4, pick(rand.New(rand.NewPCG(seed, 1))))
		reward, drift := rapid.Float64Range(-1, 1).Draw(t, "reward"), rapid.Float64Range(0, 1).Draw(t, "drift")
		drawn.surprise.d[0], drawn.drift.d[0] = reward, drift
		tape.backward()
		loss := func() float64 { // of the same network
			next := 0
			s := c.sample(tape, 0.4, func([]float64) int { next++; return drawn.options[next-1] })
			tape.back = nil
			return reward*s.surprise.v[0] + drift*s.drift.v[0]
		}
		for range 4 {
			i := rapid.IntRange(0, len(c.values.v)-1).Draw(t, "parameter")
			const h = 1e-5
			at, was := c.values.v[i], c.values.d[i]
			c.values.v[i] = at + h
			up := loss()
			c.values.v[i] = at - h
			down := loss()
			c.values.v[i] = at
			if want := (up - down) / (2 * h); math.Abs(was-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("parameter %d: %v, by differences %v", i, was, want)
			}
		}
	})
}

// likes rewards networks by how many decisions are as it likes them, and remembers what it was given.
type likes struct {
	liked []int
	seen  [][]int
}

func (l *likes) Train(options []int, _ Batch, _ float64) (Metrics, error) {
	l.seen = append(l.seen, slices.Clone(options))
	return Metrics{Samples: 1}, nil
}

func (l *likes) Eval(options []int, _ Batch) (Metrics, error) {
	l.seen = append(l.seen, slices.Clone(options))
	right := 0.0
	for i, o := range options {
		if o == l.liked[i] {
			right++
		}
	}
	return Metrics{Accuracy: right / float64(len(options)), Samples: 1}, nil
}

func (l *likes) State() map[string][]float32        { return nil }
func (l *likes) Restore(map[string][]float32) error { return nil }

func countOnes(options []int) (Measures, error) {
	n := 0.0
	for _, o := range options {
		n += float64(o)
	}
	return Measures{"relus": n}, nil
}

var quick = BudgetSettings{Epochs: 4, Batches: 3, Rate: 0.1, LeastRate: 0.01, Restart: 1, Updates: 100, Drawn: 10, ControllerRate: 5e-3,
	Baseline: 0.9, SkipRate: 0.4, SkipWeight: 0.01, Candidates: 10, Compared: 1, Seed: 7}

func run(t *testing.T, m Method) (entries []*Entry) {
	t.Helper()
	for done := false; !done; {
		e, end, err := m.Step()
		if err != nil {
			t.Fatal(err)
		}
		if done = end; e != nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// The controller finds the network that is rewarded most, under a limit that the search never leaves.
func TestBudgetFindsWhatIsRewarded(t *testing.T) {
	decisions := macro(3)
	l := &likes{liked: []int{2, 1, 0, 1}}
	b, err := NewBudget(l, decisions, countOnes, []Limit{{"relus", 5}}, quick)
	if err != nil {
		t.Fatal(err)
	}
	entries := run(t, b)
	got, err := b.Best()
	if err != nil || !slices.Equal(got, l.liked) {
		t.Errorf("found %v, %v; rewarded most is %v", got, err, l.liked)
	}
	for _, options := range l.seen {
		if m, _ := countOnes(options); m["relus"] > 5 {
			t.Fatalf("%v was trained or rewarded beyond the limit", options)
		}
	}
	if last := entries[len(entries)-1]; len(entries) != quick.Epochs+1 || last.Valid.Accuracy != 1 {
		t.Errorf("%d entries, the last %+v", len(entries), last)
	}
}

func TestNoNetworkHoldsTheBudget(t *testing.T) {
	b, err := NewBudget(&likes{liked: make([]int, 4)}, macro(3), countOnes, []Limit{{"relus", -1}}, quick)
	if err != nil {
		t.Fatal(err)
	}
	var broken *BudgetError
	if _, _, err := b.Step(); !errors.As(err, &broken) {
		t.Errorf("%v, want a budget error", err)
	}
}

func TestAResumedBudgetSearchIsTheSame(t *testing.T) {
	set := quick
	set.Epochs, set.Updates, set.Candidates = 2, 3, 3
	liked := []int{2, 1, 0, 1}
	whole := &likes{liked: liked}
	b, _ := NewBudget(whole, macro(3), countOnes, nil, set)
	run(t, b)
	for cut := range 2*(set.Batches+set.Updates) + set.Candidates {
		l := &likes{liked: liked}
		first, _ := NewBudget(l, macro(3), countOnes, nil, set)
		for range cut {
			if _, _, err := first.Step(); err != nil {
				t.Fatal(err)
			}
		}
		state, err := first.MarshalState()
		if err != nil {
			t.Fatal(err)
		}
		second, _ := NewBudget(l, macro(3), countOnes, nil, set)
		if err := second.UnmarshalState(state); err != nil {
			t.Fatal(err)
		}
		run(t, second)
		if !slices.EqualFunc(l.seen, whole.seen, slices.Equal[[]int]) {
			t.Fatalf("stopped after %d steps the search saw other networks", cut)
		}
	}
}

func TestDecisionsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name      string
		decisions []Decision
		want      string
	}{
		{"order", []Decision{{2, "a", 1, Op}, {2, "a", 0, Op}}, "a decision of layer 0 after one of layer 1"},
		{"group", []Decision{{2, "a", 0, Op}, {3, "a", 1, Op}}, "decisions of group a with 2 and with 3 options"},
		{"from itself", []Decision{{2, "", 1, 1}}, "decision {Options:2 Group: Layer:1 From:1}: accepted are ops with options, and skips from earlier layers with the options 0 and 1"},
	} {
		if _, err := NewBudget(&likes{}, c.decisions, countOnes, nil, quick); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestCosineRestarts(t *testing.T) {
	for _, c := range []struct {
		epoch int
		want  float64
	}{{0, 1}, {1, 0.5}, {2, 1}, {4, 0.5}, {6, 1}, {10, 0.5}, {14, 1}} { // periods of 2, 4, 8 epochs
		if got := CosineRestarts(1, 0, c.epoch, 2); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("epoch %d: %v, want %v", c.epoch, got, c.want)
		}
	}
}
