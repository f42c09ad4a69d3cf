package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// wide is what sums are exact in: floats for float32, for ring elements themselves.
type wide interface{ uint64 | float64 }

// backward gives, term by term, the gradients of a convolution of one sample by its input and by its weights.
func backward[S wide, T Number](c Conv, x, w, dy []T) (dx, dw []S) {
	dx, dw = make([]S, c.InLen()), make([]S, c.WeightLen())
	inG, outG := c.InC/c.Groups, c.OutC/c.Groups
	for o := range c.OutC {
		for y := range c.OutH() {
			for z := range c.OutW() {
				g := S(dy[(o*c.OutH()+y)*c.OutW()+z])
				for i := range inG {
					for u := range c.KH {
						for v := range c.KW {
							iy, ix := y*c.StrideH-c.PadH+u*c.DilH, z*c.StrideW-c.PadW+v*c.DilW
							if iy < 0 || iy >= c.InH || ix < 0 || ix >= c.InW {
								continue
							}
							at, of := ((o/outG*inG+i)*c.InH+iy)*c.InW+ix, ((o*inG+i)*c.KH+u)*c.KW+v
							dx[at] += g * S(w[of])
							dw[of] += g * S(x[at])
						}
					}
				}
			}
		}
	}
	return dx, dw
}

