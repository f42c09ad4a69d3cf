package ntt

import (
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/tuneinsight/lattigo/v6/ring"
	"pgregory.net/rapid"
)

// each runs a test for every kernel of this machine.
func each(t *testing.T, f func(t *testing.T, k kernels)) {
	for _, k := range all() {
		t.Run(k.String(), func(t *testing.T) { f(t, k) })
	}
}

// modulus gives the greatest prime of so many bits, computed with by k.
func modulus(t testing.TB, width, n int, k kernels) *Modulus {
	q, err := Primes(width, 1, n)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModulus(q[0], n)
	if err != nil {
		t.Fatal(err)
	}
	m.kernels = k
	return m
}

// testResidues draws a vector under a seed: a test's own, and never a secret.
func testResidues(m *Modulus, seed uint64) []uint64 {
	r, p := rand.New(rand.NewPCG(seed, 0)), NewVectors(1, m.n)[0]
	for i := range p {
		p[i] = r.Uint64N(m.q)
	}
	return p
}

// extremes are vectors at the edges of what is accepted.
func extremes(m *Modulus) [][]uint64 {
	zero, top, mixed := make([]uint64, m.n), make([]uint64, m.n), make([]uint64, m.n)
	edges := []uint64{0, 1, m.q - 1, m.q / 2, m.q/2 + 1}
	for i := range top {
		top[i], mixed[i] = m.q-1, edges[i*i%len(edges)]
	}
	return [][]uint64{zero, top, mixed}
}

func degrees() (n []int) {
	for d := MinDegree; d <= MaxDegree; d *= 2 {
		n = append(n, d)
	}
	return n
}

// product is the negacyclic product from its definition.
func product(m *Modulus, a, b []uint64) []uint64 {
	c := make([]uint64, m.n)
	for i, x := range a {
		for j, y := range b {
			t := slowMul(x, y, m.q)
			if i+j >= m.n {
				t = (m.q - t) % m.q
			}
			c[(i+j)%m.n] = (c[(i+j)%m.n] + t) % m.q
		}
	}
	return c
}

// multiply is the product by transforms.
func multiply(m *Modulus, a, b []uint64) []uint64 {
	a, b = slices.Clone(a), slices.Clone(b)
	m.Forward(a)
	m.Forward(b)
	m.Mul(a, a, b)
	m.Inverse(a)
	return a
}

func TestProductIsNegacyclic(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, MinDegree, k)
		a, b := testResidues(m, 1), testResidues(m, 2)
		if !slices.Equal(multiply(m, a, b), product(m, a, b)) {
			t.Error("the product by transforms is not that of the definition")
		}
	})
}

func TestValuesAreThoseAtRoots(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, 45, MinDegree, k)
		p, psi := testResidues(m, 1), m.primitive()
		values := slices.Clone(p)
		m.Forward(values)
		for _, at := range []int{0, 1, 7, 8, 63, 64, 1000, m.n - 1} {
			b, j, l := at/block, at/lanes%lanes, at%lanes // position of a block's transpose
			e := bits.Reverse64(uint64(block*b+lanes*l+j)) >> bits.LeadingZeros64(uint64(m.n-1))
			x, want := m.power(psi, 2*e+1), uint64(0)
			for _, c := range slices.Backward(p) {
				want = (slowMul(want, x, m.q) + c) % m.q
			}
			if values[at] != want {
				t.Errorf("value %d is %d, the polynomial's at psi^%d is %d", at, values[at], 2*e+1, want)
			}
		}
	})
}

func TestProductIsLattigos(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, 8192, k)
		r, err := ring.NewRing(m.n, []uint64{m.q})
		if err != nil {
			t.Fatal(err)
		}
		a, b := testResidues(m, 3), testResidues(m, 4)
		x, y := r.NewPoly(), r.NewPoly()
		copy(x.Coeffs[0], a)
		copy(y.Coeffs[0], b)
		r.NTT(x, x)
		r.NTT(y, y)
		r.MulCoeffsBarrett(x, y, x)
		r.INTT(x, x)
		if !slices.Equal(multiply(m, a, b), x.Coeffs[0]) {
			t.Error("the product differs from lattigo's")
		}
	})
}

