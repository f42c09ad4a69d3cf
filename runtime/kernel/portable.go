package kernel

// The portable tile: 2 x 4 sums are as many as amd64's general registers hold beside weights, inputs and pointers.
const (
	portablePixels = 2
	portableLanes  = 4
)

// portable returns the micro-kernel in plain Go.
func portable[T Number]() micro[T] {
	return micro[T]{name: "portable", pixels: portablePixels, lanes: portableLanes, side: 1,
		tiles: pairs[T], single: singles[T], squares: lines[T], rows: bands[T], halves: halves[T]}
}

// pairs is micro.tiles.
func pairs[T Number](t tile[T]) {
	for len(t.pixels) > 0 {
		x0, x1 := t.x[t.pixels[0]:], t.x[t.pixels[1]:]
		from0, from1 := (*[4]T)(t.from), (*[4]T)(t.from[t.step:])
		a0, a1, a2, a3 := from0[0], from0[1], from0[2], from0[3]
		b0, b1, b2, b3 := from1[0], from1[1], from1[2], from1[3]
		w := t.w
		for _, o := range t.offsets {
			w4, x, y := (*[4]T)(w), x0[o], x1[o]
			a0, b0 = a0+x*w4[0], b0+y*w4[0]
			a1, b1 = a1+x*w4[1], b1+y*w4[1]
			a2, b2 = a2+x*w4[2], b2+y*w4[2]
			a3, b3 = a3+x*w4[3], b3+y*w4[3]
			w = w[4:]
		}
		*(*[8]T)(t.acc) = [8]T{a0, a1, a2, a3, b0, b1, b2, b3}
		t.acc, t.from, t.pixels = t.acc[8:], t.from[2*t.step:], t.pixels[2:]
	}
}

// singles is micro.single.
func singles[T Number](t tile[T]) {
	for _, p := range t.pixels {
		x, w := t.x[p:], t.w
		sums := *(*[4]T)(t.from)
		for _, o := range t.offsets {
			w4, x := (*[4]T)(w), x[o]
			sums[0] += x * w4[0]
			sums[1] += x * w4[1]
			sums[2] += x * w4[2]
			sums[3] += x * w4[3]
			w = w[4:]
		}
		*(*[4]T)(t.acc) = sums
		t.acc, t.from = t.acc[4:], t.from[t.step:]
	}
}

// lines is micro.squares: of one element each.
func lines[T Number](dst, add, src grid[T], squares int) { transposeAdd(dst, add, src, 1, squares) }

// bands is micro.rows.
func bands[T Number](b band[T]) {
	for y := range b.rows {
		dst, x := b.dst[y*b.width:][:b.width], b.x[y*b.xStep:]
		for j, v := range b.add[y*b.addStep:][:b.width] {
			dst[j] = v + b.bias[0]
		}
		w, offsets := b.w, b.offsets
		for ; len(w) >= 3; w, offsets = w[3:], offsets[3:] {
			addThree(dst, x[offsets[0]:], x[offsets[1]:], x[offsets[2]:], [3]T(w))
		}
		for k, o := range offsets {
			addScaled(dst, x[o:], w[k])
		}
	}
}

// addScaled adds w*x to dst.
func addScaled[T Number](dst, x []T, w T) {
	x = x[:len(dst)]
	for j := range dst {
		dst[j] += w * x[j]
	}
}

// addThree is addScaled for three, in one pass over dst.
func addThree[T Number](dst, x, y, z []T, w [3]T) {
	x, y, z = x[:len(dst)], y[:len(dst)], z[:len(dst)]
	for j := range dst {
		dst[j] += w[0]*x[j] + w[1]*y[j] + w[2]*z[j]
	}
}

// halves is micro.halves.
func halves[T Number](h halving[T]) {
	for y := range h.rows {
		src := h.src[y*h.srcStep:][:2*h.pairs]
		even, odd := h.even[y*h.step:][:h.pairs], h.odd[y*h.step:][:h.pairs]
		for p := range even {
			even[p], odd[p] = src[2*p], src[2*p+1]
		}
	}
}
