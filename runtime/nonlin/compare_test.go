package nonlin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// comparing is a comparison of two parties' shares with material from a test's generator.
type comparing[W ring.Word] struct {
	Compare[W]
	form cost.Comparison
	n    int
	x    [2][]W // of the receiver, then of the sender

	masks, choice, chosen ring.Bits // 1-of-16 OTs
	a, b, c               [2]ring.Bits
}

func testComparing[W ring.Word](s *prg.Stream, k int, x [2][]W) *comparing[W] {
	t := &comparing[W]{Compare: Compare[W]{k}, form: cost.Comparison{Bits: k}, n: len(x[0]), x: x}
	q := t.form.Digits()
	t.masks, t.choice, t.chosen = testBits(s, t.size(t.form.MaskPlanes())), testBits(s, t.size(t.form.ChoicePlanes())), ring.NewBits(t.size(2*q))
	for i := range t.size(q) {
		block, at := i/wordBits, i%wordBits
		c := 0
		for b := range cost.DigitBits {
			c |= int(t.choice.Get((cost.DigitBits*block+b)*wordBits+at)) << b
		}
		w := t.masks.Words()[otWords*block+at%otWords] >> (at / otWords * 32)
		for s := range 2 {
			t.chosen.Set((2*block+s)*wordBits+at, w>>(values*s+c))
		}
	}
	triples := t.size(t.form.Triples())
	for p := range t.a {
		t.a[p], t.b[p], t.c[p] = testBits(s, triples), testBits(s, 2*triples), testBits(s, 2*triples)
	}
	for i := range 2 * triples {
		ab := (t.a[0].Get(i%triples) ^ t.a[1].Get(i%triples)) & (t.b[0].Get(i) ^ t.b[1].Get(i))
		t.c[1].Set(i, t.c[0].Get(i)^ab)
	}
	return t
}

// size is the bits of so many planes.
func (t *comparing[W]) size(planes int) int { return int(cost.Padded(int64(t.n))) * planes }

func (t *comparing[W]) nodes(level int) ring.Bits {
	if t.form.Nodes(level) == 1 {
		return ring.NewBits(t.n)
	}
	return ring.NewBits(t.size(2*t.form.Nodes(level) - 1))
}

// comparingMessages are what the two parties send: corrections, answers, and each level's openings.
type comparingMessages struct {
	e, m   ring.Bits
	opened [][2]ring.Bits
}

// run gives both shares of the carries.
func (t *comparing[W]) run() (carry [2]ring.Bits, sent comparingMessages) {
	sent.e, sent.m = ring.NewBits(t.size(t.form.ChoicePlanes())), ring.NewBits(t.size(t.form.MessagePlanes()))
	pads, base := ring.NewBits(sent.m.Len()), ring.NewBits(t.size(t.form.Leaves()))
	nodes := [2]ring.Bits{t.nodes(0), t.nodes(0)}
	t.Choose(sent.e, t.x[0], t.choice)
	t.Turn(pads, base, t.masks, sent.e)
	t.Answer(sent.m, nodes[1], t.x[1], pads, base)
	t.Select(nodes[0], t.x[0], sent.m, t.chosen)
	for level := range t.form.Levels() {
		var o, joined [2]ring.Bits
		for p := range o {
			o[p], joined[p] = ring.NewBits(t.size(t.form.OpenedPlanes(level))), t.nodes(level+1)
			t.Open(o[p], nodes[p], t.a[p], t.b[p], level)
		}
		for p := range o {
			t.Join(joined[p], nodes[p], o[p], o[1-p], t.b[p], t.c[p], level)
		}
		nodes, sent.opened = joined, append(sent.opened, o)
	}
	return nodes, sent
}

// check compares with the carry of the sum.
func (t *comparing[W]) check(tb testing.TB) {
	tb.Helper()
	carry, _ := t.run()
	low := W(1)<<t.Bits - 1
	for i := range t.n {
		want := uint64((t.x[0][i]&low + t.x[1][i]&low) >> t.Bits)
		if got := carry[0].Get(i) ^ carry[1].Get(i); got != want {
			tb.Fatalf("%d bits, %#x and %#x: carry %d, want %d", t.Bits, t.x[0][i], t.x[1][i], got, want)
		}
	}
}

