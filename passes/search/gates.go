package search

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// GateSettings are those of a search for the channels or pixels that keep their ReLU. The defaults are SNL's.
type GateSettings struct {
	Epochs, Batches int     // at most so many epochs
	Rate            float64 // of the weights
	GateRate        float64
	Penalty         float64 // of the sum of the gates, each by the ReLUs that it stands for, at first
	Growth          float64 // of the penalty after an epoch in which too few gates closed
	Slow            float64 // part of the open gates that is too few
	Open            float64 // a gate above it counts as open
}

// SNL are its settings (Cho et al., ICML 2022, section 3).
var SNL = GateSettings{Epochs: 200, Rate: 1e-3, GateRate: 1e-3, Penalty: 1e-5, Growth: 1.1, Slow: 0.01, Open: 0.01}

// Gates is selective linearisation: a gate g of each channel or pixel makes its activation g*ReLU(x) + (1-g)*x; gates and weights are trained together
// under a penalty on the ReLUs of the open gates, which grows until so few are open that the network holds its limits. Then the greatest that
// hold them are 1 and the others 0. The engine's logits are the gates.
type Gates struct {
	engine Engine
	relus  []float64 // of each gate, relative to the mean
	price  func(kept []bool) (Measures, error)
	limits []Limit
	set    GateSettings
	state  gatesState

	gates, slopes []float32
}

type gatesState struct {
	Batch   int     `json:"batch"`
	Penalty float64 `json:"penalty"`
	Open    int     `json:"open"` // after the last epoch; the number of gates before the first
	Train   running `json:"train"`
	Kept    []bool  `json:"kept"` // when it is decided
}

// NewGates begins with all gates open. relus says how many ReLUs each stands for, price gives the figures of the network with those that are kept.
func NewGates(e Engine, relus []float64, price func(kept []bool) (Measures, error), limits []Limit, set GateSettings) *Gates {
	n := e.Len(Logits)
	mean := 0.0
	for _, r := range relus {
		mean += r / float64(n)
	}
	g := &Gates{engine: e, relus: slices.Clone(relus), price: price, limits: limits, set: set, gates: make([]float32, n), slopes: make([]float32, n)}
	g.state = gatesState{Penalty: set.Penalty, Open: n}
	for i := range g.gates {
		g.gates[i] = 1
		g.relus[i] /= mean
	}
	e.Set(Logits, g.gates)
	return g
}

// Step trains gates and weights on a batch.
func (g *Gates) Step() (*Entry, bool, error) {
	epoch := g.state.Batch / g.set.Batches
	if g.state.Kept != nil {
		return nil, true, nil
	}
	if epoch >= g.set.Epochs {
		return nil, false, fmt.Errorf("%d of %d gates are open after %d epochs: accepted is a greater penalty, or more epochs", g.state.Open, len(g.gates), epoch)
	}
	b := Batch{Train, g.state.Batch}
	g.engine.Get(Logits, g.gates)
	if _, err := g.engine.Gradient(b, nil, g.slopes); err != nil {
		return nil, false, err
	}
	for i, slope := range g.slopes {
		// What a gate is worth is held against the ReLUs that it costs: all that are worth the same for each close alike.
		moved := float64(g.gates[i]) - g.set.GateRate*(float64(slope)/g.relus[i]+g.state.Penalty)
		g.gates[i] = float32(min(max(moved, 0), 1))
	}
	g.engine.Set(Logits, g.gates)
	m, err := g.engine.Step(b, g.set.Rate)
	if err != nil {
		return nil, false, err
	}
	g.state.Train.add(m)
	if g.state.Batch++; g.state.Batch%g.set.Batches != 0 {
		return nil, false, nil
	}
	return g.settle(epoch)
}

// settle ends an epoch: it decides if the limits hold with the gates that are open, else sees to it that more close.
func (g *Gates) settle(epoch int) (*Entry, bool, error) {
	open := make([]bool, len(g.gates))
	count := 0
	for i, v := range g.gates {
		if open[i] = float64(v) > g.set.Open; open[i] {
			count++
		}
	}
	figures, err := g.price(open)
	if err != nil {
		return nil, false, err
	}
	if float64(g.state.Open-count) < g.set.Slow*float64(g.state.Open) {
		g.state.Penalty *= g.set.Growth
	}
	g.state.Open = count
	if len(figures.Broken(g.limits)) == 0 {
		if figures, err = g.decide(); err != nil {
			return nil, false, err
		}
	}
	valid, err := g.engine.Eval(Valid)
	e := &Entry{Method: "gates", Epoch: epoch + 1, Epochs: g.set.Epochs, Train: g.state.Train.mean(), Valid: valid, Measures: figures, Rate: g.set.Rate}
	g.state.Train = running{}
	return e, g.state.Kept != nil, err
}

// decide keeps the greatest gates, as many as hold the limits, and makes the engine's gates 1 and 0 accordingly. More ReLUs cost no less.
func (g *Gates) decide() (Measures, error) {
	order := make([]int, len(g.gates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(g.gates[b], g.gates[a]) })
	keep := func(n int) []bool {
		kept := make([]bool, len(order))
		for _, i := range order[:n] {
			kept[i] = true
		}
		return kept
	}
	var err error
	beyond := func(n int) bool {
		figures, e := g.price(keep(n + 1))
		err = cmp.Or(err, e)
		return len(figures.Broken(g.limits)) > 0
	}
	g.state.Kept = keep(sort.Search(len(order), beyond))
	if err != nil {
		return nil, err
	}
	for i, kept := range g.state.Kept {
		g.gates[i] = 0
		if kept {
			g.gates[i] = 1
		}
	}
	g.engine.Set(Logits, g.gates)
	return g.price(g.state.Kept)
}

// Kept says which gates stay, after the last step.
func (g *Gates) Kept() ([]bool, error) {
	if g.state.Kept == nil {
		return nil, errors.New("the gates are not decided yet")
	}
	return g.state.Kept, nil
}

// MarshalState and UnmarshalState: see Method. The gates themselves are the engine's.
func (g *Gates) MarshalState() ([]byte, error) { return json.Marshal(g.state) }

func (g *Gates) UnmarshalState(b []byte) error {
	var s gatesState
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("state of a linearisation: %w", err)
	}
	if s.Kept != nil && len(s.Kept) != len(g.gates) {
		return fmt.Errorf("state of a linearisation with %d gates: this network has %d", len(s.Kept), len(g.gates))
	}
	g.state = s
	return nil
}
