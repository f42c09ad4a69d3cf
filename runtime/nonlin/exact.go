package nonlin

// Exact division by 2^f, rounding down: the truncation by one correlated OT (trunc.go), less the unit that it leaves to chance.
// D. Rathee, M. Rathee, N. Kumar, N. Chandran, D. Gupta, A. Rastogi, R. Sharma, "CrypTFlow2", CCS 2020 (Truncation), takes the
// same two facts, wrap and carry of the low bits, from two comparisons. Semi-honest.
//
//	f, x, y    as in trunc.go, with its range
//	L_i        y_i mod 2^f = x_i mod 2^f
//	t          what trunc.go gives: floor(x / 2^f) + u, u = [L1 > 0] - C
//	C          carry [L0 + L1 >= 2^f], shared by compare.go
//
//	1. t by trunc.go                               1. C by compare.go with k = f
//	                                               2. the server: u1 = C1 ^ [L1 > 0]; u0 = C0
//	                                               3. u as a ring element, arithmetic.go
//	4. z = t - u
//
// u is 0 or 1 and C implies L1 > 0, as L0 < 2^f: so u = [L1 > 0] ^ C.
//
// Functionality: z0 + z1 = floor(x / 2^f) mod 2^l, exact. Range: that of trunc.go, outside it wrong by a multiple of 2^(l-f).
// Failure probability: none. Leakage: none.
// Cost: the sum of the three parts. The truncation crosses the comparison: rounds are those of the comparison and one.

import (
	"fmt"

	"sotto/runtime/ring"
)

// Excess sets u to the server's share of what a truncation by f bits has too much (step 2), 1 <= f < l: carry ^ [x mod 2^f > 0].
// u may be carry.
func Excess[W ring.Word](u, carry ring.Bits, x []W, f int) {
	agreeBits("excess", len(x), u, carry)
	if f < 1 || f >= ring.Width[W]() {
		panic(fmt.Sprintf("nonlin: excess: %d bits: accepted are 1 to %d", f, ring.Width[W]()-1))
	}
	low := W(1)<<f - 1
	blocks(0, len(x), func(lo, hi int) {
		var some uint64
		for i, xi := range x[lo:hi] {
			some |= uint64((xi&low+low)>>f) << i
		}
		u.Words()[lo/wordBits] = word(carry, lo) ^ some
	})
}
