package kernel

import "sotto/runtime/ring"

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

// scratch is the elements of a padded input, and of what is read beyond it.
func (r *rows[T]) scratch(int) int { return r.in.len() + r.m.reach }

func (r *rows[T]) apply(dst, x, add, scratch []T) {
	c := r.c
	surround(r.in, scratch[:r.in.len()], x)
	depth, pixels, outputs := c.Depth(), c.OutH()*c.OutW(), c.OutC/c.Groups
	ring.Parallel(c.OutC, units(pixels*depth), func(lo, hi int) {
		b := band[T]{width: c.OutW(), rows: c.OutH(), add: r.zeros, xStep: c.StrideH * r.in.row(), offsets: r.offsets}
		for o := lo; o < hi; o++ {
			b.dst, b.bias, b.w = dst[o*pixels:(o+1)*pixels], r.bias[o:], r.w[o*depth:(o+1)*depth]
			b.x = scratch[o/outputs*(c.InC/c.Groups)*r.in.channel():]
			if len(add) > 0 {
				b.add, b.addStep = add[o*pixels:(o+1)*pixels], c.OutW()
			}
			r.m.rows(b)
		}
	})
}
