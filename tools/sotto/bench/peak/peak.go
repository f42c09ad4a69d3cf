// Package peak measures what one core multiplies and adds in a second at most: instructions on registers that do not depend on
// each other, with nothing loaded, stored or branched on. Integers are multiplied only, since the additions of a kernel find room
// beside its multiplications at best. No kernel does more, so it is what kernels are held against.
package peak

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg peak

import "time"

// Rates are multiply-adds a second; 0 where the machine lacks the instruction.
type Rates struct {
	Path   string  `json:"multiply_add_path"`
	I32    float64 `json:"i32_multiply_adds_per_s"`
	I64    float64 `json:"i64_multiply_adds_per_s"`
	F32    float64 `json:"f32_multiply_adds_per_s"`
	Word52 float64 `json:"word52_multiply_adds_per_s,omitempty"` // half a product of 52 by 52 bits, as residues modulo primes take
}

// loop does rounds of so many multiply-adds.
type loop struct {
	run   func(rounds int)
	round int // multiply-adds of one
}

// loops of one path.
type loops struct {
	path                  string
	i32, i64, f32, word52 loop
}

// Measure gives the best of several short runs, which other work disturbs least.
func Measure(runs int) Rates {
	l := fastest()
	return Rates{l.path, l.i32.rate(runs), l.i64.rate(runs), l.f32.rate(runs), l.word52.rate(runs)}
}

// rounds take about a millisecond.
const rounds = 1 << 17

func (l loop) rate(runs int) float64 {
	if l.run == nil {
		return 0
	}
	most := 0.0
	for range runs {
		begun := time.Now()
		l.run(rounds)
		most = max(most, rounds*float64(l.round)/time.Since(begun).Seconds())
	}
	return most
}

// portable is what Go alone does.
var portable = loops{
	path: "portable",
	i32:  loop{scalar[uint32], scalarChains}, i64: loop{scalar[uint64], scalarChains}, f32: loop{scalar[float32], scalarChains},
}

const scalarChains = 8

// kept is where scalar leaves its sums, so that the compiler makes them.
var kept [scalarChains]float64

func scalar[T uint32 | uint64 | float32](rounds int) {
	var a, b, c, d, e, f, g, h T
	x := T(kept[0])
	for range rounds {
		a, b, c, d = a+x*a, b+x*b, c+x*c, d+x*d
		e, f, g, h = e+x*e, f+x*f, g+x*g, h+x*h
	}
	kept = [scalarChains]float64{float64(a), float64(b), float64(c), float64(d), float64(e), float64(f), float64(g), float64(h)}
}
