package circuit

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// must returns a circuit that a test's own construction cannot fail to make.
func must(t testing.TB) func(*Circuit, error) *Circuit {
	return func(c *Circuit, err error) *Circuit {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// bitsOf appends the n low bits of v.
func bitsOf(in []bool, v uint64, n int) []bool {
	for i := range n {
		in = append(in, v>>i&1 == 1)
	}
	return in
}

// number reads little-endian bits.
func number(bits []bool) uint64 {
	var v uint64
	for i, b := range bits {
		if b {
			v |= 1 << i
		}
	}
	return v
}

// run evaluates c and reads its output as one number.
func run(t testing.TB, c *Circuit, in []bool) uint64 {
	t.Helper()
	out, err := c.Eval(in)
	if err != nil {
		t.Fatal(err)
	}
	return number(out)
}

// signed reads the n low bits of v in two's complement.
func signed(v uint64, n int) int64 { return int64(v<<(64-n)) >> (64 - n) }

// mask returns the n low bits set.
func mask(n int) uint64 { return ^uint64(0) >> (64 - n) }

func TestArithmeticExhaustively(t *testing.T) {
	const n = 4
	b := NewBuilder(n, n)
	x, y := b.GarblerBits(0, n), b.EvaluatorBits(0, n)
	out := append(b.Add(x, y), b.Sub(x, y)...)
	out = append(out, b.LessThan(x, y), b.LessThanSigned(x, y), b.Or(x[0], y[0]), b.Mux(x[0], x[1], y[1]), b.Majority(x[0], x[1], y[0]))
	c := must(t)(b.Build(out...))
	for v := range uint64(1 << (2 * n)) {
		x, y := v&15, v>>4
		want := (x+y)&15 | (x-y)&15<<4
		for i, holds := range []bool{x < y, signed(x, n) < signed(y, n), x&1|y&1 == 1,
			x&1*(x>>1&1)+(1-x&1)*(y>>1&1) == 1, x&1+x>>1&1+y&1 >= 2} {
			if holds {
				want |= 1 << (8 + i)
			}
		}
		if got := run(t, c, bitsOf(nil, v, 2*n)); got != want {
			t.Fatalf("x=%d y=%d: got %013b, want %013b", x, y, got, want)
		}
	}
}

func TestArithmeticCounts(t *testing.T) {
	type made func(b *Builder, x, y []Bit) []Bit
	for _, n := range []int{1, 2, 7, 32, 64} {
		for _, tc := range []struct {
			name string
			make made
			want int
		}{
			{"add", func(b *Builder, x, y []Bit) []Bit { return b.Add(x, y) }, n - 1},
			{"sub", func(b *Builder, x, y []Bit) []Bit { return b.Sub(x, y) }, n - 1},
			{"less", func(b *Builder, x, y []Bit) []Bit { return []Bit{b.LessThan(x, y)} }, n},
			{"less signed", func(b *Builder, x, y []Bit) []Bit { return []Bit{b.LessThanSigned(x, y)} }, n},
			{"carry with 1", func(b *Builder, x, y []Bit) []Bit { return []Bit{b.CarryOut(x, y, True)} }, n},
			{"add 0", func(b *Builder, x, _ []Bit) []Bit { return b.Add(x, b.Const(0, len(x))) }, 0},
			{"sub self", func(b *Builder, x, _ []Bit) []Bit { return b.Sub(x, x) }, 0},
			{"mux of equals", func(b *Builder, x, y []Bit) []Bit { return b.MuxNumber(y[0], x, x) }, 0},
		} {
			b := NewBuilder(n, n)
			c := must(t)(b.Build(tc.make(b, b.GarblerBits(0, n), b.EvaluatorBits(0, n))...))
			if c.ANDs() != tc.want {
				t.Errorf("%s of %d bits: %d ANDs, want %d", tc.name, n, c.ANDs(), tc.want)
			}
		}
	}
}

func TestBuilderFolds(t *testing.T) {
	b := NewBuilder(2, 0)
	in := b.GarblerBits(0, 2)
	x, y := in[0], in[1]
	for _, tc := range []struct {
		name      string
		got, want Bit
	}{
		{"x^0", b.Xor(x, False), x},
		{"1^x", b.Xor(True, x), x.Not()},
		{"x^x", b.Xor(x, x), False},
		{"x^~x", b.Xor(x, x.Not()), True},
		{"(x^y)^y", b.Xor(b.Xor(x, y), y), x},
		{"~y^(y^x)", b.Xor(y.Not(), b.Xor(y, x)), x.Not()},
		{"x^y = y^x", b.Xor(x, y), b.Xor(y, x)},
		{"~x^y = ~(x^y)", b.Xor(x.Not(), y), b.Xor(x, y).Not()},
		{"x&0", b.And(x, False), False},
		{"1&x", b.And(True, x), x},
		{"x&x", b.And(x, x), x},
		{"x&~x", b.And(x, x.Not()), False},
		{"x&y = y&x", b.And(x, y), b.And(y, x)},
		{"x|1", b.Or(x, True), True},
		{"x|0", b.Or(x, False), x},
		{"~~x", b.Not(b.Not(x)), x},
		{"s?1:0", b.Mux(x, True, False), x},
		{"s?y:y", b.Mux(x, y, y), y},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: bit %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}

func TestBuildDropsDeadGatesAndSharesInverters(t *testing.T) {
	b := NewBuilder(3, 0)
	in := b.GarblerBits(0, 3)
	b.And(in[0], in[1]) // dead
	p := b.And(in[0].Not(), in[1])
	q := b.And(in[0].Not(), in[2])
	c := must(t)(b.Build(p, q, p.Not(), in[0].Not(), False, True))
	want := []Op{INV, AND, AND, INV, XOR, INV}
	var got []Op
	for _, g := range c.Gates {
		got = append(got, g.Op)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("gates %v, want %v", got, want)
	}
	if v := run(t, c, []bool{false, true, false}); v != 0b101001 {
		t.Fatalf("value %06b, want 101001", v)
	}
}

func TestBuilderMisuse(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		make       func(b *Builder) []Bit
	}{
		{"widths", "sum of 2 and 1 bits", func(b *Builder) []Bit { return b.Add(b.GarblerBits(0, 2), b.GarblerBits(0, 1)) }},
		{"no sign", "signed comparison of 0 and 0 bits", func(b *Builder) []Bit { return []Bit{b.LessThanSigned(nil, nil)} }},
		{"choice", "choice of 1 and 0 bits", func(b *Builder) []Bit { return b.MuxNumber(True, b.GarblerBits(0, 1), nil) }},
		{"carry", "carry of 0 and 1 bits", func(b *Builder) []Bit { return []Bit{b.CarryOut(nil, b.GarblerBits(0, 1), False)} }},
		{"range", "garbler inputs 1 to 2", func(b *Builder) []Bit { return b.GarblerBits(1, 2) }},
		{"negative", "evaluator inputs -1 to 0", func(b *Builder) []Bit { return b.EvaluatorBits(-1, 2) }},
		{"foreign bit", "bits 99 and 0", func(b *Builder) []Bit { return []Bit{b.And(99, 0)} }},
		{"foreign output", "bits 99 and 99", func(b *Builder) []Bit { return []Bit{99} }},
		{"wide constant", "constant of 65 bits", func(b *Builder) []Bit { return b.Const(1, 65) }},
	} {
		b := NewBuilder(2, 1)
		_, err := b.Build(tc.make(b)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
	if _, err := NewBuilder(-1, 2).Build(); err == nil {
		t.Error("a negative number of inputs was accepted")
	}
	if _, err := NewBuilder(0, 0).Build(True); err == nil {
		t.Error("a constant without inputs was accepted")
	}
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		c          Circuit
	}{
		{"negative", "negative", Circuit{Garbler: -1}},
		{"too many", "at most", Circuit{Garbler: MaxWires, Evaluator: 1}},
		{"operation", "unknown operation 9", Circuit{Garbler: 1, Gates: []Gate{{9, 0, 0}}}},
		{"forward", "only the 1 wires", Circuit{Garbler: 1, Gates: []Gate{{XOR, 0, 1}}}},
		{"inv", "same wire", Circuit{Garbler: 2, Gates: []Gate{{INV, 0, 1}}}},
		{"output", "output 0 is wire 1", Circuit{Garbler: 1, Outputs: []Wire{1}}},
	} {
		if err := tc.c.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
	good := Circuit{Garbler: 1, Evaluator: 1, Gates: []Gate{{AND, 0, 1}}, Outputs: []Wire{2, 0, 2}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	if _, err := good.Eval([]bool{true}); err == nil {
		t.Error("evaluation with an input missing was accepted")
	}
}

func TestDepth(t *testing.T) {
	for _, n := range []int{1, 2, 33} {
		if d := must(t)(Carry(n)).Depth(); d != n {
			t.Errorf("depth of Carry(%d) is %d, want %d", n, d, n)
		}
	}
	if d := must(t)(NewBuilder(1, 0).Build()).Depth(); d != 0 {
		t.Errorf("depth of the empty circuit is %d", d)
	}
}

// randomCircuit draws a small circuit with gates over any earlier wires.
func randomCircuit(t *rapid.T) *Circuit {
	c := &Circuit{Garbler: rapid.IntRange(1, 4).Draw(t, "garbler"), Evaluator: rapid.IntRange(0, 4).Draw(t, "evaluator")}
	for range rapid.IntRange(0, 40).Draw(t, "gates") {
		last := uint32(c.Wires() - 1)
		g := Gate{Op(rapid.IntRange(int(XOR), int(INV)).Draw(t, "op")),
			Wire(rapid.Uint32Range(0, last).Draw(t, "a")), Wire(rapid.Uint32Range(0, last).Draw(t, "b"))}
		if g.Op == INV {
			g.B = g.A
		}
		c.Gates = append(c.Gates, g)
	}
	for range rapid.IntRange(0, 6).Draw(t, "outputs") {
		c.Outputs = append(c.Outputs, Wire(rapid.Uint32Range(0, uint32(c.Wires()-1)).Draw(t, "output")))
	}
	return c
}

// equivalent compares two circuits on 64 random inputs, and c's lanes with
// single evaluations.
func equivalent(t *rapid.T, c, d *Circuit) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	in := make([]uint64, c.Inputs())
	for i := range in {
		in[i] = rng.Uint64()
	}
	want, err := c.EvalLanes(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.EvalLanes(in)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("outputs %x, want %x", got, want)
	}
	lane := rapid.IntRange(0, 63).Draw(t, "lane")
	single := make([]bool, len(in))
	for i, w := range in {
		single[i] = w>>lane&1 == 1
	}
	out, err := c.Eval(single)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range out {
		if b != (want[i]>>lane&1 == 1) {
			t.Fatalf("output %d of lane %d differs from its single evaluation", i, lane)
		}
	}
}

func TestSimplifyKeepsTheFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := randomCircuit(t)
		d, err := Simplify(c)
		if err != nil {
			t.Fatal(err)
		}
		if d.ANDs() > c.ANDs() {
			t.Fatalf("%d ANDs grew to %d", c.ANDs(), d.ANDs())
		}
		equivalent(t, c, d)
	})
}
