package kernel

import "golang.org/x/sys/cpu"

// assembly is the functions of a micro-kernel in assembly.
type assembly[T Number] struct {
	tiles, single func(acc, from *T, step int, w *T, offsets *int, depth int, x *T, pixels *int, tiles int)
	squares       func(dst *T, dstStep int, add *T, addStep int, src *T, srcStep int, squares int)
	rows          func(dst *T, width, rows int, add *T, addStep int, x *T, xStep int, w *T, offsets *int, depth int, bias *T)
	halves        func(even, odd *T, step int, src *T, srcStep int, pairs, rows int)
}

// The tiles that _asm writes: pixels, and lanes as vectors of 32 or 64 bytes.
var (
	avx2U32 = assembly[uint32]{tilesU32AVX2, singleU32AVX2, squaresU32AVX2, rowsU32AVX2, halvesU32AVX2}.micro("AVX2", 6, 16, 8)
	avx2U64 = assembly[uint64]{tilesU64AVX2, singleU64AVX2, squaresU64AVX2, rowsU64AVX2, halvesU64AVX2}.micro("AVX2", 6, 4, 4)
	avx2F32 = assembly[float32]{tilesF32AVX2, singleF32AVX2, squaresF32AVX2, rowsF32AVX2, halvesF32AVX2}.micro("AVX2", 6, 16, 8)

	avx512U32 = assembly[uint32]{tilesU32AVX512, singleU32AVX512, squaresU32AVX512, rowsU32AVX512, halvesU32AVX512}.micro("AVX-512", 7, 32, 16)
	avx512U64 = assembly[uint64]{tilesU64AVX512, singleU64AVX512, squaresU64AVX512, rowsU64AVX512, halvesU64AVX512}.micro("AVX-512", 7, 16, 8)
	avx512F32 = assembly[float32]{tilesF32AVX512, singleF32AVX512, squaresF32AVX512, rowsF32AVX512, halvesF32AVX512}.micro("AVX-512", 7, 32, 16)
)

// micros gives the kernels that this machine has, the slowest first.
func micros[T Number]() []micro[T] {
	list := []micro[T]{portable[T]()}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		list = append(list, ofElement[T](avx2U32, avx2U64, avx2F32))
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI2 {
		list = append(list, ofElement[T](avx512U32, avx512U64, avx512F32))
	}
	return list
}

// ofElement gives the one whose element is T.
func ofElement[T Number](all ...any) micro[T] {
	for _, m := range all {
		if m, ok := m.(micro[T]); ok {
			return m
		}
	}
	panic("kernel: an element without assembly")
}

// micro gives the micro-kernel of functions that take pixels x lanes, with vectors of some elements. A chunk of rows has
// up to four vectors.
func (a assembly[T]) micro(name string, pixels, lanes, vector int) micro[T] {
	return micro[T]{
		name: name, pixels: pixels, lanes: lanes, side: vector, reach: 4*vector - 1,
		tiles:  func(t tile[T]) { run(a.tiles, t, len(t.pixels)/pixels) },
		single: func(t tile[T]) { run(a.single, t, len(t.pixels)) },
		squares: func(dst, add, src grid[T], squares int) {
			a.squares(&dst.at[0], dst.step, &add.at[0], add.step, &src.at[0], src.step, squares)
		},
		rows: func(b band[T]) {
			a.rows(&b.dst[0], b.width, b.rows, &b.add[0], b.addStep, &b.x[0], b.xStep, &b.w[0], &b.offsets[0], len(b.offsets), &b.bias[0])
		},
		halves: func(h halving[T]) {
			if h.pairs > 0 {
				a.halves(&h.even[0], &h.odd[0], h.step, &h.src[0], h.srcStep, h.pairs, h.rows)
			}
		},
	}
}

func run[T Number](f func(acc, from *T, step int, w *T, offsets *int, depth int, x *T, pixels *int, tiles int), t tile[T], tiles int) {
	f(&t.acc[0], &t.from[0], t.step, &t.w[0], &t.offsets[0], len(t.offsets), &t.x[0], &t.pixels[0], tiles)
}
