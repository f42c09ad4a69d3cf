// Package ntt is arithmetic in Z_q[X]/(X^N + 1) for primes q below 2^50: the negacyclic number-theoretic transform, and
// sums of products in its domain.
//
// A polynomial is a vector of N residues below q. Forward brings it to its values at the 2N-th roots of unity of odd
// order, Inverse back; between the two products are elementwise. The order of the values is that of the transform's
// levels, with each block of 64 transposed as a matrix of eight by eight: the same on every machine and for every q.
//
// Sources: the butterflies with lazy reduction are those of D. Harvey, "Faster arithmetic for number-theoretic
// transforms" (2014), the multiplication by constants is P. Montgomery's, "Modular multiplication without trial
// division" (1985), with R = 2^52, the width of the integer fused multiply-add of AVX-512 (IFMA). For w = c*R mod q and
// w' = w/q mod R,
//
//	y*c = floor(y*w / R) - floor((y*w' mod R)*q / R)  (mod q)
//
// since both products are equal modulo R; for y < R both terms are below q. With q < R/4 a number below 4q is such a y,
// so that a sum and a difference can go to the next level as they are.
//
// Vectors may hold secrets: no branch and no index depends on a value. Lengths must be N, or what is said where a function takes
// others; a shorter vector is a bug of the caller and panics. A destination may be one of the sources, but may not overlap one partly.
package ntt

import (
	"fmt"
	"math/big"
	"math/bits"
)

const (
	radixBits = 52 // of R
	radixMask = 1<<radixBits - 1

	// MaxBits is the greatest length of a modulus: 4q is at most R.
	MaxBits = radixBits - 2

	// MinDegree and MaxDegree bound N. Below, the kernels would have no pass before their last; above, nothing asks.
	MinDegree = 1 << 10
	MaxDegree = 1 << 15
)

// Modulus is a prime q with what the transform of N residues needs. Nothing in it changes once it is made: goroutines
// may share it.
type Modulus struct {
	q, inverse   uint64 // inverse is 1/q mod R
	n            int
	half         uint64 // 2^63 mod q
	one          root   // of 1
	square, cube root   // of R and of R^2: to multiply by them takes R out of a product
	forward      table
	backward     table
	last         [2]root // the last level of Inverse: 1/N, and that times its root
	radices      []int   // of the passes before the last six levels
	everywhere   *Support
	kernels      kernels
}

// root is a constant c as a factor.
type root struct {
	w        uint64 // c*R mod q
	quotient uint64 // w/q mod R
}

// NewModulus makes the tables for a prime q < 2^50 with q = 1 mod 2n; n is a power of two from MinDegree to MaxDegree.
func NewModulus(q uint64, n int) (*Modulus, error) {
	if err := check(q, n); err != nil {
		return nil, err
	}
	m := &Modulus{q: q, inverse: inverseRadix(q), n: n, radices: radices(n), kernels: fastest()}
	r := m.power(2, radixBits)
	m.one, m.square = m.slowRoot(1), m.slowRoot(r)
	m.half = m.power(2, 63)
	m.cube = m.slowRoot(slowMul(r, r, q))
	psi := m.primitive()
	m.everywhere = m.supportOf(func(int) bool { return true })
	m.forward = m.table(psi)
	back := m.power(psi, q-2)
	m.backward = m.table(back)
	fraction := m.power(uint64(n), q-2)
	m.last = [2]root{m.root(fraction), m.root(slowMul(fraction, m.power(back, uint64(n/2)), q))}
	return m, nil
}

func check(q uint64, n int) error {
	switch {
	case n < MinDegree || n > MaxDegree || n&(n-1) != 0:
		return fmt.Errorf("ntt: degree %d: a power of two from %d to %d is accepted", n, MinDegree, MaxDegree)
	case bits.Len64(q) > MaxBits:
		return fmt.Errorf("ntt: modulus %d has %d bits: at most %d are accepted", q, bits.Len64(q), MaxBits)
	case q%uint64(2*n) != 1:
		return fmt.Errorf("ntt: modulus %d is %d mod %d: 1 mod twice the degree %d is accepted", q, q%uint64(2*n), 2*n, n)
	case !prime(q):
		return fmt.Errorf("ntt: modulus %d is not prime: a prime is accepted", q)
	}
	return nil
}

// prime says whether q is prime: the Baillie-PSW test has no exception below 2^64.
func prime(q uint64) bool { return new(big.Int).SetUint64(q).ProbablyPrime(0) }

// Q returns q.
func (m *Modulus) Q() uint64 { return m.q }

// N returns the length of a polynomial.
func (m *Modulus) N() int { return m.n }

// Primes returns the greatest count primes below 2^width that are 1 mod 2n, the greatest first. n is as in NewModulus;
// width is at most MaxBits.
func Primes(width, count, n int) ([]uint64, error) {
	if width < 1 || width > MaxBits {
		return nil, fmt.Errorf("ntt: primes of %d bits: 1 to %d are accepted", width, MaxBits)
	}
	step := uint64(2 * n)
	var found []uint64
	for q := (uint64(1)<<width-2)/step*step + 1; len(found) < count; q -= step {
		if q <= step {
			return nil, fmt.Errorf("ntt: there are %d primes below 2^%d that are 1 mod %d: %d were asked for", len(found), width, step, count)
		}
		if prime(q) {
			found = append(found, q)
		}
	}
	return found, nil
}

// radices gives the passes of the levels before the last six: four or eight rows each, the first always four.
func radices(n int) []int {
	r := []int{4}
	for left := bits.Len(uint(n)) - 1 - 2 - tailLevels; left > 0; {
		if left%3 == 0 {
			r, left = append(r, 8), left-3
		} else {
			r, left = append(r, 4), left-2
		}
	}
	return r
}

// inverseRadix gives 1/q mod R for an odd q by Newton's iteration: each step doubles the right bits, q itself has 3.
func inverseRadix(q uint64) uint64 {
	x := q
	for right := 3; right < radixBits; right *= 2 {
		x *= 2 - q*x
	}
	return x & radixMask
}

// slowMul gives a*b mod q by a division, whose time depends on them: for what is public.
func slowMul(a, b, q uint64) uint64 {
	high, low := bits.Mul64(a, b)
	_, r := bits.Div64(high%q, low, q)
	return r
}

// power gives x^e mod q for public x and e.
func (m *Modulus) power(x, e uint64) uint64 {
	y := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 != 0 {
			y = slowMul(y, x, m.q)
		}
		x = slowMul(x, x, m.q)
	}
	return y
}

// slowRoot gives the factor of a public c.
func (m *Modulus) slowRoot(c uint64) root {
	return m.rootOf(slowMul(c%m.q, (1<<radixBits)%m.q, m.q))
}

// root gives the factor of c < q.
func (m *Modulus) root(c uint64) root { return m.rootOf(below(m.q, m.times(c, m.square))) }

func (m *Modulus) rootOf(w uint64) root { return root{w, w * m.inverse & radixMask} }

// primitive gives a 2N-th root of unity: of the least x for which x^((q-1)/2N) is one, so that it does not depend on the
// machine.
func (m *Modulus) primitive() uint64 {
	for x := uint64(2); ; x++ {
		psi := m.power(x, (m.q-1)/uint64(2*m.n))
		if m.power(psi, uint64(m.n)) == m.q-1 {
			return psi
		}
	}
}
