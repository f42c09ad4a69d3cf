package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sotto/fpga/sched"
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
	BoundShare float64 `json:"bound_utilisation"` // of Cycles: that resource works for the layer in them
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

// layers books cycles and bytes to layers, and finds what binds each. They come in the order in which they begin.
func (r *Run) layers() []LayerUse {
	out, busy := make([]LayerUse, len(r.Layers)), make([][]int64, len(r.Layers))
	for i, l := range r.Layers {
		out[i], busy[i] = LayerUse{Layer: l, Start: -1}, make([]int64, len(r.Resources))
	}
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
	}
	own := r.attribute(out)
	var kept []LayerUse
	for i := range out {
		if out[i].Start < 0 {
			continue
		}
		r.bind(&out[i], busy[i], own[i])
		out[i].MS = r.MS(out[i].Cycles)
		out[i].EnergyMJ = out[i].MS * r.Watts
		kept = append(kept, out[i])
	}
	slices.SortStableFunc(kept, func(a, b LayerUse) int { return cmp.Compare(a.Start, b.Start) })
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

// use is something that works for a layer: a resource, or a kernel's port that is slower than the memory behind it.
type use struct{ class, name string }

// change is where a layer's use of something begins or ends.
type change struct {
	at, by    int64
	layer, op int
	use       use
}

// isPort tells whether it is of a port that still moves what its memory has done with: of which no layer is at work.
func (c change) isPort() bool { return c.use.class == boundPort }

// changes are those of all layers, in order.
func (r *Run) changes() []change {
	var list []change
	add := func(op int, until int64, of use) {
		l, start := r.Ops[op].Layer, r.Schedule.Start[op]
		list = append(list, change{start, 1, l, op, of}, change{until, -1, l, op, of})
	}
	lags := r.portLags()
	for _, op := range r.byStart() {
		if r.Ops[op].Layer < 0 {
			continue
		}
		at := r.Problem.Ops[op].Resource
		of := r.Resources[at]
		add(op, r.end(op), use{string(of.Class), r.Problem.Resources[at].Name})
		if of.Class == Memory && lags[op] > 0 {
			add(op, r.end(op)+lags[op], use{boundPort, fmt.Sprintf("%s %s", of.Party, r.Ops[op].Port)})
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	return list
}

// attribute gives every cycle to a layer, and says how many of a layer's cycles each use of its own goes on in.
func (r *Run) attribute(out []LayerUse) []map[use]int64 {
	own, going := make([]map[use]int64, len(out)), make([]map[use]int64, len(out))
	for i := range own {
		own[i], going[i] = map[use]int64{}, map[use]int64{}
	}
	list, awaited := r.changes(), r.awaited()
	next := nextAtWork(list)
	active := make([]int64, len(out))
	now := int64(0)
	for i, c := range list {
		if c.at > now && next[i] >= 0 {
			l := slices.IndexFunc(active, func(n int64) bool { return n > 0 })
			if l < 0 {
				begins := list[next[i]]
				l = begins.layer
				if awaited[begins.op] == Network {
					out[l].Delay += c.at - now
				} else {
					out[l].Port += c.at - now
				}
			}
			out[l].Cycles += c.at - now
			for of := range going[l] {
				own[l][of] += c.at - now
			}
			now = c.at
		}
		if !c.isPort() {
			active[c.layer] += c.by
		}
		if going[c.layer][c.use] += c.by; going[c.layer][c.use] == 0 {
			delete(going[c.layer], c.use)
		}
	}
	return own
}

// nextAtWork gives each change the first from it on at which a layer's work begins or ends, -1 where there is none.
func nextAtWork(list []change) []int {
	next, last := make([]int, len(list)), -1
	for i := len(list) - 1; i >= 0; i-- {
		if !list[i].isPort() {
			last = i
		}
		next[i] = last
	}
	return next
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

// bind names what a layer's cycles go to most: the resource or port that works for it in most of them, or the link's delay. A layer of no
// cycles of its own is bound by what works for it longest.
func (r *Run) bind(u *LayerUse, busy []int64, own map[use]int64) {
	for i, cycles := range busy {
		if cycles > 0 {
			u.Engines = append(u.Engines, Busy{r.Problem.Resources[i].Name, cycles})
		}
	}
	slices.SortStableFunc(u.Engines, func(a, b Busy) int { return cmp.Compare(b.Cycles, a.Cycles) })
	most := int64(0)
	for _, of := range slices.SortedFunc(maps.Keys(own), func(a, b use) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.name, b.name)) }) {
		if own[of] > most {
			u.Bound, u.BoundBy, most = of.class, of.name, own[of]
		}
	}
	if u.Delay > most {
		u.Bound, u.BoundBy, most = boundDelay, delayName, u.Delay
	}
	u.BoundShare = share(most, u.Cycles)
	if u.Bound == "" && len(u.Engines) > 0 {
		longest := slices.IndexFunc(r.Problem.Resources, func(of sched.Resource) bool { return of.Name == u.Engines[0].Resource })
		u.Bound, u.BoundBy = string(r.Resources[longest].Class), u.Engines[0].Resource
	}
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
