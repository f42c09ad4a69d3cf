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
	delta  uint64     // Q mod 2^l, read as signed
	unit   []factor   // of -1/2^l mod q_i
	shift  []uint64   // 2^63 * -1/2^l mod q_i
	drop   [][]factor // drop[k][i] is of 1/q_k mod q_i, i < k
	reply  replyBasis
}

// newBasis finds the primes for parameters that pass their check.
func newBasis[W ring.Word](p cost.HEParams) (*basis, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Ring != ring.Width[W]() {
		return nil, fmt.Errorf("homomorphic products: parameters for %d bits, the ring has %d", p.Ring, ring.Width[W]())
	}
	primes, err := ntt.Primes(p.LimbBits, p.Limbs, degree)
	if err != nil {
		return nil, err
	}
	b := &basis{params: p}
	for i, q := range primes {
		if q < 1<<p.LimbBits-1<<(p.LimbBits-limbSlackBits) {
			return nil, fmt.Errorf("homomorphic products: prime %d of limb %d is too far below 2^%d", q, i, p.LimbBits)
		}
		m, err := ntt.NewModulus(q, degree)
		if err != nil {
			return nil, err
		}
		b.q = append(b.q, m)
	}
	b.constants()
	b.reply = newReplyBasis(p, b.q[:p.ReplyLimbs])
	return b, nil
}

// limbSlackBits is what cost.HEParams takes of a prime for granted: q > 2^LimbBits * (1 - 2^-12).
const limbSlackBits = 12

func (b *basis) constants() {
	q := product(b.q)
	b.delta = new(big.Int).And(q, new(big.Int).SetUint64(1<<64-1)).Uint64()
	for k, m := range b.q {
		unit := inverse(m.Q(), new(big.Int).Lsh(big.NewInt(1), uint(b.params.Ring)))
		unit = m.Q() - unit
		f := newFactor(unit, m.Q())
		b.unit, b.shift = append(b.unit, f), append(b.shift, f.times(1<<63))
		var row []factor
		for _, to := range b.q[:k] {
			row = append(row, newFactor(inverse(to.Q(), new(big.Int).SetUint64(m.Q())), to.Q()))
		}
		b.drop = append(b.drop, row)
	}
}

// rounding gives r = m*Q mod 2^l, read as signed, with which round(m*Q/2^l) = (m*Q - r)/2^l = -r/2^l modulo each limb.
func rounding[W ring.Word](b *basis, m W) int64 { return ring.Signed(m * W(b.delta)) }

// encode gives round(m*Q/2^l) mod q_i.
func encode[W ring.Word](b *basis, i int, m W) uint64 {
	q := b.q[i].Q()
	return below(q, b.unit[i].times(uint64(rounding(b, m))+1<<63)+q-b.shift[i])
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
