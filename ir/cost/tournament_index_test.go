package cost

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawTournament draws a small geometry that passes Check.
func drawTournament(t *rapid.T) Tournament {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	g := Tournament{C: n("c", 1, 3), KH: n("kh", 1, 6), KW: n("kw", 1, 6), StrideH: n("sh", 1, 5), StrideW: n("sw", 1, 5)}
	g.PadH, g.PadW = n("ph", 0, g.KH-1), n("pw", 0, g.KW-1)
	g.H, g.W = n("h", max(1, g.KH-2*g.PadH), 12), n("w", max(1, g.KW-2*g.PadW), 12)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

// seen lists the positions that every window sees, one position at a time: the definition.
func seen(t Tournament) [][]int32 {
	var all [][]int32
	for c := range t.C {
		for y := -t.PadH; y+t.KH <= t.H+t.PadH; y += t.StrideH {
			for x := -t.PadW; x+t.KW <= t.W+t.PadW; x += t.StrideW {
				var one []int32
				for i := range t.KH * t.KW {
					if r, k := y+i/t.KW, x+i%t.KW; r >= 0 && r < t.H && k >= 0 && k < t.W {
						one = append(one, int32((c*t.H+r)*t.W+k))
					}
				}
				all = append(all, one)
			}
		}
	}
	return all
}

// TestTournamentIndexAgainstDefinition plays every window by itself: neighbours meet, the winner under a drawn order
// stays, an odd last one passes.
func TestTournamentIndexAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawTournament(t)
		order := rapid.Permutation(slices.Collect(positions(g.C*g.H*g.W))).Draw(t, "order")
		windows := seen(g)
		live := g.InitialIndex()
		for s := range g.Stages() {
			if want := slices.Concat(windows...); !slices.Equal(live, want) {
				t.Fatalf("%+v stage %d: live %v, want %v", g, s, live, want)
			}
			left, right := g.PairIndex(s)
			joined := make([]int32, 0, len(left)+len(live))
			for i := range left {
				joined = append(joined, winner(order, live[left[i]], live[right[i]]))
			}
			joined = append(joined, live...)
			live = pick(joined, g.MergeIndex(s))
			for i, w := range windows {
				windows[i] = play(order, w)
			}
		}
		if want := slices.Concat(windows...); !slices.Equal(live, want) {
			t.Fatalf("%+v: winners %v, want %v", g, live, want)
		}
	})
}

func positions(n int) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for i := range int32(n) {
			if !yield(i) {
				return
			}
		}
	}
}

func winner(order []int32, a, b int32) int32 {
	if order[a] < order[b] {
		return b
	}
	return a
}

// play is one stage of one window.
func play(order, window []int32) []int32 {
	var out []int32
	for pair := range slices.Chunk(window, 2) {
		out = append(out, winner(order, pair[0], pair[len(pair)-1]))
	}
	return out
}

func pick(from, index []int32) []int32 {
	out := make([]int32, len(index))
	for i, j := range index {
		out[i] = from[j]
	}
	return out
}

// TestArgmaxTie holds that the first of equal elements wins an argmax whose comparison keeps a when a = b.
func TestArgmaxTie(t *testing.T) {
	for n := 1; n < 40; n++ {
		for first := range n {
			tour := ArgmaxTournament(n)
			live := tour.InitialIndex() // each element carries its own position
			for s := range tour.Stages() {
				a, b := tour.PairIndex(s)
				joined := make([]int32, 0, len(a)+len(live))
				for i := range a {
					w := live[a[i]]
					if int(w) < first { // below first elements are small, from there on all are equal and large
						w = live[b[i]]
					}
					joined = append(joined, w)
				}
				joined = append(joined, live...)
				next := tour.MergeIndex(s)
				for i, from := range next {
					next[i] = joined[from]
				}
				live = next
			}
			if len(live) != 1 || int(live[0]) != first {
				t.Fatalf("argmax of %d with the maximum from %d on: %v", n, first, live)
			}
		}
	}
}
