package ntt

import "fmt"

// Forward transforms p, residues in natural order, in place. The values are below q, in the order that the package says.
func (m *Modulus) Forward(p []uint64) { m.kernels.forward(m, p[:m.n], m.everywhere) }

// Inverse undoes Forward, with the factor 1/N: residues in natural order.
func (m *Modulus) Inverse(p []uint64) { m.kernels.inverse(m, p[:m.n]) }

// Step is what the length of vectors must be a multiple of where it need not be N: in what works element by element.
const Step = 8

// length panics unless n is a multiple of Step, and gives it.
func length(n int) int {
	if n%Step != 0 {
		panic(fmt.Sprintf("ntt: vectors of %d words: multiples of %d are accepted", n, Step))
	}
	return n
}

// Add sets dst = a + b mod q, as many words as dst has.
func (m *Modulus) Add(dst, a, b []uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.add(m, dst, a[:n], b[:n])
	}
}

// Sub sets dst = a - b mod q.
func (m *Modulus) Sub(dst, a, b []uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.sub(m, dst, a[:n], b[:n])
	}
}

// Neg sets dst = -a mod q.
func (m *Modulus) Neg(dst, a []uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.neg(m, dst, a[:n])
	}
}

// Mul sets dst = a*b mod q, element by element. A sum of products is faster as a Sum.
func (m *Modulus) Mul(dst, a, b []uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.mul(m, dst, a[:n], b[:n])
	}
}

// MulScalar sets dst = c*a mod q for c < q.
func (m *Modulus) MulScalar(dst, a []uint64, c uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.mulScalar(m, dst, a[:n], m.root(c))
	}
}

// MulScalarAdd sets dst = dst + c*a mod q for c < q. Of more than two terms a Sum is faster.
func (m *Modulus) MulScalarAdd(dst, a []uint64, c uint64) {
	if n := length(len(dst)); n > 0 {
		m.kernels.mulScalarAdd(m, dst, a[:n], m.root(c))
	}
}
