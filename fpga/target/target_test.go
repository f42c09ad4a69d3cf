package target

import (
	"strings"
	"testing"
)

// bytesAND is what an AND's tables are on the wire.
const bytesAND = TableBits / 8

// TestEnginesServeLinks holds what HalfGates says of links: the smallest engine that fills one at 200 MHz.
func TestEnginesServeLinks(t *testing.T) {
	const clock = 200_000_000
	for _, c := range []struct {
		engine  HalfGates
		engines int
		link    int // bits a second
	}{
		{HalfGates{Garble, Iterative, 2}, 1, 1e9},
		{HalfGates{Garble, Pipelined, 1}, 1, 10e9},
		{HalfGates{Garble, Pipelined, 4}, 2, 100e9},
	} {
		rate, wanted := c.engines*(clock/c.engine.Interval()), c.link/8/bytesAND
		if rate < wanted {
			t.Errorf("%d of %v make %d ANDs a second, the link carries %d", c.engines, c.engine, rate, wanted)
		}
		if fewer := rate / 2; fewer >= wanted {
			t.Errorf("half of %d %v would do: %d ANDs a second, the link carries %d", c.engines, c.engine, fewer, wanted)
		}
	}
}

// TestCyclesOfNothing: no gates take no cycles, and one takes its latency.
func TestCyclesOfNothing(t *testing.T) {
	for _, e := range HalfGatesEngines() {
		if e.Cycles(0) != 0 || e.Cycles(1) != e.Latency() {
			t.Errorf("%v: %d and %d cycles for 0 and 1 ANDs, latency %d", e, e.Cycles(0), e.Cycles(1), e.Latency())
		}
	}
}

// TestRefusals names what would be accepted.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{HalfGates{Evaluate, Pipelined, 4}.Check(), "accepted are"},
		{HalfGates{Garble, "folded", 1}.Check(), "accepted are"},
		{MACArray{Width: 48, TM: 1, TN: 1, Pixels: 9}.Check(), "32 and 64 are accepted"},
		{MACArray{Width: 32, TM: 0, TN: 1, Pixels: 9}.Check(), "at least 1"},
		{MACArray{Width: 32, TM: 1, TN: 1, Pixels: 2}.Check(), "at least 3"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v: %q is missing", c.err, c.want)
		}
	}
	for _, e := range HalfGatesEngines() {
		if err := e.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestAreaAdds: parts and multiples.
func TestAreaAdds(t *testing.T) {
	a := Area{LUT: 1, FF: 2, DSP: 3, BRAM18: 3, URAM: 5}
	if got := Sum(a, a, Luts(1), Registers(1)); got != a.Times(2).Add(Area{LUT: 1, FF: 1}) {
		t.Errorf("sum %+v", got)
	}
	if a.BRAM36() != 2 {
		t.Errorf("three halves are %d memories, want 2", a.BRAM36())
	}
}
