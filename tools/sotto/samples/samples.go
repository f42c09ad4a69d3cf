// Package samples hands a data set to an engine as batches of normalised images with one-hot labels.
package samples

import (
	"errors"
	"fmt"

	"sotto/passes/search"
	"sotto/runtime/dataset"
)

// Options say how batches are made.
type Options struct {
	Size    int    // images of a batch
	Seed    uint64 // of all shuffling, augmentation and division
	Augment dataset.Augment
	// Valid is the share of the training images that is held out for validation, drawn by the seed, instead of the data set's own split;
	// zero takes that.
	Valid float64
	// Train, Test bound the images that are used of a split; zero takes all.
	Train, Test int
}

// Samples are the batches of a data set.
type Samples struct {
	size, classes int
	splits        [3]*dataset.Split   // by search.Split; nil: there is none
	shuffled      [3]*dataset.Batches // for training steps
	inOrder       [3]*dataset.Batches // for evaluation
	labels        []int32
}

// New makes batches of a data set for a network whose input p describes.
func New(d *dataset.Data, p dataset.Preprocess, o Options) (*Samples, error) {
	if o.Valid < 0 || o.Valid >= 1 {
		return nil, fmt.Errorf("a share of %g for validation: accepted are 0 to below 1", o.Valid)
	}
	s := &Samples{size: o.Size, classes: len(d.Classes), labels: make([]int32, max(o.Size, 0))}
	s.splits = divide(d, o)
	for split, images := range s.splits {
		if images.Len() == 0 {
			continue
		}
		var err error
		if s.inOrder[split], err = dataset.InOrder(images, p, o.Size); err != nil {
			return nil, fmt.Errorf("%s: %w", search.Split(split), err)
		}
		if split == int(search.Test) || images.Len() < o.Size && split != int(search.Train) {
			continue // nothing is trained on it
		}
		augment := o.Augment
		if split == int(search.Valid) {
			augment = dataset.Augment{}
		}
		if s.shuffled[split], err = dataset.Shuffled(images, p, o.Size, o.Seed+uint64(split), augment); err != nil {
			return nil, fmt.Errorf("%s: %w", search.Split(split), err)
		}
	}
	return s, nil
}

func divide(d *dataset.Data, o Options) (splits [3]*dataset.Split) {
	train, valid, test := d.Train, d.Validation, d.Test
	if o.Train > 0 {
		train = train.First(o.Train)
	}
	if o.Valid > 0 {
		valid, train = train.Divide(int(float64(train.Len())*o.Valid), o.Seed)
	}
	if o.Test > 0 && test != nil {
		test = test.First(o.Test)
	}
	splits[search.Train], splits[search.Valid], splits[search.Test] = train, valid, test
	return splits
}

// Size is the number of images of a batch.
func (s *Samples) Size() int { return s.size }

// Classes is the length of a label.
func (s *Samples) Classes() int { return s.classes }

// Samples is the number of images of a split, 0 where there is none.
func (s *Samples) Samples(split search.Split) int { return s.splits[split].Len() }

// Batches is the number of full batches of an epoch, 0 where a split is not trained on.
func (s *Samples) Batches(split search.Split) int {
	if s.shuffled[split] == nil {
		return 0
	}
	return s.shuffled[split].PerEpoch()
}

// Fill writes a batch for a training step: Size images, one after the other, and their labels, one hot. Training images are
// augmented. The same batch always has the same images.
func (s *Samples) Fill(b search.Batch, images, labels []float32) error {
	if s.shuffled[b.Split] == nil {
		return fmt.Errorf("the data set has not %d images of the %s split, which a batch takes", s.size, b.Split)
	}
	_, err := s.fill(s.shuffled[b.Split], b.Number, images, labels)
	return err
}

// Whole writes batch number of a split in order, for evaluation, and gives how many images are in it: fewer than Size in the last, 0 behind it.
// The rest is zeros with labels of zeros.
func (s *Samples) Whole(split search.Split, number int, images, labels []float32) (int, error) {
	batches := s.inOrder[split]
	if batches == nil {
		return 0, fmt.Errorf("the data set has no %s split: accepted are one that has, or a share of the training images held out for it", split)
	}
	if number >= batches.PerEpoch() {
		return 0, nil
	}
	return s.fill(batches, number, images, labels)
}

func (s *Samples) fill(b *dataset.Batches, number int, images, labels []float32) (int, error) {
	n, err := b.Fill(number, images, s.labels)
	if err == nil && len(labels) != s.size*s.classes {
		err = errors.New("room for labels of another number of classes")
	}
	if err != nil {
		return 0, err
	}
	clear(labels)
	for i, l := range s.labels[:n] {
		labels[i*s.classes+int(l)] = 1
	}
	return n, nil
}
