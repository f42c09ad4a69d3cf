package ntt

import "sotto/runtime/ring"

// Residue gives x mod q, for a secret x too.
func (m *Modulus) Residue(x int64) uint64 {
	u := uint64(x) + 1<<63
	r := below(m.q, m.times(m.divide(u>>radixBits, u), m.square))
	return below(m.q, r+m.q-m.half)
}

// Residues sets dst[i] to the signed reading of x[i] mod q.
func Residues[W ring.Word](m *Modulus, dst []uint64, x []W) {
	dst = dst[:len(x)]
	for i, w := range x {
		dst[i] = m.Residue(ring.Signed(w))
	}
}

// DivideRound drops the modulus p from a number modulo p*q: a, its residues mod q, becomes (x - (x mod p))/p, where
// last has the residues x mod p and is read as in [-p/2, p/2): x/p rounded. p is another prime.
func (m *Modulus) DivideRound(a, last []uint64, p *Modulus) {
	fraction := m.root(m.power(p.q%m.q, m.q-2))
	half := p.q / 2
	shift := half % m.q
	a, last = a[:m.n], last[:m.n]
	for i := range a {
		r := m.small(below(p.q, last[i]+half)) + m.q - shift // last mod q, in [0, 2q)
		a[i] = below(m.q, m.times(a[i]+2*m.q-r, fraction))
	}
}

// small gives x mod q for x < R.
func (m *Modulus) small(x uint64) uint64 { return below(m.q, m.times(x, m.one)) }
