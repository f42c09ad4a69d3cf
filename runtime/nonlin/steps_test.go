package nonlin

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// writing says where steps write their results.
type writing int

const (
	apart writing = iota // into vectors of their own
	over                 // over a source, where that is allowed
)

// vectors are inputs of the steps.
type vectors[W ring.Word] struct {
	n               int
	x, y, p0, p1, q []W
	c, d, e         ring.Bits
}

func testVectors[W ring.Word](n int) vectors[W] {
	s := deterministicTestRandomness("steps")
	return vectors[W]{n, testWords[W](s, n), testWords[W](s, n), testWords[W](s, n), testWords[W](s, n), testWords[W](s, n),
		testBits(s, n), testBits(s, n), testBits(s, n)}
}

// dst is where a step that reads src writes to.
func dst[W ring.Word](w writing, src []W) []W {
	if w == over {
		return src
	}
	return make([]W, len(src))
}

// dstBits is dst for bits.
func dstBits(w writing, src ring.Bits) ring.Bits {
	if w == over {
		return src
	}
	return ring.NewBits(src.Len())
}

// packed is a message of ring elements.
func packed[W ring.Word](v []W, width int) []byte {
	b := make([]byte, ring.PackedLen(len(v), width))
	ring.Pack(b, v, width)
	return b
}

// protocols run every step of a protocol, as both parties, on n fixed instances: what each step wrote, in the form in which it
// travels.
var protocols = map[string]struct {
	in32, in64 func(n int, w writing) [][]byte
}{
	"trunc":     {truncSteps[uint32], truncSteps[uint64]},
	"mux":       {muxSteps[uint32], muxSteps[uint64]},
	"sign":      {signSteps[uint32], signSteps[uint64]},
	"square":    {squareSteps[uint32], squareSteps[uint64]},
	"quadratic": {quadraticSteps[uint32], quadraticSteps[uint64]},
	"rounded":   {roundedSteps[uint32], roundedSteps[uint64]},
}

func truncSteps[W ring.Word](n int, w writing) (out [][]byte) {
	for _, party := range []cost.Party{cost.Client, cost.Server} {
		t := Trunc[W]{13, party}
		fresh := func() vectors[W] { return testVectors[W](n) }
		a := fresh()
		e := dstBits(w, a.c)
		t.Choose(e, a.x, a.c)
		b := fresh()
		v := dst(w, b.p0)
		t.Correlate(v, b.x, b.p0, b.p1)
		r, s := fresh(), fresh()
		zr, zs := dst(w, r.x), dst(w, s.x)
		t.Receive(zr, r.x, r.e, r.c, r.q, r.y)
		t.Send(zs, s.x, s.e, s.p0)
		out = append(out, e.Bytes(), packed(v, t.F), ring.Bytes(zr), ring.Bytes(zs))
	}
	return out
}

func muxSteps[W ring.Word](n int, w writing) [][]byte {
	a, b, r := testVectors[W](n), testVectors[W](n), testVectors[W](n)
	e, v, z := dstBits(w, a.c), dst(w, b.p1), dst(w, r.x)
	Mux[W]{}.Choose(e, a.d, a.c)
	Mux[W]{}.Correlate(v, b.x, b.d, b.p0, b.p1)
	Mux[W]{}.Output(z, r.x, r.d, r.e, r.p0, e, r.c, r.q, r.y)
	return [][]byte{e.Bytes(), ring.Bytes(v), ring.Bytes(z)}
}

func signSteps[W ring.Word](n int, w writing) (out [][]byte) {
	for _, party := range []cost.Party{cost.Client, cost.Server} {
		for _, width := range []int{2, 21, ring.Width[W]()} {
			a := testVectors[W](n)
			d := dstBits(w, a.d)
			Sign(d, a.d, a.x, width, party)
			out = append(out, d.Bytes())
		}
	}
	return out
}

func squareSteps[W ring.Word](n int, w writing) [][]byte {
	var at [5]vectors[W]
	for i := range at {
		at[i] = testVectors[W](n)
	}
	g, yc, ys, o0, o1 := dst(w, at[0].y), dst(w, at[1].y), dst(w, at[2].y), dst(w, at[3].y), dst(w, at[4].y)
	SquareBlind(g, at[0].x, at[0].y)
	SquareMaskedClient(yc, at[1].x, at[1].p0, at[1].y)
	SquareMaskedServer(ys, at[2].y, at[2].x)
	SquareOpened(o0, at[3].y, at[3].x, at[3].p0, cost.Client)
	SquareOpened(o1, at[4].x, at[4].p0, at[4].y, cost.Server)
	return [][]byte{ring.Bytes(g), ring.Bytes(yc), ring.Bytes(ys), ring.Bytes(o0), ring.Bytes(o1)}
}

