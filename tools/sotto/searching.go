package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/search"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/goals"
	"sotto/tools/sotto/runs"
	batches "sotto/tools/sotto/samples"
	"sotto/tools/sotto/weights"
)

// searcher is a search in a folder: phases that are runs of their own, and trials, each a network that was found or drawn and then trained.
type searcher struct {
	*app
	ctx    context.Context
	n      *network
	goal   *goals.Goal
	f      *searchFlags
	prices *spacePrices
	limits []search.Limit
	space  *search.Space // of choices
	data   *batches.Samples
	taught engine.Data    // the same with labels of a teacher; nil: there is none
	least  *engine.Margin // of searches in fixed point
}

// trial is a line of DIR/trials.jsonl.
type trial struct {
	Name     string            `json:"name"`
	Random   bool              `json:"random,omitempty"`   // drawn, of the same price as what it is named after, to compare with
	Baseline bool              `json:"baseline,omitempty"` // with the first options, or all ReLUs, to compare with
	Grain    string            `json:"grain,omitempty"`    // what lost its ReLU at once, of a network that was linearized
	Price    string            `json:"price"`              // the measure that a search makes least, or the first of them
	Weight   float64           `json:"weight,omitempty"`   // of the price in the objective
	Choices  map[string]string `json:"choices"`
	Measures search.Measures   `json:"measures"`         // of the finished network, compiled
	Kept     map[string]int    `json:"kept,omitempty"`   // gates that are open, by ReLU
	Holds    bool              `json:"holds"`            // its limits
	Shared   *search.Metrics   `json:"shared,omitempty"` // of the validation split, with the weights that networks of a macro space share
	Valid    search.Metrics    `json:"valid"`
	Test     search.Metrics    `json:"test"`

	also int // epochs of training beside those of what is found
}

// kind says how a network came to be.
func (t *trial) kind() string {
	switch {
	case t.Baseline:
		return strings.ReplaceAll(t.Name, "-", " ")
	case t.Random:
		return "drawn at random"
	}
	return cmp.Or(t.Grain, "found")
}

// accuracy is that on the test split, on the validation split where there is none.
func (t *trial) accuracy() float64 {
	if t.Test.Samples == 0 {
		return t.Valid.Accuracy
	}
	return t.Test.Accuracy
}

// phase drives a method in a folder of its own; one that has come to its end is not repeated.
func (s *searcher) phase(name string, m search.Method, e search.Stateful) error {
	keeper, err := runs.Open(filepath.Join(s.f.output, name))
	if err != nil {
		return err
	}
	defer keeper.Close()
	settings, err := json.Marshal(struct {
		Net       string       `json:"net"`
		Data      string       `json:"data"`
		Init      string       `json:"init"`
		Objective []goals.Term `json:"objective"`
		Prices    string       `json:"prices,omitempty"`
		searchSettings
	}{fingerprint(s.n.fn()), s.goal.Data, s.f.init, s.goal.Objective, s.pricesDigest(), s.f.settings})
	if err != nil {
		return err
	}
	begun := time.Now()
	return search.Run(s.ctx, m, e, search.RunOptions{Keeper: keeper, Settings: settings, Resume: s.f.resume, Every: s.f.every,
		Entry: func(e *search.Entry) { s.told(name, e, time.Since(begun)) }})
}

// pricesDigest tells price lists apart, which a target's name does not: by what they make of options that gradients descend.
func (s *searcher) pricesDigest() string {
	if s.space == nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Append(nil, s.space.Effects, s.space.Mean))
	return hex.EncodeToString(sum[:fingerprintBytes])
}

// told shows an entry of a run.
func (s *searcher) told(phase string, e *search.Entry, since time.Duration) {
	if s.json {
		line, err := json.Marshal(struct {
			head
			Phase string `json:"phase"`
			*search.Entry
		}{version1, phase, e})
		if err == nil {
			fmt.Fprintf(s.out, "%s\n", line)
		}
		return
	}
	text := fmt.Sprintf("%s: epoch %d of %d", phase, e.Epoch, e.Epochs)
	if e.Train.Samples > 0 {
		text += fmt.Sprintf("  loss %.3f  train %.1f %%", e.Train.Loss, 100*e.Train.Accuracy)
	}
	text += fmt.Sprintf("  valid %.1f %%", 100*e.Valid.Accuracy)
	for _, name := range slices.Sorted(maps.Keys(e.Measures)) {
		text += fmt.Sprintf("  %s %.4g", name, e.Measures[name])
	}
	if e.Entropy > 0 {
		text += fmt.Sprintf("  entropy %.2f", e.Entropy)
	}
	left := since / time.Duration(e.Epoch) * time.Duration(e.Epochs-e.Epoch)
	s.progress.step("%s  %s left", text, left.Round(time.Second))
}

