package kernel

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// visited lists the places of nested loops by definition.
func visited(first int, loops []int) []int {
	if len(loops) == 0 {
		return []int{first}
	}
	var all []int
	for i := range loops[0] {
		all = append(all, visited(first+i*loops[1], loops[2:])...)
	}
	return all
}

func TestWalkAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		var loops []int
		for range n("loops", 1, 4) {
			loops = append(loops, n("rounds", 1, 5), n("step", -6, 6))
		}
		l := Loops{n("first", 0, 90), loops}
		x, want := fill[uint64](4, 100), visited(l.First, loops)
		dst := dirty[uint64](len(want))
		err := Walk(l, dst, x)
		if inside := slices.Min(want) >= 0 && slices.Max(want) < len(x); inside != (err == nil) {
			t.Fatalf("from %d to %d of %d: %v", slices.Min(want), slices.Max(want), len(x), err)
		}
		for i, from := range want {
			if err == nil && dst[i] != x[from] {
				t.Fatalf("element %d is %d, not element %d, %d", i, dst[i], from, x[from])
			}
		}
	})
}

func TestWalkRefusesLoopsThatDoNotFit(t *testing.T) {
	for _, l := range []Loops{{0, nil}, {0, []int{4}}, {0, []int{3, 1}}, {0, []int{0, 1, 4, 1}}, {0, []int{4, 3}}, {-1, []int{4, 1}}, {0, []int{4, -1}},
		{0, []int{4, 1 << 62}}, {0, []int{1 << 62, 0, 4, 0}}, {0, []int{-4, 1, -1, 0}}, {1 << 62, []int{4, 1 << 40}}} {
		if Walk(l, make([]uint32, 4), make([]uint32, 9)) == nil {
			t.Errorf("accepted %v", l)
		}
	}
}
