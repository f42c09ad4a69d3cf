package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/tools/sotto/runs"
)

// What stands for softmax in a private training, by price under an accuracy floor. What a compiler knows of an alternative is what it costs; what
// accuracy it leads to is a fact about the network and its data, which a training in the clear on public data of the kind finds out.

// Words that --softmax takes beside the names of alternatives.
const (
	softmaxAll  = "all"  // in the clear: each in turn
	softmaxAuto = "auto" // in private: the cheapest of those that hold the floor
)

// softmaxFile is where --softmax all writes what the alternatives came to.
const softmaxFile = "softmax.json"

// softmaxes are what trainings of one network, alike but for what stands for softmax, came to.
type softmaxes struct {
	head
	Net         string           `json:"net"`
	Fingerprint string           `json:"fingerprint"` // of the network, its choices made
	Data        string           `json:"data"`
	Split       string           `json:"split"` // that accuracy is of
	Samples     int              `json:"samples"`
	Batch       int              `json:"batch"`
	Epochs      int              `json:"epochs"`
	All         []trainedSoftmax `json:"alternatives"`
	File        string           `json:"file,omitempty"`
}

type trainedSoftmax struct {
	Softmax  pass.Softmax `json:"softmax"`
	Accuracy float64      `json:"accuracy"`
	Loss     float64      `json:"loss"`
}

// trainSoftmaxes trains a network with each alternative, in folders of their names.
func (a *app) trainSoftmaxes(path string, f trainFlags) (*softmaxes, error) {
	out := &softmaxes{head: version1, Batch: f.how.batch, Epochs: f.Epochs, File: filepath.Join(f.output, softmaxFile)}
	for _, s := range pass.Softmaxes {
		own := f
		own.Softmax, own.output = string(s), filepath.Join(f.output, string(s))
		own.resume = f.resume && runs.Begun(own.output)
		r, err := a.train(path, own)
		if err != nil {
			return nil, fmt.Errorf("softmax %s: %w", s, err)
		}
		out.Net, out.Data, out.Split, out.Samples = r.Net, r.Data, r.Split, r.Samples
		out.All = append(out.All, trainedSoftmax{s, r.Accuracy, r.Loss})
	}
	n, err := a.load(path, f.network)
	if err != nil {
		return nil, err
	}
	if out.Fingerprint, err = trainedPrint(n); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, err
	}
	return out, replaceFile(out.File, string(text)+"\n")
}

// trainedPrint is the fingerprint of a network whose choices are made.
func trainedPrint(n *network) (string, error) {
	m := n.module.Clone()
	c := &pass.Context{Choices: n.decisions, Gates: n.relus.gates}
	if err := (&pass.Runner{}).Run(c, m, slices.Concat(passes.ToTrainable, n.relus.requested())...); err != nil {
		return "", err
	}
	return fingerprint(m.Funcs[0]), nil
}

func (r *softmaxes) text(w io.Writer) {
	var rows [][]string
	for _, x := range r.All {
		rows = append(rows, []string{string(x.Softmax), percent(x.Accuracy), three(x.Loss)})
	}
	table(w, "softmax >accuracy >loss", rows)
	fmt.Fprintf(w, "of %d %s images of %s, after %d epochs in batches of %d; written: %s\n", r.Samples, r.Split, r.Data, r.Epochs, r.Batch, r.File)
}

// readSoftmaxes reads what --softmax all wrote of this network.
func readSoftmaxes(path string, n *network) (*softmaxes, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r softmaxes
	if err := json.Unmarshal(text, &r); err != nil || r.Sotto != version1.Sotto || len(r.All) == 0 {
		return nil, fmt.Errorf("%s: accepted is the %s that `sotto train --ring 64 --softmax all` writes", path, softmaxFile)
	}
	print, err := trainedPrint(n)
	if err == nil && print != r.Fingerprint {
		err = fmt.Errorf("%s is of another network, or of other choices (%s): train this one with --ring 64 --softmax all", path, r.Net)
	}
	return &r, err
}

// pricedSoftmax is an alternative that holds the floor, with what a step with it costs.
type pricedSoftmax struct {
	trainedSoftmax
	StepMS float64 `json:"step_ms"`
}

// pickSoftmax decides --softmax auto: of the alternatives that hold the floor, the one whose steps are estimated the fastest.
func (a *app) pickSoftmax(n *network, f *trainFlags, target cost.Target) error {
	if f.Softmax != softmaxAuto {
		return nil
	}
	if f.accuracies == "" {
		return usagef("--softmax auto: --accuracies is missing: accepted is the %s that `sotto train --ring 64 --softmax all` writes, of a training on public data", softmaxFile)
	}
	known, err := readSoftmaxes(f.accuracies, n)
	if err != nil {
		return err
	}
	hold := f.weighed[:0]
	for _, x := range known.All {
		if x.Accuracy < f.floor {
			continue
		}
		own := *f
		own.Softmax = string(x.Softmax)
		s, err := a.privateStep(n, &own)
		if err != nil {
			return err
		}
		step := newSessionCosts([]*privateStep{s}, target).later([]int{0})
		hold = append(hold, pricedSoftmax{x, step.ms()})
	}
	if len(hold) == 0 {
		best := slices.MaxFunc(known.All, func(x, y trainedSoftmax) int { return cmp.Compare(x.Accuracy, y.Accuracy) })
		return fmt.Errorf("no alternative to softmax holds --accuracy-floor %g: the best, %s, reaches %s of the %s images of %s", f.floor, best.Softmax, percent(best.Accuracy), known.Split, known.Data)
	}
	slices.SortStableFunc(hold, func(x, y pricedSoftmax) int { return cmp.Compare(x.StepMS, y.StepMS) })
	f.Softmax, f.weighed = string(hold[0].Softmax), hold
	var told []string
	for _, x := range hold {
		told = append(told, fmt.Sprintf("%s %s a step, %s", x.Softmax, duration(x.StepMS), percent(x.Accuracy)))
	}
	a.notice("softmax: %s, estimated on %s; of %d alternatives %d are at least %s accurate on the %d %s images of %s: %s", f.Softmax, target.Name, len(known.All), len(hold), percent(f.floor),
		known.Samples, known.Split, known.Data, strings.Join(told, "; "))
	if known.Batch != f.how.batch || known.Epochs != f.Epochs {
		a.notice("softmax: those accuracies are of %d epochs in batches of %d, and this training is of %d in batches of %d", known.Epochs, known.Batch, f.Epochs, f.how.batch)
	}
	return nil
}

// percent prints an accuracy.
func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }
