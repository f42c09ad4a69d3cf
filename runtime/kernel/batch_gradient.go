package kernel

import (
	"cmp"
	"runtime"

	"sotto/runtime/ring"
)

// BatchGradient is the gradient of a convolution of a batch by its weights:
//
//	dw[o,i,u,v] = sum over samples and pixels of dy[o,y,x] * x[i, y*stride + u*dilation - pad, ...]
//
// It is the product of a convolution with the parts of pixels and weights exchanged: what is summed over is the pixels, the rows are a
// filter's places, and lanes are the output channels still, so dy, turned around, takes the place of the weights, and patches are
// not formed here either. Samples are cut into a fixed number of parts, each summed by one worker; the parts are added in order. So
// results are the same bits whatever the number of cores.
type BatchGradient[T Number] struct {
	c       Conv
	n       int // samples
	m       micro[T]
	in      padded
	rows    []int // where the places of a filter lie in a padded group, the last one again up to a whole tile
	pixels  []int // where patches begin in some samples of a group
	samples int   // so many
	split   int   // parts of the samples
	share   int   // panels of a unit of work
	planes  bool  // by planes: batch_rows.go
}

const (
	// gradientDepth is about how many pixels are summed between two times that their padded samples are made.
	gradientDepth = 512
	// gradientUnits is how many units of work a gradient is cut into, if it can be.
	gradientUnits = 8
	// gradientPanels is how many panels share the padded samples of a unit.
	gradientPanels = 4
)

// NewBatchGradient is the gradient by the weights of the convolution of n samples.
func NewBatchGradient[T Number](c Conv, n int) (*BatchGradient[T], error) {
	return newBatchGradient(fastest[T](), c, n)
}

func newBatchGradient[T Number](m micro[T], c Conv, n int) (*BatchGradient[T], error) {
	if err := batchFits(c, n); err != nil {
		return nil, err
	}
	g := &BatchGradient[T]{c: c, n: n, m: m, in: newPadded(c), planes: byPlanes(c, m)}
	g.rows = g.in.offsets()
	for range g.m.pixels - 1 {
		g.rows = append(g.rows, g.rows[len(g.rows)-1])
	}
	count := c.OutH() * c.OutW()
	g.share = min(g.panels(), gradientPanels)
	ranges := c.Groups * ((g.panels()-1)/g.share + 1)
	g.split = min((gradientUnits-1)/ranges+1, n)
	g.samples = min((gradientDepth-1)/count+1, (n-1)/g.split+1)
	for s := range g.samples {
		for i := range count {
			g.pixels = append(g.pixels, s*g.group()+i/c.OutW()*c.StrideH*g.in.row()+i%c.OutW()*c.StrideW)
		}
	}
	return g, nil
}

// group is the elements of a padded sample's channels of a group.
func (g *BatchGradient[T]) group() int { return g.c.InC / g.c.Groups * g.in.channel() }

// panels is the panels of a group.
func (g *BatchGradient[T]) panels() int { return (g.c.OutC/g.c.Groups-1)/g.m.lanes + 1 }

// sums is the elements of a panel's sums, whole tiles of them.
func (g *BatchGradient[T]) sums() int { return len(g.rows) * g.m.lanes }

// worker is the elements of memory of a worker: padded samples of a group, and pixels of a panel, turned around.
func (g *BatchGradient[T]) worker() int { return g.samples*g.group() + depthBlock*g.m.lanes }

// Scratch is the elements of memory that Apply takes beside its arguments to use all cores.
func (g *BatchGradient[T]) Scratch() int { return g.scratch(runtime.GOMAXPROCS(0)) }

func (g *BatchGradient[T]) scratch(workers int) int {
	if g.planes {
		return workers * g.planesWorker()
	}
	return depthBlock + g.split*g.c.Groups*g.panels()*g.sums() + workers*g.worker()
}

// Apply sets dw to the gradient for inputs x and the gradient dy of the results, plus add unless that is nil; add may be dw itself. scratch has
// Scratch elements, or fewer for fewer cores; what is left in it depends on x and dy.
func (g *BatchGradient[T]) Apply(dw, x, dy, add, scratch []T) error {
	err := cmp.Or(sized("gradient", "dw", len(dw), g.c.WeightLen()), sized("gradient", "x", len(x), g.n*g.c.InLen()),
		sized("gradient", "dy", len(dy), g.n*g.c.OutLen()))
	if add != nil {
		err = cmp.Or(err, sized("gradient", "add", len(add), len(dw)))
	}
	if least := g.scratch(1); len(scratch) < least {
		err = cmp.Or(err, sized("gradient", "scratch", len(scratch), least))
	}
	if err != nil {
		return err
	}
	if g.planes {
		g.byPlanes(dw, x, dy, add, scratch)
		return nil
	}
	a := &gradientWork[T]{g: g, x: x, dy: dy}
	a.zeros, scratch = cut(scratch, depthBlock)
	clear(a.zeros)
	panels := g.c.Groups * g.panels()
	a.acc, scratch = cut(scratch, g.split*panels*g.sums())
	work(g.split*g.c.Groups*g.ranges(), g.worker(), scratch, a.unit)
	ring.Parallel(panels, units(g.split*g.sums()), func(lo, hi int) {
		for q := lo; q < hi; q++ {
			a.sum(dw, add, q)
		}
	})
	return nil
}

