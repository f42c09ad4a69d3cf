package ring

import (
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// random returns n elements drawn from a fixed test stream.
func random[W Word](seed uint64, n int) []W {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]W, n)
	for i := range v {
		v[i] = W(rng.Uint64())
	}
	return v
}

func drawWords[W Word](t *rapid.T, name string, n int) []W {
	edge := []uint64{0, 1, 1 << 31, 1<<31 - 1, 1 << 63, 1<<63 - 1, ^uint64(0)}
	one := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom(edge))
	v := make([]W, n)
	for i := range v {
		v[i] = W(one.Draw(t, name))
	}
	return v
}

// lengths straddle a word of bits, a block and the size at which work is split.
var lengths = []int{0, 1, 63, 64, 65, 1000, grain, grain + 1, 5*grain + 77}

// elementwise are the functions of two vectors with their definition on one element.
func elementwise[W Word](k uint, c W) []struct {
	name string
	do   func(dst, a, b []W)
	one  func(a, b W) W
} {
	return []struct {
		name string
		do   func(dst, a, b []W)
		one  func(a, b W) W
	}{
		{"add", Add[W], func(a, b W) W { return a + b }},
		{"sub", Sub[W], func(a, b W) W { return a - b }},
		{"mul", Mul[W], func(a, b W) W { return a * b }},
		{"neg", func(dst, a, _ []W) { Neg(dst, a) }, func(a, _ W) W { return -a }},
		{"add const", func(dst, a, _ []W) { AddConst(dst, a, c) }, func(a, _ W) W { return a + c }},
		{"mul const", func(dst, a, _ []W) { MulConst(dst, a, c) }, func(a, _ W) W { return a * c }},
		{"shl", func(dst, a, _ []W) { Shl(dst, a, k) }, func(a, _ W) W { return a << k }},
		{"shr", func(dst, a, _ []W) { Shr(dst, a, k) }, func(a, _ W) W { return a >> k }},
		{"sar", func(dst, a, _ []W) { Sar(dst, a, k) }, func(a, _ W) W { return arithmetic(a, k) }},
	}
}

// arithmetic shifts right filling with copies of the sign, one place at a time.
func arithmetic[W Word](a W, k uint) W {
	sign := a &^ (^W(0) >> 1)
	for range min(k, 64) {
		a = a>>1 | sign
	}
	return a
}

func testElementwise[W Word](t *testing.T) {
	for _, n := range lengths {
		a, b := random[W](1, n), random[W](2, n)
		for _, k := range []uint{0, 1, 31, uint(Width[W]()), 200} {
			for _, op := range elementwise(k, random[W](4, 1)[0]) {
				dst := random[W](3, n)
				op.do(dst, a, b)
				inPlace := append([]W(nil), a...)
				op.do(inPlace, inPlace, b)
				for i := range dst {
					if want := op.one(a[i], b[i]); dst[i] != want || inPlace[i] != want {
						t.Fatalf("%s, shift %d, element %d of %d: %x, in place %x, want %x", op.name, k, i, n, dst[i],
							inPlace[i], want)
					}
				}
			}
		}
	}
}

func TestElementwise(t *testing.T) {
	t.Run("32", testElementwise[uint32])
	t.Run("64", testElementwise[uint64])
}

func TestSmallVectorsDoNotAllocate(t *testing.T) {
	a, bits := random[uint32](1, 1000), NewBits(1000)
	packed, planes := make([]byte, PackedLen(1000, 19)), make([]uint64, PlaneWords(1000, 19))
	for name, f := range map[string]func(){
		"Add": func() { Add(a, a, a) }, "Neg": func() { Neg(a, a) }, "Sar": func() { Sar(a, a, 3) },
		"Msb": func() { Msb(bits, a) }, "Expand": func() { Expand(a, bits) }, "Xor": func() { Xor(bits, bits, bits) },
		"Pack": func() { Pack(packed, a, 19) }, "Unpack": func() { Unpack(a, packed, 19) },
		"Planes": func() { Planes(planes, a, 19) }, "FromPlanes": func() { FromPlanes(a, planes, 19) },
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestSigned(t *testing.T) {
	if got := Signed(uint32(1 << 31)); got != -1<<31 {
		t.Errorf("32 bits: %d", got)
	}
	if got := Signed(^uint64(0)); got != -1 {
		t.Errorf("64 bits: %d", got)
	}
	if Width[uint32]() != 32 || Width[uint64]() != 64 {
		t.Errorf("widths %d and %d", Width[uint32](), Width[uint64]())
	}
}

func TestLengthMismatchPanics(t *testing.T) {
	a, b := make([]uint32, 4, 8), make([]uint32, 5)
	for name, f := range map[string]func(){
		"longer source":  func() { Add(a, a, b) },
		"shorter source": func() { Add(b, a, b) }, // a has the capacity for five
		"bits":           func() { Xor(NewBits(3), NewBits(3), NewBits(4)) },
		"pack":           func() { Pack(make([]byte, 3), a, 7) },
		"pack width":     func() { Pack(make([]byte, 17), a, 33) },
		"planes":         func() { Planes(make([]uint64, 4), a, 5) },
		"bit slice":      func() { NewBits(100).Slice(0, 70) },
		"bit":            func() { Bit(NewBits(4), a, 32) },
		"get":            func() { NewBits(70).Get(70) },
		"wrap":           func() { WrapBits(make([]uint64, 1), 65) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			f()
		}()
	}
}

func TestParallelCoversOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	rapid.Check(t, func(t *rapid.T) {
		n, grain := rapid.IntRange(0, 300).Draw(t, "n"), rapid.IntRange(1, 70).Draw(t, "grain")
		seen := make([]atomic.Int32, n)
		Parallel(n, grain, func(lo, hi int) {
			if lo%grain != 0 || (hi%grain != 0 && hi != n) || lo >= hi {
				panic("a range that does not fit the grain")
			}
			for i := lo; i < hi; i++ {
				seen[i].Add(1)
			}
		})
		for i := range seen {
			if seen[i].Load() != 1 {
				t.Fatalf("position %d of %d visited %d times", i, n, seen[i].Load())
			}
		}
	})
}

func TestParallelPanicReachesCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer func() {
		if r := recover(); r != "position 37" {
			t.Errorf("recovered %v", r)
		}
	}()
	Parallel(64, 1, func(lo, hi int) {
		if lo <= 37 && 37 < hi {
			panic("position 37")
		}
	})
}

