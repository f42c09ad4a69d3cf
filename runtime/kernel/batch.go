package kernel

import (
	"cmp"
	"runtime"
	"sync/atomic"

	"sotto/runtime/ring"
)

// Batch is a linear map of training, applied to every sample of a batch: a convolution, or what takes the gradient of a
// convolution's result back to its input. Both are products of weights with patches of a padded source, as in product.go; but the
// pixels of a block may belong to several samples, so that small images read each weight for many of them, and the weights, which
// every step changes, are packed by each call. Tensors of a batch lie one sample behind the other.
//
// A gradient of stride 1 is a convolution with flipped weights. Of a larger stride it is one for each remainder that a row and a
// column of the input leave by the stride: each takes only the taps that meet it, so nothing is multiplied by zeros in between.
//
// Results are the same bits whatever the number of cores: each element is summed by one worker in the order of the weights.
type Batch[T Number] struct {
	c              Conv
	n              int // samples
	m              micro[T]
	src, dst       image
	in             surround
	phases         []phase
	packing        func(a *batchWork[T], p *phase, panel, w []T, q int)
	samples, parts int // samples of a unit of work, and units that share the output channels of its samples
	rows           *rowing[T]
}

// image is the geometry of one sample's tensor.
type image struct{ channels, h, w int }

func (i image) len() int { return i.channels * i.h * i.w }

// surround is a sample with zeros around it. What lies beyond them to the right and below belongs to patches that the stride leaves
// out, if it is smaller than the sample.
type surround struct{ top, left, height, width int }

func (s surround) channel() int { return s.height * s.width }

// phase is the outputs of a map that take their patches in one way.
type phase struct {
	rows, cols       int   // outputs
	row, col         int   // where the first one goes
	stepRow, stepCol int   // and how far apart the others are
	pixels, rest     []int // where patches begin, for all samples of a unit, and for those of the last one, in whole tiles
	offsets          []int // of a patch's factors: channel by channel, tap by tap
	taps             []int // places of the taps in a filter
	weights          int   // where the packed ones begin
}

func (p *phase) count() int { return p.rows * p.cols }

// NewBatchConv is the convolution of n samples.
func NewBatchConv[T Number](c Conv, n int) (*Batch[T], error) {
	return newBatchConv(fastest[T](), c, n)
}

func newBatchConv[T Number](m micro[T], c Conv, n int) (*Batch[T], error) {
	if err := batchFits(c, n); err != nil {
		return nil, err
	}
	b := &Batch[T]{c: c, n: n, m: m, packing: packForward[T]}
	b.src, b.dst = image{c.InC, c.InH, c.InW}, image{c.OutC, c.OutH(), c.OutW()}
	b.in = surround{c.PadH, c.PadW, c.InH + 2*c.PadH, c.InW + 2*c.PadW}
	p := phase{rows: c.OutH(), cols: c.OutW(), stepRow: 1, stepCol: 1}
	for u := range c.KH {
		for v := range c.KW {
			p.taps = append(p.taps, u*c.KW+v)
			p.offsets = append(p.offsets, u*c.DilH*b.in.width+v*c.DilW)
		}
	}
	b.plan([]phase{p}, c.StrideH, c.StrideW)
	b.rows = b.rowsForward()
	return b, nil
}

// NewBatchConvBack is the gradient of the convolution of n samples by its input, a map of the gradient by its result.
func NewBatchConvBack[T Number](c Conv, n int) (*Batch[T], error) {
	return newBatchConvBack(fastest[T](), c, n)
}

