package ntt

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg ntt

// kernels is a way to compute on vectors. All give the same results. Vectors have N words, residues are below q.
type kernels interface {
	String() string

	forward(m *Modulus, p []uint64)
	inverse(m *Modulus, p []uint64)

	add(m *Modulus, dst, a, b []uint64)
	sub(m *Modulus, dst, a, b []uint64)
	neg(m *Modulus, dst, a []uint64)
	mul(m *Modulus, dst, a, b []uint64)
	mulScalar(m *Modulus, dst, a []uint64, c root)
	mulScalarAdd(m *Modulus, dst, a []uint64, c root)

	// accumulate adds the low and high 52 bits of products to low and high.
	accumulate(low, high, a, b []uint64)
	accumulateScalar(low, high, x []uint64, c uint64)

	// reduce sets dst = low + high*R mod q.
	reduce(m *Modulus, dst, low, high []uint64)
}

// fastest gives the kernels to use on this machine.
func fastest() kernels {
	k := all()
	return k[len(k)-1]
}
