package main

import (
	"context"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
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
	if err := errors.Join(j.begin(begun), j.price(journalPrices{[]cost.Target{fourfold(before)}, 11})); err != nil {
		t.Fatal(err)
	}
	j.close()
	if j, err = openJournal(name); err != nil {
		t.Fatal(err)
	}
	defer j.close()

	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	f := &estimatesFlags{nets: []string{"minionn.relu"}, deploys: []string{string(cost.ClientServer)}, runs: 11, calibrate: true, examples: "../../examples"}
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
	if err := j.add(c, &runResult{}); err != nil || j.Met != nil {
		t.Errorf("%v; prices that an earlier run met are kept behind a later one", err)
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

// TestPricesMet: where the last sessions of samples take half as long again as by the prices of kernels alone, lists by them say so; also when they
// are those of a journal that goes on.
func TestPricesMet(t *testing.T) {
	const slower, rounds = 1.5, 3
	shipped, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	name := filepath.Join(t.TempDir(), "journal")
	var j *journal
	compiled := func() []*estimateCase {
		if j, err = openJournal(name); err != nil {
			t.Fatal(err)
		}
		if j.Alone == nil {
			if err := j.begin(journalHead{version1, thisMachine().text(), []cost.Target{shipped}, machineOf(t, shipped)}); err != nil {
				t.Fatal(err)
			}
		}
		samples, err := a.sampleCases(j, prices.Budget{Samples: 4}, filepath.Join(t.TempDir(), "samples"))
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
	samples := compiled()
	alone, links, err := sampleTarget(j.Alone)
	if err != nil {
		t.Fatal(err)
	}
	took := func(c *estimateCase, link cost.Link, x cost.Target) [2]float64 {
		x.Link = link
		e := cost.Estimate(c.sample.ledger, x)
		return [2]float64{cost.Offline: e.Offline.MS, cost.Online: e.Online.MS}
	}
	for i, c := range samples {
		ms := took(c, links[i%len(links)], alone)
		for _, times := range []float64{100, slower, 0.5, 9, slower, 1.2} { // of the last five the median counts
			if err := j.add(c, &runResult{Stats: party.Stats{Online: party.Phase{MS: times * ms[cost.Online]}, Offline: party.Phase{MS: times * ms[cost.Offline]}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	j.close()
	samples = compiled() // which finds the runs of the same programs
	defer j.close()
	met, err := a.pricesMet(context.Background(), j, samples, rounds)
	if err != nil {
		t.Fatal(err)
	}
	var was, now [2]float64
	for i, c := range samples {
		for phase, ms := range took(c, links[i%len(links)], alone) {
			if got := c.sample.ms[i%len(links)][phase]; len(got) != sampleRuns(rounds) || math.Abs(slices.Sorted(slices.Values(got))[2]/ms-slower) > 1e-9 {
				t.Errorf("%s, phase %d: %v, of %g ms", c.name(), phase, got, ms)
			}
			was[phase] += ms
		}
		for phase, ms := range took(c, links[i%len(links)], met[0]) {
			now[phase] += ms
		}
	}
	for phase := range was {
		if r := now[phase] / was[phase]; r < 0.9*slower || r > 1.1*slower {
			t.Errorf("phase %d of sessions took %g times as long; by the prices that they met it is %.3f", phase, slower, r)
		}
	}
}

// TestSamplesAreRunBeside: in few rounds as often as in a calibration; and where a journal has them, but not the networks, anew.
func TestSamplesAreRunBeside(t *testing.T) {
	c := &estimateCase{Net: "sample", program: "x", sample: &sampleRun{}}
	for _, x := range []struct {
		rounds, had int
		beside      bool
		want        []int
	}{
		{11, 0, true, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, {3, 0, true, []int{2, 2, 1}}, {1, 0, true, []int{5}},
		{3, 0, false, []int{2, 2, 1}}, {3, 5, false, []int{0, 0, 0}}, {3, 3, false, []int{0, 1, 1}}, {3, 5, true, []int{2, 2, 1}},
	} {
		j := &journal{runs: map[string][]journalRun{}}
		run := func(n int) {
			for range n {
				if err := j.add(c, &runResult{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		run(x.had)
		for round, want := range x.want {
			got := max(0, c.lacks(j, round, x.rounds, x.beside))
			if got != want {
				t.Errorf("round %d of %d, %d in the journal, beside networks %v: %d runs, want %d", round, x.rounds, x.had, x.beside, got, want)
			}
			run(got)
		}
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
