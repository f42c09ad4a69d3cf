package dataset

import "fmt"

// Augment changes training images at random, each by its own numbers: what happens to a sample is a function of the seed, the
// epoch and the sample. The zero value changes nothing.
type Augment struct {
	Pad    int  // shifts by up to so many pixels either way; what comes in is black (zero, where images are values)
	Flip   Flip // mirrors
	Cutout int  // sets a square of so many pixels a side to the mean, around any pixel, cut at the edges
}

// Flip says which images are mirrored.
type Flip int

// Flips.
const (
	NoFlip     Flip = iota
	Horizontal      // left and right, one image in two
)

// Batches gives the batches of a split by number, counted from the start of a run: a batch is a function of its number, so
// that a run that was stopped goes on at any of them. One goroutine at a time may use it.
type Batches struct {
	split    *Split
	prep     Preprocess
	size     int
	order    func(epoch int) []int32 // of an epoch
	augment  Augment
	seed     uint64
	perEpoch int
	levels   [][256]float32 // what a pixel becomes, by channel
}

// Shuffled gives batches for training: each epoch in an order of its own, by the seed; what does not fill a batch at the end is
// left out. Images have the shape that p says and are normalised by it.
func Shuffled(s *Split, p Preprocess, size int, seed uint64, augment Augment) (*Batches, error) {
	b, err := newBatches(s, p, size)
	if err != nil {
		return nil, err
	}
	if augment.Pad < 0 || augment.Cutout < 0 || augment.Pad > maxSide || augment.Cutout > maxSide {
		return nil, fmt.Errorf("augmentation by shifts of %d, squares of %d: accepted are 0 to %d pixels", augment.Pad, augment.Cutout, maxSide)
	}
	if b.perEpoch = s.Len() / size; b.perEpoch == 0 {
		return nil, fmt.Errorf("batches of %d from %d images: accepted are at most as many as there are", size, s.Len())
	}
	b.augment, b.seed = augment, seed
	b.order = remembered(func(epoch int) []int32 { return Order(s.Len(), seed, epoch) })
	return b, nil
}

// Order is that in which an epoch of Shuffled goes through n images, by the seed.
func Order(n int, seed uint64, epoch int) []int32 {
	return permutation(n, newDice(seed, shuffleStream+uint64(epoch)))
}

// InOrder gives batches for evaluation: all images of the split as they are, the last batch partly filled.
func InOrder(s *Split, p Preprocess, size int) (*Batches, error) {
	b, err := newBatches(s, p, size)
	if err != nil {
		return nil, err
	}
	all := make([]int32, s.Len())
	for i := range all {
		all[i] = int32(i)
	}
	b.order = func(int) []int32 { return all }
	b.perEpoch = (s.Len() + size - 1) / size
	return b, nil
}

// remembered keeps the result for the last argument.
func remembered(f func(int) []int32) func(int) []int32 {
	last, result := -1, []int32(nil)
	return func(n int) []int32 {
		if n != last {
			last, result = n, f(n)
		}
		return result
	}
}

func newBatches(s *Split, p Preprocess, size int) (*Batches, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if want := (Shape{p.Channels, p.Height, p.Width}); s.Len() == 0 || s.Shape != want {
		return nil, fmt.Errorf("%d images of %v, the network takes %v", s.Len(), s.Shape, want)
	}
	if size < 1 {
		return nil, fmt.Errorf("batches of %d images: accepted are at least 1", size)
	}
	return &Batches{split: s, prep: p, size: size, levels: p.levels()}, nil
}

// levels is what Load makes of each level of a pixel, by channel.
func (p Preprocess) levels() [][256]float32 {
	one := p
	one.Height, one.Width = 1, 256
	row := make([]float32, p.Channels*256)
	for i := range row {
		row[i] = float32(i%256) / 255
	}
	one.normalise(row)
	out := make([][256]float32, p.Channels)
	for c := range out {
		copy(out[c][:], row[c*256:])
	}
	return out
}

