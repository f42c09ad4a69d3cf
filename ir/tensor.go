package ir

import (
	"math"
	"runtime"
	"sync"
)

// Tensor is a value of the reference evaluators: floats in F, ring elements and bits in I. Ring elements are kept as
// signed representatives in [-2^(l-1), 2^(l-1)).
type Tensor struct {
	Type Type
	F    []float32
	I    []int64
}

// NewTensor makes a zero tensor.
func NewTensor(t Type) *Tensor {
	if t.Elem.Float {
		return &Tensor{Type: t, F: make([]float32, t.Len())}
	}
	return &Tensor{Type: t, I: make([]int64, t.Len())}
}

// Wrap reduces x to its signed representative mod 2^bits.
func Wrap(x int64, bits int) int64 {
	shift := 64 - bits
	return x << shift >> shift
}

func (t *Tensor) wrap() *Tensor {
	if bits := t.Type.Elem.Bits; bits < 64 && bits > 1 {
		for i, x := range t.I {
			t.I[i] = Wrap(x, bits)
		}
	}
	return t
}

// Real gives the tensor's meaning as real numbers: ring elements divided by 2^frac.
func (t *Tensor) Real() []float64 {
	out := make([]float64, t.Type.Len())
	if t.Type.Elem.Float {
		for i, x := range t.F {
			out[i] = float64(x)
		}
		return out
	}
	scale := math.Ldexp(1, -t.Type.Elem.Frac)
	for i, x := range t.I {
		out[i] = float64(x) * scale
	}
	return out
}

// Quantize rounds reals to the ring type, to the nearest with ties to even, wrapping what does not fit.
func Quantize(t Type, xs []float32) *Tensor {
	out := &Tensor{Type: t, I: make([]int64, len(xs))}
	scale := math.Ldexp(1, t.Elem.Frac)
	for i, x := range xs {
		out.I[i] = Wrap(int64(math.RoundToEven(float64(x)*scale)), t.Elem.Bits)
	}
	return out
}

// number is what the reference kernels compute on.
type number interface{ ~int64 | ~float32 }

// window is the geometry of a convolution or pooling.
type window struct {
	c, h, w        int // input
	kh, kw         int
	sh, sw, ph, pw int
	dh, dw         int
	oh, ow         int
}

func (v *Value) window(kh, kw int) window {
	s := v.Args[0].Type.Shape
	stride, pad := v.Ints("stride"), v.Ints("pad")
	g := window{c: s[0], h: s[1], w: s[2], kh: kh, kw: kw, sh: stride[0], sw: stride[1], ph: pad[0], pw: pad[1], dh: 1, dw: 1}
	if _, ok := FindAttr(v.Op.Attrs, "dilation"); ok {
		d := v.Ints("dilation")
		g.dh, g.dw = d[0], d[1]
	}
	g.oh = (g.h+2*g.ph-g.dh*(kh-1)-1)/g.sh + 1
	g.ow = (g.w+2*g.pw-g.dw*(kw-1)-1)/g.sw + 1
	return g
}

// both runs work(lo, hi) over [0, n) on every core.
func both(n int, work func(lo, hi int)) {
	cores := min(runtime.GOMAXPROCS(0), n)
	var wg sync.WaitGroup
	for c := range cores {
		wg.Go(func() { work(c*n/cores, (c+1)*n/cores) })
	}
	wg.Wait()
}

// span gives the outputs x for which the input column x*stride + offset lies in [0, size).
func span(size, out, stride, offset int) (lo, hi int) {
	if offset < 0 {
		lo = (-offset + stride - 1) / stride
	}
	if size <= offset {
		return lo, lo
	}
	return lo, max(lo, min(out, (size-offset+stride-1)/stride))
}

