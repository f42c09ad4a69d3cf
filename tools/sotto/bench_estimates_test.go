package main

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
)

// TestEstimatesBetweenTwoCalibrations: where the prices behind the runs are four times those before, estimates are at twice those before; the journal
// keeps both, and goes on without measuring them again.
func TestEstimatesBetweenTwoCalibrations(t *testing.T) {
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
	name := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.begin(thisMachine().text(), []cost.Target{before}); err != nil {
		t.Fatal(err)
	}
	if err := j.end([]cost.Target{after}); err != nil {
		t.Fatal(err)
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
		if r := x.now.MS / x.was.MS; r < 1.9 || r > 2.1 || x.now.Low >= x.now.MS || x.now.High <= x.now.MS {
			t.Errorf("%s: %g ms (%g to %g) for %g before: accepted is twice", x.what, x.now.MS, x.now.Low, x.now.High, x.was.MS)
		}
		if x.now.Traffic != x.was.Traffic {
			t.Errorf("%s: %+v, and %+v before: prices move no bytes", x.what, x.now.Traffic, x.was.Traffic)
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
