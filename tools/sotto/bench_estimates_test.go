package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
	"sotto/runtime/party"
	"sotto/tools/sotto/prices"
)

// fourfold is a list with prices four times those of another.
func fourfold(of cost.Target) cost.Target {
	out := of
	out.Machines = map[string]cost.Machine{}
	for name, m := range of.Machines {
		for k := range m.Prices {
			m.Prices[k].NS *= 4
			m.Prices[k].AllNS *= 4
			m.Prices[k].BusyNS *= 4
			m.Prices[k].CallNS *= 4
		}
		out.Machines[name] = m
	}
	return out
}

// TestEstimatesAtPricesMet: where the prices that the runs met are four times those before, estimates are. The journal keeps them, and goes on without
// measuring them again, until there are more runs.
func TestEstimatesAtPricesMet(t *testing.T) {
	before, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range before.Machines {
		m.Prices[cost.Wake].NS = 1 // or four times the time would be more than that: in longer waits cores sleep
		before.Machines[name] = m
	}
	name := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	begun := journalHead{head: version1, Machine: thisMachine().text(), Targets: []cost.Target{before}, Alone: machineOf(t, before)}
	if err := errors.Join(j.begin(begun), j.price(journalPrices{[]cost.Target{fourfold(before)}})); err != nil {
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
	if err := a.estimatePrices(context.Background(), f, j); err != nil { // which are in the journal
		t.Fatal(err)
	}
	cases, err := a.estimateCases(f, j, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	was := c.estimate
	if err := a.priceAgain(context.Background(), f, j, cases, nil); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what     string
		was, now expected
	}{{"online", was.Online, c.estimate.Online}, {"offline", was.Offline, c.estimate.Offline}} {
		if r := x.now.MS / x.was.MS; r < 3.8 || r > 4.2 || x.now.Low >= x.now.MS || x.now.High <= x.now.MS {
			t.Errorf("%s: %g ms (%g to %g) for %g before: accepted is four times that", x.what, x.now.MS, x.now.Low, x.now.High, x.was.MS)
		}
		if x.now.Traffic != x.was.Traffic {
			t.Errorf("%s: %+v, and %+v before: prices move no bytes", x.what, x.now.Traffic, x.was.Traffic)
		}
	}
}

// machineOf is a machine that measured a list's prices alone.
func machineOf(t *testing.T, list cost.Target) *prices.Machine {
	m := &prices.Machine{CPU: "a machine", Cores: list.Machines[list.Client].Cores, Prices: map[string]cost.Price{}, Emulating: 1e3,
		Loopback: prices.Quantity{Value: list.Link.BytesPerSecond.Value}}
	for k, p := range list.Machines[list.Client].Prices {
		m.Prices[cost.Kernel(k).String()] = p
	}
	return m
}

// TestPricesMet: where sessions of samples take half as long again as by the prices of kernels alone, lists by them say so.
func TestPricesMet(t *testing.T) {
	const slower = 1.5
	shipped, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	j := &journal{journalHead: journalHead{Targets: []cost.Target{shipped}, Alone: machineOf(t, shipped)}, runs: map[string][]journalRun{}}
	samples, err := a.sampleCases(j, prices.Budget{Samples: 4}, filepath.Join(t.TempDir(), "samples"))
	if err != nil {
		t.Fatal(err)
	}
	alone, links, err := sampleTarget(j.Alone)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range samples {
		alone.Link = links[i%len(links)]
		e := cost.Estimate(c.sample.ledger, alone)
		for _, times := range []float64{slower, 0.5, 9} { // of which the median counts
			j.hold(journalRun{estimateCase: *c, Program: c.program, Online: party.Phase{MS: times * e.Online.MS}, Offline: party.Phase{MS: times * e.Offline.MS}})
		}
	}
	met, err := a.pricesMet(context.Background(), j, samples)
	if err != nil {
		t.Fatal(err)
	}
	alone.Link = links[0]
	var was, now float64
	for _, c := range samples {
		x, y := cost.Estimate(c.sample.ledger, alone), cost.Estimate(c.sample.ledger, met[0])
		was, now = was+x.Online.MS+x.Offline.MS, now+y.Online.MS+y.Offline.MS
	}
	if r := now / was; r < 0.95*slower || r > 1.05*slower {
		t.Errorf("sessions took %g times as long; by the prices that they met it is %.3f", slower, r)
	}
}

// TestAJournalKeepsToItsPrices: what was begun with a calibration goes on with one, and what was not does not.
func TestAJournalKeepsToItsPrices(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, quiet: true}
	shipped, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	for _, calibrated := range []bool{false, true} {
		j := &journal{name: "j.jsonl", journalHead: journalHead{Targets: []cost.Target{shipped}}}
		if calibrated {
			j.Alone = machineOf(t, shipped)
		}
		for _, calibrate := range []bool{false, true} {
			f := &estimatesFlags{calibrate: calibrate, links: linkList{names: []string{"loopback"}}}
			err := a.estimatePrices(context.Background(), f, j)
			if (err == nil) != (calibrate == calibrated) {
				t.Errorf("begun with calibration %v, went on with %v: %v", calibrated, calibrate, err)
			}
		}
	}
}

// TestInTurn: the fewer and the more are spread over each other, and none is lost.
func TestInTurn(t *testing.T) {
	for _, n := range [][2]int{{40, 116}, {40, 0}, {3, 2}, {1, 5}} {
		cases, among := make([]*estimateCase, n[0]), make([]*estimateCase, n[1])
		for i := range cases {
			cases[i] = &estimateCase{}
		}
		for i := range among {
			among[i] = &estimateCase{sample: &sampleRun{}}
		}
		seen := [2]int{}
		for _, c := range inTurn(cases, among) {
			kind, of := 0, cases
			if c.sample != nil {
				kind, of = 1, among
			}
			if c != of[seen[kind]] {
				t.Fatalf("%v: not in order", n)
			}
			seen[kind]++
			if behind := seen[0]*n[1] - seen[1]*n[0]; behind < 0 || behind > n[0]+n[1] {
				t.Errorf("%v: after %d cases there are %d others", n, seen[0], seen[1])
			}
		}
		if seen != n {
			t.Errorf("%v: %v", n, seen)
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
