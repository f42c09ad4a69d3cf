package kernel

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestConcat(t *testing.T) {
	a, b := []uint32{1, 2, 3, 4}, []uint32{5, 6}
	for outer, want := range map[int][]uint32{1: {1, 2, 3, 4, 5, 6}, 2: {1, 2, 5, 3, 4, 6}} {
		dst := dirty[uint32](6)
		if err := Concat(dst, outer, a, b); err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("outer %d", outer), dst, want)
	}
	if err := Concat(make([]uint32, 6), 4, a, b); err == nil ||
		err.Error() != "kernel: concat: part 1 has 2 elements: want a multiple of 4" {
		t.Errorf("got %v", err)
	}
	if err := Concat(a, 1, a, b); err == nil || err.Error() != "kernel: concat: dst has 4 elements: want 6" {
		t.Errorf("got %v", err)
	}
}

// at returns x[c,y,z], zero outside.
func at(x []uint64, c, h, w, y, z int) uint64 {
	if y < 0 || y >= h || z < 0 || z >= w {
		return 0
	}
	return x[(c*h+y)*w+z]
}

func TestPadAndSliceAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		c, h, w := n("c", 1, 3), n("h", 1, 7), n("w", 1, 7)
		x := fill[uint64](4, c*h*w)
		p := Pad{c, h, w, n("top", 0, 3), n("bottom", 0, 3), n("left", 0, 3), n("right", 0, 3)}
		s := Slice{c, h, w, n("y", 0, 8), n("x", 0, 8), n("sh", 1, 9), n("sw", 1, 9)}
		var padded, sliced []uint64
		for i := range c {
			for y := range p.Top + h + p.Bottom {
				for z := range p.Left + w + p.Right {
					padded = append(padded, at(x, i, h, w, y-p.Top, z-p.Left))
				}
			}
			for y := 0; y < h; y += s.StrideH {
				for z := 0; z < w; z += s.StrideW {
					sliced = append(sliced, at(x, i, h, w, s.StartH+y, s.StartW+z))
				}
			}
		}
		got := dirty[uint64](c * p.OutH() * p.OutW())
		if err := Pad2D(p, got, x); err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("%+v", p), got, padded)
		got = dirty[uint64](c * s.OutH() * s.OutW())
		if err := Slice2D(s, got, x); err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("%+v", s), got, sliced)
	})
}

func TestMovesRefuse(t *testing.T) {
	x := make([]uint32, 4)
	for want, err := range map[string]error{
		"kernel: pad: left is -1: want 0 to 16777216":             Pad2D(Pad{C: 1, H: 2, W: 2, Left: -1}, x, x),
		"kernel: slice: vertical stride is 0: want 1 to 16777216": Slice2D(Slice{C: 1, H: 2, W: 2, StrideW: 1}, x, x),
		"kernel: slice: x has 4 elements: want 16":                Slice2D(Slice{1, 4, 4, 0, 0, 2, 2}, x, x),
		"kernel: gather: index 1 is -1: want 0 to 3":              Gather(x[:2], x, []int32{3, -1}),
		"kernel: gather: index 0 is 4: want 0 to 3":               Gather(x[:1], x, []int32{4}),
		"kernel: gather: dst has 4 elements: want 1":              Gather(x, x, []int32{0}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
