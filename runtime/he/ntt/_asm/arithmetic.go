package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	wordBytes = 8
	zmmBytes  = 64
	lanes     = zmmBytes / wordBytes
	rootBytes = 2 * wordBytes // a root is two words, w and w'
)

// vector is a virtual vector register of eight residues.
type vector = reg.VecVirtual

// modulus has what every lane needs of q.
type modulus struct{ q, twice, zero vector }

func loadModulus(name string) modulus {
	c := modulus{broadcast(name), ZMM(), zero()}
	VPADDQ(c.q, c.q, c.twice)
	return c
}

// broadcast loads an argument of one word into all lanes.
func broadcast(name string) vector {
	v := ZMM()
	VPBROADCASTQ(argument(name), v)
	return v
}

// root is a constant to multiply by: w = c*2^52 mod q and its quotient w' = w/q mod 2^52.
type root interface {
	low(y, dst vector)  // dst += low 52 bits of y*w'
	high(y, dst vector) // dst += high 52 bits of y*w
}

// shared is one root for all lanes, which lies in memory.
type shared struct{ at Mem }

func (r shared) low(y, dst vector)  { VPMADD52LUQ_BCST(r.at.Offset(wordBytes), y, dst) }
func (r shared) high(y, dst vector) { VPMADD52HUQ_BCST(r.at, y, dst) }

// each is a vector of w and one of w', in memory.
type each struct{ w, quotients Mem }

func (r each) low(y, dst vector)  { VPMADD52LUQ(r.quotients, y, dst) }
func (r each) high(y, dst vector) { VPMADD52HUQ(r.w, y, dst) }

// resident is a root in registers.
type resident struct{ w, quotient vector }

func (r resident) low(y, dst vector)  { VPMADD52LUQ(r.quotient, y, dst) }
func (r resident) high(y, dst vector) { VPMADD52HUQ(r.w, y, dst) }

// zero gives a register of zeros: outside of loops, since avo takes it to read what it clears.
func zero() vector {
	v := ZMM()
	VPXORQ(v, v, v)
	return v
}

// moved gives a copy.
func moved(x vector) vector {
	v := ZMM()
	VMOVDQA64(x, v)
	return v
}

// times gives y*c mod q in [1, 2q) for y below 2^52.
func (c modulus) times(y vector, r root) vector {
	m, high, s := moved(c.zero), moved(c.q), moved(c.zero)
	r.low(y, m)
	r.high(y, high)
	VPMADD52HUQ(c.q, m, s)
	VPSUBQ(s, high, high)
	return high
}

// below brings x, less than twice a bound, below it: of x and x - bound one is negative or the other too large, and as
// numbers without sign the right one is less.
func below(bound, x vector) {
	t := ZMM()
	VPSUBQ(bound, x, t)
	VPMINUQ(t, x, x)
}

// difference sets x = x - y mod q: as a number without sign a negative difference is large, and q more is right.
func difference(q vector, y Op, x vector) {
	t := ZMM()
	VPSUBQ(y, x, x)
	VPADDQ(q, x, t)
	VPMINUQ(t, x, x)
}

// load gives the vector at a place.
func load(at Mem) vector {
	v := ZMM()
	VMOVDQU64(at, v)
	return v
}

// argument loads an argument into a register.
func argument(name string) reg.Register { return Load(Param(name), GP64()) }

// kernel begins a function.
func kernel(name, signature string, doc ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc...)
}

// repeat closes a loop: it jumps to label while the counter, less one, is not 0.
func repeat(counter reg.Register, label string) {
	DECQ(counter)
	JNZ(LabelRef(label))
}

// leave ends a function.
func leave() {
	VZEROUPPER()
	RET()
}
