package ntt

// Forward transforms p, residues in natural order, in place. The values are below q, in the order that the package says.
func (m *Modulus) Forward(p []uint64) { m.kernels.forward(m, p[:m.n], m.everywhere) }

// Inverse undoes Forward, with the factor 1/N: residues in natural order.
func (m *Modulus) Inverse(p []uint64) { m.kernels.inverse(m, p[:m.n]) }

// Add sets dst = a + b mod q.
func (m *Modulus) Add(dst, a, b []uint64) { m.kernels.add(m, dst[:m.n], a[:m.n], b[:m.n]) }

// Sub sets dst = a - b mod q.
func (m *Modulus) Sub(dst, a, b []uint64) { m.kernels.sub(m, dst[:m.n], a[:m.n], b[:m.n]) }

// Neg sets dst = -a mod q.
func (m *Modulus) Neg(dst, a []uint64) { m.kernels.neg(m, dst[:m.n], a[:m.n]) }

// Mul sets dst = a*b mod q, element by element. A sum of products is faster as a Sum.
func (m *Modulus) Mul(dst, a, b []uint64) { m.kernels.mul(m, dst[:m.n], a[:m.n], b[:m.n]) }

// MulScalar sets dst = c*a mod q for c < q.
func (m *Modulus) MulScalar(dst, a []uint64, c uint64) {
	m.kernels.mulScalar(m, dst[:m.n], a[:m.n], m.root(c))
}

// MulScalarAdd sets dst = dst + c*a mod q for c < q. Of more than two terms a Sum is faster.
func (m *Modulus) MulScalarAdd(dst, a []uint64, c uint64) {
	m.kernels.mulScalarAdd(m, dst[:m.n], a[:m.n], m.root(c))
}
