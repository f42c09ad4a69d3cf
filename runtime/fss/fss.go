// Package fss compares shared values with zero by a distributed comparison function whose keys a dealer makes: local steps of
// the dealer (Deal) and of either party (Key.Sign).
package fss

// Comparison: the distributed comparison function of E. Boyle, N. Chandran, N. Gilboa, D. Gupta, Y. Ishai, N. Kumar and
// M. Rathee, "Function Secret Sharing for Mixed-Mode and Fixed-Point Secure Computation", EUROCRYPT 2021, figure 1, with one
// output bit, and the early termination of E. Boyle, N. Gilboa and Y. Ishai, CCS 2016, section 3.2.1: the last levels of the tree
// are the bits of one block. The use for the sign is that of Orca and SIGMA (N. Jawalkar, K. Gupta et al., S&P 2024, PETS 2024).
// Semi-honest; the dealer colludes with nobody.
//
//	w          width: x in [-2^(w-1), 2^(w-1)), 2 <= w <= l; n = w-1
//	r          uniform mod 2^w, shared as r0 + r1; neither party knows it
//	alpha      r mod 2^n, the point of the comparison
//	s_b, t_b   party b's seed and control bit at a node; on the path to alpha t_0 ^ t_1 = 1, off it both agree in both
//	v          the bit of a child that hides a step of the output; V the sum of the output's steps on the path to alpha
//	CW         correction word of a level: for the seeds, for t of either child, for v
//	H          H(x) = pi(x) ^ x, pi AES-128 under a fresh key for each batch
//	m          levels, max(n-7, 0); a leaf has 2^(n-m) points
//	c          1 ^ bit w-1 of r
//
//	Dealer                                          Party b
//	1. seeds of both roots, r0, r1 from tapes       roots, r_b from its tape
//	2. CW of every level and leaf ------------->    offline, the same to both
//	                                                3. y_b = x_b + r_b mod 2^w  <---->  y = y0 + y1 = x + r mod 2^w
//	                                                4. d_b = bit w-1 of b*y  ^  DCF_b(y mod 2^n)
//
// With y = x + r mod 2^w, x's sign is the top bit of y - r: that of y, that of r, and the borrow of the bits below, which is
// [y mod 2^n < alpha]. The function shared is [z < alpha] ^ c: c takes the top bit of r and turns the sign into drelu. It is added
// where the first correction word adds a bit to all points: party 1 alone applies it, whose t is 1 at the root.
//
// At a node whose seed is s and whose children are 0 (left) and 1, child k is H(s ^ k). Of its block bit 0 is t if k = 0, bit 2 is t
// if k = 1, bit 1 is v, the other 125 are the child's seed; a correction word has the same places. So one AES call makes the one
// child that an evaluation needs, and the correction of all its parts is one masked XOR.
//
// Functionality: d0 ^ d1 = 1 where x >= 0, zero included, as gc.drelu's. Range: outside that of w the sign of x mod 2^w. Failure
// probability: none. Leakage: none to the parties: y is uniform, a key pseudorandom. The dealer sees no message of theirs.
// An evaluation branches and indexes by nothing but y's bits at most, which both parties know; it does neither.
//
// Cost: cost.ComparisonKeyBytes(n, w) from the dealer to each party, cost.BitBytes(n, w) each way, crossed, one round; the
// message of a party whose share is known offline is sent offline. cost.ComparisonAES blocks a party, cost.DealtComparisonAES at
// the dealer.
//
// Deviation: seeds have 125 bits. With q < 2^20 hashes under one key (2^12 comparisons of 56 levels, four hashes each) an adversary
// that computes AES p times guesses a seed with probability p*q / 2^125: time over advantage is 2^105.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Batch is the comparisons whose keys are under one hash key.
const Batch = cost.ComparisonBatch

// tile is the comparisons that go through the tree side by side: their output bits are one word, and their corrections lie
// together, level by level. The last tile of a batch may be smaller.
const tile = 64

// grain is the least number of comparisons for a goroutine of its own: Tuning, a multiple of tile.
const grain = 4 * tile

// Places of the control bits in a block.
const (
	leftT, leftBit   = 1 << 0, 0
	vMask, vBit      = 1 << 1, 1
	rightT, rightBit = 1 << 2, 2
	control          = leftT | vMask | rightT
	// tStep is how far t of a right child is from t of a left one.
	tStep = rightBit - leftBit
)

// leafBits is log2 of a leaf's points.
const leafBits = 7

// blocksOf is the blocks that the dealer sends for n comparisons of one batch, the hash key first.
func blocksOf(n, width int) int { return int(cost.ComparisonBlocks(int64(n), width)) }

// tiles calls f for the tiles in [lo, hi) of a batch, with the place of their corrections behind the hash key.
func tiles(lo, hi, width int, f func(lo, hi, at int)) {
	each := cost.ComparisonLevels(width) + 1
	for ; lo < hi; lo += tile {
		f(lo, min(lo+tile, hi), 1+lo*each)
	}
}

// check panics on sizes that no caller has: they come from a checked program.
func check[W ring.Word](n, width, dealt int, roots ...[]prg.Block) {
	if n < 1 || n > Batch || width < 2 || width > ring.Width[W]() || dealt != blocksOf(n, width) {
		panic(fmt.Sprintf("fss: %d comparisons of %d bits with %d blocks: accepted are 1 to %d of 2 to %d bits with their blocks", n, width, dealt, Batch, ring.Width[W]()))
	}
	for _, r := range roots {
		if len(r) != n {
			panic(fmt.Sprintf("fss: %d roots for %d comparisons", len(r), n))
		}
	}
}

// seed gives a block without its control bits.
func seed(b prg.Block) prg.Block { return prg.Block{Lo: b.Lo &^ control, Hi: b.Hi} }

// path gives the low width-1 bits of y at the top of a word, the highest first.
func path[W ring.Word](y W, width int) uint64 { return uint64(y) << (64 - (width - 1)) }

// leafIndex is the point of y within its leaf.
func leafIndex[W ring.Word](y W, width int) uint64 {
	return uint64(y) & (1<<min(leafBits, width-1) - 1)
}
