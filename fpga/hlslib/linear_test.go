package hlslib_test

import (
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/ring"
)

// layer is a convolution with the part of its output that a command makes: channels m to m+mn-1, rows y to y+yn-1, in tiles of th x tw, and
// slices of so many input channels.
type layer struct {
	kernel.Conv
	m, mn, y, yn, th, tw, slice int
	biased                      bool
}

func (l layer) geometry() target.Geometry {
	return target.Geometry{InC: l.InC, InH: l.InH, InW: l.InW, OutC: l.OutC, KH: l.KH, KW: l.KW, StrideH: l.StrideH, StrideW: l.StrideW,
		PadH: l.PadH, PadW: l.PadW, DilH: l.DilH, DilW: l.DilW, Groups: l.Groups}
}

// window is the input pixels of so many rows and columns of outputs.
func (l layer) window(rows, cols int) int {
	return ((rows-1)*l.StrideH + l.DilH*(l.KH-1) + 1) * ((cols-1)*l.StrideW + l.DilW*(l.KW-1) + 1)
}

// whole is all of a convolution in tiles of the largest size up to th x tw that fits, channels of a slice likewise.
func whole(c kernel.Conv, th, tw, pixels, words, lanes int) layer {
	l := layer{Conv: c, mn: c.OutC, yn: c.OutH(), th: min(th, c.OutH()), tw: min(tw, c.OutW())}
	for l.th > 1 && (l.th*l.tw > pixels || l.window(l.th, l.tw) > words) {
		l.th--
	}
	for l.tw > 1 && (l.th*l.tw > pixels || l.window(l.th, l.tw) > words) {
		l.tw--
	}
	l.slice = min((c.InC+lanes-1)/lanes, words/l.window(l.th, l.tw)) * lanes
	return l
}

func conv(inC, h, w, outC, k, stride, pad, dil int) kernel.Conv {
	return kernel.Conv{InC: inC, InH: h, InW: w, OutC: outC, KH: k, KW: k, StrideH: stride, StrideW: stride, PadH: pad, PadW: pad, DilH: dil, DilW: dil, Groups: 1}
}

// denseLayers have borders of all kinds: channels that fill no group, tiles that fill no row, several panels and slices, images of one pixel.
func denseLayers(c hlslib.Config) []layer {
	of := func(k kernel.Conv, th, tw int) layer { return whole(k, th, tw, c.Pixels, c.InWords, c.TN) }
	odd := conv(5, 9, 7, 6, 3, 1, 1, 1)
	odd.KW, odd.PadW, odd.StrideW, odd.DilH = 2, 0, 2, 2
	part := of(conv(7, 8, 8, 3*c.TM+1, 3, 1, 1, 1), 3, 8)
	part.m, part.mn, part.y, part.yn = c.TM, 2*c.TM, 2, 5
	kept := of(conv(4, 9, 5, c.TM, 3, 1, 1, 1), 2, 5)
	rows := of(conv(2, 12, 7, 2, 1, 1, 0, 1), 3, 7)
	biased := of(conv(3, 6, 6, 9, 3, 1, 1, 1), 2, 5)
	biased.biased = true
	return []layer{
		of(conv(1, 3, 3, 1, 3, 1, 0, 1), 1, 1), of(conv(3, 5, 5, 4, 1, 1, 0, 1), 5, 5), of(conv(8, 6, 6, 10, 3, 1, 1, 1), 6, 6),
		of(conv(30, 4, 4, 9, 3, 1, 1, 1), 4, 4), of(conv(4, 11, 11, 3, 5, 2, 2, 1), 2, 3), of(conv(100, 1, 1, 17, 1, 1, 0, 1), 1, 1),
		of(conv(2, 9, 12, 5, 3, 2, 1, 1), 3, 6), of(odd, 4, 4), part, biased, kept, rows,
	}
}

func testConv[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](2)
	for _, l := range denseLayers(c) {
		weights := words[W](b.rnd, l.WeightLen())
		packed, err := hlslib.PackConv(l.geometry(), c.TM, c.TN, weights)
		if err != nil {
			t.Fatal(err)
		}
		addLayer(t, b, l, lower.OpConv, weights, packed)
	}
	turn := b.check(t, c, inTurn)
	side := b.check(t, c, sideBySide)
	if turn.Cycles[lower.Conv] != side.Cycles[lower.Conv] {
		t.Errorf("%v cycles one after the other, %v side by side", turn.Cycles[lower.Conv], side.Cycles[lower.Conv])
	}
}

// TestConv holds dense convolutions and matrices against the runtime's.
func TestConv(t *testing.T) { each(t, testConv[uint32], testConv[uint64]) }

