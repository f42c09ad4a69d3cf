package timeline

import (
	"math"
	"sync"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Recorder collects a party's side of one session.
type Recorder struct {
	program *program.Program
	origin  time.Time
	pid     int

	mu     sync.Mutex
	events []Event
}

// NewRecorder begins a trace now.
func NewRecorder(p *program.Program) *Recorder {
	return &Recorder{program: p, origin: time.Now(), pid: map[cost.Party]int{cost.Client: Client, cost.Server: Server}[p.Party]}
}

// Observer is what a session tells.
func (r *Recorder) Observer() party.Observer {
	return party.Observer{Message: r.message, Dealt: r.dealt, Span: r.span}
}

// File gives the trace of the session, whose statistics these are.
func (r *Recorder) File(s *party.Stats) *File {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &File{Sotto: 1, Unit: "ms", Events: r.names()}
	f.About = About{Net: r.program.Net, Program: r.program.Pair.String(), Session: s.Session, Source: string(s.Source), Origin: r.origin.UnixNano(),
		Totals: map[string]Total{cost.Offline.String(): {s.Offline.MS, s.Offline.Traffic}, cost.Online.String(): {s.Online.MS, s.Online.Traffic}}}
	f.Events = append(f.Events, r.events...)
	f.settle()
	return f
}

// names are those of the process and of the threads that did something.
func (r *Recorder) names() []Event {
	named := func(what string, tid int, a Args) Event {
		return Event{Name: what, Ph: "M", PID: r.pid, TID: tid, Args: &a}
	}
	out := []Event{named("process_name", 0, Args{Name: r.program.Party.String()}), named("process_sort_index", 0, Args{Order: &r.pid})}
	used := map[int]bool{}
	for _, e := range r.events {
		used[e.TID] = true
	}
	for tid := Phases; tid <= FromDealer; tid++ {
		if used[tid] {
			out = append(out, named("thread_name", tid, Args{Name: threads[tid]}), named("thread_sort_index", tid, Args{Order: &tid}))
		}
	}
	return out
}

// micros rounds microseconds to nanoseconds.
func micros(us float64) float64 { return math.Round(us*1e3) / 1e3 }

func (r *Recorder) at(t time.Time) float64 { return micros(float64(t.Sub(r.origin)) / 1e3) }

func (r *Recorder) add(events ...Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
}

func (r *Recorder) slice(tid int, cat, name string, began, ended time.Time, a Args) Event {
	from := r.at(began)
	dur := micros(r.at(ended) - from)
	return Event{Name: name, Cat: cat, Ph: "X", TS: from, Dur: &dur, PID: r.pid, TID: tid, Args: &a}
}

// phaseName of a phase of messages or of spans.
func phaseName(phase int) string {
	if phase == party.PhaseSession {
		return "session"
	}
	return cost.Phase(phase).String()
}

// part says whose something is.
func (r *Recorder) part(tag int, bytes int64) Part {
	if tag < 0 || tag >= len(r.program.Layers) {
		return Part{Layer: "session", Op: "setup", Protocol: "setup", Bytes: bytes}
	}
	l := r.program.Layers[tag]
	return Part{Layer: l.Path, Line: l.Line, Op: l.Op, Protocol: l.Protocol, Bytes: bytes}
}

var lanes = map[vm.Lane]struct {
	tid int
	cat string
}{vm.Phases: {Phases, "phase"}, vm.Computing: {Computing, "compute"}, vm.Sending: {Sending, "send"}, vm.Receiving: {Receiving, "receive"}}

func (r *Recorder) span(s vm.Span) {
	a := Args{Phase: phaseName(int(s.Phase))}
	if s.Lane != vm.Phases {
		a.Part = r.part(s.Tag, 0)
	}
	r.add(r.slice(lanes[s.Lane].tid, lanes[s.Lane].cat, s.Name, s.Began, s.Ended, a))
}

// message draws a message, and its end of the arrow from the sender to the receiver.
func (r *Recorder) message(m wire.Message) {
	a := r.args(m)
	sender, tid, end := r.pid, MessagesOut, Event{Ph: "s"}
	if !m.Sent {
		sender, tid, end = Client+Server-r.pid, MessagesIn, Event{Ph: "f", BP: "e"}
	}
	slice := r.slice(tid, "message", a.Protocol, m.Began, m.Ended, a)
	end.Name, end.Cat, end.TS, end.PID, end.TID, end.ID = "message", "flow", slice.TS, r.pid, tid, arrow(sender, m.Number)
	r.add(slice, end)
	if !m.Sent {
		r.add(r.slice(tid, "wait", "wait", m.Waited, m.Began, Args{Phase: a.Phase, Part: Part{Layer: a.Layer, Line: a.Line, Op: a.Op, Protocol: a.Protocol}, Round: a.Round}))
	}
}

// dealt draws what the dealer sends; what it is told are a few bytes.
func (r *Recorder) dealt(m wire.Message) {
	if !m.Sent {
		a := r.args(m)
		r.add(r.slice(FromDealer, "message", a.Protocol, m.Began, m.Ended, a))
	}
}

func (r *Recorder) args(m wire.Message) Args {
	a := Args{Phase: phaseName(m.Phase), Round: m.Depth, Number: m.Number, Headers: m.Headers}
	for _, p := range m.Parts {
		if m.Phase == party.PhaseSession {
			p.Tag = cost.SessionTag
		}
		a.Parts = append(a.Parts, r.part(p.Tag, p.Bytes))
	}
	a.Parts[0].Bytes += m.Headers
	a.Part = a.Parts[0]
	a.Bytes = m.Bytes()
	return a
}
