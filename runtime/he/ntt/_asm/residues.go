package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// signed is the function that gives residues of ring words of some bytes, which widen brings to 64 bits with their sign.
func signed(word string, bytes int, widen func(at Mem, v vector)) {
	name := fmt.Sprintf("residues%d", 8*bytes)
	kernel(name, fmt.Sprintf("func(dst *uint64, x *%s, batches int, q, inverse uint64, square *uint64, half uint64)", word),
		name+" sets dst = x mod q, x read with its sign, for 8*batches words. inverse is 1/q mod 2^52, square the root of 2^52,",
		"half is 2^63 mod q. It needs AVX512IFMA.")
	r, half, top := reducer{loadModulus("q"), broadcast("inverse")}, broadcast("half"), ZMM()
	square := loadRoot("square")
	dst, x, n := argument("dst"), argument("x"), argument("batches")
	one := GP64()
	MOVQ(U64(1<<63), one)
	VPBROADCASTQ(one, top)
	Label("loop")
	low, high := ZMM(), ZMM()
	widen(Mem{Base: x}, low)
	VPADDQ(top, low, low)
	VPSRLQ(Imm(52), low, high)
	v := r.times(r.divide(high, low), square)
	below(r.q, v)
	difference(r.q, half, v)
	VMOVDQU64(v, Mem{Base: dst})
	ADDQ(Imm(zmmBytes), dst)
	ADDQ(Imm(uint64(bytes*lanes)), x)
	repeat(n, "loop")
	leave()
}

// divideRound drops a modulus.
func divideRound() {
	kernel("divideRound", "func(a, last *uint64, batches int, q, p, half, shift uint64, one, fraction *uint64)",
		"divideRound sets a = (a - r)/p mod q for 8*batches residues, where r is last, a residue mod p, as a number in",
		"[-half, p - half). shift is half mod q, one the root of 1, fraction that of 1/p. It needs AVX512IFMA.")
	m, p, half, shift := loadModulus("q"), broadcast("p"), broadcast("half"), broadcast("shift")
	one, fraction := loadRoot("one"), loadRoot("fraction")
	a, last, n := argument("a"), argument("last"), argument("batches")
	Label("loop")
	r, x := load(Mem{Base: last}), load(Mem{Base: a})
	VPADDQ(half, r, r)
	below(p, r)
	r = m.times(r, one)
	VPADDQ(shift, x, x)
	VPADDQ(m.twice, x, x)
	VPSUBQ(r, x, x) // in (0, 4q)
	x = m.times(x, fraction)
	below(m.q, x)
	VMOVDQU64(x, Mem{Base: a})
	ADDQ(Imm(zmmBytes), a)
	ADDQ(Imm(zmmBytes), last)
	repeat(n, "loop")
	leave()
}
