package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
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
	both, clocks, err := timeline.Merge(server, client)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkArrows(both); err != nil {
		t.Fatal(err)
	}
	if at := both.Events[1].TS; at != 10 || !clocks.Moved || clocks.Drift != 0 {
		t.Errorf("the first message took %v us, accepted is 10 by clocks that were moved: %+v", at, clocks)
	}
	// Clocks that agree with the messages are believed, though the middle is elsewhere.
	server.About.Origin = 93e3
	if both, clocks, err = timeline.Merge(client, server); err != nil || clocks.Moved || both.Events[1].TS != 3 {
		t.Errorf("%+v, %v: accepted is 3 us, as the clocks have it", clocks, err)
	}
	another := *server
	another.About.Program = "another"
	for _, c := range []struct {
		a, b *timeline.File
		want string
	}{
		{client, &another, "different programs"}, {client, side(timeline.Server, 0, 10), "no message"}, {server, server, "both traces are the server's"}, {both, server, "both parties in it already"},
		{client, &timeline.File{About: timeline.About{Program: "p", Session: "s"}, Events: server.Events}, "different sessions"},
	} {
		if _, _, err := timeline.Merge(c.a, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// A clock that is faster than the other would have messages arrive before they left, however it is shifted.
func TestMergeFindsTheDrift(t *testing.T) {
	const ppm, flight = 80e-6, 20.0 // microseconds
	client, server := &timeline.File{Sotto: 1}, &timeline.File{Sotto: 1}
	for i := range 200 {
		at, id := float64(i)*1e5, fmt.Sprint(i)
		theirs := func(t float64) float64 { return (t - 5e6) * (1 + ppm) }
		from, to := timeline.Event{Ph: "s", TS: at, PID: timeline.Client, ID: id}, timeline.Event{Ph: "f", TS: theirs(at + flight), PID: timeline.Server, ID: id}
		if i%2 == 1 {
			from.PID, to.PID, from.TS, to.TS = timeline.Server, timeline.Client, theirs(at), at+flight
			from, to = to, from
		}
		client.Events, server.Events = append(client.Events, from), append(server.Events, to)
	}
	both, clocks, err := timeline.Merge(client, server)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkArrows(both); err != nil {
		t.Error(err)
	}
	if off := clocks.Drift + ppm; math.Abs(off) > 1e-6 || !clocks.Moved {
		t.Errorf("%+v: accepted is a drift of %v", clocks, -ppm)
	}
}

// TestTracesOfTwoHosts: of two processes, each with a trace of its own, one whose clock is an hour late: the merged one is that of the run.
func TestTracesOfTwoHosts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server", "--nonlinear", "gc")
	_, dealer := p.deal()
	var server *proc
	session := func(name string) (r runResult) {
		var addr string
		server, addr = p.serve(dealer, "--sessions", "1", "--trace", name+"-s.json")
		parse(t, p.ends(p.infer(addr, dealer, "--trace", name+"-c.json"), 0, ""), &r)
		p.ends(server, 0, "")
		return r
	}
	ran := session("first")
	session("second")

	merged := func(name string) (r mergedResult) {
		lastObject(t, mustSotto(t, "trace", p.path(name), p.path("first-c.json"), "-o", p.path("both.json"), "--json"), &r)
		return r
	}
	check := func() {
		f, err := timeline.Read(p.path("both.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{checkBytes(f, &ran), checkNesting(f), checkArrows(f)} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	r := merged("first-s.json")
	check()
	if r.Clocks != "believed" || r.Session != ran.Session || r.Net != "tiny" {
		t.Errorf("%+v: accepted are clocks that are believed, of one machine", r)
	}
	mustSotto(t, "explore", p.path("tiny.sotto"), p.path("first-c.json"), p.path("first-s.json"), "-o", p.path("page.html"))
	mustSotto(t, "explore", p.path("first-s.json"), "-o", p.path("page.html"))
	mustSotto(t, "stats", server.out)
	const late = 3600e3 // ms
	f, err := timeline.Read(p.path("first-s.json"))
	if err != nil {
		t.Fatal(err)
	}
	f.About.Origin += late * 1e6
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.overwrite("late.json", text)
	if r = merged("late.json"); r.Clocks != "moved" || math.Abs(r.Ahead-late) > r.Within {
		t.Errorf("%+v: accepted is a clock that is moved by %v ms", r, late)
	}
	check()
	if status, _, errs := sotto("trace", p.path("first-c.json"), p.path("second-s.json"), "-o", p.path("x.json")); status != 1 || !strings.Contains(errs, "different sessions") {
		t.Errorf("status %d, %s: accepted are the two of one session", status, errs)
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
