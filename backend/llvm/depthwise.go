package llvm

import (
	"fmt"

	"github.com/llir/llvm/ir/value"

	"sotto/runtime/kernel"
)

// A depthwise convolution has too few products for an output to fill lanes with channels: its lanes are the pixels of a row. The loop
// along a row is written for single elements; its taps are all there, and clang makes vectors of it, those of a stride included.

// depthwise writes the stage of a convolution of one input channel a group, an output channel a unit. Its arguments are those of a
// convolution without scratch memory, the weights as they are.
func depthwise(name string, c kernel.Conv, e Elem, lanes int, after Epilogue) *fn {
	b := begin(name, e, lanes)
	k := perChannel{fn: b, Conv: c, y: b.buffer("y", 0), x: b.buffer("x", 1), w: b.buffer("w", 2)}
	k.u, k.bias = b.added(3, after)
	b.each("channel", "", b.lo, b.hi, k.channel)
	b.end()
	return b
}

type perChannel struct {
	*fn
	kernel.Conv
	y, x, w, u, bias value.Value
}

func (k perChannel) channel(o value.Value) {
	b, taps := k.fn, k.KH*k.KW
	h, w, pixels := k.InH+2*k.PadH, k.InW+2*k.PadW, k.OutH()*k.OutW()
	in, _ := b.divide("in", "of.in", o, k.OutC/k.InC)
	plane, to := b.element("plane", k.x, b.mul("plane.at", in, h*w)), b.mul("to", o, pixels)
	var weights value.Value
	if k.w != nil {
		weights = b.element("weights", k.w, b.mul("weights.at", o, taps))
	}
	var scale []value.Value
	if k.w != nil && taps <= writtenTaps {
		for t := range taps {
			scale = append(scale, b.load(fmt.Sprintf("w.%d", t), b.element("w.at", weights, num(t))))
		}
	}
	var bias value.Value
	if k.bias != nil {
		bias = b.load("bias", b.element("bias.at", k.bias, o))
	}
	b.each("row", "", num(0), num(k.OutH()), func(y value.Value) {
		from, at := b.element("from", plane, b.mul("from.at", y, k.StrideH*w)), b.add("row.to", to, b.mul("row.at", y, k.OutW()))
		b.each("pixel", "", num(0), num(k.OutW()), func(x value.Value) {
			sum := k.window(b.element("window", from, b.mul("window.at", x, k.StrideW)), weights, scale, w)
			place := b.add("place", at, x)
			if k.u != nil {
				sum = b.sum("added", sum, b.load("u", b.element("u.at", k.u, place)))
			}
			if bias != nil {
				sum = b.sum("biased", sum, bias)
			}
			b.store(sum, b.element("y.at", k.y, place))
		})
	})
}

// window sums the products of a window, or its elements where there are no weights: written out where the weights are in scale.
func (k perChannel) window(from, weights value.Value, scale []value.Value, row int) value.Value {
	b := k.fn
	if scale == nil {
		return b.loop("u", "", num(0), num(k.KH), 1, []carried{{"sum", b.zero()}}, func(u value.Value, sum []value.Value) []value.Value {
			from, weights := b.element("line", from, b.mul("line.at", u, k.DilH*row)), weights
			if weights != nil {
				weights = b.element("line.w", weights, b.mul("line.w.at", u, k.KW))
			}
			return b.loop("v", "", num(0), num(k.KW), 1, []carried{{"sum", sum[0]}}, func(v value.Value, sum []value.Value) []value.Value {
				x := b.load("x", b.element("x.at", from, b.mul("tap", v, k.DilW)))
				if weights == nil {
					return []value.Value{b.sum("sum", sum[0], x)}
				}
				return []value.Value{b.multiplyAdd("sum", sum[0], x, b.load("w", b.element("w.at", weights, v)))}
			})
		})[0]
	}
	var sum value.Value = b.zero()
	for t, w := range scale {
		x := b.load("x", b.element("x.at", from, num(t/k.KW*k.DilH*row+t%k.KW*k.DilW)))
		sum = b.multiplyAdd("sum", sum, x, w)
	}
	return sum
}

// sumPool writes the stage of sums over the windows of each channel, a depthwise convolution all of whose weights are one.
func sumPool(name string, c kernel.Conv, e Elem, lanes int) *fn {
	b := begin(name, e, lanes)
	k := perChannel{fn: b, Conv: c, y: b.buffer("y", 0), x: b.buffer("x", 1)}
	b.each("channel", "", b.lo, b.hi, k.channel)
	b.end()
	return b
}
