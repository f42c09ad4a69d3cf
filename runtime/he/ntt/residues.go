package ntt

import "sotto/runtime/ring"

// Residue gives x mod q, for a secret x too.
func (m *Modulus) Residue(x int64) uint64 {
	u := uint64(x) + 1<<63
	r := below(m.q, m.times(m.divide(u>>radixBits, u), m.square))
	return below(m.q, r+m.q-m.half)
}

// Residues sets dst[i] to the signed reading of x[i] mod q, for any number of words.
func Residues[W ring.Word](m *Modulus, dst []uint64, x []W) {
	dst = dst[:len(x)]
	switch x := any(x).(type) {
	case []uint32:
		m.kernels.residues32(m, dst, x)
	case []uint64:
		m.kernels.residues64(m, dst, x)
	}
}

// DivideRound drops the prime p from a modulus p*q: of a number x mod p*q the residues a mod q become those of x/p,
// rounded. last has the residues of x mod p. It divides as many words as a has, a multiple of Step.
func (m *Modulus) DivideRound(a, last []uint64, p *Modulus) {
	n := length(len(a))
	if n == 0 {
		return
	}
	d := division{
		m: m, p: p.q, half: p.q / 2, shift: p.q / 2 % m.q,
		fraction: m.root(m.power(p.q%m.q, m.q-2)),
	}
	m.kernels.divide(&d, a, last[:n])
}

// division is (a - r)/p mod q, where r is the residue mod p in [-half, p - half).
type division struct {
	m              *Modulus
	p, half, shift uint64 // shift is half mod q
	fraction       root   // of 1/p
}
