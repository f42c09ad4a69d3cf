package kernel

import "sync"

// Where a group has few output channels, as in depthwise layers, a product would leave most of a panel's lanes empty: maps of batches
// go by rows there, as in rows.go, and gradients by weights are sums of products along whole planes.

// rowing is how a map goes by rows: f, with so many elements of memory for each worker. Nil stands for products.
type rowing[T Number] struct {
	f      func(b *Batch[T], dst, x, w, bias, add, memory []T)
	worker int
}

// rowsForward is rowing for a convolution: workers have memory for a group's padded input.
func (b *Batch[T]) rowsForward() *rowing[T] {
	if !sparse(b.c, b.m) {
		return nil
	}
	return &rowing[T]{(*Batch[T]).forwardRows, newPhases(b.c).len()/b.c.Groups + b.m.reach}
}

// forwardRows computes a convolution of each sample by rows.
func (b *Batch[T]) forwardRows(dst, x, w, bias, add, memory []T) {
	r := newRows(b.c, b.m, w, bias)
	defer r.wipe()
	var begun sync.Map // workers whose zeros are there
	work(b.n, b.rows.worker, memory, func(own []T, s int) {
		if _, done := begun.LoadOrStore(&own[0], true); !done {
			clear(own)
		}
		var plus []T
		if add != nil {
			plus = add[s*b.dst.len():][:b.dst.len()]
		}
		for g := range b.c.Groups {
			r.compute(dst[s*b.dst.len():][:b.dst.len()], x[s*b.src.len():][:b.src.len()], plus, own, g)
		}
	})
}

// rowsBackward is rowing for a gradient: workers have memory for a group's padded source, which kernels read beyond, for outputs of a
// phase, and for a filter.
func (b *Batch[T]) rowsBackward() *rowing[T] {
	if !b.m.sparse(b.channels(b.dst), b.phases[0].cols) {
		return nil
	}
	outputs, depth := 0, 0
	for i := range b.phases {
		outputs, depth = max(outputs, b.phases[i].count()), max(depth, len(b.phases[i].offsets))
	}
	return &rowing[T]{(*Batch[T]).backwardRows, b.channels(b.src)*b.in.channel() + b.m.reach + outputs + depth}
}

// backwardRows computes the gradient by the input of each sample by rows.
func (b *Batch[T]) backwardRows(dst, x, w, _, add, memory []T) {
	a := &batchWork[T]{b: b, dst: dst, add: add, zeros: make([]T, max(1, b.dst.w))}
	size := b.channels(b.src) * b.in.channel()
	work(b.n, b.rows.worker, memory, func(own []T, s int) {
		for g := range b.c.Groups {
			of := image{b.channels(b.src), b.src.h, b.src.w}
			fillAround(b.in, own[:size], x[s*b.src.len()+g*of.len():][:of.len()], of)
			for i := range b.channels(b.dst) {
				for p := range b.phases {
					a.phaseRows(own[:size+b.m.reach], own[size+b.m.reach:], w, &b.phases[p], s, g, i)
				}
			}
		}
	})
}

// phaseRows computes a phase's outputs of one channel of a group.
func (a *batchWork[T]) phaseRows(x, own, w []T, p *phase, sample, group, channel int) {
	b := a.b
	outputs, filter := own[:p.count()], own[len(own)-len(p.offsets):]
	taps := b.c.KH * b.c.KW
	for i := range filter {
		o, t := i/max(1, len(p.taps)), p.taps[i%len(p.taps)]
		filter[i] = w[(group*b.channels(b.src)+o)*b.c.Depth()+channel*taps+t]
	}
	clear(outputs)
	if len(filter) > 0 {
		b.m.rows(band[T]{dst: outputs, width: p.cols, rows: p.rows, add: a.zeros, x: x, xStep: b.in.width, w: filter,
			offsets: p.offsets, bias: a.zeros})
	}
	at := (sample*b.dst.channels + group*b.channels(b.dst) + channel) * b.dst.h * b.dst.w
	a.scatter(outputs, p, at, 0, 1, p.count())
}

