package fss

// Rectification, max(x, 0) or its truncation, from one opening: the comparison of fss.go, the dealer's truncation of D. Escudero,
// S. Ghosh, M. Keller, R. Rachuri and P. Scholl, "Improved Primitives for MPC over Mixed Arithmetic-Binary Circuits", CRYPTO 2020
// (the top bit of the mask says whether the sum wrapped), and a selection whose products with the mask the dealer knows, as in
// Orca (N. Jawalkar et al., S&P 2024). Semi-honest; the dealer colludes with nobody.
//
//	w, f       width, 2 <= w <= l; bits dropped, 0 <= f <= w-2; if f > 0 also w < l
//	L          bits opened, min(w+1, l)
//	k          width of the comparison: L-f, or w if f = 0
//	r          uniform mod 2^L, shared mod 2^l as r0 + r1; R = r mod 2^L
//	q          uniform bit, shared as q0 + q1 mod 2^l: the low bits of q0 and q1 share it as a bit
//	A_u        2^(L-f) * (1-u) * (bit L-1 of R)  -  (R >> f), for u = 0, 1
//
//	Dealer                                            Party b
//	1. keys for R >> f at width k;
//	   q, A_0, A_1, q*A_0, q*A_1 shared ------------> offline; the client's shares come from its tape
//	                                                  2. y_b = x_b + r_b mod 2^L  <---->  y = x + r mod 2^L
//	                                                  3. d_b: the comparison's share at y >> f;  e_b = d_b ^ (q_b mod 2)
//	                                                     Y = y + 2^(w-1) mod 2^L, u its top bit, T = (Y >> f) - 2^(w-1-f)
//	                                                     P_b = b*T + [A_u]_b,  Q_b = T*q_b + [q*A_u]_b
//	                                                  4. e_b  <---->  e = d ^ q
//	                                                  5. z_b = e*P_b + (1 - 2e)*Q_b
//
// X = x + 2^(w-1) is in [0, 2^w), half of 2^L at most where L = w+1: X + R passes 2^L just when R has its top bit and Y has not.
// So (Y >> f) - (R >> f) + 2^(L-f)*wrap is (X >> f) plus the carry of the low f bits, and t = P_0 + P_1 is floor(x / 2^f) + {0, 1}. Where
// L = w = l there is f = 0 and no wrap to correct mod 2^l. (y >> f) - (R >> f) is t mod 2^(L-f), with the same carry: d is the sign of t
// itself, which has at most L-f bits, and no bit of x is compared that t has not. d = e + (1-2e)*q, so z = d*t.
//
// Functionality: z0 + z1 = max(t, 0): 0 where x < 0, otherwise floor(x / 2^f) + v, v in {0, 1}, P(v = 1) = (x mod 2^f) / 2^f: exact for f = 0. Range:
// that of w. Failure probability: none. Leakage: none: y and e are uniform, masked by r and q, which are used once.
// Cost: cost.ComparisonKeyBytes(n, k) from the dealer to each party, cost.SelectionBytes(n, l) to the server besides; then
// cost.BitBytes(n, L) each way and cost.BitBytes(n, 1) each way, each crossed. What the server can send at once goes
// together: where the client's share of x is known offline there are two messages online, one each way.

