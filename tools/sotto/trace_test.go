package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"sotto/ir/cost"
	"sotto/tools/sotto/timeline"
)

// tracedCommand is `traced TRACE RUN [OTHER]`: the trace of a run holds together, and is of the run whose JSON stands in RUN; the other trace
// tells of the same messages.
func tracedCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: traced TRACE RUN [OTHER]")
	}
	f, err := timeline.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	var r runResult
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &r))
	ts.Check(checkBytes(f, &r))
	ts.Check(checkNesting(f))
	ts.Check(checkArrows(f))
	if len(args) == 3 {
		other, err := timeline.Read(ts.MkAbs(args[2]))
		ts.Check(err)
		if d := cmp.Diff(messages(f), messages(other)); d != "" {
			ts.Fatalf("the messages differ:\n%s", d)
		}
	}
}

// messages are what a trace says of each message but its time, by process and direction.
func messages(f *timeline.File) map[[2]int][]timeline.Args {
	out := map[[2]int][]timeline.Args{}
	for _, e := range f.Events {
		if e.Cat == "message" {
			out[[2]int{e.PID, e.TID}] = append(out[[2]int{e.PID, e.TID}], *e.Args)
		}
	}
	return out
}

// checkBytes holds the messages of a trace against what the run counted: in all, and layer by layer, at both ends.
func checkBytes(f *timeline.File, r *runResult) error {
	type sums map[string]cost.Traffic // by phase and layer
	sent, received := sums{}, sums{}
	add := func(to sums, key string, sender int, bytes int64, round int) {
		t := to[key]
		*t.Sent(cost.Party(sender - timeline.Client)) += bytes
		t.Rounds = max(t.Rounds, round)
		to[key] = t
	}
	for _, e := range f.Events {
		to, sender := sent, e.PID
		if e.TID == timeline.MessagesIn {
			to, sender = received, timeline.Client+timeline.Server-e.PID
		}
		if e.Cat != "message" || e.TID == timeline.FromDealer || e.Args.Phase == "session" {
			continue
		}
		add(to, e.Args.Phase, sender, e.Args.Bytes, e.Args.Round)
		var parts int64
		for _, p := range e.Args.Parts {
			add(to, e.Args.Phase+" "+p.Layer, sender, p.Bytes, 0)
			parts += p.Bytes
		}
		if parts != e.Args.Bytes {
			return fmt.Errorf("message %d: parts of %d bytes, the message has %d", e.Args.Number, parts, e.Args.Bytes)
		}
	}
	want := sums{"offline": r.Offline.Traffic, "online": r.Online.Traffic}
	for _, l := range r.Layers {
		for phase, t := range map[string]cost.Traffic{"offline": l.Offline.Traffic, "online": l.Online.Traffic} {
			if t.Rounds = 0; t != (cost.Traffic{}) {
				want[phase+" "+l.Path] = t
			}
		}
	}
	if want["offline"] == (cost.Traffic{}) { // of a store
		delete(want, "offline")
	}
	if d := cmp.Diff(want, sent); d != "" {
		return fmt.Errorf("what is sent is not what the run counted (-run +trace):\n%s", d)
	}
	if d := cmp.Diff(sent, received); d != "" {
		return fmt.Errorf("what is received is not what is sent (-sent +received):\n%s", d)
	}
	return nil
}

// checkNesting holds that no two stretches of a thread overlap but where one lies within the other.
func checkNesting(f *timeline.File) error {
	const rounding = 0.002 // microseconds, of two numbers
	type thread struct{ pid, tid int }
	open := map[thread][]timeline.Event{}
	for _, e := range f.Events {
		if e.Ph != "X" {
			continue
		}
		if e.Dur == nil || *e.Dur < 0 || e.TS < 0 {
			return fmt.Errorf("%s at %v has no time", e.Name, e.TS)
		}
		at := thread{e.PID, e.TID}
		stack := open[at]
		for len(stack) > 0 && end(stack[len(stack)-1]) <= e.TS+rounding {
			stack = stack[:len(stack)-1]
		}
		if n := len(stack); n > 0 && end(e) > end(stack[n-1])+rounding {
			return fmt.Errorf("%s of process %d, thread %d, from %v to %v begins in %s, which ends at %v", e.Name, e.PID, e.TID, e.TS, end(e),
				stack[n-1].Name, end(stack[n-1]))
		}
		open[at] = append(stack, e)
	}
	return nil
}

func end(e timeline.Event) float64 { return e.TS + *e.Dur }

// checkArrows holds that every message that left arrives, and not before it left: the clocks agree.
func checkArrows(f *timeline.File) error {
	left, arrived := map[string]timeline.Event{}, map[string]timeline.Event{}
	for _, e := range f.Events {
		switch e.Ph {
		case "s":
			left[e.ID] = e
		case "f":
			arrived[e.ID] = e
		}
	}
	if len(left) == 0 || len(left) != len(arrived) {
		return fmt.Errorf("%d messages left and %d arrived", len(left), len(arrived))
	}
	for id, e := range left {
		if to, ok := arrived[id]; !ok || to.PID == e.PID || to.TS < e.TS {
			return fmt.Errorf("message %s left at %v and arrived at %+v", id, e.TS, to)
		}
	}
	return nil
}

// Clocks that differ are brought together by the messages between them.
func TestMergeAlignsClocks(t *testing.T) {
	side := func(pid int, origin int64, at ...float64) *timeline.File {
		f := &timeline.File{Sotto: 1, About: timeline.About{Program: "p", Origin: origin}}
		for i, ts := range at {
			ph := [2]string{"s", "f"}[(i+pid-1)%2]
			f.Events = append(f.Events, timeline.Event{Name: "message", Ph: ph, TS: ts, PID: pid, TID: timeline.MessagesOut, ID: fmt.Sprint(i)})
		}
		return f
	}
	// Two messages that take 10 us each; the server's clock is an hour late.
	client, server := side(timeline.Client, 0, 100, 200), side(timeline.Server, 3600e9, 10, 90)
	both, err := timeline.Merge(client, server)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkArrows(both); err != nil {
		t.Fatal(err)
	}
	if at := both.Events[1].TS; at != 10 {
		t.Errorf("the first message took %v us, accepted is 10", at)
	}
	server.About.Program = "another"
	if _, err := timeline.Merge(client, server); err == nil {
		t.Error("traces of two programs were merged")
	}
}

func TestTraceIsRead(t *testing.T) {
	for _, text := range []string{"", "{}", `{"sotto":1,"traceEvents":[]}`, `{"traceEvents":[{"ph":"X"}]}`, `[1]`} {
		path := t.TempDir() + "/t.json"
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := timeline.Read(path); err == nil {
			t.Errorf("%q is read as a trace", text)
		}
	}
}
