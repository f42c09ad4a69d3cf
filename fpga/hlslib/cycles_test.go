package hlslib_test

import (
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/kernel"
)

// near demands cycles within a share of those that are modelled, and a few: a short run is a line longer or shorter as it is in step with
// its buffer and its memory, of which the model knows nothing.
func near(t *testing.T, what string, got uint64, want int64) {
	t.Helper()
	const share, few = 0.1, 8
	if diff := float64(got) - float64(want); diff > share*float64(want)+few || diff < -share*float64(want)-few {
		t.Errorf("%s: %d cycles, modelled are %d", what, got, want)
	}
}

// TestConvCyclesAreThoseOfTheModel: what fpga/target says of a step's load, products and store is what the loops count.
func TestConvCyclesAreThoseOfTheModel(t *testing.T) {
	d := small(t)
	c := configOf(t, d)
	for _, k := range []kernel.Conv{conv(3, 1, 30, 4, 3, 1, 1, 1), conv(6, 1, 24, 4, 3, 1, 1, 1), conv(3, 1, 43, 4, 3, 2, 1, 1), conv(12, 4, 8, 4, 1, 1, 0, 1), conv(40, 1, 1, 4, 1, 1, 0, 1)} {
		b := newBench[uint32](7)
		l := whole(k, k.OutH(), k.OutW(), c.Pixels, c.InWords, c.TN)
		g := l.geometry()
		weights := words[uint32](b.rnd, l.WeightLen())
		packed, err := hlslib.PackConv(g, c.TM, c.TN, weights)
		if err != nil {
			t.Fatal(err)
		}
		addLayer(t, b, l, lower.OpConv, weights, packed)
		got := b.check(t, c, inTurn).Cycles[lower.Conv]
		window, addend := d.WindowCycles(g, k.InC, l.th, l.tw), d.AddendCycles(g, k.OutC, l.th, l.tw)
		panel := d.PanelChannels(g)
		load, products := int64(0), int64(0)
		for at := 0; at < k.InC; at += panel {
			n := min(panel, k.InC-at)
			step := d.WeightCycles(g, n)
			if at == 0 {
				step = max(step, window, addend)
			}
			load += step
			products += d.PanelCycles(g, n, l.th*l.tw)
		}
		near(t, "load", got[0], load)
		if got[1] != uint64(products) {
			t.Errorf("%+v: %d cycles of products, modelled are %d", k, got[1], products)
		}
		near(t, "store", got[2], d.StoreCycles(g, k.OutC, l.th, l.tw))
	}
}

// TestElementwiseCyclesAreThoseOfTheModel: all but the depth of pipelines.
func TestElementwiseCyclesAreThoseOfTheModel(t *testing.T) {
	d := small(t)
	c := configOf(t, d)
	b := newBench[uint32](8)
	n := c.Chunk
	for _, s := range steps[uint32]() {
		if s.op == lower.OpRoundedClient {
			addStep(b, s, cost.Client, n)
		}
	}
	got := b.check(t, c, inTurn).Cycles[lower.Elementwise]
	if want := d.ElementwiseCycles(n) - target.StreamDepth; got[1] != uint64(want) {
		t.Errorf("%d cycles, modelled are %d", got[1], want)
	}
	if want := d.PortCycles(int64(n * d.WordBytes())); got[0] != uint64(want) || got[2] != uint64(want) {
		t.Errorf("%d cycles to load and %d to store, modelled are %d", got[0], got[2], want)
	}
}

// TestChannelCyclesAreThoseOfTheModel: the products of a depthwise tile and the sums of a pool, all but the depth of pipelines.
func TestChannelCyclesAreThoseOfTheModel(t *testing.T) {
	d := small(t)
	c := configOf(t, d)
	b := newBench[uint32](12)
	k := conv(2*c.Channels, 5, 6, 2*c.Channels, 3, 1, 1, 1)
	k.Groups = k.InC
	l := whole(k, k.OutH(), k.OutW(), c.ChannelPixels, c.ChannelWords, 1)
	weights := words[uint32](b.rnd, l.WeightLen())
	packed, err := hlslib.PackDepthwise(l.geometry(), c.Channels, weights)
	if err != nil {
		t.Fatal(err)
	}
	addLayer(t, b, l, lower.OpDepthwise, weights, packed)
	p := kernel.Pool{C: 2 * c.PoolLanes, H: 6, W: 6, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	addPool(t, b, p)
	got := b.check(t, c, inTurn).Cycles
	tiles := int64(2 * ((k.OutH() + l.th - 1) / l.th))
	if want := tiles * (d.DepthwiseTileCycles(l.geometry(), l.th*l.tw) - target.DepthwiseDepth); got[lower.Depthwise][1] != uint64(want) {
		t.Errorf("depthwise: %d cycles of products in %d tiles, modelled are %d", got[lower.Depthwise][1], tiles, want)
	}
	if want := d.PoolCycles(cost.Tournament(p).Windows(), p.KH*p.KW) - target.StreamDepth; got[lower.Pool][1] != uint64(want) {
		t.Errorf("pool: %d cycles of sums, modelled are %d", got[lower.Pool][1], want)
	}
}
