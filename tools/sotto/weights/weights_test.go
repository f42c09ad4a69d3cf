package weights

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/tensorfile"
)

func example(t *testing.T, name string) *ir.Func {
	t.Helper()
	text, err := os.ReadFile("../../../examples/" + name + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	s, err := frontend.Load(name, text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Func
}

func initialised(t *testing.T, f *ir.Func, seed uint64, decisions ...pass.Decision) Source {
	t.Helper()
	s, err := HeInitialised(f, decisions, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deviation is the standard deviation of a tensor about zero.
func deviation(xs []float32) float64 {
	var sum float64
	for _, x := range xs {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(xs)))
}

// unitScale runs a network on noise and demands that every layer's values stay near unit scale.
func unitScale(t *testing.T, name string, seed uint64, decisions ...pass.Decision) {
	t.Helper()
	f, _, err := choices.First(example(t, name), decisions)
	if err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(f.Params[0].Type)
	drawUniform(x.F, seed, "input", math.Sqrt(3)) // unit variance, as after normalisation
	least, most := math.Inf(1), 0.0
	r := ir.Runner{Weight: ranges.WeightsOf(&pass.Context{Weights: initialised(t, f, seed)}), Visit: func(v *ir.Value, x *ir.Tensor) {
		if v.IsConstant() || v.Is("nn.avgpool") { // averages of noise are small, as they should be
			return
		}
		d := deviation(x.F)
		least, most = min(least, d), max(most, d)
		if !(d > 0.1 && d < 10) && v.Type.Len() > 1 && !afterPooling(v) {
			t.Errorf("%s %v: %s (%s) has deviation %.3g", name, decisions, v.Path, v.Op.Name, d)
		}
	}}
	if _, err := r.Run(f, x); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %v: deviations from %.3g to %.3g", name, decisions, least, most)
}

// afterPooling reports whether v only rearranges an average.
func afterPooling(v *ir.Value) bool {
	return slices.Contains([]string{"nn.reshape", "nn.dropout"}, v.Op.Name) && (v.Args[0].Is("nn.avgpool") || afterPooling(v.Args[0]))
}

func TestActivationsKeepUnitScale(t *testing.T) {
	relu, x2act := pass.Decision{Site: "act", Option: "relu"}, pass.Decision{Site: "act", Option: "x2act"}
	for _, name := range []string{"minionn", "cnet1_cifar10", "cnet2_cifar10", "cnet1_cifar100", "cnet2_cifar100"} {
		unitScale(t, name, 1)
	}
	for _, name := range strings.Fields(os.Getenv("SOTTO_LARGE") + " resnet18_cifar mobilenetv2") {
		unitScale(t, name, 1, relu)
		unitScale(t, name, 1, x2act)
	}
}

func TestInitialValuesAreAsDocumented(t *testing.T) {
	f := example(t, "resnet18_cifar")
	s := initialised(t, f, 3)
	for path, want := range map[string]float32{
		"layer1.0.bn1.weight": 1, "layer1.0.bn2.weight": gammaOfBranch, "layer2.0.bn2.weight": gammaOfBranch,
		"layer2.0.downsample.1.weight": 1, "layer1.0.bn2.bias": 0, "act#1.x2act.a": x2actSquare, "act#1.x2act.b": 1, "act#1.x2act.c": 0,
	} {
		v := paramAt(t, f, path)
		w, err := s.Weight(path, v.Type.Shape)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Min(w) != want || slices.Max(w) != want {
			t.Errorf("%s is %v to %v, want %v", path, slices.Min(w), slices.Max(w), want)
		}
	}
	conv := paramAt(t, f, "layer1.0.conv1.weight") // fan-in 64*3*3
	w, err := s.Weight(conv.Path, conv.Type.Shape)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := deviation(w), math.Sqrt(2./(64*9)); math.Abs(got/want-1) > 0.02 {
		t.Errorf("conv weights have deviation %g, He's is %g", got, want)
	}
}

func paramAt(t *testing.T, f *ir.Func, path string) *ir.Value {
	t.Helper()
	all := Params(f)
	i := slices.IndexFunc(all, func(v *ir.Value) bool { return v.Path == path })
	if i < 0 {
		t.Fatalf("no weight %s", path)
	}
	return all[i]
}

// TestDrawsStayTheSame pins a few elements: measurements name seeds.
func TestDrawsStayTheSame(t *testing.T) {
	got := make([]float32, 3)
	drawUniform(got, 1, "conv1.weight", 1)
	want := []float32{-0.4141318, 0.3402179, 0.7753737}
	if !slices.Equal(got, want) {
		t.Errorf("random:1 draws %v, it used to draw %v", got, want)
	}
}

func TestFileAndSeedGiveTheSame(t *testing.T) {
	f := example(t, "cnet1_cifar10")
	seeded, path := initialised(t, f, 5), filepath.Join(t.TempDir(), "w.safetensors")
	if err := Write(path, f, seeded); err != nil {
		t.Fatal(err)
	}
	stored, err := Open(path, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	if stored.Initialised() != "random:5" {
		t.Errorf("the file says %q", stored.Initialised())
	}
	if err := Check(stored, f); err != nil {
		t.Error(err)
	}
	for _, p := range Params(f) {
		a, errA := seeded.Weight(p.Path, p.Type.Shape)
		b, errB := stored.Weight(p.Path, p.Type.Shape)
		if errA != nil || errB != nil || !slices.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", p.Path, errA, errB)
		}
	}
}

// TestStatisticsMatchMeasurement compares the moments a batch normalisation is given with those of values run through
// the network, the mean over its channels.
func TestStatisticsMatchMeasurement(t *testing.T) {
	f := example(t, "cnet1_cifar10")
	s := initialised(t, f, 2)
	x := ir.NewTensor(f.Params[0].Type)
	in := newPropagation(s.(*recipe), f).input(f.Params[0])
	drawUniform(x.F, 9, "input", 1)
	for i := range x.F {
		c := i / (len(x.F) / len(in.mean))
		x.F[i] = float32(in.mean[c]) + x.F[i]*float32(math.Sqrt(3*in.variance[c]))
	}
	weight := ranges.WeightsOf(&pass.Context{Weights: s})
	before := map[*ir.Value]*ir.Tensor{}
	r := ir.Runner{Weight: weight, Visit: func(v *ir.Value, x *ir.Tensor) { before[v] = x }}
	if _, err := r.Run(f, x); err != nil {
		t.Fatal(err)
	}
	for _, v := range f.Body {
		if !v.Is("nn.batchnorm") {
			continue
		}
		given, measured := average(floats(before[v.Args[4]].F)), meanVariance(before[v.Args[0]])
		if ratio := measured / given; ratio < 0.4 || ratio > 2.5 {
			t.Errorf("%s: running variance %.3g, measured %.3g", v.Path, given, measured)
		}
	}
}

func floats(xs []float32) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(x)
	}
	return out
}

// meanVariance is the variance over positions, the mean over channels.
func meanVariance(x *ir.Tensor) float64 {
	per := len(x.F) / x.Type.Shape[0]
	var sum float64
	for c := range x.Type.Shape[0] {
		channel := floats(x.F[c*per : (c+1)*per])
		m := average(channel)
		for _, e := range channel {
			sum += (e - m) * (e - m)
		}
	}
	return sum / float64(len(x.F))
}

// integrate gives mean and variance of f of a normal variable, numerically.
func integrate(m, s float64, f func(float64) float64) (mean, variance float64) {
	const step = 1. / 512
	var second float64
	for z := -9.0; z <= 9; z += step {
		y := f(m + math.Sqrt(s)*z)
		mean += y * density(z) * step
		second += y * y * density(z) * step
	}
	return mean, second - mean*mean
}

func TestMomentsAgreeWithIntegration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, s := rapid.Float64Range(-4, 10).Draw(t, "mean"), rapid.Float64Range(0.01, 9).Draw(t, "variance")
		a, b, c := rapid.Float64Range(-1, 1).Draw(t, "a"), rapid.Float64Range(-2, 2).Draw(t, "b"), rapid.Float64Range(-1, 1).Draw(t, "c")
		for name, f := range map[string]struct {
			formula func(m, s float64) (float64, float64)
			exact   func(float64) float64
		}{
			"relu":      {rectified, func(x float64) float64 { return max(x, 0) }},
			"relu6":     {clipped, func(x float64) float64 { return min(max(x, 0), 6) }},
			"quadratic": {func(m, s float64) (float64, float64) { return quadratic(a, b, c, m, s) }, func(x float64) float64 { return a*x*x + b*x + c }},
		} {
			gotM, gotV := f.formula(m, s)
			wantM, wantV := integrate(m, s, f.exact)
			if math.Abs(gotM-wantM) > 1e-3*(1+math.Abs(wantM)) || math.Abs(gotV-wantV) > 1e-3*(1+wantV) {
				t.Errorf("%s of N(%g, %g): %g, %g; integration gives %g, %g", name, m, s, gotM, gotV, wantM, wantV)
			}
		}
	})
}

