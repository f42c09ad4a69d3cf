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
	array                      target.MACArray
	rows, cols, kernel, groups int
	input                      []uint64 // channels, rows+kernel-1, cols+kernel-1
	weights                    []uint64 // TM, channels, kernel, kernel
}

// tiles are those of the testbench's arrays: of more pixels than rows of weights, and of fewer.
func tiles() []*tile {
	rnd := rand.New(rand.NewPCG(1, 2))
	all := []*tile{
		{array: target.MACArray{Width: 32, TM: 4, TN: 4, Pixels: 32}, rows: 5, cols: 6, kernel: 3, groups: 2},
		{array: target.MACArray{Width: 64, TM: 3, TN: 5, Pixels: 32}, rows: 1, cols: target.MinPixels, kernel: 3, groups: 2},
		{array: target.MACArray{Width: 64, TM: 6, TN: 1, Pixels: 32}, rows: 2, cols: 2, kernel: 1, groups: 7},
	}
	for _, t := range all {
		t.input = words(rnd, t.channels()*(t.rows+t.kernel-1)*(t.cols+t.kernel-1), t.array.Width)
		t.weights = words(rnd, t.array.TM*t.channels()*t.kernel*t.kernel, t.array.Width)
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

func (t *tile) name() string {
	return fmt.Sprintf("array-%d-%dx%d", t.array.Width, t.array.TM, t.array.TN)
}

func (t *tile) channels() int { return t.groups * t.array.TN }
func (t *tile) pixels() int   { return t.rows * t.cols }
func (t *tile) taps() int     { return t.groups * t.kernel * t.kernel }

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

// schedule gives the inputs of every cycle: the first tap's weights, then the taps, one every TapCycles, each beside the next's weights.
func (t *tile) schedule() []cycle {
	each := t.array.TapCycles(t.pixels())
	cycles := make([]cycle, t.array.TM+each*t.taps())
	for tap := range t.taps() {
		group, dy, dx := t.window(tap)
		channel := func(n int) int { return group*t.array.TN + n }
		begin := t.array.TM + tap*each
		for m := range t.array.TM { // in the last cycles before the tap
			c := &cycles[begin-t.array.TM+m]
			c.weightRow, c.weights = m, t.row(func(n int) uint64 { return t.weight(m, channel(n), dy, dx) }, t.array.TN)
		}
		for p := range t.pixels() {
			c := &cycles[begin+p]
			c.pixel, c.x = p, t.row(func(n int) uint64 { return t.in(channel(n), p, dy, dx) }, t.array.TN)
			c.swap, c.fst, c.last = is(p == 0), is(tap == 0), is(tap == t.taps()-1)
		}
	}
	return cycles
}

func is(b bool) int {
	if b {
		return 1
	}
	return 0
}

// writeTiles writes the schedule of each tile to a file of its name.
func writeTiles(t *testing.T, dir string) []*tile {
	t.Helper()
	all := tiles()
	for _, x := range all {
		check(t, x.array.Check())
		var lines []string
		for _, c := range x.schedule() {
			lines = append(lines, c.String())
		}
		write(t, filepath.Join(dir, x.name()), lines)
	}
	return all
}

// check holds what the array gave against the convolution, and its cycles against the declared ones.
func (t *tile) check(tt *testing.T, k *trace) {
	tt.Helper()
	if k == nil || len(k.in) != 1 || len(k.out) != t.pixels() {
		tt.Fatalf("the array did not give %d pixels: %+v", t.pixels(), k)
	}
	for p, out := range k.out {
		want := t.row(func(m int) uint64 { return t.sum(m, p) }, t.array.TM)
		if at := fmt.Sprintf("%02x", p); out.values[0] != at || out.values[1] != want {
			tt.Fatalf("pixel %s: %s, the convolution has %s: %s", out.values[0], out.values[1], at, want)
		}
	}
	if got := k.out[t.pixels()-1].cycle - k.in[0].cycle; got != t.array.TileCycles(t.taps(), t.pixels()) {
		tt.Errorf("%d cycles, declared %d", got, t.array.TileCycles(t.taps(), t.pixels()))
	}
}
