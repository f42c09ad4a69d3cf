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
	spare   spare[rowWork[T]]
}

func newRows[T Number](c Conv, m micro[T], w, bias []T) *rows[T] {
	r := &rows[T]{c: c, m: m, in: newPhases(c), w: make([]T, len(w)), bias: make([]T, c.OutC), zeros: make([]T, c.OutW())}
	r.offsets = r.in.offsets()
	copy(r.w, w)
	copy(r.bias, bias)
	r.spare.put(new(rowWork[T]))
	return r
}

func (r *rows[T]) wipe() {
	ring.Wipe(r.w)
	ring.Wipe(r.bias)
}

// scratch is the elements of a group's padded input, and of what is read beyond it, for each worker.
func (r *rows[T]) scratch(workers int) int { return r.group() * min(workers, r.c.Groups) }

func (r *rows[T]) group() int { return r.in.len()/r.c.Groups + r.m.reach }

func (r *rows[T]) apply(dst, x, add, scratch []T) {
	w := r.spare.take()
	w.r, w.dst, w.x, w.add, w.scratch = r, dst, x, add, scratch
	w.next.Store(0)
	ring.Run(min(len(scratch)/r.group(), r.c.Groups, max(1, r.c.MACs()/serial)), 1, w)
	w.dst, w.x, w.add, w.scratch = nil, nil, nil, nil
	r.spare.put(w)
}

// rowWork is what the workers of one application share. They take a group at a time, so that its padded input is still in the cache
// when it is read.
type rowWork[T Number] struct {
	r           *rows[T]
	dst, x, add []T
	scratch     []T // of all workers
	next        atomic.Int64
}

// Do is workers lo to hi-1.
func (w *rowWork[T]) Do(lo, hi int) {
	size, groups := w.r.group(), w.r.c.Groups
	for worker := lo; worker < hi; worker++ {
		own := w.scratch[worker*size:][:size]
		clear(own) // the zeros around, once for all its groups
		for g := int(w.next.Add(1)) - 1; g < groups; g = int(w.next.Add(1)) - 1 {
			w.r.compute(w.dst, w.x, w.add, own, g)
		}
	}
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
