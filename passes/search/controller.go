package search

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Decision is one of those that make a network of a macro space, in the order in which a controller makes them.
type Decision struct {
	Options int
	// Group names decisions of one meaning, such as the kernels of all layers: they share their part of the controller.
	Group string
	// Layer counts from 0. An op of a layer has From = Op; a skip, which has the options 0 and 1, says whether the layer takes what layer
	// From < Layer made.
	Layer, From int
}

// Op in Decision.From says that the decision is no skip.
const Op = -1

// controller is the recurrent one of ENAS (Pham et al., ICML 2018, section 2.4), as CryptoNAS has it: an LSTM of 64 takes a step for each op and one
// for the skips of each layer; an op's logits are linear in its state, a skip's are additive attention between the states of both
// layers, and all logits are 1.5*tanh of what they would be.
type controller struct {
	decisions []Decision
	values    vector // all parameters
	parts     map[string]vector
}

const (
	hidden    = 64
	squash    = 1.5 // of logits
	initially = 0.1 // parameters begin uniform in [-initially, initially]
)

func newController(decisions []Decision, r *rand.Rand) (*controller, error) {
	sizes := []struct {
		name string
		n    int
	}{{"lstm", 4 * hidden * 2 * hidden}, {"begin", hidden}, {"skip.to", hidden * hidden}, {"skip.from", hidden * hidden}, {"skip.logit", hidden}}
	options := map[string]int{}
	for i, d := range decisions {
		if err := checkDecision(decisions[:i], d, options); err != nil {
			return nil, err
		}
		if _, seen := options[d.Group]; !seen && d.From == Op {
			options[d.Group] = d.Options
			for _, part := range []string{".logits", ".options"} {
				sizes = append(sizes, struct {
					name string
					n    int
				}{d.Group + part, d.Options * hidden})
			}
		}
	}
	total := 0
	for _, s := range sizes {
		total += s.n
	}
	c := &controller{decisions: decisions, values: newVector(total), parts: map[string]vector{}}
	for i := range c.values.v {
		c.values.v[i] = initially * (2*r.Float64() - 1)
	}
	from := 0
	for _, s := range sizes {
		c.parts[s.name] = c.values.rows(from, from+s.n, 1)
		from += s.n
	}
	return c, nil
}

// checkDecision refuses decisions out of order and groups that are not of one kind.
func checkDecision(before []Decision, d Decision, options map[string]int) error {
	if n := len(before); n > 0 && d.Layer < before[n-1].Layer {
		return fmt.Errorf("a decision of layer %d after one of layer %d", d.Layer, before[n-1].Layer)
	}
	if n, seen := options[d.Group]; d.From == Op && seen && n != d.Options {
		return fmt.Errorf("decisions of group %s with %d and with %d options", d.Group, n, d.Options)
	}
	if d.Options < 1 || d.From < Op || d.From >= d.Layer || (d.From != Op && d.Options != 2) {
		return fmt.Errorf("decision %+v: accepted are ops with options, and skips from earlier layers with the options 0 and 1", d)
	}
	return nil
}

// sample is a network that was drawn: options, and what the controller's loss is made of.
type sample struct {
	options  []int
	surprise vector  // -log of its probability
	entropy  float64 // in nats, of all decisions
	drift    vector  // KL divergence of the skips' probabilities from the rate that is wanted
}

// walk is the state of a controller on its way through the decisions.
type walk struct {
	c       *controller
	tape    *tape
	draw    func(p []float64) int
	h, cell vector
	input   vector
	anchors []vector // by layer, the state in which its ops were decided
	layer   int
	taken   []vector // anchors of the layers that skips took
	skips   bool     // the state of this layer's skips is there
	out     sample
	rate    float64
}

// sample draws a network; draw picks an option by probabilities. rate is that of skips.
func (c *controller) sample(t *tape, rate float64, draw func(p []float64) int) sample {
	w := &walk{c: c, tape: t, draw: draw, h: newVector(hidden), cell: newVector(hidden), input: c.parts["begin"], rate: rate, layer: -1}
	w.out.surprise, w.out.drift = newVector(1), newVector(1)
	for _, d := range c.decisions {
		if d.Layer != w.layer {
			w.enter(d.Layer)
		}
		if d.From == Op {
			w.op(d)
		} else {
			w.skip(d)
		}
	}
	return w.out
}

// enter begins a layer: what the skips of the one before took is what goes in.
func (w *walk) enter(layer int) {
	if w.skips {
		w.input = w.c.parts["begin"]
		if n := len(w.taken); n > 0 {
			w.input = w.tape.sum(1/float64(1+n), w.taken...)
		}
	}
	w.layer, w.skips, w.taken = layer, false, nil
	for len(w.anchors) <= layer { // a layer without ops has the state before it
		w.anchors = append(w.anchors, w.h)
	}
}

// step is that of an LSTM without biases.
func (w *walk) step() {
	joined := w.tape.join(w.input, w.h)
	gates := w.tape.times(w.c.parts["lstm"], joined)
	gate := func(i int) vector { return gates.rows(i, i+1, hidden) }
	in, forget, out, new := w.tape.sigmoid(gate(0)), w.tape.sigmoid(gate(1)), w.tape.sigmoid(gate(2)), w.tape.tanh(gate(3))
	w.cell = w.tape.sum(1, w.tape.product(forget, w.cell), w.tape.product(in, new))
	w.h = w.tape.product(out, w.tape.tanh(w.cell))
}

func (w *walk) op(d Decision) {
	w.step()
	w.anchors[d.Layer] = w.h
	option := w.decide(w.tape.sum(squash, w.tape.tanh(w.tape.times(w.c.parts[d.Group+".logits"], w.h))))
	w.input = w.c.parts[d.Group+".options"].rows(option, option+1, hidden)
}

func (w *walk) skip(d Decision) {
	if !w.skips {
		w.step()
		w.anchors[d.Layer], w.skips = w.h, true
	}
	query := w.tape.tanh(w.tape.sum(1, w.tape.times(w.c.parts["skip.from"], w.anchors[d.From]), w.tape.times(w.c.parts["skip.to"], w.h)))
	logit := w.tape.sum(squash, w.tape.tanh(w.tape.times(w.c.parts["skip.logit"], query)))
	against := w.tape.sum(-1, logit)
	logits := w.tape.join(against, logit)
	if w.decide(logits) == 1 {
		w.taken = append(w.taken, w.anchors[d.From])
	}
	w.out.drift = w.tape.sum(1, w.out.drift, w.tape.divergence(logits, w.rate))
}

// decide draws an option.
func (w *walk) decide(logits vector) int {
	p := make([]float64, len(logits.v))
	softmax(p, logits.v)
	option := w.draw(p)
	w.out.options = append(w.out.options, option)
	w.out.surprise = w.tape.sum(1, w.out.surprise, w.tape.surprise(logits, option))
	for _, q := range p {
		if q > 0 {
			w.out.entropy -= q * math.Log(q)
		}
	}
	return option
}

// pick draws by probabilities.
func pick(r *rand.Rand) func(p []float64) int {
	return func(p []float64) int {
		x := r.Float64()
		for i, q := range p {
			if x -= q; x < 0 {
				return i
			}
		}
		return len(p) - 1
	}
}