// addLayer puts a convolution on a bench.
func addLayer[W ring.Word](t *testing.T, b *bench[W], l layer, op lower.Operation, weights, packed []W) {
	t.Helper()
	x, u, bias := words[W](b.rnd, l.InLen()), words[W](b.rnd, l.OutLen()), words[W](b.rnd, l.OutC)
	y := make([]W, l.OutLen())
	if err := kernel.Conv2D(l.Conv, y, x, weights); err != nil {
		t.Fatal(err)
	}
	ring.Add(y, y, u)
	c := command(op, cost.Server, l.mn*l.yn*l.OutW())
	c.In[0], c.In[1], c.Weight[0], c.Out[0] = b.put(x), b.put(u), b.put(packed), b.room(l.OutLen())
	if l.biased {
		c.Weight[1] = b.put(bias)
	}
	ints(&c, l.InC, l.InH, l.InW, l.OutC, l.KH, l.KW, l.StrideH, l.StrideW, l.PadH, l.PadW, l.DilH, l.DilW, l.m, l.mn, l.y, l.yn, l.th, l.tw, l.slice)
	plane := l.OutH() * l.OutW()
	for o := l.m; o < l.m+l.mn; o++ {
		rows := y[o*plane+l.y*l.OutW():][:l.yn*l.OutW()]
		if l.biased {
			ring.AddConst(rows, rows, bias[o])
		}
		b.want(c.Out[0]+uint32(o*plane+l.y*l.OutW()), rows)
	}
	b.add(c)
}

func testDepthwise[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](3)
	of := func(k kernel.Conv, th, tw int) layer {
		k.Groups = k.InC
		return whole(k, th, tw, c.ChannelPixels, c.ChannelWords, 1)
	}
	part := of(conv(12, 8, 8, 12, 3, 1, 1, 1), 3, 8)
	part.m, part.mn, part.y, part.yn, part.biased = c.Channels, c.Channels+1, 1, 4, true
	for _, l := range []layer{
		of(conv(1, 3, 3, 1, 3, 1, 0, 1), 1, 1), of(conv(9, 7, 7, 9, 3, 1, 1, 1), 4, 7), of(conv(6, 9, 9, 6, 3, 2, 1, 1), 2, 3),
		of(conv(5, 12, 10, 10, 5, 1, 2, 1), 3, 3), of(conv(8, 6, 6, 8, 3, 1, 2, 2), 6, 6), of(conv(4, 1, 1, 4, 1, 1, 0, 1), 1, 1), part,
	} {
		weights := words[W](b.rnd, l.WeightLen())
		packed, err := hlslib.PackDepthwise(l.geometry(), c.Channels, weights)
		if err != nil {
			t.Fatal(err)
		}
		addLayer(t, b, l, lower.OpDepthwise, weights, packed)
	}
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// TestDepthwise holds depthwise convolutions against the runtime's, with one and with several outputs a channel.
func TestDepthwise(t *testing.T) { each(t, testDepthwise[uint32], testDepthwise[uint64]) }

func testPool[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](4)
	for _, p := range []kernel.Pool{
		{C: 1, H: 2, W: 2, KH: 2, KW: 2, StrideH: 2, StrideW: 2}, {C: 9, H: 8, W: 8, KH: 2, KW: 2, StrideH: 2, StrideW: 2},
		{C: 5, H: 9, W: 11, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1}, {C: 6, H: 7, W: 7, KH: 7, KW: 7, StrideH: 1, StrideW: 1},
		{C: 3, H: 14, W: 14, KH: 14, KW: 14, StrideH: 1, StrideW: 1}, {C: 2, H: 20, W: 30, KH: 3, KW: 2, StrideH: 1, StrideW: 3, PadH: 2},
	} {
		addPool(t, b, p)
	}
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// addPool puts sums of windows on a bench.
func addPool[W ring.Word](t *testing.T, b *bench[W], p kernel.Pool) {
	t.Helper()
	x, y := words[W](b.rnd, p.C*p.H*p.W), make([]W, cost.Tournament(p).Windows())
	if err := kernel.SumPool(p, y, x); err != nil {
		t.Fatal(err)
	}
	c := command(lower.OpSumPool, cost.Client, len(y))
	ints(&c, p.C, p.H, p.W, p.KH, p.KW, p.StrideH, p.StrideW, p.PadH, p.PadW)
	c.In[0], c.Out[0] = b.put(x), b.room(len(y))
	b.want(c.Out[0], y)
	b.add(c)
}

// TestPool holds sums of windows against the runtime's, windows beyond the buffers among them.
func TestPool(t *testing.T) { each(t, testPool[uint32], testPool[uint64]) }
