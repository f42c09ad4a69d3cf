package cost

import (
	"fmt"
	"math"
)

// Bilinear maps of two tensors of a batch as layers of the encryption (HEPlan), for products of two masks, each of which both parties
// share: the one's elements become images, the other's weights, and what comes out the result, all by place alone. One party encrypts its
// share of the first, the other multiplies by its share of the second, and so once more with the parts exchanged.
//
//	Forward    y = conv(x, w)        images are the samples
//	ByInput    dx, from dy and w     a convolution of dy, spread by the stride, with the kernels turned and inputs and outputs exchanged
//	ByWeights  dw, from x and dy     channels and samples exchanged: images are the channels of x, their channels the samples, and dy is
//	                                 the kernel, dilated by the stride; or, with as many taps as dw has, a product of matrices

// BatchMap is one of the maps.
type BatchMap uint8

// The maps.
const (
	Forward BatchMap = iota
	ByInput
	ByWeights
)

// HEBatch is a map of so many samples of a convolution as a layer of the encryption.
type HEBatch struct {
	Map     BatchMap
	Samples int
	Of      HELayer // the convolution of one sample
	Taps    bool    // of ByWeights: each tap of a kernel is an image
	Layer   HELayer // what is computed
	Images  int     // for how many images that share the weights
}

// newHEBatch gives a map in one of its forms.
func newHEBatch(m BatchMap, samples int, of HELayer, taps bool) HEBatch {
	b := HEBatch{Map: m, Samples: samples, Of: of, Taps: taps, Layer: of, Images: samples}
	outH, outW := newHEAxis(of.InH, of.KH, of.StrideH, of.PadH, of.DilH).Out, newHEAxis(of.InW, of.KW, of.StrideW, of.PadW, of.DilW).Out
	switch {
	case m == ByInput:
		y, x := spreadAxis(of.InH, of.KH, of.PadH, of.DilH), spreadAxis(of.InW, of.KW, of.PadW, of.DilW)
		b.Layer = HELayer{of.OutC, y.size, x.size, of.InC, of.KH, of.KW, 1, 1, y.pad, x.pad, of.DilH, of.DilW, of.Groups}
	case m == ByWeights && taps:
		b.Layer = HELayer{of.Groups * samples * outH * outW, 1, 1, of.OutC, 1, 1, 1, 1, 0, 0, 1, 1, of.Groups}
		b.Images = of.InC / of.Groups * of.KH * of.KW
	case m == ByWeights:
		y, x := readAxis(of.InH, outH, of.KH, of.StrideH, of.PadH, of.DilH), readAxis(of.InW, outW, of.KW, of.StrideW, of.PadW, of.DilW)
		b.Layer = HELayer{of.Groups * samples, y.size, x.size, of.OutC, outH, outW, of.DilH, of.DilW, y.pad, x.pad, of.StrideH, of.StrideW, of.Groups}
		b.Images = of.InC / of.Groups
	}
	return b
}

// placedAxis is one direction of images that are made of others: their rows, zeros around them, and where row 0 of the others lies.
type placedAxis struct{ size, pad, first int }

// spreadAxis is that of a gradient by the input: row o of dy is at first + o*stride.
func spreadAxis(in, kernel, pad, dil int) placedAxis {
	halo := dil * (kernel - 1)
	around := max(0, halo-pad)
	return placedAxis{in + halo - 2*around, around, halo - pad - around}
}

// readAxis is that of a gradient by the weights. Where a stride leaves rows unread, padding would be read in their place: then what is read
// is laid out with the padding that it has.
func readAxis(in, out, kernel, stride, pad, dil int) placedAxis {
	if read := stride*(out-1) + dil*(kernel-1) + 1; read < in+2*pad {
		return placedAxis{read, 0, pad}
	}
	return placedAxis{in, pad, 0}
}

// batchKey is what the packing of a map depends on.
type batchKey struct {
	m       BatchMap
	samples int
	of      HELayer
	ring    int
	by      Packing
}

type batchPlan struct {
	batch HEBatch
	plan  HEPlan
}

// batchPlans are remembered: a training takes the same at each step.
var batchPlans Remembered[batchKey, batchPlan]

// PlanBatch chooses form and packing of a map of so many samples of a convolution, in a ring of 32 or 64 bits.
func (by Packing) PlanBatch(m BatchMap, samples int, of HELayer, ring int) (HEBatch, HEPlan, error) {
	best, err := batchPlans.Get(batchKey{m, samples, of, ring, by}, batchKey.find)
	return best.batch, best.plan, err
}

// find is PlanBatch.
func (k batchKey) find() (best batchPlan, err error) {
	if err := k.of.check(k.samples); err != nil {
		return best, err
	}
	forms := []bool{false}
	if k.m == ByWeights {
		forms = []bool{true, false}
	}
	price := math.Inf(1)
	for _, taps := range forms {
		b := newHEBatch(k.m, k.samples, k.of, taps)
		plan, failed := k.by.Plan(b.Layer, k.ring, Outsourced, b.Images)
		if failed != nil {
			err = fmt.Errorf("%d samples of %+v: %w", k.samples, k.of, failed)
		} else if p := plan.nanoseconds(k.by); p < price {
			best, price = batchPlan{b, plan}, p
		}
	}
	if !math.IsInf(price, 1) {
		err = nil
	}
	return best, err
}