// TestGreatestNormal checks against tabulated moments of normal order statistics (Teichroew, 1956).
func TestGreatestNormal(t *testing.T) {
	for n, want := range map[float64][2]float64{1: {0, 1}, 2: {0.5641896, 0.6816901}, 4: {1.0293754, 0.4917152}, 9: {1.4850132, 0.3573533}} {
		if m, v := greatestNormal(n); math.Abs(m-want[0]) > 1e-4 || math.Abs(v-want[1]) > 1e-4 {
			t.Errorf("greatest of %v: %v, %v, want %v", n, m, v, want)
		}
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	f := example(t, "minionn")
	dir := t.TempDir()
	write := func(name string, metadata map[string]string, list ...tensorfile.Tensor) Source {
		path := filepath.Join(dir, name)
		if err := tensorfile.Write(path, list, metadata, tensorfile.Shared); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, f, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := write("a", map[string]string{ChoicesKey: "{"}, tensorfile.New("x", []int{2}, []float32{1, float32(math.NaN())}),
		tensorfile.New("one", nil, []float32{7}))
	if s.Choices() != nil || s.Initialised() != "" {
		t.Errorf("choices %v, %q of a file that is not ours", s.Choices(), s.Initialised())
	}
	if _, err := s.Weight("x", []int{2}); err == nil || !strings.Contains(err.Error(), "finite") {
		t.Errorf("NaN: %v", err)
	}
	if w, err := s.Weight("one", []int{1}); err != nil || w[0] != 7 {
		t.Errorf("a scalar: %v, %v", w, err)
	}
	if _, err := s.Weight("x", []int{3}); err == nil || !strings.Contains(err.Error(), "[2], the network takes [3]") {
		t.Errorf("a wrong shape: %v", err)
	}
	big := example(t, "resnet18")
	if err := Check(s, big); err == nil || strings.Count(err.Error(), "no tensor") != mostErrors || !strings.Contains(err.Error(), "more") {
		t.Errorf("a file without the weights: %v", err)
	}
	for _, spec := range []string{"random:", "random:-1", "random:1x2", filepath.Join(dir, "missing")} {
		if _, err := Open(spec, f, nil); err == nil {
			t.Errorf("%s opens", spec)
		}
	}
}

func TestModulesThatNeedAFile(t *testing.T) {
	for name, body := range map[string]string{
		"folded": "%w = param @w : S f32[2,4]\n%s = param @s : S f32[2]\n%1 = const.scalerows %w, %s : S f32[2,4]\n" +
			"%2 = nn.linear %x, %1 : f32[2]\n%3 = const.scalerows %s, %s : S f32[2]\n%4 = nn.scale %2, %3 : f32[2]\nreturn %4\n",
		"one weight with two shapes": "%w = param @w : S f32[2,4]\n%1 = nn.linear %x, %w : f32[2]\n%v = param @w : S f32[2,2]\n" +
			"%4 = nn.linear %1, %v : f32[2]\nreturn %4\n",
	} {
		m, err := ir.Parse("x.ir", "module net\n\nfunc @f(%x: f32[4]) -> f32[2] {\n"+body+"}\n")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := HeInitialised(m.Funcs[0], nil, 1); err == nil || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
