package main

import (
	"context"
	"io"
	"math"
	"path/filepath"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
)

// TestEstimatesBetweenCalibrations: where the prices behind the runs are four times those before, estimates are at twice those before; where they were
// so midway, at the mean of twice and four times. The journal keeps all, and goes on without measuring them again.
func TestEstimatesBetweenCalibrations(t *testing.T) {
	before, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	after := before
	after.Machines = map[string]cost.Machine{}
	for name, m := range before.Machines {
		m.Prices[cost.Wake].NS = 1 // or twice the time would be more than twice: in longer waits cores sleep
		before.Machines[name] = m
		for k := range m.Prices {
			m.Prices[k].NS *= 4
			m.Prices[k].AllNS *= 4
			m.Prices[k].BusyNS *= 4
			m.Prices[k].CallNS *= 4
		}
		after.Machines[name] = m
	}
	for _, x := range []struct {
		name  string
		later []journalPrices
		times float64
	}{
		{"two", []journalPrices{{After: []cost.Target{after}}}, 2},
		{"three", []journalPrices{{Midway: []cost.Target{after}}, {After: []cost.Target{after}}}, math.Sqrt(2 * 4)},
	} {
		t.Run(x.name, func(t *testing.T) { estimatesAt(t, before, x.later, x.times) })
	}
}

// estimatesAt wants estimates between calibrations to be so many times those at the prices before.
func estimatesAt(t *testing.T, before cost.Target, later []journalPrices, times float64) {
	name := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.begin(thisMachine().text(), []cost.Target{before}); err != nil {
		t.Fatal(err)
	}
	for _, p := range later {
		if err := j.price(p); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	if j, err = openJournal(name); err != nil {
		t.Fatal(err)
	}
	defer j.close()

	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	f := &estimatesFlags{nets: []string{"minionn.relu"}, deploys: []string{string(cost.ClientServer)}, calibrate: true, examples: "../../examples"}
	f.links.names = []string{"loopback"}
	cases, err := a.estimateCases(f, j, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	was := c.estimate
	if err := a.priceAgain(context.Background(), f, j, cases); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what     string
		was, now expected
	}{{"online", was.Online, c.estimate.Online}, {"offline", was.Offline, c.estimate.Offline}} {
		if r := x.now.MS / x.was.MS / times; r < 0.95 || r > 1.05 || x.now.Low >= x.now.MS || x.now.High <= x.now.MS {
			t.Errorf("%s: %g ms (%g to %g) for %g before: accepted is %g times that", x.what, x.now.MS, x.now.Low, x.now.High, x.was.MS, times)
		}
		if x.now.Traffic != x.was.Traffic {
			t.Errorf("%s: %+v, and %+v before: prices move no bytes", x.what, x.now.Traffic, x.was.Traffic)
		}
	}
}

// TestWhenPricesAreMeasuredAgain: at the beginning of the second half, once, where the run calibrates.
func TestWhenPricesAreMeasuredAgain(t *testing.T) {
	stopped, stop := context.WithCancel(context.Background())
	stop()
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	there := &journal{journalPrices: journalPrices{Midway: []cost.Target{{}}}}
	for _, x := range []struct {
		f     estimatesFlags
		j     *journal
		round int
		want  bool
	}{
		{estimatesFlags{runs: 11, calibrate: true}, &journal{}, 5, true},
		{estimatesFlags{runs: 11, calibrate: true}, &journal{}, 4, false},
		{estimatesFlags{runs: 11, calibrate: true}, &journal{}, 6, false},
		{estimatesFlags{runs: 2, calibrate: true}, &journal{}, 1, true},
		{estimatesFlags{runs: 1, calibrate: true}, &journal{}, 0, false},
		{estimatesFlags{runs: 11, calibrate: true}, there, 5, false},
		{estimatesFlags{runs: 11}, &journal{}, 5, false},
		{estimatesFlags{runs: 11, calibrate: true, list: "lists"}, &journal{}, 5, false},
	} {
		err := a.priceMidway(stopped, &x.f, x.j, x.round) // a calibration that is begun ends at once
		if began := err != nil; began != x.want {
			t.Errorf("round %d of %d, calibrate %v, lists %q: calibrates: %v (%v), want %v", x.round, x.f.runs, x.f.calibrate, x.f.list, began, err, x.want)
		}
	}
}

// Fewer runs than rounds are spread over all rounds, and all of them are made.
func TestRunsAreSpread(t *testing.T) {
	for _, c := range []struct {
		most, rounds int
		want         []int
	}{
		{0, 3, []int{1, 2, 3}}, {5, 3, []int{1, 2, 3}}, {6, 11, []int{1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
	} {
		n := estimatedNet{mostRuns: c.most}
		for round, want := range c.want {
			if got := n.due(round, c.rounds); got != want {
				t.Errorf("%d runs in %d rounds: %d after round %d, want %d", c.most, c.rounds, got, round, want)
			}
		}
	}
}
