package kernel

import (
	"runtime"
	"sync/atomic"

	"sotto/runtime/ring"
)

// A convolution is, in each group, the product of the weights with the matrix of patches, which is never formed: an element
// of it lies at the sum of an offset for its pixel and one for its weight. The product is blocked as in Goto and van de
// Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 2008), with the output channels along vectors:
//
//	weights, depthBlock x lanes       stay in the first-level cache while a block's pixels pass
//	sums, pixelBlock x lanes          as well, while the depth passes
//	weights of a group, or patches    of a block of pixels, stay in the second-level cache: which is the smaller
//
// Sums have a pixel's channels side by side; they are transposed when they are complete, and what is to be added is.
const (
	depthBlock = 128
	// pixelBlock is about how many pixels a block has: whole tiles and whole squares.
	pixelBlock = 224
	// heldWeights is how many weights of a group stay in the second-level cache.
	heldWeights = 1 << 16
)

// product computes a convolution as a product of matrices.
type product[T Number] struct {
	c       Conv
	m       micro[T]
	in      padded
	w       []T // by group and panel: depth x lanes
	bias    []T // by group and panel: lanes
	zeros   []T // a row of them
	offsets []int
	pixels  []int // where each output pixel's patch begins, the last one again up to a whole tile
	block   int   // pixels
	spare   spare[application[T]]
}

func newProduct[T Number](c Conv, m micro[T], w, bias []T) *product[T] {
	p := &product[T]{c: c, m: m, in: newPadded(c), block: roundUp(pixelBlock, lcm(m.pixels, m.side))}
	p.zeros = make([]T, max(p.block, m.lanes))
	p.offsets, p.pixels = p.in.offsets(), p.starts()
	p.w = make([]T, c.Groups*p.panels()*c.Depth()*m.lanes)
	p.bias = make([]T, c.Groups*p.panels()*m.lanes)
	ring.Parallel(c.Groups*p.panels(), units(c.Depth()*m.lanes), func(lo, hi int) {
		for q := lo; q < hi; q++ {
			p.pack(q, w, bias)
		}
	})
	p.spare.put(new(application[T]))
	return p
}

// starts gives pixels.
func (p *product[T]) starts() []int {
	outW := p.c.OutW()
	at := make([]int, p.c.OutH()*outW, p.c.OutH()*outW+p.m.pixels)
	for i := range at {
		at[i] = i/outW*p.c.StrideH*p.in.row() + i%outW*p.c.StrideW
	}
	for range p.m.pixels - 1 {
		at = append(at, at[len(at)-1])
	}
	return at
}

// panels is the number of panels of a group.
func (p *product[T]) panels() int { return (p.outputs()-1)/p.m.lanes + 1 }

// outputs is the output channels of a group.
func (p *product[T]) outputs() int { return p.c.OutC / p.c.Groups }

// channels gives the output channels [lo, hi) of a panel.
func (p *product[T]) channels(panel int) (lo, hi int) {
	group, q := panel/p.panels(), panel%p.panels()
	lo = group*p.outputs() + q*p.m.lanes
	return lo, min(lo+p.m.lanes, (group+1)*p.outputs())
}

// pack makes a panel of weights, with zeros for channels that are not there.
func (p *product[T]) pack(panel int, w, bias []T) {
	lo, hi := p.channels(panel)
	depth := p.c.Depth()
	dst := grid[T]{p.w[panel*depth*p.m.lanes:], p.m.lanes}
	p.m.transposeAdd(dst, grid[T]{p.zeros, 0}, grid[T]{w[lo*depth:], depth}, depth, hi-lo)
	if len(bias) > 0 {
		copy(p.bias[panel*p.m.lanes:], bias[lo:hi])
	}
}

func (p *product[T]) wipe() {
	ring.Wipe(p.w)
	ring.Wipe(p.bias)
}

// scratch is the elements of a padded input, and of a block's sums for each worker.
func (p *product[T]) scratch(workers int) int { return p.input() + p.sums()*workers }

func (p *product[T]) input() int {
	if p.in.same() {
		return 0
	}
	return p.in.len()
}

func (p *product[T]) sums() int { return min(p.block, len(p.pixels)) * p.m.lanes }

