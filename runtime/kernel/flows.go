package kernel

import "math"

// flows is the passes over tensors that training is made of beside products: they go at the speed of memory. In the functions x, dy and
// add have dst's length, and dst may be any of them. All machines give the same bits: products are rounded before they are
// added, and sums have the same lanes.
type flows struct {
	// affine sets dst = a*(x-m) + b, brought into lo to hi; affineAdd adds add before that.
	affine    func(dst, x []float32, m, a, b, lo, hi float32)
	affineAdd func(dst, x, add []float32, m, a, b, lo, hi float32)
	// gate sets dst to dy where lo < x <= hi, and to zero elsewhere.
	gate func(dst, x, dy []float32, lo, hi float32)
	// normal sets dst = (a*dy + c) + b*(x-m).
	normal func(dst, x, dy []float32, a, m, b, c float32)
	// square sets dst = (a*x + b)*x + c.
	square func(dst, x []float32, a, b, c float32)
	// slope sets dst = (a*x + b)*dy.
	slope func(dst, x, dy []float32, a, b float32)
	// products adds dy, and x*dy, to sums by the place modulo sumLanes; powers x*x*dy too.
	products func(s *[2 * sumLanes]float64, x, dy []float32)
	powers   func(s *[3 * sumLanes]float64, x, dy []float32)
}

// sumLanes is the lanes of a sum.
const sumLanes = 16

// total adds the lanes of a sum.
func total(lanes []float64) float64 {
	sum := 0.0
	for _, v := range lanes[:sumLanes] {
		sum += v
	}
	return sum
}

// noBound is a lower bound for none, and its negative an upper one.
var noBound = float32(math.Inf(-1))

// flow is the fastest that this machine has.
var flow = flowing()[len(flowing())-1]

// portableFlows is in plain Go.
func portableFlows() flows {
	return flows{affine: affine, affineAdd: affineAdd, gate: gate, normal: normal, square: square, slope: slope, products: products, powers: powers}
}

// within brings v into bounds; what is no number stays none.
func within(v, lo, hi float32) float32 {
	if v < lo {
		return lo
	}
	if v > hi {
		return hi
	}
	return v
}

// The conversions of products keep compilers from one rounding for a product and a sum, on processors that have that.

func affine(dst, x []float32, m, a, b, lo, hi float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = within(float32(a*(v-m))+b, lo, hi)
	}
}

func affineAdd(dst, x, add []float32, m, a, b, lo, hi float32) {
	x, add = x[:len(dst)], add[:len(dst)]
	for i, v := range x {
		dst[i] = within(float32(a*(v-m))+b+add[i], lo, hi)
	}
}

func gate(dst, x, dy []float32, lo, hi float32) {
	x, dy = x[:len(dst)], dy[:len(dst)]
	for i, v := range x {
		if d := dy[i]; v > lo && v <= hi {
			dst[i] = d
		} else {
			dst[i] = 0
		}
	}
}

func normal(dst, x, dy []float32, a, m, b, c float32) {
	x, dy = x[:len(dst)], dy[:len(dst)]
	for i, v := range x {
		dst[i] = float32(dy[i]*a) + c + float32((v-m)*b)
	}
}

func square(dst, x []float32, a, b, c float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = float32((float32(a*v)+b)*v) + c
	}
}

func slope(dst, x, dy []float32, a, b float32) {
	x, dy = x[:len(dst)], dy[:len(dst)]
	for i, v := range x {
		dst[i] = (float32(a*v) + b) * dy[i]
	}
}

func products(s *[2 * sumLanes]float64, x, dy []float32) {
	dy = dy[:len(x)]
	for i, v := range x {
		d, lane := float64(dy[i]), i%sumLanes
		s[lane] += d
		s[sumLanes+lane] += float64(d * float64(v))
	}
}

func powers(s *[3 * sumLanes]float64, x, dy []float32) {
	dy = dy[:len(x)]
	for i, v := range x {
		d, lane := float64(dy[i]), i%sumLanes
		s[lane] += d
		d *= float64(v)
		s[sumLanes+lane] += d
		s[2*sumLanes+lane] += float64(d * float64(v))
	}
}