func TestInverseUndoesForward(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		for _, n := range degrees() {
			for _, width := range []int{20, 33, 49, MaxBits} {
				m := modulus(t, width, n, k)
				for i, p := range append(extremes(m), testResidues(m, 5)) {
					q := slices.Clone(p)
					m.Forward(q)
					if slices.Max(q) >= m.q {
						t.Errorf("N = %d, %d bits, vector %d: a value is not reduced", n, width, i)
					}
					m.Inverse(q)
					if !slices.Equal(p, q) {
						t.Errorf("N = %d, %d bits, vector %d: the inverse gives something else", n, width, i)
					}
				}
			}
		}
	})
}

// operations are all operations on vectors, by name.
var operations = map[string]func(m *Modulus, a, b []uint64){
	"Forward":      func(m *Modulus, a, _ []uint64) { m.Forward(a) },
	"Inverse":      func(m *Modulus, a, _ []uint64) { m.Inverse(a) },
	"Add":          func(m *Modulus, a, b []uint64) { m.Add(a, a, b) },
	"Sub":          func(m *Modulus, a, b []uint64) { m.Sub(a, a, b) },
	"Neg":          func(m *Modulus, a, b []uint64) { m.Neg(a, b) },
	"Mul":          func(m *Modulus, a, b []uint64) { m.Mul(a, a, b) },
	"MulScalar":    func(m *Modulus, a, b []uint64) { m.MulScalar(a, a, b[1]) },
	"MulScalarAdd": func(m *Modulus, a, b []uint64) { m.MulScalarAdd(a, b, b[1]) },
	"Sum": func(m *Modulus, a, b []uint64) {
		s := m.NewSum()
		s.MulAdd(a, b)
		s.MulAddScalar(b[2], a)
		s.MulAdd(b, b)
		s.Reduce(a)
	},
	"Residues": func(m *Modulus, a, b []uint64) {
		short := make([]uint32, 13)
		for i := range short {
			short[i] = uint32(b[i] * 12345)
		}
		Residues(m, a, b[:m.n-3])
		Residues(m, a, short)
	},
	"DivideRound": func(m *Modulus, a, b []uint64) { m.DivideRound(a, b, &Modulus{q: m.q - 2}) },
}

func TestKernelsAgree(t *testing.T) {
	for name, op := range operations {
		for _, n := range degrees() {
			m := modulus(t, MaxBits, n, portable{})
			vectors := append(extremes(m), testResidues(m, 6), testResidues(m, 7))
			for i, a := range vectors {
				for _, j := range []int{i, (i + 1) % len(vectors)} {
					b := vectors[j]
					want := slices.Clone(a)
					m.kernels = portable{}
					op(m, want, b)
					for _, k := range all() {
						got := slices.Clone(a)
						m.kernels = k
						op(m, got, b)
						if !slices.Equal(got, want) {
							t.Fatalf("%s, N = %d, vectors %d and %d: %v differs from %v", name, n, i, j, k, portable{})
						}
					}
				}
			}
		}
	}
}

// definitions are the operations on elements.
var definitions = map[string]func(q, a, b *big.Int) *big.Int{
	"Add": func(_, a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) },
	"Sub": func(_, a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) },
	"Neg": func(_, _, b *big.Int) *big.Int { return new(big.Int).Neg(b) },
	"Mul": func(_, a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) },
}

func TestOperationsAreTheirDefinitions(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		for _, width := range []int{16, 32, 43, MaxBits} {
			m := modulus(t, width, MinDegree, k)
			q := new(big.Int).SetUint64(m.q)
			for _, vectors := range [][2][]uint64{{testResidues(m, 8), testResidues(m, 9)}, {extremes(m)[1], extremes(m)[2]}} {
				for name, f := range definitions {
					got := slices.Clone(vectors[0])
					operations[name](m, got, vectors[1])
					for i, a := range vectors[0] {
						want := f(q, new(big.Int).SetUint64(a), new(big.Int).SetUint64(vectors[1][i]))
						if got[i] != want.Mod(want, q).Uint64() {
							t.Fatalf("%s of %d and %d mod %d is %d, want %v", name, a, vectors[1][i], m.q, got[i], want)
						}
					}
				}
			}
		}
	})
}

