package cost

import (
	"math/bits"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// windowSizes counts the live elements of every window one position at a time: the definition.
func windowSizes(t Tournament) []int {
	var sizes []int
	for range t.C {
		for y := -t.PadH; y+t.KH <= t.H+t.PadH; y += t.StrideH {
			for x := -t.PadW; x+t.KW <= t.W+t.PadW; x += t.StrideW {
				n := 0
				for i := range t.KH * t.KW {
					if r, c := y+i/t.KW, x+i%t.KW; r >= 0 && r < t.H && c >= 0 && c < t.W {
						n++
					}
				}
				sizes = append(sizes, n)
			}
		}
	}
	return sizes
}

func TestTournamentCountsAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawTournament(t)
		sizes := windowSizes(g)
		most, comparisons := 0, 0
		for _, n := range sizes {
			most, comparisons = max(most, n), comparisons+n-1
		}
		if len(sizes) != g.Windows() || comparisons != g.Comparisons() || g.Stages() != bits.Len(uint(most-1)) {
			t.Fatalf("%+v: windows %d, comparisons %d, stages %d: want %d, %d and ceil(log2 %d)", g, g.Windows(),
				g.Comparisons(), g.Stages(), len(sizes), comparisons, most)
		}
		for s := range g.Stages() + 1 {
			live, pairs := 0, 0
			for i, n := range sizes {
				live, pairs = live+n, pairs+n/2
				sizes[i] = n - n/2
			}
			if live != g.Live(s) || pairs != g.Pairs(s) {
				t.Fatalf("%+v stage %d: live %d, pairs %d: want %d and %d", g, s, g.Live(s), g.Pairs(s), live, pairs)
			}
		}
	})
}

// TestTournamentKnown checks counts worked out by hand.
func TestTournamentKnown(t *testing.T) {
	for _, c := range []struct {
		name                         string
		t                            Tournament
		windows, stages, comparisons int
	}{
		{"2x2/2 on 64x32x32", Tournament{64, 32, 32, 2, 2, 2, 2, 0, 0}, 64 * 256, 2, 64 * 256 * 3},
		// 56 rows of windows: the first sees 2 input rows, 55 see 3, so 167 in all; likewise columns.
		{"ResNet's 3x3/2 on 64x112x112", Tournament{64, 112, 112, 3, 3, 2, 2, 1, 1}, 64 * 56 * 56, 4, 64 * (167*167 - 56*56)},
		{"argmax of 1000", ArgmaxTournament(1000), 1, 10, 999},
		{"argmax of 1", ArgmaxTournament(1), 1, 0, 0},
	} {
		if err := c.t.Check(); err != nil {
			t.Fatal(err)
		}
		if w, s, n := c.t.Windows(), c.t.Stages(), c.t.Comparisons(); w != c.windows || s != c.stages || n != c.comparisons {
			t.Errorf("%s: %d windows, %d stages, %d comparisons: want %d, %d, %d", c.name, w, s, n, c.windows, c.stages,
				c.comparisons)
		}
	}
}

func TestTournamentRefuses(t *testing.T) {
	good := Tournament{1, 8, 8, 2, 2, 2, 2, 0, 0}
	for want, change := range map[string]func(*Tournament){
		"channels is 0: want 1":                        func(t *Tournament) { t.C = 0 },
		"vertical stride is -1: want 1":                func(t *Tournament) { t.StrideH = -1 },
		"horizontal pad is 2: want 0 to 1":             func(t *Tournament) { t.PadW = 2 },
		"vertical pad is 2000: want 0 to 1024":         func(t *Tournament) { t.KH, t.PadH = 4000, 2000 },
		"kernel 9x2 does not fit a 8x8 input with pad": func(t *Tournament) { t.KH = 9 },
		"want at most 2147483647 of each":              func(t *Tournament) { t.C, t.H, t.W = 1<<30, 1<<30, 1<<30 },
		"window: 1e+10 elements in":                    func(t *Tournament) { t.H, t.W = 100000, 100000 },
	} {
		g := good
		change(&g)
		if err := g.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", g, err, want)
		}
	}
}

// FuzzTournamentCheck holds that Check never panics or runs away, and that what it accepts has sane counts.
func FuzzTournamentCheck(f *testing.F) {
	f.Add(64, 112, 112, 3, 3, 2, 2, 1, 1)
	f.Add(1, 1, 1<<30, 1, 1<<30, 1, 1, 0, 0)
	f.Add(1, 1, 1, 1<<30, 1<<30, 1, 1, 1<<30-1, 1<<30-1)
	f.Fuzz(func(t *testing.T, c, h, w, kh, kw, sh, sw, ph, pw int) {
		g := Tournament{c, h, w, kh, kw, sh, sw, ph, pw}
		if g.Check() != nil {
			return
		}
		if g.Windows() < 1 || g.Live(0) < g.Windows() || g.Live(g.Stages()) != g.Windows() {
			t.Fatalf("%+v: %d windows, %d live, %d at the end", g, g.Windows(), g.Live(0), g.Live(g.Stages()))
		}
	})
}
