package target

import (
	"fmt"
	"math"
)

// Cycles that depend on no size. Without hardware descriptions of what they belong to they are plans: the simulator of the schedule and
// the schedule itself use the same ones.
const (
	// MemoryLatency is the cycles from a burst's address to its first word.
	MemoryLatency = 60
	// CommandCycles is what the sequencer takes for a command: its 64 words of 32 bits through a port of 128, and its dispatch.
	CommandCycles = 24
	// StreamDepth is the pipeline of a streaming kernel: operands, shift, product of up to 4 registers, sums, result.
	StreamDepth = 12
	// DepthwiseDepth is the pipeline of the depthwise kernel: operands, product and sum.
	DepthwiseDepth = 8
	// SoftSpokenAES is the AES blocks of an OT of SoftSpoken with fields of 4 bits: 32 trees of 16 leaves, a bit a leaf, of blocks of 128.
	SoftSpokenAES = 4
)

// MicrosecondCycles is the cycles of a microsecond.
func (d Design) MicrosecondCycles() float64 { return d.ClockMHz }

// Seconds is the time of so many cycles.
func (d Design) Seconds(cycles int64) float64 { return float64(cycles) / (d.ClockMHz * 1e6) }

// PortWords is the ring words that a port moves a cycle.
func (d Design) PortWords() int { return d.PortBytes / d.WordBytes() }

// WordBytes is the bytes of a ring word.
func (d Design) WordBytes() int { return d.Ring / 8 }

// PortCycles is what a kernel's own port is busy for a transfer of so many bytes in bursts, the latency of the first not counted: at
// the width of the port.
func (d Design) PortCycles(bytes int64) int64 {
	return (bytes + int64(d.PortBytes) - 1) / int64(d.PortBytes)
}

// MemoryCycles is what the memory is busy with so many bytes, whichever kernel's: at all that it carries.
func (d Design) MemoryCycles(bytes int64) int64 {
	return int64(math.Ceil(float64(bytes) / d.MemoryBytes))
}

// TransferCycles is a transfer of so many bytes by one kernel, the others not asking: by its port or by the memory, whichever is slower.
func (d Design) TransferCycles(bytes int64) int64 {
	return max(d.PortCycles(bytes), d.MemoryCycles(bytes))
}

// Geometry is a convolution's, as runtime/program writes it down; a matrix product is one of 1 x 1 on one pixel.
type Geometry struct {
	InC, InH, InW, OutC int
	KH, KW              int
	StrideH, StrideW    int
	PadH, PadW          int
	DilH, DilW          int
	Groups              int
}

// GeometryOf reads the ints of a conv instruction behind weight and bias: InC InH InW OutC KH KW StrideH StrideW PadH PadW DilH DilW
// Groups, and the length of the weights, which says nothing more.
func GeometryOf(ints []int) Geometry {
	return Geometry{ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], ints[6], ints[7], ints[8], ints[9], ints[10], ints[11], ints[12]}
}

