package main

import (
	"fmt"
	"io"
	"math"
)

// accuracyResult says how often a network is right on images with known classes, in the clear.
type accuracyResult struct {
	head
	Data          string   `json:"data"`
	N             int      `json:"n"`
	FloatAccuracy float64  `json:"float_accuracy"`
	FloatLoss     *float64 `json:"float_loss"` // mean cross entropy, in nats; null for a network that ends in argmax
	RingAccuracy  float64  `json:"ring_accuracy"`
	RingLoss      *float64 `json:"ring_loss"`
	Agreement     float64  `json:"agreement"` // share of images that both put into the same class
}

// evalData evaluates images of a data set.
func (a *app) evalData(c *clear, on imageFlags) (*accuracyResult, error) {
	images, err := openImages(on, preprocess(c.net.Params[0]), outputs(c.net))
	if err != nil {
		return nil, err
	}
	var float, ring answers
	same := 0
	for i := range images.n {
		if a.progress.due() {
			a.progress.step("image %d of %d: %d right in float, %d in fixed point", i+1, images.n, float.right, ring.right)
		}
		x, label, err := images.next(i)
		if err != nil {
			return nil, err
		}
		f, err := c.evalFloat(x)
		if err != nil {
			return nil, err
		}
		r, err := c.evalRing(x)
		if err != nil {
			return nil, err
		}
		float.add(f, label)
		ring.add(r, label)
		if f.Class == r.Class {
			same++
		}
	}
	r := &accuracyResult{head: version1, Data: on.data, N: images.n, Agreement: float64(same) / float64(images.n)}
	r.FloatAccuracy, r.FloatLoss = float.means(images.n)
	r.RingAccuracy, r.RingLoss = ring.means(images.n)
	return r, nil
}

// answers are what became of images: how many were put into their class, and the sum of the cross entropies, not a number where there are no logits.
type answers struct {
	right int
	loss  float64
}

func (a *answers) add(p prediction, label int) {
	if p.Class == label {
		a.right++
	}
	if p.logits == nil {
		a.loss = math.NaN()
		return
	}
	sum, top := 0.0, p.logits[p.Class]
	for _, z := range p.logits {
		sum += math.Exp(z - top)
	}
	a.loss += math.Log(sum) + top - p.logits[label]
}

func (a *answers) means(n int) (accuracy float64, loss *float64) {
	if mean := a.loss / float64(n); !math.IsNaN(mean) {
		loss = &mean
	}
	return float64(a.right) / float64(n), loss
}

func (r *accuracyResult) text(w io.Writer) {
	said := func(accuracy float64, loss *float64) string {
		if loss == nil {
			return percent(accuracy)
		}
		return fmt.Sprintf("%s, loss %.4f", percent(accuracy), *loss)
	}
	pairs(w, "images", count(int64(r.N))+" of "+r.Data, "right in float", said(r.FloatAccuracy, r.FloatLoss), "in fixed point", said(r.RingAccuracy, r.RingLoss),
		"both agree", percent(r.Agreement))
}
