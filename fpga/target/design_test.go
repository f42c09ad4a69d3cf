package target

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sotto/ir/cost"
)

// usual is the design to begin with of a shipped board.
func usual(t *testing.T, board string, ring int) (Board, Design) {
	t.Helper()
	b, err := Shipped(board)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ForBoard(b, ring)
	if err != nil {
		t.Fatalf("%s: %v", board, err)
	}
	return b, d
}

// TestEveryBoardHasADesign: of either ring, one that fits and survives being written down, and whose multipliers are used.
func TestEveryBoardHasADesign(t *testing.T) {
	for _, name := range Names() {
		for _, ring := range []int{32, 64} {
			b, d := usual(t, name, ring)
			if err := errors.Join(d.Check(), d.Fits(b)); err != nil {
				t.Errorf("%s, ring %d: %v", name, ring, err)
			}
			text, err := json.Marshal(d)
			var again Design
			if err = errors.Join(err, json.Unmarshal(text, &again)); err != nil || again != d {
				t.Errorf("%s, ring %d: %v: %s", name, ring, err, text)
			}
			t.Logf("%s, ring %d: %d x %d products, %+v of %+v", name, ring, d.Conv.TM, d.Conv.TN, d.AreaOn(b), b.Plannable())
			if used := float64(d.AreaOn(b).DSP) / float64(b.Plannable().DSP); used < 0.4 {
				t.Errorf("%s, ring %d: %.2f of the multipliers are used", name, ring, used)
			}
		}
	}
	if _, err := ForLink(Board{}, 48, cost.Link{}); err == nil || !strings.Contains(err.Error(), "accepted are 32 and 64") {
		t.Errorf("ring 48: %v", err)
	}
}

// TestRefusedDesignFitsAsTold turns each knob up until the board is too small, and then as the refusal says.
func TestRefusedDesignFitsAsTold(t *testing.T) {
	b, d := usual(t, "zcu104", 32)
	refused := 0
	for _, k := range knobs {
		for v := *k.of(&d); v <= k.most; v *= 2 {
			large, err := d.With(Setting{k.name, v})
			if err != nil {
				break
			}
			var refusal *FitError
			if err := large.Fits(b); !errors.As(err, &refusal) {
				continue
			}
			refused++
			small, err := large.With(refusal.Settings...)
			if err = errors.Join(err, small.Fits(b)); err != nil || len(refusal.Settings) == 0 {
				t.Errorf("%s=%d: %v: %v", k.name, v, refusal, err)
			}
			if refusal.Need <= refusal.Have || refusal.Takes > refusal.Need || !strings.Contains(refusal.Error(), "it fits with ") {
				t.Errorf("%s=%d: %v", k.name, v, refusal)
			}
			break
		}
	}
	if refused < 10 {
		t.Errorf("%d knobs make the design too large", refused)
	}
}

// TestTooSmallForAnything: a board on which no design fits.
func TestTooSmallForAnything(t *testing.T) {
	b, _ := usual(t, "pynq-z2", 32)
	b.Chip.LUT.Value = 9000
	if _, err := ForBoard(b, 32); err == nil || !strings.Contains(err.Error(), "even the smallest kernels do not fit") {
		t.Error(err)
	}
}

// TestWrongKnobs names what is accepted.
func TestWrongKnobs(t *testing.T) {
	_, d := usual(t, "zcu104", 32)
	for _, c := range []struct {
		set  Setting
		want string
	}{
		{Setting{"conv.tq", 1}, `no knob is called "conv.tq": accepted are conv.tm`},
		{Setting{"conv.tm", 0}, "accepted are 1 to"},
		{Setting{"conv.tm", 4096}, "unrolled"},
		{Setting{"elementwise.lanes", 3}, "powers of two"},
		{Setting{"conv.input_words", 1}, "conv.tn"},
		{Setting{"conv.weight_words", 1}, "conv.tn x conv.tm"},
		{Setting{"chunk", 64}, ""},
		{Setting{"garble.hashes", 4}, ""},
	} {
		if _, err := d.With(c.set); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v: %q is missing", c.set, err, c.want)
		}
	}
}

