package ot_test

import (
	"slices"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// idealCOTs makes n OTs with alternating pairs of choices.
func idealCOTs(t testing.TB, delta prg.Block, n int) (choice []uint64, k, m []prg.Block) {
	f := ideal.NewCOT(delta, prg.Seed{1})
	choice = slices.Repeat([]uint64{0xcccccccccccccccc}, ring.BitWords(n))
	k, m = make([]prg.Block, n), make([]prg.Block, n)
	u, err := f.Receiver.Extend(choice, n, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Sender.Extend(n, u, k); err != nil {
		t.Fatal(err)
	}
	return choice, k, m
}

func TestPads32(t *testing.T) { testPads[uint32](t) }
func TestPads64(t *testing.T) { testPads[uint64](t) }

func testPads[W ring.Word](t *testing.T) {
	delta := prg.Block{Lo: 0xdeadbeefdeadbeef, Hi: 0x0123456789abcdef}
	h := prg.NewHash(prg.Block{Lo: 4, Hi: 2})
	first := prg.COTPad.First() + 77
	for perOT := 1; perOT <= 128/ring.Width[W](); perOT++ {
		for _, n := range []int{0, 1, 63, 64, 65, 10000} {
			choice, k, m := idealCOTs(t, delta, n)
			p0, p1, q := make([]W, n*perOT), make([]W, n*perOT), make([]W, n*perOT)
			if err := ot.SenderPads(h, delta, k, first, perOT, p0, p1); err != nil {
				t.Fatal(err)
			}
			if err := ot.ReceiverPads(h, m, first, perOT, q); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				at := func(p []W) []W { return p[i*perOT : (i+1)*perOT] }
				own, other := at(p0), at(p1)
				if choice[i/64]>>(i%64)&1 == 1 {
					own, other = other, own
				}
				if !slices.Equal(at(q), own) || slices.Equal(at(q), other) {
					t.Fatalf("perOT=%d n=%d: OT %d: receiver has %x, chose %x, other %x", perOT, n, i, at(q), own, other)
				}
				checkWords(t, at(p0), h.Sum1(k[i], first+prg.Tweak(i)))
				checkWords(t, at(p1), h.Sum1(k[i].Xor(delta), first+prg.Tweak(i)))
			}
		}
	}
}

// checkWords wants the words of a pad to be the first words of the wire form of its hash.
func checkWords[W ring.Word](t *testing.T, pad []W, hash prg.Block) {
	t.Helper()
	wire, size := hash.Seed(), ring.Width[W]()/8
	for w, got := range pad {
		var want W
		for b := range size {
			want |= W(wire[w*size+b]) << (8 * b)
		}
		if got != want {
			t.Fatalf("word %d of a pad is %x, want %x", w, got, want)
		}
	}
}

func TestPadsRejectWrongLengths(t *testing.T) {
	h := prg.NewHash(prg.Block{})
	b := make([]prg.Block, 4)
	words := make([]uint32, 20)
	cases := map[string]struct {
		err  error
		says string
	}{
		"no words":     {ot.ReceiverPads(h, b, 0, 0, words[:0]), "want 1 to 4"},
		"negative":     {ot.ReceiverPads(h, b, 0, -1, words[:0]), "want 1 to 4"},
		"five words":   {ot.ReceiverPads(h, b, 0, 5, words), "want 1 to 4"},
		"short q":      {ot.ReceiverPads(h, b, 0, 2, words[:7]), "7 words, want 8"},
		"long q":       {ot.ReceiverPads(h, b, 0, 2, words[:9]), "9 words, want 8"},
		"short p0":     {ot.SenderPads(h, b[0], b, 0, 1, words[:3], words[:4]), "3 words, want 4"},
		"short p1":     {ot.SenderPads(h, b[0], b, 0, 1, words[:4], words[:3]), "3 words, want 4"},
		"three 64-bit": {ot.ReceiverPads(h, b, 0, 3, make([]uint64, 12)), "want 1 to 2"},
	}
	for name, c := range cases {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", name, c.err, c.says)
		}
	}
}

func TestPadsDeclaredAES(t *testing.T) {
	// TMMO is two AES blocks; the sender hashes twice an OT, the receiver once.
	if s, r := cost.PadAES(10); s != 10*2*2 || r != 10*2 {
		t.Errorf("declared %d and %d AES blocks for 10 OTs", s, r)
	}
}

func BenchmarkSenderPads(b *testing.B) {
	const n = 1 << 18
	_, k, _ := idealCOTs(b, prg.Block{Lo: 1}, n)
	h := prg.NewHash(prg.Block{Lo: 4, Hi: 2})
	p0, p1 := make([]uint32, n), make([]uint32, n)
	for b.Loop() {
		if err := ot.SenderPads(h, prg.Block{Lo: 1}, k, 0, 1, p0, p1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "MOT/s")
}
