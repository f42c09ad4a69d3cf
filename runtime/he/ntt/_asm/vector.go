package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// elementwise is a function over vectors: body computes what is stored at dst from the places of its sources. All
// advance by a vector a time, batches times.
func elementwise(sources []string, body func(at []Mem, dst Mem) vector) {
	dst, n := argument("dst"), argument("batches")
	at, offset := make([]Mem, len(sources)), GP64()
	XORQ(offset, offset)
	for i, s := range sources {
		at[i] = Mem{Base: argument(s), Index: offset, Scale: 1}
	}
	out := Mem{Base: dst, Index: offset, Scale: 1}
	Label("loop")
	VMOVDQU64(body(at, out), out)
	ADDQ(Imm(zmmBytes), offset)
	repeat(n, "loop")
	leave()
}

// binary are the arguments of most elementwise functions.
var binary = []string{"a", "b"}

const binarySignature = "func(dst, a, b *uint64, batches int, q uint64)"

func add() {
	kernel("addVectors", binarySignature, "addVectors sets dst = a + b mod q for 8*batches residues. It needs AVX512F.")
	q := broadcast("q")
	elementwise(binary, func(at []Mem, _ Mem) vector {
		x := load(at[0])
		VPADDQ(at[1], x, x)
		below(q, x)
		return x
	})
}

func sub() {
	kernel("subVectors", binarySignature, "subVectors sets dst = a - b mod q for 8*batches residues. It needs AVX512F.")
	q := broadcast("q")
	elementwise(binary, func(at []Mem, _ Mem) vector {
		x := load(at[0])
		difference(q, at[1], x)
		return x
	})
}

func neg() {
	kernel("negVector", "func(dst, a *uint64, batches int, q uint64)",
		"negVector sets dst = -a mod q for 8*batches residues. It needs AVX512F.")
	q := broadcast("q")
	elementwise([]string{"a"}, func(at []Mem, _ Mem) vector {
		x := ZMM()
		VPSUBQ(at[0], q, x)
		below(q, x)
		return x
	})
}

// reducer turns numbers below 2^64 q into residues, by factors of 1/2^52.
type reducer struct {
	modulus
	inverse vector // 1/q mod 2^52
}

// divide gives (high*2^52 + low)/2^52 mod q, at least 1 and at most high + q. Only the low 52 bits of low count; its
// register and high's are used up.
func (r reducer) divide(high, low vector) vector {
	m, s := moved(r.zero), moved(r.zero)
	VPMADD52LUQ(r.inverse, low, m)
	VPMADD52HUQ(r.q, m, s)
	VPADDQ(r.q, high, high)
	VPSUBQ(s, high, high)
	return high
}

// loadRoot gives the root that lies at an argument.
func loadRoot(name string) resident {
	at := argument(name)
	r := resident{ZMM(), ZMM()}
	VPBROADCASTQ(Mem{Base: at}, r.w)
	VPBROADCASTQ(Mem{Base: at, Disp: wordBytes}, r.quotient)
	return r
}

func mul() {
	kernel("mulVectors", "func(dst, a, b *uint64, batches int, q, inverse uint64, square *uint64)",
		"mulVectors sets dst = a*b mod q for 8*batches residues. inverse is 1/q mod 2^52, square the root of 2^52. It needs",
		"AVX512IFMA.")
	r := reducer{loadModulus("q"), broadcast("inverse")}
	square := loadRoot("square")
	elementwise(binary, func(at []Mem, _ Mem) vector {
		x, low, high := load(at[0]), moved(r.zero), moved(r.zero)
		VPMADD52LUQ(at[1], x, low)
		VPMADD52HUQ(at[1], x, high)
		x = r.times(r.divide(high, low), square)
		below(r.q, x)
		return x
	})
}

const scalarSignature = "func(dst, a *uint64, batches int, q uint64, c *uint64)"

func mulScalar() {
	kernel("mulScalar", scalarSignature,
		"mulScalar sets dst = c*a mod q for 8*batches residues and a root c. It needs AVX512IFMA.")
	m, c := loadModulus("q"), loadRoot("c")
	elementwise([]string{"a"}, func(at []Mem, _ Mem) vector {
		x := m.times(load(at[0]), c)
		below(m.q, x)
		return x
	})
}

func mulScalarAdd() {
	kernel("mulScalarAdd", scalarSignature,
		"mulScalarAdd sets dst = dst + c*a mod q for 8*batches residues and a root c. It needs AVX512IFMA.")
	m, c := loadModulus("q"), loadRoot("c")
	elementwise([]string{"a"}, func(at []Mem, dst Mem) vector {
		x := m.times(load(at[0]), c)
		VPADDQ(dst, x, x)
		below(m.twice, x)
		below(m.q, x)
		return x
	})
}

// carry moves what low has above 52 bits into high. Of low only the low 52 bits count from here on.
func carry(high, low vector) {
	t := ZMM()
	VPSRLQ(Imm(52), low, t)
	VPADDQ(t, high, high)
}

func reduce() {
	kernel("reduceSums", "func(dst, low, high *uint64, batches int, q, inverse uint64, cube *uint64)",
		"reduceSums sets dst = low + high*2^52 mod q for 8*batches accumulators. inverse is 1/q mod 2^52, cube the root of",
		"2^104. It needs AVX512IFMA.")
	r := reducer{loadModulus("q"), broadcast("inverse")}
	cube := loadRoot("cube")
	elementwise([]string{"low", "high"}, func(at []Mem, _ Mem) vector {
		low, high := load(at[0]), load(at[1])
		carry(high, low)
		once, above := r.divide(high, low), moved(r.zero)
		carry(above, once)
		x := r.times(r.divide(above, once), cube)
		below(r.q, x)
		return x
	})
}
