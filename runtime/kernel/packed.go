package kernel

import (
	"cmp"
	"runtime"

	"sotto/runtime/ring"
)

// Packed is a linear map, a convolution or a matrix, with its weights in the order in which this machine's kernels read
// them. It may be applied by several goroutines at a time.
type Packed[T Number] struct {
	c   Conv
	how method[T]
}

// method is a way to compute a linear map.
type method[T Number] interface {
	// scratch is the elements of scratch that so many workers take.
	scratch(workers int) int
	// apply sets dst to the map of x, plus the bias, plus add unless it is empty.
	apply(dst, x, add, scratch []T)
	wipe()
}

// PackConv packs the weights w of a convolution, WeightLen elements, and a bias of OutC elements, or none, which then is
// nil. It keeps neither.
func PackConv[T Number](c Conv, w, bias []T) (*Packed[T], error) {
	return pack(fastest[T](), c, w, bias)
}

// PackLinear packs a matrix of out x in elements, row by row, and a bias of out elements, or nil.
func PackLinear[T Number](out, in int, w, bias []T) (*Packed[T], error) {
	err := checkDims("linear", dim{"outputs", out, 1, maxDim}, dim{"inputs", in, 1, maxDim})
	if err != nil {
		return nil, err
	}
	if err := sized("linear", "w", len(w), out*in); err != nil {
		return nil, err
	}
	return PackConv(matrix(out, in), w, bias)
}

// matrix is the convolution of one pixel that is a matrix product.
func matrix(out, in int) Conv {
	return Conv{InC: in, InH: 1, InW: 1, OutC: out, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
}

func pack[T Number](m micro[T], c Conv, w, bias []T) (*Packed[T], error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := sized("conv", "w", len(w), c.WeightLen()); err != nil {
		return nil, err
	}
	if bias != nil {
		if err := sized("conv", "bias", len(bias), c.OutC); err != nil {
			return nil, err
		}
	}
	if sparse(c, m) {
		return &Packed[T]{c, newRows(c, m, w, bias)}, nil
	}
	return &Packed[T]{c, newProduct(c, m, w, bias)}, nil
}

// sparse says that a group's output channels leave so many lanes of a panel empty that rows are faster, although they load
// a vector for every product.
func sparse[T Number](c Conv, m micro[T]) bool { return m.sparse(c.OutC/c.Groups, c.OutW()) }

// sparse says so of a number of output channels of a group and the pixels of a row.
func (m micro[T]) sparse(outputs, row int) bool {
	const loading = 2 // times as long as a product from registers
	return loading*outputs*roundUp(row, m.side) < roundUp(outputs, m.lanes)*row
}

// Scratch is the elements of memory that Apply takes beside its arguments to use all cores.
func (p *Packed[T]) Scratch() int { return p.how.scratch(runtime.GOMAXPROCS(0)) }

// Apply sets dst to the map of x plus the bias, and plus add, which has as many elements as dst or is nil. scratch has Scratch
// elements, or fewer for fewer cores; what is left in it depends on x. dst may not overlap the others.
func (p *Packed[T]) Apply(dst, x, add, scratch []T) error {
	err := cmp.Or(sized("conv", "dst", len(dst), p.c.OutLen()), sized("conv", "x", len(x), p.c.InLen()))
	if err != nil {
		return err
	}
	if add != nil {
		err = sized("conv", "add", len(add), p.c.OutLen())
	}
	if least := p.how.scratch(1); len(scratch) < least {
		err = sized("conv", "scratch", len(scratch), least)
	}
	if err != nil {
		return err
	}
	p.how.apply(dst, x, add, scratch)
	return nil
}

// Wipe overwrites the weights.
func (p *Packed[T]) Wipe() { p.how.wipe() }

// once applies a map and forgets it.
func (p *Packed[T]) once(dst, x []T) error {
	defer p.Wipe()
	scratch := make([]T, p.Scratch())
	defer ring.Wipe(scratch)
	return p.Apply(dst, x, nil, scratch)
}

// Conv2D sets dst to the convolution of x with w: dst has OutLen elements, x InLen, w WeightLen. Weights that are used again
// are better packed once.
func Conv2D[T Number](c Conv, dst, x, w []T) error {
	if err := c.Check(); err != nil {
		return err
	}
	err := cmp.Or(sized("conv", "dst", len(dst), c.OutLen()), sized("conv", "x", len(x), c.InLen()))
	if err != nil {
		return err
	}
	p, err := PackConv(c, w, nil)
	if err != nil {
		return err
	}
	return p.once(dst, x)
}

// Linear sets dst = w * x, a matrix of out x in elements, row by row, times a vector: dst has out elements, x in.
func Linear[T Number](dst, w, x []T, out, in int) error {
	err := cmp.Or(
		checkDims("linear", dim{"outputs", out, 1, maxDim}, dim{"inputs", in, 1, maxDim}),
		sized("linear", "dst", len(dst), out), sized("linear", "x", len(x), in), sized("linear", "w", len(w), out*in))
	if err != nil {
		return err
	}
	return Conv2D(matrix(out, in), dst, x, w)
}