// TestComparesAllSmallNumbers tries all pairs of numbers of up to 9 bits, beside random high bits.
func TestComparesAllSmallNumbers(t *testing.T) {
	s := deterministicTestRandomness("comparing")
	for k := 1; k <= 9; k++ {
		x := [2][]uint32{testWords[uint32](s, 1<<(2*k)), testWords[uint32](s, 1<<(2*k))}
		for i := range x[0] {
			x[0][i] = x[0][i]>>k<<k | uint32(i)>>k
			x[1][i] = x[1][i]>>k<<k | uint32(i)&(1<<k-1)
		}
		testComparing(s, k, x).check(t)
	}
}

func TestComparesAtEveryWidth(t *testing.T) {
	t.Run("32", testCompareWidths[uint32])
	t.Run("64", testCompareWidths[uint64])
}

// testCompareWidths takes random numbers and pairs that differ in one bit or not at all: sums just below, at and above 2^k.
func testCompareWidths[W ring.Word](t *testing.T) {
	s := deterministicTestRandomness("widths")
	for k := 1; k < ring.Width[W](); k++ {
		x := [2][]W{testWords[W](s, 300), testWords[W](s, 300)}
		for i := range 200 {
			x[1][i] = ^x[0][i] + W(i%3) - 1
			if i >= 100 {
				x[1][i] = ^x[0][i] ^ 1<<(i%k)
			}
		}
		testComparing(s, k, x).check(t)
	}
}

func TestComparesAnyNumberOfInstances(t *testing.T) {
	s := deterministicTestRandomness("instances")
	for _, n := range []int{1, 63, 64, 65, 1000, 2*grain + 65} {
		testComparing(s, 20, [2][]uint32{testWords[uint32](s, n), testWords[uint32](s, n)}).check(t)
	}
}

// TestCarriesHaveNothingBehindThem holds the bits from n on at zero.
func TestCarriesHaveNothingBehindThem(t *testing.T) {
	s := deterministicTestRandomness("tail")
	for _, k := range []int{3, 11} {
		carry, _ := testComparing(s, k, [2][]uint32{testWords[uint32](s, 70), testWords[uint32](s, 70)}).run()
		for p := range carry {
			if got := carry[p].Words()[1] >> 6; got != 0 {
				t.Errorf("%d bits, party %d: %#x behind 70 carries", k, p, got)
			}
		}
	}
}

