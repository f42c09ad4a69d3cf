package kernel

// patches gives the rows of the matrix of patches (im2col) of one group of a convolution, without ever storing it: row
// k = (i*KH + u)*KW + v, column p = y*OutW + x holds the input element that weight k meets at output pixel p.
type patches[T Number] struct {
	c          Conv
	x          []T // the group's input channels
	outW       int
	contiguous bool // row k is channel k: a 1x1 kernel, stride 1, no padding
}

func newPatches[T Number](c Conv, x []T, group int) patches[T] {
	size := c.InLen() / c.Groups
	return patches[T]{c, x[group*size : (group+1)*size], c.OutW(), c.KH == 1 && c.KW == 1 &&
		c.StrideH == 1 && c.StrideW == 1 && c.PadH == 0 && c.PadW == 0}
}

// row fills dst with columns p, p+1, .. of row k.
func (s patches[T]) row(dst []T, k, p int) {
	c := s.c
	taps := c.KH * c.KW
	plane := s.x[k/taps*c.InH*c.InW:][:c.InH*c.InW]
	if s.contiguous {
		copy(dst, plane[p:])
		return
	}
	dy, dx := k%taps/c.KW*c.DilH-c.PadH, k%c.KW*c.DilW-c.PadW
	y, x := p/s.outW, p%s.outW
	for len(dst) > 0 {
		n := min(len(dst), s.outW-x)
		if iy := y*c.StrideH + dy; iy >= 0 && iy < c.InH {
			strided(dst[:n], plane[iy*c.InW:][:c.InW], x*c.StrideW+dx, c.StrideW)
		} else {
			clear(dst[:n])
		}
		dst, y, x = dst[n:], y+1, 0
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
	for j := range dst {
		dst[j] = row[j*stride]
	}
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