func TestScalarsAreConstantVectors(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, MinDegree, k)
		for _, c := range []uint64{0, 1, m.q - 1, 12345678901234} {
			a, acc, vector := testResidues(m, 10), testResidues(m, 11), make([]uint64, m.n)
			for i := range vector {
				vector[i] = c
			}
			want, got := make([]uint64, m.n), make([]uint64, m.n)
			m.Mul(want, a, vector)
			m.MulScalar(got, a, c)
			if !slices.Equal(got, want) {
				t.Errorf("MulScalar by %d is not Mul", c)
			}
			m.Add(want, want, acc)
			m.MulScalarAdd(acc, a, c)
			if !slices.Equal(acc, want) {
				t.Errorf("MulScalarAdd by %d is not Mul and Add", c)
			}
		}
	})
}

// TestSumHoldsItsTerms adds the greatest products, past the number that fits without a reduction.
func TestSumHoldsItsTerms(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, MinDegree, k)
		top, got := extremes(m)[1], make([]uint64, m.n)
		for _, terms := range []int{0, 1, MaxTerms, MaxTerms + 1, 2*MaxTerms + 3} {
			s := m.NewSum()
			for range terms {
				s.MulAdd(top, top) // (-1)^2
			}
			s.Reduce(got)
			if slices.Min(got) != uint64(terms)%m.q || slices.Max(got) != uint64(terms)%m.q {
				t.Errorf("%d times 1 is %d to %d", terms, slices.Min(got), slices.Max(got))
			}
			s.Reduce(got)
			if slices.Max(got) != 0 {
				t.Errorf("after Reduce a sum of %d terms is not empty", terms)
			}
		}
	})
}

// TestSumReducesFullWords reduces accumulators that are as large as words can be.
func TestSumReducesFullWords(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, MinDegree, k)
		s, got := m.NewSum(), make([]uint64, m.n)
		r := rand.New(rand.NewPCG(12, 0))
		for i := range got {
			s.low[i], s.high[i] = r.Uint64()|^uint64(0)>>(i%65), r.Uint64N(1<<61)|(1<<61-1)>>(i%62)
		}
		low, high := slices.Clone(s.low), slices.Clone(s.high)
		s.Reduce(got)
		for i := range got {
			want := new(big.Int).SetUint64(high[i])
			want.Lsh(want, radixBits).Add(want, new(big.Int).SetUint64(low[i]))
			if want.Mod(want, new(big.Int).SetUint64(m.q)); got[i] != want.Uint64() {
				t.Fatalf("%d*2^52 + %d is %d mod %d, want %v", high[i], low[i], got[i], m.q, want)
			}
		}
	})
}

// TestTermsAddUp compares sums of many terms in a call with sums of single products.
func TestTermsAddUp(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		m := modulus(t, MaxBits, MinDegree, k)
		for _, terms := range []int{0, 1, 5, termsAtOnce, 2*termsAtOnce + 3} {
			w, x, y := testVectors(m, terms, 20), testVectors(m, terms, 21), testVectors(m, terms, 22)
			c := testVectors(m, 7, 23) // of which the first terms count
			var got, want []*Sum
			for range 10 {
				got, want = append(got, m.NewSum()), append(want, m.NewSum())
			}
			got[0].MulAddAll(w, x)
			MulAddPairs(got[1], got[2], w, x, y)
			Mix(got[3:], scalars(c, terms), x)
			for i := range terms {
				want[0].MulAdd(w[i], x[i])
				want[1].MulAdd(w[i], x[i])
				want[2].MulAdd(w[i], y[i])
				for j := range c {
					want[3+j].MulAddScalar(c[j][i], x[i])
				}
			}
			for i := range got {
				if !slices.Equal(reduced(got[i]), reduced(want[i])) {
					t.Errorf("sum %d of %d terms differs from that of single products", i, terms)
				}
			}
		}
	})
}

func testVectors(m *Modulus, count int, seed uint64) (v [][]uint64) {
	for i := range count {
		v = append(v, testResidues(m, seed<<32+uint64(i)))
	}
	return v
}

// scalars takes the first elements of vectors as rows of scalars.
func scalars(rows [][]uint64, n int) [][][]uint64 {
	c := make([][][]uint64, len(rows))
	for i, row := range rows {
		for t := range n {
			c[i] = append(c[i], row[t:t+1])
		}
	}
	return c
}

