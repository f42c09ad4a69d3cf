package cost

// The moves of a window maximum by pairwise comparison. All indices are public: they follow from the geometry, never from
// who wins. A secure max-pool of x is
//
//	live := gather(x, InitialIndex())
//	for s := range Stages() {
//		a, b := PairIndex(s)
//		winners := max(gather(live, a), gather(live, b))
//		live = gather(concat(winners, live), MergeIndex(s))
//	}
//
// and live is then the output, channel-major. Geometry must pass Check.

// windows visits the windows in order with the input rows and columns they see.
func (t Tournament) windows(visit func(c, y0, y1, x0, x1 int)) {
	for c := range t.C {
		for oy := range t.OutH() {
			y0, y1 := t.Rows(oy)
			for ox := range t.OutW() {
				x0, x1 := t.Cols(ox)
				visit(c, y0, y1, x0, x1)
			}
		}
	}
}

// InitialIndex returns, for every live element of stage 0, its position in the [C,H,W] input: Live(0) indices.
func (t Tournament) InitialIndex() []int32 {
	index := make([]int32, 0, t.Live(0))
	t.windows(func(c, y0, y1, x0, x1 int) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				index = append(index, int32((c*t.H+y)*t.W+x))
			}
		}
	})
	return index
}

// WindowIndex returns, for every place of every window, the position in the [C,H,W] input of the element there, or of the
// window's first one where the place is in the padding: Windows()*KH*KW indices. A maximum does not mind.
func (t Tournament) WindowIndex() []int32 {
	index := make([]int32, 0, t.Windows()*t.KH*t.KW)
	t.windows(func(c, y0, y1, x0, x1 int) {
		end := len(index) + t.KH*t.KW
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				index = append(index, int32((c*t.H+y)*t.W+x))
			}
		}
		for len(index) < end {
			index = append(index, int32((c*t.H+y0)*t.W+x0))
		}
	})
	return index
}

// PairIndex returns the comparisons of a stage, Pairs(stage) of them: live element left[i] against live element right[i],
// of which left[i] is the earlier.
func (t Tournament) PairIndex(stage int) (left, right []int32) {
	n := t.Pairs(stage)
	left, right = make([]int32, 0, n), make([]int32, 0, n)
	at := int32(0)
	t.windows(func(_, y0, y1, x0, x1 int) {
		live := int32(Remaining((y1-y0)*(x1-x0), stage))
		for i := int32(0); i+1 < live; i += 2 {
			left, right = append(left, at+i), append(right, at+i+1)
		}
		at += live
	})
	return left, right
}

// MergeIndex returns the next stage's live elements, Live(stage+1) of them, as positions in the concatenation of this
// stage's winners (Pairs(stage), in the order of PairIndex) and its live elements (Live(stage)).
func (t Tournament) MergeIndex(stage int) []int32 {
	index := make([]int32, 0, t.Live(stage+1))
	winner, at := int32(0), int32(t.Pairs(stage))
	t.windows(func(_, y0, y1, x0, x1 int) {
		live := int32(Remaining((y1-y0)*(x1-x0), stage))
		for range live / 2 {
			index = append(index, winner)
			winner++
		}
		if live%2 == 1 {
			index = append(index, at+live-1)
		}
		at += live
	})
	return index
}