// convolve computes dst[o,y,x] = sum of w[o,i,ky,kx] * x[i, y*s+ky*d-p, x*s+kx*d-p] within each group.
func convolve[T number](g window, groups, outC int, dst, x, w []T) {
	inPer, outPer := g.c/groups, outC/groups
	both(outC, func(lo, hi int) {
		for o := lo; o < hi; o++ {
			first := o / outPer * inPer
			plane := dst[o*g.oh*g.ow : (o+1)*g.oh*g.ow]
			for i := range inPer {
				src := x[(first+i)*g.h*g.w : (first+i+1)*g.h*g.w]
				tap := w[(o*inPer+i)*g.kh*g.kw : (o*inPer+i+1)*g.kh*g.kw]
				accumulate(g, plane, src, tap)
			}
		}
	})
}

func accumulate[T number](g window, dst, src, tap []T) {
	for ky := range g.kh {
		y0, y1 := span(g.h, g.oh, g.sh, ky*g.dh-g.ph)
		for kx := range g.kw {
			x0, x1 := span(g.w, g.ow, g.sw, kx*g.dw-g.pw)
			t := tap[ky*g.kw+kx]
			for y := y0; y < y1; y++ {
				d := dst[y*g.ow+x0 : y*g.ow+x1]
				s := src[(y*g.sh+ky*g.dh-g.ph)*g.w+x0*g.sw+kx*g.dw-g.pw:]
				axpy(d, s, t, g.sw)
			}
		}
	}
}

func axpy[T number](d, s []T, t T, stride int) {
	if stride == 1 {
		s = s[:len(d)]
		for i := range d {
			d[i] += t * s[i]
		}
		return
	}
	for i := range d {
		d[i] += t * s[i*stride]
	}
}

// dense computes dst[o] = sum of w[o,i] * x[i].
func dense[T number](dst, x, w []T) {
	both(len(dst), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			row := w[o*len(x) : (o+1)*len(x)]
			var sum T
			for i, xi := range x {
				sum += row[i] * xi
			}
			dst[o] = sum
		}
	})
}

func addBias[T number](dst, bias []T) {
	per := len(dst) / len(bias)
	for i := range dst {
		dst[i] += bias[i/per]
	}
}

// poolWindows folds every window's elements inside the image, in row-major order.
func poolWindows[T number](g window, dst, x []T, first func(T) T, fold func(acc, x T) T) {
	both(g.c, func(lo, hi int) {
		for c := lo; c < hi; c++ {
			src := x[c*g.h*g.w : (c+1)*g.h*g.w]
			for o := range g.oh * g.ow {
				dst[c*g.oh*g.ow+o] = poolWindow(g, src, o/g.ow, o%g.ow, first, fold)
			}
		}
	})
}

func poolWindow[T number](g window, src []T, oy, ox int, first func(T) T, fold func(acc, x T) T) T {
	var acc T
	started := false
	for y := max(oy*g.sh-g.ph, 0); y < min(oy*g.sh-g.ph+g.kh, g.h); y++ {
		for x := max(ox*g.sw-g.pw, 0); x < min(ox*g.sw-g.pw+g.kw, g.w); x++ {
			if !started {
				acc, started = first(src[y*g.w+x]), true
				continue
			}
			acc = fold(acc, src[y*g.w+x])
		}
	}
	return acc
}

func maxPool[T number](g window, dst, x []T) {
	poolWindows(g, dst, x, func(x T) T { return x }, func(a, x T) T { return max(a, x) })
}

func sumPool[T number](g window, dst, x []T) {
	poolWindows(g, dst, x, func(x T) T { return x }, func(a, x T) T { return a + x })
}

// place copies the part of x that overlaps dst after a shift: dst[c, y, z] = x[c, y*s+oy, z*s+ox], zero outside.
func place[T number](dst []T, dc, dh, dw int, x []T, h, w, stride, oy, ox int) {
	for c := range dc {
		for y := range dh {
			for z := range dw {
				sy, sx := y*stride+oy, z*stride+ox
				if sy >= 0 && sy < h && sx >= 0 && sx < w {
					dst[(c*dh+y)*dw+z] = x[(c*h+sy)*w+sx]
				}
			}
		}
	}
}

func argmax[T number](x []T) int {
	best := 0
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	return best
}
