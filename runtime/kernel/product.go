package kernel

import (
	"runtime"

	"sotto/runtime/ring"
)

// A convolution is, in each group, the product of the weights (outC x depth) with the matrix of patches (depth x
// pixels). The product is blocked as in Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
// (ACM TOMS 2008): blocks of patches are formed as they are needed, in panels as wide as the micro-kernel, so that
//
//	a panel of patches, depthBlock x cols        stays in the first-level cache while all output channels pass it
//	a block of patches, depthBlock x pixelBlock  stays in the second-level cache
//
// The weights are read where they are: their rows are contiguous already.
const (
	depthBlock = 256
	pixelBlock = 256
)

// micro is the inner kernel of the product, the one part that differs between machines: a tile of rows x cols outputs.
type micro[T Number] struct {
	rows, cols int
	// tile sets acc[i*cols+j] to the sum over k < depth of a[i*lda+k] * b[k*cols+j], for i < n <= rows and j < cols.
	// The rest of acc, of rows*cols elements, is free.
	tile func(acc, a []T, lda, n int, b []T, depth int)
}

// product computes a convolution with kernel m.
func product[T Number](c Conv, m micro[T], dst, x, w []T) {
	pixels := c.OutH() * c.OutW()
	width := blockWidth(pixels, c.Groups, m.cols)
	blocks := (pixels-1)/width + 1
	ring.Parallel(c.Groups*blocks, units(c.MACs()/(c.Groups*blocks)), func(lo, hi int) {
		s := newScratch(m, min(c.Depth(), depthBlock), width)
		defer s.wipe()
		for unit := lo; unit < hi; unit++ {
			group, p := unit/blocks, unit%blocks*width
			s.block(newBlock(c, group, dst, x, w), p, min(p+width, pixels))
		}
	})
}

// blockWidth returns the pixels of a unit of work: whole tiles, at most pixelBlock, and fewer where that would leave a
// core without work.
func blockWidth(pixels, groups, cols int) int {
	const perWorker = 4
	even := (pixels*groups-1)/(perWorker*runtime.GOMAXPROCS(0)) + 1
	return roundUp(min(even, pixelBlock, pixels), cols)
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// block is one group's part of the product.
type block[T Number] struct {
	from          patches[T]
	dst, w        []T // the group's outputs and weights
	depth, pixels int
}

func newBlock[T Number](c Conv, group int, dst, x, w []T) block[T] {
	out, weights := len(dst)/c.Groups, len(w)/c.Groups
	return block[T]{newPatches(c, x, group), dst[group*out : (group+1)*out], w[group*weights : (group+1)*weights],
		c.Depth(), c.OutH() * c.OutW()}
}

// scratch is the memory of one worker. It holds patches, so it is wiped after use.
type scratch[T Number] struct {
	m      micro[T]
	row    []T // a row of patches
	panels []T // panel q, row k, column j at (q*depth + k)*cols + j
	acc    []T // a tile
}

func newScratch[T Number](m micro[T], depth, width int) *scratch[T] {
	return &scratch[T]{m, make([]T, width), make([]T, depth*width), make([]T, m.rows*m.cols)}
}

func (s *scratch[T]) wipe() {
	ring.Wipe(s.row)
	ring.Wipe(s.panels)
	ring.Wipe(s.acc)
}

// block computes the output pixels [lo, hi) of b, all its channels.
func (s *scratch[T]) block(b block[T], lo, hi int) {
	for k := 0; k < b.depth; k += depthBlock {
		depth := min(depthBlock, b.depth-k)
		s.gather(b.from, k, depth, lo, hi)
		store := s.add
		if k == 0 {
			store = s.set
		}
		for q := 0; lo+q*s.m.cols < hi; q++ {
			p := lo + q*s.m.cols
			panel := s.panels[q*depth*s.m.cols:][:depth*s.m.cols]
			s.panel(b, k, depth, panel, p, min(p+s.m.cols, hi), store)
		}
	}
}

// gather forms the panels of rows k .. k+depth-1, columns lo .. hi-1; the last panel is filled up with zeros.
func (s *scratch[T]) gather(from patches[T], k, depth, lo, hi int) {
	cols := s.m.cols
	row := s.row[:roundUp(hi-lo, cols)]
	clear(row[hi-lo:])
	for i := range depth {
		from.row(row[:hi-lo], k+i, lo)
		interleave(s.panels[i*cols:], row, cols, depth*cols)
	}
}

// interleave copies row, cols elements at a time, to places step apart.
func interleave[T Number](dst, row []T, cols, step int) {
	for at := 0; len(row) > 0; at += step {
		copy(dst[at:at+cols], row)
		row = row[cols:]
	}
}

// panel multiplies all output channels' weights k .. k+depth-1 by one panel, whose columns are pixels lo .. hi-1.
func (s *scratch[T]) panel(b block[T], k, depth int, panel []T, lo, hi int, store func(dst, acc []T)) {
	channels := len(b.w) / b.depth
	for o := 0; o < channels; o += s.m.rows {
		n := min(s.m.rows, channels-o)
		s.m.tile(s.acc, b.w[o*b.depth+k:], b.depth, n, panel, depth)
		for i := range n {
			store(b.dst[(o+i)*b.pixels+lo:(o+i)*b.pixels+hi], s.acc[i*s.m.cols:])
		}
	}
}

// set and add store a row of a tile: the first block of the depth sets an output, the others add to it.
func (s *scratch[T]) set(dst, acc []T) { copy(dst, acc) }

func (s *scratch[T]) add(dst, acc []T) {
	acc = acc[:len(dst)]
	for j := range dst {
		dst[j] += acc[j]
	}
}
