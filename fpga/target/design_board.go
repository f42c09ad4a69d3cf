package target

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"sotto/ir/cost"
)

// ForBoard is a design to begin with: streaming kernels as wide as the memory, engines as fast as the first port unless they would take the
// array's place, and the array that fits beside them and takes the fewest cycles. Fpga/explore finds better ones for a network. The error is
// a *FitError, of what the board has too little of for the smallest design.
func ForBoard(b Board, ring int) (Design, error) {
	if len(b.Network) == 0 {
		return Design{}, fmt.Errorf("design: board %q has no network port", b.Name)
	}
	return ForLink(b, ring, b.OwnLink())
}

// ForLink is ForBoard for a link that is not the first port's.
func ForLink(b Board, ring int, link cost.Link) (Design, error) {
	if ring != 32 && ring != 64 {
		return Design{}, fmt.Errorf("design: a ring of %d bits: accepted are 32 and 64", ring)
	}
	var best Design
	found := math.Inf(1)
	for _, halvings := range []int{0, 1, 2, 3} { // of the buffers
		linkEngines := func(d *Design, b Board) { d.linkEngines(b, link) }
		for _, engines := range []func(*Design, Board){linkEngines, (*Design).leastEngines, (*Design).noEngines} {
			d := begin(b, ring, halvings)
			engines(&d, b)
			if cycles := d.array(b); d.lacks(b) == nil && cycles < worth*found {
				best, found = d, cycles
			}
		}
	}
	if !math.IsInf(found, 1) {
		best = best.balanced(b)
		return best, best.Check()
	}
	d := begin(b, ring, 0)
	d.leastEngines(b)
	d = d.shaped(1, 1)
	var fit *FitError
	if err := d.Fits(b); errors.As(err, &fit) && len(fit.Settings) > 0 {
		return d.With(fit.Settings...)
	} else if err != nil {
		return d, err
	}
	return d, d.Check()
}

// worth is the part of its cycles that a design must be down to for its smaller buffers or engines to be better.
const worth = 0.6

// begin is a design without an array and engines, its buffers of so many halvings of the usual.
func begin(b Board, ring, halvings int) Design {
	d := Design{Ring: ring, ClockMHz: b.ClockMHz.Value, MemoryBytes: b.Memory.PlannedGBs.Value * 1e3 / b.ClockMHz.Value}
	d.ports(b)
	d.streams(halvings)
	d.buffers(b, halvings)
	d.depthwise(b)
	return d
}

// onSystem tells whether the board's memory is a processing system's.
func (b Board) onSystem() bool { return strings.Contains(b.Memory.Kind, "processing system") }

// ports sets their width: a processing system has ports of 128 bits to its memory, a card's logic drives the memory itself.
func (d *Design) ports(b Board) {
	const processing, own = 16, 64
	d.PortBytes = own
	if b.onSystem() {
		d.PortBytes = processing
	}
	d.Conv.Ports = 1
	for d.Conv.Ports < 8 && float64(2*d.Conv.Ports*d.PortBytes) <= d.MemoryBytes {
		d.Conv.Ports *= 2
	}
}

// streams sets the lanes of what streams: a port's words. Elementwise steps go several at a time through memory, and have lanes for about
// a third of the words that memory carries: a step of a chain reads and writes two to three.
func (d *Design) streams(halvings int) {
	const most = 16
	lanes := min(d.PortWords(), 8)
	d.Elementwise, d.Pool, d.Move, d.Compare = Stream{lanes}, Stream{lanes}, Stream{lanes}, Stream{1}
	for words := d.MemoryBytes / float64(d.WordBytes()); d.Elementwise.Lanes < most>>halvings && float64(d.Elementwise.Lanes) < words/3; {
		d.Elementwise.Lanes *= 2
	}
	const rows = 512 // of the shape of a block memory that is widest
	d.Chunk = max(rows*lanes>>halvings, WordBlock)
}

// linkEngines sets the garbling kernels: as many ANDs a second as a link carries tables for, offline, and labels online, where a comparison
// has about an AND a bit of the garbler's; up to what two of the largest engines make.
func (d *Design) linkEngines(b Board, link cost.Link) {
	bits := link.BytesPerSecond.Value * 8
	d.Garble, d.Evaluate = enginesFor(Garble, bits/TableBits, d.ClockMHz), enginesFor(Evaluate, bits/LabelBits, d.ClockMHz)
	d.OT = OTStep{Core: d.Garble.Core, AES: 1, Hashes: 1}
	d.labels(b)
}

// leastEngines sets the smallest.
func (d *Design) leastEngines(b Board) {
	d.Garble, d.Evaluate = Engines{Core: Iterative, Hashes: 1, Count: 1}, Engines{Core: Iterative, Hashes: 1, Count: 1}
	d.OT = OTStep{Core: Iterative, AES: 1, Hashes: 1}
	d.labels(b)
}

// noEngines leaves garbling and OT out: a program without them is what such a board is for.
func (d *Design) noEngines(b Board) {
	d.leastEngines(b)
	d.Garble.Count, d.Evaluate.Count, d.OT.AES, d.Compare.Lanes = 0, 0, 0, 0
}