// engineOf trains a network, or the space with its choices relaxed, on the search's data. logits are the paths of gates.
func (s *searcher) engineOf(n *network, pipeline []*pass.Pass, logits ...string) (*engine.Engine, error) {
	m := n.module.Clone()
	c := &pass.Context{Choices: n.decisions, Gates: n.relus.gates}
	if err := (&pass.Runner{}).Run(c, m, pipeline...); err != nil {
		return nil, err
	}
	first, err := weights.HeInitialised(n.fn(), n.decisions, s.f.settings.Seed)
	if err != nil {
		return nil, err
	}
	training := s.f.settings.training()
	training.Logits = logits
	data := engine.Data(s.data)
	if s.taught != nil {
		data = s.taught
	}
	return engine.New(m, engine.Options{Training: training, Seed: s.f.settings.Seed, Init: first.Weight}, data)
}

// carry gives an engine the state that another has under the same paths and in the same sizes.
func carry(e search.Stateful, from map[string][]float32, only func(path string) bool) error {
	state := e.State()
	for path, old := range state {
		if x := from[path]; len(x) == len(old) && only(path) {
			state[path] = x
		}
	}
	return e.Restore(state)
}

// isWeight tells weights and running statistics, which networks share, from what an optimiser keeps.
func (s *searcher) isWeight(path string) bool {
	return slices.ContainsFunc(weights.Params(s.n.fn()), func(p *ir.Value) bool { return p.Path == path })
}

// beginning are the weights that a search begins with: those given, or those of the network with the first options after its training.
func (s *searcher) beginning() (map[string][]float32, error) {
	first := *s.n
	first.decisions = s.prices.decisions(make([]int, len(s.prices.sites)))
	return s.trained(&first)
}

// trained are the weights that were given for a network, or those of its training.
func (s *searcher) trained(n *network) (map[string][]float32, error) {
	if s.f.init != "" {
		return s.given(s.f.init)
	}
	if s.f.settings.Pretrain == 0 {
		return nil, nil
	}
	e, err := s.engineOf(n, passes.ToTrainable)
	if err != nil {
		return nil, err
	}
	if err := s.train("pretrain", e, s.f.settings.Pretrain, s.f.settings.Rate); err != nil {
		return nil, err
	}
	return e.State(), nil
}

// given takes weights from a file.
func (s *searcher) given(path string) (map[string][]float32, error) {
	w, err := weights.Open(path, s.n.fn(), nil)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	out := map[string][]float32{}
	for _, p := range weights.Params(s.n.fn()) {
		x, err := w.Weight(p.Path, p.Type.Shape)
		if err != nil {
			continue // options that the file's network did not take
		}
		out[p.Path] = x
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: none of the network's weights is in it", path)
	}
	return out, nil
}

// train trains an engine's network.
func (s *searcher) train(name string, e *engine.Engine, epochs int, rate float64) error {
	m, err := search.NewTraining(e, search.TrainSettings{Epochs: epochs, Batches: s.data.Batches(search.Train), Judged: search.Valid,
		Schedule: search.Schedule{Kind: search.CosineRate, Most: rate, Least: rate / 50}})
	if err != nil {
		return err
	}
	return s.phase(name, m, e)
}

// steps is how many steps an epoch of a gradient search takes, each with a batch of either split.
func (s *searcher) steps() int {
	return min(s.data.Batches(search.Train), s.data.Batches(search.Valid))
}

// searched is how many epochs of training take as many steps as a gradient search.
func (s *searcher) searched() int {
	each := max(s.data.Batches(search.Train), 1)
	return (s.f.settings.Epochs*s.steps() + each - 1) / each
}

