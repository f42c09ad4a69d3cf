package cost

import (
	"fmt"
	"math"
)

// Choice of a packing: all that HEPlan.Check accepts of a few thousand candidates, by estimated time. Both parties choose alone
// and must choose alike, so it goes by prices that are constants here and no target's: they need to be right about which step is how
// many times dearer than which. What a byte is worth beside them is the program's Packing, which the compiler chooses by the target's own prices.

// packingNS is nanoseconds a unit of the kernels of a product: measured with runtime/he's benchmarks on the machine of the design's
// performance page, rounded. An upload's work is half noise, half the seed's expansion.
var packingNS = map[Kernel]float64{Encrypt: 55_000, Absorb: 55_000, Decrypt: 150_000, Reply: 150_000, TransformWeights: 14_000, MultiplyPoly: 3_000}

// nanoseconds estimates the CPU time of both parties and the transfer at the constants of this file.
func (p HEPlan) nanoseconds(by Packing) float64 { return p.Weigh(packings[by].byteNS) }

// Weigh is what a product takes by the constants of this file, where a byte is worth so many nanoseconds.
func (p HEPlan) Weigh(byteNS float64) float64 {
	sum := byteNS * p.Bytes()
	for _, w := range p.work() {
		sum += packingNS[w.kernel] * w.units
	}
	return sum
}

// productWork is units of one kernel of a product.
type productWork struct {
	kernel    Kernel
	evaluator bool // who does it; otherwise the encryptor
	units     float64
}

// work lists what a product takes.
func (p HEPlan) work() [7]productWork {
	limbs, products := float64(p.Params.Limbs), 0.0
	for _, n := range p.blockProducts() {
		products += n
	}
	transforms := products * float64(p.Chunks())
	if p.SingleTap() {
		transforms *= float64(HEDegree/p.Pitch) / HEDegree // see runtime/he: the transform of a polynomial in X^Pitch is short
	}
	return [...]productWork{
		{Encrypt, false, limbs * float64(p.Uploads())},
		{Absorb, true, limbs * float64(p.Uploads())},
		{PlaceWeights, true, limbs * float64(p.WeightLen()) * float64(p.Chunks())},
		{TransformWeights, true, limbs * transforms},
		{MultiplyPoly, true, limbs * products * float64(p.Groups())},
		{Reply, true, limbs * float64(p.Replies())},
		{Decrypt, false, float64(p.Replies())},
	}
}

// blockProducts gives how many polynomials of weights there are, as one number for ordinary layers and one a convolution group
// otherwise.
func (p HEPlan) blockProducts() []float64 {
	if p.Layer.Groups == 1 {
		return []float64{float64(p.InBlocks()) * float64(p.OutBlocks())}
	}
	all := make([]float64, p.OutBlocks())
	for j := range all {
		lo, hi := p.Reads(j)
		all[j] = float64(hi - lo)
	}
	return all
}

// Bytes is UploadBytes + ReplyBytes, up to the rounding of each reply.
func (p HEPlan) Bytes() float64 {
	return float64(p.UploadBytes()) + float64(p.Replies())*float64(p.ReplySize(0)) +
		float64(p.Batch)*float64(p.OutLen())*float64(p.Params.C0Bits())/8
}

// HEPlanFor chooses the packing of a layer for a batch of images under one version of the weights, in a ring of 32 or 64 bits.
func HEPlanFor(layer HELayer, ring int, d Deployment, batch int) (HEPlan, error) {
	return Balanced.Plan(layer, ring, d, batch)
}

// Plan is HEPlanFor where a byte is worth as much as the packing says.
func (by Packing) Plan(layer HELayer, ring int, d Deployment, batch int) (HEPlan, error) {
	if err := by.Check(); err != nil {
		return HEPlan{}, err
	}
	params, err := HEParamsFor(ring, d)
	if err != nil {
		return HEPlan{}, err
	}
	if err := layer.check(batch); err != nil {
		return HEPlan{}, err
	}
	s := heSearch{by: by, price: math.Inf(1)}
	base := HEPlan{Params: params, Layer: layer, Batch: batch,
		Rows: newHEAxis(layer.InH, layer.KH, layer.StrideH, layer.PadH, layer.DilH),
		Cols: newHEAxis(layer.InW, layer.KW, layer.StrideW, layer.PadW, layer.DilW)}
	if base.SingleTap() {
		s.pixels(base)
	} else {
		s.tiles(base)
	}
	if math.IsInf(s.price, 1) {
		return HEPlan{}, fmt.Errorf("homomorphic products: no packing of %+v fits polynomials of %d coefficients, %d uploads and %d weights a reply",
			layer, HEDegree, MaxHEResident, MaxHETerms)
	}
	return s.best, nil
}

