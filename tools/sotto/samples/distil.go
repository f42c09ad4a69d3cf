package samples

import (
	"fmt"
	"math"

	"sotto/passes/search"
)

// Teacher gives a trained network's logits for a batch of images, class after class.
type Teacher func(images []float32, n int) (logits []float32, err error)

// Distilled is Samples whose training labels are partly what a teacher says of the same images, augmentation included (Hinton, Vinyals and
// Dean, 2015): (1 - Weight) * label + Weight * softmax(logits / Temperature).
type Distilled struct {
	Of                  *Samples
	Teacher             Teacher
	Weight, Temperature float64
}

// Check says what is wrong with the weight or the temperature.
func (d *Distilled) Check() error {
	if !(d.Weight > 0 && d.Weight <= 1) || !(d.Temperature > 0) || math.IsInf(d.Temperature, 0) {
		return fmt.Errorf("a teacher's share of %g at temperature %g: accepted are shares above 0 and up to 1, and temperatures above 0", d.Weight, d.Temperature)
	}
	return nil
}

// Size, Classes, Samples, Batches and Whole are those of Samples.
func (d *Distilled) Size() int                      { return d.Of.Size() }
func (d *Distilled) Classes() int                   { return d.Of.Classes() }
func (d *Distilled) Samples(split search.Split) int { return d.Of.Samples(split) }
func (d *Distilled) Batches(split search.Split) int { return d.Of.Batches(split) }
func (d *Distilled) Whole(split search.Split, number int, images, labels []float32) (int, error) {
	return d.Of.Whole(split, number, images, labels)
}

// Fill is that of Samples, but for the labels of training images.
func (d *Distilled) Fill(b search.Batch, images, labels []float32) error {
	if err := d.Of.Fill(b, images, labels); err != nil || b.Split != search.Train {
		return err
	}
	logits, err := d.Teacher(images, d.Of.size)
	if err != nil {
		return fmt.Errorf("teacher: %w", err)
	}
	if len(logits) != len(labels) {
		return fmt.Errorf("teacher: %d logits, accepted are %d: one for each class of each image", len(logits), len(labels))
	}
	for i := 0; i < len(labels); i += d.Of.classes {
		d.mix(labels[i:i+d.Of.classes], logits[i:i+d.Of.classes])
	}
	return nil
}

// mix moves a label towards what the teacher says.
func (d *Distilled) mix(label, logits []float32) {
	most, sum := math.Inf(-1), 0.0
	for _, l := range logits {
		most = max(most, float64(l))
	}
	soft := make([]float64, len(logits))
	for c, l := range logits {
		soft[c] = math.Exp((float64(l) - most) / d.Temperature)
		sum += soft[c]
	}
	for c := range label {
		label[c] = float32((1-d.Weight)*float64(label[c]) + d.Weight*soft[c]/sum)
	}
}