func quadraticSteps[W ring.Word](n int, w writing) [][]byte {
	var at [3]vectors[W]
	for i := range at {
		at[i] = testVectors[W](n)
	}
	const k = 3
	b := []W{^W(4)}
	g, yc, ys := dst(w, at[0].y), dst(w, at[1].y), dst(w, at[2].y)
	QuadraticBlind(g, at[0].x, at[0].y, PerChannel(b, len(g)), k)
	QuadraticClient(yc, at[1].x, at[1].p0, at[1].y, k)
	QuadraticServer(ys, at[2].x, at[2].y, PerChannel(b, len(ys)), k)
	return [][]byte{ring.Bytes(g), ring.Bytes(yc), ring.Bytes(ys)}
}

func roundedSteps[W ring.Word](n int, w writing) (out [][]byte) {
	t, b := Rounded[W]{13, 3}, []W{^W(4)}
	step := func(source func(a vectors[W]) []W, run func(z []W, a vectors[W])) {
		a := testVectors[W](n)
		z := dst(w, source(a))
		run(z, a)
		out = append(out, ring.Bytes(z))
	}
	x, p1 := func(a vectors[W]) []W { return a.x }, func(a vectors[W]) []W { return a.p1 }
	step(x, func(z []W, a vectors[W]) { t.Share(z, a.x, cost.Client) })
	step(x, func(z []W, a vectors[W]) { t.Share(z, a.x, cost.Server) })
	step(p1, func(z []W, a vectors[W]) { t.Offer(z, a.x, a.y, a.p0, a.p1) })
	step(p1, func(z []W, a vectors[W]) { t.Turn(z, a.x, a.y, a.p1) })
	step(x, func(z []W, a vectors[W]) { t.Fix(z, a.x, a.p0, a.q, a.e) })
	step(x, func(z []W, a vectors[W]) { t.Pad(z, a.x, a.q, a.c) })
	step(p1, func(z []W, a vectors[W]) { t.Hold(z, a.x, a.y, a.p1, a.p0, a.e) })
	step(p1, func(z []W, a vectors[W]) { t.Correlate(z, a.x, a.y, a.p0, a.p1, PerChannel(b, len(z))) })
	step(p1, func(z []W, a vectors[W]) { t.Client(z, a.x, a.y, a.q, a.p0, a.p1, a.e, a.d, a.c) })
	step(p1, func(z []W, a vectors[W]) { t.Server(z, a.x, a.y, a.q, a.p1, a.d, a.e, PerChannel(b, len(z))) })
	return out
}

func TestGoldenMessagesAndResults(t *testing.T) {
	golden := map[string]string{
		"trunc":     "2a18ce12c8afa592472142314a2304f080fc78eb9395cb6eec38f0cd962309b0",
		"mux":       "127ac60a1b6b7568679c821a6b11db4346e822ef369db2ea6601ced243e96013",
		"sign":      "ab1ef31a4341f582ad28e67b821e6202f5077a7aecc6344e7b4c06300492dda4",
		"quadratic": "99d85c556a05fb803575583f0f4691a8b365419553706f5041f62793e5828b4f",
		"rounded":   "b412eb6858d3593ba6129e3dcfdd8c7c57f04d2312a70383f62abedce148818d",
		"square":    "507e141b3a7c2b367bbb4332dad96b16865899bf197e81b2ca737e7c5b0d1d46",
	}
	for name, p := range protocols {
		h := sha256.New()
		for _, b := range slices.Concat(p.in32(1000, apart), p.in64(1000, apart)) {
			h.Write(b)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != golden[name] {
			t.Errorf("%s: hash %s, want %s", name, got, golden[name])
		}
	}
}

func TestResultsMayOverwriteTheirSources(t *testing.T) {
	for name, p := range protocols {
		compareSteps(t, name+" 32", p.in32(777, over), p.in32(777, apart))
		compareSteps(t, name+" 64", p.in64(777, over), p.in64(777, apart))
	}
}

// TestStepsDoNotDependOnCores compares one goroutine with several, past the least share of each.
func TestStepsDoNotDependOnCores(t *testing.T) {
	const n = 3*grain + 65
	for name, p := range protocols {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		one32, one64 := p.in32(n, apart), p.in64(n, apart)
		for _, cores := range []int{2, 5} {
			runtime.GOMAXPROCS(cores)
			compareSteps(t, name+" 32", p.in32(n, apart), one32)
			compareSteps(t, name+" 64", p.in64(n, apart), one64)
		}
	}
}

func compareSteps(t *testing.T, name string, got, want [][]byte) {
	t.Helper()
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%s: output %d differs", name, i)
		}
	}
}

