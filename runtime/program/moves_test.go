package program

import (
	"strings"
	"testing"
)

// TestRangesAreHeldWithinTheirTensor: a program may come from anybody, and its ranges are copied without a look.
func TestRangesAreHeldWithinTheirTensor(t *testing.T) {
	o := func(n int) Operand { return Operand{Len: n} }
	for _, c := range []struct {
		in   Instr
		want string // empty: accepted
	}{
		{Instr{Op: Gather, Ints: []int{0, 2, 2, 3, 7, 8}, Out: []Operand{o(4)}, In: []Operand{o(8)}}, ""},
		{Instr{Op: Scatter, Ints: []int{0, 2, 7, 8}, Out: []Operand{o(8)}, In: []Operand{o(8), o(3)}}, ""},
		{Instr{Op: Gather, Ints: []int{0, 9}, Out: []Operand{o(9)}, In: []Operand{o(8)}}, "elements 0 to 9 after 0 of 8"},
		{Instr{Op: Gather, Ints: []int{-1, 2}, Out: []Operand{o(3)}, In: []Operand{o(8)}}, "elements -1 to 2"},
		{Instr{Op: Gather, Ints: []int{2, 1}, Out: []Operand{o(1)}, In: []Operand{o(8)}}, "elements 2 to 1"},
		{Instr{Op: Gather, Ints: []int{2, 4, 3, 5}, Out: []Operand{o(4)}, In: []Operand{o(8)}}, "elements 3 to 5 after 4"},
		{Instr{Op: Gather, Ints: []int{2, 4, 5}, Out: []Operand{o(2)}, In: []Operand{o(8)}}, "3 numbers of ranges"},
		{Instr{Op: Gather, Ints: []int{2, 4}, Out: []Operand{o(3)}, In: []Operand{o(8)}}, "2 elements for 3 of 8"},
		{Instr{Op: Scatter, Ints: []int{2, 4}, Out: []Operand{o(8)}, In: []Operand{o(7), o(2)}}, "2 elements for 2 of 8"},
		{Instr{Op: Scatter, Ints: []int{2, 4}, Out: []Operand{o(8)}, In: []Operand{o(8), o(1)}}, "2 elements for 1 of 8"},
	} {
		err := checkSizes(c.in)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.in.Op, c.in.Ints, err, c.want)
		}
	}
}
