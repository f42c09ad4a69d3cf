package kernel

import "sync"

// Where a group has few output channels, as in depthwise layers, a product would leave most of a panel's lanes empty: maps of batches
// go by rows there, as in rows.go, and gradients by weights are sums of products along whole planes.

// rowing is how a map goes by rows: f, with so many elements of memory for each worker. Nil stands for products.
type rowing struct {
	f      func(b *Batch, dst, x, w, bias, add, memory []float32)
	worker int
}

// rowsForward is rowing for a convolution: workers have memory for a group's padded input.
func (b *Batch) rowsForward() *rowing {
	if !sparse(b.c, b.m) {
		return nil
	}
	return &rowing{(*Batch).forwardRows, newPhases(b.c).len()/b.c.Groups + b.m.reach}
}

// forwardRows computes a convolution of each sample by rows.
func (b *Batch) forwardRows(dst, x, w, bias, add, memory []float32) {
	r := newRows(b.c, b.m, w, bias)
	var begun sync.Map // workers whose zeros are there
	work(b.n, b.rows.worker, memory, func(own []float32, s int) {
		if _, done := begun.LoadOrStore(&own[0], true); !done {
			clear(own)
		}
		var plus []float32
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
func (b *Batch) rowsBackward() *rowing {
	if !b.m.sparse(b.channels(b.dst), b.phases[0].cols) {
		return nil
	}
	outputs, depth := 0, 0
	for i := range b.phases {
		outputs, depth = max(outputs, b.phases[i].count()), max(depth, len(b.phases[i].offsets))
	}
	return &rowing{(*Batch).backwardRows, b.channels(b.src)*b.in.channel() + b.m.reach + outputs + depth}
}

// backwardRows computes the gradient by the input of each sample by rows.
func (b *Batch) backwardRows(dst, x, w, _, add, memory []float32) {
	a := &batchWork{b: b, dst: dst, add: add, zeros: make([]float32, max(1, b.dst.w))}
	size := b.channels(b.src) * b.in.channel()
	work(b.n, b.rows.worker, memory, func(own []float32, s int) {
		for g := range b.c.Groups {
			of := image{b.channels(b.src), b.src.h, b.src.w}
			b.in.fill(own[:size], x[s*b.src.len()+g*of.len():][:of.len()], of)
			for i := range b.channels(b.dst) {
				for p := range b.phases {
					a.phaseRows(own[:size+b.m.reach], own[size+b.m.reach:], w, &b.phases[p], s, g, i)
				}
			}
		}
	})
}

// phaseRows computes a phase's outputs of one channel of a group.
func (a *batchWork) phaseRows(x, own, w []float32, p *phase, sample, group, channel int) {
	b := a.b
	outputs, filter := own[:p.count()], own[len(own)-len(p.offsets):]
	taps := b.c.KH * b.c.KW
	for i := range filter {
		o, t := i/max(1, len(p.taps)), p.taps[i%len(p.taps)]
		filter[i] = w[(group*b.channels(b.src)+o)*b.c.Depth()+channel*taps+t]
	}
	clear(outputs)
	if len(filter) > 0 {
		b.m.rows(band[float32]{dst: outputs, width: p.cols, rows: p.rows, add: a.zeros, x: x, xStep: b.in.width, w: filter,
			offsets: p.offsets, bias: a.zeros})
	}
	at := (sample*b.dst.channels + group*b.channels(b.dst) + channel) * b.dst.h * b.dst.w
	a.scatter(outputs, p, at, 0, 1, p.count())
}

// planesWorker is the elements of memory of a worker that goes by planes: a group's padded input, and a plane of gradients that lie as its
// pixels do.
func (g *BatchGradient) planesWorker() int {
	return newPhases(g.c).len()/g.c.Groups + g.plane()
}

// plane is the elements from a plane's first pixel to its last, as they lie in a padded channel.
func (g *BatchGradient) plane() int {
	return (g.c.OutH()-1)*g.c.StrideH*newPhases(g.c).row() + g.c.OutW()
}

// byPlanes sums each weight's products along planes, sample by sample: every tap reads one stretch of the padded input.
func (g *BatchGradient) byPlanes(dw, x, dy, memory []float32) {
	in := newPhases(g.c)
	offsets, inputs, outputs := in.offsets(), g.c.InC/g.c.Groups, g.c.OutC/g.c.Groups
	work(g.c.Groups, g.planesWorker(), memory, func(own []float32, group int) {
		padded, plane := cut(own, in.len()/g.c.Groups)
		clear(own)
		lanes := make([][2 * sumLanes]float64, outputs*len(offsets))
		for s := range g.n {
			from := image{inputs, g.c.InH, g.c.InW}
			fillInside(in, g.m, padded, x[s*g.c.InLen()+group*from.len():][:from.len()])
			for o := range outputs {
				g.lay(plane, dy[s*g.c.OutLen()+(group*outputs+o)*g.c.OutH()*g.c.OutW():], in)
				for t, at := range offsets {
					flow.products(&lanes[o*len(offsets)+t], padded[at:][:g.plane()], plane[:g.plane()])
				}
			}
		}
		for i := range lanes {
			dw[group*len(lanes)+i] = float32(total(lanes[i][sumLanes:]))
		}
	})
}

// lay has the rows of a plane lie as far apart as those of pixels; what is between stays zero.
func (g *BatchGradient) lay(plane, dy []float32, in padded) {
	for y := range g.c.OutH() {
		copy(plane[y*g.c.StrideH*in.row():], dy[y*g.c.OutW():][:g.c.OutW()])
	}
}