// layers are convolutions of ResNets, of a stem, and a matrix product.
var layers = []Geometry{
	{InC: 3, InH: 224, InW: 224, OutC: 64, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadH: 3, PadW: 3, DilH: 1, DilW: 1, Groups: 1},
	{InC: 64, InH: 56, InW: 56, OutC: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1},
	{InC: 512, InH: 7, InW: 7, OutC: 512, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1},
	{InC: 2048, InH: 7, InW: 7, OutC: 512, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
	{InC: 128, InH: 28, InW: 28, OutC: 128, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 2, PadW: 2, DilH: 2, DilW: 2, Groups: 32},
	LinearGeometry(1000, 2048),
}

// TestTilesFitBuffers: on every board, what a tile reads and writes has room, and rectangles make up the output.
func TestTilesFitBuffers(t *testing.T) {
	for _, name := range Names() {
		_, d := usual(t, name, 32)
		for _, g := range layers {
			tile, err := d.ConvTile(g)
			if err != nil {
				t.Errorf("%s, %+v: %v", name, g, err)
				continue
			}
			c, outputs, least := d.Conv, int64(0), int64(0)
			g.eachRectangle(tile, func(rows, cols int, times int64) {
				outputs += times * int64(rows*cols)
			})
			if outputs != int64(g.OutH()*g.OutW()) || tile.Rows*tile.Cols > c.Pixels || tile.Channels%c.TN != 0 ||
				tile.Channels*g.Window(tile.Rows, tile.Cols) > c.InputWords || d.PanelChannels(g)*c.TM*g.KH*g.KW > c.WeightWords || d.PanelChannels(g) < c.TN {
				t.Errorf("%s, %+v: %+v in %+v covers %d outputs", name, g, tile, c, outputs)
			}
			least = g.MACs() / int64(c.TM*c.TN)
			w := d.ConvWork(g, tile)
			if w.Array < least || w.Cycles < w.Array {
				t.Errorf("%s, %+v: %d cycles, of which %d for %d products on %d x %d", name, g, w.Cycles, w.Array, g.MACs(), c.TM, c.TN)
			}
			if all := int64(g.OutC * g.InC / g.Groups * g.KH * g.KW); w.Weights < all || w.Inputs < int64(g.OutH()*g.OutW()) {
				t.Errorf("%s, %+v: reads %d inputs, %d weights of %d", name, g, w.Inputs, w.Weights, all)
			}
		}
	}
}

// TestLayerThatDoesNotFit: the knob that is told makes it fit.
func TestLayerThatDoesNotFit(t *testing.T) {
	_, d := usual(t, "zcu104", 32)
	small, err := d.With(Setting{"conv.input_words", 64}, Setting{"conv.weight_words", d.Conv.TM * d.Conv.TN}, Setting{"depthwise.input_words", d.Depthwise.Lanes})
	if err != nil {
		t.Fatal(err)
	}
	cut := func(g Geometry) func(Design) error {
		return func(d Design) error { _, err := d.ConvTile(g); return err }
	}
	depthwise := layers[1]
	depthwise.Groups = depthwise.InC
	for _, tile := range []func(Design) error{cut(layers[0]), cut(layers[1]), func(d Design) error { _, err := d.DepthwiseTile(depthwise); return err }} {
		turned, told := small, 0
		for err := tile(turned); err != nil; err = tile(turned) {
			var knob *KnobError
			if told++; !errors.As(err, &knob) || told > 2 {
				t.Fatal(err)
			}
			if turned, err = turned.With(knob.Setting()); err != nil {
				t.Fatal(err)
			}
		}
		if told == 0 {
			t.Error("everything fits the smallest buffers")
		}
	}
}

// TestPartsHoldTheirHardware: engines and array are those of fpga/rtl and no less.
func TestPartsHoldTheirHardware(t *testing.T) {
	_, d := usual(t, "u50", 32)
	for kernel, own := range map[Kernel]Area{KernelConv: d.Array().Area(), KernelGarble: d.Garbler().Area().Times(d.Garble.Count), KernelEvaluate: d.Evaluator().Area().Times(d.Evaluate.Count)} {
		for _, p := range d.Parts() {
			if p.Kernel == kernel && (p.Area.LUT < own.LUT || p.Area.FF < own.FF || p.Area.DSP != own.DSP || p.Area.BRAM18 < own.BRAM18 || p.Basis != Computed) {
				t.Errorf("%s takes %+v, its hardware %+v", kernel, p.Area, own)
			}
		}
	}
	if len(d.Parts()) != len(Kernels())+1 {
		t.Errorf("%d parts of %d kernels and a sequencer", len(d.Parts()), len(Kernels()))
	}
}
