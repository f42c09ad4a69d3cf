package ir

import (
	"slices"
	"strings"
	"testing"
)

func TestBatchesAreTyped(t *testing.T) {
	const head = "module train\nfunc @f(%x: f32[4] x 3, %y: f32[4] x 2, %z: f32[4]) -> f32[1] {\n%w = param @w : S f32[2,4]\n%s = grad.sums %z {n=1} : f32[1]\n"
	for _, c := range []struct{ text, want string }{
		{head + "%1 = nn.add %x, %z : f32[4] x 3\nreturn %s }", ""},
		{head + "%1 = grad.sums %x {n=4} : f32[4]\nreturn %s }", ""},
		{head + "%1 = nn.linear %x, %w : f32[2] x 3\n%2 = grad.linear.w %x, %1 : f32[2,4]\n%3 = assign @w %2 : f32[2,4]\nreturn %s }", ""},
		{head + "%1 = nn.add %x, %y : f32[4] x 3\nreturn %s }", "the batches differ"},
		{head + "%1 = nn.relu %x : f32[4]\nreturn %s }", "nn.relu gives f32[4] x 3"},
		{head + "%1 = nn.scale %x, %y : f32[4] x 3\nreturn %s }", "s is f32[4] x 2, accepted is one for all samples"},
		{head + "%1 = assign @w %x : f32[4] x 3\nreturn %s }", "accepted is one for all samples"},
		{head + "%1 = assign @w %z : f32[4]\nreturn %s }", "@w has shape [4] here, and [2,4] before"},
		{head + "%1 = assign @v %z : f32[4]\n%2 = assign @v %z : f32[4]\nreturn %s }", "overwritten twice"},
		{head + "%1 = nn.relu %x : f32[4] x 0\nreturn %s }", "accepted are numbers from 1"},
		{head + "%1 = nn.relu %x : f32[4] x 9999999999999\nreturn %s }", "accepted are 1 to 2^34"},
		{"module net\nfunc @f(%x: f32[4] x 3) -> f32[4] x 3 {\n%1 = nn.relu %x : f32[4] x 3\nreturn %1 }", "only functions of stages train and ring have batches"},
		{"module train\nfunc @f(%z: f32[4]) -> f32[2] {\n%1 = train.gather %z {loops=[0,2,4], shape=[2]} : f32[2]\nreturn %1 }", "leave a tensor of 4 elements"},
		{"module train\nfunc @f(%z: f32[4]) -> f32[2] {\n%1 = train.gather %z {loops=[0,2,17179869185], shape=[2]} : f32[2]\nreturn %1 }", "2^34 at most"},
		{"module train\nfunc @f(%z: f32[4]) -> f32[3] {\n%1 = train.gather %z {loops=[0,2,1], shape=[3]} : f32[3]\nreturn %1 }", "have 2 rounds, accepted are 3"},
	} {
		m, err := Parse("t.ir", c.text)
		switch {
		case c.want == "" && err == nil:
			err = Check(m)
			fallthrough
		case c.want == "":
			if err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%q: got %v, want it to say %q", c.text, err, c.want)
		}
	}
}

// A batch gives, sample by sample, what single samples give; what is assigned comes at the end, and once.
func TestBatchesAreEvaluatedSampleBySample(t *testing.T) {
	const body = "%w = param @w : S f32[2,4]\n%1 = nn.linear %x, %w : f32[2]BATCH\n%s = grad.sums %1 {n=2} : f32[2]\n%a = assign @sums %s : f32[2]\n"
	run := func(batch string, x []float32) (y, sums []float32) {
		m, err := Parse("t.ir", strings.ReplaceAll(
			"module train\nfunc @f(%x: f32[4]BATCH) -> f32[2]BATCH {\n"+body+"return %1 }", "BATCH", batch))
		if err != nil {
			t.Fatal(err)
		}
		f := m.Funcs[0]
		r := Runner{Weight: exampleWeight, Assign: func(v *Value, x *Tensor) { sums = x.F }}
		env, err := r.Run(f, &Tensor{Type: f.Params[0].Type, F: x})
		if err != nil {
			t.Fatal(err)
		}
		return env[f.Result].F, sums
	}
	x := []float32{1, 2, 3, 4, -1, 0, 5, 2}
	all, sums := run(" x 2", x)
	first, a := run("", x[:4])
	second, b := run("", x[4:])
	if !slices.Equal(all, slices.Concat(first, second)) {
		t.Errorf("two samples give %v, one by one %v and %v", all, first, second)
	}
	if want := []float32{a[0] + b[0], a[1] + b[1]}; !slices.Equal(sums, want) {
		t.Errorf("the sums are %v, one by one %v", sums, want)
	}
}
