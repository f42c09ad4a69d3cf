package main

import . "github.com/mmcloughlin/avo/operand"

// The plain elementwise kernels take a register at a time.

func (w word) binary(name, doc string, op func(b, a, dst Op)) {
	w.begin(name, "func(dst, a, b *E, registers int)", "sets "+doc+" for whole registers, at least one. It needs AVX512DQ.")
	dst, a, b, n := pointer("dst"), pointer("a"), pointer("b"), pointer("registers")
	loop(n, func() {
		v := w.loaded(a, 0)
		op(at(b, 0), v, v)
		w.store(v, at(dst, 0))
		next(1, dst, a, b)
	})
}

func (w word) constant(name, doc string, op func(b, a, dst Op)) {
	w.begin(name, "func(dst, a *E, registers int, c E)", "sets "+doc+" for whole registers, at least one. It needs AVX512DQ.")
	dst, a, n, c := pointer("dst"), pointer("a"), pointer("registers"), w.everywhere("c")
	loop(n, func() {
		v := w.loaded(a, 0)
		op(c, v, v)
		w.store(v, at(dst, 0))
		next(1, dst, a)
	})
}
