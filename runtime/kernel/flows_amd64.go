package kernel

import "golang.org/x/sys/cpu"

// flowing gives the flows that this machine has, the slowest first.
func flowing() []flows {
	list := []flows{portableFlows()}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI2 {
		list = append(list, avx512Flows())
	}
	return list
}

// avx512Flows is in the assembly that _asm writes.
func avx512Flows() flows {
	return flows{
		affine: func(dst, x []float32, m, a, b, lo, hi float32) {
			if n := len(dst); n > 0 {
				affineF32AVX512(&dst[0], &x[:n][0], n, m, a, b, lo, hi)
			}
		},
		affineAdd: func(dst, x, add []float32, m, a, b, lo, hi float32) {
			if n := len(dst); n > 0 {
				affineAddF32AVX512(&dst[0], &x[:n][0], &add[:n][0], n, m, a, b, lo, hi)
			}
		},
		gate: func(dst, x, dy []float32, lo, hi float32) {
			if n := len(dst); n > 0 {
				gateF32AVX512(&dst[0], &x[:n][0], &dy[:n][0], n, lo, hi)
			}
		},
		normal: func(dst, x, dy []float32, a, m, b, c float32) {
			if n := len(dst); n > 0 {
				normalF32AVX512(&dst[0], &x[:n][0], &dy[:n][0], n, a, m, b, c)
			}
		},
		square: func(dst, x []float32, a, b, c float32) {
			if n := len(dst); n > 0 {
				squareF32AVX512(&dst[0], &x[:n][0], n, a, b, c)
			}
		},
		slope: func(dst, x, dy []float32, a, b float32) {
			if n := len(dst); n > 0 {
				slopeF32AVX512(&dst[0], &x[:n][0], &dy[:n][0], n, a, b)
			}
		},
		products: func(s *[2 * sumLanes]float64, x, dy []float32) {
			if n := len(x); n > 0 {
				productsF32AVX512(&s[0], &x[0], &dy[:n][0], n)
			}
		},
		powers: func(s *[3 * sumLanes]float64, x, dy []float32) {
			if n := len(x); n > 0 {
				powersF32AVX512(&s[0], &x[0], &dy[:n][0], n)
			}
		},
	}
}
