package ir

import (
	"strings"
	"testing"
)

// TestNarrowComparisonsAreRefused: a width below what the operand's bounds take, with the position in the function.
func TestNarrowComparisonsAreRefused(t *testing.T) {
	const dump = `module secure client-server
func @f(%x: C i32q8[4] {worst=[-3.0,5.5], seen=[-2.0,4.0]}) -> B u1[4] {
  %m = mask %x : M i32q8[4]
  %d = gc.drelu %m {width=WIDTH} : B u1[4]
  return %d
}
`
	for _, c := range []struct {
		width string
		want  string // of the error
	}{
		{"0", ""}, {"12", ""}, {"32", ""}, // 4.0 with 8 fractional bits is 2^10, which takes 11 bits and a sign
		{"11", "width 11: %x is relied on to be in [-2, 4], which takes 12 bits at 8 fractional ones: accepted are at least as many, or 0"},
		{"2", "width 2: %x is relied on"},
	} {
		m, err := Parse("narrow.ir", strings.Replace(dump, "WIDTH", c.width, 1))
		if err == nil {
			err = Check(m)
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "narrow.ir:4:3: %d: "+c.want) {
			t.Errorf("width %s: %v, want %q", c.width, err, c.want)
		}
	}
}

func TestBitsOfIntervals(t *testing.T) {
	for _, c := range []struct {
		bounds Interval
		frac   int
		want   int
	}{
		{Interval{0, 0}, 4, 1}, {Interval{-1, 0}, 0, 1}, {Interval{0, 1}, 0, 2}, {Interval{-128, 127}, 0, 8}, {Interval{-129, 0}, 0, 9},
		{Interval{0, 128}, 0, 9}, {Interval{-0.5, 0.5}, 3, 4}, {Interval{-0.01, 0}, 3, 1},
	} {
		if got := bitsFor(c.bounds, c.frac); got != c.want {
			t.Errorf("%v at %d fractional bits takes %d, want %d", c.bounds, c.frac, got, c.want)
		}
	}
}
