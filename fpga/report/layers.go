package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sotto/ir/cost"
)

// Summary is what a schedule comes to. Cycles are the schedule's, exactly; milliseconds are those at the planned clock and millijoules
// those at the boards' watts, both of which are estimates until a board is at hand.
type Summary struct {
	Version   int     `json:"version"`
	Net       string  `json:"net"`
	Board     string  `json:"board"`
	Link      string  `json:"link"`
	ClockMHz  float64 `json:"clock_mhz"` // estimate: planned, not placed and routed
	Watts     float64 `json:"watts"`     // estimate, both boards
	Cycles    int64   `json:"cycles"`
	LatencyMS float64 `json:"latency_ms"` // estimate
	EnergyMJ  float64 `json:"energy_mj"`  // estimate
	// Bounds are latencies that no schedule of the same operations can be below: the longest chain, and the busiest resource.
	LeastCycles int64          `json:"least_cycles"`
	Resources   []ResourceUse  `json:"resources"`
	Layers      []LayerUse     `json:"layers"`
	Overlap     []NetworkTimes `json:"while_link_busy"`
}

// SummaryVersion is that of the format of Summary.
const SummaryVersion = 1

// ResourceUse is how busy a resource is.
type ResourceUse struct {
	Name        string     `json:"name"`
	Party       cost.Party `json:"party"`
	Class       Class      `json:"class"`
	Kernel      string     `json:"kernel,omitempty"`
	Units       int        `json:"units"`
	BusyCycles  int64      `json:"busy_cycles"` // of all units
	Utilisation float64    `json:"utilisation"` // of their cycles
	Bytes       int64      `json:"bytes,omitempty"`
}

// LayerUse is what a layer takes. Cycles are what it adds: every cycle belongs to the first layer that has something going on in it, and
// one in which nothing does, since a message is on its way or a kernel's port is slower than the memory, to the layer that waits for that.
// They sum to the latency.
type LayerUse struct {
	Layer
	Cycles     int64   `json:"cycles"`
	MS         float64 `json:"ms"`
	Start      int64   `json:"start_cycle"`
	End        int64   `json:"end_cycle"`
	Delay      int64   `json:"delay_cycles"`      // of Cycles: nothing went on, since a message was on its way
	Port       int64   `json:"port_cycles"`       // of Cycles: nothing went on but what a kernel's own memory port was slow with
	Memory     int64   `json:"memory_bytes"`      // both boards
	ClientSent int64   `json:"client_sent"`       // bytes
	ServerSent int64   `json:"server_sent"`       // bytes
	EnergyMJ   float64 `json:"energy_mj"`         // estimate
	Bound      string  `json:"bound"`             // engine, memory, port (a kernel's own, to memory), network, or delay, the network's
	BoundBy    string  `json:"bound_by"`          // the resource's name
	BoundShare float64 `json:"bound_utilisation"` // of that resource between Start and End
	Engines    []Busy  `json:"busy"`              // cycles by resource, the most first
}

// Busy is how long a layer keeps a resource busy: cycles of all its units.
type Busy struct {
	Resource string `json:"resource"`
	Cycles   int64  `json:"cycles"`
}

// Bounds of a layer besides the classes of resources.
const (
	boundDelay = "delay"
	delayName  = "network delay"
	boundPort  = "port"
)

// NetworkTimes says what runs while a direction of the link is busy.
type NetworkTimes struct {
	Direction  string `json:"direction"`
	BusyCycles int64  `json:"busy_cycles"`
	// Beside gives the cycles of BusyCycles in which each other resource is busy, the most first.
	Beside []Busy `json:"beside"`
}

// Summarise computes it. The run must pass Check.
func (r *Run) Summarise() *Summary {
	latency := r.Latency()
	s := &Summary{Version: SummaryVersion, Net: r.Net, Board: r.Board, Link: r.Link, ClockMHz: r.ClockMHz, Watts: r.Watts, Cycles: latency, LatencyMS: r.MS(latency),
		EnergyMJ: r.MS(latency) * r.Watts, LeastCycles: r.Problem.Bounds().Least()}
	s.Resources = r.resources(latency)
	s.Layers = r.layers()
	for i, res := range r.Resources {
		if res.Class == Network {
			s.Overlap = append(s.Overlap, r.beside(i))
		}
	}
	return s
}

func (r *Run) resources(latency int64) []ResourceUse {
	out := make([]ResourceUse, len(r.Resources))
	for i, res := range r.Resources {
		of := r.Problem.Resources[i]
		out[i] = ResourceUse{Name: of.Name, Party: res.Party, Class: res.Class, Kernel: res.Kernel, Units: of.Units}
	}
	for i, o := range r.Problem.Ops {
		out[o.Resource].BusyCycles += o.Cycles
		out[o.Resource].Bytes += r.Ops[i].Bytes
	}
	for i := range out {
		if latency > 0 {
			out[i].Utilisation = float64(out[i].BusyCycles) / float64(latency*int64(out[i].Units))
		}
	}
	return slices.DeleteFunc(out, func(u ResourceUse) bool { return u.Class == Other && u.BusyCycles == 0 }) // what nothing uses
}

