package he

import (
	"fmt"
	"math/big"
	"math/bits"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/ring"
)

const degree = cost.HEDegree // N

// basis is the moduli q_0 ... q_(L-1) with the constants of encoding, of dropping limbs and of decoding. Of Q' are the first
// ReplyLimbs.
type basis struct {
	params cost.HEParams
	q      []*ntt.Modulus
	delta  uint64   // Q mod 2^l, read as signed
	unit   []uint64 // -1/2^l mod q_i
	reply  replyBasis
}

// newBasis finds the primes for parameters that pass their check, and plaintexts modulo 2^l.
func newBasis[W ring.Word](p cost.HEParams) (*basis, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Ring != ring.Width[W]() {
		return nil, fmt.Errorf("homomorphic products: parameters for %d bits, the ring has %d", p.Ring, ring.Width[W]())
	}
	b, err := newLimbs(p)
	if err != nil {
		return nil, err
	}
	b.constants()
	return b, nil
}

// newLimbs is a basis without plaintexts.
func newLimbs(p cost.HEParams) (*basis, error) {
	q, err := moduli(p.LimbBits, p.Limbs)
	if err != nil {
		return nil, err
	}
	return &basis{params: p, q: q, reply: newReplyBasis(p, q[:p.ReplyLimbs])}, nil
}

// moduli finds primes just below a power of two.
func moduli(width, count int) ([]*ntt.Modulus, error) {
	primes, err := ntt.Primes(width, count, degree)
	if err != nil {
		return nil, err
	}
	var all []*ntt.Modulus
	for _, q := range primes {
		if q < 1<<width-1<<(width-limbSlackBits) {
			return nil, fmt.Errorf("homomorphic products: prime %d is too far below 2^%d", q, width)
		}
		m, err := ntt.NewModulus(q, degree)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// limbSlackBits is what cost.HEParams takes of a prime for granted: q > 2^LimbBits * (1 - 2^-12).
const limbSlackBits = 12

func (b *basis) constants() {
	q := product(b.q)
	b.delta = new(big.Int).And(q, new(big.Int).SetUint64(1<<64-1)).Uint64()
	for _, m := range b.q {
		power := new(big.Int).Lsh(big.NewInt(1), uint(b.params.Ring))
		b.unit = append(b.unit, m.Q()-inverse(m.Q(), power))
	}
}

// addEncoded adds round(m*Q/2^l) to the first len(m) residues of each limb; len(m) is a multiple of ntt.Step. With r = m*Q mod 2^l, read
// as signed, the multiple is (m*Q - r)/2^l, so -r/2^l modulo each limb. It spoils m, and words, as many.
func addEncoded[W ring.Word](b *basis, p poly, m []W, words []uint64) {
	ring.MulConst(m, m, W(b.delta))
	for i, q := range b.q {
		ntt.Residues(q, words[:len(m)], m)
		q.MulScalarAdd(p[i][:len(m)], words, b.unit[i])
	}
}

// product is the product of moduli.
func product(q []*ntt.Modulus) *big.Int {
	all := big.NewInt(1)
	for _, m := range q {
		all.Mul(all, new(big.Int).SetUint64(m.Q()))
	}
	return all
}

// inverse gives 1/x mod a prime that does not divide x.
func inverse(q uint64, x *big.Int) uint64 {
	return new(big.Int).ModInverse(x, new(big.Int).SetUint64(q)).Uint64()
}

// factor is a constant c modulo q, with its quotient by q for V. Shoup's multiplication: c*x is wanted modulo q, and
// floor(x*quotient / 2^64) is the quotient or one less.
type factor struct{ c, quotient, q uint64 }

func newFactor(c, q uint64) factor {
	quotient, _ := bits.Div64(c, 0, q)
	return factor{c, quotient, q}
}

// times gives c*x mod q for any x.
func (f factor) times(x uint64) uint64 {
	high, _ := bits.Mul64(x, f.quotient)
	return below(f.q, x*f.c-high*f.q)
}

// below gives x mod q for x < 2q < 2^63.
func below(q, x uint64) uint64 {
	t := x - q
	return t + q&-(t>>63)
}

// centred reads x < q as the number of least magnitude.
func centred(q, x uint64) int64 { return int64(x - q&-((q/2-x)>>63)) }

// poly is a polynomial modulo several q_i: a row of N residues for each.
type poly [][]uint64

func newPoly(limbs int) poly { return ntt.NewVectors(limbs, degree) }

func (p poly) wipe() {
	for _, row := range p {
		ring.Wipe(row)
	}
}
