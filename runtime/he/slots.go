package he

// Shares of elementwise products x*b mod 2^l of what two parties hold, by homomorphic encryption in slots: N. Smart and F. Vercauteren,
// "Fully homomorphic SIMD operations", Designs, Codes and Cryptography 71 (2014), section 3, in the scheme of he.go. Semi-honest.
//
//	t        t_0 * ... * t_(k-1), primes of 1 mod 2N: modulo one of them a polynomial is N values, its slots, and products are by slot
//	x, b     l-bit numbers, read as signed, up to N of them: a block
//	m        masks, uniform below t - t/t_(k-1)
//	Q, Q', s, u, e, e1, f   as in he.go, for plaintexts modulo t_i in place of 2^l
//
//	encryptor (x)                                              evaluator (b)
//	0. s; (p0, p1)                  -- p0, seed of p1 -->
//	1. for each t_i: a uniform
//	   c0 = e + x*Q/t_i - a*s       -- seed of a, c0s -->
//	                                                           2. for each t_i:
//	                                                              d1 = b*a + p1*u + e1
//	                                                              d0 = b*c0 + p0*u + f + (m + 2^(2l-2))*Q/t_i
//	                                                              both divided by Q/Q', rounded, low bits dropped
//	3. (d0 + d1*s) * t_i/Q'         <-- d1s, d0s --            share: -m mod 2^l
//	   rounded is x*b + m + 2^(2l-2) modulo t_i, for each i;
//	   the number below t with these remainders, mod 2^l, is its share
//
// Functionality: shares of x*b mod 2^l, the evaluator's uniform up to 2^-66. Range: all of the ring for both. Leakage: none but the
// number of blocks. Cost: cost.SlotParams.UploadBytes and ReplyBytes a block, Cipher.KeyBytes; one round each way.
//
// # Why the number is right
//
// |x*b| <= 2^(2l-2), so x*b + 2^(2l-2) lies in [0, 2^(2l-1)], which is below t/t_(k-1): with m it stays below t, nothing wraps, and the
// remainders are those of one number of the integers. Decryption fails as in he.go, cost.HEParams.FailureLog2: half of the gap is
// Q'/2t_i, more than what it is counted for.
//
// # What the encryptor learns
//
// Given x, the number of step 3 is as good as m up to a distance of 2^(2l-2) / (t - t/t_(k-1)), which cost.SlotParams.MaskHidingLog2 has. The
// noise is flooded as in he.go: b has N coefficients of at most t_i/2, whatever the factors are, and every coefficient of d0 is
// returned. Masks fill all slots, those without an element too. Both distances reach 2^-40 after 2^ReturnedLog2 products.
//
// No branch and no index depends on x, b, m, s or randomness that is used.

import (
	"fmt"
	"math/big"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/ring"
)

const maxPrimes = cost.MaxSlotPrimes

// slots is the primes t_i over the limbs of Q, with the constants of encoding, and of numbers below t as digits v_i in mixed radix:
// v_0 + t_0*(v_1 + t_1*(v_2 + ...)).
type slots struct {
	*basis
	params cost.SlotParams
	plain  []plaintext
	place  []uint64 // t_0 * ... * t_(i-1) mod 2^64
}

// plaintext is one t_i.
type plaintext struct {
	t      *ntt.Modulus
	delta  uint64   // Q mod t
	offset uint64   // 2^(2l-2) mod t
	unit   []uint64 // -1/t mod each limb
	radix  []factor // t_j mod t, for each j < i
	fold   []factor // their inverses
}

// newSlots finds the primes.
func newSlots[W ring.Word](p cost.SlotParams) (*slots, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Ring != ring.Width[W]() {
		return nil, fmt.Errorf("elementwise products: parameters for %d bits, the ring has %d", p.Ring, ring.Width[W]())
	}
	b, err := newLimbs(p.Cipher)
	if err != nil {
		return nil, err
	}
	primes, err := moduli(p.Cipher.Ring, p.Primes)
	if err != nil {
		return nil, err
	}
	s := &slots{basis: b, params: p}
	q, place := product(b.q), uint64(1)
	for i, t := range primes {
		s.plain, s.place = append(s.plain, newPlaintext(p, q, b.q, t, primes[:i])), append(s.place, place)
		place *= t.Q()
	}
	return s, nil
}

// newPlaintext computes the constants of t; q is Q, and before the primes before t.
func newPlaintext(p cost.SlotParams, q *big.Int, limbs []*ntt.Modulus, t *ntt.Modulus, before []*ntt.Modulus) plaintext {
	prime := new(big.Int).SetUint64(t.Q())
	modulo := func(x *big.Int) uint64 { return new(big.Int).Mod(x, prime).Uint64() }
	one := plaintext{t: t, delta: modulo(q), offset: modulo(new(big.Int).Lsh(big.NewInt(1), uint(2*p.Ring-2)))}
	for _, m := range limbs {
		one.unit = append(one.unit, m.Q()-inverse(m.Q(), prime))
	}
	for _, b := range before {
		one.radix = append(one.radix, newFactor(b.Q()%t.Q(), t.Q()))
		one.fold = append(one.fold, newFactor(inverse(t.Q(), new(big.Int).SetUint64(b.Q())), t.Q()))
	}
	return one
}

// checkBlock refuses blocks of no elements or more than there are slots.
func checkBlock(n int) error {
	if n < 1 || n > degree {
		return fmt.Errorf("elementwise products: a block of %d elements: accepted are 1 to %d", n, degree)
	}
	return nil
}

// coefficients sets dst to the polynomial modulo t whose slots are x, and zero beyond.
func coefficients[W ring.Word](t *ntt.Modulus, dst []uint64, x []W) {
	ntt.Residues(t, dst[:len(x)], x)
	clear(dst[len(x):])
	t.Inverse(dst)
}

// addModulo adds round(m*Q/t) to p, for a polynomial m modulo t, as addEncoded does modulo 2^l. It spoils m and words.
func (s *slots) addModulo(p poly, one *plaintext, m, words []uint64) {
	one.t.MulScalar(m, m, one.delta)
	centre(one.t, m)
	for i, q := range s.q {
		ntt.Residues(q, words, m)
		q.MulScalarAdd(p[i], words, one.unit[i])
	}
}

// centre brings residues to two's complement.
func centre(t *ntt.Modulus, m []uint64) {
	q := t.Q()
	for i, x := range m {
		m[i] = uint64(centred(q, x))
	}
}

// remainder gives, modulo t_i, the number with the given digits.
func (s *slots) remainder(i int, digits *[maxPrimes]uint64) uint64 {
	one := &s.plain[i]
	t, r := one.t.Q(), digits[i]
	for j := i - 1; j >= 0; j-- {
		// A digit is below t_j < 2*t_i.
		r = below(t, below(t, one.radix[j].times(r)+digits[j]))
	}
	return r
}

// digits replaces the remainders of a number below t by its digits.
func (s *slots) digits(x *[maxPrimes]uint64) {
	for i := range s.plain {
		one := &s.plain[i]
		r := x[i]
		for j, f := range one.fold {
			r = f.times(r + 2*one.t.Q() - x[j])
		}
		x[i] = r
	}
}

// value gives the number with the given digits mod 2^64.
func (s *slots) value(digits *[maxPrimes]uint64) (sum uint64) {
	for i, p := range s.place {
		sum += digits[i] * p
	}
	return sum
}
