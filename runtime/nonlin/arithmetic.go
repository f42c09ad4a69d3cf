package nonlin

// A shared bit as a shared ring element, by one correlated OT: D. Rathee, M. Rathee, R. Goli, D. Gupta, R. Sharma, N. Chandran,
// A. Rastogi, "SIRNN", S&P 2021 (B2A, Boolean to arithmetic). Semi-honest.
//
//	u          u_R ^ u_S = u_R + u_S - 2*u_R*u_S
//	R, S       the parties as receiver and sender of the OT, either way round: choice u_R, correlation u_S
//
//	S                                              R
//	1. v = u_S - (p1 - p0) mod 2^(l-1)             1. e = u_R ^ c, Mux.Choose
//	                        ---- v ---->
//	                        <---- e ----           (the two cross)
//	2. z_S = u_S - 2*share of u_R*u_S              2. z_R = u_R - 2*share of u_R*u_S
//
// The product is doubled, so it is needed mod 2^(l-1) alone.
//
// Functionality: z_R + z_S = u mod 2^l, exact. Failure probability: none. Leakage: none, see cot.go.
// Cost: a random OT an element; online cost.BitBytes(n, 1) from R and cost.BitBytes(n, l-1) from S, which cross: one round. Two
// hashes an element at S, one at R.

import "sotto/runtime/ring"

// Arithmetic turns shared bits into shared ring elements, as one party. Every method takes vectors of n elements, or n bits: u the
// party's shares, c, q and p0, p1 the random OTs, e and v the messages, z the result.
type Arithmetic[W ring.Word] struct{}

// Correlate sets v to the sender's message: u - (p1 - p0) mod 2^(l-1). It sends cost.BitBytes(n, l-1) bytes, the low l-1 bits of each
// element; the top one is zero. v may be p0 or p1.
func (Arithmetic[W]) Correlate(v []W, u ring.Bits, p0, p1 []W) {
	agree("arithmetic: correlate", len(v), p0, p1)
	agreeBits("arithmetic: correlate", len(v), u)
	half := ^W(0) >> 1
	blocks(0, len(v), func(lo, hi int) {
		bits := word(u, lo)
		for i := lo; i < hi; i++ {
			v[i] = correlation(W(bits&1), p0[i], p1[i]) & half
			bits >>= 1
		}
	})
}

// Receive sets z to the receiver's share, from its own e and the sender's v. z may be q or v.
func (Arithmetic[W]) Receive(z []W, u, e, c ring.Bits, q, v []W) {
	agree("arithmetic: receive", len(z), q, v)
	agreeBits("arithmetic: receive", len(z), u, e, c)
	blocks(0, len(z), func(lo, hi int) {
		bits, eBits, cBits := word(u, lo), word(e, lo), word(c, lo)
		for i := lo; i < hi; i++ {
			z[i] = W(bits&1) - 2*receiverShare(q[i], v[i], W(eBits&1), W(cBits&1))
			bits, eBits, cBits = bits>>1, eBits>>1, cBits>>1
		}
	})
}

// Send sets z to the sender's share, from the receiver's e. z may be p0.
func (Arithmetic[W]) Send(z []W, u, e ring.Bits, p0 []W) {
	agree("arithmetic: send", len(z), p0)
	agreeBits("arithmetic: send", len(z), u, e)
	blocks(0, len(z), func(lo, hi int) {
		bits, eBits := word(u, lo), word(e, lo)
		for i := lo; i < hi; i++ {
			own := W(bits & 1)
			z[i] = own - 2*senderShare(own, p0[i], W(eBits&1))
			bits, eBits = bits>>1, eBits>>1
		}
	})
}
