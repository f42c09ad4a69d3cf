package fss_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/ideal"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// insecureTestSeed draws everything in these tests.
var insecureTestSeed = prg.Seed{'f', 's', 's'}

// dealt is a batch of comparisons as its three participants see it.
type dealt[W ring.Word] struct {
	width int
	r     []W
	roots [2][]prg.Block
	sent  []prg.Block
}

func deal[W ring.Word](s *prg.Stream, width int, r []W) *dealt[W] {
	b := &dealt[W]{width: width, r: r, sent: make([]prg.Block, cost.ComparisonBlocks(int64(len(r)), width))}
	for p := range b.roots {
		b.roots[p] = make([]prg.Block, len(r))
		s.Blocks(b.roots[p])
	}
	var key [1]prg.Block
	s.Blocks(key[:])
	fss.Deal(b.sent, key[0], width, b.roots, r)
	return b
}

// signs evaluates both keys at y and gives the shares.
func (b *dealt[W]) signs(y []W) (d [2]ring.Bits) {
	for p := range d {
		d[p] = ring.NewBits(len(y))
		fss.Sign(d[p], fss.Key{Width: b.width, Party: cost.Party(p), Roots: b.roots[p], Dealt: b.sent}, y)
	}
	return d
}

// check holds the sum of both shares at y = x + r against the functionality.
func (b *dealt[W]) check(t *testing.T, y []W) {
	t.Helper()
	d := b.signs(y)
	for i := range y {
		if got, want := d[0].Get(i)^d[1].Get(i), ideal.DReLU(y[i]-b.r[i], b.width); got != want {
			t.Fatalf("width %d, r = %#x, y = %#x: drelu is %d, want %d", b.width, b.r[i], y[i], got, want)
		}
	}
}

// TestEveryValue runs all masks and all opened values of small widths: leaves that are not full, trees of no level and of two.
func TestEveryValue(t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	for width := 2; width <= 10; width++ {
		all := make([]uint32, 1<<width)
		for i := range all {
			all[i] = uint32(i)
		}
		for r := range all {
			same := make([]uint32, len(all))
			for i := range same {
				same[i] = uint32(r)
			}
			deal(s, width, same).check(t, all)
		}
	}
}

// TestDrawnValues runs all widths of both rings on drawn values, and on values next to the borders of the range.
func TestDrawnValues(t *testing.T) {
	t.Run("32", testDrawn[uint32])
	t.Run("64", testDrawn[uint64])
}

func testDrawn[W ring.Word](t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	for width := 2; width <= ring.Width[W](); width++ {
		for _, n := range []int{1, 63, 64, 65, 300} {
			r, x := make([]W, n), make([]W, n)
			prg.Words(s, r)
			prg.Words(s, x)
			border := W(1) << (width - 1)
			copy(x, []W{0, 1, ^W(0), border - 1, border, border + 1, -border, -border - 1})
			for i := range x {
				x[i] += r[i]
			}
			deal(s, width, r).check(t, x)
		}
	}
}

// TestWholeBatch runs as many comparisons as one hash key serves, on all cores.
func TestWholeBatch(t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	r, y := make([]uint64, fss.Batch), make([]uint64, fss.Batch)
	prg.Words(s, r)
	prg.Words(s, y)
	deal(s, 37, r).check(t, y)
}

// TestManySigns tries random values under random masks, every fourth next to zero or to an end of the range: 10^7 where
// SOTTO_LONG is set. None may be wrong.
func TestManySigns(t *testing.T) {
	s, widths := prg.NewStream(insecureTestSeed), []int{32, 20, 31, 13, 2}
	batches := 2
	if os.Getenv("SOTTO_LONG") != "" {
		batches = (10_000_000 + fss.Batch - 1) / fss.Batch
	}
	for k := range batches {
		width := widths[k%len(widths)]
		r, y := make([]uint32, fss.Batch), make([]uint32, fss.Batch)
		prg.Words(s, r)
		prg.Words(s, y)
		border := uint32(1) << (width - 1)
		edges := []uint32{0, 1, ^uint32(0), border - 1, border}
		for i := 0; i < len(y); i += 4 {
			y[i] = r[i] + edges[i/4%len(edges)]
		}
		deal(s, width, r).check(t, y)
	}
}

