package llvm

import (
	"fmt"

	"github.com/llir/llvm/ir/value"

	"sotto/runtime/kernel"
)

// A depthwise convolution has too few products for an output to fill lanes with channels: its lanes are the pixels of a row. The last
// vector of a row ends where the row does, and computes some pixels again; a row shorter than a vector takes narrower ones. Each channel
// is copied with its zeros around it just before it is read, while it is in the cache.

// depthwise writes the stage of a convolution of one input channel a group, an output channel a unit. Its arguments are those of a
// convolution, the weights as they are. The input is the worker's scratch memory's if there are zeros around it.
func depthwise(name string, c kernel.Conv, e Elem, lanes int, after Epilogue) *fn {
	b := begin(name, e, pixelLanes(c, lanes))
	k := perChannel{fn: b, Conv: c, y: b.buffer("y", convY), x: b.buffer("x", convX), w: b.buffer("w", convW), padded: b.buffer("padded", convScratch)}
	k.u, k.bias = b.added(convAdded, after)
	b.each("channel", "", b.lo, b.hi, k.channel)
	b.end()
	return b
}

// sumPool writes the stage of sums over the windows of each channel, a depthwise convolution all of whose weights are one.
func sumPool(name string, c kernel.Conv, e Elem, lanes int) *fn {
	b := begin(name, e, pixelLanes(c, lanes))
	k := perChannel{fn: b, Conv: c, y: b.buffer("y", 0), x: b.buffer("x", 1), padded: b.buffer("padded", 2)}
	b.each("channel", "", b.lo, b.hi, k.channel)
	b.end()
	return b
}

// pixelLanes is how many pixels of a row are computed at a time: single ones where they lie too far apart to be picked from two vectors.
func pixelLanes(c kernel.Conv, lanes int) int {
	if c.StrideW > 2 {
		return 1
	}
	for lanes > c.OutW() {
		lanes /= 2
	}
	return lanes
}

// zeroed tells whether a convolution has zeros around its input.
func zeroed(c kernel.Conv) bool { return c.PadH > 0 || c.PadW > 0 }

type perChannel struct {
	*fn
	kernel.Conv
	y, x, padded, w, u, bias value.Value
	plane, weights           value.Value   // of the channel
	scale                    []value.Value // its weights in all lanes, where they are written out

	next  *steps        // what follows, if not nil: then y has room for a channel
	at    []value.Value // what its arguments point to
	lanes int           // in which it is done
}

func (k perChannel) channel(o value.Value) {
	b, taps := k.fn, k.KH*k.KW
	in, _ := b.divide("in", "of.in", o, k.OutC/k.InC)
	k.plane = b.element("plane", k.x, b.mul("plane.at", in, k.InH*k.InW))
	if zeroed(k.Conv) {
		b.padChannel(k.Conv, k.padded, k.plane)
		k.plane = k.padded
	}
	if k.w != nil {
		k.weights = b.element("weights", k.w, b.mul("weights.at", o, taps))
		for t := 0; t < taps && taps <= writtenTaps; t++ {
			k.scale = append(k.scale, k.everywhere(fmt.Sprintf("tap%d", t), b.element("w.at", k.weights, num(t))))
		}
	}
	var bias value.Value
	if k.bias != nil {
		bias = k.everywhere("bias", b.element("bias.at", k.bias, o))
	}
	var to value.Value = num(0)
	if k.next == nil {
		to = b.mul("to", o, k.OutH()*k.OutW())
	}
	b.each("row", fmt.Sprintf("%d pixels at a time", k.vec), num(0), num(k.OutH()), func(y value.Value) {
		from, at := b.element("from", k.plane, b.mul("from.at", y, k.StrideH*k.wide())), b.add("row.to", to, b.mul("row.at", y, k.OutW()))
		b.loop("pixel", "", num(0), num(k.OutW()), k.vec, nil, func(x value.Value, _ []value.Value) []value.Value {
			x = b.min("first", x, num(k.OutW()-k.vec))
			k.pixels(b.element("window", from, b.mul("window.at", x, k.StrideW)), b.add("place", at, x), bias)
			return nil
		})
	})
	if k.next != nil {
		k.then(o)
	}
}

// wide is the elements of a row with its zeros.
func (k perChannel) wide() int { return k.InW + 2*k.PadW }

// pixels writes the results of windows side by side.
func (k perChannel) pixels(window, place, bias value.Value) {
	b := k.fn
	sum := k.window(window)
	if k.u != nil {
		sum = b.sum("added", sum, k.read("u", b.element("u.at", k.u, place), 1))
	}
	if bias != nil {
		sum = b.sum("biased", sum, bias)
	}
	if to := b.element("y.at", k.y, place); k.vec > 1 {
		b.storeVector("y", sum, to)
	} else {
		b.store(sum, to)
	}
}

// everywhere reads an element for all lanes.
func (k perChannel) everywhere(hint string, p value.Value) value.Value {
	if k.vec == 1 {
		return k.load(hint, p)
	}
	return k.splat(hint+".all", k.load(hint, p))
}

// read reads elements that lie 1 or 2 apart, for each lane one, and nothing behind the last.
func (k perChannel) read(hint string, p value.Value, apart int) value.Value {
	if k.vec == 1 {
		return k.load(hint, p)
	}
	if apart == 1 {
		return k.loadVector(hint, p)
	}
	low, high := k.loadVector(hint+".low", p), k.loadVector(hint+".high", k.element(hint+".high", p, num(k.vec-1)))
	every := make([]int, k.vec)
	for i := range every {
		every[i] = 2 * i
		if every[i] >= k.vec {
			every[i]++ // the second vector begins with the last element of the first
		}
	}
	return k.shuffle(hint, low, high, every)
}

// window sums the products of windows, or their elements where there are no weights: written out where the weights are in scale.
func (k perChannel) window(from value.Value) value.Value {
	b := k.fn
	if k.scale == nil {
		return k.lines(from)
	}
	sum := k.none()
	for t, w := range k.scale {
		x := k.read("x", b.element("x.at", from, num(t/k.KW*k.DilH*k.wide()+t%k.KW*k.DilW)), k.StrideW)
		sum = b.multiplyAdd("sum", sum, x, w)
	}
	return sum
}

// none is zero in all lanes.
func (k perChannel) none() value.Value {
	if k.vec == 1 {
		return k.zero()
	}
	return k.zeroVector()
}

// lines is window in loops.
func (k perChannel) lines(from value.Value) value.Value {
	b := k.fn
	return b.loop("u", "", num(0), num(k.KH), 1, []carried{{"sum", k.none()}}, func(u value.Value, sum []value.Value) []value.Value {
		from, weights := b.element("line", from, b.mul("line.at", u, k.DilH*k.wide())), k.weights
		if weights != nil {
			weights = b.element("line.w", weights, b.mul("line.w.at", u, k.KW))
		}
		return b.loop("v", "", num(0), num(k.KW), 1, []carried{{"sum", sum[0]}}, func(v value.Value, sum []value.Value) []value.Value {
			x := k.read("x", b.element("x.at", from, b.mul("tap", v, k.DilW)), k.StrideW)
			if weights == nil {
				return []value.Value{b.sum("sum", sum[0], x)}
			}
			return []value.Value{b.multiplyAdd("sum", sum[0], x, k.everywhere("w", b.element("w.at", weights, v)))}
		})
	})[0]
}