// TestPowersAreTransforms multiplies by polynomials in a power of X as factors, and as what they are.
func TestPowersAreTransforms(t *testing.T) {
	each(t, func(t *testing.T, k kernels) {
		for _, n := range []int{MinDegree, 2 * MinDegree} { // odd and even powers of two have other passes
			m := modulus(t, MaxBits, n, k)
			for values := 1; values <= m.MaxBlocks(); values *= 2 {
				const sums, terms = 6, termsAtOnce + 2
				x, c := testVectors(m, terms, 30), make([][][]uint64, sums)
				var got, want []*Sum
				for i := range c {
					got, want = append(got, m.NewSum()), append(want, m.NewSum())
					for term := range terms {
						factor := testResidues(m, uint64(100*i+term))[:values]
						whole := make([]uint64, n)
						for j, f := range factor {
							whole[j*n/values] = f
						}
						m.Forward(whole)
						m.ForwardPowers(factor)
						for j, f := range whole {
							if factor[j*values/n] != f {
								t.Fatalf("%d coefficients: value %d is %d, that of the whole polynomial %d", values, j, factor[j*values/n], f)
							}
						}
						c[i] = append(c[i], factor)
						want[i].MulAdd(whole, x[term])
					}
				}
				Mix(got, c, x)
				for i := range got {
					if !slices.Equal(reduced(got[i]), reduced(want[i])) {
						t.Errorf("N = %d, %d values: sum %d differs from that of whole polynomials", n, values, i)
					}
				}
			}
		}
	})
}

// TestVectorsBeginApart looks at where in a page vectors begin that are made one by one.
func TestVectorsBeginApart(t *testing.T) {
	const count = 2 * pageLines
	begins := map[uintptr]int{}
	for range count / 4 {
		for _, v := range NewVectors(4, 8192) {
			if len(v) != 8192 || cap(v) != 8192 {
				t.Fatalf("a vector of %d words, of %d", len(v), cap(v))
			}
			begins[uintptr(unsafe.Pointer(&v[0]))%4096]++
		}
	}
	for at, n := range begins {
		if n > 4 {
			t.Errorf("%d of %d vectors begin at byte %d of their page", n, count, at)
		}
	}
}

func reduced(s *Sum) []uint64 {
	dst := make([]uint64, s.m.n)
	s.Reduce(dst)
	return dst
}

// TestSumsRefuseWhatIsShort has vectors that a kernel would read beyond.
func TestSumsRefuseWhatIsShort(t *testing.T) {
	m := modulus(t, MaxBits, MinDegree, fastest())
	s, long, short := m.NewSum(), make([]uint64, m.n), make([]uint64, m.n-1)
	for name, f := range map[string]func(){
		"a vector":           func() { s.MulAdd(long, short) },
		"a list":             func() { s.MulAddAll([][]uint64{long, long}, [][]uint64{long}) },
		"the other list":     func() { s.MulAddAll([][]uint64{long}, [][]uint64{long, long}) },
		"a pair":             func() { MulAddPairs(s, s, [][]uint64{long}, [][]uint64{long}, [][]uint64{short}) },
		"a row":              func() { Mix([]*Sum{s}, [][][]uint64{{{1}}}, [][]uint64{long, long}) },
		"a factor":           func() { Mix([]*Sum{s}, [][][]uint64{{{1, 2}, {1}}}, [][]uint64{long, long}) },
		"a block":            func() { m.ForwardPowers(make([]uint64, 2*m.MaxBlocks())) },
		"a power of two":     func() { m.ForwardPowers(make([]uint64, 3)) },
		"a support":          func() { m.ForwardSparse(long, modulus(t, MaxBits, 2*m.n, fastest()).everywhere) },
		"a polynomial":       func() { m.Forward(short) },
		"a destination":      func() { s.Reduce(short) },
		"one of two factors": func() { m.Mul(long, long, short) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is too short, and nothing says so", name)
				}
			}()
			f()
		}()
	}
}

// drawModulus draws one of the ten greatest primes of some length.
func drawModulus(t *rapid.T) *Modulus {
	n := rapid.SampledFrom(degrees()).Draw(t, "N")
	q, err := Primes(rapid.IntRange(24, MaxBits).Draw(t, "bits"), 10, n)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModulus(rapid.SampledFrom(q).Draw(t, "q"), n)
	if err != nil {
		t.Fatal(err)
	}
	m.kernels = rapid.SampledFrom(all()).Draw(t, "kernels")
	return m
}

func TestTransformIsLinear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModulus(t)
		a, b := testResidues(m, rapid.Uint64().Draw(t, "a")), testResidues(m, rapid.Uint64().Draw(t, "b"))
		c := rapid.Uint64Range(0, m.q-1).Draw(t, "c")
		sum := slices.Clone(a)
		m.MulScalarAdd(sum, b, c)
		m.Forward(sum)
		m.Forward(a)
		m.Forward(b)
		m.MulScalarAdd(a, b, c)
		if !slices.Equal(a, sum) {
			t.Error("the transform of a + cb is not that of a plus c times that of b")
		}
	})
}

