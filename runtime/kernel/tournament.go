package kernel

import (
	"iter"

	"sotto/ir/cost"
)

// Tournament gives the moves of a window maximum by pairwise comparison, whose rules and counts cost.Tournament has.
// All indices are public: they follow from the geometry, never from who wins. A secure max-pool of x is
//
//	live := gather(x, InitialIndex())
//	for s := range Stages() {
//		a, b := PairIndex(s)
//		winners := max(gather(live, a), gather(live, b))
//		live = gather(concat(winners, live), MergeIndex(s))
//	}
//
// and live is then the output, channel-major. Geometry must pass Check.
type Tournament struct{ cost.Tournament }

// InitialIndex returns, for every live element of stage 0, its position in x (CHW): Live(0) indices.
func (t Tournament) InitialIndex() []int32 {
	index := make([]int32, 0, t.Live(0))
	outH, outW := t.OutH(), t.OutW()
	for row := range t.C * outH {
		top, bottom := t.Rows(row % outH)
		for ox := range outW {
			left, right := t.Cols(ox)
			for y := top; y < bottom; y++ {
				line := (row/outH*t.H + y) * t.W
				for x := left; x < right; x++ {
					index = append(index, int32(line+x))
				}
			}
		}
	}
	return index
}

// PairIndex returns the comparisons of a stage, Pairs(stage) of them: live element a[i] against live element b[i],
// of which a[i] is the earlier.
func (t Tournament) PairIndex(stage int) (a, b []int32) {
	n := t.Pairs(stage)
	a, b = make([]int32, 0, n), make([]int32, 0, n)
	first := 0
	for n := range t.sizes(stage) {
		for i := first; i+1 < first+n; i += 2 {
			a, b = append(a, int32(i)), append(b, int32(i+1))
		}
		first += n
	}
	return a, b
}

// MergeIndex returns the next stage's live elements, Live(stage+1) of them, as positions in the concatenation of this
// stage's winners (Pairs(stage), in the order of PairIndex) and its live elements (Live(stage)).
func (t Tournament) MergeIndex(stage int) []int32 {
	index := make([]int32, 0, t.Live(stage+1))
	pairs := t.Pairs(stage)
	pair, first := 0, 0
	for n := range t.sizes(stage) {
		for range n / 2 {
			index = append(index, int32(pair))
			pair++
		}
		if n%2 == 1 {
			index = append(index, int32(pairs+first+n-1))
		}
		first += n
	}
	return index
}

// sizes yields the live elements of every window before a stage, in window order.
func (t Tournament) sizes(stage int) iter.Seq[int] {
	return func(yield func(int) bool) {
		outH, outW := t.OutH(), t.OutW()
		for row := range t.C * outH {
			top, bottom := t.Rows(row % outH)
			for ox := range outW {
				left, right := t.Cols(ox)
				if !yield(cost.Remaining((bottom-top)*(right-left), stage)) {
					return
				}
			}
		}
	}
}