func newBatchConvBack[T Number](m micro[T], c Conv, n int) (*Batch[T], error) {
	if err := batchFits(c, n); err != nil {
		return nil, err
	}
	b := &Batch[T]{c: c, n: n, m: m, packing: packBackward[T]}
	b.src, b.dst = image{c.OutC, c.OutH(), c.OutW()}, image{c.InC, c.InH, c.InW}
	down := meetings(c.InH, c.OutH(), c.KH, c.StrideH, c.PadH, c.DilH)
	across := meetings(c.InW, c.OutW(), c.KW, c.StrideW, c.PadW, c.DilW)
	b.in = surround{down.before, across.before, down.length, across.length}
	var phases []phase
	for y, rows := range down.phases {
		for x, cols := range across.phases {
			p := phase{rows: rows.count, cols: cols.count, row: y, col: x, stepRow: c.StrideH, stepCol: c.StrideW}
			for i, u := range rows.taps {
				for j, v := range cols.taps {
					p.taps = append(p.taps, u*c.KW+v)
					p.offsets = append(p.offsets, rows.from[i]*b.in.width+cols.from[j])
				}
			}
			phases = append(phases, p)
		}
	}
	b.plan(phases, 1, 1)
	b.rows = b.rowsBackward()
	return b, nil
}

func batchFits(c Conv, n int) error {
	return cmp.Or(c.Check(), checkDims("batch", dim{"samples", n, 1, maxDim}),
		checkProduct("batch", "multiply-adds", n, c.OutC, c.OutH(), c.OutW(), c.InC/c.Groups, c.KH, c.KW))
}

// meeting is, for one direction of a gradient, where each of the taps that meet a phase of the input reads.
type meeting struct {
	count      int // of inputs
	taps, from []int
}

// meetingsOf is all phases of a direction, and the zeros before the source and its length with those around it.
type meetingsOf struct {
	phases         []meeting
	before, length int
}

// meetings finds them: input q*stride + r takes tap u of output q + (r + pad - u*dilation) / stride, where that is whole.
func meetings(in, out, taps, stride, pad, dilation int) meetingsOf {
	var m meetingsOf
	for r := range min(stride, in) {
		p := meeting{count: (in - r + stride - 1) / stride}
		for u := range taps {
			if at := r + pad - u*dilation; at%stride == 0 {
				p.taps, p.from = append(p.taps, u), append(p.from, at/stride)
				m.before = max(m.before, -at/stride)
			}
		}
		m.phases = append(m.phases, p)
	}
	m.length = m.before + out
	for _, p := range m.phases {
		for i := range p.from {
			p.from[i] += m.before
			m.length = max(m.length, p.from[i]+p.count)
		}
	}
	return m
}

const (
	// batchUnits is how many units of work a map is cut into, if it can be: enough for the cores to end at about one time.
	batchUnits = 16
	// batchPanels is the panels of a unit, at least: its padded samples are read so often.
	batchPanels = 4
)

// plan completes phases, whose patches are rowStep and colStep apart.
func (b *Batch[T]) plan(phases []phase, rowStep, colStep int) {
	most := 1
	for _, p := range phases {
		most = max(most, p.count())
	}
	b.samples = min(b.n, (pixelBlock-1)/most+1)
	if units := (b.n-1)/b.samples + 1; units < batchUnits {
		b.parts = min((b.panels()-1)/batchPanels+1, (batchUnits-1)/units+1)
	}
	b.parts = max(b.parts, 1)
	at := 0
	for i := range phases {
		p := &phases[i]
		p.spread(b.channels(b.src), b.in.channel())
		p.pixels = b.starts(p, b.samples, rowStep, colStep)
		p.rest = b.starts(p, (b.n-1)%b.samples+1, rowStep, colStep)
		p.weights = at
		at += b.c.Groups * b.panels() * len(p.offsets) * b.m.lanes
	}
	b.phases = phases
}

// spread has the offsets of taps stand for every channel of a group.
func (p *phase) spread(channels, channel int) {
	taps := p.offsets
	p.offsets = make([]int, 0, channels*len(taps))
	for c := range channels {
		for _, t := range taps {
			p.offsets = append(p.offsets, c*channel+t)
		}
	}
}

// starts gives where the patches of some samples begin, the last one again up to a whole tile.
func (b *Batch[T]) starts(p *phase, samples, rowStep, colStep int) []int {
	var at []int
	for s := range samples {
		for i := range p.count() {
			at = append(at, s*b.sample()+i/p.cols*rowStep*b.in.width+i%p.cols*colStep)
		}
	}
	for range b.m.pixels - 1 {
		at = append(at, at[len(at)-1])
	}
	return at
}

// same says that no zeros are around the source.
func (b *Batch[T]) same() bool { return b.in == surround{0, 0, b.src.h, b.src.w} }

