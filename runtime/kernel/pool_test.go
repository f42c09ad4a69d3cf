package kernel

import (
	"fmt"
	"testing"

	"sotto/ir/cost"

	"pgregory.net/rapid"
)

// drawPool draws a small pooling that passes Check.
func drawPool(t *rapid.T) Pool {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	p := Pool{C: n("c", 1, 3), KH: n("kh", 1, 5), KW: n("kw", 1, 5), StrideH: n("sh", 1, 4), StrideW: n("sw", 1, 4)}
	p.PadH, p.PadW = n("ph", 0, p.KH-1), n("pw", 0, p.KW-1)
	p.H = n("h", max(1, p.KH-2*p.PadH), 9)
	p.W = n("w", max(1, p.KW-2*p.PadW), 9)
	return p
}

// windows lists, for every window of p, the elements of x in it, row by row: the definition.
func windows[T Number](p Pool, x []T) [][]T {
	var all [][]T
	for c := range p.C {
		for oy := range p.OutH() {
			for ox := range p.OutW() {
				var one []T
				for y := oy*p.StrideH - p.PadH; y < oy*p.StrideH-p.PadH+p.KH; y++ {
					for z := ox*p.StrideW - p.PadW; z < ox*p.StrideW-p.PadW+p.KW; z++ {
						if y >= 0 && y < p.H && z >= 0 && z < p.W {
							one = append(one, x[(c*p.H+y)*p.W+z])
						}
					}
				}
				all = append(all, one)
			}
		}
	}
	return all
}

// less is the order of MaxPool: signed in a ring.
func less[T Number](a, b T) bool {
	switch a := any(a).(type) {
	case uint32:
		return int32(a) < int32(any(b).(uint32))
	case uint64:
		return int64(a) < int64(any(b).(uint64))
	case float32:
		return a < any(b).(float32)
	}
	panic("not a Number")
}

func checkPools[T Number](t *rapid.T, p Pool) {
	x := fill[T](3, p.C*p.H*p.W)
	all := windows(p, x)
	sums, maxima := make([]T, len(all)), make([]T, len(all))
	for i, one := range all {
		maxima[i] = one[0]
		for _, v := range one {
			sums[i] += v
			if less(maxima[i], v) {
				maxima[i] = v
			}
		}
	}
	got := dirty[T](len(all))
	if err := SumPool(p, got, x); err != nil {
		t.Fatal(err)
	}
	equal(t, fmt.Sprintf("sum %+v", p), got, sums)
	back, places := make([]T, len(x)), make([]T, len(x))
	for i := range places {
		places[i] = T(i)
	}
	dy := fill[T](4, len(all))
	for i, one := range windows(p, places) {
		for _, at := range one {
			back[int(at)] += dy[i]
		}
	}
	unpooled := dirty[T](len(x))
	if err := Unpool(p, unpooled, dy); err != nil {
		t.Fatal(err)
	}
	equal(t, fmt.Sprintf("unpool %+v", p), unpooled, back)
	if err := MaxPool(p, got, x); err != nil {
		t.Fatal(err)
	}
	equal(t, fmt.Sprintf("max %+v", p), got, maxima)
	equal(t, fmt.Sprintf("tournament %+v", p), compete(t, p, x), maxima)
}

// compete runs the tournament on x as its doc comment says, and checks every count on the way.
func compete[T Number](t *rapid.T, p Pool, x []T) []T {
	tour := cost.Tournament(p)
	gather := func(src []T, index []int32) []T {
		dst := make([]T, len(index))
		if err := Gather(dst, src, index); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	comparisons := 0
	live := gather(x, tour.InitialIndex())
	for s := range tour.Stages() {
		a, b := tour.PairIndex(s)
		if len(live) != tour.Live(s) || len(a) != tour.Pairs(s) || len(b) != len(a) {
			t.Fatalf("%+v stage %d: %d live, %d and %d pairs, want %d and %d", p, s, len(live), len(a), len(b),
				tour.Live(s), tour.Pairs(s))
		}
		comparisons += len(a)
		winners := gather(live, a)
		for i, v := range gather(live, b) {
			if less(winners[i], v) {
				winners[i] = v
			}
		}
		live = gather(append(winners, live...), tour.MergeIndex(s))
	}
	if comparisons != tour.Comparisons() || len(live) != tour.Windows() {
		t.Fatalf("%+v: %d comparisons, %d winners, want %d and %d", p, comparisons, len(live), tour.Comparisons(),
			tour.Windows())
	}
	return live
}

func TestPoolsAndTournamentAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPool(t)
		checkPools[uint32](t, p)
		checkPools[uint64](t, p)
		checkPools[float32](t, p)
	})
}

func TestSumsOfStretches(t *testing.T) {
	x := []uint64{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60} // two samples
	for want, n := range map[string]int{"[231]": 1, "[66 165]": 2, "[33 77 121]": 3, "[11 22 33 44 55 66]": 6} {
		got := dirty[uint64](n)
		if err := SumStretches(2, got, x); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%d sums are %v, %v, want %s", n, got, err, want)
		}
	}
	if err := SumStretches(2, make([]uint64, 4), x); err == nil || err.Error() != "kernel: sums: x has 12 elements: want 8" {
		t.Errorf("got %v", err)
	}
}

func TestPoolRefuses(t *testing.T) {
	p := Pool{C: 1, H: 4, W: 4, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	if err := MaxPool(p, make([]uint32, 4), make([]uint32, 15)); err == nil ||
		err.Error() != "kernel: maxpool: x has 15 elements: want 16" {
		t.Errorf("got %v", err)
	}
	p.PadW = 2
	if err := SumPool(p, make([]uint32, 4), make([]uint32, 16)); err == nil ||
		err.Error() != "window: horizontal pad is 2: want 0 to 1" {
		t.Errorf("got %v", err)
	}
}
