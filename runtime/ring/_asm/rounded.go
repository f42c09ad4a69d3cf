package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The online steps of runtime/nonlin/rounded.go, in its symbols, and the share that they begin with.

func (w word) roundedShare() {
	w.begin("roundedShare", "func(z, x *E, registers int, f, wrap uint64, low, up, offset, base, known E)", "is Rounded.Share for whole registers, at least one; known is 1 if the top bit of the share is part of the wrap, else 0. It needs AVX512DQ.")
	z, x, n := pointer("z"), pointer("x"), pointer("registers")
	d, known := w.division(), w.everywhere("known")
	loop(n, func() {
		y, wrap := d.shares(at(x, 0))
		w.and(known, wrap, wrap)
		d.divide(y, wrap, at(z, 0))
		next(1, z, x)
	})
}

// lackingWhere gives 2^(k+1)*t1 + less where x is negative, elsewhere zero.
func (w word) lackingWhere(x, t Op, k1, less vector) vector {
	k, scaled, d := K(), ZMM(), ZMM()
	w.load(x, d)
	w.signs(d, k)
	w.shiftLeft(k1, t, scaled)
	VPXORQ(d, d, d)
	w.addWhere(less, scaled, k, d)
	return d
}

func (w word) roundedCorrelate() {
	w.begin("roundedCorrelate", "func(v, x, t1, p0, p1 *E, registers int, k1 uint64, less, low E)", "is Rounded.Correlate for whole registers of a channel, at least one, with k1 = k+1 and less = b - 2^k*h. It needs AVX512DQ.")
	v, x, t1, p0, p1, n := pointer("v"), pointer("x"), pointer("t1"), pointer("p0"), pointer("p1"), pointer("registers")
	k1, less, low := count("k1"), w.everywhere("less"), w.everywhere("low")
	loop(n, func() {
		d := w.lackingWhere(at(x, 0), w.loaded(t1, 0), k1, less)
		w.sub(at(p1, 0), d, d)
		w.add(at(p0, 0), d, d)
		w.and(low, d, d)
		w.store(d, at(v, 0))
		next(1, v, x, t1, p0, p1)
	})
}

func (w word) roundedClient() {
	w.begin("roundedClient", "func(y, t0, opened, u, turn, v *E, e, own, c *uint64, blocks int, k, wrap uint64)", "is Rounded.Client for at least one block, with g called opened and w turn. It needs AVX512DQ.")
	y, t0, g, u, turn, v := pointer("y"), pointer("t0"), pointer("opened"), pointer("u"), pointer("turn"), pointer("v")
	e, own, c, n := pointer("e"), pointer("own"), pointer("c"), pointer("blocks")
	k, wrap, zero := count("k"), count("wrap"), ZMM()
	VPXORQ(zero, zero, zero)
	w.each(n, func(i int) {
		t, bits, sum := w.loaded(t0, i), ZMM(), ZMM()
		VPXORQ(bits, bits, bits)
		w.addWhere(at(v, i), zero, w.bitsOf(c, i), bits)
		w.subWhere(bits, zero, w.bitsOf(own, i), bits)
		w.subWhere(at(turn, i), bits, w.bitsOf(e, i), bits)
		w.shiftLeft(wrap, bits, bits)
		w.shiftLeft(k, t, sum)
		w.add(at(g, i), sum, sum)
		w.mul(t, sum, sum)
		w.add(at(u, i), sum, sum)
		w.add(bits, sum, sum)
		w.store(sum, at(y, i))
	}, func() {
		nextWord(e, own, c)
		next(w.registers(), y, t0, g, u, turn, v)
	})
}

func (w word) roundedServer() {
	w.begin("roundedServer", "func(y, x, t1, u, o *E, own, e *uint64, blocks int, k, k1, wrap uint64, slope, less E)", "is Rounded.Server for at least one block of a channel, with k1 = k+1 and less = b - 2^k*h. It needs AVX512DQ.")
	y, x, t1, u, o := pointer("y"), pointer("x"), pointer("t1"), pointer("u"), pointer("o")
	own, e, n := pointer("own"), pointer("e"), pointer("blocks")
	k, k1, wrap, slope, less, zero := count("k"), count("k1"), count("wrap"), w.everywhere("slope"), w.everywhere("less"), ZMM()
	VPXORQ(zero, zero, zero)
	w.each(n, func(i int) {
		t := w.loaded(t1, i)
		d := w.lackingWhere(at(x, i), t, k1, less)
		w.subWhere(d, d, w.bitsOf(e, i), d)
		pad, sum := w.loaded(o, i), ZMM()
		w.subWhere(pad, zero, w.bitsOf(own, i), pad)
		w.add(d, pad, pad)
		w.shiftLeft(wrap, pad, pad)
		w.shiftLeft(k, t, sum)
		w.add(slope, sum, sum)
		w.mul(t, sum, sum)
		w.add(at(u, i), sum, sum)
		w.sub(pad, sum, sum)
		w.store(sum, at(y, i))
	}, func() {
		nextWord(own, e)
		next(w.registers(), y, x, t1, u, o)
	})
}