// TestStepsAllocateNothingThatGrows bounds what a step allocates at 2^20 elements by what closures and goroutines need.
func TestStepsAllocateNothingThatGrows(t *testing.T) {
	const n, most = 1 << 20, 16 << 10
	a := testVectors[uint64](n)
	z, e := make([]uint64, n), ring.NewBits(n)
	trunc, mux := Trunc[uint64]{13, cost.Client}, Mux[uint64]{}
	for name, step := range map[string]func(){
		"trunc choose":     func() { trunc.Choose(e, a.x, a.c) },
		"trunc correlate":  func() { trunc.Correlate(z, a.x, a.p0, a.p1) },
		"trunc receive":    func() { trunc.Receive(z, a.x, a.e, a.c, a.q, a.y) },
		"trunc send":       func() { trunc.Send(z, a.x, a.e, a.p0) },
		"mux choose":       func() { mux.Choose(e, a.d, a.c) },
		"mux correlate":    func() { mux.Correlate(z, a.x, a.d, a.p0, a.p1) },
		"mux output":       func() { mux.Output(z, a.x, a.d, a.e, a.p0, e, a.c, a.q, a.y) },
		"sign":             func() { Sign(e, a.d, a.x, 64, cost.Client) },
		"square client":    func() { SquareMaskedClient(z, a.x, a.y, a.p0) },
		"quadratic blind":  func() { QuadraticBlind(z, a.x, a.y, PerChannel(a.p0[:64], len(z)), 1) },
		"quadratic client": func() { QuadraticClient(z, a.x, a.y, a.p0, 1) },
		"quadratic server": func() { QuadraticServer(z, a.x, a.y, PerChannel(a.p0[:64], len(z)), 1) },
		"rounded client": func() {
			Rounded[uint64]{13, 1}.Client(z, a.x, a.y, a.p0, a.p1, a.q, a.e, a.d, a.c)
		},
		"rounded server": func() {
			Rounded[uint64]{13, 1}.Server(z, a.x, a.y, a.p0, a.q, a.e, a.d, PerChannel(a.p1[:64], len(z)))
		},
		"square server": func() { SquareMaskedServer(z, a.x, a.y) },
		"square opened": func() { SquareOpened(z, a.x, a.y, a.p0, cost.Server) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		step()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: %d bytes allocated, want at most %d", name, got, most)
		}
	}
}

func TestEmptyVectors(t *testing.T) {
	for name, p := range protocols {
		for _, b := range slices.Concat(p.in32(0, apart), p.in64(0, apart)) {
			if len(b) != 0 {
				t.Errorf("%s: %d bytes for no elements", name, len(b))
			}
		}
	}
}

func TestUnusedBitsStayZero(t *testing.T) {
	a, e := testVectors[uint32](70), ring.NewBits(70)
	for name, step := range map[string]func(){
		"trunc choose": func() { Trunc[uint32]{5, cost.Client}.Choose(e, a.x, a.c) },
		"mux choose":   func() { Mux[uint32]{}.Choose(e, a.d, a.c) },
		"sign, client": func() { Sign(e, a.d, a.x, 32, cost.Client) },
		"sign, server": func() { Sign(e, a.d, a.x, 32, cost.Server) },
	} {
		if step(); e.Words()[1]>>6 != 0 {
			t.Errorf("%s: bits from 70 on are %#x", name, e.Words()[1]>>6)
		}
	}
}

// TestCorrelationIsReduced holds the sender to f bits an element, whoever moves them.
func TestCorrelationIsReduced(t *testing.T) {
	a := testVectors[uint64](500)
	for _, f := range []int{1, 13, 62} {
		Trunc[uint64]{f, cost.Server}.Correlate(a.y, a.x, a.p0, a.p1)
		if top := slices.Max(a.y); top>>f != 0 {
			t.Errorf("f=%d: a correlation of %#x", f, top)
		}
	}
}

func TestTruncCheck(t *testing.T) {
	for _, good := range []Trunc[uint32]{{1, cost.Client}, {30, cost.Server}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for want, bad := range map[string]Trunc[uint32]{
		"truncation by 0 bits: accepted are 1 to 30 in a ring of 32 bits":  {0, cost.Client},
		"truncation by -1 bits: accepted are 1 to 30 in a ring of 32 bits": {-1, cost.Client},
		"truncation by 31 bits: accepted are 1 to 30 in a ring of 32 bits": {31, cost.Client},
		"truncation by the dealer: accepted are the client and the server": {1, cost.Dealer},
	} {
		if err := bad.Check(); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", bad, err, want)
		}
	}
	if err := (Trunc[uint64]{62, cost.Client}).Check(); err != nil {
		t.Error(err)
	}
	if (Trunc[uint64]{63, cost.Client}).Check() == nil {
		t.Error("63 of 64 bits accepted")
	}
}

