package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// streams writes the kernels that go once over tensors of floats, for AVX-512. Whole vectors go by twos; the rest under a mask.
func streams() {
	k := kernel{avx512, f32}
	k.stream("affine", "dst, x *float32, n int, m, a, b, lo, hi float32", "is flows.affine.", func(s *stream) {
		m, a, b, lo, hi := s.all("m"), s.all("a"), s.all("b"), s.all("lo"), s.all("hi")
		s.over([]string{"x"}, "dst", func(in []vector, _ reg.Register) vector {
			VSUBPS(m, in[0], in[0])
			VMULPS(a, in[0], in[0])
			VADDPS(b, in[0], in[0])
			return within(in[0], lo, hi)
		})
	})
	k.stream("affineAdd", "dst, x, add *float32, n int, m, a, b, lo, hi float32", "is flows.affineAdd.", func(s *stream) {
		m, a, b, lo, hi := s.all("m"), s.all("a"), s.all("b"), s.all("lo"), s.all("hi")
		s.over([]string{"x", "add"}, "dst", func(in []vector, _ reg.Register) vector {
			VSUBPS(m, in[0], in[0])
			VMULPS(a, in[0], in[0])
			VADDPS(b, in[0], in[0])
			VADDPS(in[1], in[0], in[0])
			return within(in[0], lo, hi)
		})
	})
	k.stream("gate", "dst, x, dy *float32, n int, lo, hi float32", "is flows.gate.", func(s *stream) {
		const greater, atMost = 0x1e, 0x12 // ordered, quiet
		lo, hi := s.all("lo"), s.all("hi")
		s.over([]string{"x", "dy"}, "dst", func(in []vector, _ reg.Register) vector {
			m := K()
			VCMPPS(Imm(greater), lo, in[0], m)
			VCMPPS(Imm(atMost), hi, in[0], m, m)
			VMOVUPS_Z(in[1], m, in[1])
			return in[1]
		})
	})
	k.stream("normal", "dst, x, dy *float32, n int, a, m, b, c float32", "is flows.normal.", func(s *stream) {
		a, m, b, c := s.all("a"), s.all("m"), s.all("b"), s.all("c")
		s.over([]string{"x", "dy"}, "dst", func(in []vector, _ reg.Register) vector {
			VSUBPS(m, in[0], in[0])
			VMULPS(b, in[0], in[0])
			VMULPS(a, in[1], in[1])
			VADDPS(c, in[1], in[1])
			VADDPS(in[0], in[1], in[1])
			return in[1]
		})
	})
	k.stream("square", "dst, x *float32, n int, a, b, c float32", "is flows.square.", func(s *stream) {
		a, b, c := s.all("a"), s.all("b"), s.all("c")
		s.over([]string{"x"}, "dst", func(in []vector, _ reg.Register) vector {
			v := k.vector()
			VMULPS(a, in[0], v)
			VADDPS(b, v, v)
			VMULPS(in[0], v, v)
			VADDPS(c, v, v)
			return v
		})
	})
	k.stream("slope", "dst, x, dy *float32, n int, a, b float32", "is flows.slope.", func(s *stream) {
		a, b := s.all("a"), s.all("b")
		s.over([]string{"x", "dy"}, "dst", func(in []vector, _ reg.Register) vector {
			VMULPS(a, in[0], in[0])
			VADDPS(b, in[0], in[0])
			VMULPS(in[1], in[0], in[0])
			return in[0]
		})
	})
	k.stream("products", "sums *float64, x, dy *float32, n int", "is flows.products.", func(s *stream) {
		s.sums(2, func(x, dy vector, sums []vector) {
			VADDPD(dy, sums[0], sums[0])
			VFMADD231PD(x, dy, sums[1]) // the product of two float32 is exact, so this is a product and a sum
		})
	})
	k.stream("powers", "sums *float64, x, dy *float32, n int", "is flows.powers.", func(s *stream) {
		s.sums(3, func(x, dy vector, sums []vector) {
			VADDPD(dy, sums[0], sums[0])
			VMULPD(x, dy, dy)
			VADDPD(dy, sums[1], sums[1])
			VMULPD(x, dy, dy)
			VADDPD(dy, sums[2], sums[2])
		})
	})
}

// within brings v into bounds. What is no number stays none: of two operands of which one is not, the instruction gives the second.
func within(v, lo, hi vector) vector {
	VMAXPS(v, lo, v)
	VMINPS(v, hi, v)
	return v
}

