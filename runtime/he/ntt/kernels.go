package ntt

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg ntt

// kernels is a way to compute on vectors. All give the same results. Vectors have N words, residues are below q.
type kernels interface {
	String() string

	// forward may leave zeros outside of the support as they are.
	forward(m *Modulus, p []uint64, s *Support)
	inverse(m *Modulus, p []uint64)

	add(m *Modulus, dst, a, b []uint64)
	sub(m *Modulus, dst, a, b []uint64)
	neg(m *Modulus, dst, a []uint64)
	mul(m *Modulus, dst, a, b []uint64)
	mulScalar(m *Modulus, dst, a []uint64, c root)
	mulScalarAdd(m *Modulus, dst, a []uint64, c root)

	// products adds w[t]*x[t] for each t to a sum, and pairs w[t]*y[t] to another too. There are 1 to termsAtOnce terms.
	products(s *Sum, w, x [][]uint64)
	pairs(s, u *Sum, w, x, y [][]uint64, at, words int)

	// mix adds c[i][t]*x[t] for each t to each sums[i], for 1 to termsAtOnce terms too. Factors have as many values each,
	// every one for as many elements.
	mix(sums []*Sum, c [][][]uint64, x [][]uint64)

	// reduce sets dst = low + high*R mod q.
	reduce(m *Modulus, dst, low, high []uint64)

	// residues32 and residues64 set dst to the signed readings of as many words.
	residues32(m *Modulus, dst []uint64, x []uint32)
	residues64(m *Modulus, dst []uint64, x []uint64)

	divide(d *division, a, last []uint64)
}

// fastest gives the kernels to use on this machine.
func fastest() kernels {
	k := all()
	return k[len(k)-1]
}
