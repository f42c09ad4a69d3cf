package nonlin

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// deterministicTestRandomness fixes the randomness of a test. It exists in tests alone.
func deterministicTestRandomness(label string) *prg.Stream {
	var seed prg.Seed
	copy(seed[:], label)
	return prg.NewStream(seed)
}

// testWords draws n words.
func testWords[W ring.Word](s *prg.Stream, n int) []W {
	v := make([]uint64, n)
	prg.Words(s, v)
	out := make([]W, n)
	for i := range v {
		out[i] = W(v[i])
	}
	return out
}

// testBits draws n bits.
func testBits(s *prg.Stream, n int) ring.Bits {
	words := make([]uint64, ring.BitWords(n))
	prg.Words(s, words)
	return ring.WrapBits(words, n)
}

// randomOTs are n random OTs.
type randomOTs[W ring.Word] struct {
	p0, p1, q []W
	c         ring.Bits
}

func testOTs[W ring.Word](s *prg.Stream, n int) randomOTs[W] {
	o := randomOTs[W]{testWords[W](s, n), testWords[W](s, n), make([]W, n), testBits(s, n)}
	for i := range o.q {
		o.q[i] = o.p0[i]
		if o.c.Get(i) == 1 {
			o.q[i] = o.p1[i]
		}
	}
	return o
}

// edges are the elements at which a comparison, a shift or a carry changes.
func edges[W ring.Word]() []W {
	l := ring.Width[W]()
	var all []W
	for _, k := range []int{0, 1, 7, l/2 - 1, l / 2, l - 3, l - 2, l - 1} {
		p := W(1) << k
		all = append(all, p-1, p, p+1, -p-1, -p, -p+1)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestCOTSharesSumToTheProduct(t *testing.T) {
	t.Run("32", testCOT[uint32])
	t.Run("64", testCOT[uint64])
}

// testCOT tries all choices with all triples of structured words.
func testCOT[W ring.Word](t *testing.T) {
	words := edges[W]()
	for _, delta := range words {
		for _, p0 := range words {
			for _, p1 := range words {
				for bc := W(0); bc < 4; bc++ {
					b, c := bc&1, bc>>1
					q := p0 + c*(p1-p0)
					e, v := b^c, correlation(delta, p0, p1)
					if got := senderShare(delta, p0, e) + receiverShare(q, v, e, c); got != b*delta {
						t.Fatalf("b=%d c=%d delta=%#x p0=%#x p1=%#x: shares of %#x", b, c, delta, p0, p1, got)
					}
				}
			}
		}
	}
}

func TestCOTSharesModuloAPowerOfTwo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := rapid.IntRange(1, 63).Draw(rt, "f")
		low := uint64(1)<<f - 1
		delta, p0, p1 := rapid.Uint64().Draw(rt, "delta"), rapid.Uint64().Draw(rt, "p0"), rapid.Uint64().Draw(rt, "p1")
		b, c := rapid.Uint64Range(0, 1).Draw(rt, "b"), rapid.Uint64Range(0, 1).Draw(rt, "c")
		v := correlation(delta, p0, p1) & low
		got := senderShare(delta, p0, b^c) + receiverShare(p0+c*(p1-p0), v, b^c, c)
		if (got-b*delta)&low != 0 {
			rt.Fatalf("shares of %#x mod 2^%d, want %#x", got&low, f, b*delta&low)
		}
	})
}

// TestCOTMessagesHideTheInputs counts every view of a party, over all pads mod 2^f and all random choices: it must be the same
// whatever the other party's input is.
func TestCOTMessagesHideTheInputs(t *testing.T) {
	const f = 3
	type view [3]uint32
	// views counts what the receiver sees, (c, q, v), and the sender, (p0, p1, e).
	views := func(delta, b uint32) (receiver, sender map[view]int) {
		receiver, sender = map[view]int{}, map[view]int{}
		for pads := range uint32(1 << (2*f + 1)) {
			p0, p1, c := pads>>1&(1<<f-1), pads>>(1+f), pads&1
			v := correlation(delta, p0, p1) & (1<<f - 1)
			receiver[view{c, p0 + c*(p1-p0), v}]++
			sender[view{p0, p1, b ^ c}]++
		}
		return receiver, sender
	}
	wantReceiver, wantSender := views(0, 0)
	for delta := range uint32(1 << f) {
		for b := range uint32(2) {
			receiver, sender := views(delta, b)
			if !maps.Equal(receiver, wantReceiver) || !maps.Equal(sender, wantSender) {
				t.Errorf("delta=%d b=%d: the views differ from those of delta=0 b=0", delta, b)
			}
		}
	}
}

