package main

import (
	"fmt"
	"io"
	"path/filepath"

	"sotto/ir/cost"
	"sotto/runtime/party"
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

// addEstimates puts what compile expected beside what was measured. A bundle without a report has none.
func (r *runResult) addEstimates(dir string) {
	var report compileResult
	if readJSON(filepath.Join(dir, reportFile), &report) != nil {
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

// against writes the estimate beside the measurement, layer by layer.
func (r *runResult) against(w io.Writer) {
	if r.estimate == nil {
		fmt.Fprintf(w, "no estimate: the bundle has no %s\n\n", reportFile)
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
