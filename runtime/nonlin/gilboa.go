package nonlin

// Shares of the product of two private numbers from OTs: N. Gilboa, "Two Party RSA Key Generation", CRYPTO 1999, section 4.1,
// over Z/2^l, with correlations cut to the bits that still matter (as in Cheetah and MP-SPDZ). Semi-honest.
//
//	x           the correlating party's factor
//	b, b_j      the choosing party's factor and its bits
//	p0_j, p1_j  the two pads of OT j, at the correlating party; q_j the chosen one, p_{b_j}
//
//	Correlating party (x)                              Choosing party (b)
//	1. v_j = x + p0_j - p1_j mod 2^(l-j)
//	                     ---- v_j, l-j bits ---->
//	2. share -sum of 2^j p0_j                          share sum of 2^j (q_j + b_j v_j)
//
// q_j + b_j v_j = p0_j + b_j x in the low l-j bits, and 2^j takes nothing else. The OTs are random with chosen choices, or b is
// what the random choices happen to be.
//
// Functionality: shares of x*b mod 2^l, exact, uniform by the pads. Range: any. Leakage: none, each v_j is under the pad that
// the choosing party does not have. Failure probability: none.
// Cost: cost.GilboaOTs(n, l) random OTs and cost.GilboaBytes(n, l) from the correlating party, one message.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// GilboaStride is the distance between the OTs of one bit and those of the next among the OTs of n products: n in whole words.
// OT j*GilboaStride(n) + i chooses with bit j of factor i.
func GilboaStride(n int) int { return 64 * ring.BitWords(n) }

// GilboaChoices packs the choice bits of the OTs of len(b) products, the planes of b: ring.PlaneWords(len(b), l) words.
func GilboaChoices[W ring.Word](choice []uint64, b []W) { ring.Planes(choice, b, ring.Width[W]()) }

// GilboaFactors is the inverse: it reads the factors that random choices stand for. Choices beyond the elements are ignored.
func GilboaFactors[W ring.Word](b []W, choice []uint64) { ring.FromPlanes(b, choice, ring.Width[W]()) }

// GilboaCorrelate is step 1, and the correlating party's share of step 2: msg is cost.GilboaBytes(n, l) bytes, p0 and p1 are
// the pads of the OTs. It overwrites p1.
func GilboaCorrelate[W ring.Word](msg []byte, share, x, p0, p1 []W) {
	n, l, stride := len(x), ring.Width[W](), GilboaStride(len(x))
	agreeGilboa(len(msg), len(share), len(x), len(p0), len(p1))
	for j := range l {
		own, other := p0[j*stride:][:n], p1[j*stride:][:n]
		ring.Parallel(n, grain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				other[i] = x[i] + own[i] - other[i]
			}
		})
		size := ring.PackedLen(n, l-j)
		ring.Pack(msg[:size], other, l-j)
		msg = msg[size:]
	}
	weigh(share, p0, stride)
	ring.Neg(share, share)
}

// GilboaChoose sets share to the part of the choosing party's that takes no message: the sum of 2^j q_j.
func GilboaChoose[W ring.Word](share, q []W) {
	agreeGilboa(int(cost.GilboaBytes(int64(len(share)), ring.Width[W]())), len(share), len(share), len(q), len(q))
	weigh(share, q, GilboaStride(len(share)))
}

// weigh sets y to the sum of 2^j times the j-th plane of pads.
func weigh[W ring.Word](y, pads []W, stride int) {
	ring.Parallel(len(y), grain, func(lo, hi int) {
		clear(y[lo:hi])
		for j := range ring.Width[W]() {
			p := pads[j*stride:]
			for i := lo; i < hi; i++ {
				y[i] += p[i] << j
			}
		}
	})
}

// GilboaReceive completes the choosing party's share, which GilboaChoose began, with the message: step 2.
func GilboaReceive[W ring.Word](share, b []W, msg []byte) {
	n, l := len(share), ring.Width[W]()
	stride := GilboaStride(n)
	agreeGilboa(len(msg), len(share), len(b), l*stride, l*stride)
	v := make([]W, n)
	defer ring.Wipe(v)
	for j := range l {
		size := ring.PackedLen(n, l-j)
		ring.Unpack(v, msg[:size], l-j)
		msg = msg[size:]
		ring.Parallel(n, grain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				share[i] += -(b[i] >> j & 1) & (v[i] << j)
			}
		})
	}
}

// agreeGilboa compares the lengths that n products have.
func agreeGilboa(msg, share, factor, p, q int) {
	stride := GilboaStride(share)
	if factor != share || p != q || stride > 0 && p%stride != 0 {
		panic(fmt.Sprintf("nonlin: gilboa: %d shares, %d factors, %d and %d pads", share, factor, p, q))
	}
	if stride > 0 && int64(msg) != cost.GilboaBytes(int64(share), p/stride) {
		panic(fmt.Sprintf("nonlin: gilboa: message of %d bytes for %d products of %d bits", msg, share, p/stride))
	}
}
