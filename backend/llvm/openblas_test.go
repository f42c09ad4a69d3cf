package llvm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ebitengine/purego"

	"sotto/runtime/kernel"
	"sotto/runtime/kernel/native"
	"sotto/tools/sotto/bench/peak"
)

// layers50 are the convolutions of ResNet-50 of different shapes: input channels and rows, output channels, kernel, stride, pad.
var layers50 = [][6]int{{3, 224, 64, 7, 2, 3}, {64, 56, 64, 1, 1, 0}, {64, 56, 64, 3, 1, 1}, {64, 56, 256, 1, 1, 0}, {256, 56, 64, 1, 1, 0}, {256, 56, 128, 1, 1, 0},
	{128, 56, 128, 3, 2, 1}, {128, 28, 512, 1, 1, 0}, {256, 56, 512, 1, 2, 0}, {512, 28, 128, 1, 1, 0}, {128, 28, 128, 3, 1, 1}, {512, 28, 256, 1, 1, 0},
	{256, 28, 256, 3, 2, 1}, {256, 14, 1024, 1, 1, 0}, {512, 28, 1024, 1, 2, 0}, {1024, 14, 256, 1, 1, 0}, {256, 14, 256, 3, 1, 1}, {1024, 14, 512, 1, 1, 0},
	{512, 14, 512, 3, 2, 1}, {512, 7, 2048, 1, 1, 0}, {1024, 14, 2048, 1, 2, 0}, {2048, 7, 512, 1, 1, 0}, {512, 7, 512, 3, 1, 1}}

// blas is a product of row-major matrices on one core: c = a*b, m x k by k x n.
type blas func(m, n, k int, a, b, c []float32)

// openBLAS loads Debian's OpenBLAS, to compare with.
func openBLAS(b *testing.B) blas {
	lib, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		b.Skipf("there is no OpenBLAS to compare with: %v", err)
	}
	var threads func(n int32)
	var sgemm func(order, transA, transB, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32)
	purego.RegisterLibFunc(&threads, lib, "openblas_set_num_threads")
	purego.RegisterLibFunc(&sgemm, lib, "cblas_sgemm")
	threads(1)
	const rowMajor, plain = 101, 111 // of cblas.h
	return func(m, n, k int, x, y, z []float32) {
		sgemm(rowMajor, plain, plain, int32(m), int32(n), int32(k), 1, &x[0], int32(k), &y[0], int32(n), 0, &z[0], int32(n))
	}
}

// patches writes the matrix of patches of a convolution of one group: a row for each weight, a column for each pixel.
func patches(c kernel.Conv, dst, x []float32) {
	at := 0
	for i := range c.InC {
		for u := range c.KH {
			for v := range c.KW {
				for y := range c.OutH() {
					row, iy := dst[at:at+c.OutW()], y*c.StrideH-c.PadH+u
					at += len(row)
					clear(row)
					if iy < 0 || iy >= c.InH {
						continue
					}
					from := x[(i*c.InH+iy)*c.InW:][:c.InW]
					if c.StrideW == 1 {
						shift := v - c.PadW
						copy(row[max(0, -shift):], from[max(0, shift):])
						continue
					}
					for j := range row {
						if ix := j*c.StrideW - c.PadW + v; ix >= 0 && ix < c.InW {
							row[j] = from[ix]
						}
					}
				}
			}
		}
	}
}

func resnet50(e Elem) []Convolution {
	var list []Convolution
	for _, l := range layers50 {
		list = append(list, Convolution{Geometry: kernel.Conv{InC: l[0], InH: l[1], InW: l[1], OutC: l[2], KH: l[3], KW: l[3], StrideH: l[4], StrideW: l[4], PadH: l[5], PadW: l[5], DilH: 1, DilW: 1, Groups: 1}, Elem: e})
	}
	return list
}

// BenchmarkLayers measures native kernels layer by layer, on one core.
func BenchmarkLayers(b *testing.B) {
	b.Run("i32", func(b *testing.B) { layers[uint32](b, I32, nil) })
	b.Run("i64", func(b *testing.B) { layers[uint64](b, I64, nil) })
}

// BenchmarkFloatLayers compares native kernels with a matrix of patches and OpenBLAS.
func BenchmarkFloatLayers(b *testing.B) {
	multiply := openBLAS(b)
	layers(b, F32, func(c kernel.Conv, o operands[float32]) func() {
		pixels := c.OutH() * c.OutW()
		matrix := make([]float32, c.Depth()*pixels)
		return func() {
			from := o.x
			if c.KH > 1 || c.StrideH > 1 {
				patches(c, matrix, o.x)
				from = matrix
			}
			multiply(c.OutC, pixels, c.Depth(), o.w, from, o.y)
		}
	})
}

// layers measures each layer by its native kernel and, if there is one, in another way.
func layers[T kernel.Number](b *testing.B, e Elem, other func(c kernel.Conv, o operands[T]) func()) {
	target, compilers, list := runnable(b)[0], clangs(b), resnet50(e)
	k := CompileConvolutions(list, target)
	lib := build(b, compilers[len(compilers)-1], target, k.Text)
	rng := rand.New(rand.NewPCG(1, 2))
	for i, l := range list {
		c := l.Geometry
		o := operands[T]{y: make([]T, c.OutLen()), x: small[T](rng, c.InLen()), w: small[T](rng, c.WeightLen())}
		name := fmt.Sprintf("%dx%d-o%d-k%d-s%d", c.InC, c.InH, c.OutC, c.KH, c.StrideH)
		calls := bind(b, lib, &k.Plan, i, o, 1)
		measure(b, name+"/native", l, func() { runAll(calls) })
		if other != nil {
			measure(b, name+"/openblas", l, other(c, o))
		}
	}
}

// measure reports multiply-adds a second and how much that is of a core's most, measured just before and after.
func measure(b *testing.B, name string, l Convolution, f func()) {
	b.Run(name, func(b *testing.B) {
		most := peakOf(l.Elem)
		for b.Loop() {
			f()
		}
		rate := float64(l.Geometry.MACs()) * float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate/1e9, "GMAC/s")
		b.ReportMetric(100*rate/max(most, peakOf(l.Elem)), "%peak")
	})
}

// peakOf measures a core's most multiply-adds a second.
func peakOf(e Elem) float64 {
	const runs = 2
	r := peak.Measure(runs)
	return map[Elem]float64{I32: r.I32, I64: r.I64, F32: r.F32}[e]
}

func runAll(calls []*native.Call) {
	for _, c := range calls {
		c.Run()
	}
}
