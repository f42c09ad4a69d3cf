package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// forward is a butterfly of the forward transform: (x, y) becomes (x + wy, x - wy). All four are in [0, 4q).
func (c modulus) forward(x, y vector, w root) {
	t := c.times(y, w)
	below(c.twice, x)
	VPSUBQ(t, x, y)
	VPADDQ(c.twice, y, y)
	VPADDQ(t, x, x)
}

// inverse is a butterfly of the inverse: (x, y) becomes (x + y, w(x - y)). All four are in [0, 2q). The register of y's
// result is a new one.
func (c modulus) inverse(x vector, y *vector, w root) {
	d := ZMM()
	VPSUBQ(*y, x, d)
	VPADDQ(c.twice, d, d)
	VPADDQ(*y, x, x)
	below(c.twice, x)
	*y = c.times(d, w)
}

// forwardLevel does a level between registers: pairs are distance apart, and w gives the root of a group of pairs.
func forwardLevel(c modulus, v []vector, distance int, w func(group int) root) {
	for i := range v {
		if i&distance == 0 {
			c.forward(v[i], v[i+distance], w(i/(2*distance)))
		}
	}
}

// inverseLevel is forwardLevel's inverse, times 2.
func inverseLevel(c modulus, v []vector, distance int, w func(group int) root) {
	for i := range v {
		if i&distance == 0 {
			c.inverse(v[i], &v[i+distance], w(i/(2*distance)))
		}
	}
}

// sharedAt gives the roots of a level whose groups have one each, from where the first lies.
func sharedAt(base reg.Register) func(group int) root {
	return func(group int) root { return shared{Mem{Base: base, Disp: rootBytes * group}} }
}

// rows are the places of the registers of a pass: 4 or 8 rows, stride bytes apart.
type rows struct {
	at, stride, thrice reg.Register
	second             reg.Register // row 4, where there is one
	n                  int
}

func newRows(at, strideWords reg.Register, n int) rows {
	r := rows{at: at, stride: strideWords, thrice: GP64(), n: n}
	SHLQ(Imm(3), r.stride)
	LEAQ(Mem{Base: r.stride, Index: r.stride, Scale: 2}, r.thrice)
	if n > 4 {
		r.second = GP64()
		LEAQ(Mem{Base: at, Index: r.stride, Scale: 4}, r.second)
	}
	return r
}

func (r rows) row(i int) Mem {
	base := r.at
	if i >= 4 {
		base = r.second
	}
	return []Mem{
		{Base: base}, {Base: base, Index: r.stride, Scale: 1},
		{Base: base, Index: r.stride, Scale: 2}, {Base: base, Index: r.thrice, Scale: 1},
	}[i%4]
}

func (r rows) load() []vector {
	v := make([]vector, r.n)
	for i := range v {
		v[i] = load(r.row(i))
	}
	return v
}

func (r rows) store(v []vector) {
	for i := range v {
		VMOVDQU64(v[i], r.row(i))
	}
}

// advance goes on by one vector.
func (r rows) advance() {
	ADDQ(Imm(zmmBytes), r.at)
	if r.n > 4 {
		ADDQ(Imm(zmmBytes), r.second)
	}
}

// pass is a function that does the levels of n rows in one go through memory, for as many vectors of each as batches
// says. Its body gets the registers.
func pass(n int, body func(v []vector)) {
	p, count := argument("p"), argument("batches")
	r := newRows(p, argument("stride"), n)
	Label("loop")
	v := r.load()
	body(v)
	r.store(v)
	r.advance()
	repeat(count, "loop")
	leave()
}

// forward4 is two levels in one pass.
func forward4() {
	kernel("forward4", "func(p, a, b *uint64, stride, batches int, q uint64)",
		"forward4 does two levels of the forward transform on the first 8*batches words of four rows, stride words apart. a",
		"is the root of the first level, b are the two of the second. It needs AVX512IFMA.")
	c, a, b := loadModulus("q"), argument("a"), argument("b")
	pass(4, func(v []vector) {
		forwardLevel(c, v, 2, sharedAt(a))
		forwardLevel(c, v, 1, sharedAt(b))
	})
}