// sample is the elements of a sample with the zeros around it.
func (b *Batch[T]) sample() int { return b.src.channels * b.in.channel() }

// channels is an image's channels of one group.
func (b *Batch[T]) channels(i image) int { return i.channels / b.c.Groups }

// panels is the panels of a group.
func (b *Batch[T]) panels() int { return (b.channels(b.dst)-1)/b.m.lanes + 1 }

func (b *Batch[T]) weights() int {
	last := &b.phases[len(b.phases)-1]
	return last.weights + b.c.Groups*b.panels()*len(last.offsets)*b.m.lanes
}

// padded is the elements of the samples of a unit.
func (b *Batch[T]) padded() int {
	if b.same() {
		return 0
	}
	return b.samples * b.sample()
}

// block is the pixels that are computed at a time.
func (b *Batch[T]) block() int { return roundUp(pixelBlock, lcm(b.m.pixels, b.m.side)) }

// worker is the elements of memory of a worker: padded samples, sums, and as many turned around.
func (b *Batch[T]) worker() int { return b.padded() + 2*b.block()*b.m.lanes }

// biases is the elements of a bias in panels.
func (b *Batch[T]) biases() int { return b.c.Groups * b.panels() * b.m.lanes }

// Scratch is the elements of memory that Apply takes beside its arguments to use all cores.
func (b *Batch[T]) Scratch() int { return b.scratch(runtime.GOMAXPROCS(0)) }

func (b *Batch[T]) scratch(workers int) int {
	if b.rows != nil {
		return workers * b.rows.worker
	}
	return b.weights() + b.biases() + b.block() + workers*b.worker()
}

// Apply sets dst to the map of x with weights w, plus a bias for each of its channels unless that is nil, plus add unless that is nil;
// add may be dst itself. scratch has Scratch elements, or fewer for fewer cores; what is left in it depends on x.
func (b *Batch[T]) Apply(dst, x, w, bias, add, scratch []T) error {
	err := cmp.Or(sized("batch", "dst", len(dst), b.n*b.dst.len()), sized("batch", "x", len(x), b.n*b.src.len()),
		sized("batch", "w", len(w), b.c.WeightLen()))
	if bias != nil {
		err = cmp.Or(err, sized("batch", "bias", len(bias), b.dst.channels))
	}
	if add != nil {
		err = cmp.Or(err, sized("batch", "add", len(add), len(dst)))
	}
	if least := b.scratch(1); len(scratch) < least {
		err = cmp.Or(err, sized("batch", "scratch", len(scratch), least))
	}
	if err != nil {
		return err
	}
	if b.rows != nil {
		b.rows.f(b, dst, x, w, bias, add, scratch)
		return nil
	}
	a := &batchWork[T]{b: b, dst: dst, x: x, add: add}
	a.w, scratch = cut(scratch, b.weights())
	a.bias, scratch = cut(scratch, b.biases())
	a.zeros, scratch = cut(scratch, b.block())
	clear(a.zeros)
	a.pack(w, bias)
	work(b.units(), b.worker(), scratch, a.unit)
	return nil
}

// units is a unit for each of the parts of some samples.
func (b *Batch[T]) units() int { return ((b.n-1)/b.samples + 1) * b.parts }

func cut[T Number](from []T, n int) (head, rest []T) { return from[:n], from[n:] }

// work has units done by as many workers as there is memory for, each with its own.
func work[T Number](units, size int, memory []T, unit func(own []T, unit int)) {
	var next atomic.Int64
	workers := min(units, runtime.GOMAXPROCS(0), len(memory)/size)
	ring.Parallel(workers, 1, func(lo, hi int) {
		for worker := lo; worker < hi; worker++ {
			own := memory[worker*size:][:size]
			for u := int(next.Add(1)) - 1; u < units; u = int(next.Add(1)) - 1 {
				unit(own, u)
			}
		}
	})
}

// batchWork is a map that is being applied.
type batchWork[T Number] struct {
	b           *Batch[T]
	dst, x, add []T
	w, bias     []T // in panels
	zeros       []T
}