// truncate runs the steps of both parties, the receiver being the given one.
func truncate[W ring.Word](f int, receiver cost.Party, x [2][]W, o randomOTs[W]) (z []W) {
	n := len(o.p0)
	r, s := Trunc[W]{f, receiver}, Trunc[W]{f, receiver.Other()}
	xr, xs := x[receiver], x[receiver.Other()]
	e, v, zr, zs := ring.NewBits(n), make([]W, n), make([]W, n), make([]W, n)
	r.Choose(e, xr, o.c)
	s.Correlate(v, xs, o.p0, o.p1)
	r.Receive(zr, xr, e, o.c, o.q, v)
	s.Send(zs, xs, e, o.p0)
	ring.Add(zr, zr, zs)
	return zr
}

// structured are the client's shares to try for one value: every pattern of the low bits under every top that matters.
func structured[W ring.Word](lowBits int) []W {
	var all []W
	for _, top := range edges[W]() {
		for low := W(0); low < 1<<lowBits; low++ {
			all = append(all, top&^(1<<lowBits-1)|low)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// truncRange are the values to truncate: edges within [-2^(l-2), 2^(l-2)).
func truncRange[W ring.Word]() []W {
	var all []W
	quarter := W(1) << (ring.Width[W]() - 2)
	for _, x := range edges[W]() {
		if x+quarter < 2*quarter {
			all = append(all, x)
		}
	}
	return all
}

func TestTruncationOverAllLowBits(t *testing.T) {
	for f := 1; f <= 6; f++ {
		t.Run(fmt.Sprintf("32/f=%d", f), func(t *testing.T) { testTruncationExactly[uint32](t, f) })
		t.Run(fmt.Sprintf("64/f=%d", f), func(t *testing.T) { testTruncationExactly[uint64](t, f) })
	}
}

// testTruncationExactly counts, over all patterns of the f low bits of a share, how often the result is floor + 1: that is
// P(1) itself, not an estimate.
func testTruncationExactly[W ring.Word](t *testing.T, f int) {
	shares := structured[W](f)
	rnd := deterministicTestRandomness("trunc exact")
	values := truncRange[W]()
	for low := W(0); low < 1<<f; low++ {
		values = append(values, low, -low-1)
	}
	for _, receiver := range []cost.Party{cost.Client, cost.Server} {
		for _, x := range values {
			in := [2][]W{make([]W, len(shares)), slices.Clone(shares)}
			for i, share := range shares {
				in[cost.Client][i] = x - share
			}
			floor, p := ideal.Trunc(x, f)
			up := 0
			for i, z := range truncate(f, receiver, in, testOTs[W](rnd, len(shares))) {
				if z != floor && z != floor+1 {
					t.Fatalf("x=%#x x1=%#x: %#x, want %#x or one more", x, shares[i], z, floor)
				}
				up += int(z - floor)
			}
			if want := p * float64(len(shares)); float64(up) != want {
				t.Fatalf("x=%#x: floor + 1 for %d of %d shares, want %g", x, up, len(shares), want)
			}
		}
	}
}

func TestTruncationByEveryNumberOfBits(t *testing.T) {
	t.Run("32", testTruncationBits[uint32])
	t.Run("64", testTruncationBits[uint64])
}

func testTruncationBits[W ring.Word](t *testing.T) {
	rnd := deterministicTestRandomness("trunc bits")
	values, shares := truncRange[W](), edges[W]()
	var in [2][]W
	for _, x := range values {
		for _, share := range append(testWords[W](rnd, 20), shares...) {
			in[0], in[1] = append(in[0], x-share), append(in[1], share)
		}
	}
	for f := 1; f <= ring.Width[W]()-2; f++ {
		z := truncate(f, cost.Party(f%2), in, testOTs[W](rnd, len(in[0])))
		for i := range z {
			x := in[0][i] + in[1][i]
			if floor, p := ideal.Trunc(x, f); z[i] != floor && (z[i] != floor+1 || p == 0) {
				t.Fatalf("f=%d x=%#x x1=%#x: %#x, want %#x + {0,1}, P(1) = %g", f, x, in[1][i], z[i], floor, p)
			}
		}
	}
}

func TestMuxOverAllBits(t *testing.T) {
	t.Run("32", testMux[uint32])
	t.Run("64", testMux[uint64])
}

// testMux tries every sharing of every bit with all pairs of edge shares and all choices of the OTs.
func testMux[W ring.Word](t *testing.T) {
	var x [2][]W
	var code []uint64 // d0, d1, c of either party
	for _, x0 := range edges[W]() {
		for _, x1 := range edges[W]() {
			for k := range uint64(16) {
				x[0], x[1], code = append(x[0], x0), append(x[1], x1), append(code, k)
			}
		}
	}
	n := len(code)
	rnd := deterministicTestRandomness("mux")
	pick := func(bit int) ring.Bits {
		b := ring.NewBits(n)
		ring.Bit(b, code, bit)
		return b
	}
	d := [2]ring.Bits{pick(0), pick(1)}
	var byReceiver [2]randomOTs[W]
	for i := range byReceiver {
		o := testOTs[W](rnd, n)
		o.c = pick(2 + i)
		for j := range o.q {
			o.q[j] = o.p0[j] + W(o.c.Get(j))*(o.p1[j]-o.p0[j])
		}
		byReceiver[i] = o
	}
	z := multiplex(x, d, byReceiver)
	for i := range z {
		if want := ideal.Mux(d[0].Get(i)^d[1].Get(i), x[0][i]+x[1][i]); z[i] != want {
			t.Fatalf("d=%d^%d x=%#x+%#x c=%d,%d: %#x, want %#x", d[0].Get(i), d[1].Get(i), x[0][i], x[1][i],
				code[i]>>2&1, code[i]>>3, z[i], want)
		}
	}
}

// multiplex runs the steps of both parties, which have OTs in which they receive.
func multiplex[W ring.Word](x [2][]W, d [2]ring.Bits, byReceiver [2]randomOTs[W]) []W {
	n := len(x[0])
	var e [2]ring.Bits
	var v, z [2][]W
	for i := range 2 {
		e[i], v[i], z[i] = ring.NewBits(n), make([]W, n), make([]W, n)
		sends := byReceiver[1-i]
		Mux[W]{}.Choose(e[i], d[i], byReceiver[i].c)
		Mux[W]{}.Correlate(v[i], x[i], d[i], sends.p0, sends.p1)
	}
	for i := range 2 {
		Mux[W]{}.Output(z[i], x[i], d[i], e[1-i], byReceiver[1-i].p0, e[i], byReceiver[i].c, byReceiver[i].q, v[1-i])
	}
	ring.Add(z[0], z[0], z[1])
	return z[0]
}

func TestSignOverAllShares(t *testing.T) {
	t.Run("32", testSign[uint32])
	t.Run("64", testSign[uint64])
}

// testSign tries all pairs of shares mod 2^width at small widths, and edges at every width, the circuit being its definition.
func testSign[W ring.Word](t *testing.T) {
	for width := 2; width <= ring.Width[W](); width++ {
		values, shares := edges[W](), edges[W]()
		if width <= 5 {
			shares = structured[W](width)
		}
		for _, v := range values {
			checkSign(t, W(ring.Signed(v<<(ring.Width[W]()-width))>>(ring.Width[W]()-width)), shares, width)
		}
	}
}

func checkSign[W ring.Word](t *testing.T, x W, shares []W, width int) {
	t.Helper()
	n := len(shares)
	in, permute, colour := make([]W, n), testBits(deterministicTestRandomness("permute"), n), ring.NewBits(n)
	for i, s := range shares {
		in[i] = x - s
		low := uint64(1)<<(width-1) - 1
		carry := (uint64(s)&low + uint64(in[i])&low) >> (width - 1)
		colour.Set(i, permute.Get(i)^carry)
	}
	d0, d1 := ring.NewBits(n), ring.NewBits(n)
	Sign(d0, colour, in, width, cost.Client)
	Sign(d1, permute, shares, width, cost.Server)
	for i := range n {
		if got, want := d0.Get(i)^d1.Get(i), ideal.DReLU(x, width); got != want {
			t.Fatalf("width %d, x=%#x x1=%#x: drelu %d, want %d", width, x, shares[i], got, want)
		}
	}
}

func TestSquareIdentities(t *testing.T) {
	t.Run("32", testSquare[uint32])
	t.Run("64", testSquare[uint64])
}

func testSquare[W ring.Word](t *testing.T) {
	rnd := deterministicTestRandomness("square")
	var x, r []W
	for _, v := range edges[W]() {
		for _, mask := range append(testWords[W](rnd, 10), edges[W]()...) {
			x, r = append(x, v), append(r, mask)
		}
	}
	n := len(x)
	b, c0, s, t0 := testWords[W](rnd, n), testWords[W](rnd, n), testWords[W](rnd, n), testWords[W](rnd, n)
	masked, opened := make([]W, n), make([]W, n)
	x1, c1, e, s1, t1, g, y := make([]W, n), make([]W, n), make([]W, n), make([]W, n), make([]W, n), make([]W, n), make([]W, n)
	for i := range x {
		x1[i], c1[i] = x[i]-r[i], r[i]*b[i]-c0[i]
		e[i], s1[i], t1[i] = x[i]-r[i], r[i]-s[i], r[i]*r[i]-t0[i]
	}
	SquareBlind(g, x1, b)
	SquareMaskedClient(masked, r, g, c0)
	SquareMaskedServer(y, x1, c1)
	ring.Add(masked, masked, y)
	SquareOpened(opened, e, s, t0, cost.Client)
	SquareOpened(y, e, s1, t1, cost.Server)
	ring.Add(opened, opened, y)
	for i := range x {
		if want := ideal.Square(x[i]); masked[i] != want || opened[i] != want {
			t.Fatalf("x=%#x r=%#x: masked %#x, opened %#x, want %#x", x[i], r[i], masked[i], opened[i], want)
		}
	}
}
