package circuit

// Arithmetic on little-endian numbers in a Builder. Widths must agree; the
// builder remembers a mismatch and Build returns it.

// same reports whether two numbers have the same width.
func (b *Builder) same(what string, x, y []Bit) bool {
	if len(x) == len(y) {
		return true
	}
	b.failf("%s of %d and %d bits: equal widths are accepted", what, len(x), len(y))
	return false
}

// invert returns the bitwise complement of x, without gates.
func invert(x []Bit) []Bit {
	out := make([]Bit, len(x))
	for i := range x {
		out[i] = x[i].Not()
	}
	return out
}

// Add returns x + y mod 2^n for two n-bit numbers: n-1 ANDs.
func (b *Builder) Add(x, y []Bit) []Bit { return b.sum("sum", x, y, False) }

// Sub returns x - y mod 2^n as x + ^y + 1: n-1 ANDs.
func (b *Builder) Sub(x, y []Bit) []Bit { return b.sum("difference", x, invert(y), True) }

// sum returns x + y + c mod 2^n. The carry out of the top bit is not made.
func (b *Builder) sum(what string, x, y []Bit, c Bit) []Bit {
	out := make([]Bit, len(x))
	if !b.same(what, x, y) {
		return out
	}
	for i := range x {
		out[i] = b.Xor(b.Xor(x[i], c), y[i])
		if i+1 < len(x) {
			c = b.Majority(x[i], y[i], c)
		}
	}
	return out
}

// CarryOut returns the carry out of x + y + c for two n-bit numbers: n ANDs,
// whatever the constant c.
func (b *Builder) CarryOut(x, y []Bit, c Bit) Bit {
	if !b.same("carry", x, y) {
		return False
	}
	for i := range x {
		c = b.Majority(x[i], y[i], c)
	}
	return c
}

// LessThan returns x < y for unsigned n-bit numbers, the carry out of ^x + y:
// n ANDs.
func (b *Builder) LessThan(x, y []Bit) Bit { return b.CarryOut(invert(x), y, False) }

// LessThanSigned returns x < y for n-bit numbers in two's complement, by
// flipping both sign bits: n ANDs.
func (b *Builder) LessThanSigned(x, y []Bit) Bit {
	if len(x) == 0 || len(x) != len(y) {
		b.failf("signed comparison of %d and %d bits: equal widths of at least 1 are accepted", len(x), len(y))
		return False
	}
	return b.LessThan(flipSign(x), flipSign(y))
}

// flipSign returns x with its top bit complemented.
func flipSign(x []Bit) []Bit {
	out := append([]Bit(nil), x...)
	out[len(x)-1] = out[len(x)-1].Not()
	return out
}

// MuxNumber returns t if s, else f, for n-bit numbers: n ANDs.
func (b *Builder) MuxNumber(s Bit, t, f []Bit) []Bit {
	out := make([]Bit, len(t))
	if !b.same("choice", t, f) {
		return out
	}
	for i := range t {
		out[i] = b.Mux(s, t[i], f[i])
	}
	return out
}
