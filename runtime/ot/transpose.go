package ot

import "sotto/runtime/prg"

// tile is the matrix of 64 COTs by columns: bit i of word c is bit c of the block of COT i.
type tile [kappa]uint64

// rows turns a tile into its COT blocks, at most tileRows of them. It uses the tile up.
func (t *tile) rows(dst []prg.Block) {
	lo, hi := (*[64]uint64)(t[:64]), (*[64]uint64)(t[64:])
	transpose64(lo)
	transpose64(hi)
	for i := range dst[:min(len(dst), tileRows)] {
		dst[i] = prg.Block{Lo: lo[i], Hi: hi[i]}
	}
}

// transpose64 makes bit j of word i from bit i of word j. At shift s it swaps the two off-diagonal s*s blocks of each
// 2s*2s block on the diagonal; three shifts go by at a time, on the eight words that they mix.
func transpose64(a *[64]uint64) {
	const (
		all = 1<<64 - 1
		m32 = all / (1<<32 + 1) // the low half of each 64 bits
		m16 = all / (1<<16 + 1) // the low half of each 32 bits, and so on
		m8  = all / (1<<8 + 1)
		m4  = all / (1<<4 + 1)
		m2  = all / (1<<2 + 1)
		m1  = all / (1<<1 + 1)
	)
	for i := range 8 {
		x0, x1, x2, x3 := a[i], a[i+8], a[i+16], a[i+24]
		x4, x5, x6, x7 := a[i+32], a[i+40], a[i+48], a[i+56]
		x0, x4 = exchange(x0, x4, 32, m32)
		x1, x5 = exchange(x1, x5, 32, m32)
		x2, x6 = exchange(x2, x6, 32, m32)
		x3, x7 = exchange(x3, x7, 32, m32)
		x0, x2 = exchange(x0, x2, 16, m16)
		x1, x3 = exchange(x1, x3, 16, m16)
		x4, x6 = exchange(x4, x6, 16, m16)
		x5, x7 = exchange(x5, x7, 16, m16)
		x0, x1 = exchange(x0, x1, 8, m8)
		x2, x3 = exchange(x2, x3, 8, m8)
		x4, x5 = exchange(x4, x5, 8, m8)
		x6, x7 = exchange(x6, x7, 8, m8)
		a[i], a[i+8], a[i+16], a[i+24] = x0, x1, x2, x3
		a[i+32], a[i+40], a[i+48], a[i+56] = x4, x5, x6, x7
	}
	for i := 0; i < 64; i += 8 {
		w := (*[8]uint64)(a[i:])
		x0, x1, x2, x3, x4, x5, x6, x7 := w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
		x0, x4 = exchange(x0, x4, 4, m4)
		x1, x5 = exchange(x1, x5, 4, m4)
		x2, x6 = exchange(x2, x6, 4, m4)
		x3, x7 = exchange(x3, x7, 4, m4)
		x0, x2 = exchange(x0, x2, 2, m2)
		x1, x3 = exchange(x1, x3, 2, m2)
		x4, x6 = exchange(x4, x6, 2, m2)
		x5, x7 = exchange(x5, x7, 2, m2)
		x0, x1 = exchange(x0, x1, 1, m1)
		x2, x3 = exchange(x2, x3, 1, m1)
		x4, x5 = exchange(x4, x5, 1, m1)
		x6, x7 = exchange(x6, x7, 1, m1)
		w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7] = x0, x1, x2, x3, x4, x5, x6, x7
	}
}

// exchange swaps the bits of x under mask << s with the bits of y under mask.
func exchange(x, y uint64, s uint, mask uint64) (uint64, uint64) {
	d := (x>>s ^ y) & mask
	return x ^ d<<s, y ^ d
}
