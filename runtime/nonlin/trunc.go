package nonlin

// Division by 2^f by one correlated OT. The wrap of two shares of a value whose top bit is known is the OR of their top
// bits: D. Rathee, M. Rathee, R. Goli, D. Gupta, R. Sharma, N. Chandran, A. Rastogi, "SIRNN", S&P 2021 (MSB to wrap);
// an addition makes the top bit known, and the last bit is left to chance: Z. Huang, W. Lu, C. Hong, J. Ding, "Cheetah",
// USENIX Security 2022. Semi-honest.
//
//	f          bits to drop, 1 <= f <= l-2
//	x          in [-2^(l-2), 2^(l-2)), shared x0 + x1 mod 2^l
//	y          x + 2^(l-2), in [0, 2^(l-1)); the client adds the constant to its share: y0 = x0 + 2^(l-2), y1 = x1
//	m_i        msb(y_i)
//	w          m0 OR m1 = m0 + m1 - m0*m1: as y < 2^(l-1), the shares wrap, y0 + y1 = y + 2^l, just when one of them
//	           is 2^(l-1) or more
//	R, S       the parties as receiver and sender of the OT, either way round
//
//	S                                              R
//	1. v = m_S - (p1 - p0) mod 2^f                 1. e = m_R ^ c
//	                        ---- v ---->
//	                        <---- e ----           (the two cross)
//	2. w_S = m_S - share of m_R*m_S, z_S           2. w_R = m_R - share of m_R*m_S, z_R
//
//	z0 = floor(y0 / 2^f) - w0*2^(l-f) - 2^(l-2-f)
//	z1 =  ceil(y1 / 2^f) - w1*2^(l-f)
//
// w is needed mod 2^f alone, as it is multiplied by 2^(l-f).
//
// Functionality: z = floor(x / 2^f) + u, u in {0,1}. With L_i = y_i mod 2^f and r = x mod 2^f = y mod 2^f,
// floor + ceil = floor((y0 + y1) / 2^f) - [L0 + L1 >= 2^f] + [L1 > 0]; the first bracket is [L1 > r], so that
// u = [0 < L1 <= r]. Over a uniform share P(u = 1) = r / 2^f, the dropped fraction: the result is x / 2^f on average, and a
// multiple of 2^f is divided exactly, always. (Rounding both shares down and adding one instead would give
// P(u = 1) = (r + 1) / 2^f.) That u depends on the share, the same bits that mask x, is part of the functionality.
//
// Range: outside [-2^(l-2), 2^(l-2)) the result is wrong by a multiple of 2^(l-f). Failure probability: none inside.
// Leakage: none, see cot.go.
// Cost: offline n random OTs (cot.go), one round; online cost.BitBytes(n, 1) from R and cost.BitBytes(n, f) from S,
// which cross: one round. Two hashes an element at S, one at R.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Trunc divides shared values by 2^F, as one party. Every method takes vectors of n elements, or n bits, one an instance:
// x the party's shares, c, q and p0, p1 the random OTs, e and v the messages, z the result, which may be x.
type Trunc[W ring.Word] struct {
	F     int // bits dropped, 1 to l-2
	Party cost.Party
}

// Check reports an F or a Party that the protocol does not take. The other methods panic on those.
func (t Trunc[W]) Check() error {
	if most := ring.Width[W]() - 2; t.F < 1 || t.F > most {
		return fmt.Errorf("truncation by %d bits: accepted are 1 to %d in a ring of %d bits", t.F, most, ring.Width[W]())
	}
	if t.Party != cost.Client && t.Party != cost.Server {
		return fmt.Errorf("truncation by the %v: accepted are the %v and the %v", t.Party, cost.Client, cost.Server)
	}
	return nil
}

// Choose sets e to the receiver's message: e = msb(y) ^ c. It sends cost.BitBytes(n, 1) bytes.
func (t Trunc[W]) Choose(e ring.Bits, x []W, c ring.Bits) {
	agreeBits("truncation: choose", len(x), e, c)
	k := t.constants()
	blocks(k.chooseVectors(e.Words(), x, c.Words()), len(x), func(lo, hi int) {
		var msb uint64
		for i, xi := range x[lo:hi] {
			msb |= uint64(k.msb(xi)) << i
		}
		e.Words()[lo/wordBits] = msb ^ word(c, lo)
	})
}

// Correlate sets v to the sender's message: v = msb(y) - (p1 - p0) mod 2^F. It sends cost.BitBytes(n, F) bytes, the low F bits
// of each element; the others are zero. v may be any of the sources.
func (t Trunc[W]) Correlate(v, x, p0, p1 []W) {
	agree("truncation: correlate", len(x), v, p0, p1)
	k := t.constants()
	for i := k.correlateVectors(v, x, p0, p1); i < len(x); i++ {
		v[i] = correlation(k.msb(x[i]), p0[i], p1[i]) & k.low
	}
}

// Receive sets z to the receiver's share of the result, from its own e and the sender's v.
func (t Trunc[W]) Receive(z, x []W, e, c ring.Bits, q, v []W) {
	agree("truncation: receive", len(x), z, q, v)
	agreeBits("truncation: receive", len(x), e, c)
	k := t.constants()
	done := k.receiveVectors(z, x, e.Words(), c.Words(), q, v)
	blocks(done, len(x), func(lo, hi int) {
		eBits, cBits := word(e, lo), word(c, lo)
		for i := lo; i < hi; i++ {
			both := receiverShare(q[i], v[i], W(eBits&1), W(cBits&1))
			z[i] = k.divide(x[i], k.msb(x[i])-both)
			eBits, cBits = eBits>>1, cBits>>1
		}
	})
}

// Send sets z to the sender's share of the result, from the receiver's e.
func (t Trunc[W]) Send(z, x []W, e ring.Bits, p0 []W) {
	agree("truncation: send", len(x), z, p0)
	agreeBits("truncation: send", len(x), e)
	k := t.constants()
	blocks(k.sendVectors(z, x, e.Words(), p0), len(x), func(lo, hi int) {
		eBits := word(e, lo)
		for i := lo; i < hi; i++ {
			msb := k.msb(x[i])
			both := senderShare(msb, p0[i], W(eBits&1))
			z[i] = k.divide(x[i], msb-both)
			eBits >>= 1
		}
	})
}

// truncation is the constants of one party's steps.
type truncation[W ring.Word] struct {
	f, wrap, top uint // f, l-f and l-1
	low          W    // 2^f - 1
	up           W    // what is added before a division rounds down: 0 at the client; at the server low, which rounds up
	offset       W    // y - x in this party's share: 2^(l-2) at the client
	base         W    // offset / 2^f
}

func (t Trunc[W]) constants() truncation[W] {
	if err := t.Check(); err != nil {
		panic("nonlin: " + err.Error())
	}
	l, f := uint(ring.Width[W]()), uint(t.F)
	k := truncation[W]{f: f, wrap: l - f, top: l - 1, low: 1<<f - 1}
	if t.Party == cost.Client {
		k.offset, k.base = 1<<(l-2), 1<<(l-2-f)
	} else {
		k.up = k.low
	}
	return k
}

// msb is m, the top bit of the share y = x + offset.
func (k truncation[W]) msb(x W) W { return (x + k.offset) >> k.top }

// divide is z, from the shares of x and of w. The low bits are rounded by themselves, as y + up could wrap.
func (k truncation[W]) divide(x, w W) W {
	y := x + k.offset
	return y>>k.f + (y&k.low+k.up)>>k.f - w<<k.wrap - k.base
}