func TestMisusePanics(t *testing.T) {
	a := testVectors[uint32](70)
	short, fewer := a.x[:69], ring.NewBits(69)
	trunc, mux := Trunc[uint32]{5, cost.Client}, Mux[uint32]{}
	for name, misuse := range map[string]func(){
		"choose, short x":         func() { trunc.Choose(a.e, short, a.c) },
		"choose, few choices":     func() { trunc.Choose(a.e, a.x, fewer) },
		"choose, few bits":        func() { trunc.Choose(fewer, a.x, a.c) },
		"choose, all bits":        func() { Trunc[uint32]{32, cost.Client}.Choose(a.e, a.x, a.c) },
		"correlate, short v":      func() { trunc.Correlate(short, a.x, a.p0, a.p1) },
		"correlate, short p0":     func() { trunc.Correlate(a.y, a.x, short, a.p1) },
		"correlate, the dealer":   func() { Trunc[uint32]{5, cost.Dealer}.Correlate(a.y, a.x, a.p0, a.p1) },
		"receive, short q":        func() { trunc.Receive(a.y, a.x, a.e, a.c, short, a.p0) },
		"receive, few e":          func() { trunc.Receive(a.y, a.x, fewer, a.c, a.q, a.p0) },
		"send, short p0":          func() { trunc.Send(a.y, a.x, a.e, short) },
		"send, few e":             func() { trunc.Send(a.y, a.x, fewer, a.p0) },
		"mux choose, few d":       func() { mux.Choose(a.e, fewer, a.c) },
		"mux correlate, few d":    func() { mux.Correlate(a.y, a.x, fewer, a.p0, a.p1) },
		"mux correlate, short p1": func() { mux.Correlate(a.y, a.x, a.d, a.p0, short) },
		"mux output, short v":     func() { mux.Output(a.y, a.x, a.d, a.e, a.p0, a.e, a.c, a.q, short) },
		"mux output, few ePeer":   func() { mux.Output(a.y, a.x, a.d, fewer, a.p0, a.e, a.c, a.q, a.p1) },
		"sign, few bits":          func() { Sign(fewer, a.d, a.x, 32, cost.Client) },
		"sign, width 1":           func() { Sign(a.e, a.d, a.x, 1, cost.Client) },
		"sign, width 33":          func() { Sign(a.e, a.d, a.x, 33, cost.Client) },
		"sign, the dealer":        func() { Sign(a.e, a.d, a.x, 32, cost.Dealer) },
		"blind, short b":          func() { SquareBlind(a.y, a.x, short) },
		"client, short g":         func() { SquareMaskedClient(a.y, a.x, short, a.p0) },
		"server, short x1":        func() { SquareMaskedServer(a.y, short, a.p0) },
		"opened, short a2":        func() { SquareOpened(a.y, a.x, a.p0, short, cost.Client) },
		"opened, the dealer":      func() { SquareOpened(a.y, a.x, a.p0, a.p1, cost.Dealer) },
	} {
		if !panics(misuse) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// BenchmarkSteps gives the time of each step for 2^20 elements at l = 32.
func BenchmarkSteps(b *testing.B) {
	const n = 1 << 20
	a := testVectors[uint32](n)
	z, e := make([]uint32, n), ring.NewBits(n)
	trunc, mux := Trunc[uint32]{13, cost.Server}, Mux[uint32]{}
	for _, s := range []struct {
		name string
		step func()
	}{
		{"trunc.choose", func() { trunc.Choose(e, a.x, a.c) }},
		{"trunc.correlate", func() { trunc.Correlate(z, a.x, a.p0, a.p1) }},
		{"trunc.receive", func() { trunc.Receive(z, a.x, a.e, a.c, a.q, a.y) }},
		{"trunc.send", func() { trunc.Send(z, a.x, a.e, a.p0) }},
		{"mux.correlate", func() { mux.Correlate(z, a.x, a.d, a.p0, a.p1) }},
		{"mux.output", func() { mux.Output(z, a.x, a.d, a.e, a.p0, a.e, a.c, a.q, a.y) }},
		{"sign", func() { Sign(e, a.d, a.x, 32, cost.Server) }},
		{"square.opened", func() { SquareOpened(z, a.x, a.y, a.p0, cost.Server) }},
	} {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				s.step()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