// TestWorkThatEndsItsGoroutine: whoever called goes on, or ends itself, whichever of the two did the work that a failed test ends.
func TestWorkThatEndsItsGoroutine(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for range 20 {
		other, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			Parallel(2, 1, func(lo, _ int) {
				if lo > 0 {
					defer close(other)
					runtime.Goexit()
				}
				<-other
			})
		}()
		<-ended
	}
}

// doubling is work that keeps what it works on.
type doubling []uint32

func (d doubling) Do(lo, hi int) {
	for i := lo; i < hi; i++ {
		d[i] *= 2
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const tries = 10 // the workers come with the first runs, and Go fills a list of its own now and then
	for range tries {
		n := mallocs(func() {
			for range 10 {
				Run(1000, 10, w1000)
			}
		})
		if n == 0 {
			return
		}
		t.Logf("%d allocations in 10 runs", n)
	}
	t.Errorf("no %d runs of %d without an allocation", 10, 10*tries)
}

var w1000 Work = doubling(make([]uint32, 1000))

// mallocs counts what f allocates, and whatever else runs.
func mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// TestRunsAtATime has callers side by side take workers from each other, and jobs that are done before a worker wakes.
func TestRunsAtATime(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	const callers, runs = 8, 20 // 2^20 fits a word
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			d := doubling(slices.Repeat([]uint32{1}, 100))
			for range runs {
				Run(len(d), 10, d)
			}
			if slices.ContainsFunc(d, func(x uint32) bool { return x != 1<<runs }) {
				t.Errorf("doubled %d times: %v", runs, d)
			}
		})
	}
	all.Wait()
}

// TestRunWaitsForNoWorkerThatHasNotBegun has workers be woken that never come, as they seem where another process keeps the cores busy.
func TestRunWaitsForNoWorkerThatHasNotBegun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	late := func(n int) {
		crew.mu.Lock()
		defer crew.mu.Unlock()
		crew.waking += n
	}
	late(3)
	defer late(-3)
	d := doubling(slices.Repeat([]uint32{1}, 100))
	Run(len(d), 10, d)
	if slices.ContainsFunc(d, func(x uint32) bool { return x != 2 }) {
		t.Errorf("doubled: %v", d)
	}
}

func TestBytesAndWipe(t *testing.T) {
	v := []uint32{0x04030201, 0x08070605}
	if got := string(Bytes(v)); got != "\x01\x02\x03\x04\x05\x06\x07\x08" {
		t.Errorf("bytes %x", got)
	}
	copy(Bytes(v)[4:], []byte{0xff, 0, 0, 0x80})
	if v[1] != 0x800000ff {
		t.Errorf("after writing the view: %x", v[1])
	}
	if len(Bytes([]uint64(nil))) != 0 || len(Bytes(make([]uint64, 3))) != 24 {
		t.Error("length of the view")
	}
	Wipe(v)
	if v[0] != 0 || v[1] != 0 {
		t.Errorf("after wiping: %x", v)
	}
}

func benchElementwise[W Word](b *testing.B) {
	const n = 1 << 20
	x, y, dst := random[W](1, n), random[W](2, n), make([]W, n)
	packed, planes := make([]byte, PackedLen(n, 19)), make([]uint64, PlaneWords(n, Width[W]()))
	for _, op := range []struct {
		name string
		do   func()
	}{
		{"add", func() { Add(dst, x, y) }}, {"mul", func() { Mul(dst, x, y) }},
		{"msb", func() { Msb(WrapBits(planes[:BitWords(n)], n), x) }},
		{"pack19", func() { Pack(packed, x, 19) }}, {"unpack19", func() { Unpack(dst, packed, 19) }},
		{"planes", func() { Planes(planes, x, Width[W]()) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				op.do()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "elements/s")
		})
	}
}

func Benchmark32(b *testing.B) { benchElementwise[uint32](b) }
func Benchmark64(b *testing.B) { benchElementwise[uint64](b) }
