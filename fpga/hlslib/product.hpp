// The product of two ring words, a*b modulo 2^l, of limbs of 17 and 26 bits, which a DSP48E2 multiplies unsigned: fpga/rtl's ring_multiply,
// whose area fpga/target counts (RingMultiplier). Only what lies below 2^l is computed, so that a product takes two DSPs where l is 32 and
// seven where it is 64; a tool that is given a*b takes three and ten. Limb products with fewer than nine bits below 2^l are LUTs.
//
//    l = 32     a0*b0 + 2^17*(a1*b0 + 2^9*a0*b1)
//    l = 64     (a0*b0 + 2^17*a1*b0) + 2^26*(a0*b1 + 2^8*a2*b0) + 2^43*((a1*b1 + 2^8*a3*b0) + 2^9*(a0*b2 + 2^8*a2*b1))
//
// Masks say how wide limbs are: that a tool narrows its multipliers to them is an estimate until its report says so.
#pragma once

#include "word.hpp"

namespace sotto {

// Bits of a limb of a, and of b.
const int LIMB_A = 17;
const int LIMB_B = 26;

// limb is bits from ... from+n-1 of x.
template <class W> inline W limb(W x, int from, int n) { return W(x >> from) & W((W(1) << n) - 1); }

inline uint32_t ring_product(uint32_t a, uint32_t b) {
#pragma HLS INLINE
    const uint32_t p00 = limb(a, 0, LIMB_A) * limb(b, 0, LIMB_B);
    const uint32_t p10 = limb(a, LIMB_A, 15) * limb(b, 0, 15);
    const uint32_t p01 = limb(a, 0, 6) * limb(b, LIMB_B, 6);
#pragma HLS BIND_OP variable = p00 op = mul impl = dsp
#pragma HLS BIND_OP variable = p10 op = mul impl = dsp
#pragma HLS BIND_OP variable = p01 op = mul impl = fabric
    return p00 + ((p10 + (p01 << 9)) << LIMB_A);
}

inline uint64_t ring_product(uint64_t a, uint64_t b) {
#pragma HLS INLINE
    const uint64_t p00 = limb(a, 0, LIMB_A) * limb(b, 0, LIMB_B);
    const uint64_t p10 = limb(a, LIMB_A, LIMB_A) * limb(b, 0, LIMB_B);
    const uint64_t p01 = limb(a, 0, LIMB_A) * limb(b, LIMB_B, LIMB_B);
    const uint64_t p20 = limb(a, 2 * LIMB_A, LIMB_A) * limb(b, 0, LIMB_B);
    const uint64_t p11 = limb(a, LIMB_A, LIMB_A) * limb(b, LIMB_B, 21);
    const uint64_t p30 = limb(a, 3 * LIMB_A, 13) * limb(b, 0, 13);
    const uint64_t p02 = limb(a, 0, 12) * limb(b, 2 * LIMB_B, 12);
    const uint64_t p21 = limb(a, 2 * LIMB_A, 4) * limb(b, LIMB_B, 4);
#pragma HLS BIND_OP variable = p00 op = mul impl = dsp
#pragma HLS BIND_OP variable = p10 op = mul impl = dsp
#pragma HLS BIND_OP variable = p01 op = mul impl = dsp
#pragma HLS BIND_OP variable = p20 op = mul impl = dsp
#pragma HLS BIND_OP variable = p11 op = mul impl = dsp
#pragma HLS BIND_OP variable = p30 op = mul impl = dsp
#pragma HLS BIND_OP variable = p02 op = mul impl = dsp
#pragma HLS BIND_OP variable = p21 op = mul impl = fabric
    const uint64_t low = p00 + (p10 << LIMB_A), middle = p01 + (p20 << 8);
    const uint64_t high = (p11 + (p30 << 8)) + ((p02 + (p21 << 8)) << 9);
    return low + (middle << LIMB_B) + (high << (LIMB_A + LIMB_B));
}

}  // namespace sotto
