package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/dataset"
	"sotto/runtime/party"
	"sotto/tools/conform"
)

// dataFlagsOfVerify say which images are run in private.
type dataFlagsOfVerify struct {
	data string
	n    int
}

func (f *dataFlagsOfVerify) add(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "run images of this data `set` (see sotto data --help)")
	c.Flags().IntVarP(&f.n, "n", "n", 100, "how many of them")
}

// agreementResult says how the private run does on images with known classes.
type agreementResult struct {
	head
	Data            string  `json:"data"`
	N               int     `json:"n"`
	FloatAccuracy   float64 `json:"float_accuracy"`
	RingAccuracy    float64 `json:"ring_accuracy"` // of the clear network in fixed point
	PrivateAccuracy float64 `json:"private_accuracy"`
	Agreement       float64 `json:"agreement"` // share of images that private and float put into the same class
	MaxError        float64 `json:"max_error"` // of an output of the private run against float
}

func (a *app) verifyData(dir string, f *runFlags, on dataFlagsOfVerify) (*agreementResult, error) {
	if on.n < 1 || f.input != "" {
		return nil, usagef("--data takes -n of at least 1 and no --input")
	}
	source, err := offlineSource(f.offline)
	if err != nil {
		return nil, err
	}
	c, err := a.openClear(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	bundles, err := conform.OpenBundles(dir)
	if err != nil {
		return nil, err
	}
	images, err := openImages(on, preprocess(c.net.Params[0]), outputs(c.net))
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	defer stop()
	r := &agreementResult{head: version1, Data: on.data, N: images.n}
	for i := range images.n {
		a.progress.step("image %d of %d: %d right in private", i+1, images.n, int(r.PrivateAccuracy))
		x, label, err := images.next(i)
		if err != nil {
			return nil, err
		}
		if err := r.add(ctx, c, conform.Session{Bundles: bundles, Source: source}, x, label); err != nil {
			return nil, interrupted(ctx, err)
		}
	}
	n := float64(images.n)
	r.FloatAccuracy, r.RingAccuracy, r.PrivateAccuracy, r.Agreement = r.FloatAccuracy/n, r.RingAccuracy/n, r.PrivateAccuracy/n, r.Agreement/n
	return r, nil
}

// labelled are the images of a split, one by one.
type labelled struct {
	batches *dataset.Batches
	n       int
	x       []float32
}

func openImages(on dataFlagsOfVerify, p dataset.Preprocess, classes int) (*labelled, error) {
	d, err := dataset.Open(on.data, p, classes)
	if err != nil {
		return nil, err
	}
	split := d.Test
	if split.Len() == 0 {
		split = d.Train
	}
	b, err := dataset.InOrder(split, p, 1)
	return &labelled{b, min(on.n, split.Len()), make([]float32, split.Shape.Len())}, err
}

func (l *labelled) next(i int) (x []float32, label int, err error) {
	var class [1]int32
	_, err = l.batches.Fill(i, l.x, class[:])
	return l.x, int(class[0]), err
}

// add runs one image in every way and counts.
func (r *agreementResult) add(ctx context.Context, c *clear, s conform.Session, x []float32, label int) error {
	float, err := c.evalFloat(x)
	if err != nil {
		return err
	}
	ring, err := c.evalRing(x)
	if err != nil {
		return err
	}
	private, err := inPrivate(ctx, s, x)
	if err != nil {
		return err
	}
	for _, is := range []struct {
		count *float64
		true  bool
	}{{&r.FloatAccuracy, float.Class == label}, {&r.RingAccuracy, ring.Class == label}, {&r.PrivateAccuracy, private.Class == label}, {&r.Agreement, private.Class == float.Class}} {
		if is.true {
			*is.count++
		}
	}
	for i, y := range private.Output {
		r.MaxError = max(r.MaxError, math.Abs(y-float.Output[i]))
	}
	return nil
}

// inPrivate runs one inference between two parties in this process.
func inPrivate(ctx context.Context, s conform.Session, x []float32) (prediction, error) {
	p := s.Bundles[cost.Client].Program
	if p.Deploy == cost.ClientServer {
		s.Inputs[cost.Client] = party.Input{Clear: x}
	} else {
		whole, err := encode(p, x)
		if err != nil {
			return prediction{}, err
		}
		s.Inputs[cost.Client].Share, s.Inputs[cost.Server].Share = split(whole, p.Ring)
	}
	results, err := conform.Infer(ctx, s)
	if err != nil {
		return prediction{}, err
	}
	out := results[cost.Client].Clear
	if p.Deploy != cost.ClientServer {
		out = decode(p, addShares(p.Ring, addShares(p.Ring, nil, results[cost.Client].Share), results[cost.Server].Share))
	}
	return answer(p, out), nil
}

func (r *agreementResult) text(w io.Writer) {
	percent := func(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }
	pairs(w, "images", count(int64(r.N))+" of "+r.Data, "right in float", percent(r.FloatAccuracy), "in fixed point", percent(r.RingAccuracy),
		"in private", percent(r.PrivateAccuracy), "private and float agree", percent(r.Agreement), "greatest error of an output", fmt.Sprintf("%.3g", r.MaxError))
}