// ranges is the units that share a group's panels.
func (g *BatchGradient[T]) ranges() int { return (g.panels()-1)/g.share + 1 }

// gradientWork is a gradient that is being computed.
type gradientWork[T Number] struct {
	g     *BatchGradient[T]
	x, dy []T
	zeros []T
	acc   []T // for each part of the samples, sums of all panels
}

// unit sums some panels of a group over a part of the samples.
func (a *gradientWork[T]) unit(own []T, unit int) {
	g := a.g
	part, unit := unit/(g.c.Groups*g.ranges()), unit%(g.c.Groups*g.ranges())
	group, lo := unit/g.ranges(), unit%g.ranges()*g.share
	hi := min(lo+g.share, g.panels())
	sums := a.acc[((part*g.c.Groups+group)*g.panels()+lo)*g.sums():][:(hi-lo)*g.sums()]
	clear(sums)
	x, turned := cut(own, g.samples*g.group())
	end := (part + 1) * g.n / g.split
	for first := part * g.n / g.split; first < end; first += g.samples {
		n := min(g.samples, end-first)
		for s := range n {
			a.fill(x[s*g.group():][:g.group()], group, first+s)
		}
		a.samples(sums, x, turned, group, lo, first, n)
	}
}

// fill puts a group's channels of a sample into memory with zeros around them.
func (a *gradientWork[T]) fill(dst []T, group, sample int) {
	c := a.g.c
	of := image{c.InC / c.Groups, c.InH, c.InW}
	x := a.x[sample*c.InLen()+group*of.len():][:of.len()]
	fillAround(surround{c.PadH, c.PadW, a.g.in.height, a.g.in.row()}, dst, x, of)
}

// samples adds the products of some padded samples' pixels, so many at a time that their gradients stay in the nearest cache.
func (a *gradientWork[T]) samples(sums, x, turned []T, group, lo, first, n int) {
	g := a.g
	all := n * g.c.OutH() * g.c.OutW()
	for k := 0; k < all; k += depthBlock {
		depth := min(depthBlock, all-k)
		for i := 0; i*g.sums() < len(sums); i++ {
			acc := sums[i*g.sums():][:g.sums()]
			a.turn(turned, group, lo+i, first, k, depth)
			t := tile[T]{from: acc, step: g.m.lanes, w: turned, offsets: g.pixels[k : k+depth], x: x}
			g.m.over(t, acc, g.rows, g.c.Depth())
		}
	}
}

// turn sets dst to the gradients of a panel's channels at some pixels, counted from a sample's first, channels side by side.
func (a *gradientWork[T]) turn(dst []T, group, panel, sample, pixel, n int) {
	g := a.g
	outputs, count := g.c.OutC/g.c.Groups, g.c.OutH()*g.c.OutW()
	channels := min(g.m.lanes, outputs-panel*g.m.lanes)
	if channels < g.m.lanes {
		clear(dst)
	}
	for n > 0 {
		at := pixel % count
		here := min(n, count-at)
		from := a.dy[((sample+pixel/count)*g.c.OutC+group*outputs+panel*g.m.lanes)*count+at:]
		g.m.transposeAdd(grid[T]{dst, g.m.lanes}, grid[T]{a.zeros, 0}, grid[T]{from, count}, here, channels)
		pixel, n, dst = pixel+here, n-here, dst[here*g.m.lanes:]
	}
}

// sum sets a panel's filters to the sums of all parts, and of add.
func (a *gradientWork[T]) sum(dw, add []T, panel int) {
	g := a.g
	outputs, depth := g.c.OutC/g.c.Groups, g.c.Depth()
	first := panel % g.panels() * g.m.lanes
	channels := min(g.m.lanes, outputs-first)
	at := (panel/g.panels()*outputs + first) * depth
	to, plus := grid[T]{dw[at:], depth}, grid[T]{make([]T, depth), 0}
	if add != nil {
		plus = grid[T]{add[at:], depth}
	}
	for part := range g.split {
		acc := a.acc[(part*g.c.Groups*g.panels()+panel)*g.sums():]
		g.m.transposeAdd(to, plus, grid[T]{acc, g.m.lanes}, channels, depth)
		plus = to
	}
}
