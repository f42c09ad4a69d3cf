package clean_test

import (
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes/clean"
	"sotto/passes/pass"
)

// The parser refuses ill-typed text, so a module that does not fit together has to be built.
func TestShapesRefusesWhatDoesNotFit(t *testing.T) {
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[2,4,4]) -> f32[2,4,4] {\n%w = param @w : S f32[2,2,3,3]\n"+
		"%1 = nn.conv2d %x, %w {pad=[1,1]} : f32[2,4,4]  @0:0:0/conv\nreturn %1\n}")
	if err != nil {
		t.Fatal(err)
	}
	m.Funcs[0].Params[0].Type.Shape = []int{3, 4, 4}
	err = (&pass.Runner{}).Run(&pass.Context{}, m, clean.Shapes)
	const want = "%1 (conv): nn.conv2d: the weights take 2 channels a group, the input has 3 in 1 group(s)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to say %q", err, want)
	}
}

func TestShapesFollowsTheInput(t *testing.T) {
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[2,4,4]) -> f32[2,4,4] {\n%1 = nn.relu %x : f32[2,4,4]\nreturn %1\n}")
	if err != nil {
		t.Fatal(err)
	}
	m.Funcs[0].Params[0].Type.Shape = []int{3, 5, 5}
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, clean.Shapes); err != nil {
		t.Fatal(err)
	}
	if got := m.Funcs[0].Result.Type.String(); got != "f32[3,5,5]" {
		t.Errorf("the result has type %s", got)
	}
}
