package explore

import (
	"slices"

	"sotto/runtime/party"
	"sotto/tools/sotto/timeline"
)

// Measured is the timeline of a run that was traced.
func Measured(f *timeline.File) *Timeline {
	t := &Timeline{Sotto: Version, Title: "measured", Note: "measured, " + f.About.Net + ", program " + short(f.About.Program)}
	begin := map[string]float64{}
	for _, e := range f.Events {
		if e.Cat == "phase" && e.Ph == "X" {
			if at, ok := begin[e.Name]; !ok || e.TS < at {
				begin[e.Name] = e.TS
			}
		}
	}
	for _, phase := range []string{"offline", "online"} {
		c := newChart(phase, 0, parties)
		for _, e := range f.Events {
			if e.Ph == "X" && e.Args != nil && e.Dur != nil && e.Args.Phase == phase {
				c.event(&e, begin[phase])
			}
		}
		c.finish(0)
		t.Charts = append(t.Charts, c)
	}
	return t
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// event puts a stretch of a trace into its lane; those that say when bytes moved are in none.
func (c *Chart) event(e *timeline.Event, begin float64) {
	lane, ok := laneOfEvent(e)
	if !ok {
		return
	}
	from := max(0, e.TS-begin) / usPerMS
	label := e.Args.Protocol
	if label == "" {
		label = e.Name
	}
	c.add((e.PID-timeline.Client)*kinds+lane, from, max(from, (e.TS-begin+*e.Dur)/usPerMS), e.Args.Layer, label, e.Args.Round, float64(e.Args.Bytes))
}

const usPerMS = 1e3

// laneOfEvent is the kind of work that an event is, of either party.
func laneOfEvent(e *timeline.Event) (lane int, ok bool) {
	if e.PID != timeline.Client && e.PID != timeline.Server {
		return 0, false
	}
	if e.Cat == "wait" {
		return waits, true
	}
	lane, ok = map[int]int{timeline.Computing: computes, timeline.Sending: sends, timeline.Receiving: receives}[e.TID]
	return lane, ok
}

// MeasuredLayers sums a trace by layer, as `sotto run --json` has it: a layer's time is the client's, waiting included, or that of the one party
// whose trace it is; bytes are the messages', and a round is the first message's in it.
func MeasuredLayers(f *timeline.File) *party.Stats {
	s := sums{rows: map[string]*party.LayerStats{}, rounds: map[[2]any]bool{}}
	var lanes [kinds][]timeline.Event
	alone := f.Side()
	for _, e := range f.Events {
		if e.Ph != "X" || e.Args == nil || e.Dur == nil {
			continue
		}
		if len(e.Args.Parts) > 0 && (e.TID == timeline.MessagesOut || alone != 0 && e.TID == timeline.MessagesIn) {
			s.message(&e)
		}
		if lane, ok := laneOfEvent(&e); ok && (e.PID == timeline.Client || e.PID == alone) {
			lanes[lane] = append(lanes[lane], e)
		}
	}
	s.time(lanes)
	out := &party.Stats{}
	for _, path := range s.order {
		out.Layers = append(out.Layers, *s.rows[path])
	}
	out.Online.MS, out.Online.Traffic = f.About.Totals["online"].MS, f.About.Totals["online"].Traffic
	out.Offline.MS, out.Offline.Traffic = f.About.Totals["offline"].MS, f.About.Totals["offline"].Traffic
	return out
}

// sums are rows by layer.
type sums struct {
	rows   map[string]*party.LayerStats
	order  []string
	rounds map[[2]any]bool // that a message of was seen, by phase and number
}

// at is a layer's row of a phase; another phase than those two has none that is shown.
func (s *sums) at(p timeline.Part, phase string) *party.Phase {
	l := s.rows[p.Layer]
	if l == nil {
		l = &party.LayerStats{Path: p.Layer, Op: p.Op, Line: p.Line}
		s.rows[p.Layer] = l
		s.order = append(s.order, p.Layer)
	}
	switch phase {
	case "online":
		return &l.Online
	case "offline":
		return &l.Offline
	}
	return new(party.Phase)
}

func (s *sums) message(e *timeline.Event) {
	for _, p := range e.Args.Parts {
		if at := s.at(p, e.Args.Phase); (e.PID == timeline.Client) == (e.TID == timeline.MessagesOut) {
			at.ClientSent += p.Bytes
		} else {
			at.ServerSent += p.Bytes
		}
	}
	if key := [2]any{e.Args.Phase, e.Args.Round}; e.Args.Round > 0 && !s.rounds[key] {
		s.rounds[key] = true
		s.at(e.Args.Parts[0], e.Args.Phase).Rounds++
	}
}

// time gives every moment to one layer: to what is computed, else received, else sent, else waited for. The events of a lane do not
// overlap.
func (s *sums) time(lanes [kinds][]timeline.Event) {
	var moments []float64
	for _, list := range lanes {
		for _, e := range list {
			moments = append(moments, e.TS, e.TS+*e.Dur)
		}
	}
	slices.Sort(moments)
	for i := range max(0, len(moments)-1) {
		from, to := moments[i], moments[i+1]
		for _, lane := range []int{computes, receives, sends, waits} {
			for len(lanes[lane]) > 0 && lanes[lane][0].TS+*lanes[lane][0].Dur <= from {
				lanes[lane] = lanes[lane][1:]
			}
			if list := lanes[lane]; len(list) > 0 && list[0].TS <= from {
				s.at(list[0].Args.Part, list[0].Args.Phase).MS += (to - from) / usPerMS
				break
			}
		}
	}
}