// pack brings the weights and the bias into panels.
func (a *batchWork[T]) pack(w, bias []T) {
	b := a.b
	panels := b.c.Groups * b.panels()
	ring.Parallel(panels, units(b.c.Depth()*b.m.lanes), func(lo, hi int) {
		for q := lo; q < hi; q++ {
			for i := range b.phases {
				p := &b.phases[i]
				size := len(p.offsets) * b.m.lanes
				b.packing(a, p, a.w[p.weights+q*size:][:size], w, q)
			}
		}
	})
	clear(a.bias)
	for q := 0; q < panels && bias != nil; q++ {
		lo, hi := b.outputs(q)
		copy(a.bias[q*b.m.lanes:], bias[lo:hi])
	}
}

// outputs gives the output channels [lo, hi) of a panel.
func (b *Batch[T]) outputs(panel int) (lo, hi int) {
	group, q := panel/b.panels(), panel%b.panels()
	lo = group*b.channels(b.dst) + q*b.m.lanes
	return lo, min(lo+b.m.lanes, (group+1)*b.channels(b.dst))
}

// packForward makes a panel of the filters' rows.
func packForward[T Number](a *batchWork[T], _ *phase, panel, w []T, q int) {
	b := a.b
	lo, hi := b.outputs(q)
	depth := b.c.Depth()
	if hi-lo < b.m.lanes {
		clear(panel)
	}
	b.m.transposeAdd(grid[T]{panel, b.m.lanes}, grid[T]{a.zeros, 0}, grid[T]{w[lo*depth:], depth}, depth, hi-lo)
}

// packBackward makes a panel for input channels: what their filters have at the taps of a phase, by output channel.
func packBackward[T Number](a *batchWork[T], p *phase, panel, w []T, q int) {
	b := a.b
	lo, hi := b.outputs(q)
	inputs, taps := b.channels(b.dst), b.c.KH*b.c.KW
	group := lo / inputs
	clear(panel)
	for o := range b.channels(b.src) {
		filters := w[(group*b.channels(b.src)+o)*b.c.Depth()+lo%inputs*taps:]
		for _, t := range p.taps {
			for i := range hi - lo {
				panel[i] = filters[i*taps+t]
			}
			panel = panel[b.m.lanes:]
		}
	}
}

// unit computes a part of the panels of some samples.
func (a *batchWork[T]) unit(own []T, unit int) {
	b := a.b
	first, part := unit/b.parts*b.samples, unit%b.parts
	samples := min(b.samples, b.n-first)
	x := a.x[first*b.src.len():][:samples*b.src.len()]
	lo, hi := part*b.panels()/b.parts, (part+1)*b.panels()/b.parts
	padded, own := cut(own, b.padded())
	if !b.same() {
		fillAround(b.in, padded, x, b.src)
		x = padded
	}
	for i := range b.phases {
		for g := range b.c.Groups {
			a.phase(own, x, &b.phases[i], g, lo, hi, first, samples)
		}
	}
}

// fillAround sets dst to samples with the zeros around them.
func fillAround[T Number](s surround, dst, x []T, of image) {
	for ; len(x) > 0; x = x[of.h*of.w:] {
		channel := dst[:s.channel()]
		clear(channel[:s.top*s.width])
		clear(channel[(s.top+of.h)*s.width:])
		for y := range of.h {
			row := channel[(s.top+y)*s.width:][:s.width]
			clear(row[:s.left])
			copy(row[s.left:], x[y*of.w:][:of.w])
			clear(row[s.left+of.w:])
		}
		dst = dst[len(channel):]
	}
}

// phase computes panels lo to hi-1 of a group, block by block: the weights of a unit's panels, or else its patches, stay in the cache.
func (a *batchWork[T]) phase(own, x []T, p *phase, group, lo, hi, first, samples int) {
	b := a.b
	pixels := p.pixels
	if samples < b.samples {
		pixels = p.rest
	}
	all := samples * p.count()
	x = x[group*b.channels(b.src)*b.in.channel():]
	for at := 0; at < all; at += b.block() {
		n := min(b.block(), all-at)
		for q := lo; q < hi; q++ {
			panel := group*b.panels() + q
			sums := a.sums(own, x, p, pixels[at:], panel, n)
			a.store(sums, own[len(sums):], p, panel, first*p.count()+at, n)
		}
	}
}

