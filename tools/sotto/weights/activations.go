package weights

import (
	"math"

	"sotto/ir"
)

// closed has the activations whose moments have a formula.
var closed = map[string]activation{
	"nn.relu":   rectified,
	"nn.relu6":  clipped,
	"nn.square": func(m, s float64) (float64, float64) { return quadratic(1, 0, 0, m, s) },
	"nn.negate": func(m, s float64) (float64, float64) { return -m, s },
}

// activationOf gives the moments that an op on each element alone makes, or nil if v is none: those of others than have a formula are integrals
// over its reference evaluation.
func activationOf(v *ir.Value) activation {
	switch f := closed[v.Op.Name]; {
	case f != nil:
		return f
	case !v.Op.ByElement, len(v.Args) != 1, v.Op.Unchanged != nil && v.Op.Unchanged(v):
		return nil
	}
	return integrated(v)
}

// integrated takes the moments of f(x) for a normal x at points a sixty-fourth of its deviation apart, which is exact to some digits even where f
// has kinks.
func integrated(v *ir.Value) activation {
	const reach, perDeviation = 8, 64
	attrs := v.Declared()
	delete(attrs, "keep") // an element like any other
	line := ir.Float(2*reach*perDeviation + 1)
	points := &ir.Value{Op: v.Op, Attrs: attrs, Type: line, Args: []*ir.Value{{Op: ir.Input, Type: line}}}
	return func(m, s float64) (float64, float64) {
		x := ir.NewTensor(line)
		at := func(i int) float64 { return float64(i)/perDeviation - reach }
		for i := range x.F {
			x.F[i] = float32(m + math.Sqrt(max(s, 0))*at(i))
		}
		y, err := ir.EvalOne(points, []*ir.Tensor{x})
		if err != nil {
			ir.Bugf("%s of %d elements: %v", v.Op.Name, line.Len(), err)
		}
		var mean, second float64
		for i, e := range y.F {
			p := density(at(i)) / perDeviation
			mean += p * float64(e)
			second += p * float64(e) * float64(e)
		}
		return mean, max(second-mean*mean, 0)
	}
}
