package kernel

import (
	"cmp"
	"fmt"

	"sotto/runtime/ring"
)

// Concat joins tensors along an axis. Each part is outer slabs of equal length, outer the product of the dimensions
// before the axis (1 joins channels); dst is, slab by slab, those of all parts.
func Concat[T any](dst []T, outer int, parts ...[]T) error {
	if err := checkDims("concat", dim{"outer size", outer, 1, maxDim}); err != nil {
		return err
	}
	total := 0
	for i, part := range parts {
		if len(part)%outer != 0 {
			return fmt.Errorf("kernel: concat: part %d has %d elements: want a multiple of %d", i, len(part), outer)
		}
		total += len(part)
	}
	if err := sized("concat", "dst", len(dst), total); err != nil {
		return err
	}
	for o := range outer {
		for _, part := range parts {
			n := len(part) / outer
			dst = dst[copy(dst, part[o*n:(o+1)*n]):]
		}
	}
	return nil
}

// Pad is the geometry of zero padding: C channels of H x W elements, and the rows and columns of zeros to add.
type Pad struct {
	C, H, W                  int
	Top, Bottom, Left, Right int
}

// Check reports geometry that makes no padding.
func (p Pad) Check() error {
	return cmp.Or(checkDims("pad", dim{"channels", p.C, 1, maxDim}, dim{"height", p.H, 1, maxDim},
		dim{"width", p.W, 1, maxDim}, dim{"top", p.Top, 0, maxDim}, dim{"bottom", p.Bottom, 0, maxDim},
		dim{"left", p.Left, 0, maxDim}, dim{"right", p.Right, 0, maxDim}),
		checkProduct("pad", "output elements", p.C, p.OutH(), p.OutW()))
}

// OutH returns the output rows, Top + H + Bottom.
func (p Pad) OutH() int { return p.Top + p.H + p.Bottom }

// OutW returns the output columns, Left + W + Right.
func (p Pad) OutW() int { return p.Left + p.W + p.Right }

// Pad2D sets dst, of C*OutH*OutW elements, to x, of C*H*W, with zeros around it.
func Pad2D[T Number](p Pad, dst, x []T) error { return new(Mover[T]).Pad2D(p, dst, x) }

// Pad2D is the function of that name.
func (m *Mover[T]) Pad2D(p Pad, dst, x []T) error {
	if err := p.Check(); err != nil {
		return err
	}
	return m.resample("pad", p.C, axis{p.H, p.OutH(), -p.Top, 1}, axis{p.W, p.OutW(), -p.Left, 1}, dst, x)
}

// Slice is the geometry of a strided slice that keeps its size: C channels of H x W elements, of which every
// StrideH-th row from StartH and every StrideW-th column from StartW is taken, zeros beyond the edge.
type Slice struct {
	C, H, W          int
	StartH, StartW   int
	StrideH, StrideW int
}

// Check reports geometry that makes no slice.
func (s Slice) Check() error {
	return cmp.Or(checkDims("slice", dim{"channels", s.C, 1, maxDim}, dim{"height", s.H, 1, maxDim},
		dim{"width", s.W, 1, maxDim}, dim{"vertical start", s.StartH, 0, maxDim},
		dim{"horizontal start", s.StartW, 0, maxDim}, dim{"vertical stride", s.StrideH, 1, maxDim},
		dim{"horizontal stride", s.StrideW, 1, maxDim}),
		checkProduct("slice", "input elements", s.C, s.H, s.W))
}

// OutH returns the output rows, ceil(H / StrideH), whatever the start.
func (s Slice) OutH() int { return (s.H-1)/s.StrideH + 1 }

// OutW returns the output columns, ceil(W / StrideW), whatever the start.
func (s Slice) OutW() int { return (s.W-1)/s.StrideW + 1 }

// Slice2D sets dst[c,i,j], C*OutH*OutW elements, to x[c, StartH + i*StrideH, StartW + j*StrideW], or to zero where x,
// of C*H*W elements, has none.
func Slice2D[T Number](s Slice, dst, x []T) error { return new(Mover[T]).Slice2D(s, dst, x) }

