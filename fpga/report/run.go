// Package report says what a schedule of the accelerators comes to: layer by layer what takes how long and what binds it, a Gantt chart of
// both parties, and a trace for chrome://tracing or Perfetto. It reads schedules and makes none.
package report

import (
	"cmp"
	"fmt"
	"slices"

	"sotto/fpga/sched"
	"sotto/ir/cost"
)

// Run is a schedule with what its resources and operations stand for.
type Run struct {
	Net      string
	Board    string // of each party
	Link     string
	ClockMHz float64
	Watts    float64 // of both boards together, at work
	Problem  *sched.Problem
	Schedule sched.Schedule
	// Resources stand beside those of the problem, Ops beside its operations.
	Resources []Resource
	Ops       []Op
	Layers    []Layer
}

// Class is what a resource is.
type Class string

const (
	Engine  Class = "engine"  // computes: the tile buffers of a kernel's compute stage
	Memory  Class = "memory"  // a board's memory, or a port of it
	Network Class = "network" // a direction of the link
	Other   Class = "other"
)

// Resource says what a resource of the problem is.
type Resource struct {
	Party  cost.Party // whose board it is on; of a direction of the link, who sends
	Class  Class
	Kernel string // of an engine
}

// Op says what an operation of the problem is.
type Op struct {
	Layer   int    // an index of Layers, or -1
	Command int    // of its party
	Port    string // of what moves between a memory and a kernel: which of the kernel's
	Bytes   int64
}

// Layer is one of the user's layers.
type Layer struct {
	Path string `json:"path"`
	Op   string `json:"op"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Check demands that a run's parts belong together and its schedule keeps the problem's rules.
func (r *Run) Check() error {
	if len(r.Resources) != len(r.Problem.Resources) || len(r.Ops) != len(r.Problem.Ops) {
		return fmt.Errorf("%d resources and %d operations described of %d and %d", len(r.Resources), len(r.Ops), len(r.Problem.Resources), len(r.Problem.Ops))
	}
	for i, o := range r.Ops {
		if o.Layer < -1 || o.Layer >= len(r.Layers) {
			return fmt.Errorf("op %d is of layer %d of %d", i, o.Layer, len(r.Layers))
		}
	}
	return r.Problem.Verify(r.Schedule)
}

// Latency is the cycles of the whole schedule.
func (r *Run) Latency() int64 { return r.Problem.Latency(r.Schedule) }

// MS turns cycles into milliseconds.
func (r *Run) MS(cycles int64) float64 { return float64(cycles) / (r.ClockMHz * 1e3) }

func (r *Run) end(op int) int64 { return r.Schedule.Start[op] + r.Problem.Ops[op].Cycles }

// byStart lists the operations that take time, by their start.
func (r *Run) byStart() []int {
	var ops []int
	for i, o := range r.Problem.Ops {
		if o.Cycles > 0 {
			ops = append(ops, i)
		}
	}
	slices.SortStableFunc(ops, func(a, b int) int { return cmp.Compare(r.Schedule.Start[a], r.Schedule.Start[b]) })
	return ops
}

// lane is one unit of a resource.
type lane struct {
	resource, unit int
	ops            []int // by start
}

// lanes gives each unit of each resource the operations that it does: of free units, the first.
func (r *Run) lanes() []lane {
	var out []lane
	first := make([]int, len(r.Problem.Resources))
	for i, res := range r.Problem.Resources {
		first[i] = len(out)
		for u := range res.Units {
			out = append(out, lane{resource: i, unit: u})
		}
	}
	free := make([]int64, len(out))
	for _, op := range r.byStart() {
		at := first[r.Problem.Ops[op].Resource]
		for free[at] > r.Schedule.Start[op] {
			at++
		}
		free[at] = r.end(op)
		out[at].ops = append(out[at].ops, op)
	}
	return out
}

// name of a lane.
func (r *Run) laneName(l lane) string {
	res := r.Problem.Resources[l.resource]
	if res.Units == 1 {
		return res.Name
	}
	return fmt.Sprintf("%s %d", res.Name, l.unit+1)
}

func (r *Run) layerName(op int) string {
	if l := r.Ops[op].Layer; l >= 0 {
		return r.Layers[l].Path
	}
	return "(session)"
}