// layers books cycles and bytes to layers, and finds what binds each.
func (r *Run) layers() []LayerUse {
	out := make([]LayerUse, len(r.Layers))
	for i, l := range r.Layers {
		out[i] = LayerUse{Layer: l, Start: -1}
	}
	busy, ports := make([][]int64, len(out)), make([]map[string]int64, len(out)) // by layer and resource
	for i := range busy {
		busy[i], ports[i] = make([]int64, len(r.Resources)), map[string]int64{}
	}
	lags := r.portLags()
	for i, o := range r.Problem.Ops {
		l := r.Ops[i].Layer
		if l < 0 {
			continue
		}
		u := &out[l]
		if start := r.Schedule.Start[i]; u.Start < 0 || start < u.Start {
			u.Start = start
		}
		u.End = max(u.End, r.end(i))
		busy[l][o.Resource] += o.Cycles
		u.moves(r.Resources[o.Resource], r.Ops[i].Bytes)
		if of := r.Resources[o.Resource]; of.Class == Memory {
			ports[l][fmt.Sprintf("%s %s", of.Party, r.Ops[i].Port)] += o.Cycles + lags[i]
		}
	}
	r.attribute(out)
	var kept []LayerUse
	for i := range out {
		if out[i].Start < 0 {
			continue
		}
		r.bind(&out[i], busy[i], ports[i])
		out[i].MS = r.MS(out[i].Cycles)
		out[i].EnergyMJ = out[i].MS * r.Watts
		kept = append(kept, out[i])
	}
	return kept
}

func (u *LayerUse) moves(r Resource, bytes int64) {
	switch {
	case r.Class == Memory:
		u.Memory += bytes
	case r.Class == Network && r.Party == cost.Client:
		u.ClientSent += bytes
	case r.Class == Network:
		u.ServerSent += bytes
	}
}

// attribute gives every cycle to a layer.
func (r *Run) attribute(out []LayerUse) {
	type change struct {
		at, by    int64
		layer, op int
	}
	var changes []change
	for _, op := range r.byStart() {
		if l := r.Ops[op].Layer; l >= 0 {
			changes = append(changes, change{r.Schedule.Start[op], 1, l, op}, change{r.end(op), -1, l, op})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	awaited := r.awaited()
	active := make([]int64, len(out))
	now := int64(0)
	for i, c := range changes {
		if c.at > now {
			first := slices.IndexFunc(active, func(n int64) bool { return n > 0 })
			if first < 0 {
				first = c.layer
				if awaited[c.op] == Network {
					out[first].Delay += c.at - now
				} else {
					out[first].Port += c.at - now
				}
			}
			out[first].Cycles += c.at - now
			now = c.at
		}
		active[changes[i].layer] += c.by
	}
}

// awaited gives each op the class of the resource whose op it waits for last.
func (r *Run) awaited() []Class {
	out := make([]Class, len(r.Problem.Ops))
	for i, o := range r.Problem.Ops {
		last := int64(-1)
		for _, d := range o.After {
			if at := r.end(d.Op) + d.Lag; at > last {
				last, out[i] = at, r.Resources[r.Problem.Ops[d.Op].Resource].Class
			}
		}
	}
	return out
}

// portLags gives each op on a memory how much longer than that its kernel's port is busy with it: the least lag of what follows it.
func (r *Run) portLags() []int64 {
	out := make([]int64, len(r.Problem.Ops))
	known := make([]bool, len(out))
	for _, o := range r.Problem.Ops {
		for _, d := range o.After {
			if r.Resources[r.Problem.Ops[d.Op].Resource].Class == Memory && (!known[d.Op] || d.Lag < out[d.Op]) {
				out[d.Op], known[d.Op] = d.Lag, true
			}
		}
	}
	return out
}

// bind names what a layer waits for most: the resource or port that it keeps busy longest, or the link's delay.
func (r *Run) bind(u *LayerUse, busy []int64, ports map[string]int64) {
	best, bestCycles := -1, int64(0)
	for i, cycles := range busy {
		if cycles == 0 {
			continue
		}
		u.Engines = append(u.Engines, Busy{r.Problem.Resources[i].Name, cycles})
		if each := cycles / int64(r.Problem.Resources[i].Units); best < 0 || each > bestCycles {
			best, bestCycles = i, each
		}
	}
	slices.SortStableFunc(u.Engines, func(a, b Busy) int { return cmp.Compare(b.Cycles, a.Cycles) })
	if best >= 0 {
		u.Bound, u.BoundBy = string(r.Resources[best].Class), r.Problem.Resources[best].Name
	}
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		if cycles := ports[name]; cycles > bestCycles {
			u.Bound, u.BoundBy, bestCycles = boundPort, name, cycles
		}
	}
	if u.Delay > bestCycles || u.Bound == "" {
		u.Bound, u.BoundBy, bestCycles = boundDelay, delayName, u.Delay
	}
	u.BoundShare = share(bestCycles, u.End-u.Start)
}

func share(part, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

// span is a time in which a resource is busy.
type span struct{ start, end int64 }

// spans joins the times in which any unit of a resource is busy.
func (r *Run) spans(resource int) []span {
	var out []span
	for _, op := range r.byStart() {
		if r.Problem.Ops[op].Resource != resource {
			continue
		}
		s := span{r.Schedule.Start[op], r.end(op)}
		if n := len(out) - 1; n >= 0 && s.start <= out[n].end {
			out[n].end = max(out[n].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// beside says what is busy while a direction of the link is.
func (r *Run) beside(link int) NetworkTimes {
	of := r.spans(link)
	t := NetworkTimes{Direction: r.Problem.Resources[link].Name}
	for _, s := range of {
		t.BusyCycles += s.end - s.start
	}
	for i := range r.Resources {
		if n := common(of, r.spans(i)); i != link && n > 0 {
			t.Beside = append(t.Beside, Busy{r.Problem.Resources[i].Name, n})
		}
	}
	slices.SortStableFunc(t.Beside, func(a, b Busy) int { return cmp.Compare(b.Cycles, a.Cycles) })
	return t
}

// common is how long two lists of spans have in common.
func common(a, b []span) (n int64) {
	for len(a) > 0 && len(b) > 0 {
		n += max(0, min(a[0].end, b[0].end)-max(a[0].start, b[0].start))
		if a[0].end < b[0].end {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return n
}
