package ir

import (
	"math"
	"strings"
	"testing"
)

// evaluated runs the op of one line on numbers: its arguments in order.
func evaluated(t *testing.T, op string, attrs Attrs, args ...*Tensor) []float32 {
	f := &Func{Name: "f"}
	b := NewBuilder(f)
	values := make([]*Value, len(args))
	for i, a := range args {
		values[i] = &Value{Op: Input, Type: a.Type}
	}
	out, err := EvalOne(b.Must(op, attrs, values...), args)
	if err != nil {
		t.Fatal(err)
	}
	return out.F
}

func row(x ...float32) *Tensor { return &Tensor{Type: Float(len(x)), F: x} }

// Two steps of a weight 1 with gradient 1/2 and decay 1/2, by hand of PyTorch's formulas.
func TestOptimisersStepAsPyTorchDoes(t *testing.T) {
	w, g, lr, decay := row(1), row(0.5), row(0.25), Attrs{"momentum": 0.5, "decay": 0.5}
	v1 := evaluated(t, "sgd.velocity", decay, row(0), g, w)
	w1 := evaluated(t, "sgd.weight", nil, w, row(v1...), lr)
	v2 := evaluated(t, "sgd.velocity", decay, row(v1...), g, row(w1...))
	w2 := evaluated(t, "sgd.weight", nil, row(w1...), row(v2...), lr)
	n1 := evaluated(t, "sgd.nesterov", decay, w, row(v1...), g, lr)
	if got, want := []float32{v1[0], w1[0], v2[0], w2[0], n1[0]}, []float32{1, 0.75, 1.375, 0.40625, 0.625}; !near(got, want) {
		t.Errorf("velocity, weight, velocity, weight; nesterov: %v, want %v", got, want)
	}
	// Adam of gradients 1 and -1/2: m is 0.1, then 0.04; s is 0.001, then 0.001249.
	m1, s1 := evaluated(t, "adam.mean", nil, row(0), row(1), w), evaluated(t, "adam.square", nil, row(0), row(1), w)
	a1 := evaluated(t, "adam.weight", nil, w, row(m1...), row(s1...), lr, row(7, 1))
	m2, s2 := evaluated(t, "adam.mean", nil, row(m1...), row(-0.5), w), evaluated(t, "adam.square", nil, row(s1...), row(-0.5), w)
	a2 := evaluated(t, "adam.weight", nil, row(a1...), row(m2...), row(s2...), lr, row(7, 2))
	want2 := 0.75 - 0.25*(0.04/0.19)/math.Sqrt(0.001249/0.001999)
	if got, want := []float32{m1[0], s1[0], a1[0], m2[0], s2[0], a2[0]}, []float32{0.1, 0.001, 0.75, 0.04, 0.001249, float32(want2)}; !near(got, want) {
		t.Errorf("adam: %v, want %v", got, want)
	}
	norm := evaluated(t, "clip.norm", nil, row(3), row(0, 4))
	if got := evaluated(t, "clip.scale", Attrs{"most": 1.0}, row(10), row(norm...)); !near(append(got, norm...), []float32{2, 5}) {
		t.Errorf("10 clipped by the norm %v is %v", norm, got)
	}
	if got := evaluated(t, "clip.scale", Attrs{"most": 6.0}, row(10), row(norm...)); got[0] != 10 {
		t.Errorf("10 below the norm is %v", got)
	}
}

func near(got, want []float32) bool {
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-6*max(1, math.Abs(float64(want[i]))) {
			return false
		}
	}
	return len(got) == len(want)
}

// Moments are of the whole batch; running statistics have the unbiased variance.
func TestMomentsAreOfTheBatch(t *testing.T) {
	x := &Tensor{Type: Float(1, 2).Batched(2), F: []float32{1, 2, 3, 6}}
	m := evaluated(t, "train.moments", nil, x)
	if !near(m, []float32{3, 3.5}) {
		t.Errorf("moments %v", m)
	}
	mean, variance := evaluated(t, "train.running.mean", nil, row(1), row(m...)), evaluated(t, "train.running.var", Attrs{"count": 4}, row(1), row(m...))
	if !near(append(mean, variance...), []float32{0.9 + 0.3, 0.9 + 0.1*3.5*4/3}) {
		t.Errorf("running %v, %v", mean, variance)
	}
}

// Dropout drops as often as it says, other elements in other steps, and leaves the mean where it was.
func TestDropoutDropsItsShare(t *testing.T) {
	const n, p = 1 << 14, 0.25
	x := NewTensor(Float(n / 4).Batched(4))
	for i := range x.F {
		x.F[i] = 1
	}
	attrs := Attrs{"p": p, "site": 3}
	first, second := evaluated(t, "train.dropout", attrs, x, row(5, 1)), evaluated(t, "train.dropout", attrs, x, row(5, 2))
	var dropped, both float64
	for i := range first {
		if first[i] == 0 {
			dropped++
			if second[i] == 0 {
				both++
			}
		} else if first[i] != float32(1/(1-p)) {
			t.Fatalf("1 becomes %g", first[i])
		}
	}
	const sigmas = 6
	if off := math.Abs(dropped - n*p); off > sigmas*math.Sqrt(n*p*(1-p)) {
		t.Errorf("%g of %d are dropped", dropped, n)
	}
	if off := math.Abs(both - n*p*p); off > sigmas*math.Sqrt(n*p*p) {
		t.Errorf("%g of %d are dropped twice", both, n)
	}
}

func TestTrainingOpsRefuse(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"train.dropout %x, %s {p=1.0} : f32[4]", "accepted are probabilities below 1"},
		{"train.crossentropy %x, %x {smoothing=1.0} : f32[1]", "smoothing is 1"},
		{"train.crossentropy %b, %x : f32[1]", "their batches differ"},
		{"train.batchnorm %x, %x, %x, %m : f32[4]", "accepted are the train.moments of %x"},
		{"train.running.var %x, %m {count=1} : f32[4]", "count is 1"},
		{"grad.sums %x {n=3} : f32[3]", "accepted are divisors of 4"},
		{"grad.mix.option %s, %x {option=2} : f32[4]", "option is 2"},
		{"grad.conv2d.x %i, %w {size=[3,3]} : f32[1,3,3]", "dy has shape [1,2,2], accepted is [1,3,3]"},
		{"grad.conv2d.w %i, %i {kernel=[3,3]} : f32[1,1,3,3]", "kernel 3 does not fit"},
		{"grad.maxpool %i, %i {kernel=[2,2]} : f32[1,2,2]", "dy has shape [1,2,2], accepted is [1,1,1]"},
		{"train.scatter %x {loops=[0,4,2], shape=[4]} : f32[4]", "leave a tensor of 4 elements"},
	} {
		text := "module train\nfunc @f(%x: f32[4], %b: f32[4] x 2, %s: f32[2], %m: f32[8], %i: f32[1,2,2], %w: f32[1,1,1,1]) -> f32[4] {\n%1 = " + c.line + "\nreturn %x }"
		if _, err := Parse("t.ir", text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to say %q", c.line, err, c.want)
		}
	}
}
