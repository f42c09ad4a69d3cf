package ntt

import "fmt"

// Support says where polynomials of weights may differ from 0. The passes of the forward transform before the last six
// levels take columns of coefficients whose distance is a power of two: what they make of zeros is zeros, so they need
// only the columns where the support is. With few coefficients, as of a small kernel's, that leaves the last levels.
//
// A support is public: it decides which memory is touched.
type Support struct {
	n      int
	passes [][]run // for each of Modulus.radices
}

// run is some consecutive columns of vectors.
type run struct{ first, count int }

// Support makes the support of the given coefficients, 0 to N-1. It fits all moduli of the same degree.
func (m *Modulus) Support(coefficients []int) *Support {
	used := make([]bool, m.n/lanes)
	for _, i := range coefficients {
		used[i/lanes] = true
	}
	return m.supportOf(func(vector int) bool { return used[vector] })
}

// supportOf makes the support of the vectors for which used is true.
func (m *Modulus) supportOf(used func(vector int) bool) *Support {
	s := &Support{n: m.n}
	columns := m.n / lanes
	for _, radix := range m.radices {
		columns /= radix
		need := make([]bool, columns)
		for v := range m.n / lanes {
			need[v%columns] = need[v%columns] || used(v)
		}
		s.passes = append(s.passes, runs(need))
	}
	return s
}

// runs gives the runs of what is needed.
func runs(need []bool) (r []run) {
	for i, n := range need {
		switch {
		case !n:
		case i > 0 && need[i-1]:
			r[len(r)-1].count++
		default:
			r = append(r, run{i, 1})
		}
	}
	return r
}

// ForwardSparse is Forward for a polynomial that is 0 outside of a support, made by a modulus of the same degree.
func (m *Modulus) ForwardSparse(p []uint64, s *Support) {
	if s.n != m.n {
		panic(fmt.Sprintf("ntt: a support of degree %d with a modulus of degree %d", s.n, m.n))
	}
	m.kernels.forward(m, p[:m.n], s)
}

// ForwardPowers transforms a polynomial in X^S, in place: p has its N/S coefficients, a power of two of them up to
// MaxBlocks. Element k of the result is what Forward gives for each of the S elements from k*S on: as a factor in Mix.
func (m *Modulus) ForwardPowers(p []uint64) {
	m.checkBlocks(len(p))
	m.forwardLevels(p)
	for i := range p {
		p[i] = below(m.q, below(2*m.q, p[i]))
	}
}

// MaxBlocks is the greatest number of values of a factor in Mix: each is for a block of 64 elements or more.
func (m *Modulus) MaxBlocks() int { return m.n / block }

func (m *Modulus) checkBlocks(n int) {
	if n < 1 || n > m.MaxBlocks() || n&(n-1) != 0 {
		panic(fmt.Sprintf("ntt: a factor of %d values: a power of two up to %d is accepted", n, m.MaxBlocks()))
	}
}
