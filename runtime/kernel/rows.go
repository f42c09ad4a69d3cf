package kernel

import (
	"sync/atomic"

	"sotto/runtime/ring"
)

// rows computes a convolution with few output channels a group row by row, pixels along vectors: a product would leave most
// of a panel's lanes empty.
type rows[T Number] struct {
	c       Conv
	m       micro[T]
	in      padded
	w, bias []T
	zeros   []T // a row of them
	offsets []int
}

func newRows[T Number](c Conv, m micro[T], w, bias []T) *rows[T] {
	r := &rows[T]{c: c, m: m, in: newPhases(c), w: make([]T, len(w)), bias: make([]T, c.OutC), zeros: make([]T, c.OutW())}
	r.offsets = r.in.offsets()
	copy(r.w, w)
	copy(r.bias, bias)
	return r
}

func (r *rows[T]) wipe() {
	ring.Wipe(r.w)
	ring.Wipe(r.bias)
}

// scratch is the elements of a group's padded input, and of what is read beyond it, for each worker.
func (r *rows[T]) scratch(workers int) int { return r.group() * min(workers, r.c.Groups) }

func (r *rows[T]) group() int { return r.in.len()/r.c.Groups + r.m.reach }

// apply takes a group at a time, so that its padded input is still in the cache when it is read.
func (r *rows[T]) apply(dst, x, add, scratch []T) {
	groups := r.c.Groups
	workers := min(len(scratch)/r.group(), groups, max(1, r.c.MACs()/serial))
	var next atomic.Int64
	ring.Parallel(workers, 1, func(lo, hi int) {
		for worker := lo; worker < hi; worker++ {
			own := scratch[worker*r.group():][:r.group()]
			clear(own) // the zeros around, once for all its groups
			for g := int(next.Add(1)) - 1; g < groups; g = int(next.Add(1)) - 1 {
				r.compute(dst, x, add, own, g)
			}
		}
	})
}

// compute computes the output channels of a group, in memory with the zeros around its input.
func (r *rows[T]) compute(dst, x, add, scratch []T, group int) {
	c := r.c
	depth, pixels, outputs, inputs := c.Depth(), c.OutH()*c.OutW(), c.OutC/c.Groups, c.InC/c.Groups
	fillInside(r.in, r.m, scratch[:inputs*r.in.channel()], x[group*inputs*c.InH*c.InW:])
	b := band[T]{width: c.OutW(), rows: c.OutH(), add: r.zeros, x: scratch, xStep: c.StrideH * r.in.row(), offsets: r.offsets}
	for o := group * outputs; o < (group+1)*outputs; o++ {
		b.dst, b.bias, b.w = dst[o*pixels:(o+1)*pixels], r.bias[o:], r.w[o*depth:(o+1)*depth]
		if len(add) > 0 {
			b.add, b.addStep = add[o*pixels:(o+1)*pixels], c.OutW()
		}
		r.m.rows(b)
	}
}