import (
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Selection is one party's shares of what a batch of rectifications takes besides a key: q, A_0, A_1, q*A_0 and q*A_1, each
// of n elements, one after the other.
type Selection[W ring.Word] []W

func (s Selection[W]) of(which int) []W {
	n := len(s) / cost.Selections
	return s[which*n : (which+1)*n]
}

// The parts of a Selection.
const (
	selQ = iota
	selA0
	selA1
	selQA0
	selQA1
)

// SelectionBlocks is the blocks that hold a selection for n rectifications.
func SelectionBlocks[W ring.Word](n int) int {
	per := 8 * prg.BlockBytes / ring.Width[W]()
	return (cost.Selections*n + per - 1) / per
}

// Rectifier is the format of a rectification: both numbers are public.
type Rectifier struct {
	Width int // w
	Drop  int // f
}

func (c Rectifier) opening(l int) int { return cost.RectifyOpening(c.Width, l) }

// KeyWidth is the width of the keys, in a ring of l bits.
func (c Rectifier) KeyWidth(l int) int { return cost.RectifyComparison(c.Width, c.Drop, l) }

// DealRectification is Deal for rectifications under the masks r, which it shifts by the bits dropped in room for as many.
func DealRectification[W ring.Word](dealt []prg.Block, key prg.Block, c Rectifier, roots [2][]prg.Block, r, room []W) {
	shift(room, r, c.Drop)
	Deal(dealt, key, c.KeyWidth(ring.Width[W]()), roots, room)
}

func shift[W ring.Word](dst, src []W, by int) {
	for i, x := range src {
		dst[i] = x >> by
	}
}

// DealSelection sets server to the server's shares (step 1) from the client's, the masks r and the bits q, the low bit of each
// word. It panics unless the lengths agree.
func DealSelection[W ring.Word](server, client Selection[W], c Rectifier, q, r []W) {
	if len(server) != len(client) || len(server) != cost.Selections*len(r) || len(q) != len(r) {
		panic("fss: selections, masks and bits of different lengths")
	}
	open := c.opening(ring.Width[W]())
	for i, x := range r {
		bit := q[i] & 1
		below := x & (W(1)<<open - 1)
		a1 := -(below >> c.Drop)
		a0 := a1 + below>>(open-1)<<(open-c.Drop)
		server.of(selQ)[i] = bit
		server.of(selA0)[i], server.of(selA1)[i] = a0, a1
		server.of(selQA0)[i], server.of(selQA1)[i] = bit*a0, bit*a1
	}
	ring.Sub(server, server, client)
}

// Rectify is step 3 for a batch at the opened values y: it sets e to the party's message of step 4, p and q to P_b and Q_b. It panics
// unless the key is one of len(y) comparisons at KeyWidth, and the lengths agree.
func Rectify[W ring.Word](e ring.Bits, p, q []W, c Rectifier, k Key, s Selection[W], y []W) {
	if len(s) != cost.Selections*len(y) || len(p) != len(y) || len(q) != len(y) || k.Width != c.KeyWidth(ring.Width[W]()) {
		panic("fss: selections, values and results of different lengths, or a key of another width")
	}
	shift(p, y, c.Drop)
	Sign(e, k, p)
	open, server := c.opening(ring.Width[W]()), W(k.Party)
	ring.Parallel(len(y), grain, func(lo, hi int) {
		for ; lo < hi; lo += tile {
			end := min(lo+tile, hi)
			e.Words()[lo/tile] ^= lowBits(s.of(selQ)[lo:end])
			for i := lo; i < end; i++ {
				above := (y[i] + W(1)<<(c.Width-1)) & (W(1)<<open - 1)
				u := -(above >> (open - 1))
				t := above>>c.Drop - W(1)<<(c.Width-1-c.Drop)
				p[i] = server*t + pick(u, s.of(selA0)[i], s.of(selA1)[i])
				q[i] = t*s.of(selQ)[i] + pick(u, s.of(selQA0)[i], s.of(selQA1)[i])
			}
		}
	})
}

// pick gives a where u is 0, and b where it has all bits.
func pick[W ring.Word](u, a, b W) W { return a ^ (a^b)&u }

// lowBits packs the low bits of at most 64 words.
func lowBits[W ring.Word](v []W) (bits uint64) {
	for i, x := range v {
		bits |= uint64(x&1) << i
	}
	return bits
}

// Select is step 5: z from both messages of step 4 and what Rectify gave. z may be p or q. It panics unless the lengths agree.
func Select[W ring.Word](z []W, own, peer ring.Bits, p, q []W) {
	if len(p) != len(z) || len(q) != len(z) || own.Len() != len(z) || peer.Len() != len(z) {
		panic("fss: selections of different lengths")
	}
	ring.Parallel(len(z), selectGrain, func(lo, hi int) {
		for ; lo < hi; lo += tile {
			bits := own.Words()[lo/tile] ^ peer.Words()[lo/tile]
			for i := lo; i < min(lo+tile, hi); i++ {
				e := -W(bits & 1)
				bits >>= 1
				z[i] = p[i]&e + (q[i] ^ e) - e
			}
		}
	})
}

// selectGrain is the least number of selections for a goroutine of its own, as nonlin's: they are a few instructions each.
const selectGrain = 1 << 14