// TestGoldenComparison fixes the messages and the result, byte by byte.
func TestGoldenComparison(t *testing.T) {
	s := deterministicTestRandomness("golden comparison")
	h := sha256.New()
	add := func(v ...ring.Bits) {
		for _, b := range v {
			h.Write(b.Bytes())
		}
	}
	for _, k := range []int{1, 4, 13, 31} {
		carry, sent := testComparing(s, k, [2][]uint32{testWords[uint32](s, 500), testWords[uint32](s, 500)}).run()
		add(sent.e, sent.m, carry[0], carry[1])
		for _, o := range sent.opened {
			add(o[0], o[1])
		}
	}
	const want = "1049c8a70ea85101379de12a00193110af77edf5721669e3ce26e53356aff1ae"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// TestComparisonHidesTheShares counts the ones of every plane of every message over many instances, for values far apart: each
// is binomial with one half, within 6 deviations, and so is the exclusive or of any two planes of the sender's message and of
// what is opened: no mask is used twice.
func TestComparisonHidesTheShares(t *testing.T) {
	const n, k = 1 << 14, 9
	for name, x := range map[string][2]uint32{"zeros": {0, 0}, "ones": {1<<k - 1, 1<<k - 1}, "carry": {1<<k - 1, 1}} {
		s := deterministicTestRandomness(name)
		c := testComparing(s, k, [2][]uint32{slices.Repeat([]uint32{x[0]}, n), slices.Repeat([]uint32{x[1]}, n)})
		_, sent := c.run()
		uniformPlanes(t, name+": corrections", planesOf(sent.e, n))
		uniformPlanes(t, name+": messages", blockPlanes(sent.m, n))
		for level, o := range sent.opened {
			uniformPlanes(t, fmt.Sprintf("%s: opened at level %d", name, level), append(planesOf(o[0], n), planesOf(o[1], n)...))
		}
	}
}

// planesOf cuts planes apart.
func planesOf(b ring.Bits, n int) (p [][]uint64) {
	return slices.Collect(slices.Chunk(b.Words(), ring.BitWords(n)))
}

// blockPlanes gives the planes of what is laid out block by block.
func blockPlanes(b ring.Bits, n int) [][]uint64 {
	p := make([][]uint64, len(b.Words())/ring.BitWords(n))
	for i, w := range b.Words() {
		p[i%len(p)] = append(p[i%len(p)], w)
	}
	return p
}

func uniformPlanes(t *testing.T, name string, planes [][]uint64) {
	t.Helper()
	for i, p := range planes {
		checkOnes(t, fmt.Sprintf("%s: plane %d", name, i), p)
		for j, other := range planes[:i] {
			both := make([]uint64, len(p))
			xor(both, p, other)
			checkOnes(t, fmt.Sprintf("%s: planes %d and %d", name, i, j), both)
		}
	}
}

func checkOnes(t *testing.T, name string, words []uint64) {
	t.Helper()
	var ones, n float64
	for _, w := range words {
		for ; w != 0; w &= w - 1 {
			ones++
		}
		n += wordBits
	}
	if z := (2*ones - n) / math.Sqrt(n); math.Abs(z) > 6 {
		t.Errorf("%s: %.0f ones of %.0f, %.1f deviations from half", name, ones, n, z)
	}
}

func TestComparisonMisusePanics(t *testing.T) {
	s := deterministicTestRandomness("misuse")
	c := testComparing(s, 13, [2][]uint32{testWords[uint32](s, 70), testWords[uint32](s, 70)})
	short := ring.NewBits(64)
	leaves, m := c.nodes(0), ring.NewBits(c.size(c.form.MessagePlanes()))
	for name, misuse := range map[string]func(){
		"no bits":             func() { Compare[uint32]{0}.Choose(c.choice, c.x[0], c.choice) },
		"all bits":            func() { Compare[uint32]{32}.Choose(c.choice, c.x[0], c.choice) },
		"choose, few":         func() { c.Choose(short, c.x[0], c.choice) },
		"turn, few masks":     func() { c.Turn(m, leaves, short, c.choice) },
		"answer, few leaves":  func() { c.Answer(m, short, c.x[1], m, leaves) },
		"select, few masks":   func() { c.Select(leaves, c.x[0], m, short) },
		"open, few triples":   func() { c.Open(ring.NewBits(c.size(c.form.OpenedPlanes(0))), leaves, short, c.b[0], 0) },
		"open, level 2 of 2":  func() { c.Open(m, leaves, c.a[0], c.b[0], 2) },
		"join, little opened": func() { c.Join(c.nodes(1), leaves, short, short, c.b[0], c.c[0], 0) },
		"join, few nodes":     func() { c.Join(short, leaves, m, m, c.b[0], c.c[0], 0) },
	} {
		if !panics(misuse) {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestComparisonAllocatesNothingThatGrows bounds what a step allocates at 2^18 instances by what closures and goroutines need.
func TestComparisonAllocatesNothingThatGrows(t *testing.T) {
	const n, most = 1 << 18, 32 << 10
	for name, step := range compareSteps31(n) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		step()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: %d bytes allocated, want at most %d", name, got, most)
		}
	}
}

// compareSteps31 is the steps of the sign of n elements at l = 32, on vectors that are there.
func compareSteps31(n int) map[string]func() {
	s := deterministicTestRandomness("bench")
	t := testComparing(s, 31, [2][]uint32{testWords[uint32](s, n), testWords[uint32](s, n)})
	e, m, leaves := ring.NewBits(t.size(t.form.ChoicePlanes())), ring.NewBits(t.size(t.form.MessagePlanes())), t.nodes(0)
	pads, base := ring.NewBits(m.Len()), ring.NewBits(leaves.Len())
	o, joined := ring.NewBits(t.size(t.form.OpenedPlanes(0))), t.nodes(1)
	return map[string]func(){
		"choose": func() { t.Choose(e, t.x[0], t.choice) },
		"turn":   func() { t.Turn(pads, base, t.masks, e) },
		"answer": func() { t.Answer(m, leaves, t.x[1], pads, base) },
		"select": func() { t.Select(leaves, t.x[0], m, t.chosen) },
		"open":   func() { t.Open(o, leaves, t.a[0], t.b[0], 0) },
		"join":   func() { t.Join(joined, leaves, o, o, t.b[0], t.c[0], 0) },
	}
}

// BenchmarkCompare gives the time of each step for the sign of 2^20 elements at l = 32.
func BenchmarkCompare(b *testing.B) {
	const n = 1 << 20
	for name, step := range compareSteps31(n) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
