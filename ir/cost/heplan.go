package cost

import (
	"fmt"
	"math"
)

// Packing of a linear layer into polynomials, without rotations, after Z. Huang, W. Lu, C. Hong and J. Ding, "Cheetah", USENIX
// Security 2022, section 3, for batches of images.
//
//	phase   a convolution of stride s reads every s-th row: its kernel's rows fall into at most s classes of (u*dil - pad) mod s,
//	        and each reads a subsampled image of its own. (channel, phase of rows, phase of columns) is a virtual channel; what is
//	        left is a convolution of stride 1 whose taps are at most Halo apart. A phase that no tap has is never sent.
//	unit    a tile of TileH x TileW outputs of one image with its halo, as rows of Row coefficients, Plane in all. Zeros at the
//	        right border double as those at the left of the next row, those at the bottom as those at the top of the next
//	        unit. With one tap a unit is one pixel.
//	block   Units units one after the other are a channel's block, Pitch coefficients; an upload has the blocks of Cw virtual
//	        channels: coefficient c*Pitch + b*Plane + y*Row + x.
//	weight  of channel c, output m and the tap (u, v): coefficient (m*Cw + Cw-1-c)*Pitch - u*Row - v.
//	reply   sum over the blocks of channels of upload times weight. Output m at (y, x) of unit b is at the coefficient
//	        (m*Cw + Cw-1)*Pitch + b*Plane + y*Row + x.
//
// Products of c with the weight of another channel land at other multiples of Pitch, and what a tap reads beyond a unit's end
// is a zero of the next, so the sum is right as long as Units*Plane <= Pitch and Cw*Mw*Pitch <= N. X^N = -1 changes the sign
// of the weights below 0 alone.
//
// Order of messages: units are dealt in order to groups of Units, groups to chunks of ChunkGroups. For each group of a chunk come
// its uploads by block of channels; then the chunk's replies, by block of outputs, and of each by group.

// HELayer is the geometry of a linear layer: see runtime/kernel.Conv, whose fields it has.
type HELayer struct {
	InC, InH, InW    int
	OutC             int
	KH, KW           int
	StrideH, StrideW int
	PadH, PadW       int
	DilH, DilW       int
	Groups           int
}

// HELinear is a matrix of out x in times a vector: a convolution of one pixel.
func HELinear(out, in int) HELayer { return HELayer{in, 1, 1, out, 1, 1, 1, 1, 0, 0, 1, 1, 1} }

// HEAxis is what a layer does along rows or columns.
type HEAxis struct {
	In, Out, Kernel, Stride, Pad, Dil int
	Phases                            []int // classes of u*Dil - Pad mod Stride, ascending
	First, Halo                       int   // the taps of a phase read positions First to First+Halo, from the output's own on
}

// newHEAxis analyses one direction of a layer.
func newHEAxis(in, kernel, stride, pad, dil int) HEAxis {
	a := HEAxis{In: in, Out: (in+2*pad-dil*(kernel-1)-1)/stride + 1, Kernel: kernel, Stride: stride, Pad: pad, Dil: dil}
	seen := make(map[int]bool, kernel)
	lo, hi := math.MaxInt, math.MinInt
	for u := range kernel {
		phase, shift := a.Tap(u)
		seen[phase] = true
		lo, hi = min(lo, shift), max(hi, shift)
	}
	for phase := range stride {
		if seen[phase] {
			a.Phases = append(a.Phases, phase)
		}
	}
	a.First, a.Halo = lo, hi-lo
	return a
}

// Tap gives the phase of tap u and how far from the output's own position it reads there.
func (a HEAxis) Tap(u int) (phase, shift int) {
	t := u*a.Dil - a.Pad
	phase = ((t % a.Stride) + a.Stride) % a.Stride
	return phase, (t - phase) / a.Stride
}

// zeros is how many positions of padding the outputs read before and at least after the image, in every phase.
func (a HEAxis) zeros() (before, after int) {
	longest := (a.In - a.Phases[0] + a.Stride - 1) / a.Stride
	return max(0, -a.First), max(0, a.Out+a.First+a.Halo-longest)
}

// extent is how many positions a tile takes along the axis until the next may begin.
func (a HEAxis) extent(tile int) int {
	if tile < a.Out {
		return tile + a.Halo
	}
	before, after := a.zeros()
	return tile + a.Halo - min(before, after, a.Halo)
}

// HEPlan says how a layer is packed, for a batch of images that share the weights.
type HEPlan struct {
	Params       HEParams
	Layer        HELayer
	Batch        int
	Rows, Cols   HEAxis
	TileH, TileW int
	Row, Plane   int
	Units        int // of a group
	Pitch        int
	Cw, Mw       int
}

// Channels is the number of virtual channels: the phases of channel 0, then those of channel 1.
func (p HEPlan) Channels() int { return p.Layer.InC * p.phases() }

func (p HEPlan) phases() int { return len(p.Rows.Phases) * len(p.Cols.Phases) }

// SingleTap says that every virtual channel has one weight an output, so that weights are polynomials in X^Pitch.
func (p HEPlan) SingleTap() bool { return p.Rows.Halo == 0 && p.Cols.Halo == 0 }

// TilesH and TilesW are the tiles of an image.
func (p HEPlan) TilesH() int { return ceilDiv(p.Rows.Out, p.TileH) }

// TilesW is as TilesH.
func (p HEPlan) TilesW() int { return ceilDiv(p.Cols.Out, p.TileW) }

// AllUnits is the units of the batch: unit t of image i is i*TilesH*TilesW + t, its tiles row by row.
func (p HEPlan) AllUnits() int { return p.Batch * p.TilesH() * p.TilesW() }

