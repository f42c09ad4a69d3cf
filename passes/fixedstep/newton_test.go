package fixedstep

import (
	"math"
	"testing"

	"sotto/ir"
	"sotto/passes/pass"
)

// computed evaluates what a lowering makes of numbers, a sample each row, and demands that nothing leaves the ring.
func computed(t *testing.T, rows [][]float64, frac int, lower func(s *step, x *ir.Value) *ir.Value) [][]float64 {
	t.Helper()
	return computedAt(t, usualFrac, rows, frac, lower)
}

// computedAt is computed where activations have so many fraction bits.
func computedAt(t *testing.T, activations int, rows [][]float64, frac int, lower func(s *step, x *ir.Value) *ir.Value) [][]float64 {
	t.Helper()
	type_ := ir.Type{Elem: ir.Ring(ring, frac), Shape: []int{len(rows[0])}, Batch: len(rows)}
	f := &ir.Func{Name: "f", Params: []*ir.Value{{Name: "x", Op: ir.Input, Type: type_}}}
	s := &step{Rewriter: pass.NewRewriter(f), how: how{frac: activations}}
	s.b = s.B
	f = s.New
	f.Result = lower(s, f.Params[0])
	if err := ir.Check(&ir.Module{Stage: ir.RingStage, Funcs: []*ir.Func{f}}); err != nil {
		t.Fatal(err)
	}
	in := ir.NewTensor(type_)
	for i := range in.I {
		in.I[i] = int64(math.RoundToEven(math.Ldexp(rows[i/len(rows[0])][i%len(rows[0])], frac)))
	}
	r := ir.Runner{Visit: func(v *ir.Value, x *ir.Tensor) {
		for _, e := range x.I {
			if max(e, ^e) >= 1<<most {
				t.Fatalf("%d fraction bits: %s %s reaches 2^%.1f", activations, v.Name, v.Op.Name, math.Log2(float64(max(e, ^e))))
			}
		}
	}}
	env, err := r.Run(f, in)
	if err != nil {
		t.Fatal(err)
	}
	flat := env[f.Result].Real()
	out, n := make([][]float64, len(rows)), len(flat)/len(rows)
	for i := range out {
		out[i] = flat[i*n : (i+1)*n]
	}
	return out
}

// Reciprocals and inverse square roots keep what the doc comments say, all over their domains: a relative error of 2.4e-8 and the rounding.
func TestNewton(t *testing.T) {
	for name, c := range map[string]struct {
		within        domain
		bits, results int
		lower         func(s *step, x *ir.Value) *ir.Value
		exact         func(x float64) float64
		rounding      float64 // of the last place of results
	}{
		"reciprocal of sums": {domain{0, 13}, 16, 24, func(s *step, x *ir.Value) *ir.Value { return s.reciprocal(x, domain{0, 13}, 24) },
			func(x float64) float64 { return 1 / x }, 4},
		"reciprocal of small numbers": {domain{-6, 4}, 24, 24, func(s *step, x *ir.Value) *ir.Value { return s.reciprocal(x, domain{-6, 4}, 24) },
			func(x float64) float64 { return 1 / x }, 3 * 64},
		"reciprocal in an octave": {domain{0, 1}, 16, 24, func(s *step, x *ir.Value) *ir.Value { return s.reciprocal(x, domain{0, 1}, 24) },
			func(x float64) float64 { return 1 / x }, 4},
		"inverse root of variances": {rootDomain, 24, 20, func(s *step, x *ir.Value) *ir.Value { return s.inverseRoot(x, rootDomain, 20) },
			func(x float64) float64 { return 1 / math.Sqrt(x) }, 4 * 64},
	} {
		var rows [][]float64
		for x := math.Ldexp(1, c.within.lo); x < math.Ldexp(1, c.within.hi); x *= 1.013 {
			rows = append(rows, []float64{math.Ldexp(math.RoundToEven(math.Ldexp(x, c.bits)), -c.bits)})
		}
		got := computed(t, rows, c.bits, c.lower)
		for i, x := range rows {
			want := c.exact(x[0])
			if off := math.Abs(got[i][0] - want); off > 2.4e-8*want+c.rounding*math.Ldexp(1, -c.results) {
				t.Errorf("%s: %g has %g, exactly %g", name, x[0], got[i][0], want)
			}
		}
	}
}

