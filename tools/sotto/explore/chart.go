package explore

import (
	"math"
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
)

// Timeline is who does what when: charts side by side, such as one a phase.
type Timeline struct {
	Sotto  int      `json:"sotto"`
	Title  string   `json:"title"`
	Note   string   `json:"note,omitempty"` // what the times are
	Charts []*Chart `json:"charts"`
}

// Chart is one stretch of time with lanes of work.
type Chart struct {
	Name   string   `json:"name"`
	MS     float64  `json:"ms"` // its length
	Lanes  []Lane   `json:"lanes"`
	Layers []string `json:"layers"` // that spans name by index
	Labels []string `json:"labels"` // likewise
	Spans  []Bar    `json:"spans"`  // by lane, in the order of time

	layers, labels map[string]int
}

// Lane is a line of a chart.
type Lane struct {
	Group string `json:"group"` // client, server, link ...
	Name  string `json:"name"`
	Kind  string `json:"kind"` // compute, send, receive, wait, load, store or issue: its colour
}

// Bar is a span of a lane: lane, from and to in ms, layer, label, round (or level; 0: none), bytes.
type Bar [7]float64

// Fields of a Bar.
const (
	barLane = iota
	barFrom
	barTo
	barLayer
	barLabel
	barRound
	barBytes
)

func newChart(name string, ms float64, lanes []Lane) *Chart {
	return &Chart{Name: name, MS: ms, Lanes: lanes, Layers: []string{}, Labels: []string{}, Spans: []Bar{}, layers: map[string]int{}, labels: map[string]int{}}
}

// add puts a span into a lane.
func (c *Chart) add(lane int, from, to float64, layer, label string, round int, bytes float64) {
	c.Spans = append(c.Spans, Bar{float64(lane), from, to, float64(indexOf(&c.Layers, c.layers, layer)), float64(indexOf(&c.Labels, c.labels, label)), float64(round), math.Round(bytes)})
	c.MS = max(c.MS, to)
}

func indexOf(list *[]string, index map[string]int, name string) int {
	i, ok := index[name]
	if !ok {
		i = len(*list)
		*list = append(*list, name)
		index[name] = i
	}
	return i
}

// finish orders the spans by lane and time, joins those of one lane, layer and label with less than gap between them, and keeps times to
// a nanosecond.
func (c *Chart) finish(gap float64) {
	slices.SortStableFunc(c.Spans, func(a, b Bar) int {
		return slices.Compare(a[:barTo], b[:barTo])
	})
	out := c.Spans[:0]
	for _, b := range c.Spans {
		if n := len(out) - 1; n >= 0 && out[n].joins(b, gap) {
			out[n][barTo], out[n][barBytes] = max(out[n][barTo], b[barTo]), out[n][barBytes]+b[barBytes]
			continue
		}
		out = append(out, b)
	}
	for i := range out {
		out[i][barFrom], out[i][barTo] = nanos(out[i][barFrom]), nanos(out[i][barTo])
	}
	c.Spans = out
}

func nanos(ms float64) float64 { return math.Round(ms*1e6) / 1e6 }

func (b Bar) joins(next Bar, gap float64) bool {
	return b[barLane] == next[barLane] && b[barLayer] == next[barLayer] && b[barLabel] == next[barLabel] && b[barRound] == next[barRound] && next[barFrom]-b[barTo] < gap
}

// The lanes of a session.
const (
	computes = iota
	sends
	receives
	waits
	kinds
)

// parties are the lanes of a session: the client's, then the server's.
var parties = func() (lanes []Lane) {
	for _, who := range []string{"client", "server"} {
		for i, kind := range []string{computes: "compute", sends: "send", receives: "receive", waits: "wait"} {
			lanes = append(lanes, Lane{who, [...]string{"computes", "sends", "receives", "waits"}[i], kind})
		}
	}
	return lanes
}()

// fill adds, for each party, what is between its spans as waiting.
func (c *Chart) fill() {
	for p := range 2 {
		var busy []Bar
		for _, b := range c.Spans {
			if int(b[barLane])/kinds == p {
				busy = append(busy, b)
			}
		}
		slices.SortFunc(busy, func(a, b Bar) int { return slices.Compare(a[barFrom:barTo], b[barFrom:barTo]) })
		until, least := 0.0, c.MS/1e6
		for _, b := range append(busy, Bar{barFrom: c.MS, barTo: c.MS}) {
			if b[barFrom] > until+least {
				c.add(p*kinds+waits, until, b[barFrom], "", "waits", 0, 0)
			}
			until = max(until, b[barTo])
		}
	}
}

// Estimated is the round timeline of a SECURE function at a target's prices: of both parties who computes, sends, receives and waits.
func Estimated(m *ir.Module, f *ir.Func, source cost.Source, target cost.Target) *Timeline {
	l := ir.Account(m, f, source)
	t := &Timeline{Sotto: Version, Title: "estimate", Note: target.Name + ": " + target.Source}
	for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
		c := newChart(phase.String(), 0, parties)
		for _, s := range cost.Spans(l, target, phase) {
			c.span(f, s)
		}
		c.fill()
		c.finish(0)
		t.Charts = append(t.Charts, c)
	}
	return t
}

// lanesOf names the lanes of a party's kinds of work.
var lanesOf = map[cost.When]int{cost.Sending: sends, cost.Receiving: receives, cost.After: computes}

func (c *Chart) span(f *ir.Func, s cost.Span) {
	layer, label := "session", "setup"
	if s.Tag >= 0 {
		layer, label = f.Body[s.Tag].Layer(), f.Body[s.Tag].Op.Name
	}
	lane := int(s.Party)*kinds + lanesOf[s.When]
	if s.Party == cost.Dealer {
		if len(c.Lanes) == len(parties) {
			c.Lanes = append(slices.Clone(parties), Lane{"dealer", "computes", "compute"})
		}
		lane = len(parties)
	}
	c.add(lane, s.From, s.To, layer, label, s.Level, s.Bytes)
}
