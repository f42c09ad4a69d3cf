package ntt

import "math/bits"

// portable is the way that every machine has. It does what the kernels do, word by word.
type portable struct{}

func (portable) String() string { return "portable" }

// times gives y*c mod q in [1, 2q) for y < R.
func (m *Modulus) times(y uint64, c root) uint64 {
	return high52(y, c.w) + m.q - high52(y*c.quotient&radixMask, m.q)
}

// divide gives (high*R + low)/R mod q, at least 1 and at most high + q. Only the low 52 bits of low count.
func (m *Modulus) divide(high, low uint64) uint64 {
	return high + m.q - high52(low*m.inverse&radixMask, m.q)
}

// high52 gives floor(a*b / R) for a, b < R: the shift of b, often a constant, saves one of the product.
func high52(a, b uint64) uint64 {
	high, _ := bits.Mul64(a, b<<(64-radixBits))
	return high
}

// below brings x, less than twice the bound, below it.
func below(bound, x uint64) uint64 {
	x -= bound
	return x + bound&uint64(int64(x)>>63)
}

func (portable) forward(m *Modulus, p []uint64, _ *Support) {
	m.forwardLevels(p)
	for i := range p {
		p[i] = below(m.q, below(2*m.q, p[i]))
	}
	transposeBlocks(p)
}

// forwardLevels does as many levels as p has, the first ones of the transform.
func (m *Modulus) forwardLevels(p []uint64) {
	for groups := 1; groups < len(p); groups *= 2 {
		half := len(p) / (2 * groups)
		for i := range groups {
			x, y := p[2*i*half:(2*i+1)*half], p[(2*i+1)*half:(2*i+2)*half]
			m.forwardGroup(x, y, m.at(&m.forward, groups, i))
		}
	}
}

// forwardGroup turns pairs (x, y) into (x + wy, x - wy), all in [0, 4q).
func (m *Modulus) forwardGroup(x, y []uint64, w root) {
	y = y[:len(x)]
	for j := range x {
		t, s := m.times(y[j], w), below(2*m.q, x[j])
		x[j], y[j] = s+t, s-t+2*m.q
	}
}

func (portable) inverse(m *Modulus, p []uint64) {
	transposeBlocks(p)
	for groups := m.n / 2; groups > 1; groups /= 2 {
		half := m.n / (2 * groups)
		for i := range groups {
			x, y := p[2*i*half:(2*i+1)*half], p[(2*i+1)*half:(2*i+2)*half]
			m.inverseGroup(x, y, m.at(&m.backward, groups, i))
		}
	}
	m.inverseLast(p[:m.n/2], p[m.n/2:])
}

// inverseGroup turns pairs (x, y) into (x + y, w(x - y)), all in [0, 2q).
func (m *Modulus) inverseGroup(x, y []uint64, w root) {
	y = y[:len(x)]
	for j := range x {
		s, d := x[j]+y[j], x[j]-y[j]+2*m.q
		x[j], y[j] = below(2*m.q, s), m.times(d, w)
	}
}

// inverseLast is the last level, with the factor 1/N. The results are below q.
func (m *Modulus) inverseLast(x, y []uint64) {
	y = y[:len(x)]
	for j := range x {
		s, d := x[j]+y[j], x[j]-y[j]+2*m.q
		x[j], y[j] = below(m.q, m.times(s, m.last[0])), below(m.q, m.times(d, m.last[1]))
	}
}

// transposeBlocks transposes each block of 64 words as a matrix of eight by eight.
func transposeBlocks(p []uint64) {
	for ; len(p) > 0; p = p[block:] {
		for i := range lanes {
			for j := range i {
				p[lanes*i+j], p[lanes*j+i] = p[lanes*j+i], p[lanes*i+j]
			}
		}
	}
}

func (portable) add(m *Modulus, dst, a, b []uint64) {
	for i := range dst {
		dst[i] = below(m.q, a[i]+b[i])
	}
}

func (portable) sub(m *Modulus, dst, a, b []uint64) {
	for i := range dst {
		dst[i] = below(m.q, a[i]+m.q-b[i])
	}
}

func (portable) neg(m *Modulus, dst, a []uint64) {
	for i := range dst {
		dst[i] = below(m.q, m.q-a[i])
	}
}

func (portable) mul(m *Modulus, dst, a, b []uint64) {
	for i := range dst {
		dst[i] = below(m.q, m.times(m.divide(high52(a[i], b[i]), a[i]*b[i]), m.square))
	}
}

func (portable) mulScalar(m *Modulus, dst, a []uint64, c root) {
	for i := range dst {
		dst[i] = below(m.q, m.times(a[i], c))
	}
}

func (portable) mulScalarAdd(m *Modulus, dst, a []uint64, c root) {
	for i := range dst {
		dst[i] = below(m.q, below(2*m.q, dst[i]+m.times(a[i], c)))
	}
}

func (portable) products(s *Sum, w, x [][]uint64) {
	for t := range w {
		s.addProducts(w[t], x[t], 0, len(w[t]))
	}
}

func (portable) pairs(s, u *Sum, w, x, y [][]uint64, at, words int) {
	for t := range w {
		s.addProducts(w[t], x[t], at, words)
		u.addProducts(w[t], y[t], at, words)
	}
}

// addProducts adds w*x, words elements from at on.
func (s *Sum) addProducts(w, x []uint64, at, words int) {
	for i := at; i < at+words; i++ {
		s.add(i, w[i], x[i])
	}
}

func (portable) mix(sums []*Sum, c [][][]uint64, x [][]uint64) {
	for i, s := range sums {
		for t, factor := range c[i] {
			size := s.m.n / len(factor)
			for j, y := range x[t] {
				s.add(j, factor[j/size], y)
			}
		}
	}
}

// add adds x*y to element i.
func (s *Sum) add(i int, x, y uint64) {
	s.low[i] += x * y & radixMask
	s.high[i] += high52(x, y)
}

func (portable) reduce(m *Modulus, dst, low, high []uint64) {
	for i := range dst {
		once := m.divide(high[i]+low[i]>>radixBits, low[i])
		dst[i] = below(m.q, m.times(m.divide(once>>radixBits, once), m.cube))
	}
}

func (portable) residues32(m *Modulus, dst []uint64, x []uint32) {
	for i, w := range x {
		dst[i] = m.Residue(int64(int32(w)))
	}
}

func (portable) residues64(m *Modulus, dst []uint64, x []uint64) {
	for i, w := range x {
		dst[i] = m.Residue(int64(w))
	}
}

func (portable) divide(d *division, a, last []uint64) {
	for i := range a {
		r := d.m.times(below(d.p, last[i]+d.half), d.m.one)
		a[i] = below(d.m.q, d.m.times(a[i]+d.shift+2*d.m.q-r, d.fraction))
	}
}
