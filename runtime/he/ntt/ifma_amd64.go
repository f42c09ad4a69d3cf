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

func (ifma) forward(m *Modulus, p []uint64) {
	t, groups := &m.forward, 1
	for _, radix := range m.radices {
		stride := m.n / (groups * radix)
		for i := range groups {
			at, a, b := &p[i*radix*stride], &t.roots[groups+i].w, &t.roots[2*(groups+i)].w
			if radix == 8 {
				forward8(at, a, b, &t.roots[4*(groups+i)].w, stride, m.q)
			} else {
				forward4(at, a, b, stride, m.q)
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
				inverse8(at, a, b, &t.roots[4*(groups+i)].w, stride, m.q)
			} else {
				inverse4(at, a, b, stride, m.q)
			}
		}
	}
	inverseLast(&p[0], &m.last[0].w, &t.roots[2].w, m.n/groups, m.q)
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

func (ifma) accumulate(low, high, a, b []uint64) {
	mulAdd(&low[0], &high[0], &a[0], &b[0], len(low)/lanes)
}

func (ifma) accumulateScalar(low, high, x []uint64, c uint64) {
	mulAddScalar(&low[0], &high[0], &x[0], len(low)/lanes, c)
}

func (ifma) reduce(m *Modulus, dst, low, high []uint64) {
	reduceSums(&dst[0], &low[0], &high[0], len(dst)/lanes, m.q, m.inverse, &m.cube.w)
}