func (p *product[T]) apply(dst, x, add, scratch []T) {
	a := p.spare.take()
	if !p.in.same() {
		a.inside.run(p.in, scratch[:p.input()], x)
		x = scratch[:p.input()]
	}
	a.p, a.dst, a.x, a.add, a.sums = p, dst, x, add, scratch[p.input():]
	a.shares.begin(p.c.Groups, p.panels(), (p.c.OutH()*p.c.OutW()-1)/p.block+1, len(p.w)/p.c.Groups <= heldWeights)
	ring.Run(min(len(a.sums)/p.sums(), max(1, p.c.MACs()/serial)), 1, a)
	a.dst, a.x, a.add, a.sums = nil, nil, nil, nil
	p.spare.put(a)
}

// application is what the workers of one application of a product share.
type application[T Number] struct {
	p           *product[T]
	dst, x, add []T
	sums        []T // of all workers
	inside      surrounding[T]
	shares      shares
}

// Do is workers lo to hi-1.
func (a *application[T]) Do(lo, hi int) {
	for worker := lo; worker < hi; worker++ {
		acc := a.sums[worker*a.p.sums():][:a.p.sums()]
		for lo, hi := a.shares.take(); lo < hi; lo, hi = a.shares.take() {
			for unit := lo; unit < hi; unit++ {
				panel, block := a.shares.unit(unit)
				a.p.unit(a.dst, a.x, a.add, acc, panel, block)
			}
		}
	}
}

// shares gives out units of work: a panel and a block of pixels each.
type shares struct {
	blocks, panels int // panels of a group
	held           bool
	share, n       int64
	next           atomic.Int64
}

// begin readies the units of a product.
func (s *shares) begin(groups, panels, blocks int, held bool) {
	s.blocks, s.panels, s.share, s.held = blocks, panels, 1, held
	s.n = int64(blocks * panels * groups)
	s.next.Store(0)
	inner := blocks
	if held {
		inner = panels
	}
	const perWorker = 8 // shares that a worker should have at least
	if s.n/int64(inner) >= int64(perWorker*runtime.GOMAXPROCS(0)) {
		s.share = int64(inner)
	}
}

func (s *shares) take() (lo, hi int) {
	end := s.next.Add(s.share)
	return int(end - s.share), int(min(end, s.n))
}

// unit gives the panel and the block of a unit: first all panels of a block, if their weights are held, or else all blocks
// of a panel.
func (s *shares) unit(i int) (panel, block int) {
	if !s.held {
		return i / s.blocks, i % s.blocks
	}
	of := s.blocks * s.panels
	group, i := i/of, i%of
	return group*s.panels + i%s.panels, i / s.panels
}

// unit computes a panel's channels of a block's pixels.
func (p *product[T]) unit(dst, x, add, acc []T, panel, block int) {
	m, depth, all := p.m, p.c.Depth(), p.c.OutH()*p.c.OutW()
	group := panel / p.panels()
	t := tile[T]{
		from: p.bias[panel*m.lanes:][:m.lanes],
		x:    x[group*(p.c.InC/p.c.Groups)*p.in.channel():],
	}
	first, n := block*p.block, min(p.block, all-block*p.block)
	for k := 0; k < depth; k += depthBlock {
		end := min(k+depthBlock, depth)
		t.w, t.offsets = p.w[(panel*depth+k)*m.lanes:], p.offsets[k:end]
		p.blockOf(t, acc, first, n)
		t.from, t.step = acc, m.lanes
	}
	lo, hi := p.channels(panel)
	to := grid[T]{dst[lo*all+first:], all}
	plus := grid[T]{p.zeros, 0}
	if len(add) > 0 {
		plus = grid[T]{add[lo*all+first:], all}
	}
	m.transposeAdd(to, plus, grid[T]{acc, m.lanes}, hi-lo, n)
}

// blockOf computes n pixels from one on. The last ones are computed one by one, if they are few.
func (p *product[T]) blockOf(t tile[T], acc []T, first, n int) {
	m := p.m
	whole := n / m.pixels * m.pixels
	if 2*(n-whole) > m.pixels {
		whole += m.pixels
	}
	if whole > 0 {
		t.acc, t.pixels = acc, p.pixels[first:first+whole]
		m.tiles(t)
	}
	if whole < n {
		t.acc, t.pixels = acc[whole*m.lanes:], p.pixels[first+whole:first+n]
		t.from = t.from[whole*t.step:]
		m.single(t)
	}
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

func lcm(a, b int) int {
	n := a
	for n%b != 0 {
		n += a
	}
	return n
}