// TestShiftIsX multiplies by a power of X, whose product needs no multiplication.
func TestShiftIsX(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModulus(t)
		shift := rapid.IntRange(0, m.n-1).Draw(t, "shift")
		a, x, want := testResidues(m, rapid.Uint64().Draw(t, "a")), make([]uint64, m.n), make([]uint64, m.n)
		x[shift] = 1
		for i, c := range a {
			if i+shift >= m.n {
				c = (m.q - c) % m.q
			}
			want[(i+shift)%m.n] = c
		}
		if !slices.Equal(multiply(m, a, x), want) {
			t.Errorf("a product with X^%d is no shift", shift)
		}
	})
}

// TestSparseIsForward transforms polynomials with a few coefficients both ways.
func TestSparseIsForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModulus(t)
		at := rapid.SliceOfN(rapid.IntRange(0, m.n-1), 0, 20).Draw(t, "coefficients")
		if rapid.Bool().Draw(t, "edge") {
			at = append(at, 0, m.n-1)
		}
		p, values := make([]uint64, m.n), testResidues(m, rapid.Uint64().Draw(t, "p"))
		for _, i := range at {
			p[i] = values[i]
		}
		want := slices.Clone(p)
		m.Forward(want)
		m.ForwardSparse(p, m.Support(at))
		if !slices.Equal(p, want) {
			t.Error("the sparse transform gives something else than the full one")
		}
	})
}

func TestResidues(t *testing.T) {
	edges := []int64{0, 1, -1, 1<<31 - 1, -1 << 31, 1<<63 - 1, -1 << 63}
	rapid.Check(t, func(t *rapid.T) {
		m := drawModulus(t)
		q := new(big.Int).SetUint64(m.q)
		for _, x := range append(edges, rapid.Int64().Draw(t, "x"), int64(m.q), -int64(m.q)) {
			want := new(big.Int).Mod(big.NewInt(x), q).Uint64()
			narrow := new(big.Int).Mod(big.NewInt(int64(int32(x))), q).Uint64()
			wide, short := make([]uint64, 1), make([]uint64, 1)
			Residues(m, wide, []uint64{uint64(x)})
			Residues(m, short, []uint32{uint32(x)})
			if m.Residue(x) != want || wide[0] != want || short[0] != narrow {
				t.Errorf("%d mod %d is %d, %d and, as 32 bits, %d: want %d and %d", x, m.q, m.Residue(x), wide[0], short[0], want, narrow)
			}
		}
	})
}

func TestDivideRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, p := drawModulus(t), (*Modulus)(nil)
		for p == nil || p.q == m.q || p.n != m.n {
			p = drawModulus(t)
		}
		a, last := testResidues(m, rapid.Uint64().Draw(t, "a")), testResidues(p, rapid.Uint64().Draw(t, "last"))
		copy(last, extremes(p)[2][:10])
		got := slices.Clone(a)
		m.DivideRound(got, last, p)
		for i := range a {
			r := new(big.Int).SetUint64(last[i])
			if last[i] > p.q/2 {
				r.Sub(r, new(big.Int).SetUint64(p.q))
			}
			// x = r (mod p), so (x - r)/p times p is a - r mod q.
			back := new(big.Int).SetUint64(got[i])
			back.Mul(back, new(big.Int).SetUint64(p.q)).Add(back, r)
			if back.Mod(back, new(big.Int).SetUint64(m.q)).Uint64() != a[i] {
				t.Fatalf("element %d: %d times %d and %v is not %d mod %d", i, got[i], p.q, r, a[i], m.q)
			}
		}
	})
}

func TestModulusRefuses(t *testing.T) {
	for _, c := range []struct {
		q uint64
		n int
	}{
		{12289, 1000}, {12289, 512}, {12289, 1 << 16}, {12287, 1024}, {12289, 8192}, {0, 1024}, {1, 1024},
		{1<<50 + 1, 1024}, {2049 * 2049, 1024}, {^uint64(0), 1024},
	} {
		if m, err := NewModulus(c.q, c.n); err == nil {
			t.Errorf("modulus %d of degree %d is accepted as %d", c.q, c.n, m.q)
		}
	}
}