// TestBitsAboveTheWidthDoNotMatter: parties open y mod 2^w, and what they hold above is their own.
func TestBitsAboveTheWidthDoNotMatter(t *testing.T) {
	const width = 20
	s := prg.NewStream(insecureTestSeed)
	r, y, noise := make([]uint32, 100), make([]uint32, 100), make([]uint32, 100)
	for _, v := range [][]uint32{r, y, noise} {
		prg.Words(s, v)
	}
	b := deal(s, width, r)
	before := b.signs(y)
	for i := range y {
		y[i] ^= noise[i] << width
	}
	after := b.signs(y)
	for p := range before {
		for i := range y {
			if before[p].Get(i) != after[p].Get(i) {
				t.Fatalf("share %d of the %s changes with bits above the width", i, cost.Party(p))
			}
		}
	}
}

// TestSharesAndCorrectionsLookUniform: each bit of what is dealt, and of each share of one value, is set about half the time.
func TestSharesAndCorrectionsLookUniform(t *testing.T) {
	const n, width, deviations = fss.Batch, 12, 6
	s := prg.NewStream(insecureTestSeed)
	r, y := make([]uint32, n), make([]uint32, n)
	for i := range r {
		r[i], y[i] = 77, 1234
	}
	b := deal(s, width, r)
	even := func(name string, ones, of int) {
		t.Helper()
		if d := 2*ones - of; d*d > deviations*deviations*of {
			t.Errorf("%s: %d of %d bits are set", name, ones, of)
		}
	}
	for p, d := range b.signs(y) {
		ones := 0
		for i := range n {
			ones += int(d.Get(i))
		}
		even(fmt.Sprintf("shares of the %s", cost.Party(p)), ones, n)
	}
	for bit := range 128 {
		ones := 0
		for _, w := range b.sent[1:] {
			ones += int(w.Bit(bit))
		}
		even(fmt.Sprintf("bit %d of the corrections", bit), ones, len(b.sent)-1)
	}
}

// TestCorrectionsAreThoseOfVersion1 holds what the dealer sends under a fixed seed.
func TestCorrectionsAreThoseOfVersion1(t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	r := make([]uint32, 130)
	prg.Words(s, r)
	b := deal(s, 32, r)
	if got, want := int64(len(b.sent)*prg.BlockBytes), cost.ComparisonKeyBytes(130, 32); got != want {
		t.Errorf("%d bytes, declared %d", got, want)
	}
	sum := sha256.Sum256(prg.Bytes(b.sent))
	if got, want := hex.EncodeToString(sum[:8]), "51cc7399fa8da3fa"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// TestOneKeyBlockFewerPanics: sizes come from checked programs, and what does not fit them is a bug.
func TestOneKeyBlockFewerPanics(t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	b := deal(s, 16, make([]uint32, 10))
	b.sent = b.sent[:len(b.sent)-1]
	defer func() {
		if recover() == nil {
			t.Error("a key without its last block evaluates")
		}
	}()
	b.signs(make([]uint32, 10))
}

func BenchmarkSign(b *testing.B) {
	for _, width := range []int{16, 20, 32} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			s := prg.NewStream(insecureTestSeed)
			y := make([]uint32, fss.Batch)
			prg.Words(s, y)
			keys := deal(s, width, y)
			d := ring.NewBits(len(y))
			for b.Loop() {
				fss.Sign(d, fss.Key{Width: width, Party: cost.Server, Roots: keys.roots[1], Dealt: keys.sent}, y)
			}
			perSecond(b)
		})
	}
}

func BenchmarkDeal(b *testing.B) {
	s := prg.NewStream(insecureTestSeed)
	r := make([]uint32, fss.Batch)
	prg.Words(s, r)
	keys := deal(s, 32, r)
	for b.Loop() {
		fss.Deal(keys.sent, keys.sent[0], 32, keys.roots, r)
	}
	perSecond(b)
}

func perSecond(b *testing.B) {
	b.ReportMetric(fss.Batch*float64(b.N)/b.Elapsed().Seconds(), "comparisons/s")
}
