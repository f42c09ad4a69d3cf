package nonlin

// A quadratic polynomial of a shared value whose linear factor one party knows, with the material of one square: D. Beaver, "Efficient
// Multiparty Protocols Using Circuit Randomization", CRYPTO 1991, in the masked form of square.go. Semi-honest, client-server.
//
//	x          shared r + x1: the client's part is known offline
//	k, b       the polynomial is 2^k*x^2 + b*x; the server knows b, one for each channel of x
//	B          uniform at the server; shares c0 + c1 = r*B
//
//	Server                                         Client
//	1. g = 2^(k+1)*x1 + b - B
//	                        ---- g ---->
//	2. y1 = x1*(2^k*x1 + b) + c1                   2. y0 = r*(2^k*r + g) + c0
//
// What depends on both parts is r*(2^(k+1)*x1 + b) = r*g + c0 + c1: a product of one number of each party, however many terms the
// server's has.
//
// Functionality: y0 + y1 = 2^k*x^2 + b*x mod 2^l, exact. Range: any x; the caller proves that the result fits. Failure probability:
// none. Leakage: none, B is uniform and used once.
// Cost: online cost.BitBytes(n, l) from the server, one round. No hash. Material: that of a square.

import "sotto/runtime/ring"

// QuadraticBlind sets g to the server's message (step 1), n elements: 2^(k+1)*x1 + b - blind, b the
// factors of their channels. g may be any of the sources.
func QuadraticBlind[W ring.Word](g, x1, blind []W, b Factors[W], k int) {
	agree("quadratic: blind", len(g), x1, blind)
	b.Each("quadratic: blind", len(g), func(lo, hi int, b W) {
		for i := lo + quadraticBlindVectors(g[lo:hi], x1[lo:hi], blind[lo:hi], b, k); i < hi; i++ {
			g[i] = x1[i]<<(k+1) + b - blind[i]
		}
	})
}

// QuadraticClient sets y to the client's share (step 2), n elements: r*(2^k*r + g) + c0. y may be any of the sources.
func QuadraticClient[W ring.Word](y, r, g, c0 []W, k int) {
	agree("quadratic: client", len(y), r, g, c0)
	for i := quadraticClientVectors(y, r, g, c0, k); i < len(y); i++ {
		y[i] = r[i]*(r[i]<<k+g[i]) + c0[i]
	}
}

// QuadraticServer sets y to the server's share (step 2), n elements: x1*(2^k*x1 + b) + c1. y may be any of the sources.
func QuadraticServer[W ring.Word](y, x1, c1 []W, b Factors[W], k int) {
	agree("quadratic: server", len(y), x1, c1)
	b.Each("quadratic: server", len(y), func(lo, hi int, b W) {
		for i := lo + quadraticServerVectors(y[lo:hi], x1[lo:hi], c1[lo:hi], b, k); i < hi; i++ {
			y[i] = x1[i]*(x1[i]<<k+b) + c1[i]
		}
	})
}
