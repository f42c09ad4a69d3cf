package ot_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"sotto/runtime/ideal"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// drawnCOTs makes n OTs with choices from a test's stream.
func drawnCOTs(t testing.TB, label string, n int) (delta prg.Block, choice []uint64, k, m []prg.Block) {
	t.Helper()
	var seed prg.Seed
	copy(seed[:], label)
	s := prg.NewStream(seed)
	var d [1]prg.Block
	s.Blocks(d[:])
	choice = make([]uint64, ring.BitWords(n))
	prg.Words(s, choice)
	ring.WrapBits(choice, n)
	f := ideal.NewCOT(d[0], seed)
	k, m = make([]prg.Block, n), make([]prg.Block, n)
	u, err := f.Receiver.Extend(choice, n, m)
	if err == nil {
		err = f.Sender.Extend(n, u, k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d[0], choice, k, m
}

func bitOf(words []uint64, i int) uint64 { return words[i/64] >> (i % 64) & 1 }

// TestMasksOf16 compares every mask with its definition, and the receiver's with that of its choice.
func TestMasksOf16(t *testing.T) {
	const blocks, first = 37, prg.Tweak(99)
	h := prg.NewHash(prg.Block{Lo: 4, Hi: 2})
	delta, choice, k, m := drawnCOTs(t, "of 16", blocks*ot.NBits*ot.NBlock)
	masks, chosen := make([]uint64, blocks*ot.NMaskWords), make([]uint64, blocks*ot.NChosenWords)
	if err := ot.SenderMasks(h, delta, k, first, masks); err != nil {
		t.Fatal(err)
	}
	if err := ot.ReceiverMasks(h, choice, m, first, chosen); err != nil {
		t.Fatal(err)
	}
	for i := range blocks * ot.NBlock {
		block, at := i/ot.NBlock, i%ot.NBlock
		w := masks[block*ot.NMaskWords+at%ot.NMaskWords] >> (at / ot.NMaskWords * 32)
		c := 0
		for b := range ot.NBits {
			c |= int(bitOf(choice[ot.NBits*block+b:], at)) << b
		}
		for j := range 16 {
			var want uint64
			for b := range ot.NBits {
				n := ot.NBits*ot.NBlock*block + b*ot.NBlock + at
				x := k[n]
				if j>>b&1 == 1 {
					x = x.Xor(delta)
				}
				want ^= h.Sum1(x, first+prg.Tweak(n)).Lo
			}
			if (w^want)>>j&0x10001 != 0 {
				t.Fatalf("OT %d: mask of message %d is %#x, want that of %#x", i, j, w>>j&0x10001, want)
			}
		}
		for s := range ot.NChosenWords {
			if got, want := bitOf(chosen[ot.NChosenWords*block+s:], at), w>>(16*s+c)&1; got != want {
				t.Fatalf("OT %d: the receiver chose %d and has bit %d as %d, want %d", i, c, s, got, want)
			}
		}
	}
	sum := sha256.Sum256(ring.Bytes(masks))
	if got, want := hex.EncodeToString(sum[:]), "26102aba3b041e78111d2425ba3e183af0a44b41c5be8f4c7894a33a1ac44451"; got != want {
		t.Errorf("hash of the masks %s, want %s", got, want)
	}
}

// TestMasksAreIndependent counts, over many OTs, how often any two messages' masks and the chosen one agree: half the time.
func TestMasksAreIndependent(t *testing.T) {
	const blocks = 64
	h := prg.NewHash(prg.Block{Lo: 1})
	delta, _, k, _ := drawnCOTs(t, "independent", blocks*ot.NBits*ot.NBlock)
	masks := make([]uint64, blocks*ot.NMaskWords)
	if err := ot.SenderMasks(h, delta, k, 0, masks); err != nil {
		t.Fatal(err)
	}
	var ones [32][32]int
	const n = blocks * ot.NBlock
	for _, pair := range masks {
		for _, w := range []uint64{pair & (1<<32 - 1), pair >> 32} {
			for i := range ones {
				for j := range i {
					ones[i][j] += int((w>>i ^ w>>j) & 1)
				}
			}
		}
	}
	const deviation = 32 // sqrt(n)/2
	for i := range ones {
		for j := range i {
			if off := ones[i][j] - n/2; off > 6*deviation || off < -6*deviation {
				t.Errorf("bits %d and %d of the masks differ in %d of %d OTs", i, j, ones[i][j], n)
			}
		}
	}
}

func TestMasksCheckLengths(t *testing.T) {
	h := prg.NewHash(prg.Block{})
	if ot.SenderMasks(h, prg.Block{}, make([]prg.Block, 255), 0, nil) == nil ||
		ot.SenderMasks(h, prg.Block{}, make([]prg.Block, 256), 0, make([]uint64, 31)) == nil ||
		ot.ReceiverMasks(h, make([]uint64, 3), make([]prg.Block, 256), 0, make([]uint64, 2)) == nil ||
		ot.ReceiverMasks(h, make([]uint64, 4), make([]prg.Block, 256), 0, make([]uint64, 3)) == nil {
		t.Error("vectors of wrong lengths accepted")
	}
}

// TestBitTriples runs both directions in chunks and wants the products of the sums.
func TestBitTriples(t *testing.T) {
	for _, n := range []int{1, 64, 65, 10000} {
		words := ring.BitWords(n)
		h := prg.NewHash(prg.Block{Lo: 7})
		var a, b, p0, q, c [2][]uint64
		for i, label := range []string{"client", "server"} {
			var delta prg.Block
			var k, m []prg.Block
			delta, a[i], k, m = drawnCOTs(t, label, n)
			b[1-i], p0[1-i], q[i] = make([]uint64, 2*words), make([]uint64, 2*words), make([]uint64, 2*words)
			for lo := 0; lo < n; lo += 4096 {
				hi, tweak := min(lo+4096, n), prg.Tweak(lo)
				at := func(w []uint64) ot.BitPlanes { return ot.BitPlanes{Words: w, First: lo / 64, Stride: words} }
				if err := ot.SenderBits(h, delta, k[lo:hi], tweak, at(p0[1-i]), at(b[1-i])); err != nil {
					t.Fatal(err)
				}
				if err := ot.ReceiverBits(h, m[lo:hi], tweak, at(q[i])); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range c {
			c[i] = make([]uint64, 2*words)
			if err := ot.Products(c[i], a[i], b[i], p0[i], q[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range c[0] {
			if want := (a[0][i%words] ^ a[1][i%words]) & (b[0][i] ^ b[1][i]); c[0][i]^c[1][i] != want {
				t.Fatalf("n=%d: word %d: products %#x, want %#x", n, i, c[0][i]^c[1][i], want)
			}
		}
	}
}

func TestBitsCheckLengths(t *testing.T) {
	h, k := prg.NewHash(prg.Block{}), make([]prg.Block, 65)
	good := ot.BitPlanes{Words: make([]uint64, 4), Stride: 2}
	for name, bad := range map[string]ot.BitPlanes{
		"short":   {Words: make([]uint64, 3), Stride: 2},
		"shifted": {Words: make([]uint64, 4), First: 1, Stride: 2},
	} {
		if ot.SenderBits(h, prg.Block{}, k, 0, good, bad) == nil || ot.ReceiverBits(h, k, 0, bad) == nil {
			t.Errorf("%s planes accepted", name)
		}
	}
	if ot.Products(make([]uint64, 4), make([]uint64, 2), make([]uint64, 4), make([]uint64, 4), make([]uint64, 3)) == nil {
		t.Error("products of unequal lengths accepted")
	}
}

// BenchmarkSmallMessages gives the time of each end, the COTs being there.
func BenchmarkSmallMessages(b *testing.B) {
	const n = 1 << 20
	h := prg.NewHash(prg.Block{Lo: 4, Hi: 2})
	delta, choice, k, m := drawnCOTs(b, "bench", n)
	masks, chosen := make([]uint64, n/8), make([]uint64, n/128)
	planes := ot.BitPlanes{Words: make([]uint64, n/32), Stride: n / 64}
	other := ot.BitPlanes{Words: make([]uint64, n/32), Stride: n / 64}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"sender16", func() error { return ot.SenderMasks(h, delta, k, 0, masks) }},
		{"receiver16", func() error { return ot.ReceiverMasks(h, choice, m, 0, chosen) }},
		{"senderbits", func() error { return ot.SenderBits(h, delta, k, 0, planes, other) }},
		{"receiverbits", func() error { return ot.ReceiverBits(h, m, 0, planes) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/COT")
		})
	}
}
