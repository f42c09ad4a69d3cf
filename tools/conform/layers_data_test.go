package conform

import (
	"math"
	"testing"

	"sotto/ir"
)

// over runs what the parties would hold of a RING function, in turn, on inputs of two elements, against the float network.
func over(t *testing.T, text string, runs []map[string][]int64, inputs ...[]float32) (*ir.Func, *Layers) {
	t.Helper()
	m, err := ir.Parse("t.ir", "module ring\nfile 1 \"net.sotto\"\nfunc @f(%x: i32q8[2]) -> "+text)
	if err != nil {
		t.Fatal(err)
	}
	f := m.Funcs[0]
	l := NewLayers(f)
	for i, x := range inputs {
		if err := l.Begin(nil, x); err != nil {
			t.Fatal(err)
		}
		if _, _, err := CompareEach(f, nil, x, runs[i], l.Add); err != nil {
			t.Fatal(err)
		}
	}
	return f, l
}

func TestLayersHaveTheErrorAgainstTheFloatNetwork(t *testing.T) {
	// Twice 0.3 = 0.6: in units of 1/256, 77/256 twice is 154, which a truncation by 4 bits makes 9/16, or 10/16 in a run that rounds up.
	_, l := over(t, `i32q4[2] {
%1 = ring.mulc %x {c=2, seen=[-1.0,1.0]} : i32q8[2]  @1:3:5/double
%2 = ring.trunc %1 {bits=4, seen=[-1.0,1.0]} : i32q4[2]  @1:3:5/double
%3 = ring.relu %2 {worst=[0.0,1.0]} : i32q4[2]  @1:4:5/act
return %3
}`, []map[string][]int64{{"2": {9, 0}}, {"2": {10, 0}}}, []float32{0.3, 0}, []float32{0.3, 0})
	if len(l.List) != 2 {
		t.Fatalf("%d layers, want two: a truncation is of the value that it truncates", len(l.List))
	}
	double, act := l.List[0], l.List[1]
	const want = 0.6
	if near := math.Abs(double.Error - (want - 9.0/16)); near > 1e-6 {
		t.Errorf("error %g, want that of 9/16 from 0.6, farther than 10/16", double.Error)
	}
	if double.Units != 1 || double.Slack != 1 || double.Outside != 0 || act.Units != 0 {
		t.Errorf("%d units of %d, %d outside, %d of the relu: want a truncation that rounded up once, as it may", double.Units, double.Slack, double.Outside, act.Units)
	}
	if math.Abs(double.Seen.Hi-10.0/16) > 1e-6 || double.Seen.Lo != 0 || double.RestsOn != "calibrated" || act.RestsOn != "worst_case" {
		t.Errorf("seen %v resting on %s and %s", double.Seen, double.RestsOn, act.RestsOn)
	}
	if relative := double.Error / want; math.Abs(double.Relative()-relative) > 1e-6 || l.Worst() != double {
		t.Errorf("worst is %s at %g, want double at %g", l.Worst().Value.Path, l.Worst().Relative(), relative)
	}
	if double.Beyond != 0 || double.Overflows != 0 {
		t.Errorf("%d beyond, %d overflows of a value within its range", double.Beyond, double.Overflows)
	}
}

func TestLayersTellWhatLeavesItsRangeAndWhatTheRingHolds(t *testing.T) {
	// The ring holds 2^30 / 2^28 = 4 of the product, and 8 of the result, which is only opened.
	_, l := over(t, `i32q28[2] {
%1 = ring.mulc %x {c=1048576, frac=20, seen=[-1.0,1.0]} : i32q28[2]  @1:3:5/small
%2 = ring.mulc %1 {c=1, frac=0} : i32q28[2]  @1:4:5/out
return %2
}`, make([]map[string][]int64, 3), []float32{0.5, -0.5}, []float32{0.5, 1.5}, []float32{-5, 1})
	small := l.List[0]
	if small.Beyond != 2 || small.Overflows != 1 || small.Holds != 4 || small.Seen.Lo != -5 {
		t.Errorf("%d runs beyond, %d overflows, holds %g, seen %v: want 2 of 3, 1, 4, from -5", small.Beyond, small.Overflows, small.Holds, small.Seen)
	}
	if out := l.List[1]; out.Overflows != 0 || out.Holds != 8 {
		t.Errorf("%d overflows of a result of 5 where the ring holds %g: want none of 8", out.Overflows, out.Holds)
	}
	if want := math.Log2(4.0 / 5); small.Margin() != want {
		t.Errorf("margin of %g bits, want %g", small.Margin(), want)
	}
}

func TestTheWorstLayerIsOneThatIsNotWhatItsOpStates(t *testing.T) {
	_, l := over(t, `i32q8[2] {
%1 = ring.trunc %x {bits=4} : i32q4[2]  @1:3:5/coarse
%2 = ring.mulc %1 {c=16, frac=4} : i32q8[2]  @1:4:5/wrong
return %2
}`, []map[string][]int64{{"1": {0, 16}, "2": {1, 256}}}, []float32{0.05, 1})
	if worst := l.Worst(); worst.Value.Path != "wrong" || worst.Outside != 1 || worst.Units != 1 || worst.Slack != 0 {
		t.Errorf("worst is %+v, want the layer with an element that its op does not state", worst)
	}
}
