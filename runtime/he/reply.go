package he

import (
	"fmt"
	"math/big"
	"math/bits"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/ring"
)

// Replies are modulo Q', one or two limbs, as whole numbers of up to 100 bits whose low bits were rounded away.

// wide is a number of 128 bits.
type wide struct{ hi, lo uint64 }

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

func (a wide) minus(b wide) (wide, uint64) {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, borrow := bits.Sub64(a.hi, b.hi, borrow)
	return wide{hi, lo}, borrow
}

func (a wide) right(n int) wide {
	return wide{a.hi >> n, a.lo>>n | a.hi<<(64-n)}
}

func (a wide) left(n int) wide {
	return wide{a.hi<<n | a.lo>>(64-n), a.lo << n}
}

// replyBasis is the constants of Q'.
type replyBasis struct {
	q        []*ntt.Modulus
	modulus  wide     // Q'
	garner   factor   // of 1/q_0 mod q_1
	cofactor []factor // of (Q'/q_i)^-1 mod q_i
	fraction []wide   // floor(2^128 / q_i)
}

func newReplyBasis(p cost.HEParams, q []*ntt.Modulus) replyBasis {
	all := product(q)
	b := replyBasis{q: q, modulus: wideOf(all)}
	for _, m := range q {
		prime := new(big.Int).SetUint64(m.Q())
		b.cofactor = append(b.cofactor, newFactor(inverse(m.Q(), new(big.Int).Quo(all, prime)), m.Q()))
		b.fraction = append(b.fraction, wideOf(new(big.Int).Quo(new(big.Int).Lsh(big.NewInt(1), 128), prime)))
	}
	if len(q) == 2 {
		b.garner = newFactor(inverse(q[1].Q(), new(big.Int).SetUint64(q[0].Q())), q[1].Q())
	}
	return b
}

func wideOf(x *big.Int) wide {
	return wide{new(big.Int).Rsh(x, 64).Uint64(), new(big.Int).And(x, new(big.Int).SetUint64(1<<64-1)).Uint64()}
}

// compose gives the number below Q' with the given residues, where Q' has two limbs.
func (b *replyBasis) compose(residues [2]uint64) wide {
	q0, q1 := b.q[0].Q(), b.q[1].Q()
	// Both primes have the same length: a residue of the one is below twice the other.
	digit := b.garner.times(residues[1] + 2*q1 - residues[0])
	hi, lo := bits.Mul64(digit, q0)
	return wide{hi, lo}.plus(wide{0, residues[0]})
}

// rounded gives x, below Q', without its low drop bits: to nearest, modulo Q'.
func (b *replyBasis) rounded(x wide, drop int) wide {
	x = x.plus(wide{0, 1}.left(drop).right(1))
	less, borrow := x.minus(b.modulus)
	keep := -borrow
	return wide{less.hi&^keep | x.hi&keep, less.lo&^keep | x.lo&keep}.right(drop)
}

// ratio gives x/Q' modulo 1, in units of 2^-128, for the number x with the given residues: the sum of x_i*(Q'/q_i)^-1 / q_i, each term
// wrong by less than 2^-78.
func (b *replyBasis) ratio(residues [2]uint64) (sum wide) {
	for i, f := range b.cofactor {
		t := f.times(residues[i])
		hi, lo := bits.Mul64(t, b.fraction[i].lo)
		sum = sum.plus(wide{hi + t*b.fraction[i].hi, lo})
	}
	return sum
}

// decode gives round(x * 2^l / Q') mod 2^l for the number x with the given residues.
func decode[W ring.Word](b *replyBasis, residues [2]uint64) W {
	half := wide{1 << 63, 0}.right(ring.Width[W]())
	return W(b.ratio(residues).plus(half).hi >> (64 - ring.Width[W]()))
}

// decodeModulo gives round(x * t / Q') mod t for the number x with the given residues.
func (b *replyBasis) decodeModulo(t uint64, residues [2]uint64) uint64 {
	x := b.ratio(residues)
	whole, part := bits.Mul64(x.hi, t)
	low, _ := bits.Mul64(x.lo, t)
	part, carry := bits.Add64(part, low, 0)
	_, up := bits.Add64(part, 1<<63, 0)
	return below(t, whole+carry+up)
}

// lowBits is how numbers of more than a word travel: the low 32 bits apart from the rest.
const lowBits = 32

// pack writes the first n numbers with the given residues, rounded without their low drop bits, as width bits each:
// cost.BitBytes of them.
func (b *replyBasis) pack(dst []byte, p poly, n, drop, width int, words *[2][]uint64) {
	low, high := words[0][:n], words[1][:n]
	if len(b.q) == 1 {
		q, half := b.q[0].Q(), uint64(1)<<drop>>1
		for j, x := range p[0][:n] {
			low[j] = below(q, x+half) >> drop
		}
		ring.Pack(dst, low, width)
		return
	}
	for j := range n {
		x := b.rounded(b.compose([2]uint64{p[0][j], p[1][j]}), drop)
		low[j], high[j] = x.lo, x.right(lowBits).lo
	}
	split := ring.PackedLen(n, width-lowBits)
	ring.Pack(dst[:split], high, width-lowBits)
	ring.Pack(dst[split:], low, lowBits)
}

// unpack sets the first n residues of p to those of numbers that pack wrote, shifted back by drop, and refuses numbers of Q' or more.
func (b *replyBasis) unpack(p poly, src []byte, n, drop, width int, words *[2][]uint64) error {
	low, high := words[0][:n], words[1][:n]
	if len(b.q) == 1 {
		ring.Unpack(low, src, width)
		for j, x := range low {
			p[0][j] = x << drop
			if p[0][j] >= b.q[0].Q() {
				return errNotReduced(j)
			}
		}
		return nil
	}
	split := ring.PackedLen(n, width-lowBits)
	ring.Unpack(high, src[:split], width-lowBits)
	ring.Unpack(low, src[split:], lowBits)
	for j := range n {
		x := wide{0, high[j]}.left(lowBits)
		x.lo |= low[j]
		x = x.left(drop)
		if _, borrow := x.minus(b.modulus); borrow == 0 {
			return errNotReduced(j)
		}
		for i, m := range b.q {
			p[i][j] = bits.Rem64(x.hi, x.lo, m.Q())
		}
	}
	return nil
}

func errNotReduced(j int) error {
	return fmt.Errorf("homomorphic products: coefficient %d of a reply is not below the modulus", j)
}
