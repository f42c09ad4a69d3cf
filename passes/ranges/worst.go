package ranges

import (
	"fmt"
	"math"

	"sotto/ir"
	"sotto/passes/pass"
)

// interval is [lo, hi].
type interval struct{ lo, hi float64 }

func (a interval) add(b interval) interval { return interval{a.lo + b.lo, a.hi + b.hi} }
func (a interval) union(b interval) interval {
	return interval{min(a.lo, b.lo), max(a.hi, b.hi)}
}

// beyond is as far as bounds are followed: squares of squares would leave float64, and no ring holds this much anyway.
const beyond = 1e100

func (a interval) clamped() interval { return interval{max(a.lo, -beyond), min(a.hi, beyond)} }

func (a interval) times(f float64) interval {
	if f < 0 {
		return interval{a.hi * f, a.lo * f}
	}
	return interval{a.lo * f, a.hi * f}
}

// worst marks every value with the interval that holds for every input: interval arithmetic, one interval a tensor,
// exact sums of the weights' positive and negative parts for every output channel.
func worst(c *pass.Context, f *ir.Func) error {
	w := &bounder{weights: WeightsOf(c), of: map[*ir.Value]interval{}, consts: ir.Env{}}
	for _, p := range f.Params {
		lo, hi := ir.InputRange(p)
		w.of[p] = interval{lo, hi}
		p.Set("worst", []float64{lo, hi})
	}
	left := f.Uses()
	for _, v := range f.Body {
		if v.IsConstant() {
			if err := w.constant(v); err != nil {
				return fmt.Errorf("%s: %w", v.Path, err)
			}
		} else {
			b := w.bound(v).clamped()
			w.of[v] = b
			v.Set("worst", []float64{b.lo, b.hi})
		}
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 {
				delete(w.consts, a)
			}
		}
	}
	return nil
}

type bounder struct {
	weights func(*ir.Value) (*ir.Tensor, error)
	of      map[*ir.Value]interval
	consts  ir.Env
}

func (w *bounder) constant(v *ir.Value) (err error) {
	if v.Is("param") {
		w.consts[v], err = w.weights(v)
		return err
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		args[i] = w.consts[a]
	}
	w.consts[v], err = ir.EvalOne(v, args)
	return err
}

func (w *bounder) bound(v *ir.Value) interval {
	x := w.of[v.Args[0]]
	switch v.Op.Name {
	case "nn.conv2d", "nn.linear":
		return w.linear(v, x)
	case "nn.scale":
		return over(w.consts[v.Args[1]].F, func(s float64) interval { return x.times(s) })
	case "nn.shift":
		return over(w.consts[v.Args[1]].F, func(c float64) interval { return x.add(interval{c, c}) })
	case "nn.relu":
		return interval{max(x.lo, 0), max(x.hi, 0)}
	case "nn.relu6":
		return interval{min(max(x.lo, 0), 6), min(max(x.hi, 0), 6)}
	case "nn.square":
		m := max(math.Abs(x.lo), math.Abs(x.hi))
		return interval{0, m * m}
	case "nn.negate":
		return x.times(-1)
	case "nn.add":
		return x.add(w.of[v.Args[1]])
	case "nn.concat":
		for _, a := range v.Args[1:] {
			x = x.union(w.of[a])
		}
		return x
	case "nn.pad", "nn.slice", "nn.avgpool":
		return x.union(interval{}) // zeros come in
	case "nn.argmax":
		return interval{0, float64(v.Args[0].Type.Len() - 1)}
	case "nn.softmax":
		return interval{0, 1}
	case "nn.maxpool", "nn.reshape":
		return x
	case "nn.mix":
		x = w.of[v.Args[1]]
		for _, a := range v.Args[2:] {
			x = x.union(w.of[a])
		}
		return x
	}
	ir.Bugf("ranges does not know %s", v.Op.Name)
	return x
}

func over(xs []float32, f func(float64) interval) interval {
	out := f(float64(xs[0]))
	for _, x := range xs[1:] {
		out = out.union(f(float64(x)))
	}
	return out
}

// linear bounds every output channel: positive weights meet one end of the input's interval, negative ones the other.
// Zero padding lets any tap meet a zero.
func (w *bounder) linear(v *ir.Value, x interval) interval {
	x = x.union(interval{})
	weights := w.consts[v.Args[1]].F
	outs := v.Args[1].Type.Shape[0]
	per := len(weights) / outs
	var all interval
	for o := range outs {
		var pos, neg float64
		for _, t := range weights[o*per : (o+1)*per] {
			pos += max(float64(t), 0)
			neg += min(float64(t), 0)
		}
		b := interval{pos*x.lo + neg*x.hi, pos*x.hi + neg*x.lo}
		if len(v.Args) > 2 {
			c := float64(w.consts[v.Args[2]].F[o])
			b = b.add(interval{c, c})
		}
		if o == 0 {
			all = b
		}
		all = all.union(b)
	}
	return all
}
