package he

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// layerTimes runs a layer once and gives the CPU time of its steps: encrypt, multiply, decrypt.
func layerTimes(b testing.TB, p pair[uint32], l cost.HELayer, batch int) (steps [3]time.Duration) {
	plan, err := cost.HEPlanFor(l, 32, cost.ClientServer, batch)
	if err != nil {
		b.Fatal(err)
	}
	s := testRandomness(4)
	masks, weights := vectors[uint32](batch, plan.InLen()), testWeights[uint32](s, plan.Params, plan.WeightLen())
	for _, m := range masks {
		prg.Words(s, m)
	}
	encryptors, evaluators := vectors[uint32](batch, plan.OutLen()), vectors[uint32](batch, plan.OutLen())
	up, down := bytes.NewBuffer(make([]byte, 0, plan.UploadBytes())), bytes.NewBuffer(make([]byte, 0, plan.ReplyBytes()))
	for i, step := range []func() error{
		func() error { return p.encryptor.Encrypt(plan, masks, up) },
		func() error { return p.evaluator.Multiply(plan, weights, up, down, evaluators) },
		func() error { return p.encryptor.Decrypt(plan, down, encryptors) },
	} {
		start := cpuTime()
		if err := step(); err != nil {
			b.Fatal(err)
		}
		steps[i] = cpuTime() - start
	}
	return steps
}

// BenchmarkConv is a convolution 3x3, 64 to 64 channels at 56x56, of the size of the design's target: CPU time of both parties, all
// cores together, an inference of the batch.
func BenchmarkConv(b *testing.B) {
	p := newPair[uint32](b, cost.ClientServer)
	for _, batch := range []int{1, 8} {
		b.Run(fmt.Sprintf("batch%d", batch), func(b *testing.B) {
			var sum [3]time.Duration
			for b.Loop() {
				for i, d := range layerTimes(b, p, squareLayer(64, 56, 64, 3, 1, 1), batch) {
					sum[i] += d
				}
			}
			report(b, sum, batch*b.N)
		})
	}
}

func report(b *testing.B, sum [3]time.Duration, n int) {
	total := time.Duration(0)
	for i, name := range []string{"encrypt", "multiply", "decrypt"} {
		b.ReportMetric(float64(sum[i].Microseconds())/1e3/float64(n), name+"-cpu-ms/inference")
		total += sum[i]
	}
	b.ReportMetric(float64(total.Microseconds())/1e3/float64(n), "cpu-ms/inference")
}

func squareLayer(in, hw, out, k, stride, pad int) cost.HELayer {
	return cost.HELayer{InC: in, InH: hw, InW: hw, OutC: out, KH: k, KW: k, StrideH: stride, StrideW: stride, PadH: pad, PadW: pad, DilH: 1, DilW: 1, Groups: 1}
}

// BenchmarkResNet50 runs each shape of ResNet-50 at 224x224 once, and sums over the layers that have it: the CPU time of both parties
// for the linear material of an inference.
func BenchmarkResNet50(b *testing.B) {
	type shape struct {
		times int
		layer cost.HELayer
	}
	shapes := []shape{{1, squareLayer(3, 224, 64, 7, 2, 3)}, {1, cost.HELinear(1000, 2048)}}
	in, hw := 64, 56
	for i, blocks := range []int{3, 4, 6, 3} {
		c, stride := 64<<i, min(i+1, 2)
		out := hw / stride
		shapes = append(shapes, shape{1, squareLayer(in, hw, c, 1, 1, 0)}, shape{1, squareLayer(c, hw, c, 3, stride, 1)},
			shape{1, squareLayer(in, hw, 4*c, 1, stride, 0)}, shape{blocks, squareLayer(c, out, 4*c, 1, 1, 0)},
			shape{blocks - 1, squareLayer(4*c, out, c, 1, 1, 0)}, shape{blocks - 1, squareLayer(c, out, c, 3, 1, 1)})
		in, hw = 4*c, out
	}
	p := newPair[uint32](b, cost.ClientServer)
	for _, batch := range []int{1, 8} {
		b.Run(fmt.Sprintf("batch%d", batch), func(b *testing.B) {
			var sum [3]time.Duration
			for b.Loop() {
				for _, s := range shapes {
					steps := layerTimes(b, p, s.layer, batch)
					b.Logf("%d of %+v: %v", s.times, s.layer, steps)
					for i, d := range steps {
						sum[i] += time.Duration(s.times) * d
					}
				}
			}
			report(b, sum, batch*b.N)
		})
	}
}

// BenchmarkSlotProducts is a full block of elementwise products: CPU time of both parties, all cores together, a product.
func BenchmarkSlotProducts(b *testing.B) {
	b.Run("32", benchSlotProducts[uint32])
	b.Run("64", benchSlotProducts[uint64])
}

func benchSlotProducts[W ring.Word](b *testing.B) {
	p := newSlotPair[W](b)
	x := make([]W, degree)
	prg.Words(testRandomness(4), x)
	share := make([]W, degree)
	params := p.encryptor.params
	up, down := bytes.NewBuffer(make([]byte, 0, params.UploadBytes())), bytes.NewBuffer(make([]byte, 0, params.ReplyBytes()))
	steps := []func() error{
		func() error { return p.encryptor.Encrypt(x, up) },
		func() error { return p.evaluator.Multiply(x, up, down, share) },
		func() error { return p.encryptor.Decrypt(down, share) },
	}
	var sum [3]time.Duration
	for b.Loop() {
		for i, step := range steps {
			start := cpuTime()
			if err := step(); err != nil {
				b.Fatal(err)
			}
			sum[i] += cpuTime() - start
		}
	}
	for i, name := range []string{"encrypt", "multiply", "decrypt"} {
		b.ReportMetric(float64(sum[i].Nanoseconds())/float64(b.N*degree), name+"-cpu-ns/product")
	}
	b.ReportMetric(float64(params.UploadBytes()+params.ReplyBytes())/degree, "B/product")
}
