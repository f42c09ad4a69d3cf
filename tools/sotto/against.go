package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/wire"
)

// The estimate beside the measurement.

// runTarget gives the prices that a run on one machine is held against: a price list's, or those shipped for the link. A price list that is
// given says what this machine costs; the link is the one that is shaped, if one is.
func (a *app) runTarget(f *runFlags, n *network) (cost.Target, error) {
	link, err := a.target(f.link, n)
	if err != nil || f.target == "" {
		return link.OnOneMachine(), err
	}
	t, err := a.target(f.target, n)
	if t.OnBoards() {
		return t, usagef("--target %s is of boards, and run runs on this machine: accepted is a computer's price list, such as `sotto calibrate` writes", f.target)
	}
	if f.link != "loopback" {
		t.Link = link.Link
	}
	return t.OnOneMachine(), err
}

// expectation is what compile expected of a run, both parties on one machine of a target.
type expectation struct {
	Target    string    `json:"target"`
	Online    expected  `json:"online"`
	Offline   expected  `json:"offline"`
	PeakBytes peakBytes `json:"peak_bytes"`

	layers []expectedLayer
}

// expectationOf reads what compile expected of a run from its report, or says why that is of something else: a bundle without a report has none,
// nor has a run on other machines, on another link, or with material from elsewhere, than compile expected.
func expectationOf(dir string, f *runFlags) (*expectation, error) {
	var report compileResult
	if err := readJSON(filepath.Join(dir, reportFile), &report); err != nil {
		return nil, fmt.Errorf("no estimate of this run: %w", err)
	}
	if report.Sotto != version1.Sotto || report.Target == "" {
		return nil, fmt.Errorf("no estimate of this run: %s: accepted is the report of version %d that compile writes", filepath.Join(dir, reportFile), version1.Sotto)
	}
	e := report.OneMachine
	if report.Shared {
		e = &report.estimate
	}
	if e == nil {
		return nil, usagef("no estimate of this run: compile's is for target %s (%s), and run has both parties on this machine: accepted is a bundle compiled for computers, such as --target loopback or a list of `sotto calibrate`",
			report.Target, report.TargetNote)
	}
	if link, err := wire.ParseLink(f.link); err != nil || otherLink(report.TargetLink, link) {
		return nil, usagef("no estimate of this run: compile's is for target %s, of %.4g Mbps and %.4g ms one way, the run is on --link %s: accepted is --link %s, or another --target for compile",
			report.Target, report.TargetLink.BytesPerSecond.Value*8/1e6, report.TargetLink.OneWayMS.Value, f.link, sameLink(report.TargetLink))
	}
	if source, err := offlineSource(f.offline); f.store == "" && (err != nil || source != report.Source) {
		return nil, usagef("no estimate of this run: compile's is with --offline %s, the run is with --offline %s: accepted is the same for both", report.Source, source)
	}
	return &expectation{report.Target, e.Online, e.Offline, e.PeakBytes, e.Layers}, nil
}

// addEstimates puts what compile expected, if that is known, beside what was measured.
func (r *runResult) addEstimates(e *expectation) {
	if e == nil {
		return
	}
	r.Estimate = e
	byPath := map[string]expectedLayer{}
	for _, l := range e.layers {
		byPath[l.Path] = l
	}
	for i, l := range r.Layers {
		r.Layers[i].Online.EstimateMS = byPath[l.Path].Online.MS
		r.Layers[i].Offline.EstimateMS = byPath[l.Path].Offline.MS
	}
	r.Online.EstimateMS, r.Offline.EstimateMS = e.Online.MS, e.Offline.MS
}

// otherLink tells whether prices are for another link than a run's. A shaped one is measured to be what it says, or nearly; one that is not is
// whatever a machine does: faster than lan, with next to no delay.
func otherLink(l cost.Link, of wire.Link) bool {
	const near, slackMS = 1.25, 0.05
	bps, delay := l.BytesPerSecond.Value*8, of.OneWay.Seconds()*1e3
	late := math.Abs(l.OneWayMS.Value-delay) > slackMS+(near-1)*delay
	if !of.Shaped() {
		return late || bps < wire.LAN().BitsPerSecond
	}
	return late || bps > of.BitsPerSecond*near || of.BitsPerSecond > bps*near
}

// sameLink gives the --link of a run that prices are for: a preset, or one in numbers.
func sameLink(l cost.Link) string {
	for _, preset := range wire.Links() {
		if !otherLink(l, preset) {
			return preset.Name
		}
	}
	return three(l.BytesPerSecond.Value*8/1e6) + "mbps," + three(l.OneWayMS.Value) + "ms"
}

// against writes the estimate beside the measurement, layer by layer and in all. A ratio is estimate to measurement, as in `sotto bench estimates`.
func (r *runResult) against(w io.Writer) {
	var rows [][]string
	for _, l := range append(r.Layers, party.LayerStats{Path: "total", Online: r.Online, Offline: r.Offline}) {
		rows = append(rows, append(append([]string{l.Path, l.Op}, againstCells(l.Online)...), againstCells(l.Offline)...))
	}
	table(w, "layer op >online:_estimate_ms >measured >ratio >offline:_estimate_ms >measured >ratio", rows)
	fmt.Fprintln(w)
	r.totals(w)
	fmt.Fprintf(w, "estimates are of both parties on one machine, by the prices of target %s; ratios are estimate / measured\n\n", r.Estimate.Target)
}

// againstCells are an estimate, its measurement and their ratio, which is left out where there is nothing to compare.
func againstCells(p party.Phase) []string {
	cells := []string{blankMS(p.EstimateMS), blankMS(p.MS), ""}
	if p.MS >= 0.001 && p.EstimateMS >= 0.001 {
		cells[2] = ratioCell(p.EstimateMS, p.MS)
	}
	return cells
}

// ratioCell is an estimate over its measurement, left out where nothing was measured.
func ratioCell(estimate, measured float64) string {
	if measured == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", estimate/measured)
}

// totals writes times, bytes each way, rounds and memory, estimated and measured. Of a run from a store the offline phase was another time's.
func (r *runResult) totals(w io.Writer) {
	var rows [][]string
	row := func(what string, show func(int64) string, estimate, measured int64) {
		if estimate != 0 || measured != 0 {
			rows = append(rows, []string{what, show(estimate), "", "", show(measured), ratioCell(float64(estimate), float64(measured))})
		}
	}
	phase := func(name string, e expected, p party.Phase) {
		rows = append(rows, []string{name + " time", duration(e.MS), duration(e.Low), duration(e.High), duration(p.MS), ratioCell(e.MS, p.MS)})
		row(name+" bytes the client sends", count, e.ClientSent, p.ClientSent)
		row(name+" bytes the server sends", count, e.ServerSent, p.ServerSent)
		row(name+" bytes the dealer sends", count, e.DealerSent, p.DealerSent)
		row(name+" rounds", count, int64(e.Rounds), int64(p.Rounds))
	}
	phase("online", r.Estimate.Online, r.Online)
	if r.Stored == nil {
		phase("offline", r.Estimate.Offline, r.Offline)
		row("client's peak memory", size, r.Estimate.PeakBytes.Client, r.ClientPeakRSS)
		row("server's peak memory", size, r.Estimate.PeakBytes.Server, r.ServerPeakRSS)
	}
	table(w, "in_all >estimate >low >high >measured >ratio", rows)
}
