package plain

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
)

// resnet18 is ResNet-18 for 32x32 images, with ReLUs and no pool behind its stem.
const resnet18 = `
block basic(x, c, stride = 1) {
  y = conv(x, c, kernel = 3, stride, pad = 1) as conv1 |> batchnorm as bn1 |> relu
  y = conv(y, c, kernel = 3, pad = 1) as conv2 |> batchnorm as bn2
  s = if stride > 1 or c != channels(x) {
    conv(x, c, kernel = 1, stride) as "downsample.0" |> batchnorm as "downsample.1"
  } else {
    x
  }
  return relu(y + s)
}

net resnet18 {
  input image: f32[3, 32, 32] from client
  x = conv(image, 64, kernel = 3, pad = 1) as conv1 |> batchnorm as bn1 |> relu
  for n, c, stride in [[1, 64, 1], [2, 128, 2], [3, 256, 2], [4, 512, 2]] {
    x = basic(x, c, stride) as "layer{n}.0"
    x = basic(x, c) as "layer{n}.1"
  }
  output logits = avgpool(x) |> flatten |> linear(10) as fc to client
}`

// BenchmarkResNet18 reports images a second of training steps, and, with -v, what kernels take of a step.
func BenchmarkResNet18(b *testing.B) {
	const batch = 64
	space, err := frontend.Load("resnet18.sotto", []byte(resnet18), frontend.Options{})
	if err != nil {
		b.Fatal(err)
	}
	how := &pass.Training{Batch: batch, Optimiser: pass.SGD{Momentum: 0.9}, Decay: 5e-4}
	if err := (&pass.Runner{}).Run(&pass.Context{Training: how}, space.Module, slices.Concat(passes.ToTrainable, passes.ToTrain)...); err != nil {
		b.Fatal(err)
	}
	f := space.Module.Func("step")
	p, err := Compile(f)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	state, inputs, memory := begun(rng, p), inputsOf(rng, f), &Memory{}
	for _, x := range state { // weights that do not blow values up
		for i := range x {
			x[i] *= 0.03
		}
	}
	took := map[string]time.Duration{}
	p.Watch = func(v *ir.Value, d time.Duration) { took[v.Op.Name+" "+v.Type.String()] += d }
	for b.Loop() {
		if _, err := p.Run(memory, state, inputs...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(float64(p.Arena())*4/(1<<20), "MiB")
	for _, k := range slices.SortedFunc(maps.Keys(took), func(x, y string) int { return cmp.Compare(took[y], took[x]) }) {
		b.Logf("%8.2f ms %s", took[k].Seconds()*1e3/float64(b.N), k)
	}
}
