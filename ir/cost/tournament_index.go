package cost

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

// InitialIndex gives, for every live element of stage 0, its index in the [C,H,W] input.
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

// PairIndex gives the two sides of every comparison of a stage as indices into its live elements.
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

// MergeIndex gives the live elements of the next stage as indices into the winners of this one followed by its live
// elements.
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
