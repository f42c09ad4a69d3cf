package main

// The steps of runtime/nonlin/quadratic.go for one channel, in its symbols, for whole registers.

func (w word) quadraticBlind() {
	w.begin("quadraticBlind", "func(opened, x1, blind *E, registers int, k1 uint64, slope E)", "is QuadraticBlind for whole registers of a channel, at least one, with g called opened and k+1 k1. It needs AVX512DQ.")
	g, x1, blind, n := pointer("opened"), pointer("x1"), pointer("blind"), pointer("registers")
	k1, slope := count("k1"), w.everywhere("slope")
	loop(n, func() {
		v := w.loaded(x1, 0)
		w.shiftLeft(k1, v, v)
		w.add(slope, v, v)
		w.sub(at(blind, 0), v, v)
		w.store(v, at(g, 0))
		next(1, g, x1, blind)
	})
}

func (w word) quadraticClient() {
	w.begin("quadraticClient", "func(y, r, opened, c0 *E, registers int, k uint64)", "is QuadraticClient for whole registers, at least one, with g called opened. It needs AVX512DQ.")
	y, r, g, c0, n, k := pointer("y"), pointer("r"), pointer("opened"), pointer("c0"), pointer("registers"), count("k")
	loop(n, func() {
		own, v := w.loaded(r, 0), w.loaded(r, 0)
		w.shiftLeft(k, v, v)
		w.add(at(g, 0), v, v)
		w.mul(own, v, v)
		w.add(at(c0, 0), v, v)
		w.store(v, at(y, 0))
		next(1, y, r, g, c0)
	})
}

func (w word) quadraticServer() {
	w.begin("quadraticServer", "func(y, x1, c1 *E, registers int, k uint64, slope E)", "is QuadraticServer for whole registers of a channel, at least one. It needs AVX512DQ.")
	y, x1, c1, n := pointer("y"), pointer("x1"), pointer("c1"), pointer("registers")
	k, slope := count("k"), w.everywhere("slope")
	loop(n, func() {
		own, v := w.loaded(x1, 0), w.loaded(x1, 0)
		w.shiftLeft(k, v, v)
		w.add(slope, v, v)
		w.mul(own, v, v)
		w.add(at(c1, 0), v, v)
		w.store(v, at(y, 0))
		next(1, y, x1, c1)
	})
}