// sums computes n pixels of a panel: pixel by pixel, with the panel's channels side by side.
func (a *batchWork[T]) sums(own, x []T, p *phase, pixels []int, panel, n int) []T {
	m, depth := a.b.m, len(p.offsets)
	acc := own[:a.b.block()*m.lanes]
	t := tile[T]{from: a.bias[panel*m.lanes:][:m.lanes], x: x}
	if depth == 0 { // a stride beyond the filter meets no tap
		for i := range n {
			copy(acc[i*m.lanes:], t.from)
		}
	}
	for k := 0; k < depth; k += depthBlock {
		end := min(k+depthBlock, depth)
		t.w, t.offsets = a.w[p.weights+(panel*depth+k)*m.lanes:], p.offsets[k:end]
		m.over(t, acc, pixels, n)
		t.from, t.step = acc, m.lanes
	}
	return acc
}

// over computes n pixels of a tile's, which has none of its own. The last ones are computed one by one, if they are few; if not, the
// places and the memory are there for a whole tile.
func (m micro[T]) over(t tile[T], acc []T, pixels []int, n int) {
	whole := n / m.pixels * m.pixels
	if 2*(n-whole) > m.pixels {
		whole += m.pixels
	}
	if whole > 0 {
		t.acc, t.pixels = acc, pixels[:whole]
		m.tiles(t)
	}
	if whole < n {
		t.acc, t.pixels = acc[whole*m.lanes:], pixels[whole:n]
		t.from = t.from[whole*t.step:]
		m.single(t)
	}
}

// store puts the sums of n pixels, counted over all samples, where they belong.
func (a *batchWork[T]) store(sums, turned []T, p *phase, panel, first, n int) {
	b := a.b
	lo, hi := b.outputs(panel)
	for n > 0 {
		sample, pixel := first/p.count(), first%p.count()
		here := min(n, p.count()-pixel)
		at := (sample*b.dst.channels + lo) * b.dst.h * b.dst.w
		if p.stepRow == 1 && p.stepCol == 1 {
			a.turn(a.dst, a.add, sums, at+pixel, hi-lo, here)
		} else {
			b.m.transposeAdd(grid[T]{turned, here}, grid[T]{a.zeros, 0}, grid[T]{sums, b.m.lanes}, hi-lo, here)
			a.scatter(turned, p, at, pixel, hi-lo, here)
		}
		first, n, sums = first+here, n-here, sums[here*b.m.lanes:]
	}
}

// turn stores pixels of some channels that lie side by side.
func (a *batchWork[T]) turn(dst, add, sums []T, at, channels, pixels int) {
	b := a.b
	all := b.dst.h * b.dst.w
	plus := grid[T]{a.zeros, 0}
	if add != nil {
		plus = grid[T]{add[at:], all}
	}
	b.m.transposeAdd(grid[T]{dst[at:], all}, plus, grid[T]{sums, b.m.lanes}, channels, pixels)
}

// scatter stores pixels of some channels, which have been turned around, as a phase has them lie.
func (a *batchWork[T]) scatter(turned []T, p *phase, at, pixel, channels, pixels int) {
	b := a.b
	for range channels {
		for i := 0; i < pixels; {
			y, x := (pixel+i)/p.cols, (pixel+i)%p.cols
			n := min(pixels-i, p.cols-x)
			to := at + (p.row+y*p.stepRow)*b.dst.w + p.col + x*p.stepCol
			a.spread(to, p.stepCol, turned[i:i+n])
			i += n
		}
		turned, at = turned[pixels:], at+b.dst.h*b.dst.w
	}
}

// spread stores a row of pixels that lie step apart.
func (a *batchWork[T]) spread(to, step int, row []T) {
	dst := a.dst[to:]
	if a.add != nil {
		add := a.add[to:]
		for i, v := range row {
			dst[i*step] = v + add[i*step]
		}
		return
	}
	for i, v := range row {
		dst[i*step] = v
	}
}
