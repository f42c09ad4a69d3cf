package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The steps of runtime/nonlin/trunc.go and square.go, in its symbols. A block is 64 elements, whose bits are a word; a register's
// bits are a mask.

const block = 64

// registers of a block.
func (w word) registers() int { return block / w.lanes }

// bitsOf gives the mask of register i of a block of bits.
func (w word) bitsOf(base reg.Register, i int) reg.Register {
	k := K()
	w.mask(Mem{Base: base, Disp: i * w.lanes / 8}, k)
	return k
}

func nextWord(arrays ...reg.Register) {
	for _, a := range arrays {
		ADDQ(U8(block/8), a)
	}
}

// each runs body for every register of every block.
func (w word) each(n reg.Register, body func(i int), after func()) {
	loop(n, func() {
		for i := range w.registers() {
			body(i)
		}
		after()
	})
}

func (w word) choose() {
	w.begin("choose", "func(e, c *uint64, x *E, blocks int, offset E)", "is Trunc.Choose for at least one block. It needs AVX512DQ.")
	e, c, x, n := pointer("e"), pointer("c"), pointer("x"), pointer("blocks")
	offset := w.everywhere("offset")
	w.each(n, func(i int) {
		y, k := ZMM(), K()
		w.add(at(x, i), offset, y)
		w.signs(y, k)
		w.xorMasks(w.bitsOf(c, i), k, k)
		w.mask(k, Mem{Base: e, Disp: i * w.lanes / 8})
	}, func() {
		nextWord(e, c)
		next(w.registers(), x)
	})
}

func (w word) correlate() {
	w.begin("correlate", "func(v, x, p0, p1 *E, blocks int, offset, low E)", "is Trunc.Correlate for at least one block. It needs AVX512DQ.")
	v, x, p0, p1, n := pointer("v"), pointer("x"), pointer("p0"), pointer("p1"), pointer("blocks")
	offset, low := w.everywhere("offset"), w.everywhere("low")
	w.each(n, func(i int) {
		y := ZMM()
		w.add(at(x, i), offset, y)
		w.shiftRight(U8(w.bits-1), y, y)
		w.sub(at(p1, i), y, y)
		w.add(at(p0, i), y, y)
		w.and(low, y, y)
		w.store(y, at(v, i))
	}, func() { next(w.registers(), v, x, p0, p1) })
}

// division is what receive and send share: the constants of type truncation.
type division struct {
	word
	f, wrap               vector
	low, up, offset, base vector
	zero                  vector
}

const divisionSignature = "blocks int, f, wrap uint64, low, up, offset, base E"

func (w word) division() division {
	d := division{word: w, f: count("f"), wrap: count("wrap"), low: w.everywhere("low"), up: w.everywhere("up"), offset: w.everywhere("offset"), base: w.everywhere("base"), zero: ZMM()}
	VPXORQ(d.zero, d.zero, d.zero)
	return d
}

// shares gives y = x + offset and its top bit as an element.
func (d division) shares(x Op) (y, msb vector) {
	y, msb = ZMM(), ZMM()
	d.add(x, d.offset, y)
	d.shiftRight(U8(d.bits-1), y, msb)
	return y, msb
}

// divide stores z from y and from this party's share w of the wrap. It overwrites both.
func (d division) divide(y, w vector, z Op) {
	low := ZMM()
	d.and(d.low, y, low)
	d.add(d.up, low, low)
	d.shiftRight(d.f, low, low)
	d.shiftRight(d.f, y, y)
	d.add(low, y, y)
	d.shiftLeft(d.wrap, w, w)
	d.sub(w, y, y)
	d.sub(d.base, y, y)
	d.store(y, z)
}

func (w word) receive() {
	w.begin("receive", "func(z, x, q, v *E, e, c *uint64, "+divisionSignature+")", "is Trunc.Receive for at least one block. It needs AVX512DQ.")
	z, x, q, v, e, c, n := pointer("z"), pointer("x"), pointer("q"), pointer("v"), pointer("e"), pointer("c"), pointer("blocks")
	d := w.division()
	w.each(n, func(i int) {
		y, wrap := d.shares(at(x, i))
		both := w.loaded(q, i)
		w.addWhere(at(v, i), both, w.bitsOf(c, i), both)
		w.subWhere(both, d.zero, w.bitsOf(e, i), both)
		w.sub(both, wrap, wrap)
		d.divide(y, wrap, at(z, i))
	}, func() {
		nextWord(e, c)
		next(w.registers(), z, x, q, v)
	})
}

// send has w = msb + p0 where e is 0, and -p0 where it is 1.
func (w word) send() {
	w.begin("send", "func(z, x, p0 *E, e *uint64, "+divisionSignature+")", "is Trunc.Send for at least one block. It needs AVX512DQ.")
	z, x, p0, e, n := pointer("z"), pointer("x"), pointer("p0"), pointer("e"), pointer("blocks")
	d := w.division()
	w.each(n, func(i int) {
		y, wrap := d.shares(at(x, i))
		p := w.loaded(p0, i)
		w.add(p, wrap, wrap)
		w.subWhere(p, d.zero, w.bitsOf(e, i), wrap)
		d.divide(y, wrap, at(z, i))
	}, func() {
		nextWord(e)
		next(w.registers(), z, x, p0)
	})
}

func (w word) squareClient() {
	w.begin("squareClient", "func(y, r, opened, c0 *E, registers int)", "is SquareMaskedClient, with g called opened, for whole registers, at least one. It needs AVX512DQ.")
	y, r, g, c0, n := pointer("y"), pointer("r"), pointer("opened"), pointer("c0"), pointer("registers")
	loop(n, func() {
		own, v, c := w.loaded(r, 0), w.loaded(g, 0), w.loaded(c0, 0)
		w.add(v, v, v)
		w.add(own, v, v)
		w.mul(own, v, v)
		w.add(c, c, c)
		w.add(c, v, v)
		w.store(v, at(y, 0))
		next(1, y, r, g, c0)
	})
}

func (w word) squareServer() {
	w.begin("squareServer", "func(y, x1, c1 *E, registers int)", "is SquareMaskedServer for whole registers, at least one. It needs AVX512DQ.")
	y, x1, c1, n := pointer("y"), pointer("x1"), pointer("c1"), pointer("registers")
	loop(n, func() {
		v, c := w.loaded(x1, 0), w.loaded(c1, 0)
		w.mul(v, v, v)
		w.add(c, c, c)
		w.add(c, v, v)
		w.store(v, at(y, 0))
		next(1, y, x1, c1)
	})
}
