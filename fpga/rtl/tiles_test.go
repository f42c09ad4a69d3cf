package rtl

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"sotto/fpga/target"
)

// tile is a convolution's tile for an array: rows x cols output positions, TM channels, of a kernel x kernel window over groups of TN
// input channels, one after the other.
type tile struct {
	shape
	input   []uint64 // channels, rows+kernel-1, cols+kernel-1
	weights []uint64 // TM, channels, kernel, kernel
}

// shape is the sizes of a tile.
type shape struct {
	array                      target.MACArray
	rows, cols, kernel, groups int
}

// run is tiles of one shape that follow each other at once.
type run []*tile

// runs are those of the testbench's arrays: of more pixels than rows of weights, and of fewer.
func runs() []run {
	const tiles = 3
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []run
	for _, s := range []shape{
		{array: target.MACArray{Width: 32, TM: 4, TN: 4, Pixels: 32}, rows: 5, cols: 6, kernel: 3, groups: 2},
		{array: target.MACArray{Width: 64, TM: 3, TN: 5, Pixels: 32}, rows: 1, cols: target.MinPixels, kernel: 3, groups: 2},
		{array: target.MACArray{Width: 64, TM: 6, TN: 1, Pixels: 32}, rows: 2, cols: 2, kernel: 1, groups: 7},
	} {
		var r run
		for range tiles {
			r = append(r, &tile{s,
				words(rnd, s.channels()*(s.rows+s.kernel-1)*(s.cols+s.kernel-1), s.array.Width),
				words(rnd, s.array.TM*s.channels()*s.kernel*s.kernel, s.array.Width)})
		}
		all = append(all, r)
	}
	return all
}

func words(rnd *rand.Rand, n, width int) []uint64 {
	w := make([]uint64, n)
	for i := range w {
		w[i] = rnd.Uint64() >> (64 - width)
	}
	return w
}

func (r run) name() string {
	a := r[0].array
	return fmt.Sprintf("array-%d-%dx%d", a.Width, a.TM, a.TN)
}

func (s shape) channels() int { return s.groups * s.array.TN }
func (s shape) pixels() int   { return s.rows * s.cols }
func (s shape) taps() int     { return s.groups * s.kernel * s.kernel }

// window gives the group and position of a tap.
func (t *tile) window(tap int) (group, dy, dx int) {
	return tap / (t.kernel * t.kernel), tap / t.kernel % t.kernel, tap % t.kernel
}

// in is the input of a channel that a tap's position meets at a pixel.
func (t *tile) in(channel, pixel, dy, dx int) uint64 {
	y, x := pixel/t.cols+dy, pixel%t.cols+dx
	return t.input[(channel*(t.rows+t.kernel-1)+y)*(t.cols+t.kernel-1)+x]
}

func (t *tile) weight(m, channel, dy, dx int) uint64 {
	return t.weights[((m*t.channels()+channel)*t.kernel+dy)*t.kernel+dx]
}

// sum is the convolution in the ring, modulo 2^64 here.
func (t *tile) sum(m, pixel int) uint64 {
	var s uint64
	for c := range t.channels() {
		for dy := range t.kernel {
			for dx := range t.kernel {
				s += t.weight(m, c, dy, dx) * t.in(c, pixel, dy, dx)
			}
		}
	}
	return s & (^uint64(0) >> (64 - t.array.Width))
}

// row is the words of a vector as one number, the first lowest.
func (t *tile) row(word func(n int) uint64, n int) string {
	var s strings.Builder
	for k := n - 1; k >= 0; k-- {
		fmt.Fprintf(&s, "%0*x", t.array.Width/4, word(k))
	}
	return s.String()
}

// cycle is what is at the array's inputs.
type cycle struct {
	weights         string // of row weightRow, where there are some
	weightRow       int
	x               string // of a pixel, where there is one
	pixel           int
	swap, fst, last int
}

func (c cycle) String() string {
	flag := map[bool]int{true: 1}
	w, x := c.weights, c.x
	if w == "" {
		w = "0"
	}
	if x == "" {
		x = "0"
	}
	return fmt.Sprintf("%d %x %s %d %d %d %d %x %s", flag[c.weights != ""], c.weightRow, w, flag[c.x != ""], c.swap, c.fst, c.last, c.pixel, x)
}

// schedule gives the inputs of every cycle: the first tap's weights, then the taps of all tiles, one every TapCycles, each beside the next's
// weights.
func (r run) schedule() []cycle {
	s := r[0].shape
	cycles := make([]cycle, s.array.TM+len(r)*s.array.TileInterval(s.taps(), s.pixels()))
	for i, t := range r {
		for tap := range s.taps() {
			t.tap(cycles[i*s.array.TileInterval(s.taps(), s.pixels())+tap*s.array.TapCycles(s.pixels()):], tap)
		}
	}
	return cycles
}

// tap gives the inputs of a tap, from its weights on: they come in the last cycles before its pixels.
func (t *tile) tap(cycles []cycle, tap int) {
	group, dy, dx := t.window(tap)
	channel := func(n int) int { return group*t.array.TN + n }
	for m := range t.array.TM {
		c := &cycles[m]
		c.weightRow, c.weights = m, t.row(func(n int) uint64 { return t.weight(m, channel(n), dy, dx) }, t.array.TN)
	}
	for p := range t.pixels() {
		c := &cycles[t.array.TM+p]
		c.pixel, c.x = p, t.row(func(n int) uint64 { return t.in(channel(n), p, dy, dx) }, t.array.TN)
		c.swap, c.fst, c.last = is(p == 0), is(tap == 0), is(tap == t.taps()-1)
	}
}

func is(b bool) int {
	if b {
		return 1
	}
	return 0
}

// writeRuns writes the schedule of each run to a file of its name.
func writeRuns(t *testing.T, dir string) []run {
	t.Helper()
	all := runs()
	for _, r := range all {
		check(t, r[0].array.Check())
		var lines []string
		for _, c := range r.schedule() {
			lines = append(lines, c.String())
		}
		write(t, filepath.Join(dir, r.name()), lines)
	}
	return all
}

// check holds what the array gave against the convolutions, and its cycles against the declared ones.
func (r run) check(t *testing.T, k *trace) {
	t.Helper()
	s := r[0].shape
	if k == nil || len(k.in) != 1 || len(k.out) != len(r)*s.pixels() {
		t.Fatalf("the array did not give %d tiles of %d pixels: %+v", len(r), s.pixels(), k)
	}
	for i, x := range r {
		out := k.out[i*s.pixels() : (i+1)*s.pixels()]
		x.checkSums(t, out)
		want := i*s.array.TileInterval(s.taps(), s.pixels()) + s.array.TileCycles(s.taps(), s.pixels())
		if got := out[s.pixels()-1].cycle - k.in[0].cycle; got != want {
			t.Errorf("tile %d: %d cycles from the first one's begin, declared %d", i, got, want)
		}
	}
}

func (t *tile) checkSums(tt *testing.T, out []event) {
	tt.Helper()
	for p, o := range out {
		want := t.row(func(m int) uint64 { return t.sum(m, p) }, t.array.TM)
		if at := fmt.Sprintf("%02x", p); o.values[0] != at || o.values[1] != want {
			tt.Fatalf("pixel %s: %s, the convolution has %s: %s", o.values[0], o.values[1], at, want)
		}
	}
}
