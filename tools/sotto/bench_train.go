package main

import (
	"errors"
	"fmt"
	"time"

	"sotto/tools/sotto/bench"
	trainbench "sotto/tools/sotto/bench/training" // training is a type of this package
)

// trainBatch is the images of a step that is measured, unless --n says otherwise.
const trainBatch = 64

// trainPrefix begins the names of measurements of training.
const trainPrefix = "resnet18_32."

func trainEntries() []benchEntry {
	docs := map[string]string{"gradient": "forward and backward", "step": "the same with a step of SGD"}
	var out []benchEntry
	for _, name := range trainbench.Functions {
		out = append(out, benchEntry{trainPrefix + name, fmt.Sprintf("images in a batch; ResNet-18 for 32x32 images, %s, both cores, beside PyTorch where python3 has it", docs[name])})
	}
	return out
}

// benchTrain measures training steps, in turns with PyTorch's of the same network.
func (a *app) benchTrain(f *benchFlags, names []string) (*benchReport, error) {
	batch := int(f.n)
	if batch == 0 {
		batch = trainBatch
	}
	own, err := trainbench.NewOwn(batch)
	if err != nil {
		return nil, err
	}
	torch, err := trainbench.NewTorch(batch)
	if err != nil && !errors.Is(err, trainbench.ErrNoTorch) {
		return nil, err
	}
	if torch == nil {
		fmt.Fprintf(a.err, "%v\n", err)
	} else {
		defer torch.Close()
	}
	r := &benchReport{head: version1, Machine: thisMachine()}
	for _, name := range names {
		x, err := a.trained(own, torch, name[len(trainPrefix):], batch, f.runs)
		if err != nil {
			return nil, err
		}
		r.Results = append(r.Results, x)
	}
	return r, nil
}

// trained measures one function. Each has run once before, to have its memory.
func (a *app) trained(own *trainbench.Own, torch *trainbench.Torch, name string, batch, runs int) (benchResult, error) {
	a.progress.step("training: %s", name)
	var mine, theirs []time.Duration
	for run := range runs + 1 {
		took, err := own.Time(name)
		if err != nil {
			return benchResult{}, err
		}
		if run > 0 {
			mine = append(mine, took)
		}
		if torch == nil {
			continue
		}
		if took, err = torch.Time(name); err != nil {
			return benchResult{}, err
		}
		if run > 0 {
			theirs = append(theirs, took)
		}
	}
	x := summary(trainPrefix+name, int64(batch), mine, 0, 0)
	if torch != nil {
		reference := summary("", int64(batch), theirs, 0, 0)
		x.against(bench.Bound{PerSecond: reference.PerS, Binds: fmt.Sprintf("PyTorch %s, %s - %s", torch.Version, duration(reference.Low), duration(reference.High))})
	}
	return x, nil
}
