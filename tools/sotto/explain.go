package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/passes/choose"
	"sotto/passes/pass"
)

// explanation is why a program is as it is.
type explanation struct {
	Minimize choose.Objective `json:"minimize"`
	choose.Times
	Uniform   pass.Nonlinear    `json:"uniform,omitempty"` // the best single way of comparing, and what that program would take
	Best      choose.Times      `json:"uniform_times"`
	Weighed   choose.Weighed    `json:"weighed"` // what of all programs, so that none of it is estimated faster
	Decisions []choose.Decision `json:"decisions"`
}

// addExplainFlag is what commands share that choose.
func addExplainFlag(c *cobra.Command, f *lowerFlags) {
	c.Flags().StringSliceVar(&f.allow, "allow", nil, "let prices decide open choices that offer a `polynomial` too (x2act); it computes another function, for which weights must have been trained (default: such choices are the user's)")
	c.Flags().BoolVar(&f.explain, "explain", false, "say for each op why its protocol was chosen, and so of ring and scales: the price, the runner-up, and at which bandwidth and delay the choice would flip")
}

// explain gives the reasons of what decide has chosen, if they are asked for; nothing for a dump in stage SECURE, which has its protocols.
func (l *lowering) explain() (*explanation, error) {
	d := l.deciding
	if d.problem == nil || !d.flags.explain {
		return nil, nil
	}
	chosen := d.problem.Forms[d.choice.Candidate.Form]
	if less, err := l.fewer(chosen); err != nil {
		return nil, err
	} else if less != nil {
		d.problem.Forms = append(d.problem.Forms, &less.Form)
	}
	if err := l.boundForms(chosen); err != nil {
		return nil, err
	}
	l.app.progress.step("looking for flips")
	decisions, err := d.problem.Explain(d.choice, d.target.Link)
	if err != nil {
		return nil, err
	}
	e := &explanation{Minimize: d.objective, Times: d.choice.Times, Best: d.choice.UniformTimes, Weighed: d.choice.Weighed, Decisions: decisions}
	if ways := d.choice.Uniform.Ways; len(ways) > 0 {
		e.Uniform = ways[0]
	}
	return e, nil
}

// comparisons counts the ways of the ops that compare, if it was to choose.
func (l *lowering) comparisons() map[pass.Nonlinear]int {
	return countWays(l.deciding.choice.Candidate.Ways)
}

// countWays says how often each way is there.
func countWays(ways []pass.Nonlinear) map[pass.Nonlinear]int {
	counts := map[pass.Nonlinear]int{}
	for _, w := range ways {
		counts[w]++
	}
	return counts
}

// comparisonsText is "ot 12, gc-whole 1".
func comparisonsText(counts map[pass.Nonlinear]int) string {
	var parts []string
	for _, w := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", w, counts[w]))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// text writes a table, and nothing where nothing was asked for.
func (e *explanation) text(w io.Writer) {
	if e == nil {
		return
	}
	var rows [][]string
	for _, d := range e.Decisions { // those of the whole program have no path
		rows = append(rows, []string{cmp.Or(d.Path, "all"), d.Op, blankZero(int64(d.Elements)), d.Chosen + errorText(d.ErrorBound), three(d.Offline), three(d.Online), runnerUp(d), flipsText(d.Flips, choose.Bandwidth), flipsText(d.Flips, choose.Delay)})
		for _, r := range d.Rivals {
			if r.Aside {
				rows = append(rows, []string{"", "", "", "fewer bits", "", "", rivalText(r), "with --error alone", ""})
			}
		}
	}
	table(w, "site op >elements chosen >offline_ms >online_ms runner-up"+flipsHead, rows)
	fmt.Fprintf(w, "\nminimized: %s. Chosen %s offline and %s online", e.Minimize, duration(e.Offline), duration(e.Online))
	if e.Uniform != "" {
		fmt.Fprintf(w, "; with %s alone %s and %s", e.Uniform, duration(e.Best.Offline), duration(e.Best.Online))
	}
	switch e.Weighed {
	case choose.WeighedAll:
		fmt.Fprint(w, ". All programs were weighed: none is estimated faster.\n\n")
	case choose.WeighedAlike:
		fmt.Fprint(w, ". All programs that pack all layers alike were weighed: none is estimated faster; packings of single layers were searched.\n\n")
	case choose.WeighedForm:
		fmt.Fprint(w, ". All programs of this ring and order of pools, and of others with few, that pack all layers alike were weighed: none is estimated faster; others were searched.\n\n")
	default:
		fmt.Fprintf(w, ". Found by search: there are more than %d programs to choose from.\n\n", choose.MostEnumerated)
	}
}

// flipsHead are the columns of flips.
const flipsHead = " flips_with_bandwidth flips_with_one-way_delay"

// runnerUp is the next best option of those that prices may choose, and what it adds.
func runnerUp(d choose.Decision) string {
	for _, r := range d.Rivals {
		if !r.Aside {
			return rivalText(r)
		}
	}
	return "none"
}

func rivalText(r choose.Rival) string {
	return fmt.Sprintf("%s %+.3g ms%s", r.Option, r.Offline+r.Online, errorText(r.ErrorBound))
}

// errorText is the bound of the output's error, where it is known.
func errorText(bound float64) string {
	if bound == 0 {
		return ""
	}
	return fmt.Sprintf(" (error %.3g)", bound)
}

// flipsText says where a choice turns: "gc above 2.1 Gbps".
func flipsText(flips []choose.Flip, a choose.Axis) string {
	var parts []string
	for _, f := range flips {
		if f.Axis == a {
			parts = append(parts, f.To+" "+flipAt(f))
		}
	}
	if parts == nil {
		return "never"
	}
	return strings.Join(parts, ", ")
}

func flipAt(f choose.Flip) string {
	side := "above"
	if f.Below {
		side = "below"
	}
	if f.Axis == choose.Delay {
		return side + " " + duration(f.At)
	}
	return side + " " + bandwidth(f.At)
}

// bandwidth writes bits per second.
func bandwidth(bps float64) string {
	for _, u := range []struct {
		name string
		bps  float64
	}{{"Tbps", 1e12}, {"Gbps", 1e9}, {"Mbps", 1e6}} {
		if bps >= u.bps {
			return three(bps/u.bps) + " " + u.name
		}
	}
	return three(bps/1e3) + " kbps"
}