// forward8 is three levels in one pass.
func forward8() {
	kernel("forward8", "func(p, a, b, c *uint64, stride, batches int, q uint64)",
		"forward8 does three levels of the forward transform on the first 8*batches words of eight rows, stride words apart. a",
		"is the root of the first level, b are the two of the second, c the four of the third. It needs AVX512IFMA.")
	m, a, b, c := loadModulus("q"), argument("a"), argument("b"), argument("c")
	pass(8, func(v []vector) {
		forwardLevel(m, v, 4, sharedAt(a))
		forwardLevel(m, v, 2, sharedAt(b))
		forwardLevel(m, v, 1, sharedAt(c))
	})
}

// inverse8 is three levels in one pass.
func inverse8() {
	kernel("inverse8", "func(p, a, b, c *uint64, stride, batches int, q uint64)",
		"inverse8 undoes forward8, times 8, with the inverses of its roots. It needs AVX512IFMA.")
	m, a, b, c := loadModulus("q"), argument("a"), argument("b"), argument("c")
	pass(8, func(v []vector) {
		inverseLevel(m, v, 1, sharedAt(c))
		inverseLevel(m, v, 2, sharedAt(b))
		inverseLevel(m, v, 4, sharedAt(a))
	})
}

// inverse4 is two levels in one pass.
func inverse4() {
	kernel("inverse4", "func(p, a, b *uint64, stride, batches int, q uint64)",
		"inverse4 undoes forward4, times 4, with the inverses of its roots. It needs AVX512IFMA.")
	m, a, b := loadModulus("q"), argument("a"), argument("b")
	pass(4, func(v []vector) {
		inverseLevel(m, v, 1, sharedAt(b))
		inverseLevel(m, v, 2, sharedAt(a))
	})
}

// inverseLast is inverse4 for the last two levels: it multiplies by 1/N and leaves residues below q.
func inverseLast() {
	kernel("inverseLast", "func(p, last, b *uint64, stride, batches int, q uint64)",
		"inverseLast undoes the forward transform's first two levels with the inverses b of the roots of its second level.",
		"last are two roots to multiply by, that of sums and that of differences. The results are below q. It needs",
		"AVX512IFMA.")
	m, last, b := loadModulus("q"), argument("last"), argument("b")
	pass(4, func(v []vector) {
		inverseLevel(m, v, 1, sharedAt(b))
		for i := range 2 {
			d := ZMM()
			VPSUBQ(v[i+2], v[i], d)
			VPADDQ(m.twice, d, d)
			VPADDQ(v[i+2], v[i], v[i])
			v[i] = m.times(v[i], sharedAt(last)(0))
			v[i+2] = m.times(d, sharedAt(last)(1))
			below(m.q, v[i])
			below(m.q, v[i+2])
		}
	})
}

// VSHUFI64X2's selections of two 128-bit parts from each source.
const (
	evenParts = 0 | 2<<2 | 0<<4 | 2<<6
	oddParts  = 1 | 3<<2 | 1<<4 | 3<<6
)

// transpose turns the rows of a matrix of eight by eight words into its columns.
func transpose(v []vector) []vector {
	pairs, quads, columns := make([]vector, lanes), make([]vector, lanes), make([]vector, lanes)
	for i := range v {
		pairs[i], quads[i], columns[i] = ZMM(), ZMM(), ZMM()
	}
	for i := 0; i < lanes; i += 2 { // pairs[i] has the even columns of rows i and i+1, pairs[i+1] the odd ones
		VPUNPCKLQDQ(v[i+1], v[i], pairs[i])
		VPUNPCKHQDQ(v[i+1], v[i], pairs[i+1])
	}
	for parity := range 2 {
		for half := range 2 {
			x, y := pairs[4*half+parity], pairs[4*half+2+parity]
			VSHUFI64X2(Imm(evenParts), y, x, quads[4*half+parity])  // columns parity and parity+4
			VSHUFI64X2(Imm(oddParts), y, x, quads[4*half+2+parity]) // columns parity+2 and parity+6
		}
		for i := parity; i < 4; i += 2 {
			VSHUFI64X2(Imm(evenParts), quads[4+i], quads[i], columns[i])
			VSHUFI64X2(Imm(oddParts), quads[4+i], quads[i], columns[i+4])
		}
	}
	return columns
}

