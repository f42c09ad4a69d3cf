// Package ring holds vectors over the ring Z/2^l, l = 32 or 64: what a share is made of.
//
// A vector is a plain []uint32 or []uint64; machine arithmetic is arithmetic modulo 2^l. Every function takes its
// destination first, which may be one of the sources but may not overlap one partly. Lengths must agree: they come
// from a checked program, so a difference is a bug in the caller and panics. Nothing allocates below the size at
// which the work is split between cores, and no branch or index depends on a value: vectors may hold secrets.
//
// Signed values are in two's complement: x in [-2^(l-1), 2^(l-1)) is stored as x mod 2^l.
package ring

import (
	"fmt"
	"unsafe"
)

// Word is an element of Z/2^l.
type Word interface{ uint32 | uint64 }

// Width returns l, the bits of an element of W: 32 or 64.
func Width[W Word]() int {
	var w W
	return 8 * int(unsafe.Sizeof(w))
}

// Signed returns the two's complement reading of x, in [-2^(l-1), 2^(l-1)).
func Signed[W Word](x W) int64 {
	gap := 64 - Width[W]()
	return int64(uint64(x)<<gap) >> gap
}

// Add sets dst[i] = a[i] + b[i] mod 2^l.
func Add[W Word](dst, a, b []W) {
	match(len(dst), len(a), len(b))
	if len(dst) <= grain {
		add(dst, a, b)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { add(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Sub sets dst[i] = a[i] - b[i] mod 2^l.
func Sub[W Word](dst, a, b []W) {
	match(len(dst), len(a), len(b))
	if len(dst) <= grain {
		sub(dst, a, b)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { sub(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Mul sets dst[i] = a[i] * b[i] mod 2^l.
func Mul[W Word](dst, a, b []W) {
	match(len(dst), len(a), len(b))
	if len(dst) <= grain {
		mul(dst, a, b)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { mul(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Neg sets dst[i] = -a[i] mod 2^l.
func Neg[W Word](dst, a []W) { MulConst(dst, a, ^W(0)) }

// AddConst sets dst[i] = a[i] + c mod 2^l.
func AddConst[W Word](dst, a []W, c W) {
	match(len(dst), len(a), len(a))
	if len(dst) <= grain {
		addConst(dst, a, c)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { addConst(dst[lo:hi], a[lo:hi], c) })
}

// MulConst sets dst[i] = a[i] * c mod 2^l.
func MulConst[W Word](dst, a []W, c W) {
	match(len(dst), len(a), len(a))
	if len(dst) <= grain {
		mulConst(dst, a, c)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { mulConst(dst[lo:hi], a[lo:hi], c) })
}

// Shl sets dst[i] = a[i] * 2^k mod 2^l; k >= l gives zero.
func Shl[W Word](dst, a []W, k uint) { MulConst(dst, a, W(1)<<k) }

// Shr sets dst[i] = floor(a[i] / 2^k), reading a[i] as unsigned (a logical shift); k >= l gives zero.
func Shr[W Word](dst, a []W, k uint) {
	match(len(dst), len(a), len(a))
	if len(dst) <= grain {
		shr(dst, a, k)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { shr(dst[lo:hi], a[lo:hi], k) })
}

// Sar sets dst[i] = floor(a[i] / 2^k), reading a[i] as signed (an arithmetic shift); k >= l gives 0 or -1.
func Sar[W Word](dst, a []W, k uint) {
	match(len(dst), len(a), len(a))
	if len(dst) <= grain {
		sar(dst, a, k)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { sar(dst[lo:hi], a[lo:hi], k) })
}

func add[W Word](dst, a, b []W) {
	done := addVectors(dst, a, b)
	dst = dst[done:]
	a, b = a[done:][:len(dst)], b[done:][:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func sub[W Word](dst, a, b []W) {
	done := subVectors(dst, a, b)
	dst = dst[done:]
	a, b = a[done:][:len(dst)], b[done:][:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func mul[W Word](dst, a, b []W) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func addConst[W Word](dst, a []W, c W) {
	done := addConstVectors(dst, a, c)
	dst = dst[done:]
	a = a[done:][:len(dst)]
	for i := range dst {
		dst[i] = a[i] + c
	}
}

func mulConst[W Word](dst, a []W, c W) {
	done := mulConstVectors(dst, a, c)
	dst = dst[done:]
	a = a[done:][:len(dst)]
	for i := range dst {
		dst[i] = a[i] * c
	}
}

func shr[W Word](dst, a []W, k uint) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] >> k
	}
}

func sar[W Word](dst, a []W, k uint) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = W(Signed(a[i]) >> k)
	}
}

func match(dst, a, b int) {
	if a != dst || b != dst {
		panic(fmt.Sprintf("ring: operands of %d and %d elements for a destination of %d", a, b, dst))
	}
}