// Laid is what the images depend on: of two maps of one argument with equal ones the images are the same.
func (b HEBatch) Laid() HEBatch {
	if b.Map == Forward {
		return HEBatch{Samples: b.Samples, Of: HELayer{InC: b.Of.InC, InH: b.Of.InH, InW: b.Of.InW}}
	}
	return b
}

// out gives rows and columns of the convolution's result.
func (b HEBatch) out() (h, w int) {
	l := b.Of
	return newHEAxis(l.InH, l.KH, l.StrideH, l.PadH, l.DilH).Out, newHEAxis(l.InW, l.KW, l.StrideW, l.PadW, l.DilW).Out
}

// inside is a*n + i for an i of n, and -1 where there is none or a is none.
func inside(a, i, n int) int {
	if a < 0 || i < 0 || i >= n {
		return -1
	}
	return a*n + i
}

// ImageIndex says which element of the map's first argument each element of the images is, one image behind the other, -1 a zero; nil is all in
// order.
func (b HEBatch) ImageIndex() []int32 {
	l := b.Of
	outH, outW := b.out()
	var all []int32
	switch {
	case b.Map == ByInput:
		y0, x0 := spreadAxis(l.InH, l.KH, l.PadH, l.DilH).first, spreadAxis(l.InW, l.KW, l.PadW, l.DilW).first
		at := func(p, first, stride int) int { // the row of dy that is there
			if (p-first)%stride != 0 {
				return -1
			}
			return (p - first) / stride
		}
		for plane := range b.Samples * l.OutC {
			for y := range b.Layer.InH {
				for x := range b.Layer.InW {
					all = append(all, int32(inside(inside(plane, at(y, y0, l.StrideH), outH), at(x, x0, l.StrideW), outW)))
				}
			}
		}
	case b.Map == ByWeights && b.Taps:
		b.eachTap(func(c, u, v int) {
			b.eachSample(c, func(plane int) {
				for y := range outH {
					for x := range outW {
						all = append(all, int32(inside(inside(plane, y*l.StrideH-l.PadH+u*l.DilH, l.InH), x*l.StrideW-l.PadW+v*l.DilW, l.InW)))
					}
				}
			})
		})
	case b.Map == ByWeights:
		y0, x0 := readAxis(l.InH, outH, l.KH, l.StrideH, l.PadH, l.DilH).first, readAxis(l.InW, outW, l.KW, l.StrideW, l.PadW, l.DilW).first
		for c := range b.Images {
			b.eachSample(c, func(plane int) {
				for y := range b.Layer.InH {
					for x := range b.Layer.InW {
						all = append(all, int32(inside(inside(plane, y-y0, l.InH), x-x0, l.InW)))
					}
				}
			})
		}
	}
	return all
}

// eachTap visits the weights of one output, by channel of its group.
func (b HEBatch) eachTap(f func(c, u, v int)) {
	for c := range b.Of.InC / b.Of.Groups {
		for u := range b.Of.KH {
			for v := range b.Of.KW {
				f(c, u, v)
			}
		}
	}
}

// eachSample visits channel c of each group in each sample of x, by group; plane counts the channels of all samples.
func (b HEBatch) eachSample(c int, f func(plane int)) {
	for g := range b.Of.Groups {
		for s := range b.Samples {
			f(s*b.Of.InC + g*(b.Of.InC/b.Of.Groups) + c)
		}
	}
}

// WeightIndex is as ImageIndex, of the map's second argument and the layer's weights.
func (b HEBatch) WeightIndex() []int32 {
	l := b.Of
	outH, outW := b.out()
	var all []int32
	switch b.Map {
	case ByInput:
		in, out := l.InC/l.Groups, l.OutC/l.Groups
		for c := range l.InC {
			for o := c / in * out; o < (c/in+1)*out; o++ {
				for tap := l.KH*l.KW - 1; tap >= 0; tap-- {
					all = append(all, int32((o*in+c%in)*l.KH*l.KW+tap))
				}
			}
		}
	case ByWeights:
		area := outH * outW
		for o := range l.OutC {
			for s := range b.Samples {
				for at := range area {
					all = append(all, int32((s*l.OutC+o)*area+at))
				}
			}
		}
	}
	return all
}

// ResultIndex says where in the map's result the outputs of the images belong, one image behind the other; nil is all in order.
func (b HEBatch) ResultIndex() []int32 {
	if b.Map != ByWeights {
		return nil
	}
	l := b.Of
	in, area := l.InC/l.Groups, l.KH*l.KW
	var all []int32
	if b.Taps {
		b.eachTap(func(c, u, v int) {
			for o := range l.OutC {
				all = append(all, int32((o*in+c)*area+u*l.KW+v))
			}
		})
		return all
	}
	for c := range in {
		for o := range l.OutC {
			for tap := range area {
				all = append(all, int32((o*in+c)*area+tap))
			}
		}
	}
	return all
}
