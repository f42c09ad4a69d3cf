package ranges_test

import (
	"fmt"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/ranges"
)

// A value that is added to itself again and again is reached on two ways from each sum: 2^64 ways in all.
func TestAssumingVisitsEveryValueOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("module net\nfunc @f(%s0: f32[4]) -> f32[4] {\n")
	for i := range 64 {
		fmt.Fprintf(&b, "%%s%d = nn.add %%s%d, %%s%d : f32[4]\n", i+1, i, i)
	}
	b.WriteString("%y = nn.square %s64 : f32[4]\nreturn %y\n}")
	m, err := ir.Parse("t.ir", b.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, ranges.Ranges); err != nil {
		t.Fatal(err)
	}
	first, last := m.Funcs[0].Body[0].Floats("assumed"), m.Funcs[0].Body[63].Floats("assumed")
	if len(first) != 2 || len(last) != 2 || first[1] != last[1] {
		t.Errorf("the first sum is assumed in %v, the last in %v", first, last)
	}
}
