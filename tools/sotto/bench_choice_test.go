package main

import (
	"io"
	"testing"

	"sotto/ir/cost"
	"sotto/ir/pos"
	"sotto/passes/choose"
	"sotto/passes/pass"
	"sotto/runtime/wire"
	"sotto/tools/sotto/estimates"
)

// times is n runs of about so many milliseconds, from 0.97 to 1.03 of it.
func times(ms float64, n int) (runs []float64) {
	for i := range n {
		runs = append(runs, ms*(0.97+0.03*float64(i%3)))
	}
	return runs
}

// TestChoiceVerdicts: a choice fails and holds by intervals alone, which fewer than six runs do not give; a program beside itself needs none.
func TestChoiceVerdicts(t *testing.T) {
	for _, c := range []struct {
		name         string
		chosen, best float64
		runs         int
		same         bool
		want         estimates.Verdict
	}{
		{"faster", 80, 100, 7, false, estimates.Holds},
		{"slower", 120, 100, 7, false, estimates.Fails},
		{"about the bound", 104, 100, 7, false, estimates.Open},
		{"slower in three runs", 120, 100, 3, false, estimates.Open},
		{"faster in one run", 80, 100, 1, false, estimates.Open},
		{"the same program, once", 100, 100, 1, true, estimates.Holds},
	} {
		chosen, best := times(c.chosen, c.runs), times(c.best, c.runs)
		for i := range best { // ratios scatter too
			best[i] *= 1 + 0.02*float64(i%2)
		}
		m, err := estimates.MedianOf(best)
		if err != nil {
			t.Fatal(err)
		}
		row := choiceRow{Chosen: timedProgram{hash: "chosen", runs: chosen}, Single: []timedProgram{{Nonlinear: pass.OTSign, hash: "single", runs: best, MS: &m}}}
		if c.same {
			row.Chosen.MS, row.Single[0].hash = &m, "chosen"
		}
		if err := row.judge(); err != nil || row.Verdict != c.want || row.Best != pass.OTSign {
			t.Errorf("%s: %v against %s (ratio %s), %v, want %v", c.name, row.Verdict, row.Best, interval(row.Ratio), err, c.want)
		}
	}
}

func TestFlipVerdicts(t *testing.T) {
	for _, c := range []struct {
		name      string
		near, far float64 // ratios
		runs      int
		want      estimates.Verdict
	}{
		{"each is faster on its side", 1.2, 0.8, 7, estimates.Holds},
		{"no difference anywhere", 1, 1, 7, estimates.Open},
		{"no difference beyond", 1.2, 1, 7, estimates.Open},
		{"the near one is slower near", 0.8, 0.8, 7, estimates.Fails},
		{"the far one is slower beyond", 1, 1.2, 7, estimates.Fails},
		{"one run", 1.2, 0.8, 1, estimates.Open},
		{"one run says the contrary", 0.8, 1.2, 1, estimates.Open},
	} {
		near, err := estimates.MedianOf(times(c.near, c.runs))
		if err != nil {
			t.Fatal(err)
		}
		far, err := estimates.MedianOf(times(c.far, c.runs))
		if err != nil {
			t.Fatal(err)
		}
		row := flipRow{NearRatio: near, FarRatio: far}
		if row.judge(); row.Verdict != c.want {
			t.Errorf("%s: %v, want %v", c.name, row.Verdict, c.want)
		}
	}
}

// TestChoiceCompilesForOneMachine: prices of a machine for each party are taken for both on one, where they run; and flips that nothing can be
// measured of are left out: one that is not fails, of no runs.
func TestChoiceCompilesForOneMachine(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	b := &choiceBench{app: a, choiceFlags: &choiceFlags{deploy: string(cost.ClientServer), prices: "lan", examples: "../../examples"}, tmp: t.TempDir()}
	n, err := b.net("glyphs_plain")
	if err != nil {
		t.Fatal(err)
	}
	link, err := wire.ParseLink("lan")
	if err != nil {
		t.Fatal(err)
	}
	_, r, err := b.compile(n, link, lowerFlags{})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Shared || r.OneMachine != nil {
		t.Errorf("compiled for two machines: %g ms there", r.Online.MS)
	}
	for _, f := range []choose.Flip{
		{Axis: choose.Delay, At: 900},              // its far side is of 2.7 s
		{Axis: choose.Bandwidth, At: 9e11},         // of 2.7 Tbps
		{Axis: choose.Delay, At: 1e-3},             // the same program on both sides
		{Axis: choose.Delay, At: 900, Below: true}, // its near side
	} {
		if row, err := b.flip(n, link, f); row != nil || err != nil {
			t.Errorf("flip at %g (%s) is measured: %+v, %v", f.At, f.Axis, row, err)
		}
	}
}