// stream is a kernel being written.
type stream struct {
	k     kernel
	loops int
}

func (k kernel) stream(name, parameters, doc string, body func(s *stream)) {
	k.begin(name, "func("+parameters+")%.0[1]s", doc)
	body(&stream{k: k})
	leave()
}

// all gives a vector that holds a parameter in all places.
func (s *stream) all(param string) vector {
	v, one := s.k.vector(), Load(Param(param), XMM())
	VBROADCASTSS(one, v)
	return v
}

// over computes dst from the sources, vector by vector; the mask is nil for whole ones.
func (s *stream) over(sources []string, dst string, f func(in []vector, mask reg.Register) vector) {
	s.walk(sources, dst, func(at []reg.Register, to reg.Register, offset int, mask reg.Register) {
		var in []vector
		for _, a := range at {
			in = append(in, s.load(Mem{Base: a, Disp: offset}, mask))
		}
		v := f(in, mask)
		if mask == nil {
			s.k.move(v, Mem{Base: to, Disp: offset})
		} else {
			s.k.storeFirst(mask, v, Mem{Base: to, Disp: offset})
		}
	})
}

func (s *stream) load(m Mem, mask reg.Register) vector {
	if mask == nil {
		return s.k.load(m)
	}
	return s.k.loadFirst(mask, m)
}

// walk goes through n elements; dst may be empty.
func (s *stream) walk(sources []string, dst string, f func(at []reg.Register, to reg.Register, offset int, mask reg.Register)) {
	const unroll = 2
	var all, at []reg.Register
	for _, p := range sources {
		at = append(at, Load(Param(p), GP64()))
	}
	all = append(all, at...)
	var to reg.Register
	if dst != "" {
		to = Load(Param(dst), GP64())
		all = append(all, to)
	}
	n := Load(Param("n"), GP64())
	whole, part, done := s.label("whole"), s.label("part"), s.label("done")
	Label(whole)
	CMPQ(n, Imm(uint64(unroll*s.k.lanes())))
	JL(LabelRef(part))
	for i := range unroll {
		f(at, to, i*s.k.vectorBytes(), nil)
	}
	s.on(all, n, unroll)
	JMP(LabelRef(whole))
	Label(part)
	CMPQ(n, Imm(0))
	JLE(LabelRef(done))
	f(at, to, 0, s.k.first(n, 0))
	s.on(all, n, 1)
	JMP(LabelRef(part))
	Label(done)
}

func (s *stream) label(name string) string { return fmt.Sprintf("%s%d", name, s.loops) }

// on goes on by some vectors.
func (s *stream) on(at []reg.Register, n reg.Register, vectors int) {
	for _, r := range at {
		ADDQ(I32(int32(vectors*s.k.vectorBytes())), r)
	}
	SUBQ(Imm(uint64(vectors*s.k.lanes())), n)
}

// sums adds to count sums of 16 lanes of float64 each, of which a vector holds eight.
func (s *stream) sums(count int, f func(x, dy vector, sums []vector)) {
	const halves = 2
	memory := Load(Param("sums"), GP64())
	var acc [halves][]vector
	for i := range count {
		for h := range halves {
			acc[h] = append(acc[h], s.k.load(Mem{Base: memory, Disp: (halves*i + h) * s.k.vectorBytes()}))
		}
	}
	s.walk([]string{"x", "dy"}, "", func(at []reg.Register, _ reg.Register, offset int, mask reg.Register) {
		x, dy := s.load(Mem{Base: at[0], Disp: offset}, mask), s.load(Mem{Base: at[1], Disp: offset}, mask)
		for h := range halves {
			f(s.wide(x, h), s.wide(dy, h), acc[h])
		}
	})
	for i := range count {
		for h := range halves {
			s.k.move(acc[h][i], Mem{Base: memory, Disp: (halves*i + h) * s.k.vectorBytes()})
		}
	}
}

// wide gives half of a vector of float32 as float64.
func (s *stream) wide(v vector, half int) vector {
	out := s.k.vector()
	if half == 0 {
		VCVTPS2PD(v.AsY(), out)
		return out
	}
	high := YMM()
	VEXTRACTF64X4(Imm(1), v, high)
	VCVTPS2PD(high, out)
	return out
}