// labels keeps those of live wires: of comparisons, ReLUs and maxima of a few numbers where there is UltraRAM, otherwise of the carries of
// comparisons alone.
func (d *Design) labels(b Board) {
	slots, kind := 1, Block
	if b.Free().URAM >= manyURAM {
		slots, kind = 64, Ultra
	}
	d.Garble.Slots, d.Garble.Labels, d.Evaluate.Slots, d.Evaluate.Labels = slots, kind, slots, kind
}

// manyURAM is as many as the buffers of a design take that uses them.
const manyURAM = 90

// enginesFor is the smallest engine that makes so many ANDs a second, or two of the largest.
func enginesFor(r Role, ands, clockMHz float64) Engines {
	best := Engines{Core: Pipelined, Hashes: r.hashes(), Count: 2}
	for _, e := range HalfGatesEngines() {
		if e.Role != r || clockMHz*1e6/float64(e.Interval()) < ands {
			continue
		}
		if least := (HalfGates{r, best.Core, best.Hashes}); best.Count > 1 || e.Area().LUT < least.Area().LUT {
			best = Engines{Core: e.Core, Hashes: e.Hashes, Count: 1}
		}
	}
	return best
}

// buffers sets tile buffers: inputs in block memories, whose many banks UltraRAM would be wasted on, and weights in UltraRAM where there is
// some.
func (d *Design) buffers(b Board, halvings int) {
	const pixels = 512 // what half a block memory holds of 32-bit words
	d.Conv.Pixels, d.Depthwise.Pixels = pixels>>halvings, pixels>>halvings
	d.Conv.Inputs, d.Conv.Weights = Block, Block
	if b.Free().URAM > 0 {
		d.Conv.Weights = Ultra
	}
}

// depthwise gives depthwise convolutions a sixty-fourth of the multipliers.
func (d *Design) depthwise(b Board) {
	const part, rows = 64, 512
	k := &d.Depthwise
	k.Lanes = 2
	for most := b.Plannable().DSP / multiplierOn(b, d.Ring) / part; k.Lanes < 64 && 2*k.Lanes <= most; k.Lanes *= 2 {
	}
	k.InputWords = rows * k.Lanes
}

// array gives the convolution the shape with the fewest cycles for channels of the usual numbers that fits beside the other kernels, with
// weight buffers for a slice of a 7 x 7 kernel, and reports its cycles.
func (d *Design) array(b Board) float64 {
	most := min(b.Plannable().DSP/multiplierOn(b, d.Ring), MostUnrolled)
	d.Conv.TM, d.Conv.TN = 1, 1
	best := d.shaped(1, 1)
	const step = 4
	for tm := step; tm <= most; tm += step {
		for tn := range portSides(d.PortWords(), most/tm) {
			if next := d.shaped(tm, tn); perProduct(tm, tn) < perProduct(best.Conv.TM, best.Conv.TN) && next.lacks(b) == nil {
				best = next
			}
		}
	}
	*d = best
	return perProduct(d.Conv.TM, d.Conv.TN)
}

// balanced is the design with the smallest array that takes hardly more cycles for usual layers than the best: where weights do not come
// sooner, a larger one would wait for them.
func (d Design) balanced(b Board) Design {
	const step, hardly = 8, 1.03
	most := min(b.Plannable().DSP/multiplierOn(b, d.Ring), MostUnrolled)
	best, least, cycles := d, d.areaOn(b).LUT, d.usualCycles()
	for tm := step; tm <= most; tm += step {
		for tn := range portSides(d.PortWords(), most/tm) {
			next := d.shaped(tm, tn)
			if perProduct(tm, tn) > 2*perProduct(d.Conv.TM, d.Conv.TN) || next.lacks(b) != nil {
				continue
			}
			now, luts := next.usualCycles(), next.areaOn(b).LUT
			if now*hardly < cycles || now <= cycles*hardly && luts < least {
				best, least, cycles = next, luts, min(now, cycles)
			}
		}
	}
	return best
}

// usualCycles is the convolution kernel's for usual layers.
func (d Design) usualCycles() (cycles float64) {
	for _, layer := range usualLayers() {
		if t, err := d.ConvTile(layer.Geometry); err == nil {
			cycles += float64(layer.times * d.ConvWork(layer.Geometry, t).Cycles)
		}
	}
	return cycles
}

// portSides are the numbers of columns whose weights come in whole lines of a port: parts of a line, and lines.
func portSides(line, most int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for n := 1; n <= most; n += min(n, line) {
			if !yield(n) {
				return
			}
		}
	}
}

// shaped is the design with an array of other sides, whose input buffers are a block memory deep, or half a line, and weight buffers hold a
// 7 x 7 kernel, or an UltraRAM's depth.
func (d Design) shaped(tm, tn int) Design {
	d.Conv.TM, d.Conv.TN = tm, tn
	const rows, ultraRows = 512, 4096
	d.Conv.InputWords = tn * d.PortWords() * min(rows, d.Conv.Pixels)
	depth := tm * mostTaps
	if d.Conv.Weights == Ultra {
		depth = max(depth, ultraRows)
	}
	d.Conv.WeightWords = tn * depth
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
