package nonlin

// Multiplexer, d*x for a shared bit and a shared value, by a correlated OT each way: D. Rathee, M. Rathee, N. Kumar,
// N. Chandran, D. Gupta, A. Rastogi, R. Sharma, "CrypTFlow2", CCS 2020 (Mux), with correlated OTs as in "SIRNN", S&P 2021.
// Semi-honest.
//
//	d          d0 ^ d1 = d0 + d1 - 2*d0*d1
//	x          x0 + x1 mod 2^l
//	x_i*d      = x_i*d_i + d_(1-i) * x_i*(1-2*d_i): party i the sender with correlation x_i*(1-2*d_i), the other's choice
//	           d_(1-i)
//
//	Party i, as sender and as receiver             Party 1-i, likewise
//	1. e = d_i ^ c, v = x_i*(1-2*d_i) - (p1 - p0)
//	                     ---- e, v ---->
//	                     <---- e, v ----           (the two cross)
//	2. z_i = x_i*d_i + sender's share + receiver's share
//
// ReLU is d = drelu(x), the winner of a comparison b + d*(a - b) with d = drelu(a - b).
//
// Functionality: z0 + z1 = d*x mod 2^l, exact. Range: any x. Failure probability: none. Leakage: none, see cot.go.
// Cost: offline n random OTs each way (cot.go), one round; online cost.BitBytes(n, 1) + cost.BitBytes(n, l) from each
// party, one round. Three hashes an element at each party: two as the sender, one as the receiver.

import "sotto/runtime/ring"

// Mux multiplies shared values by shared bits, as either party. Every method takes vectors of n elements, or n bits, one an
// instance: x and d the party's shares, z its share of d*x, which may be x.
type Mux[W ring.Word] struct{}

// Choose sets e to the message of the party as receiver: e = d ^ c, c its random choices. It sends cost.BitBytes(n, 1) bytes.
func (Mux[W]) Choose(e, d, c ring.Bits) { ring.Xor(e, d, c) }

// Correlate sets v to the message of the party as sender: v = x*(1-2d) - (p1 - p0), p0 and p1 its pads. It sends
// cost.BitBytes(n, l) bytes. v may be any of the sources.
func (Mux[W]) Correlate(v, x []W, d ring.Bits, p0, p1 []W) {
	agree("mux: correlate", len(x), v, p0, p1)
	agreeBits("mux: correlate", len(x), d)
	blocks(0, len(x), func(lo, hi int) {
		dBits := word(d, lo)
		for i := lo; i < hi; i++ {
			v[i] = correlation(negateIf(x[i], W(dBits&1)), p0[i], p1[i])
			dBits >>= 1
		}
	})
}

// Output sets z to the party's share of d*x: as the sender from the peer's ePeer and its own p0, as the receiver from its
// own eOwn, c and q and the peer's v.
func (Mux[W]) Output(z, x []W, d, ePeer ring.Bits, p0 []W, eOwn, c ring.Bits, q, v []W) {
	agree("mux: output", len(x), z, p0, q, v)
	agreeBits("mux: output", len(x), d, ePeer, eOwn, c)
	blocks(0, len(x), func(lo, hi int) {
		dBits, peerBits, ownBits, cBits := word(d, lo), word(ePeer, lo), word(eOwn, lo), word(c, lo)
		for i := lo; i < hi; i++ {
			own := W(dBits & 1)
			sent := senderShare(negateIf(x[i], own), p0[i], W(peerBits&1))
			z[i] = x[i]&-own + sent + receiverShare(q[i], v[i], W(ownBits&1), W(cBits&1))
			dBits, peerBits, ownBits, cBits = dBits>>1, peerBits>>1, ownBits>>1, cBits>>1
		}
	})
}
