package fss_test

import (
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/fss"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// rectify runs a batch from the dealer to the sum of both results. The masks r are given, the values x are hidden under them.
func rectify[W ring.Word](s *prg.Stream, c fss.Rectifier, x, r []W) []W {
	n, l := len(x), ring.Width[W]()
	shifted := make([]W, n)
	for i := range r {
		shifted[i] = r[i] >> c.Drop
	}
	b := deal(s, c.KeyWidth(l), shifted)
	var sel [2]fss.Selection[W]
	for p := range sel {
		sel[p] = make([]W, cost.Selections*n)
	}
	q := make([]W, n)
	prg.Words(s, q)
	prg.Words(s, sel[cost.Client])
	fss.DealSelection(sel[cost.Server], sel[cost.Client], c, q, r)
	y := make([]W, n)
	for i := range y {
		y[i] = (x[i] + r[i]) & (W(1)<<cost.RectifyOpening(c.Width, l) - 1)
	}
	var e [2]ring.Bits
	var ps, qs [2][]W
	for p := range e {
		e[p], ps[p], qs[p] = ring.NewBits(n), make([]W, n), make([]W, n)
		k := fss.Key{Width: c.KeyWidth(l), Party: cost.Party(p), Roots: b.roots[p], Dealt: b.sent}
		fss.Rectify(e[p], ps[p], qs[p], c, k, sel[p], y)
	}
	for p := range e {
		fss.Select(qs[p], e[p], e[1-p], ps[p], qs[p])
	}
	ring.Add(ps[0], qs[0], qs[1])
	return ps[0]
}

// checkRectified holds results against floor or one more where x is not negative, and the carry of the low bits for which it is.
func checkRectified[W ring.Word](t *testing.T, c fss.Rectifier, x, r, z []W) {
	t.Helper()
	low := W(1)<<c.Drop - 1
	for i := range x {
		want := W(0)
		if ring.Signed(x[i]) >= 0 {
			want = x[i]>>c.Drop + (x[i]&low+r[i]&low)>>c.Drop
		}
		if z[i] != want {
			t.Fatalf("width %d, drop %d: %d under %#x gives %#x, want %#x", c.Width, c.Drop, ring.Signed(x[i]), r[i], z[i], want)
		}
	}
}

// TestEveryRectification runs all values and all masks of small widths. The mask has bits above those opened, too.
func TestEveryRectification(t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	for width := 2; width <= 6; width++ {
		for drop := 0; drop <= width-2; drop++ {
			c := fss.Rectifier{Width: width, Drop: drop}
			var x, r []uint32
			for v := -(1 << (width - 1)); v < 1<<(width-1); v++ {
				for m := range uint32(1) << (width + 1) {
					x, r = append(x, uint32(v)), append(r, m|m<<20)
				}
			}
			for lo := 0; lo < len(x); lo += fss.Batch {
				hi := min(lo+fss.Batch, len(x))
				checkRectified(t, c, x[lo:hi], r[lo:hi], rectify(s, c, x[lo:hi], r[lo:hi]))
			}
		}
	}
}

// TestDrawnRectifications runs all widths of both rings.
func TestDrawnRectifications(t *testing.T) {
	t.Run("32", testDrawnRectifications[uint32])
	t.Run("64", testDrawnRectifications[uint64])
}

func testDrawnRectifications[W ring.Word](t *testing.T) {
	s := prg.NewStream(insecureTestSeed)
	const n = 130
	for width := 2; width <= ring.Width[W](); width++ {
		drops := []int{0, (width - 2) / 2, width - 2}
		if width == ring.Width[W]() {
			drops = drops[:1]
		}
		for _, drop := range drops {
			c := fss.Rectifier{Width: width, Drop: drop}
			x, r := make([]W, n), make([]W, n)
			prg.Words(s, x)
			prg.Words(s, r)
			gap := ring.Width[W]() - width
			border := W(1) << (width - 1)
			for i := range x {
				x[i] = W(ring.Signed(x[i]<<gap) >> gap)
			}
			copy(x, []W{0, 1, ^W(0), border - 1, -border, -border + 1})
			checkRectified(t, c, x, r, rectify(s, c, x, r))
		}
	}
}

// TestSelectionsFillTheirBlocks: the blocks that are put away hold all that the dealer is declared to send.
func TestSelectionsFillTheirBlocks(t *testing.T) {
	for _, n := range []int{1, 3, 4, 64, fss.Batch} {
		for bits, blocks := range map[int]int{32: fss.SelectionBlocks[uint32](n), 64: fss.SelectionBlocks[uint64](n)} {
			if size := cost.SelectionBytes(int64(n), bits); int64(blocks)*prg.BlockBytes-size < 0 || int64(blocks-1)*prg.BlockBytes >= size {
				t.Errorf("%d rectifications of %d bits: %d blocks for %d bytes", n, bits, blocks, size)
			}
		}
	}
}

func BenchmarkRectify(b *testing.B) {
	s := prg.NewStream(insecureTestSeed)
	c := fss.Rectifier{Width: 24, Drop: 12}
	y, p, q, sel := make([]uint32, fss.Batch), make([]uint32, fss.Batch), make([]uint32, fss.Batch), make([]uint32, cost.Selections*fss.Batch)
	prg.Words(s, y)
	keys, e := deal(s, c.KeyWidth(32), y), ring.NewBits(fss.Batch)
	for b.Loop() {
		fss.Rectify(e, p, q, c, fss.Key{Width: c.KeyWidth(32), Party: cost.Server, Roots: keys.roots[1], Dealt: keys.sent}, sel, y)
		fss.Select(p, e, e, p, q)
	}
	perSecond(b)
}