// At whatever scale activations have, inverse roots keep to the ring: of variances of both ends of the domain as exact as the bits are, and below it, where a
// channel is dead, too small by no more than four steps leave them.
func TestInverseRootsStayInTheRing(t *testing.T) {
	for frac := leastFrac; frac <= mostFrac; frac++ {
		rows := [][]float64{{0}, {1e-5}, {2e-5}, {math.Ldexp(1, rootDomain.lo)}, {1}, {math.Ldexp(1, rootDomain.hi) - 1}}
		bits := 0
		got := computedAt(t, frac, rows, frac+finer, func(s *step, x *ir.Value) *ir.Value {
			bits = s.rootFrac()
			return s.inverseRoot(x, rootDomain, bits)
		})
		for i, x := range rows {
			want := 1 / math.Sqrt(x[0])
			switch off := math.Abs(got[i][0] - want); {
			case x[0] >= math.Ldexp(1, rootDomain.lo):
				if off > 2.4e-8*want+4*64*math.Ldexp(1, -bits) {
					t.Errorf("%d fraction bits: %g has %g, exactly %g", frac, x[0], got[i][0], want)
				}
			case got[i][0] < 190 || got[i][0] > min(want, 512):
				t.Errorf("%d fraction bits: %g, below the domain, has %g: want 190 to %g", frac, x[0], got[i][0], min(want, 512))
			}
		}
	}
}

// The alternatives compute their formulas, and those that approximate softmax are near it.
func TestSoftmaxes(t *testing.T) {
	var rows [][]float64
	for i := range 64 {
		z := make([]float64, 10)
		for j := range z {
			z[j] = math.Round(1024*5*math.Sin(float64(i*31+j*17))) / 1024
			if i >= 60 { // which count as if they were at the bounds
				z[j] *= 1000
			}
		}
		rows = append(rows, z)
	}
	shares := func(of func(z, top float64) float64) func(z []float64) []float64 {
		return func(z []float64) []float64 {
			out, sum, top := make([]float64, len(z)), 0.0, z[0]
			for _, x := range z {
				top = max(top, x)
			}
			for i, x := range z {
				out[i] = of(x, top)
				sum += out[i]
			}
			for i := range out {
				out[i] /= sum
			}
			return out
		}
	}
	clamped := func(z float64) float64 { return max(min(z, farthest), -farthest) }
	exp := shares(func(z, top float64) float64 { return math.Exp(clamped(z) - clamped(top)) })
	unbounded := shares(func(z, top float64) float64 { return math.Exp(z - top) })
	for name, c := range map[pass.Softmax]struct {
		of     func(z []float64) []float64
		within float64
	}{
		pass.Taylor:      {shares(func(z, _ float64) float64 { return (math.Pow(max(clamped(z), -1)+1, 2) + 1) / 2 }), 1e-3},
		pass.ShiftedReLU: {shares(func(z, _ float64) float64 { return max(clamped(z), 0) + 0.125 }), 1e-4},
		pass.Limit:       {unbounded, 0.005},
		pass.ODE:         {exp, 0.015},
	} {
		for i, p := range computed(t, rows, 16, func(s *step, z *ir.Value) *ir.Value { return softmaxes[name](s, z).p }) {
			want, sum := c.of(rows[i]), 0.0
			for j := range p {
				sum += p[j]
				if math.Abs(p[j]-want[j]) > c.within {
					t.Errorf("%s: logit %g of %v has %g, by the formula %g", name, rows[i][j], rows[i], p[j], want[j])
				}
			}
			if math.Abs(sum-1) > 2e-3 {
				t.Errorf("%s: %v adds up to %g", name, p, sum)
			}
		}
	}
}

// Where an alternative is flat, no gradient leads a logit farther: neither one of another class below the bound, nor the right one above it.
func TestLossEndsWhereItIsFlat(t *testing.T) {
	for _, name := range []pass.Softmax{pass.Taylor, pass.ShiftedReLU, pass.ODE} {
		gradient := func(label float64) []float64 {
			return computed(t, [][]float64{{100, 1, -100}}, 16, func(s *step, z *ir.Value) *ir.Value {
				y := s.plus(s.b.Must("ring.mulc", ir.Attrs{"c": 0}, z), label)
				return s.loss(softmaxes[name](s, z), y)
			})[0]
		}
		wrong, right := gradient(0), gradient(1)
		if wrong[2] != 0 || right[0] != 0 {
			t.Errorf("%s: gradients lead logits on: %v of other classes, %v of the right one", name, wrong, right)
		}
		if wrong[0] < 0.5 || right[2] > -0.5 {
			t.Errorf("%s: gradients do not lead logits back: %v of other classes, %v of the right one", name, wrong, right)
		}
	}
}