// Slice2D is the function of that name.
func (m *Mover[T]) Slice2D(s Slice, dst, x []T) error {
	if err := s.Check(); err != nil {
		return err
	}
	return m.resample("slice", s.C, axis{s.H, s.OutH(), s.StartH, s.StrideH}, axis{s.W, s.OutW(), s.StartW, s.StrideW},
		dst, x)
}

// axis says that output position i of n shows input position at + i*stride of size.
type axis struct{ size, n, at, stride int }

// resample sets dst[c,i,j] = x[c, h.at + i*h.stride, w.at + j*w.stride], zero beyond x's edges.
func (m *Mover[T]) resample(op string, c int, h, w axis, dst, x []T) error {
	if err := cmp.Or(sized(op, "dst", len(dst), c*h.n*w.n), sized(op, "x", len(x), c*h.size*w.size)); err != nil {
		return err
	}
	m.resampling = resampling[T]{h, w, dst, x}
	ring.Run(c*h.n, units(w.n), &m.resampling)
	return nil
}

// resampling is one under way.
type resampling[T Number] struct {
	h, w   axis
	dst, x []T
}

// Do sets rows lo to hi-1 of all channels.
func (s *resampling[T]) Do(lo, hi int) {
	h, w := s.h, s.w
	for r := lo; r < hi; r++ {
		out := s.dst[r*w.n : (r+1)*w.n]
		iy := h.at + r%h.n*h.stride
		if iy < 0 || iy >= h.size {
			clear(out)
			continue
		}
		strided(out, s.x[(r/h.n*h.size+iy)*w.size:][:w.size], w.at, w.stride)
	}
}

// Gather sets dst[i] = src[index[i]]. The index is public.
func Gather[T Number](dst, src []T, index []int32) error {
	return new(Mover[T]).Gather(dst, src, index)
}

// Gather is the function of that name.
func (m *Mover[T]) Gather(dst, src []T, index []int32) error {
	if err := sized("gather", "dst", len(dst), len(index)); err != nil {
		return err
	}
	for i, from := range index {
		if uint(from) >= uint(len(src)) {
			return fmt.Errorf("kernel: gather: index %d is %d: want 0 to %d", i, from, len(src)-1)
		}
	}
	m.gathering = gathering[T]{dst, src, index}
	ring.Run(len(dst), serial, &m.gathering)
	return nil
}

// gathering is one under way.
type gathering[T Number] struct {
	dst, src []T
	index    []int32
}

// Do moves elements lo to hi-1.
func (g *gathering[T]) Do(lo, hi int) {
	for i, from := range g.index[lo:hi] {
		g.dst[lo+i] = g.src[from]
	}
}

// strided sets dst[j] = row[at + j*stride], zero beyond the ends of row.
func strided[T Number](dst, row []T, at, stride int) {
	lo, hi := inside(len(dst), len(row), at, stride)
	clear(dst[:lo])
	clear(dst[hi:])
	dst = dst[lo:hi]
	if len(dst) == 0 {
		return
	}
	row = row[at+lo*stride:]
	if stride == 1 {
		copy(dst, row)
		return
	}
	if stride == 2 {
		dst, row = halved(dst, row)
	}
	for j := range dst {
		dst[j] = row[j*stride]
	}
}

// halved sets dst to every second element of row, eight at a time without a check of bounds for each, and gives what is left.
func halved[T Number](dst, row []T) (restDst, restRow []T) {
	for len(dst) >= 8 && len(row) >= 16 {
		r := (*[16]T)(row)
		*(*[8]T)(dst) = [8]T{r[0], r[2], r[4], r[6], r[8], r[10], r[12], r[14]}
		dst, row = dst[8:], row[16:]
	}
	return dst, row
}

// inside returns the range [lo, hi) of 0 <= j < n for which 0 <= at + j*stride < size; an empty range is at a valid
// place.
func inside(n, size, at, stride int) (lo, hi int) {
	if at < 0 {
		lo = min(n, (-at+stride-1)/stride)
	}
	if at < size {
		hi = min(n, (size-at-1)/stride+1)
	}
	return lo, max(lo, hi)
}