// check refuses what is no convolution, or none that fits the arithmetic here.
func (l HELayer) check(batch int) error {
	const most = 1 << 24
	for _, d := range []int{l.InC, l.InH, l.InW, l.OutC, l.KH, l.KW, l.StrideH, l.StrideW, l.DilH, l.DilW, l.Groups, batch, l.PadH + 1, l.PadW + 1} {
		if d < 1 || d > most {
			return fmt.Errorf("homomorphic products: layer %+v, batch %d: accepted are numbers from 1 to 2^24, pads from 0", l, batch)
		}
	}
	if l.InC%l.Groups != 0 || l.OutC%l.Groups != 0 || l.DilH*(l.KH-1)+1 > l.InH+2*l.PadH || l.DilW*(l.KW-1)+1 > l.InW+2*l.PadW {
		return fmt.Errorf("homomorphic products: layer %+v: accepted are groups that divide the channels and kernels within the padded image", l)
	}
	if float64(l.InC)*float64(l.InH)*float64(l.InW)*float64(batch) > 1<<40 || float64(l.OutC)*float64(l.InC/l.Groups)*float64(l.KH*l.KW) > 1<<40 {
		return fmt.Errorf("homomorphic products: layer %+v, batch %d: accepted are at most 2^40 elements and weights", l, batch)
	}
	return nil
}

// heSearch keeps the cheapest plan so far.
type heSearch struct {
	by    Packing
	best  HEPlan
	price float64
}

// pixels tries one-tap layers: units are pixels, and blocks powers of two, so that weights are polynomials in a power of X.
func (s *heSearch) pixels(p HEPlan) {
	p.TileH, p.TileW, p.Row, p.Plane = 1, 1, 1, 1
	all := p.AllUnits()
	for p.Pitch = 1; p.Pitch <= HEDegree; p.Pitch *= 2 {
		p.Units = ceilDiv(all, ceilDiv(all, p.Pitch))
		s.channels(p)
		if p.Pitch >= all {
			return
		}
	}
}

// tiles tries layers with kernels: bands of rows as wide as the image where one fits, otherwise tiles.
func (s *heSearch) tiles(p HEPlan) {
	for widths := 1; widths <= p.Cols.Out; widths = next(p.Cols.Out, widths) {
		p.TileW = ceilDiv(p.Cols.Out, widths)
		p.Row = p.Cols.extent(p.TileW)
		if p.Row*(p.Rows.Halo+1) > HEDegree {
			continue
		}
		for heights := 1; heights <= p.Rows.Out; heights = next(p.Rows.Out, heights) {
			p.TileH = ceilDiv(p.Rows.Out, heights)
			p.Plane = p.Rows.extent(p.TileH) * p.Row
			s.units(p)
		}
		if !math.IsInf(s.price, 1) {
			return
		}
	}
}

// next is the least count of tiles above n that makes them smaller.
func next(out, n int) int {
	size := ceilDiv(out, n)
	if size == 1 {
		return out + 1
	}
	return ceilDiv(out, size-1)
}

// units tries how many units share a block.
func (s *heSearch) units(p HEPlan) {
	all := p.AllUnits()
	for p.Units = 1; p.Units*p.Plane <= HEDegree && p.Units <= all; p.Units++ {
		p.Pitch = p.Units * p.Plane
		if even(all, p.Units) {
			s.channels(p)
		}
	}
}

// channels tries how many channels share an upload, with as many outputs as then fit a reply.
func (s *heSearch) channels(p HEPlan) {
	room, channels := HEDegree/p.Pitch, p.Channels()
	weights := p.Layer.InC / p.Layer.Groups * p.Layer.KH * p.Layer.KW
	for p.Cw = 1; p.Cw <= min(room, channels); p.Cw++ {
		if !even(channels, p.Cw) {
			continue
		}
		p.Mw = max(1, min(room/p.Cw, p.Layer.OutC, MaxHETerms/weights))
		p.Mw = ceilDiv(p.Layer.OutC, ceilDiv(p.Layer.OutC, p.Mw))
		if price := p.nanoseconds(s.by); price < s.price && p.Check() == nil {
			s.best, s.price = p, price
		}
	}
}

// even says that no smaller size of part would do for as many parts.
func even(all, size int) bool { return ceilDiv(all, ceilDiv(all, size)) == size }
