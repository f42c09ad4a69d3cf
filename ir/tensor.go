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
		return &Tensor{Type: t, F: make([]float32, t.All())}
	}
	return &Tensor{Type: t, I: make([]int64, t.All())}
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
	out := make([]float64, t.Type.All())
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

// convolve computes dst[o,y,x] = sum of w[o,i,ky,kx] * x[i, y*s+ky*d-p, x*s+kx*d-p] within each group. With padding laid down and rows and
// columns dealt out by stride, every tap reads a stretch of its own; sums are in the order of i, ky and kx.
func convolve[T number](g window, groups, outC int, dst, x, w []T) {
	inPer, outPer, taps := g.c/groups, outC/groups, g.kh*g.kw
	l := g.laid()
	planes := make([]T, g.c*l.channel())
	both(g.c, func(lo, hi int) {
		for c := lo; c < hi; c++ {
			lay(g, l, planes[c*l.channel():(c+1)*l.channel()], x[c*g.h*g.w:(c+1)*g.h*g.w])
		}
	})
	both(outC, func(lo, hi int) {
		sum := make([]T, (g.oh-1)*l.pitch+g.ow)
		for o := lo; o < hi; o++ {
			for i := range sum {
				sum[i] = 0
			}
			first := o / outPer * inPer
			accumulate(sum, planes[first*l.channel():(first+inPer)*l.channel()], w[o*inPer*taps:(o+1)*inPer*taps], l)
			for y := range g.oh {
				copy(dst[(o*g.oh+y)*g.ow:(o*g.oh+y+1)*g.ow], sum[y*l.pitch:])
			}
		}
	})
}

// laid says how a channel lies: padded, its rows and columns of one remainder by the strides as planes of their own, rows*pitch elements each.
type laid struct {
	rows, pitch int
	planes      int
	taps        []int // where each begins to read, in the channel
}

func (l laid) channel() int { return l.planes * l.rows * l.pitch }

func (g window) laid() laid {
	l := laid{rows: g.oh + (g.kh-1)*g.dh/g.sh, pitch: g.ow + (g.kw-1)*g.dw/g.sw, planes: g.sh * g.sw}
	for ky := range g.kh {
		for kx := range g.kw {
			y, x := ky*g.dh, kx*g.dw
			plane := y%g.sh*g.sw + x%g.sw
			l.taps = append(l.taps, (plane*l.rows+y/g.sh)*l.pitch+x/g.sw)
		}
	}
	return l
}

// lay deals a channel out.
func lay[T number](g window, l laid, to, x []T) {
	for y := range min(g.h, l.rows*g.sh-g.ph) {
		row := (y + g.ph) / g.sh
		for col := range min(g.w, l.pitch*g.sw-g.pw) {
			plane := (y+g.ph)%g.sh*g.sw + (col+g.pw)%g.sw
			to[(plane*l.rows+row)*l.pitch+(col+g.pw)/g.sw] = x[y*g.w+col]
		}
	}
}

// accumulate adds weights times what they read of a few channels, four at a time.
func accumulate[T number](sum, planes, w []T, l laid) {
	const unroll = 4
	var s [unroll][]T
	var t [unroll]T
	n := 0
	for i, wi := range w {
		at := i/len(l.taps)*l.channel() + l.taps[i%len(l.taps)]
		s[n], t[n] = planes[at:at+len(sum)], wi
		if n++; n == unroll {
			axpy4(sum, s, t)
			n = 0
		}
	}
	for i := range n {
		axpy(sum, s[i], t[i])
	}
}

func axpy[T number](d, s []T, t T) {
	s = s[:len(d)]
	for i := range d {
		d[i] += t * s[i]
	}
}

func axpy4[T number](d []T, s [4][]T, t [4]T) {
	s0, s1, s2, s3 := s[0][:len(d)], s[1][:len(d)], s[2][:len(d)], s[3][:len(d)]
	t0, t1, t2, t3 := t[0], t[1], t[2], t[3]
	for i, x := range d {
		x += t0 * s0[i]
		x += t1 * s1[i]
		x += t2 * s2[i]
		x += t3 * s3[i]
		d[i] = x
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