// Size is the number of images of a batch.
func (b *Batches) Size() int { return b.size }

// PerEpoch is the number of batches in which each image comes once.
func (b *Batches) PerEpoch() int { return b.perEpoch }

// Fill writes batch number n: Size images one after the other into x, normalised, and their labels. It gives how many there are; a
// last batch that is not full ends in zeros, with labels 0. Both cores work on it.
func (b *Batches) Fill(n int, x []float32, labels []int32) (int, error) {
	image := b.split.Shape.Len()
	if n < 0 || len(x) != b.size*image || len(labels) != b.size {
		return 0, fmt.Errorf("batch %d of %d images of %d values: room for %d values and %d labels", n, b.size, image, len(x), len(labels))
	}
	epoch, first := n/b.perEpoch, n%b.perEpoch*b.size
	order := b.order(epoch)
	order = order[first:min(first+b.size, len(order))]
	each(b.size, func(i int) {
		dst := x[i*image : (i+1)*image]
		if i >= len(order) {
			clear(dst)
			labels[i] = 0
			return
		}
		labels[i] = int32(b.split.Label(int(order[i])))
		b.image(dst, int(order[i]), epoch)
	})
	return len(order), nil
}

// image writes one image as the network takes it.
func (b *Batches) image(dst []float32, sample, epoch int) {
	if b.augment == (Augment{}) {
		b.plain(dst, sample)
		return
	}
	d := newDice(b.seed, augmentStream+uint64(epoch)*maxImages+uint64(sample))
	view := b.augment.view(d)
	cut := b.augment.cut(b.split.Shape, d)
	for c, at := 0, 0; c < b.split.Shape[0]; c++ {
		for y := range b.split.Shape[1] {
			for x := range b.split.Shape[2] {
				if !cut.holds(x, y) {
					dst[at] = b.value(sample, c, view, x, y)
				} else {
					dst[at] = 0
				}
				at++
			}
		}
	}
}

func (b *Batches) plain(dst []float32, sample int) {
	pixels := b.split.Pixels(sample)
	if pixels == nil {
		copy(dst, b.split.Values(sample))
		return
	}
	plane := b.split.Shape[1] * b.split.Shape[2]
	for c, level := range b.levels {
		for i, v := range pixels[c*plane : (c+1)*plane] {
			dst[c*plane+i] = level[v]
		}
	}
}

// view is what part of the padded image is seen, and how.
type view struct {
	dx, dy   int
	mirrored Flip
}

func (a Augment) view(d *dice) view {
	v := view{d.between(-a.Pad, a.Pad), d.between(-a.Pad, a.Pad), NoFlip}
	if a.Flip == Horizontal && d.below(2) == 1 {
		v.mirrored = Horizontal
	}
	return v
}

// value is one of a view.
func (b *Batches) value(sample, c int, v view, x, y int) float32 {
	s := b.split.Shape
	if v.mirrored == Horizontal {
		x = s[2] - 1 - x
	}
	x, y = x+v.dx, y+v.dy
	inside := x >= 0 && y >= 0 && x < s[2] && y < s[1]
	at := (c*s[1]+y)*s[2] + x
	switch pixels := b.split.Pixels(sample); {
	case pixels != nil && inside:
		return b.levels[c][pixels[at]]
	case pixels != nil:
		return b.levels[c][0]
	case inside:
		return b.split.Values(sample)[at]
	}
	return 0
}

// square is the rectangle from (left, top) to before (right, bottom).
type square struct{ left, top, right, bottom int }

func (r square) holds(x, y int) bool {
	return x >= r.left && x < r.right && y >= r.top && y < r.bottom
}

func (a Augment) cut(s Shape, d *dice) square {
	if a.Cutout == 0 {
		return square{}
	}
	left, top := d.below(s[2])-a.Cutout/2, d.below(s[1])-a.Cutout/2
	return square{left, top, left + a.Cutout, top + a.Cutout}
}
