package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/tools/sotto/timeline"
)

// traceFile collects a party's side of a session for --trace. A nil one collects nothing.
type traceFile struct {
	path string
	*timeline.Recorder
}

func addTraceFlag(c *cobra.Command, path *string, of string) {
	c.Flags().StringVar(path, "trace", "", "write what "+of+" did and when to `file`, for Perfetto or chrome://tracing: layers, protocols, bytes, rounds, no values")
}

// newTraceFile begins a trace and has the session tell it.
func newTraceFile(path string, o *party.Options) *traceFile {
	if path == "" {
		return nil
	}
	t := &traceFile{path, timeline.NewRecorder(o.Bundle.Program)}
	o.Observer = t.Observer()
	return t
}

func (t *traceFile) write(s *party.Stats) error {
	if t == nil {
		return nil
	}
	return writeTrace(t.path, t.File(s))
}

func writeTrace(path string, f *timeline.File) error {
	text, err := f.Encode()
	if err != nil {
		return err
	}
	return replaceFile(path, string(text))
}

// traces are where the parties of a run write their own traces, by party.
type traces [2]string

// tracesIn gives files in a directory, or none if nothing is traced.
func tracesIn(dir, trace string) (out traces) {
	if trace == "" {
		return out
	}
	for p := range out {
		out[p] = filepath.Join(dir, cost.Party(p).String()+"-trace.json")
	}
	return out
}

// merge writes both parties' traces into one.
func (t traces) merge(path string) error {
	if path == "" {
		return nil
	}
	var sides [2]*timeline.File
	for p := range sides {
		var err error
		if sides[p], err = timeline.Read(t[p]); err != nil {
			return err
		}
	}
	both, _, err := timeline.Merge(sides[cost.Client], sides[cost.Server])
	if err != nil {
		return err
	}
	return writeTrace(path, both)
}