// LinearGeometry is that of a matrix product of so many inputs.
func LinearGeometry(out, in int) Geometry {
	return Geometry{InC: in, InH: 1, InW: 1, OutC: out, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
}

// OutH and OutW are the output's sides.
func (g Geometry) OutH() int { return (g.InH+2*g.PadH-g.DilH*(g.KH-1)-1)/g.StrideH + 1 }
func (g Geometry) OutW() int { return (g.InW+2*g.PadW-g.DilW*(g.KW-1)-1)/g.StrideW + 1 }

// Depthwise tells whether each channel is a group: the depthwise kernel's.
func (g Geometry) Depthwise() bool { return g.Groups > 1 && g.Groups == g.InC }

// MACs are its multiplications.
func (g Geometry) MACs() int64 {
	return int64(g.OutC) * int64(g.OutH()) * int64(g.OutW()) * int64(g.InC/g.Groups) * int64(g.KH) * int64(g.KW)
}

// Tile is how a convolution is cut for the array: rectangles of Rows x Cols output pixels, one after the other; of each, TM output
// channels of a group after the other; of those, input channels in slices of Channels, of which the input buffer holds all that the
// rectangle reads; and of a slice, panels of PanelChannels, whose weights the weight buffer holds: a panel is a step of the kernel. Where
// Channels are all of the group's, the inputs stay while the output channels pass. Channels is a multiple of TN, the last of which may be
// beyond what there are.
type Tile struct {
	Rows, Cols int
	Channels   int
}

// Window is the input pixels that so many output rows and columns read, padding included.
func (g Geometry) Window(rows, cols int) int {
	h, w := g.sides(rows, cols)
	return h * w
}

// sides of a window.
func (g Geometry) sides(rows, cols int) (h, w int) {
	return (rows-1)*g.StrideH + g.DilH*(g.KH-1) + 1, (cols-1)*g.StrideW + g.DilW*(g.KW-1) + 1
}

// KnobError says that a layer does not fit a design's buffers, and which knob would have to be at least what.
type KnobError struct {
	What  string // that does not fit
	Knob  string
	Value int // of the knob
	Need  int // that fits
}

func (e *KnobError) Error() string {
	return fmt.Sprintf("%s needs %s of %d, which is %d", e.What, e.Knob, e.Need, e.Value)
}

// Setting is what would fit.
func (e *KnobError) Setting() Setting { return Setting{e.Knob, e.Need} }

// ConvTile cuts a convolution whose groups have several channels, or a matrix product: as many columns as fit, then rows, keeping all
// input channels together where a rectangle of at least half the array's pixels has room for them. The error is a *KnobError.
func (d Design) ConvTile(g Geometry) (Tile, error) {
	c, depth := d.Conv, d.Conv.InputWords/d.Conv.TN
	if need := c.TM * c.TN * g.KH * g.KW; c.WeightWords < need {
		return Tile{}, &KnobError{fmt.Sprintf("weights of a %d x %d kernel for %d x %d channels", g.KH, g.KW, c.TM, c.TN), "conv.weight_words", c.WeightWords, need}
	}
	if need := c.TN * g.Window(1, 1); depth < g.Window(1, 1) {
		return Tile{}, &KnobError{fmt.Sprintf("the window of one output of a %d x %d kernel for %d channels", g.KH, g.KW, c.TN), "conv.input_words", c.InputWords, need}
	}
	groups := ceil(g.InC/g.Groups, c.TN)
	rows, cols := g.rectangle(c.Pixels, depth/groups)
	if most := min(c.Pixels, g.OutH()*g.OutW()); 2*rows*cols < most {
		rows, cols = g.rectangle(c.Pixels, depth)
	}
	slice := min(groups, depth/g.Window(rows, cols))
	return Tile{rows, cols, ceil(groups, ceil(groups, slice)) * c.TN}, nil
}

// PanelChannels is the most input channels whose weights fit the weight buffer.
func (d Design) PanelChannels(g Geometry) int {
	return d.Conv.WeightWords / d.Conv.TN / (d.Conv.TM * g.KH * g.KW) * d.Conv.TN
}

// rectangle is the largest with so many outputs and input pixels: whole rows where they fit, spread evenly over the output, or parts of a
// row. It is 0 x 0 where not even one output fits.
func (g Geometry) rectangle(outputs, inputs int) (rows, cols int) {
	h, w := g.OutH(), g.OutW()
	if inputs < g.Window(1, 1) {
		return 0, 0
	}
	cols = min(w, outputs)
	for cols > 1 && g.Window(1, cols) > inputs {
		cols--
	}
	if cols < w {
		return 1, ceil(w, ceil(w, cols))
	}
	rows = min(h, outputs/w)
	for rows > 1 && g.Window(rows, w) > inputs {
		rows--
	}
	return ceil(h, ceil(h, rows)), w
}

// PanelCycles is the array's time for so many input channels of a tile: taps are the kernel's positions times groups of TN channels.
func (d Design) PanelCycles(g Geometry, channels, pixels int) int64 {
	return int64(d.Array().TileInterval(g.KH*g.KW*ceil(channels, d.Conv.TN), max(pixels, MinPixels)))
}

// lineCycles is a port's for a run of so many words that begins anywhere: whole lines, and one more where it is out of step.
func (d Design) lineCycles(words int) int64 { return int64(ceil(words, d.PortWords()) + 1) }

// WindowCycles is the load of a slice's window for a rectangle, row by row of each channel, through the ports for inputs side by side.
// Rows that lie behind one another in memory are one run.
func (d Design) WindowCycles(g Geometry, channels, rows, cols int) int64 {
	return int64(ceil(channels, d.Conv.Ports)) * d.windowRuns(g, rows, cols)
}

// windowRuns is a channel's window.
func (d Design) windowRuns(g Geometry, rows, cols int) int64 {
	h, w := g.sides(rows, cols)
	if w == g.InW && g.PadH == 0 && g.PadW == 0 {
		return d.lineCycles(h * w)
	}
	return int64(h) * d.lineCycles(w)
}

// WeightCycles is the load of a panel's weights, which are one run: of whole lines, or of rows of TN words where these are shorter.
func (d Design) WeightCycles(g Geometry, channels int) int64 {
	rows := ceil(channels, d.Conv.TN) * g.KH * g.KW * d.Conv.TM
	return int64(ceil(rows*d.Conv.TN, min(d.Conv.TN, d.PortWords()))) + 1
}

// AddendCycles is the load of what a tile's sums begin with, for so many output channels: a run a channel where rectangles are as wide as
// the output, otherwise one a row.
func (d Design) AddendCycles(g Geometry, channels, rows, cols int) int64 {
	if cols == g.OutW() {
		return int64(channels) * d.lineCycles(rows*cols)
	}
	return int64(channels*rows) * d.lineCycles(cols)
}

// StoreCycles is the store of the sums, in the same runs.
func (d Design) StoreCycles(g Geometry, channels, rows, cols int) int64 {
	if cols == g.OutW() {
		return int64(channels) * d.drainCycles(rows*cols, g.OutH()*g.OutW())
	}
	return int64(channels*rows) * d.drainCycles(cols, g.OutW())
}

// ConvFill is what a convolution takes beside its steps, until the last sums are there.
func (d Design) ConvFill() int64 { return int64(d.Array().Latency()) }

// ConvWork is what a convolution takes of its kernel and of the memory.
type ConvWork struct {
	Cycles          int64 // of the kernel: of each step, the longest of its load, its products and its stores, which go on side by side
	Array           int64 // of these, those of the products alone
	Inputs, Weights int64 // words that are loaded; addends and outputs are one each an output
}

// ConvWork is that of a whole convolution in tiles, the other kernels leaving the memory alone: rectangle by rectangle, inputs staying, or
// output channels by output channels, weights staying, whichever takes less.
func (d Design) ConvWork(g Geometry, t Tile) ConvWork {
	groups, channels := int64(g.Groups), g.InC/g.Groups
	w := d.work(g, t, byRectangle)
	if d.PanelChannels(g) >= channels && t.Channels >= channels {
		if other := d.work(g, t, byOutputs); other.Cycles < w.Cycles {
			w = other
		}
	}
	return ConvWork{groups*w.Cycles + d.ConvFill(), groups * w.Array, groups * w.Inputs, groups * w.Weights}
}

// order is what a convolution's outer loop goes over.
type order uint8

const (
	byRectangle order = iota // inputs stay
	byOutputs                // weights stay
)

// work is a group's.
func (d Design) work(g Geometry, t Tile, by order) (w ConvWork) {
	channels, outs, passes := g.InC/g.Groups, g.OutC/g.Groups, int64(1)
	if t.Channels < channels || by == byOutputs {
		passes = int64(ceil(outs, d.Conv.TM))
	}
	all := int64(outs) * int64(channels*g.KH*g.KW)
	g.eachRectangle(t, func(rows, cols int, times int64) {
		for out := 0; out < outs; out += d.Conv.TM {
			cycles, array := d.passCycles(g, t, by, rows, cols, out)
			w.Cycles, w.Array = w.Cycles+times*cycles, w.Array+times*array
		}
		w.Inputs += times * passes * int64(channels) * int64(g.Window(rows, cols))
		w.Weights += times * all
	})
	if by == byOutputs { // each has its first rectangle's to wait for
		w.Weights = all
		w.Cycles += int64(ceil(outs, d.Conv.TM)) * d.WeightCycles(g, channels)
	}
	return w
}

// passCycles is the time of TM output channels of a rectangle, and the products'.
func (d Design) passCycles(g Geometry, t Tile, by order, rows, cols, out int) (cycles, array int64) {
	channels, panel, outs := g.InC/g.Groups, d.PanelChannels(g), min(d.Conv.TM, g.OutC/g.Groups-out)
	for at := 0; at < channels; at += t.Channels {
		slice := min(t.Channels, channels-at)
		for in := 0; in < slice; in += panel {
			n := min(panel, slice-in)
			products := d.PanelCycles(g, n, rows*cols)
			step := products
			if by == byRectangle {
				step = max(step, d.WeightCycles(g, n))
			}
			if in == 0 && (out == 0 || by == byOutputs || t.Channels < channels) {
				step = max(step, d.WindowCycles(g, slice, rows, cols))
			}
			if at+in == 0 {
				step = max(step, d.AddendCycles(g, outs, rows, cols))
			}
			if at+in+n == channels {
				step = max(step, d.StoreCycles(g, outs, rows, cols))
			}
			cycles, array = cycles+step, array+products
		}
	}
	return cycles, array
}

// eachRectangle tells how many rectangles of each shape there are: whole ones, and what is left at the right and at the bottom.
func (g Geometry) eachRectangle(t Tile, each func(rows, cols int, times int64)) {
	parts := func(whole, part int) [2][2]int { return [2][2]int{{part, whole / part}, {whole % part, 1}} }
	for _, r := range parts(g.OutH(), t.Rows) {
		for _, c := range parts(g.OutW(), t.Cols) {
			if r[0] > 0 && c[0] > 0 && r[1]*c[1] > 0 {
				each(r[0], c[0], int64(r[1])*int64(c[1]))
			}
		}
	}
}

// DepthwiseTile cuts a depthwise convolution: rectangles of Lanes channels. The error is a *KnobError.
func (d Design) DepthwiseTile(g Geometry) (Tile, error) {
	k := d.Depthwise
	t := Tile{Channels: k.Lanes}
	if need := k.Lanes * g.Window(1, 1); k.InputWords < need {
		return t, &KnobError{fmt.Sprintf("the window of one output of a %d x %d kernel for %d channels", g.KH, g.KW, k.Lanes), "depthwise.input_words", k.InputWords, need}
	}
	t.Rows, t.Cols = g.rectangle(k.Pixels, k.InputWords/k.Lanes)
	return t, nil
}

// DepthwiseTileCycles is the time of a tile of so many outputs of each of Lanes channels: a tap and output a cycle.
func (d Design) DepthwiseTileCycles(g Geometry, pixels int) int64 {
	return int64(g.KH*g.KW)*int64(max(pixels, DepthwiseSums)) + DepthwiseDepth
}

// DepthwiseSums is the fewest outputs between two sums into the same accumulator.
const DepthwiseSums = 3

// StreamCycles is the time of n words at so many lanes, without their transfer.
func (d Design) StreamCycles(lanes, n int) int64 { return int64(ceil(n, lanes)) + StreamDepth }

// ElementwiseCycles is the time of a step on n elements; all steps make an element a lane and cycle.
func (d Design) ElementwiseCycles(n int) int64 { return d.StreamCycles(d.Elementwise.Lanes, n) }

// PoolCycles is the time of n outputs, each a sum of so many inputs, an input a lane and cycle.
func (d Design) PoolCycles(n, inputs int) int64 {
	return int64(ceil(n, d.Pool.Lanes))*int64(inputs) + StreamDepth
}

// MoveCycles is the time of n words of the ring that are packed for the link, or unpacked.
func (d Design) MoveCycles(n int) int64 { return d.StreamCycles(d.Move.Lanes, n) }

// CompareWords is the words of 64 bits that the busiest unit of a comparison's step moves, a cycle each: columns are shared out whole.
func (d Design) CompareWords(columns, each int) int {
	return ceil(columns, max(1, d.Compare.Lanes)) * each
}

// GarbleCycles and EvaluateCycles are the time of so many ANDs of circuits whose gates never wait for each other, engines sharing them
// evenly.
func (d Design) GarbleCycles(ands int64) int64 {
	return engineCycles(d.Garbler(), d.Garble.Count, ands)
}

func (d Design) EvaluateCycles(ands int64) int64 {
	return engineCycles(d.Evaluator(), d.Evaluate.Count, ands)
}

func engineCycles(e HalfGates, count int, ands int64) int64 {
	each := (ands + int64(count) - 1) / int64(count)
	if each <= 0 {
		return 0
	}
	return (each-1)*int64(e.Interval()) + int64(e.Latency())
}
