package conform

import (
	"strings"
	"testing"

	"sotto/ir"
)

func TestBeyondNamesTheLayerThatLeavesItsCalibratedRange(t *testing.T) {
	const head = "module ring\nfile 1 \"net.sotto\"\nfunc @f(%x: i32q8[3]) -> i32q8[3] {\n%1 = ring.relu %x "
	for _, c := range []struct {
		facts string
		want  string
	}{
		{"{seen=[-1.0,2.0]}", "net.sotto:3:5: act (ring.relu) reaches 2.5, calibration allows -1 to 2 and the ring holds 8.389e+06"},
		{"{seen=[-1.0,3.0]}", ""},
		{"{worst=[0.0,1.0]}", ""}, // which holds on every input: it was not calibrated
	} {
		m, err := ir.Parse("t.ir", head+c.facts+" : i32q8[3]  @1:3:5/act\nreturn %1\n}")
		if err != nil {
			t.Fatal(err)
		}
		var got string
		visit := func(d Difference, x *ir.Tensor) {
			if e, yes := Beyond(m.Funcs[0], d.Value, x); yes {
				got = e.String()
			}
		}
		if _, _, err := CompareEach(m.Funcs[0], nil, []float32{-1, 1, 2.5}, nil, visit); err != nil || !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: got %q, error %v, want %q", c.facts, got, err, c.want)
		}
	}
}