// blockRoots walks over the roots of blocks of 64 words: of levels that have one, two and four for each block, and of
// those that have one or more for each lane.
type blockRoots struct{ a, b, c, inner reg.Register }

// innerRoots are the vectors of roots of a block's last three levels: one, two and four.
const innerRoots = 1 + 2 + 4

func loadBlockRoots() blockRoots {
	return blockRoots{argument("a"), argument("b"), argument("c"), argument("inner")}
}

// innerAt gives the roots of an inner level from its first vector on.
func (r blockRoots) innerAt(first int) func(group int) root {
	return func(group int) root {
		at := Mem{Base: r.inner, Disp: zmmBytes * (first + group)}
		return each{at, at.Offset(zmmBytes * innerRoots)}
	}
}

func (r blockRoots) advance() {
	ADDQ(Imm(rootBytes), r.a)
	ADDQ(Imm(2*rootBytes), r.b)
	ADDQ(Imm(4*rootBytes), r.c)
	ADDQ(U32(2*zmmBytes*innerRoots), r.inner)
}

const tailSignature = "func(p, a, b, c, inner *uint64, blocks int, q uint64)"

// tail is a function that does the levels inside of blocks of 64 words.
func tail(body func(m modulus, v []vector, r blockRoots) []vector) {
	m, p, r, n := loadModulus("q"), argument("p"), loadBlockRoots(), argument("blocks")
	Label("loop")
	v := make([]vector, lanes)
	for i := range v {
		v[i] = load(Mem{Base: p, Disp: zmmBytes * i})
	}
	for i, x := range body(m, v, r) {
		VMOVDQU64(x, Mem{Base: p, Disp: zmmBytes * i})
	}
	ADDQ(U32(zmmBytes*lanes), p)
	r.advance()
	repeat(n, "loop")
	leave()
}

// forwardTail is the last six levels.
func forwardTail() {
	kernel("forwardTail", tailSignature,
		"forwardTail does the last six levels of the forward transform in each block of 64 words, and leaves residues below",
		"q. Seen as a matrix of eight by eight the block is transposed. It needs AVX512IFMA.")
	tail(func(m modulus, v []vector, r blockRoots) []vector {
		forwardLevel(m, v, 4, sharedAt(r.a))
		forwardLevel(m, v, 2, sharedAt(r.b))
		forwardLevel(m, v, 1, sharedAt(r.c))
		v = transpose(v)
		forwardLevel(m, v, 4, r.innerAt(0))
		forwardLevel(m, v, 2, r.innerAt(1))
		forwardLevel(m, v, 1, r.innerAt(3))
		for _, x := range v {
			below(m.twice, x)
			below(m.q, x)
		}
		return v
	})
}

// inverseTail is the first six levels of the inverse.
func inverseTail() {
	kernel("inverseTail", tailSignature,
		"inverseTail undoes forwardTail, times 64, with the inverses of its roots. It needs AVX512IFMA.")
	tail(func(m modulus, v []vector, r blockRoots) []vector {
		inverseLevel(m, v, 1, r.innerAt(3))
		inverseLevel(m, v, 2, r.innerAt(1))
		inverseLevel(m, v, 4, r.innerAt(0))
		v = transpose(v)
		inverseLevel(m, v, 1, sharedAt(r.c))
		inverseLevel(m, v, 2, sharedAt(r.b))
		inverseLevel(m, v, 4, sharedAt(r.a))
		return v
	})
}
