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
	if f.link != "loopback" {
		t.Link = link.Link
	}
	return t.OnOneMachine(), err
}

// addEstimates puts what compile expected beside what was measured. A bundle without a report has none, nor has a run on another link, or with
// material from elsewhere, than compile expected.
func (r *runResult) addEstimates(dir string, f *runFlags) {
	var report compileResult
	if readJSON(filepath.Join(dir, reportFile), &report) != nil {
		r.without = "the bundle has no " + reportFile
		return
	}
	if link, err := wire.ParseLink(f.link); err != nil || otherLink(report.TargetLink, link) {
		r.without = fmt.Sprintf("compile's is for target %s, of %.4g Mbps and %.4g ms one way, the run was on --link %s: accepted is the --link of that target, or another --target for compile",
			report.Target, report.TargetLink.BytesPerSecond.Value*8/1e6, report.TargetLink.OneWayMS.Value, f.link)
		return
	}
	if source, err := offlineSource(f.offline); f.store == "" && (err != nil || source != report.Source) {
		r.without = fmt.Sprintf("compile's is with --offline %s, the run was with --offline %s", report.Source, source)
		return
	}
	r.estimate = &report.estimate
	byPath := map[string]expectedLayer{}
	for _, l := range report.Layers {
		byPath[l.Path] = l
	}
	for i, l := range r.Layers {
		r.Layers[i].Online.EstimateMS = byPath[l.Path].Online.MS
		r.Layers[i].Offline.EstimateMS = byPath[l.Path].Offline.MS
	}
	r.Online.EstimateMS, r.Offline.EstimateMS = report.Online.MS, report.Offline.MS
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

// against writes the estimate beside the measurement, layer by layer.
func (r *runResult) against(w io.Writer) {
	if r.estimate == nil {
		fmt.Fprintf(w, "no estimate of this run: %s\n\n", r.without)
		return
	}
	var rows [][]string
	for _, l := range append(r.Layers, party.LayerStats{Path: "total", Online: r.Online, Offline: r.Offline}) {
		rows = append(rows, append(append([]string{l.Path, l.Op}, againstCells(l.Online)...), againstCells(l.Offline)...))
	}
	table(w, "layer op >online_ms >estimate >ratio >offline_ms >estimate >ratio", rows)
	fmt.Fprintf(w, "estimated online %s\nestimated offline %s\n\n", r.estimate.Online.line(), r.estimate.Offline.line())
}

// againstCells are a measurement, its estimate and how many times as long it took; no ratio where there is nothing to compare.
func againstCells(p party.Phase) []string {
	cells := []string{blankMS(p.MS), blankMS(p.EstimateMS), ""}
	if p.MS >= 0.001 && p.EstimateMS >= 0.001 {
		cells[2] = fmt.Sprintf("%.2f", p.MS/p.EstimateMS)
	}
	return cells
}
