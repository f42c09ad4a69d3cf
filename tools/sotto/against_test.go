package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
	"sotto/runtime/party"
)

// TestRunsAreHeldAgainstOneMachine: what a run is held against is of both parties on one machine, whatever the target has: by the prices of two computers
// as if these were one, and never by boards.
func TestRunsAreHeldAgainstOneMachine(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	file := filepath.Join("../../examples", "glyphs.sotto")
	n, err := a.load(file, networkFlags{})
	if err != nil {
		t.Fatal(err)
	}
	lower := lowerFlags{weights: "random:1", nonlinear: ways{"ot"}, ot: "softspoken", garbling: string(cost.HalfGates), packing: ways{"compact"}, pools: "first", ring: 32}
	compiled := func(target cost.Target) (*compileResult, string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "out")
		r, err := a.compile(n, lower, target, dir)
		if err != nil {
			t.Fatal(err)
		}
		return r, dir
	}
	lan, err := a.target("lan", n)
	if err != nil {
		t.Fatal(err)
	}
	two, dir := compiled(lan)
	one, _ := compiled(lan.OnOneMachine())
	if one.ProgramHash != two.ProgramHash || one.Offline.MS == two.Offline.MS {
		t.Fatalf("programs %s and %s take %g and %g ms offline: the test is of one program that takes longer on one machine", one.short, two.short, one.Offline.MS, two.Offline.MS)
	}
	e, err := expectationOf(dir, &runFlags{link: "lan"})
	if err != nil || e.Online.MS != one.Online.MS || e.Offline.MS != one.Offline.MS || e.Offline.High != one.Offline.High || e.PeakBytes != one.PeakBytes {
		t.Errorf("a run is held against %+v, %v: on one machine it is %+v", e, err, one.estimate)
	}
	lan.Name, lan.Link.BytesPerSecond.Value, lan.Link.OneWayMS.Value = "two hosts", 2303e6/8, 0.004
	_, dir = compiled(lan)
	if _, err := expectationOf(dir, &runFlags{link: "loopback"}); err == nil || !strings.Contains(err.Error(), "accepted is --link 2303mbps,0.00400ms,") {
		t.Errorf("prices of two hosts for a run on loopback: %v", err)
	}
	if _, err := expectationOf(dir, &runFlags{link: "2303mbps,0.00400ms"}); err != nil {
		t.Errorf("prices of two hosts for a run on their link: %v", err)
	}
	if err := writeJSON(filepath.Join(dir, reportFile), struct{}{}); err != nil {
		t.Fatal(err)
	}
	if _, err := expectationOf(dir, &runFlags{link: "lan"}); err == nil || !strings.Contains(err.Error(), "accepted is the report of version 1") {
		t.Errorf("a report that says nothing: %v", err)
	}
	boards, err := a.target("zcu104x2@lan", n)
	if err != nil {
		t.Fatal(err)
	}
	_, dir = compiled(boards)
	if _, err := expectationOf(dir, &runFlags{link: "lan"}); err == nil || !strings.Contains(err.Error(), "for target zcu104x2@lan (estimate of two AMD ZCU104") {
		t.Errorf("a run held against boards: %v", err)
	}
	if _, err := a.runTarget(&runFlags{link: "lan", target: "zcu104x2"}, n); err == nil || !strings.Contains(err.Error(), "--target zcu104x2 is of boards") {
		t.Errorf("prices of boards for a run: %v", err)
	}
}

// TestTotalsBesideEstimates: times with their range, and what is exact in full, with the ratio of the estimate to the measurement.
func TestTotalsBesideEstimates(t *testing.T) {
	traffic := cost.Traffic{ClientSent: 12345, ServerSent: 1000, Rounds: 7}
	r := runResult{Stats: party.Stats{Online: party.Phase{MS: 20, Traffic: traffic}, Offline: party.Phase{MS: 8, Traffic: traffic}}, ClientPeakRSS: 40e6, ServerPeakRSS: 50e6}
	r.Layers = []party.LayerStats{{Path: "conv1", Op: "conv2d", Online: party.Phase{MS: 20}}}
	more := traffic
	more.Rounds = 14
	r.addEstimates(&expectation{Target: "me", Online: expected{MS: 10, Low: 9, High: 11, Traffic: traffic}, Offline: expected{MS: 8, Low: 4, High: 16, Traffic: more},
		PeakBytes: peakBytes{Client: 20e6, Server: 50e6}, layers: []expectedLayer{{Path: "conv1", Online: expected{MS: 10}}}})
	var b strings.Builder
	r.against(&b)
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"conv1 conv2d 10.0 20.0 0.50", "online time 10.0 ms 9.00 ms 11.0 ms 20.0 ms 0.50", "online bytes the client sends 12,345 12,345 1.00", "online rounds 7 7 1.00",
		"offline time 8.00 ms 4.00 ms 16.0 ms 8.00 ms 1.00", "offline rounds 14 7 2.00", "client's peak memory 20.0 MB 40.0 MB 0.50", "server's peak memory 50.0 MB 50.0 MB 1.00", "by the prices of target me"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	r.Online.MS, r.ClientPeakRSS, r.Online.Rounds, b = 0, 0, 0, strings.Builder{}
	if r.against(&b); strings.Contains(b.String(), "Inf") || strings.Contains(b.String(), "NaN") {
		t.Errorf("nothing was measured, and there is no ratio to it:\n%s", b.String())
	}
	r.Stored, b = &party.Taken{}, strings.Builder{}
	if r.totals(&b); strings.Contains(b.String(), "offline") {
		t.Errorf("a run from a store had no offline phase:\n%s", b.String())
	}
}
