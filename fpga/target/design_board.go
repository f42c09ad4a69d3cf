package target

import (
	"errors"
	"fmt"
)

// ForBoard is a design to begin with: streaming kernels as wide as the memory, engines as fast as the first port unless they would take the
// array's place, and the array that fits beside them and takes the fewest cycles. Fpga/explore finds better ones for a network. The error is
// a *FitError, of what the board has too little of for the smallest design.
func ForBoard(b Board, ring int) (Design, error) {
	if ring != 32 && ring != 64 {
		return Design{}, fmt.Errorf("design: a ring of %d bits: accepted are 32 and 64", ring)
	}
	d := Design{Ring: ring, ClockMHz: b.ClockMHz.Value, MemoryBytes: b.Memory.PlannedGBs.Value * 1e3 / b.ClockMHz.Value, PortBytes: 16}
	if d.MemoryBytes > 8*float64(d.PortBytes) { // of which several kernels' ports could not take the half
		d.PortBytes = 64
	}
	d.streams()
	d.engines(b)
	d.buffers(b)
	d.depthwise(b)
	small := d
	small.Garble, small.Evaluate = Engines{Iterative, 1, 1, labelSlots}, Engines{Iterative, 1, 1, labelSlots}
	small.OT = OTStep{Iterative, 1, 1}
	if slow, fast := d.array(b), small.array(b); slow > 2*fast {
		d = small
	}
	var fit *FitError
	if err := d.Fits(b); errors.As(err, &fit) {
		if len(fit.Settings) == 0 {
			return d, err
		}
		return d.With(fit.Settings...)
	}
	return d, d.Check()
}

// streams sets the lanes of what streams: elementwise steps read three words for each that they write.
func (d *Design) streams() {
	lanes := 1
	for ; lanes < 32 && float64(4*2*lanes*d.WordBytes()) <= d.MemoryBytes; lanes *= 2 {
	}
	d.Elementwise, d.Pool, d.Move, d.Compare = Stream{max(lanes, 2)}, Stream{max(lanes, 2)}, Stream{max(lanes, 2)}, Stream{1}
	const rows = 512 // of the shape of a block memory that is widest
	d.Chunk = rows * d.Elementwise.Lanes
}

// engines sets the garbling kernels: for the board's own link, as many ANDs a second as it carries, up to what two of the largest make.
func (d *Design) engines(b Board) {
	carried := b.Network[0].Gbps.Value * 1e9 / TableBits
	d.Garble, d.Evaluate = enginesFor(Garble, carried, d.ClockMHz), enginesFor(Evaluate, carried, d.ClockMHz)
	d.OT = OTStep{Core: d.Garble.Core, AES: 1, Hashes: 1}
}

// labelSlots is enough for comparisons, ReLUs and maxima of 64 bits.
const labelSlots = 64

// enginesFor is the smallest engine that makes so many ANDs a second, or two of the largest.
func enginesFor(r Role, ands, clockMHz float64) Engines {
	best := Engines{Pipelined, r.hashes(), 2, labelSlots}
	for _, e := range HalfGatesEngines() {
		if e.Role != r || clockMHz*1e6/float64(e.Interval()) < ands {
			continue
		}
		if least := (HalfGates{r, best.Core, best.Hashes}); best.Count > 1 || e.Area().LUT < least.Area().LUT {
			best = Engines{e.Core, e.Hashes, 1, labelSlots}
		}
	}
	return best
}

// buffers sets tile buffers, larger where there is UltraRAM.
func (d *Design) buffers(b Board) {
	const pixels = 512 // what half a block memory holds of 32-bit words
	d.Conv.Pixels, d.Depthwise.Pixels = pixels, pixels
	d.Conv.Inputs, d.Conv.Weights = Block, Block
	d.Conv.InputWords, d.Conv.WeightWords = 1<<14, 1<<14
	if b.Free().URAM > 0 {
		d.Conv.Inputs, d.Conv.Weights = Ultra, Ultra
		d.Conv.InputWords, d.Conv.WeightWords = 1<<16, 1<<16
	}
}

// depthwise gives depthwise convolutions a sixteenth of the multipliers.
func (d *Design) depthwise(b Board) {
	const part, rows = 16, 1024
	k := &d.Depthwise
	k.Lanes = 2
	for most := b.Plannable().DSP / multiplierOn(b, d.Ring) / part; k.Lanes < 64 && 2*k.Lanes <= most; k.Lanes *= 2 {
	}
	k.InputWords = rows * k.Lanes * 32 / d.Ring
}

// array gives the convolution the shape with the fewest cycles for channels of the usual numbers that fits beside the other kernels, with
// weight buffers for a slice of a 7 x 7 kernel, and reports its cycles.
func (d *Design) array(b Board) float64 {
	most := min(b.Plannable().DSP/multiplierOn(b, d.Ring), MostUnrolled)
	d.Conv.TM, d.Conv.TN = 1, 1
	best := d.shaped(1, 1)
	const step = 4
	for tm := step; tm <= most; tm += step {
		for tn := 2; tn*tm <= most; tn += max(2, tn/step) {
			if next := d.shaped(tm, tn); perProduct(tm, tn) < perProduct(best.Conv.TM, best.Conv.TN) && next.lacks(b) == nil {
				best = next
			}
		}
	}
	*d = best
	return perProduct(d.Conv.TM, d.Conv.TN)
}

// shaped is the design with an array of other sides.
func (d Design) shaped(tm, tn int) Design {
	d.Conv.TM, d.Conv.TN = tm, tn
	d.Conv.WeightWords = max(d.Conv.WeightWords, tm*tn*mostTaps)
	return d
}

// perProduct is the cycles of an array for a product of matrices of usual sides, summed over these as parts of their products.
func perProduct(tm, tn int) (cycles float64) {
	for _, c := range []int{64, 128, 256, 512, 1024} {
		cycles += float64(ceil(c, tm)*ceil(c, tn)) / float64(c*c)
	}
	return cycles
}

// multiplierOn is the DSPs of a product of ring words on a board.
func multiplierOn(b Board, ring int) int {
	if b.Chip.DSPKind == DSP48E1 {
		return Multiplier(ring).DSP
	}
	return RingMultiplier(ring).DSP
}
