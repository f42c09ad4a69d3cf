package prices

import (
	"testing"

	"sotto/ir/cost"
)

// TestEveryKernelIsMeasured: a probe for each kernel but those of bytes, and none twice.
func TestEveryKernelIsMeasured(t *testing.T) {
	by := map[cost.Kernel]string{cost.SendByte: "two processes", cost.ReceiveByte: "two processes", cost.Wake: "two processes", cost.Begin: "sessions"}
	for _, p := range Probes() {
		for _, k := range p.Kernels {
			if by[k] != "" {
				t.Errorf("%s is measured by %s and by %s", k, by[k], p.Name)
			}
			by[k] = p.Name
		}
	}
	for _, k := range cost.AllKernels() {
		if by[k] == "" {
			t.Errorf("nothing measures %s", k)
		}
	}
}

// TestProbesMeasure runs every probe once: each gives positive prices for what it says it measures.
func TestProbesMeasure(t *testing.T) {
	m, err := Measure(t.Context(), Tiny, "a machine", func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	m.Bytes(Wire{Wake: Quantity{5e4, 0.1}, HalfTrip: Quantity{20_000, 0.1}, Send: Quantity{0.5, 0.1}, Receive: Quantity{0.6, 0.2}})
	list, err := m.Target("a test")
	if err != nil {
		t.Fatal(err)
	}
	for k, p := range list.Prices {
		if !(p.NS > 0) || p.AllNS > p.NS || p.CallNS < 0 || p.Source == "" {
			t.Errorf("%s: %+v", cost.Kernel(k), p)
		}
	}
	near(t, "the call of a message", list.Prices[cost.SendByte].CallNS, 10_000, 0)
	near(t, "the spread of what is received", list.Prices[cost.ReceiveByte].Spread, 0.2, 0)
}

// TestPricesOfAKnownClock fits loads whose times are known: 3 ns a unit on one core and 2 on all, 500 a call, beside another kernel.
func TestPricesOfAKnownClock(t *testing.T) {
	p := &Probe{Name: "known", What: "nothing", Kernels: []cost.Kernel{cost.Hash}}
	known := map[cost.Kernel]cost.Price{cost.Expand: {NS: 4, AllNS: 3, CallNS: 100}}
	var loads []Load
	var single, all []timing
	for _, units := range []float64{100, 1000, 10_000} {
		loads = append(loads, Load{Work: map[cost.Kernel]Amount{cost.Hash: {units, 1}, cost.Expand: {10, 2}}})
		single = append(single, timing{3*units + 500 + 10*4 + 2*100, 0.01})
		all = append(all, timing{2*units + 500 + 10*3 + 2*100, 0.01})
	}
	x, err := p.prices(loads, single, all, single, known)
	if err != nil {
		t.Fatal(err)
	}
	price := x[cost.Hash]
	near(t, "a unit on one core", price.NS, 3, 0.01)
	near(t, "a unit on all", price.AllNS, 2, 0.01)
	near(t, "a call", price.CallNS, 500, 1)
	near(t, "the spread", price.Spread, 0.01, 1e-9)
}

// TestLoadsOfOneSizeSayNothingOfCalls: all of the time is the units'.
func TestLoadsOfOneSizeSayNothingOfCalls(t *testing.T) {
	p := &Probe{Name: "known", What: "nothing", Kernels: []cost.Kernel{cost.Hash}, Alone: true}
	loads := []Load{{Work: one(cost.Hash, 100)}, {Work: one(cost.Hash, 200)}}
	x, err := p.prices(loads, []timing{{600, 0}, {1200, 0}}, nil, []timing{{900, 0}, {1800, 0}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "a unit", x[cost.Hash].NS, 6, 1e-9)
	near(t, "a call", x[cost.Hash].CallNS, 0, 0)
	near(t, "a unit on all cores, which are of no use", x[cost.Hash].AllNS, 0, 0)
	near(t, "a unit beside other work", x[cost.Hash].BusyNS, 9, 1e-9)
}
