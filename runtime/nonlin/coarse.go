package nonlin

// The sign of a truncated value without its low bits: what trunc.go makes of x is known before the low bits are, up to the unit
// that it leaves to chance, and that unit is a function of the server's share. Semi-honest; local.
//
//	d          bits that the truncation drops, 0 < d < width-1
//	t          what trunc.go gives: floor(x / 2^d) + u, u = [0 < L1 <= x mod 2^d], L1 = x1 mod 2^d
//
//	Client                                         Server
//	y0 = floor(x0 / 2^d)                           y1 = ceil(x1 / 2^d)
//
// y0 + y1 = t mod 2^(width-d): a wrap of x0 + x1 is a multiple of 2^width and leaves a multiple of 2^(width-d), and so does the one
// of x1 + 2^d - 1. So the sign of y0 + y1 at width-d bits, by compare.go and step 5 of drelu.go, is that of t, the very
// result of trunc.go *on the same shares*: the multiplexer gives relu(t), and the low d bits are compared by nobody.
//
// Functionality: shares of t mod 2^(width-d). Range: t in [-2^(width-1-d), 2^(width-1-d)), so x up to 2^(width-1) - 2^d. Failure
// probability: none. Leakage and cost: none.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Coarse sets y to the party's share of the truncated value, of which the low width-drop bits count, 0 < drop < l. y may be x.
// It panics unless party is the client or the server.
func Coarse[W ring.Word](y, x []W, drop int, party cost.Party) {
	agree("coarse", len(x), y)
	if drop < 1 || drop >= ring.Width[W]() {
		panic(fmt.Sprintf("nonlin: coarse: drops %d bits: accepted are 1 to %d", drop, ring.Width[W]()-1))
	}
	up := W(complement(party)) * (1<<drop - 1)
	for i := range x {
		y[i] = (x[i] + up) >> drop
	}
}
