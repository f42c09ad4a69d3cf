package explore

import (
	"math"
	"testing"

	"sotto/ir/cost"
	"sotto/tools/sotto/timeline"
)

// event is a stretch of a trace in microseconds.
func event(pid, tid int, cat string, from, dur float64, layer string, bytes int64) timeline.Event {
	a := &timeline.Args{Phase: "online", Round: 1, Part: timeline.Part{Layer: layer, Op: "relu", Line: 4, Bytes: bytes}}
	if tid == timeline.MessagesOut {
		a.Parts = []timeline.Part{{Layer: layer, Op: "relu", Line: 4, Bytes: bytes}}
	}
	return timeline.Event{Name: "x", Cat: cat, Ph: "X", TS: from, Dur: &dur, PID: pid, TID: tid, Args: a}
}

// TestTracesAreSummedOnce: every moment of the client's is one layer's, though its reader waits while it computes; lanes are the parties'.
func TestTracesAreSummedOnce(t *testing.T) {
	const client, server = timeline.Client, timeline.Server
	f := &timeline.File{Sotto: 1, About: timeline.About{Net: "tiny", Program: "abc", Totals: map[string]timeline.Total{"online": {MS: 3, Traffic: cost.Traffic{ClientSent: 7, ServerSent: 5, Rounds: 1}}}}}
	phase := event(client, timeline.Phases, "phase", 1000, 3000, "", 0)
	phase.Name = "online"
	f.Events = []timeline.Event{{Name: "process_name", Ph: "M", PID: client}, phase,
		event(client, timeline.Computing, "compute", 1000, 1000, "conv1", 0),
		event(client, timeline.MessagesIn, "wait", 1500, 2000, "relu1", 0),
		event(client, timeline.MessagesOut, "message", 2000, 100, "conv1", 7),
		event(server, timeline.MessagesOut, "message", 2000, 100, "relu1", 5),
		event(server, timeline.Sending, "send", 2000, 500, "relu1", 5),
	}
	s := MeasuredLayers(f)
	got := map[string]float64{}
	for _, l := range s.Layers {
		got[l.Path] = l.Online.MS
		if l.Path == "conv1" && (l.Online.ClientSent != 7 || l.Online.ServerSent != 0 || l.Online.Rounds != 1) || l.Path == "relu1" && (l.Online.ServerSent != 5 || l.Online.Rounds != 0) {
			t.Errorf("%+v", l)
		}
	}
	if math.Abs(got["conv1"]-1) > 1e-9 || math.Abs(got["relu1"]-1.5) > 1e-9 || s.Online.MS != 3 {
		t.Errorf("layers take %v of %v ms", got, s.Online.MS)
	}
	c := Measured(f).Charts[1]
	want := []Bar{{computes, 0, 1}, {waits, 0.5, 2.5}, {kinds + sends, 1, 1.5}}
	if c.Name != "online" || len(c.Spans) != len(want) {
		t.Fatalf("%s: %v", c.Name, c.Spans)
	}
	for i, b := range c.Spans {
		if [3]float64(b[:3]) != [3]float64(want[i][:3]) {
			t.Errorf("span %d is %v, want %v", i, b, want[i])
		}
	}
}
