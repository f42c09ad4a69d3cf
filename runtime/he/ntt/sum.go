package ntt

import "fmt"

// MaxTerms is how many products a Sum takes before it must reduce: the low parts of so many, each below R = 2^52, fit
// into a word; the high parts, below q^2/R < 2^48, fit before that.
const MaxTerms = 1 << (64 - radixBits)

// How many terms a kernel adds while it holds a part of the sums in registers. Beyond a few the sums' own way to memory
// and back is a small part of the time; and vectors whose distance is a power of two share sets of the caches, where only
// so many streams find room.
const (
	termsAtOnce = 16
	pairsAtOnce = 8 // three streams each
)

// Sum adds up products of vectors without reducing each: the low and the high 52 bits of products are summed apart.
// A Sum reduces itself when it is full: callers add as much as they like.
type Sum struct {
	m         *Modulus
	low, high []uint64
	terms     int
}

// NewSum makes an empty sum of vectors of N residues mod q.
func (m *Modulus) NewSum() *Sum {
	v := NewVectors(2, m.n)
	return &Sum{m: m, low: v[0], high: v[1]}
}

// MulAdd adds a*b, element by element.
func (s *Sum) MulAdd(a, b []uint64) { s.MulAddAll([][]uint64{a}, [][]uint64{b}) }

// MulAddAll adds a[t]*b[t] for each t. Many terms in a call are faster than many calls.
func (s *Sum) MulAddAll(a, b [][]uint64) {
	s.whole(a, b)
	chunks(len(a), termsAtOnce, func(lo, hi int) {
		s.room(hi - lo)
		s.m.kernels.products(s, a[lo:hi], b[lo:hi])
	})
}

// MulAddPairs adds w[t]*x[t] to s and w[t]*y[t] to u for each t: the two components of ciphertexts times polynomials.
// It reads w once. Both sums have one modulus.
func MulAddPairs(s, u *Sum, w, x, y [][]uint64) {
	MulAddMatrix([][]*Sum{{s}}, [][]*Sum{{u}}, [][][]uint64{w}, [][][]uint64{x}, [][][]uint64{y})
}

// MulAddMatrix is MulAddPairs for several lists of factors and several of ciphertexts: it adds w[i][t]*x[g][t] to s[g][i] and
// w[i][t]*y[g][t] to u[g][i]. It goes through all vectors a part at a time, so that factors come from a near cache for all g
// but the first, and ciphertexts for all i.
func MulAddMatrix(s, u [][]*Sum, w, x, y [][][]uint64) {
	if len(s) == 0 || len(w) == 0 || len(w[0]) == 0 {
		return
	}
	for g := range s {
		for i := range w {
			s[g][i].whole(w[i], x[g])
			u[g][i].whole(w[i], y[g])
		}
	}
	chunks(len(w[0]), MaxTerms/2, func(lo, hi int) {
		for g := range s {
			for i := range w {
				s[g][i].room(hi - lo)
				u[g][i].room(hi - lo)
			}
		}
		addMatrix(s, u, w, x, y, lo, hi)
	})
}

// addMatrix adds terms lo to hi of MulAddMatrix.
func addMatrix(s, u [][]*Sum, w, x, y [][][]uint64, lo, hi int) {
	m := s[0][0].m
	part := m.n
	for part > smallestPart && (hi-lo)*(len(w)+2)*part*wordBytes > nearBytes {
		part /= 2
	}
	for at := 0; at < m.n; at += part {
		for g := range s {
			for i := range w {
				chunks(hi-lo, pairsAtOnce, func(from, to int) {
					from, to = lo+from, lo+to
					m.kernels.pairs(s[g][i], u[g][i], w[i][from:to], x[g][from:to], y[g][from:to], at, part)
				})
			}
		}
	}
}

// nearBytes is what kernels read before they come back to the same words: half of a cache of a megabyte.
const nearBytes = 1 << 19

// smallestPart is the fewest elements that MulAddMatrix takes at a time: two steps of its kernel.
const smallestPart = 64

// wordBytes is the size of an element.
const wordBytes = 8

// MulAddScalar adds c*x for c < q. Modulus.Residue gives c for a signed number.
func (s *Sum) MulAddScalar(c uint64, x []uint64) {
	Mix([]*Sum{s}, [][][]uint64{{{c}}}, [][]uint64{x})
}

// Mix adds c[i][t]*x[t] for each t to each sums[i]: a matrix of factors times vectors. Factors are values of polynomials in
// a power of X, as ForwardPowers gives them: as many in each, from one, which is a scalar, to MaxBlocks. Value k of B is for
// elements k*N/B to (k+1)*N/B. The sums have one modulus. It takes four sums at a time, and is fastest for so many.
func Mix(sums []*Sum, c [][][]uint64, x [][]uint64) {
	if len(sums) == 0 || len(x) == 0 {
		return
	}
	m, rows := sums[0].m, make([][][]uint64, len(sums))
	m.checkBlocks(len(c[0][0]))
	for i, s := range sums {
		s.whole(x)
		checkFactors(c[i][:len(x)], len(c[0][0]))
	}
	chunks(len(x), termsAtOnce, func(lo, hi int) {
		for i, s := range sums {
			s.room(hi - lo)
			rows[i] = c[i][lo:hi]
		}
		m.kernels.mix(sums, rows, x[lo:hi])
	})
}

// checkFactors panics unless all factors have as many values.
func checkFactors(c [][]uint64, values int) {
	for _, f := range c {
		if len(f) != values {
			panic(fmt.Sprintf("ntt: factors of %d and of %d values", values, len(f)))
		}
	}
}

// chunks calls f with ranges of at most some terms that cover n.
func chunks(n, most int, f func(lo, hi int)) {
	for lo := 0; lo < n; lo += most {
		f(lo, min(lo+most, n))
	}
}

// whole panics unless all vectors have N words and lists are equally long: the kernels do not look.
func (s *Sum) whole(lists ...[][]uint64) {
	for _, l := range lists {
		_ = lists[0][:len(l)]
		_ = l[:len(lists[0])]
		for _, v := range l {
			_ = v[s.m.n-1]
		}
	}
}

// room counts terms that are about to come. A sum that has no room for them is reduced, and is a term itself.
func (s *Sum) room(terms int) {
	if s.terms+terms > MaxTerms {
		s.m.kernels.reduce(s.m, s.low, s.low, s.high)
		clear(s.high)
		s.terms = 1
	}
	s.terms += terms
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
