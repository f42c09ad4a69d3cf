package dataset

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
)

// Data is a labelled data set: images of one shape in up to three splits. A split that the source does not have is nil.
type Data struct {
	Name                    string   // what the user named
	Classes                 []string // a label is an index into these
	Train, Validation, Test *Split
}

// Limits on data sets: indices and labels are int32, and pixels are held in memory.
const (
	maxImages   = 1 << 26
	maxClasses  = 1 << 16
	maxSetBytes = 1 << 33
)

// Shape is channels, height, width.
type Shape [3]int

// Len is the number of values of an image.
func (s Shape) Len() int { return s[0] * s[1] * s[2] }

// Split is some images with their labels. Either pixels (0 to 255, of images) or values (float32, from .npy, taken as they
// are) holds them, CHW, one image after the other. Several splits may share them.
type Split struct {
	Shape  Shape
	pixels []uint8
	values []float32
	labels []int32
	fitted bool    // has been resized and cropped, image by image as it was read
	chosen []int32 // which of them are in the split, nil: all
}

// Len is how many images there are.
func (s *Split) Len() int {
	switch {
	case s == nil:
		return 0
	case s.chosen != nil:
		return len(s.chosen)
	}
	return len(s.labels)
}

func (s *Split) at(i int) int {
	if s.chosen != nil {
		return int(s.chosen[i])
	}
	return i
}

// Label is the class of image i.
func (s *Split) Label(i int) int { return int(s.labels[s.at(i)]) }

// Pixels gives image i, CHW, not to be written to; nil where the data set holds values.
func (s *Split) Pixels(i int) []uint8 { return one(s.pixels, s.Shape, s.at(i)) }

// Values gives image i of a data set of float32, CHW, not to be written to; nil where it holds pixels.
func (s *Split) Values(i int) []float32 { return one(s.values, s.Shape, s.at(i)) }

func one[T any](all []T, shape Shape, i int) []T {
	if all == nil {
		return nil
	}
	n := shape.Len()
	return all[i*n : (i+1)*n : (i+1)*n]
}

// Part is the images of s with these numbers, in their order.
func (s *Split) Part(numbers []int) *Split {
	part := *s
	part.chosen = make([]int32, len(numbers))
	for i, n := range numbers {
		part.chosen[i] = int32(s.at(n))
	}
	return &part
}

// First is the first n images of s, or all where it has fewer.
func (s *Split) First(n int) *Split {
	numbers := make([]int, min(n, s.Len()))
	for i := range numbers {
		numbers[i] = i
	}
	return s.Part(numbers)
}

// Divide draws n images at random, by the seed, and gives them and the rest.
func (s *Split) Divide(n int, seed uint64) (drawn, rest *Split) {
	order := permutation(s.Len(), newDice(seed, divideStream))
	numbers := make([]int, len(order))
	for i, k := range order {
		numbers[i] = int(k)
	}
	n = min(max(n, 0), len(numbers))
	return s.Part(numbers[:n]), s.Part(numbers[n:])
}

// splits lists those that there are, by name.
func (d *Data) splits() []namedSplit {
	var out []namedSplit
	for _, s := range []namedSplit{{"training", d.Train}, {"validation", d.Validation}, {"test", d.Test}} {
		if s.Split != nil {
			out = append(out, s)
		}
	}
	return out
}

type namedSplit struct {
	name string
	*Split
}

// check holds the splits against each other and against the number of classes, zero for any.
func (d *Data) check(classes int) error {
	if err := d.checkEach(classes); err != nil {
		return err
	}
	return d.everyClass()
}

// checkPart is check for a part of a data set.
func (d *Data) checkPart(classes int) error {
	if n := len(d.Classes); n < classes && slices.Equal(d.Classes, numbered(n)) {
		d.Classes = numbered(classes)
	}
	return d.checkEach(classes)
}

func (d *Data) checkEach(classes int) error {
	if d.Train.Len() == 0 {
		return fmt.Errorf("%s: no training images", d.Name)
	}
	for _, s := range d.splits() {
		if err := s.checkLabels(len(d.Classes)); err != nil {
			return fmt.Errorf("%s: %s: %w", d.Name, s.name, err)
		}
	}
	if classes != 0 && classes != len(d.Classes) {
		return fmt.Errorf("%s has %d classes, the network has %d outputs: accepted is one output for each class", d.Name, len(d.Classes), classes)
	}
	return nil
}

// checkLabels wants every label to be a class.
func (s *Split) checkLabels(classes int) error {
	for i, l := range s.labels {
		if l < 0 || int(l) >= classes {
			return fmt.Errorf("image %d has label %d, accepted are 0 to %d", i, l, classes-1)
		}
	}
	return nil
}

// everyClass wants a training image of each class: a network never learns one that has none.
func (d *Data) everyClass() error {
	seen := make([]int, len(d.Classes))
	for i := range d.Train.Len() {
		seen[d.Train.Label(i)]++
	}
	for c, n := range seen {
		if n == 0 {
			return fmt.Errorf("%s: class %d (%s) of %d has no training image: accepted are labels from 0 on, each with an image", d.Name, c, d.Classes[c], len(seen))
		}
	}
	return nil
}

// numbered names classes that have no names.
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// checkCount holds n images of a shape against the limits, before memory is taken for them.
func checkCount(n int64, shape Shape, bytesEach int64) error {
	for _, side := range shape {
		if side < 1 || side > maxSide {
			return fmt.Errorf("images of %v, accepted are 1 to %d a side", shape, maxSide)
		}
	}
	if n < 0 || n > maxImages || int64(shape[0])*int64(shape[1]) > math.MaxInt32 || n*bytesEach > maxSetBytes/int64(shape.Len()) {
		return fmt.Errorf("%d images of %v: more than %d images or %d bytes, which have to be in memory", n, shape, maxImages, int64(maxSetBytes))
	}
	return nil
}

// Image is image i of pixels as a picture, grey or in colour; of another number of channels, or of values, there is none.
func (s *Split) Image(i int) image.Image {
	pixels := s.Pixels(i)
	plane, bounds := s.Shape[1]*s.Shape[2], image.Rect(0, 0, s.Shape[2], s.Shape[1])
	switch {
	case pixels == nil:
		return nil
	case s.Shape[0] == 1:
		return &image.Gray{Pix: pixels, Stride: s.Shape[2], Rect: bounds}
	case s.Shape[0] == 3:
		img := image.NewRGBA(bounds)
		for k := range plane {
			copy(img.Pix[4*k:], []uint8{pixels[k], pixels[plane+k], pixels[2*plane+k], 255})
		}
		return img
	}
	return nil
}
