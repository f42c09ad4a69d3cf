package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/runtime/party"
)

// sidesResult is what stats prints of two runs: every layer that either has, in the order of the first.
type sidesResult struct {
	head
	From    string      `json:"from"`
	To      string      `json:"to"`
	Online  sides       `json:"online"`
	Offline sides       `json:"offline"`
	Layers  []sideLayer `json:"layers"`
}

type sideLayer struct {
	Path    string `json:"path"`
	Op      string `json:"op"`
	Online  sides  `json:"online"`
	Offline sides  `json:"offline"`
}

// sides are a phase of both runs. A ratio is the second's by the first's, left out where that is zero.
type sides struct {
	From      party.Phase `json:"from"`
	To        party.Phase `json:"to"`
	RatioMS   *float64    `json:"ratio_ms,omitempty"`
	RatioSent *float64    `json:"ratio_sent,omitempty"`
}

func newStatsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "stats RUN [RUN]", Short: "compare what two runs took, layer by layer", Args: cobra.RangeArgs(1, 2),
		Long: "Stats prints times, bytes and rounds of two runs side by side, in all and for every layer, with the ratios of the second to the\n" +
			"first; of one run, its table. A RUN is what `sotto run --json`, `infer --json` or `serve --json` printed (its last session), or a directory\n" +
			"that compile wrote: what it expects.",
		Example: "  sotto run out --input cat.png --json > gc.json\n  sotto stats gc.json ot.json\n  sotto stats out gc.json   # the estimate and the run",
		RunE: func(_ *cobra.Command, args []string) error {
			from, err := a.readRun(args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.show(struct {
					head
					*party.Stats
				}{version1, from}, func(w io.Writer) { statsTable(w, from) })
			}
			to, err := a.readRun(args[1])
			if err != nil {
				return err
			}
			r := sidesOf(from, to)
			r.From, r.To = args[0], args[1]
			return a.show(r, r.text)
		},
	}
}

// readRun reads a run's JSON, the last of several sessions', or the report in a directory of bundles.
func (a *app) readRun(path string) (*party.Stats, error) {
	no := fmt.Errorf("%s is no run: accepted are what `sotto run --json` printed, and a directory that `sotto compile` wrote", path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if path = filepath.Join(path, reportFile); !exists(path) {
			return nil, no
		}
	}
	text, err := a.read(path)
	if err != nil {
		return nil, err
	}
	var last *party.Stats
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		var r struct {
			Sotto int
			party.Stats
		}
		if err := d.Decode(&r); err == io.EOF && last != nil {
			return last, nil
		} else if err != nil {
			return nil, no
		}
		if r.Sotto == 1 && len(r.Layers) > 0 {
			last = &r.Stats
		}
	}
}

func sidesOf(from, to *party.Stats) *sidesResult {
	r := &sidesResult{head: version1, Online: sidesOfPhase(from.Online, to.Online), Offline: sidesOfPhase(from.Offline, to.Offline)}
	other := map[string]party.LayerStats{}
	for _, l := range to.Layers {
		other[l.Path] = l
	}
	add := func(l, from, to party.LayerStats) {
		r.Layers = append(r.Layers, sideLayer{l.Path, l.Op, sidesOfPhase(from.Online, to.Online), sidesOfPhase(from.Offline, to.Offline)})
	}
	for _, l := range from.Layers {
		add(l, l, other[l.Path])
		delete(other, l.Path)
	}
	for _, l := range to.Layers {
		if _, new := other[l.Path]; new {
			add(l, party.LayerStats{}, l)
		}
	}
	return r
}

func sidesOfPhase(from, to party.Phase) sides {
	ratio := func(a, b float64) *float64 {
		if a <= 0 {
			return nil
		}
		r := b / a
		return &r
	}
	return sides{from, to, ratio(from.MS, to.MS), ratio(float64(from.ClientSent+from.ServerSent), float64(to.ClientSent+to.ServerSent))}
}

func (r *sidesResult) text(w io.Writer) {
	var rows [][]string
	for _, l := range append(r.Layers, sideLayer{Path: "total", Online: r.Online, Offline: r.Offline}) {
		rows = append(rows, append(append([]string{l.Path, l.Op}, l.Online.cells()...), l.Offline.cells()...))
	}
	const phase = " >ms >ms >ratio >sent >sent >ratio >rounds >rounds"
	fmt.Fprintf(w, "first %s, second %s: the online phase, then the offline one\n\n", r.From, r.To)
	table(w, "layer op"+phase+phase, rows)
}

// cells are the columns of a phase.
func (s sides) cells() []string {
	ratio := func(r *float64) string {
		if r == nil {
			return ""
		}
		return three(*r)
	}
	sent := func(p party.Phase) string { return size(p.ClientSent + p.ServerSent) }
	return []string{blankMS(s.From.MS), blankMS(s.To.MS), ratio(s.RatioMS), sent(s.From), sent(s.To), ratio(s.RatioSent),
		strconv.Itoa(s.From.Rounds), strconv.Itoa(s.To.Rounds)}
}
