package kernel

import "sotto/runtime/ring"

// depthwise computes a convolution with one input channel a group, row by row: an output row is the sum of KH*KW input
// rows, shifted and scaled.
func depthwise[T Number](c Conv, dst, x, w []T) {
	outH, outW := c.OutH(), c.OutW()
	taps, multiplier := c.KH*c.KW, c.OutC/c.InC
	ring.Parallel(c.OutC, units(outH*outW*taps), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			plane := x[o/multiplier*c.InH*c.InW:][:c.InH*c.InW]
			for y := range outH {
				depthwiseRow(c, dst[(o*outH+y)*outW:][:outW], plane, w[o*taps:(o+1)*taps], y)
			}
		}
	})
}

// depthwiseRow computes output row y of one channel.
func depthwiseRow[T Number](c Conv, dst, plane, w []T, y int) {
	clear(dst)
	for u := range c.KH {
		iy := y*c.StrideH - c.PadH + u*c.DilH
		if iy < 0 || iy >= c.InH {
			continue
		}
		row, w := plane[iy*c.InW:(iy+1)*c.InW], w[u*c.KW:(u+1)*c.KW]
		if c.KW == 3 && c.StrideW == 1 && c.DilW == 1 {
			addThree(dst, row, w, c.PadW)
			continue
		}
		for v, weight := range w {
			addScaled(dst, row, weight, v*c.DilW-c.PadW, c.StrideW)
		}
	}
}

// addScaled adds weight * row[at + j*stride] to dst[j], where row has such an element.
func addScaled[T Number](dst, row []T, weight T, at, stride int) {
	lo, hi := inside(len(dst), len(row), at, stride)
	dst = dst[lo:hi]
	if len(dst) == 0 {
		return
	}
	row = row[at+lo*stride:]
	if stride == 1 {
		row = row[:len(dst)]
		for j := range dst {
			dst[j] += weight * row[j]
		}
		return
	}
	for j := range dst {
		dst[j] += weight * row[j*stride]
	}
}

// addThree adds the three taps w of a row with stride 1 and pad zeros on both sides. Outputs whose taps are all inside
// take them in one pass; the few others, at the ends, tap by tap.
func addThree[T Number](dst, row, w []T, pad int) {
	first, _ := inside(len(dst), len(row), -pad, 1) // from here on the first tap is inside
	_, end := inside(len(dst), len(row), 2-pad, 1)  // up to here the last tap is
	end = max(first, end)                           // a row shorter than the kernel has none
	w0, w1, w2 := w[0], w[1], w[2]
	for v, weight := range w {
		addScaled(dst[:first], row, weight, v-pad, 1)
		addScaled(dst[end:], row, weight, end+v-pad, 1)
	}
	if first == end {
		return
	}
	mid := dst[first:end]
	r0 := row[first-pad:]
	r1, r2 := r0[1:][:len(mid)], r0[2:][:len(mid)]
	r0 = r0[:len(mid)]
	for j := range mid {
		mid[j] += w0*r0[j] + w1*r1[j] + w2*r2[j]
	}
}
