package ranges

import (
	"math"
	"slices"

	"sotto/ir"
)

// channels bounds a tensor: an interval for each slice along its first dimension.
type channels []ir.Interval

// uniform gives the tensor of a type the same interval everywhere.
func uniform(t ir.Type, all ir.Interval) channels {
	return slices.Repeat(channels{all}, t.Shape[0])
}

// union is the least interval that holds all channels.
func (c channels) union() ir.Interval {
	all := c[0]
	for _, x := range c[1:] {
		all = all.Union(x)
	}
	return all
}

// bound gives the channels of v's result from those of its arguments: of ops that act on each channel by itself from the channel's, of others
// that are not known here from the arguments' unions.
func (w *bounder) bound(v *ir.Value) channels {
	switch v.Op.Name {
	case "nn.conv2d", "nn.linear":
		return w.linear(v)
	case "nn.concat":
		var out channels
		for _, a := range v.Args {
			out = append(out, w.of[a]...)
		}
		return out
	case "nn.reshape":
		return reshaped(v, w.of[v.Args[0]])
	}
	out := make(channels, v.Type.Shape[0])
	if !v.Op.ByChannel {
		return uniform(v.Type, v.Range(w.arguments(v, func(c channels) ir.Interval { return c.union() }, func(t []float32) []float32 { return t })))
	}
	for i := range out {
		of := func(c channels) ir.Interval { return c[i] }
		out[i] = v.Range(w.arguments(v, of, func(t []float32) []float32 {
			if len(t) == len(out) {
				return t[i : i+1]
			}
			return t
		}))
	}
	return out
}

// arguments gives what Range takes of v: of activations an interval, of weights the numbers.
func (w *bounder) arguments(v *ir.Value, interval func(channels) ir.Interval, numbers func([]float32) []float32) ([]ir.Interval, [][]float32) {
	in, weights := make([]ir.Interval, len(v.Args)), make([][]float32, len(v.Args))
	for i, a := range v.Args {
		if t := w.consts[a]; t != nil {
			weights[i] = numbers(t.F)
		} else {
			in[i] = interval(w.of[a])
		}
	}
	return in, weights
}

// linear bounds every output channel: positive weights meet the upper end of their input channel's interval, negative ones the lower.
// With padding any tap may meet a zero.
func (w *bounder) linear(v *ir.Value) channels {
	x, taps := w.of[v.Args[0]], w.consts[v.Args[1]].F
	outs, groups, padded := v.Type.Shape[0], 1, false
	if v.Is("nn.conv2d") {
		groups, padded = v.Int("groups"), slices.Max(v.Ints("pad")) > 0
	}
	per, inputs := len(taps)/outs, len(x)/groups
	out := make(channels, outs)
	for o := range out {
		first := o / (outs / groups) * inputs
		for i, tap := range taps[o*per : (o+1)*per] {
			b := x[first+i/(per/inputs)].Times(float64(tap))
			if padded {
				b = b.Union(ir.Interval{})
			}
			out[o] = out[o].Add(b)
		}
		if len(v.Args) > 2 {
			c := float64(w.consts[v.Args[2]].F[o])
			out[o] = out[o].Add(ir.Interval{Lo: c, Hi: c})
		}
		out[o] = ir.Interval{Lo: max(out[o].Lo, -farthest), Hi: min(out[o].Hi, farthest)}
	}
	return out
}

// farthest is as far as bounds are followed: squares of squares would leave float64, and no ring holds this much anyway.
const farthest = 1e100

// reshaped gives every new slice the union of the old ones that it has elements of.
func reshaped(v *ir.Value, x channels) channels {
	n, old := v.Type.Len(), v.Type.Len()/len(x)
	out := make(channels, v.Type.Shape[0])
	per := n / len(out)
	for i := range out {
		out[i] = ir.Interval{Lo: math.Inf(1), Hi: math.Inf(-1)}
		for c := i * per / old; c <= (i*per+per-1)/old; c++ {
			out[i] = out[i].Union(x[c])
		}
	}
	return out
}
