package ntt

// MaxTerms is how many products a Sum takes before it must reduce: the low parts of so many, each below R = 2^52, fit
// into a word; the high parts, below q^2/R < 2^48, fit before that.
const MaxTerms = 1 << (64 - radixBits)

// Sum adds up products of vectors without reducing each: the low and the high 52 bits of products are summed apart.
type Sum struct {
	m         *Modulus
	low, high []uint64
	terms     int
}

// NewSum makes an empty sum of vectors of N residues mod q.
func (m *Modulus) NewSum() *Sum {
	return &Sum{m: m, low: make([]uint64, m.n), high: make([]uint64, m.n)}
}

// MulAdd adds a*b, element by element.
func (s *Sum) MulAdd(a, b []uint64) {
	s.room()
	s.m.kernels.accumulate(s.low, s.high, a[:s.m.n], b[:s.m.n])
}

// MulAddScalar adds c*x for c < q. Modulus.Residue gives c for a small signed number.
func (s *Sum) MulAddScalar(c uint64, x []uint64) {
	s.room()
	s.m.kernels.accumulateScalar(s.low, s.high, x[:s.m.n], c)
}

// room counts a term that is about to come. A sum that has no room for it is reduced, and is a term itself.
func (s *Sum) room() {
	if s.terms == MaxTerms {
		s.m.kernels.reduce(s.m, s.low, s.low, s.high)
		clear(s.high)
		s.terms = 1
	}
	s.terms++
}

// Reduce sets dst to the sum mod q, and the sum to nothing.
func (s *Sum) Reduce(dst []uint64) {
	s.m.kernels.reduce(s.m, dst[:s.m.n], s.low, s.high)
	s.Clear()
}

// Clear sets the sum to nothing.
func (s *Sum) Clear() {
	clear(s.low)
	clear(s.high)
	s.terms = 0
}
