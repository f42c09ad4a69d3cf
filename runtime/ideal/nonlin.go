package ideal

import "sotto/runtime/ring"

// Trunc is the functionality of truncation by f bits, 0 <= f < l: the result is floor(x / 2^f), x signed, with probability 1 - p and
// one more with probability p = (x mod 2^f) / 2^f, the dropped fraction; so it is x / 2^f on average, and never anything else.
func Trunc[W ring.Word](x W, f int) (floor W, p float64) {
	dropped := x & (1<<f - 1)
	return W(ring.Signed(x) >> f), float64(dropped) / float64(uint64(1)<<f)
}

// ExactTrunc is the functionality of exact truncation by f bits, 0 <= f < l: floor(x / 2^f), x signed.
func ExactTrunc[W ring.Word](x W, f int) W { return W(ring.Signed(x) >> f) }

// Mux is the functionality of the multiplexer: d*x for a bit d. Bits of d above the lowest do not matter.
func Mux[W ring.Word](d uint64, x W) W { return W(d&1) * x }

// DReLU is the functionality of the sign test at a width, 1 <= width <= l: 1 where x mod 2^width, read as signed, is at least
// zero, otherwise 0. For x in [-2^(width-1), 2^(width-1)) that is x >= 0.
func DReLU[W ring.Word](x W, width int) uint64 {
	gap := 64 - width
	return 1 ^ uint64(x)<<gap>>63
}

// Square is the functionality of the square: x*x mod 2^l.
func Square[W ring.Word](x W) W { return x * x }

// Quadratic is the functionality of the quadratic polynomial: 2^k*x*x + b*x mod 2^l.
func Quadratic[W ring.Word](x, b W, k int) W { return x*x<<k + b*x }