// same compares with numbers that are exact: floats are sums of few products of small integers.
func same[S wide, T Number](t fataler, what string, got []T, want []S) {
	t.Helper()
	for i := range want {
		if S(got[i]) != want[i] {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestBatchGradients compares convolutions of batches and both their gradients with the definition, by every set of kernels.
func TestBatchGradients(t *testing.T) {
	t.Run("float32", func(t *testing.T) { rapid.Check(t, batchGradients[float64, float32]) })
	t.Run("64", func(t *testing.T) { rapid.Check(t, batchGradients[uint64, uint64]) })
}

func batchGradients[S wide, T Number](r *rapid.T) {
	c, n := drawConv(r), rapid.IntRange(1, 5).Draw(r, "samples")
	x, w, dy := fill[T](1, n*c.InLen()), fill[T](2, c.WeightLen()), fill[T](3, n*c.OutLen())
	bias, plus, plusX, plusW := fill[T](4, c.OutC), fill[T](5, n*c.OutLen()), fill[T](6, n*c.InLen()), fill[T](7, c.WeightLen())
	y, dx, dw := make([]S, n*c.OutLen()), make([]S, n*c.InLen()), make([]S, c.WeightLen())
	for i, v := range plusW {
		dw[i] = S(v)
	}
	for s := range n {
		for i, v := range naiveConv(c, x[s*c.InLen():(s+1)*c.InLen()], w) {
			y[s*c.OutLen()+i] = S(v + bias[i/(c.OutH()*c.OutW())] + plus[s*c.OutLen()+i])
		}
		a, b := backward[S](c, x[s*c.InLen():(s+1)*c.InLen()], w, dy[s*c.OutLen():(s+1)*c.OutLen()])
		for i, v := range a {
			dx[s*c.InLen()+i] = v + S(plusX[s*c.InLen()+i])
		}
		for i, v := range b {
			dw[i] += v
		}
	}
	for _, m := range micros[T]() {
		forward, back, gradient := must(newBatchConv(m, c, n))(r), must(newBatchConvBack(m, c, n))(r), must(newBatchGradient(m, c, n))(r)
		got := append([]T(nil), plus...)
		none(r, forward.Apply(got, x, w, bias, got, dirty[T](forward.Scratch())))
		same(r, m.name+" convolution", got, y)
		got = dirty[T](n * c.InLen())
		none(r, back.Apply(got, dy, w, nil, plusX, dirty[T](back.Scratch())))
		same(r, m.name+" gradient by input", got, dx)
		got = append([]T(nil), plusW...)
		none(r, gradient.Apply(got, x, dy, got, dirty[T](gradient.Scratch())))
		same(r, m.name+" gradient by weights", got, dw)
	}
}

func must[V any](v V, err error) func(fataler) V {
	return func(t fataler) V { t.Helper(); none(t, err); return v }
}

func none(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reals are numbers of a normal distribution.
func reals(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 2))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// TestBatchPrecision holds the rounding of long sums: 2^14 products of numbers about 1 lose at most some of the last bits.
func TestBatchPrecision(t *testing.T) {
	c, n := layer(3, 5, 32, 3, 1), 16
	x, dy := reals(1, n*c.InLen()), reals(2, n*c.OutLen())
	want := make([]float64, c.WeightLen())
	for s := range n {
		_, dw := backward[float64](c, x[s*c.InLen():(s+1)*c.InLen()], make([]float32, c.WeightLen()), dy[s*c.OutLen():(s+1)*c.OutLen()])
		for i, v := range dw {
			want[i] += v
		}
	}
	g := must(NewBatchGradient[float32](c, n))(t)
	got := make([]float32, c.WeightLen())
	none(t, g.Apply(got, x, dy, nil, make([]float32, g.Scratch())))
	bound := math.Sqrt(float64(n*c.OutH()*c.OutW())) * 4e-6
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); d > bound {
			t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// cifar18 is every shape of ResNet-18's convolutions at 32x32.
var cifar18 = []Conv{
	layer(3, 64, 32, 3, 1), layer(64, 64, 32, 3, 1),
	layer(64, 128, 32, 3, 2), layer(64, 128, 32, 1, 2), layer(128, 128, 16, 3, 1),
	layer(128, 256, 16, 3, 2), layer(128, 256, 16, 1, 2), layer(256, 256, 8, 3, 1),
	layer(256, 512, 8, 3, 2), layer(256, 512, 8, 1, 2), layer(512, 512, 4, 3, 1),
}

// BenchmarkBatch reports multiply-adds a second of all three products of a batch of 64.
func BenchmarkBatch(b *testing.B) {
	for _, c := range append(cifar18, grouped(layer(96, 96, 32, 3, 1), 96), grouped(layer(96, 96, 32, 3, 2), 96)) {
		benchBatch[float32](b, c, 64)
	}
}

// BenchmarkRingBatch does so of the products that two parties train LeNet with, of a batch of 32.
func BenchmarkRingBatch(b *testing.B) {
	first, second := layer(1, 6, 28, 5, 1), layer(6, 16, 14, 5, 1)
	second.PadH, second.PadW = 0, 0
	for _, c := range []Conv{first, second, matrix(120, 400), matrix(84, 120), matrix(10, 84)} {
		benchBatch[uint64](b, c, 32)
	}
}

func benchBatch[T Number](b *testing.B, c Conv, n int) {
	x, w, dy := fill[T](1, n*c.InLen()), fill[T](2, c.WeightLen()), fill[T](3, n*c.OutLen())
	forward, back, gradient := must(NewBatchConv[T](c, n))(b), must(NewBatchConvBack[T](c, n))(b), must(NewBatchGradient[T](c, n))(b)
	scratch := make([]T, max(forward.Scratch(), back.Scratch(), gradient.Scratch()))
	bench := func(name string, run func() error) {
		b.Run(fmt.Sprintf("%dx%d_s%d_%d-%d_%d_g%d/%s", c.KH, c.KW, c.StrideH, c.InC, c.OutC, c.InH, c.Groups, name), func(b *testing.B) {
			for b.Loop() {
				none(b, run())
			}
			b.ReportMetric(float64(n*c.MACs())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
	bench("forward", func() error { return forward.Apply(dy, x, w, nil, nil, scratch) })
	bench("input", func() error { return back.Apply(x, dy, w, nil, nil, scratch) })
	bench("weights", func() error { return gradient.Apply(w, x, dy, nil, scratch) })
}
