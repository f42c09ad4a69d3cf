package ntt

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// ifma is AVX-512 with the integer fused multiply-add of 52 bits.
type ifma struct{}

func (ifma) String() string { return "AVX-512 IFMA" }

// all gives the kernels that this machine has, the slowest first.
func all() []kernels {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512IFMA {
		return []kernels{portable{}, ifma{}}
	}
	return []kernels{portable{}}
}

func (ifma) forward(m *Modulus, p []uint64, s *Support) {
	t, groups := &m.forward, 1
	for k, radix := range m.radices {
		stride := m.n / (groups * radix)
		for i := range groups {
			a, b := &t.roots[groups+i].w, &t.roots[2*(groups+i)].w
			for _, r := range s.passes[k] {
				at := &p[i*radix*stride+r.first*lanes]
				if radix == 8 {
					forward8(at, a, b, &t.roots[4*(groups+i)].w, stride, r.count, m.q)
				} else {
					forward4(at, a, b, stride, r.count, m.q)
				}
			}
		}
		groups *= radix
	}
	forwardTail(&p[0], &t.roots[groups].w, &t.roots[2*groups].w, &t.roots[4*groups].w, &t.inner[0], groups, m.q)
}

func (ifma) inverse(m *Modulus, p []uint64) {
	t, groups := &m.backward, m.n/block
	inverseTail(&p[0], &t.roots[groups].w, &t.roots[2*groups].w, &t.roots[4*groups].w, &t.inner[0], groups, m.q)
	for _, radix := range slices.Backward(m.radices[1:]) {
		stride := m.n / groups
		groups /= radix
		for i := range groups {
			at, a, b := &p[i*radix*stride], &t.roots[groups+i].w, &t.roots[2*(groups+i)].w
			if radix == 8 {
				inverse8(at, a, b, &t.roots[4*(groups+i)].w, stride, stride/lanes, m.q)
			} else {
				inverse4(at, a, b, stride, stride/lanes, m.q)
			}
		}
	}
	stride := m.n / groups
	inverseLast(&p[0], &m.last[0].w, &t.roots[2].w, stride, stride/lanes, m.q)
}

func (ifma) add(m *Modulus, dst, a, b []uint64) {
	addVectors(&dst[0], &a[0], &b[0], len(dst)/lanes, m.q)
}

func (ifma) sub(m *Modulus, dst, a, b []uint64) {
	subVectors(&dst[0], &a[0], &b[0], len(dst)/lanes, m.q)
}

func (ifma) neg(m *Modulus, dst, a []uint64) { negVector(&dst[0], &a[0], len(dst)/lanes, m.q) }

func (ifma) mul(m *Modulus, dst, a, b []uint64) {
	mulVectors(&dst[0], &a[0], &b[0], len(dst)/lanes, m.q, m.inverse, &m.square.w)
}

func (ifma) mulScalar(m *Modulus, dst, a []uint64, c root) {
	mulScalar(&dst[0], &a[0], len(dst)/lanes, m.q, &c.w)
}

func (ifma) mulScalarAdd(m *Modulus, dst, a []uint64, c root) {
	mulScalarAdd(&dst[0], &a[0], len(dst)/lanes, m.q, &c.w)
}

// Words of a vector that a kernel takes at a time.
const (
	productsBatch = 8 * lanes
	pairsBatch    = 4 * lanes
	mixOneBatch   = 8 * lanes
	mixFourBatch  = 2 * lanes
)

// pointers are those to words of vectors.
type pointers [2 * termsAtOnce]*uint64

// put sets every stride-th pointer from the first on, to word at of each vector.
func (p *pointers) put(first, stride int, vectors [][]uint64, at int) {
	for t, v := range vectors {
		p[first+stride*t] = &v[at]
	}
}

// accumulators gives pointers to word at of the low and the high parts of up to four sums.
func accumulators(at int, sums ...*Sum) (low, high [4]*uint64) {
	for i, s := range sums {
		low[i], high[i] = &s.low[at], &s.high[at]
	}
	return low, high
}

func (ifma) products(s *Sum, w, x [][]uint64) {
	var ws, xs pointers
	ws.put(0, 1, w, 0)
	xs.put(0, 1, x, 0)
	low, high := accumulators(0, s)
	mulAdd1(&low[0], &high[0], &ws[0], &xs[0], len(w), s.m.n/productsBatch)
}

func (ifma) pairs(s, u *Sum, w, x, y [][]uint64, at, words int) {
	var ws, xs pointers
	ws.put(0, 1, w, at)
	xs.put(0, 2, x, at)
	xs.put(1, 2, y, at)
	low, high := accumulators(at, s, u)
	mulAdd2(&low[0], &high[0], &ws[0], &xs[0], len(w), words/pairsBatch)
}

// mix goes block by block, and by parts of large ones: what all sums read of the vectors then stays in a near cache.
func (ifma) mix(sums []*Sum, c [][][]uint64, x [][]uint64) {
	values := len(c[0][0])
	size := sums[0].m.n / values
	part := min(size, mixPart)
	var xs pointers
	for at := 0; at < sums[0].m.n; at += part {
		xs.put(0, 1, x, at)
		i := 0
		for ; i+4 <= len(sums); i += 4 {
			mixFour(sums[i:i+4], c[i:i+4], at/size, &xs, len(x), at, part)
		}
		for ; i < len(sums); i++ {
			mixOne(sums[i], c[i], at/size, &xs, len(x), at, part)
		}
	}
}

// mixPart is the elements of so many terms that fit a quarter of a cache of a megabyte.
const mixPart = nearBytes / 2 / termsAtOnce / wordBytes

// mixFour adds one value of each factor times size elements of the vectors, from at on, to four sums.
func mixFour(sums []*Sum, c [][][]uint64, value int, x *pointers, terms, at, size int) {
	var columns [4 * termsAtOnce]uint64
	for i, row := range c {
		for t, f := range row {
			columns[4*t+i] = f[value]
		}
	}
	low, high := accumulators(at, sums...)
	mix4(&low[0], &high[0], &columns[0], &x[0], terms, size/mixFourBatch)
	clear(columns[:])
}

// mixOne is mixFour for one sum.
func mixOne(s *Sum, c [][]uint64, value int, x *pointers, terms, at, size int) {
	var column [termsAtOnce]uint64
	for t, f := range c {
		column[t] = f[value]
	}
	low, high := accumulators(at, s)
	mix1(&low[0], &high[0], &column[0], &x[0], terms, size/mixOneBatch)
	clear(column[:])
}

func (ifma) reduce(m *Modulus, dst, low, high []uint64) {
	reduceSums(&dst[0], &low[0], &high[0], len(dst)/lanes, m.q, m.inverse, &m.cube.w)
}

func (ifma) residues32(m *Modulus, dst []uint64, x []uint32) {
	if whole := len(x) / lanes; whole > 0 {
		residues32(&dst[0], &x[0], whole, m.q, m.inverse, &m.square.w, m.half)
	}
	done := len(x) &^ (lanes - 1)
	portable{}.residues32(m, dst[done:], x[done:])
}

func (ifma) residues64(m *Modulus, dst []uint64, x []uint64) {
	if whole := len(x) / lanes; whole > 0 {
		residues64(&dst[0], &x[0], whole, m.q, m.inverse, &m.square.w, m.half)
	}
	done := len(x) &^ (lanes - 1)
	portable{}.residues64(m, dst[done:], x[done:])
}

func (ifma) divide(d *division, a, last []uint64) {
	divideRound(&a[0], &last[0], len(a)/lanes, d.m.q, d.p, d.half, d.shift, &d.m.one.w, &d.fraction.w)
}