// Unit gives the image of a unit and its first output row and column.
func (p HEPlan) Unit(unit int) (image, y, x int) {
	tiles := p.TilesH() * p.TilesW()
	t := unit % tiles
	return unit / tiles, t / p.TilesW() * p.TileH, t % p.TilesW() * p.TileW
}

// Groups, InBlocks and OutBlocks are how many groups of units there are, and blocks of virtual channels and of outputs.
func (p HEPlan) Groups() int { return ceilDiv(p.AllUnits(), p.Units) }

// InBlocks is as Groups.
func (p HEPlan) InBlocks() int { return ceilDiv(p.Channels(), p.Cw) }

// OutBlocks is as Groups.
func (p HEPlan) OutBlocks() int { return ceilDiv(p.Layer.OutC, p.Mw) }

// Reads gives the blocks of channels [lo, hi) that a block of outputs depends on: those of its convolution groups.
func (p HEPlan) Reads(outBlock int) (lo, hi int) {
	perGroup, channels := p.Layer.OutC/p.Layer.Groups, p.Channels()/p.Layer.Groups
	first, last := outBlock*p.Mw/perGroup, (min((outBlock+1)*p.Mw, p.Layer.OutC)-1)/perGroup
	return first * channels / p.Cw, ceilDiv((last+1)*channels, p.Cw)
}

// Uploads and Replies are the ciphertexts that travel.
func (p HEPlan) Uploads() int { return p.Groups() * p.InBlocks() }

// Replies is as Uploads.
func (p HEPlan) Replies() int { return p.Groups() * p.OutBlocks() }

// MaxHEResident bounds the uploads that the evaluator holds at a time, 2*Limbs polynomials of 64 KiB each.
const MaxHEResident = 256

// ChunkGroups is how many groups are uploaded before their replies.
func (p HEPlan) ChunkGroups() int { return min(max(1, MaxHEResident/p.InBlocks()), p.Groups()) }

// Chunks is how often the weights are transformed.
func (p HEPlan) Chunks() int { return ceilDiv(p.Groups(), p.ChunkGroups()) }

// Terms bounds the weights in one polynomial of a reply.
func (p HEPlan) Terms() int {
	return p.Layer.InC / p.Layer.Groups * p.Layer.KH * p.Layer.KW * min(p.Mw, p.Layer.OutC)
}

// InLen, OutLen and WeightLen are the elements of one image, of its result and of the weights.
func (p HEPlan) InLen() int { return p.Layer.InC * p.Layer.InH * p.Layer.InW }

// OutLen is as InLen.
func (p HEPlan) OutLen() int { return p.Layer.OutC * p.Rows.Out * p.Cols.Out }

// WeightLen is as InLen.
func (p HEPlan) WeightLen() int {
	return p.Layer.OutC * (p.Layer.InC / p.Layer.Groups) * p.Layer.KH * p.Layer.KW
}

// UnitPixels is the outputs of a unit that exist, one output channel: tiles at the border may be cut.
func (p HEPlan) UnitPixels(unit int) int {
	_, y, x := p.Unit(unit)
	return min(p.TileH, p.Rows.Out-y) * min(p.TileW, p.Cols.Out-x)
}

// GroupPixels sums UnitPixels over a group.
func (p HEPlan) GroupPixels(group int) int {
	if p.TileH*p.TileW == 1 {
		return min(p.Units, p.AllUnits()-group*p.Units)
	}
	n := 0
	for unit := group * p.Units; unit < min((group+1)*p.Units, p.AllUnits()); unit++ {
		n += p.UnitPixels(unit)
	}
	return n
}

// BlockOutputs is the output channels of a block: the last may have fewer.
func (p HEPlan) BlockOutputs(outBlock int) int { return min(p.Mw, p.Layer.OutC-outBlock*p.Mw) }

// ReplySize is the bytes of a reply with n outputs: c1 whole, and the coefficients of c0 that are outputs.
func (p HEPlan) ReplySize(n int) int64 {
	return BitBytes(HEDegree, p.Params.C1Bits()) + BitBytes(int64(n), p.Params.C0Bits())
}

// UploadBytes is what the encryptor sends: a seed, and a polynomial for each upload.
func (p HEPlan) UploadBytes() int64 { return HESeedBytes + int64(p.Uploads())*p.Params.PolyBytes() }

// ReplyBytes is what the evaluator answers.
func (p HEPlan) ReplyBytes() int64 {
	var sum int64
	for g := range p.Groups() {
		pixels := p.GroupPixels(g)
		last := p.OutBlocks() - 1
		sum += int64(last)*p.ReplySize(p.Mw*pixels) + p.ReplySize(p.BlockOutputs(last)*pixels)
	}
	return sum
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Check refuses plans that overlap or overflow.
func (p HEPlan) Check() error {
	switch {
	case p.TileH < 1 || p.TileW < 1 || p.Units < 1 || p.Cw < 1 || p.Mw < 1:
		return fmt.Errorf("homomorphic products: a plan without tiles, units or channels")
	case p.Units*p.Plane > p.Pitch || p.Cw*p.Mw*p.Pitch > HEDegree:
		return fmt.Errorf("homomorphic products: %d units of %d coefficients, %d by %d channels %d apart: accepted are %d coefficients",
			p.Units, p.Plane, p.Cw, p.Mw, p.Pitch, HEDegree)
	case p.Terms() > MaxHETerms:
		return fmt.Errorf("homomorphic products: %d weights in a reply: accepted are %d", p.Terms(), MaxHETerms)
	case p.InBlocks() > MaxHEResident:
		return fmt.Errorf("homomorphic products: %d uploads a group: accepted are %d", p.InBlocks(), MaxHEResident)
	}
	return nil
}
