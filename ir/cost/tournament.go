package cost

import (
	"fmt"
	"math"
	"math/bits"
)

// Tournament is the geometry of a two-dimensional window maximum computed by pairwise comparison: C channels of H x W
// elements, windows of KH x KW that step by StrideH, StrideW over a border of PadH, PadW on both sides. Border
// positions take no part (padding with "minus infinity" would need a value that differences cannot represent), so a
// window at the edge has fewer live elements. C may count channels times images: windows do not mix channels.
//
// Stage 0's live elements are, for every window (channel-major, then row, then column), its elements in row-major
// order. A stage compares, in a window with n live elements, element 2i with 2i+1 for i < floor(n/2), and an odd last
// one passes through, so ceil(n/2) remain, in the same order. A window of n elements takes n - 1 comparisons in
// ceil(log2 n) stages. Where equal elements are resolved in favour of the first, the first of all wins, since the
// order is kept.
type Tournament struct {
	C, H, W          int
	KH, KW           int
	StrideH, StrideW int
	PadH, PadW       int
}

// ArgmaxTournament is the tournament of one window that holds n elements.
func ArgmaxTournament(n int) Tournament {
	return Tournament{C: 1, H: 1, W: n, KH: 1, KW: n, StrideH: 1, StrideW: 1}
}

// maxIndex bounds the elements and the stage-0 live elements of a tournament: positions are held in an int32.
const maxIndex = math.MaxInt32

// maxPad bounds a pad: the windows at a border are counted one by one.
const maxPad = 1 << 10

// Check reports geometry that makes no tournament. Every method below wants a t that passes.
func (t Tournament) Check() error {
	for _, d := range []struct {
		name      string
		v, lo, hi int
	}{
		{"channels", t.C, 1, maxIndex}, {"height", t.H, 1, maxIndex}, {"width", t.W, 1, maxIndex},
		{"kernel height", t.KH, 1, maxIndex}, {"kernel width", t.KW, 1, maxIndex},
		{"vertical stride", t.StrideH, 1, maxIndex}, {"horizontal stride", t.StrideW, 1, maxIndex},
		// A window wholly in the border would have no element to answer with.
		{"vertical pad", t.PadH, 0, min(t.KH-1, maxPad)}, {"horizontal pad", t.PadW, 0, min(t.KW-1, maxPad)},
	} {
		if d.v < d.lo || d.v > d.hi {
			return fmt.Errorf("window: %s is %d: want %d to %d", d.name, d.v, d.lo, d.hi)
		}
	}
	if t.KH > t.H+2*t.PadH || t.KW > t.W+2*t.PadW {
		return fmt.Errorf("window: kernel %dx%d does not fit a %dx%d input with pad %dx%d", t.KH, t.KW, t.H, t.W,
			t.PadH, t.PadW)
	}
	// Compared as floats: the products may not fit an int, and the sums are exact where they are near the bound.
	elements := float64(t.C) * float64(t.H) * float64(t.W)
	live := float64(t.C) * float64(liveSum(t.H, t.KH, t.StrideH, t.PadH)) *
		float64(liveSum(t.W, t.KW, t.StrideW, t.PadW))
	if elements > maxIndex || live > maxIndex {
		return fmt.Errorf("window: %g elements in and %g in all windows: want at most %d of each", elements, live,
			maxIndex)
	}
	return nil
}

// OutH returns the rows of windows: floor((H + 2 PadH - KH) / StrideH) + 1.
func (t Tournament) OutH() int { return (t.H+2*t.PadH-t.KH)/t.StrideH + 1 }

// OutW returns the columns of windows: floor((W + 2 PadW - KW) / StrideW) + 1.
func (t Tournament) OutW() int { return (t.W+2*t.PadW-t.KW)/t.StrideW + 1 }

// Windows returns the number of windows, C * OutH * OutW: the elements that come out.
func (t Tournament) Windows() int { return t.C * t.OutH() * t.OutW() }

// Rows returns the input rows [lo, hi) that windows of output row oy see.
func (t Tournament) Rows(oy int) (lo, hi int) { return span(oy, t.H, t.KH, t.StrideH, t.PadH) }

// Cols returns the input columns [lo, hi) that windows of output column ox see.
func (t Tournament) Cols(ox int) (lo, hi int) { return span(ox, t.W, t.KW, t.StrideW, t.PadW) }

// Stages returns the dependent comparison stages: ceil(log2 n), n the most elements a window has.
func (t Tournament) Stages() int {
	rows, cols := 0, 0
	for _, h := range lengths(t.H, t.KH, t.StrideH, t.PadH) {
		rows = max(rows, h.size)
	}
	for _, h := range lengths(t.W, t.KW, t.StrideW, t.PadW) {
		cols = max(cols, h.size)
	}
	return bits.Len(uint(rows*cols - 1))
}

// Live returns the elements still in play before the given stage, all windows together: the sum over windows of
// ceil(n / 2^stage). Live(0) is what the first stage reads, Live(Stages()) is Windows().
func (t Tournament) Live(stage int) int {
	total := 0
	for _, r := range lengths(t.H, t.KH, t.StrideH, t.PadH) {
		for _, c := range lengths(t.W, t.KW, t.StrideW, t.PadW) {
			total += r.count * c.count * Remaining(r.size*c.size, stage)
		}
	}
	return t.C * total
}

// Pairs returns the comparisons of a stage: every one takes an element out of play.
func (t Tournament) Pairs(stage int) int { return t.Live(stage) - t.Live(stage+1) }

// Comparisons returns the comparisons of all stages: the sum over windows of n - 1.
func (t Tournament) Comparisons() int { return t.Live(0) - t.Windows() }

// Remaining returns how many of n >= 1 elements of one window are live before the given stage: ceil(n / 2^stage).
func Remaining(n, stage int) int {
	if stage >= bits.Len(uint(n)) {
		return 1
	}
	return (n-1)>>stage + 1
}

// span returns the positions [lo, hi) of 0..n-1 that window o of size k sees.
func span(o, n, k, stride, pad int) (lo, hi int) {
	start := o*stride - pad
	return max(start, 0), min(start+k, n)
}

// length says that count windows along one axis see size positions each.
type length struct{ size, count int }

// lengths returns, along one axis, how many windows see how many positions: see eachLength.
func lengths(n, k, stride, pad int) (all []length) {
	eachLength(n, k, stride, pad, func(l length) { all = append(all, l) })
	return all
}

// eachLength visits, along one axis, how many windows see how many positions, windows that see all k first. Only the
// windows that touch a border, at most pad on each side, are looked at one by one.
func eachLength(n, k, stride, pad int, visit func(length)) {
	out := (n+2*pad-k)/stride + 1
	// Window o is whole when o*stride >= pad and o*stride <= n + pad - k.
	first := min((pad+stride-1)/stride, out)
	end := first
	if room := n + pad - k; room >= 0 {
		end = max(first, min(room/stride+1, out))
	}
	if end > first { // otherwise no window is whole: size k occurs nowhere
		visit(length{k, end - first})
	}
	for _, edge := range [][2]int{{0, first}, {end, out}} {
		for o := edge[0]; o < edge[1]; o++ {
			lo, hi := span(o, n, k, stride, pad)
			visit(length{hi - lo, 1})
		}
	}
}

// liveSum returns the positions that the windows along one axis see, counted with repetition.
func liveSum(n, k, stride, pad int) int {
	sum := 0
	eachLength(n, k, stride, pad, func(l length) { sum += l.size * l.count })
	return sum
}
