package nonlin

// Square of a shared value with material from the offline phase: D. Beaver, "Efficient Multiparty Protocols Using Circuit
// Randomization", CRYPTO 1991, with pairs (a, a^2) for the opened form; the masked form multiplies by the one part of x that
// is not known offline. Semi-honest.
//
// Masked (client-server). The client's share of x is r, known offline; the server's is x1 = x - r. Material: b uniform at
// the server, shares c0 + c1 = r*b.
//
//	Server                                         Client
//	1. g = x1 - b
//	                        ---- g ---->
//	2. y1 = x1^2 + 2*c1                            2. y0 = r^2 + 2*r*g + 2*c0
//
// x^2 = r^2 + 2*r*x1 + x1^2 and r*x1 = r*g + c0 + c1. Leakage: none, b is uniform and used once.
// Cost: online cost.BitBytes(n, l) from the server, one round. No hash. Material: the dealer sends cost.BitBytes(n, l) to the
// server.
//
// Opened (outsourced). E = x - a is public, opened once for all readers of x (see the package comment); material: shares of
// a and a^2.
//
//	y_i = i*E^2 + 2*E*a_i + [a^2]_i
//
// Cost: none; the material the same. Leakage: none, a is uniform and used for one x.
//
// Functionality of both: y0 + y1 = x^2 mod 2^l, exact. Range: any x; the caller proves that x^2 fits. Failure probability:
// none.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// SquareBlind sets g = x1 - b, the server's message of the masked form (step 1), n elements.
func SquareBlind[W ring.Word](g, x1, b []W) { ring.Sub(g, x1, b) }

// SquareMaskedClient sets y to the client's share of x^2 (step 2): y = r^2 + 2*r*g + 2*c0, n elements. y may be any of the
// sources.
func SquareMaskedClient[W ring.Word](y, r, g, c0 []W) {
	agree("square: client", len(y), r, g, c0)
	for i := squareClientVectors(y, r, g, c0); i < len(y); i++ {
		y[i] = r[i]*(r[i]+2*g[i]) + 2*c0[i]
	}
}

// SquareMaskedServer sets y to the server's share of x^2 (step 2): y = x1^2 + 2*c1, n elements. y may be any of the sources.
func SquareMaskedServer[W ring.Word](y, x1, c1 []W) {
	agree("square: server", len(y), x1, c1)
	for i := squareServerVectors(y, x1, c1); i < len(y); i++ {
		y[i] = x1[i]*x1[i] + 2*c1[i]
	}
}

// SquareOpened sets y to the party's share of x^2 from E = x - a and its shares of a and a^2, n elements:
// y = i*E^2 + 2*E*a_i + [a^2]_i, i being 1 at the server. y may be any of the sources. It panics unless party is the client or
// the server.
func SquareOpened[W ring.Word](y, e, a, a2 []W, party cost.Party) {
	agree("square: opened", len(y), e, a, a2)
	if party != cost.Client && party != cost.Server {
		panic(fmt.Sprintf("nonlin: square: the %v has no share: accepted are the %v and the %v", party, cost.Client, cost.Server))
	}
	own := W(party)
	for i := range y {
		y[i] = e[i]*(own*e[i]+2*a[i]) + a2[i]
	}
}