// planesWorker is the elements of memory of a worker that goes by planes: a group's padded input, and a plane of gradients that lie as its
// pixels do.
func (g *BatchGradient[T]) planesWorker() int {
	return newPhases(g.c).len()/g.c.Groups + g.plane()
}

// plane is the elements from a plane's first pixel to its last, as they lie in a padded channel.
func (g *BatchGradient[T]) plane() int {
	return (g.c.OutH()-1)*g.c.StrideH*newPhases(g.c).row() + g.c.OutW()
}

// byPlanes says that so many lanes of a panel would be empty that products along planes are faster. Those of ring elements are taken one by one.
func byPlanes[T Number](c Conv, m micro[T]) bool {
	const loneProduct = 4 // times as long as one in a lane
	if _, float := any(T(0)).(float32); !float {
		return loneProduct*c.OutC/c.Groups <= m.lanes
	}
	return sparse(c, m)
}

// byPlanes sums each weight's products along planes, sample by sample: every tap reads one stretch of the padded input.
func (g *BatchGradient[T]) byPlanes(dw, x, dy, add, memory []T) {
	in := newPhases(g.c)
	offsets, inputs, outputs := in.offsets(), g.c.InC/g.c.Groups, g.c.OutC/g.c.Groups
	work(g.c.Groups, g.planesWorker(), memory, func(own []T, group int) {
		padded, plane := cut(own, in.len()/g.c.Groups)
		clear(own)
		sums := newPlaneSums[T](outputs * len(offsets))
		for s := range g.n {
			from := image{inputs, g.c.InH, g.c.InW}
			fillInside(in, g.m, padded, x[s*g.c.InLen()+group*from.len():][:from.len()])
			for o := range outputs {
				g.lay(plane, dy[s*g.c.OutLen()+(group*outputs+o)*g.c.OutH()*g.c.OutW():], in)
				for t, at := range offsets {
					sums.add(o*len(offsets)+t, padded[at:][:g.plane()], plane[:g.plane()])
				}
			}
		}
		all := group * outputs * len(offsets)
		var plus []T
		if add != nil {
			plus = add[all:]
		}
		sums.store(dw[all:], plus)
	})
}

// planeSums are sums of products of planes, by weight.
type planeSums[T Number] interface {
	add(weight int, x, dy []T)
	// store sets dw to the sums, plus add unless that is nil.
	store(dw, add []T)
}

func newPlaneSums[T Number](weights int) planeSums[T] {
	if sums, ok := any(make(floatSums, weights)).(planeSums[T]); ok {
		return sums
	}
	return make(ringSums[T], weights)
}

// floatSums lose little: many lanes of more bits.
type floatSums [][2 * sumLanes]float64

func (s floatSums) add(weight int, x, dy []float32) { flow.products(&s[weight], x, dy) }

func (s floatSums) store(dw, add []float32) {
	for i := range s {
		sum := float32(total(s[i][sumLanes:]))
		if add != nil {
			sum += add[i]
		}
		dw[i] = sum
	}
}

// ringSums lose nothing.
type ringSums[T Number] []T

func (s ringSums[T]) add(weight int, x, dy []T) {
	dy = dy[:len(x)]
	var sum T
	for i, v := range x {
		sum += v * dy[i]
	}
	s[weight] += sum
}

func (s ringSums[T]) store(dw, add []T) {
	for i, v := range add[:min(len(add), len(s))] {
		s[i] += v
	}
	copy(dw, s)
	clear(s)
}

// lay has the rows of a plane lie as far apart as those of pixels; what is between stays zero.
func (g *BatchGradient[T]) lay(plane, dy []T, in padded) {
	for y := range g.c.OutH() {
		copy(plane[y*g.c.StrideH*in.row():], dy[y*g.c.OutW():][:g.c.OutW()])
	}
}
