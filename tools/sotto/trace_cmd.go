package main

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"sotto/tools/sotto/timeline"
)

// mergedResult says how the two sides of a run were put on one clock. Times are in milliseconds.
type mergedResult struct {
	head
	Output  string  `json:"output"`
	Net     string  `json:"net"`
	Program string  `json:"program_hash"`
	Session string  `json:"session"`
	Events  int     `json:"events"`
	Clocks  string  `json:"clocks"`          // believed, or moved: they had messages arrive before they left
	Ahead   float64 `json:"server_ahead_ms"` // by how much the server's clock was ahead of the client's, when its side of the trace begins
	Within  float64 `json:"within_ms"`       // how much later or earlier than that the messages allow: half of the shortest way there and back
	Drift   float64 `json:"drift_ppm"`       // by how much the client's clock was the faster
}

func newTraceCmd(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "trace TRACE TRACE -o FILE", Short: "put what two hosts traced of one run on one clock", Args: cobra.ExactArgs(2),
		Long: "Trace takes what `sotto infer --trace` and `sotto serve --trace` wrote of the same session, in any order, and writes what\n" +
			"`sotto run --trace` writes: both parties, for Perfetto, chrome://tracing and `sotto explore`. The clocks of the two hosts are believed as\n" +
			"long as every message arrives after it left; otherwise the server's is moved to the middle of what the messages both ways allow.",
		Example: "  sotto trace client.json server.json -o both.json\n  sotto explore net.sotto both.json",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the file to write")
			}
			r, err := mergeTraces(args, out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `file` to write")
	return c
}

func mergeTraces(paths []string, out string) (*mergedResult, error) {
	var of [2]*timeline.File
	for i, path := range paths {
		var err error
		if of[i], err = timeline.Read(path); err != nil {
			return nil, err
		}
	}
	both, clocks, err := timeline.Merge(of[0], of[1])
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", paths[0], paths[1], err)
	}
	if err := writeTrace(out, both); err != nil {
		return nil, err
	}
	const usPerMS = 1e3
	r := &mergedResult{head: version1, Output: out, Net: both.About.Net, Program: both.About.Program, Session: both.About.Session, Events: len(both.Events),
		Clocks: "believed", Ahead: (clocks.Own - clocks.Shift) / usPerMS, Within: (clocks.High - clocks.Low) / 2 / usPerMS, Drift: clocks.Drift * 1e6}
	if clocks.Moved {
		r.Clocks = "moved"
	}
	return r, nil
}

func (r *mergedResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, session %.12s, %s events\n", r.Output, r.Net, r.Session, count(int64(r.Events)))
	if r.Clocks == "believed" {
		fmt.Fprintln(w, "the hosts' clocks agree with the messages, and are believed")
		return
	}
	where := "ahead of"
	if r.Ahead < 0 {
		where = "behind"
	}
	fmt.Fprintf(w, "the server's clock was %s %s the client's, give or take %s: moved", duration(math.Abs(r.Ahead)), where, duration(r.Within))
	if r.Drift != 0 {
		fmt.Fprintf(w, "; the client's was faster by %.3g parts in a million", r.Drift)
	}
	fmt.Fprintln(w)
}