// gradient are the settings of a gradient search with a weight of the price, in epochs of so many batches.
func (s searchSettings) gradient(batches int, weight float64) search.GradientSettings {
	return search.GradientSettings{Epochs: s.Epochs, Batches: batches, Order: search.Order(s.Order), Rate: s.Rate, LeastRate: s.Rate / 25, Momentum: s.Momentum,
		Decay: s.Decay, LogitRate: s.LogitRate, LogitDecay: s.LogitDecay, PriceWeight: weight, Temperature: s.Gumbel, WarmUp: s.WarmUp, Seed: s.Seed}
}

// relaxed is an engine of the space with all its options, which begins with the weights of a training.
func (s *searcher) relaxed(weight float64, begin map[string][]float32) (search.Engine, error) {
	if s.f.settings.Ring != 0 {
		return s.fixed(weight, begin)
	}
	e, err := s.engineOf(s.n, passes.ToSupernet)
	if err != nil {
		return nil, err
	}
	return e, carry(e, begin, s.isWeight)
}

// gradient searches with one weight of the price, and gives the options that were found with the weights of the relaxed space.
func (s *searcher) gradient(name string, weight float64, begin map[string][]float32) ([]int, map[string][]float32, error) {
	e, err := s.relaxed(weight, begin)
	if err != nil {
		return nil, nil, err
	}
	g, err := search.NewGradient(e, s.space, s.f.settings.gradient(s.steps(), weight))
	if err != nil {
		return nil, nil, err
	}
	if err := s.phase(filepath.Join(name, "search"), g, e); err != nil {
		return nil, nil, err
	}
	s.nearest(e)
	if err := s.record(e, weight); err != nil {
		return nil, nil, err
	}
	options, _, err := s.space.Derive(g.Probabilities())
	return options, e.State(), err
}

// finish trains a network, prices it as it is compiled, and writes it. named are the choices and parameters that make it of the file.
func (s *searcher) finish(t *trial, n *network, named []pass.Decision, begin map[string][]float32) error {
	e, err := s.engineOf(n, passes.ToTrainable)
	if err != nil {
		return err
	}
	if err := carry(e, begin, s.isWeight); err != nil {
		return err
	}
	if epochs := s.f.settings.Finetune + t.also; epochs > 0 {
		if err := s.train(filepath.Join(t.Name, "train"), e, epochs, s.f.settings.FinetuneRate); err != nil {
			return err
		}
	}
	if t.Valid, err = e.Eval(search.Valid); err != nil {
		return err
	}
	if s.data.Samples(search.Test) > 0 {
		if t.Test, err = e.Eval(search.Test); err != nil {
			return err
		}
	}
	t.Choices = map[string]string{}
	for _, d := range named {
		t.Choices[d.Site] = d.Option
	}
	if len(n.relus.gates) > 0 {
		t.Kept = map[string]int{}
	}
	for path, gate := range n.relus.gates {
		for _, open := range gate.Keep {
			t.Kept[path] += int(open)
		}
	}
	if err := s.write(t, n, e.State()); err != nil {
		return err
	}
	if t.Measures, err = s.measure(n); err != nil {
		return err
	}
	t.Price = s.goal.Objective[0].Figure.String()
	t.Holds = len(t.Measures.Broken(s.limits)) == 0
	return s.keep(t)
}

// measure compiles a network for each target that a figure is of: no answer is believed on the word of a table.
func (s *searcher) measure(n *network) (search.Measures, error) {
	net, _, err := choices.First(n.fn(), n.decisions)
	if err == nil {
		net, err = n.relus.apply(net)
	}
	if err != nil {
		return nil, err
	}
	counts, priced, out := frontend.Summarise(net), map[string]cost.Figures{}, search.Measures{}
	for _, f := range s.prices.figures {
		weights, timed := tableFigures[f.Measure]
		if _, known := priced[f.Target]; timed && !known {
			prices, err := s.target(f.Target, n)
			if err != nil {
				return nil, err
			}
			e, err := s.estimated(n, s.f.lower, prices)
			if err != nil {
				return nil, err
			}
			priced[f.Target] = e.figures()
		}
		switch count, counted := countFigures[f.Measure]; {
		case timed:
			out[f.String()] = priced[f.Target].Dot(weights)
		case counted:
			out[f.String()] = count(counts)
		default:
			out[f.String()] = areaFigures[f.Measure](areaFor(s.prices.boards[f.Target], counts))
		}
	}
	return out, nil
}

