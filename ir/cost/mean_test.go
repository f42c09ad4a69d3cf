package cost

import (
	"math"
	"testing"
)

// TestMeanOfTwoCalibrations: a list and one of four times its prices have a mean of twice its prices, whose spread reaches both.
func TestMeanOfTwoCalibrations(t *testing.T) {
	a, err := ShippedTarget("lan")
	if err != nil {
		t.Fatal(err)
	}
	b := a
	b.Machines = map[string]Machine{}
	for name, m := range a.Machines {
		for k := range m.Prices {
			m.Prices[k].NS *= 4
			m.Prices[k].AllNS *= 4
			m.Prices[k].BusyNS *= 4
			m.Prices[k].CallNS *= 4
		}
		b.Machines[name] = m
	}
	mean, err := a.Mean(b)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range a.Machines {
		for k, p := range m.Prices {
			got := mean.Machines[name].Prices[k]
			for _, x := range [][2]float64{{got.NS, p.NS}, {got.AllNS, p.AllNS}, {got.BusyNS, p.BusyNS}, {got.CallNS, p.CallNS}} {
				if math.Abs(x[0]-2*x[1]) > 1e-9*x[0] {
					t.Errorf("%s, %s: %g, accepted is twice %g", name, Kernel(k), x[0], x[1])
				}
			}
			if got.Spread < 0.6-1e-9 || got.Spread >= 1 {
				t.Errorf("%s, %s: a spread of %g between p and 4 p", name, Kernel(k), got.Spread)
			}
		}
	}
	if err := mean.check(); err != nil {
		t.Error(err)
	}
	if mean.Link != a.Link {
		t.Errorf("link %+v, accepted is %+v", mean.Link, a.Link)
	}
	b.Client = "another"
	if _, err := a.Mean(b); err == nil {
		t.Error("a mean of lists of other machines")
	}
}