func TestPrimesAreTheGreatest(t *testing.T) {
	got, err := Primes(20, 5, 1024)
	if err != nil {
		t.Fatal(err)
	}
	var want []uint64
	for q := uint64(1<<20 - 1); len(want) < len(got); q-- {
		if q%2048 == 1 && new(big.Int).SetUint64(q).ProbablyPrime(20) {
			want = append(want, q)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the greatest primes below 2^20 that are 1 mod 2048 are %v, want %v", got, want)
	}
	for _, c := range [][3]int{{MaxBits + 1, 1, 1024}, {0, 1, 1024}, {13, 100, 1024}, {10, 1, 8192}} {
		if q, err := Primes(c[0], c[1], c[2]); err == nil {
			t.Errorf("%d primes of %d bits for N = %d are %v", c[1], c[0], c[2], q)
		}
	}
}

func Benchmark(b *testing.B) {
	for _, k := range all() {
		m := modulus(b, MaxBits, 8192, k)
		x, y, s, words := testResidues(m, 1), testResidues(m, 2), m.NewSum(), make([]uint32, m.n)
		ws, xs, ys := testVectors(m, 16, 3), testVectors(m, 16, 4), testVectors(m, 16, 5)
		factors := make([][][]uint64, 8)
		for i := range factors {
			for _, w := range ws {
				factors[i] = append(factors[i], w[:[]int{8, 128}[i/4]])
			}
		}
		support := m.Support([]int{0, 1, 2, 58, 59, 60, 116, 117, 118, 3364, 3365, 3366, 3422, 3423, 3424, 3480, 3481, 3482})
		sums := []*Sum{m.NewSum(), m.NewSum(), m.NewSum(), m.NewSum()}
		for _, o := range []struct {
			name string
			f    func()
		}{
			{"Forward", func() { m.Forward(x) }},
			{"ForwardSparse/3x3", func() { m.ForwardSparse(x, support) }},
			{"Inverse", func() { m.Inverse(x) }},
			{"Mul", func() { m.Mul(x, x, y) }},
			{"MulScalarAdd", func() { m.MulScalarAdd(x, y, 12345) }},
			{"Add", func() { m.Add(x, x, y) }},
			{"Sum.MulAdd", func() { s.MulAdd(x, y) }},
			{"Sum.MulAddScalar", func() { s.MulAddScalar(12345, y) }},
			{"Sum.Reduce", func() { s.Reduce(x) }},
			{"Sum.MulAddAll/terms=16", func() { s.MulAddAll(ws, xs) }},
			{"MulAddPairs/terms=16", func() { MulAddPairs(s, sums[0], ws, xs, ys) }},
			{"Mix/4x16", func() { Mix(sums, scalars(ws[:4], 16), xs) }},
			{"Mix/4x16/values=8", func() { Mix(sums, factors[:4], xs) }},
			{"Mix/4x16/values=128", func() { Mix(sums, factors[4:], xs) }},
			{"Residues/32", func() { Residues(m, x, words) }},
			{"Residues/64", func() { Residues(m, x, y) }},
			{"DivideRound", func() { m.DivideRound(x, y, m) }},
		} {
			b.Run(fmt.Sprintf("%s/N=%d/%v", o.name, m.n, k), func(b *testing.B) {
				for b.Loop() {
					o.f()
				}
			})
		}
	}
}

// BenchmarkLattigo is what the package is compared with.
func BenchmarkLattigo(b *testing.B) {
	m := modulus(b, MaxBits, 8192, fastest())
	r, err := ring.NewRing(m.n, []uint64{m.q})
	if err != nil {
		b.Fatal(err)
	}
	x, y := r.NewPoly(), r.NewPoly()
	copy(x.Coeffs[0], testResidues(m, 1))
	copy(y.Coeffs[0], testResidues(m, 2))
	for _, o := range []struct {
		name string
		f    func()
	}{
		{"Forward", func() { r.NTT(x, x) }},
		{"Inverse", func() { r.INTT(x, x) }},
		{"Mul", func() { r.MulCoeffsMontgomery(x, y, x) }},
		{"MulAdd", func() { r.MulCoeffsMontgomeryThenAdd(x, y, x) }},
	} {
		b.Run(fmt.Sprintf("%s/N=%d", o.name, m.n), func(b *testing.B) {
			for b.Loop() {
				o.f()
			}
		})
	}
}