// limited measures by the limits' figures alone: networks that are only held to them are compiled for no other's sake.
func (s *searcher) limited() *searcher {
	only, prices := *s, *s.prices
	prices.figures = figuresOf(&goals.Goal{Limits: s.goal.Limits})
	only.prices = &prices
	return &only
}

// write leaves the decision file and the weights of a network in its folder.
func (s *searcher) write(t *trial, n *network, state map[string][]float32) error {
	dir := filepath.Join(s.f.output, t.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil { // nothing was trained in it, perhaps
		return err
	}
	decision := map[string]any{"sotto": 1, "choices": t.Choices}
	if len(n.relus.gates) > 0 {
		masks := map[string][]int64{}
		for path, gate := range n.relus.gates {
			masks[path] = gate.Keep
		}
		decision["linearize"] = masks
	}
	if err := writeJSON(filepath.Join(dir, "decision.json"), decision); err != nil {
		return err
	}
	net := n.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Choices: n.decisions}, net, passes.ToTrainable...); err != nil {
		return err
	}
	var tensors []tensorfile.Tensor
	for _, p := range weights.Params(net.Funcs[0]) {
		tensors = append(tensors, tensorfile.New(p.Path, p.Type.Shape, state[p.Path]))
	}
	return tensorfile.Write(filepath.Join(dir, "weights.safetensors"), tensors, nil, tensorfile.Secret)
}

// trialsFile has a line for each trial that has come to its end.
const trialsFile = "trials.jsonl"

// keep appends a trial's line.
func (s *searcher) keep(t *trial) error {
	line, err := json.Marshal(t)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(s.f.output, trialsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// kept reads the trials of a run that is taken up again; a line that is not whole is none, and goes.
func (s *searcher) kept() (map[string]*trial, error) {
	out, path := map[string]*trial{}, filepath.Join(s.f.output, trialsFile)
	trials, whole, err := readTrials(path)
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, t := range trials {
		out[t.Name] = t
	}
	return out, os.Truncate(path, whole)
}

// readTrials reads the trials in a file and gives the length of what is whole of it: a line that is not is none.
func readTrials(path string) (trials []*trial, whole int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(text) {
		t := &trial{}
		if err := json.Unmarshal(line, t); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		trials = append(trials, t)
	}
	return trials, int64(len(text)), nil
}

// objective is the figure that a search makes least beside the loss.
func (s *searcher) objective(m search.Measures) (sum float64) {
	for _, t := range s.goal.Objective {
		sum += t.Weight * m[t.Figure.String()]
	}
	return sum
}

// closeness is how far prices may be apart, relative to one of them, and count as the same.
const closeness = 0.02

// alike draws so many networks at random of the price of one that was found, of those closest to it where fewer have that: what a choice without
// knowledge would take.
func (s *searcher) alike(options []int, count int, seed uint64) ([][]int, error) {
	const draws = 4000
	found, err := s.space.Price(options)
	if err != nil {
		return nil, err
	}
	type drawn struct {
		options []int
		off     float64
	}
	var all []drawn
	known := map[string]bool{fmt.Sprint(options): true}
	r := rand.New(rand.NewPCG(seed, draws))
	for range draws {
		d := drawn{options: make([]int, len(options))}
		for site, n := range s.space.Options {
			d.options[site] = r.IntN(n)
		}
		key := fmt.Sprint(d.options)
		if known[key] {
			continue
		}
		known[key] = true
		m, err := s.space.Price(d.options)
		if err != nil {
			return nil, err
		}
		d.off = math.Abs(s.objective(m) - s.objective(found))
		all = append(all, d)
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(a.off, b.off) })
	same, _ := slices.BinarySearchFunc(all, closeness*math.Abs(s.objective(found)), func(d drawn, off float64) int { return cmp.Compare(d.off, off) })
	same = min(max(same, count), len(all))
	r.Shuffle(same, func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out [][]int
	for _, d := range all[:min(count, same)] {
		out = append(out, d.options)
	}
	return out, nil
}
