package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"sotto/fpga/sched"
	"sotto/ir/cost"
)

// twoLayers is a convolution at the server whose shares the client answers: loads, computes and stores in two tiles, then a message each
// way with a delay, and a step at the client that is short.
func twoLayers() *Run {
	p := &sched.Problem{
		Resources: []sched.Resource{{Name: "client elementwise", Units: 1}, {Name: "client to server", Units: 1}, {Name: "server memory", Units: 2}, {Name: "server conv", Units: 1}, {Name: "server to client", Units: 1}},
	}
	r := &Run{Net: "two <layers>", Board: "board", Link: "link", ClockMHz: 100, Watts: 16, Problem: p, Layers: []Layer{{Path: "conv#1", Op: "conv", Line: 3}, {Path: "act#1", Op: "x2act", Line: 4}, {Path: "none", Op: "copy"}}}
	r.Resources = []Resource{{cost.Client, Engine, "elementwise"}, {cost.Client, Network, ""}, {cost.Server, Memory, ""}, {cost.Server, Engine, "conv"}, {cost.Server, Network, ""}}
	add := func(name string, resource int, cycles int64, layer int, bytes int64, after ...sched.Dep) int {
		p.Ops = append(p.Ops, sched.Op{Name: name, Resource: resource, Cycles: cycles, After: after})
		r.Ops = append(r.Ops, Op{Layer: layer, Command: len(p.Ops), Bytes: bytes})
		return len(p.Ops) - 1
	}
	for range 2 {
		load := add("load", 2, 100, 0, 400)
		conv := add("conv", 3, 1000, 0, 0, sched.Dep{Op: load})
		store := add("store", 2, 50, 0, 200, sched.Dep{Op: conv})
		send := add("send", 4, 300, 1, 1200, sched.Dep{Op: store})
		step := add("step", 0, 10, 1, 0, sched.Dep{Op: send, Lag: 5000})
		add("answer", 1, 300, 1, 1000, sched.Dep{Op: step})
	}
	r.Schedule = sched.List(p)
	return r
}

func TestCyclesSumToTheLatency(t *testing.T) {
	r := twoLayers()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	s := r.Summarise()
	sum := int64(0)
	for _, l := range s.Layers {
		sum += l.Cycles
	}
	if sum != s.Cycles || s.Cycles != 100+2*1000+50+300+5000+10+300 {
		t.Errorf("layers take %d cycles of %d", sum, s.Cycles)
	}
	if len(s.Layers) != 2 {
		t.Fatalf("%d layers, want those that something is done for: 2", len(s.Layers))
	}
	conv, act := s.Layers[0], s.Layers[1]
	if conv.Bound != string(Engine) || conv.BoundBy != "server conv" || conv.Memory != 1200 {
		t.Errorf("the convolution is bound by %s %s and moves %d bytes", conv.Bound, conv.BoundBy, conv.Memory)
	}
	if act.Bound != boundDelay || act.ClientSent != 2000 || act.ServerSent != 2400 || act.Delay == 0 {
		t.Errorf("the activation is bound by %s, %d and %d bytes are sent, %d cycles waited", act.Bound, act.ClientSent, act.ServerSent, act.Delay)
	}
	if s.EnergyMJ != s.LatencyMS*16 || s.LatencyMS != float64(s.Cycles)/1e5 {
		t.Errorf("%g mJ, %g ms", s.EnergyMJ, s.LatencyMS)
	}
}

func TestWhatRunsWhileTheLinkIsBusy(t *testing.T) {
	s := twoLayers().Summarise()
	for _, o := range s.Overlap {
		if o.Direction != "server to client" {
			continue
		}
		if len(o.Beside) == 0 || o.Beside[0] != (Busy{"server conv", 300}) || o.BusyCycles != 600 {
			t.Errorf("while the first message leaves the second tile is computed: got %+v", o)
		}
		return
	}
	t.Error("nothing is said of the direction from server to client")
}

func TestGanttIsXMLAndTraceIsJSON(t *testing.T) {
	r := twoLayers()
	var svg, trace bytes.Buffer
	if err := errors.Join(r.Gantt(&svg), r.Trace(&trace)); err != nil {
		t.Fatal(err)
	}
	bars := 0
	for d := xml.NewDecoder(&svg); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "title" {
			bars++
		}
	}
	var events struct {
		TraceEvents []event `json:"traceEvents"`
	}
	if err := json.Unmarshal(trace.Bytes(), &events); err != nil {
		t.Fatal(err)
	}
	spans := 0
	for _, e := range events.TraceEvents {
		if e.Ph == "X" {
			spans++
		}
	}
	if bars == 0 || bars > len(r.Ops) || spans != len(r.Ops) {
		t.Errorf("%d bars and %d spans of %d operations", bars, spans, len(r.Ops))
	}
}

func TestPageNamesEveryLayer(t *testing.T) {
	r := twoLayers()
	var b bytes.Buffer
	if err := r.Summarise().Page(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"conv#1", "act#1", "server conv", "network delay", "estimate", "while"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, b.String())
		}
	}
}

func TestForeignPartsAreRefused(t *testing.T) {
	r := twoLayers()
	r.Schedule.Start[3] = 0
	if err := r.Check(); err == nil {
		t.Error("a message leaves before it is computed")
	}
	r = twoLayers()
	r.Ops = r.Ops[1:]
	if err := r.Check(); err == nil {
		t.Error("operations are not described")
	}
}
