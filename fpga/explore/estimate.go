package explore

import (
	"slices"

	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// Resource is what may bind a layer: a kernel of a party, a party's memory, or the network.
type Resource string

// Estimate is how long a phase takes, stage after stage.
type Estimate struct {
	MS float64 `json:"ms"`
	// BusyMS is how long each resource works in all.
	BusyMS Busy    `json:"busy_ms"`
	Layers []Layer `json:"layers"` // in the order in which they begin
}

// Layer is what a layer takes.
type Layer struct {
	Path string `json:"path"`
	// BusyMS is how long each resource works for the layer, Binds the one that works longest.
	BusyMS Busy     `json:"busy_ms,omitempty"`
	Binds  Resource `json:"binds,omitempty"`
}

// Busy is how many milliseconds resources work.
type Busy map[Resource]float64

// raise notes a resource's time: of the directions of the link the longer.
func (b Busy) raise(r Resource, ms float64) {
	if ms > b[r] {
		b[r] = ms
	}
}

// Names of the resources that are no kernels.
const (
	memoryName = "memory"
	Network    = Resource("network")
)

// meter adds up what is busy, by what it belongs to: kernels of both parties, memories, directions of the link.
type meter struct {
	kernel [2][]int64 // cycles, by place in kernels
	memory [2]int64   // bytes
	sent   [2]int64
}

// kernels are those that commands name.
var kernels = target.Kernels()

func newMeter() *meter {
	return &meter{kernel: [2][]int64{make([]int64, len(kernels)), make([]int64, len(kernels))}}
}

// merge adds what another meter has.
func (m *meter) merge(o *meter) {
	for p := range m.kernel {
		for k, cycles := range o.kernel[p] {
			m.kernel[p][k] += cycles
		}
		m.memory[p] += o.memory[p]
		m.sent[p] += o.sent[p]
	}
}

// Evaluator estimates designs of one ring, and keeps what it has computed of each kernel: a design that differs from another in one kernel
// costs that kernel's work.
type Evaluator struct {
	w     *Workload
	convs map[convKey]convWork
	works [][]placed // by kernel
	known []map[target.Design]*kernelTimes
}

// placed is a work and the stage that it is in.
type placed struct {
	work
	stage int
}

// kernelTimes are a kernel's cycles and the bytes that the memory moves for it, by party and stage, or why a layer has no room.
type kernelTimes struct {
	cycles, bytes [2][]int64
	pieces        [2][]int64 // that a convolution's result comes in
	commands      [2][]int64
	err           error
}

type convKey struct {
	conv  target.Conv
	port  int
	shape target.Geometry
}

type convWork struct {
	target.ConvWork
	err error
}

// NewEvaluator is the memory of estimates of a workload.
func NewEvaluator(w *Workload) *Evaluator {
	e := &Evaluator{w: w, convs: map[convKey]convWork{}, works: make([][]placed, len(kernels)), known: make([]map[target.Design]*kernelTimes, len(kernels))}
	for k := range e.known {
		e.known[k] = map[target.Design]*kernelTimes{}
	}
	for i, l := range w.stages {
		for _, w := range l.works {
			k := slices.Index(kernels, w.kernel)
			e.works[k] = append(e.works[k], placed{w, i})
		}
	}
	return e
}

// kernel gives a kernel's times in a design.
func (e *Evaluator) kernel(k int, d target.Design) *kernelTimes {
	key := d.Of(kernels[k])
	if t, ok := e.known[k][key]; ok {
		return t
	}
	n := len(e.w.stages)
	t := &kernelTimes{}
	for _, list := range []*[2][]int64{&t.cycles, &t.bytes, &t.pieces, &t.commands} {
		*list = [2][]int64{make([]int64, n), make([]int64, n)}
	}
	for _, w := range e.works[k] {
		cycles, bytes, err := e.located(d, w.work)
		if err != nil {
			t.err = err
			break
		}
		t.cycles[w.party][w.stage] += cycles
		t.bytes[w.party][w.stage] += bytes
		t.commands[w.party][w.stage] += w.commands(d)
		if w.waits() {
			t.pieces[w.party][w.stage] = int64(up(w.shape.OutC, d.Conv.TM))
		}
	}
	e.known[k][key] = t
	return t
}

// located is cycles, with the layer that has no room.
func (e *Evaluator) located(d target.Design, w work) (cycles, bytes int64, err error) {
	cycles, bytes, err = e.cycles(d, w)
	if knob, ok := err.(*target.KnobError); ok {
		err = &FitError{Layer: e.w.Layers[w.layer].Path, KnobError: knob}
	}
	return cycles, bytes, err
}

// commands is how many a work comes to, about: a slab each of what streams.
func (w work) commands(d target.Design) int64 {
	if w.kernel == target.KernelElementwise {
		return int64(up(w.steps.N, d.Chunk))
	}
	return (w.n + int64(d.Chunk) - 1) / int64(d.Chunk)
}

// FitError says which layer does not fit a design, and with which knob it would.
type FitError = lower.FitError

// cycles is what a kernel works for an instruction, and the bytes that the memory moves for it.
func (e *Evaluator) cycles(d target.Design, w work) (cycles, bytes int64, err error) {
	if err := d.Needs(w.kernel); err != nil {
		return 0, 0, err
	}
	switch w.kernel {
	case target.KernelConv:
		c := e.conv(d, w.shape)
		return c.Cycles, w.bytes + (c.Inputs+c.Weights)*int64(d.WordBytes()), c.err
	case target.KernelDepthwise:
		cycles, err := depthwise(d, w.shape)
		return cycles, w.bytes, err
	case target.KernelElementwise:
		return d.StepsCycles(w.steps), w.bytes + d.StepsMoved(w.steps), nil
	case target.KernelPool:
		return d.PoolCycles(int(w.n), int(w.window)), w.bytes, nil
	case target.KernelGarble, target.KernelEvaluate:
		return e.engine(d, w)
	case target.KernelOT:
		return transferCycles(d, w), w.bytes, nil
	case target.KernelCompare:
		return (w.n + int64(d.Compare.Lanes) - 1) / int64(d.Compare.Lanes), w.bytes, nil
	case target.KernelMove:
		return moved(d, w)
	}
	return d.MessageCycles(int(w.n)), w.bytes, nil
}

// moved is a movement's: a line a cycle, or a word where words lie one by one, each a beat of the port.
func moved(d target.Design, w work) (cycles, bytes int64, err error) {
	if w.single {
		return w.n, w.bytes + w.n*int64(d.PortBytes-d.WordBytes()), nil
	}
	return (w.n + int64(d.PortWords()) - 1) / int64(d.PortWords()), w.bytes, nil
}

// engine is a garbled part's.
func (e *Evaluator) engine(d target.Design, w work) (cycles, bytes int64, err error) {
	of, run := d.Garble, d.GarbleCycles
	if w.kernel == target.KernelEvaluate {
		of, run = d.Evaluate, d.EvaluateCycles
	}
	if of.Slots < w.slots {
		return 0, 0, &target.KnobError{What: "its circuit's labels", Knob: string(w.kernel) + ".slots", Value: of.Slots, Need: powerOfTwo(w.slots)}
	}
	if w.labels {
		return int64(d.Garbler().LabelCycles(int(w.n))), w.bytes, nil
	}
	return run(w.n), w.bytes, nil
}

// powerOfTwo is the next that is as large.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

func (e *Evaluator) conv(d target.Design, g target.Geometry) convWork {
	key := convKey{d.Conv, d.PortBytes, g}
	if b, ok := e.convs[key]; ok {
		return b
	}
	var b convWork
	var t target.Tile
	if t, b.err = d.ConvTile(g); b.err == nil {
		b.ConvWork = d.ConvWork(g, t)
	}
	e.convs[key] = b
	return b
}

// depthwise is the kernel's time: of each tile the longest of its load, its products and its stores, words one a cycle.
func depthwise(d target.Design, g target.Geometry) (int64, error) {
	t, err := d.DepthwiseTile(g)
	if err != nil {
		return 0, err
	}
	lanes := d.Depthwise.Lanes
	rectangles := int64(up(g.OutH(), t.Rows) * up(g.OutW(), t.Cols) * up(g.OutC, lanes))
	tile := max(d.DepthwiseTileCycles(g, t.Rows*t.Cols), int64(up(lanes*g.Window(t.Rows, t.Cols), d.PortWords())))
	return rectangles * tile, nil
}

func up(a, b int) int { return (a + b - 1) / b }

// MS is how long the phase takes with one design at both parties. The error is a *FitError.
func (e *Evaluator) MS(d target.Design) (float64, error) {
	times := make([]*kernelTimes, 0, len(kernels))
	for k := range kernels {
		if len(e.works[k]) == 0 {
			continue
		}
		t := e.kernel(k, d)
		if t.err != nil {
			return 0, t.err
		}
		times = append(times, t)
	}
	total := float64(e.w.messages) * e.w.Link.OneWayMS.Value
	for i := range e.w.stages {
		total += e.stage(i, d, times)
	}
	return total, nil
}

// stage is how long a stage takes: as long as what is busiest in it; and as the first of it waits for the first channels of a convolution, and
// the last for the last ones, a part of the shorter of the array and all else.
func (e *Evaluator) stage(i int, d target.Design, times []*kernelTimes) float64 {
	s := &e.w.stages[i]
	array, pieces := int64(0), int64(1)
	others := 1e3 * float64(max(s.bytes[0], s.bytes[1])) / e.w.Link.BytesPerSecond.Value
	for p := range s.bytes {
		busiest, bytes, commands := int64(0), int64(0), int64(0)
		for _, t := range times {
			bytes, commands = bytes+t.bytes[p][i], commands+t.commands[p][i]
			if n := t.pieces[p][i]; n > 0 {
				array, pieces = max(array, t.cycles[p][i]), n
			} else {
				busiest = max(busiest, t.cycles[p][i])
			}
		}
		others = max(others, 1e3*d.Seconds(max(busiest, d.MemoryCycles(bytes), commands*target.CommandCycles)))
	}
	products := 1e3 * d.Seconds(array)
	return max(products, others) + min(products, others)/float64(pieces)
}

// add an instruction to what is busy.
func (e *Evaluator) add(m *meter, d target.Design, w work) error {
	cycles, bytes, err := e.located(d, w)
	if err != nil {
		return err
	}
	m.kernel[w.party][slices.Index(kernels, w.kernel)] += cycles
	m.memory[w.party] += bytes
	m.sent[w.party] += w.sent
	return nil
}

// each tells how long each resource is busy.
func (e *Evaluator) each(m *meter, d target.Design, tell func(Resource, float64)) {
	for p := range m.kernel {
		party := cost.Party(p).String()
		for k, cycles := range m.kernel[p] {
			if cycles > 0 {
				tell(Resource(party+" "+string(kernels[k])), 1e3*d.Seconds(cycles))
			}
		}
		tell(Resource(party+" "+memoryName), 1e3*d.Seconds(d.MemoryCycles(m.memory[p])))
		tell(Network, 1e3*float64(m.sent[p])/e.w.Link.BytesPerSecond.Value)
	}
}

// Estimate is MS with what each layer takes, and what binds it.
func (e *Evaluator) Estimate(d target.Design) (Estimate, error) {
	ms, err := e.MS(d)
	if err != nil {
		return Estimate{}, err
	}
	b := Estimate{MS: ms, BusyMS: Busy{}}
	meters, index := []*meter{}, map[string]int{}
	for _, l := range e.w.stages {
		for _, w := range l.works {
			path := e.w.Layers[w.layer].Path
			i, ok := index[path]
			if !ok {
				i = len(meters)
				index[path] = i
				meters, b.Layers = append(meters, newMeter()), append(b.Layers, Layer{Path: path, BusyMS: Busy{}})
			}
			if err := e.add(meters[i], d, w); err != nil {
				return b, err
			}
		}
	}
	all := newMeter()
	for _, m := range meters {
		all.merge(m)
	}
	e.each(all, d, b.BusyMS.raise)
	for i, m := range meters {
		l := &b.Layers[i]
		e.each(m, d, l.BusyMS.raise)
		l.Binds = longest(l.BusyMS)
	}
	return b, nil
}

// longest is the resource that is busy longest, of equals the first by name.
func longest(busy Busy) (best Resource) {
	for r, ms := range busy {
		if best == "" || ms > busy[best] || ms == busy[best] && r < best {
			best = r
		}
	}
	return best
}
