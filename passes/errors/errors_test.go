package errors_test

import (
	"testing"

	"sotto/ir"
	"sotto/passes/errors"
)

func function(t *testing.T, text string) *ir.Func {
	t.Helper()
	m, err := ir.Parse("t.ir", text)
	if err != nil {
		t.Fatal(err)
	}
	return m.Funcs[0]
}

func TestMeasureStatesFourTimesTheWorstProbe(t *testing.T) {
	net := function(t, "module net\nfunc @f(%x: f32[2]) -> f32[2] {\n%1 = nn.relu %x : f32[2]\nreturn %1\n}")
	for _, c := range []struct {
		ring   string
		probes [][]float32
		known  [][]float64
		want   float64
	}{
		// Twice the value: off by the value, of which the greatest is 0.75.
		{"%1 = ring.mulc %x {c=2} : i32q8[2]\nreturn %1\n}", [][]float32{{0.25, 0.5}, {0.75, 0}}, nil, 4 * 0.75},
		// Exact on the probes: four units of the last place.
		{"%1 = ring.relu %x : i32q8[2]\nreturn %1\n}", [][]float32{{0.25, -0.5}}, nil, 4.0 / 256},
		{"%1 = ring.relu %x : i32q8[2]\nreturn %1\n}", nil, nil, 4.0 / 256},
		// What the float network gives is known: it is not run again.
		{"%1 = ring.relu %x : i32q8[2]\nreturn %1\n}", [][]float32{{0.25, 0.5}}, [][]float64{{0.25, 1.5}}, 4 * 1.0},
	} {
		ring := function(t, "module ring\nfunc @f(%x: i32q8[2]) -> i32q8[2] {\n"+c.ring)
		got, err := errors.Measure(net, ring, nil, c.probes, c.known)
		if err != nil || got != c.want {
			t.Errorf("%s on %v: got %g, error %v, want %g", c.ring, c.probes, got, err, c.want)
		}
	}
}

func TestMeasureRefusesProbesOfAnotherSize(t *testing.T) {
	f := function(t, "module net\nfunc @f(%x: f32[2]) -> f32[2] {\nreturn %x\n}")
	if _, err := errors.Measure(f, f, nil, [][]float32{{1}}, nil); err == nil {
		t.Error("a probe of one element for an input of two passed")
	}
}
