package kernel

import (
	"cmp"

	"sotto/runtime/ring"
)

// Linear sets dst = w * x, a matrix of out x in elements, row by row, times a vector: dst has out elements, x in.
func Linear[T Number](dst, w, x []T, out, in int) error {
	err := cmp.Or(
		checkDims("linear", dim{"outputs", out, 1, maxDim}, dim{"inputs", in, 1, maxDim}),
		sized("linear", "dst", len(dst), out), sized("linear", "x", len(x), in), sized("linear", "w", len(w), out*in))
	if err != nil {
		return err
	}
	linear(dst, w, x)
	return nil
}

func linear[T Number](dst, w, x []T) {
	in := len(x)
	const rows = 4 // of a step of dot4
	ring.Parallel(len(dst), roundUp(units(in), rows), func(lo, hi int) {
		for ; lo+rows <= hi; lo += rows {
			dot4((*[rows]T)(dst[lo:]), w[lo*in:], x)
		}
		for ; lo < hi; lo++ {
			dst[lo] = dot(w[lo*in:], x)
		}
	})
}

// dot4 multiplies the four rows at w by x, four sums at a time so that one's addition hides the others' latency.
func dot4[T Number](dst *[4]T, w, x []T) {
	n := len(x)
	w0, w1, w2, w3 := w[:n], w[n:][:n], w[2*n:][:n], w[3*n:][:n]
	var s0, s1, s2, s3 T
	for j, v := range x {
		s0 += w0[j] * v
		s1 += w1[j] * v
		s2 += w2[j] * v
		s3 += w3[j] * v
	}
	*dst = [4]T{s0, s1, s2, s3}
}

func dot[T Number](w, x []T) T {
	w = w[:len(x)]
	var s T
	for j, v := range x {
		s += w[j] * v
	}
	return s
}
