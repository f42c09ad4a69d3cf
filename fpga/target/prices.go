package target

import (
	"fmt"
	"reflect"
	"sync"

	"sotto/ir/cost"
)

// Prices is the price list of two of a board at the sizes that ForLink gives them: what a compilation, an estimate and a search choose by.
// It is made of cycles of the kernels and of what the memory carries, per unit of each kernel of package cost; what the logic does not do
// (base OTs, encryption) the processor beside it does. The schedule of a compiled program is what counts in the end (fpga/lower).
func Prices(b Board, link cost.Link) (cost.Target, error) {
	m, err := b.machine(link)
	if err != nil {
		return cost.Target{}, err
	}
	name := b.Name
	return cost.Target{Sotto: cost.TargetVersion, Name: Pair(b), Link: link, Client: name, Server: name, Machines: map[string]cost.Machine{name: m},
		Source: fmt.Sprintf("estimate of two %s: cycles of the kernels at the design point of the board, %v MHz planned, memory of %v GB/s planned; not measured on a board",
			b.Title, b.ClockMHz.Value, b.Memory.PlannedGBs.Value)}, nil
}

// Pair names two of a board: zcu104x2.
func Pair(b Board) string { return b.Name + "x2" }

// portDelayMS is one way through two network stacks and a switch, where nobody says otherwise.
const portDelayMS = 0.05

// OwnLink is the link of a board's first port.
func (b Board) OwnLink() cost.Link {
	p := b.Network[0]
	return cost.Link{BytesPerSecond: cost.Quantity{Value: p.Gbps.Value * 1e9 / 8, Source: p.Kind + ": " + p.Gbps.Source},
		OneWayMS: cost.Quantity{Value: portDelayMS, Spread: 0.5, Source: "assumed: 50 us one way, through two network stacks and a switch"}}
}

// machines keeps those of the shipped boards: a design point is found once.
var machines sync.Map // of func() (cost.Machine, error), by machineKey

// machineKey is what a design point depends on.
type machineKey struct {
	board string
	link  float64 // bytes a second
}

// machine is a board with its prices.
func (b Board) machine(link cost.Link) (cost.Machine, error) {
	shipped, err := Shipped(b.Name)
	if err != nil || !reflect.DeepEqual(shipped, b) {
		return newMachine(b, link)
	}
	once, _ := machines.LoadOrStore(machineKey{b.Name, link.BytesPerSecond.Value}, sync.OnceValues(func() (cost.Machine, error) { return newMachine(b, link) }))
	return once.(func() (cost.Machine, error))()
}

// streams is how many things a board does at a time: it sends, receives and computes, each with logic of its own.
const streams = 3

func newMachine(b Board, link cost.Link) (cost.Machine, error) {
	list := pricing{board: b, link: link}
	for i, ring := range []int{32, 64} {
		d, err := ForLink(b, ring, link)
		if err != nil {
			return cost.Machine{}, fmt.Errorf("%s, a ring of %d bits: %w", b.Name, ring, err)
		}
		list.designs[i] = d
	}
	host, err := hostPrices(b)
	if err != nil {
		return cost.Machine{}, err
	}
	list.prices = host
	list.fill()
	watts := func(f Figure) *cost.Quantity {
		return &cost.Quantity{Value: f.Value, Spread: f.Spread, Source: f.Source}
	}
	m := cost.Machine{Board: b.Title, Cores: streams, ProcessBytes: cost.Quantity{Source: "no process: buffers alone"}, BusyWatts: watts(b.Watts.Busy), IdleWatts: watts(b.Watts.Busy), Prices: list.prices}
	if b.Watts.Idle != nil {
		m.IdleWatts = watts(*b.Watts.Idle)
	}
	return m, nil
}

// hostPrices are those of the processor beside the logic, in what the loopback list measures on a core of a server.
func hostPrices(b Board) (cost.Prices, error) {
	const slower, spread = 10, 0.9 // a Cortex-A53; a guess
	factor, who := 1., "a card's host"
	if b.onSystem() {
		factor, who = slower, "the processing system's Cortex-A53, a tenth of a server's core"
	}
	list, err := cost.ShippedTarget("loopback")
	if err != nil {
		return cost.Prices{}, err
	}
	prices := list.MachineOf(cost.Server).Prices
	for k, p := range prices {
		prices[k] = cost.Price{NS: factor * p.NS, CallNS: factor * p.CallNS, Spread: spread,
			Source: fmt.Sprintf("assumed: no kernel does it, %s does: %v times the price in list loopback", who, factor)}
	}
	return prices, nil
}

// pricing makes the prices of what the logic does.
type pricing struct {
	board   Board
	link    cost.Link
	designs [2]Design // of words of 32 and of 64 bits
	prices  cost.Prices
}

// exposed is the part of its time that a kernel of the online phase adds to a schedule's latency: the others, and the link, hide the rest
// slab by slab, where a price list adds up a moment's work. It is fitted to schedules of PASNet-A, B and D on two ZCU104 (fpga/explore,
// TestPricesAreLikeSchedules).
const exposed = 0.33

// chained is the part of what steps read and write that passes the memory: 13 words of 22 of a quadratic polynomial's at the server, which
// has most of them (fpga/lower, chains).
const chained = 0.6

// overlapped is set of what runs beside the rest.
func (l *pricing) overlapped(k cost.Kernel, cycles float64, why string) {
	l.set(k, exposed*cycles, fmt.Sprintf("%s; %v of it, the rest is hidden", why, exposed))
}

// estimated is the spread of prices from cycles: a schedule's stalls, bursts and unequal layers.
const estimated = 0.3

// set prices a kernel at so many cycles a unit; a call is a command and its pipeline.
func (l *pricing) set(k cost.Kernel, cycles float64, why string) {
	d := l.designs[0]
	nsPerCycle := 1e3 / d.ClockMHz
	l.prices[k] = cost.Price{NS: cycles * nsPerCycle, CallNS: (CommandCycles + MemoryLatency + StreamDepth) * nsPerCycle, Spread: estimated,
		Source: fmt.Sprintf("%s at %v MHz: %s", l.board.Name, d.ClockMHz, why)}
}

func (l *pricing) fill() {
	d := l.designs[0]
	l.linear()
	memory, lanes := 1/d.MemoryBytes, 1/float64(d.Move.Lanes)
	each := func(cycles float64, why string, kernels ...cost.Kernel) {
		for _, k := range kernels {
			l.set(k, cycles, why)
		}
	}
	// A step reads three words a lane and writes one.
	const words = 4
	l.overlapped(cost.Vectors, max(chained*memory, 1/float64(words*d.Elementwise.Lanes*d.WordBytes())), fmt.Sprintf("%d lanes, or the memory, which %v of it passes", d.Elementwise.Lanes, chained))
	l.overlapped(cost.Gather, 1/float64(d.Pool.Lanes), "a word a lane")
	l.overlapped(cost.PackBits, lanes, "a word a lane")
	each(1, "a word a cycle: reads are not in order", cost.Tour)
	each(2*memory, "written and read by the memory", cost.Spill, cost.PackWeights)
	each(memory, "the memory", cost.Allocate)
	each(memory, "read once as it leaves or written as it comes; what a message takes is in the link's delay", cost.SendByte, cost.ReceiveByte)
	l.unwaited(cost.Weights, "they come while products are made: in the price of those")
	l.unwaited(cost.Wake, "logic does not sleep")
	l.unwaited(cost.Begin, "the board is configured before a session")
	l.garbling()
}

// unwaited is what takes no time; a price is positive.
func (l *pricing) unwaited(k cost.Kernel, why string) {
	const leastNS = 1e-6
	l.prices[k] = cost.Price{NS: leastNS, Spread: estimated, Source: why}
}

// garbling prices what engines and AES do: on the engines that the link asks for, which a design for a program that garbles has beside a
// smaller array, if the board has room for them at all; otherwise on the smallest.
func (l *pricing) garbling() {
	d := l.designs[0]
	d.linkEngines(l.board, l.link)
	d.Compare.Lanes = 1
	if small := d.shaped(2*d.PortWords(), d.PortWords()); !small.HasRoom(l.board) {
		d, _ = l.designs[0].with(leastKernels)
	}
	g, e := d.Garbler(), d.Evaluator()
	const garbled, evaluated = 2 * GarbledHashes, 2 * EvaluatedHashes // AES blocks of an AND
	l.set(cost.Garble, float64(g.Interval())/float64(garbled*d.Garble.Count), fmt.Sprintf("%d %v, an AND of %d blocks every %d cycles", d.Garble.Count, g, garbled, g.Interval()))
	l.set(cost.Evaluate, float64(e.Interval())/float64(evaluated*d.Evaluate.Count), fmt.Sprintf("%d %v, an AND of %d blocks every %d cycles", d.Evaluate.Count, e, evaluated, e.Interval()))
	l.set(cost.SendLabels, float64(g.LabelInterval()), fmt.Sprintf("a label every %d cycles", g.LabelInterval()))
	block, hash := 1/float64(d.OT.AES), 1/float64(d.OT.Hashes)
	if d.OT.Core == Iterative {
		block, hash = block*aesCycles, hash*hashSteps
	}
	aes := fmt.Sprintf("%d %s AES", d.OT.AES, d.OT.Core)
	l.set(cost.SoftSpokenOT, SoftSpokenAES*block, aes+", 4 blocks an OT")
	l.set(cost.IKNPOT, 2*block, aes+", 2 blocks an OT")
	l.set(cost.FerretSend, 5*block, aes+", 5 blocks an OT; its random reads of memory are not counted")
	l.set(cost.FerretReceive, 5*block, aes+", 5 blocks an OT; its random reads of memory are not counted")
	l.set(cost.Expand, block/16, aes+", 16 bytes a block")
	l.set(cost.EvaluateKey, block, aes)
	l.set(cost.DealKey, block, aes)
	l.set(cost.Hash, hash, fmt.Sprintf("%d %s hash units", d.OT.Hashes, d.OT.Core))
	// A digit of 16 messages is 32 masks and as many bits joined and opened, a word of 64 instances a cycle.
	const digitPlanes, instances = 64, 64
	plane := 1 / float64(d.Compare.Lanes*instances)
	l.set(cost.Digit, digitPlanes*plane, "64 planes of a digit, 64 instances a cycle")
	l.set(cost.Turn, digitPlanes*plane, "64 planes of a digit, 64 instances a cycle")
	l.set(cost.Multiply, 12/d.MemoryBytes, "12 bytes an OT read and written by the memory")
}

// linear prices products: the kernel's cycles for the layers of usual networks, or the memory's where they are more.
func (l *pricing) linear() {
	for i, k := range []struct{ conv, depthwise cost.Kernel }{{cost.Conv32, cost.Depthwise32}, {cost.Conv64, cost.Depthwise64}} {
		d, _ := l.designs[i].with(leastKernels)
		cycles, products := 0., 0.
		for _, layer := range usualLayers() {
			t, err := d.ConvTile(layer.Geometry)
			if err != nil {
				continue // ForBoard's buffers hold them all
			}
			w := d.ConvWork(layer.Geometry, t)
			words := w.Inputs + w.Weights + 2*int64(layer.OutC*layer.OutH()*layer.OutW())
			cycles += float64(layer.times * max(w.Cycles, d.MemoryCycles(words*int64(d.WordBytes()))))
			products += float64(layer.times * layer.MACs())
		}
		at := float64(d.Conv.TM * d.Conv.TN)
		l.overlapped(k.conv, cycles/products, fmt.Sprintf("%d x %d products a cycle, %.0f %% of which ResNet-18's and ResNet-50's layers use, weights as they come", d.Conv.TM, d.Conv.TN, 100*products/cycles/at))
		l.overlapped(k.depthwise, 1/float64(d.Depthwise.Lanes), fmt.Sprintf("%d products a cycle", d.Depthwise.Lanes))
	}
}

// leastKernels brings the kernels that a design may lack.
func leastKernels(d *Design) {
	for _, n := range []*int{&d.Garble.Count, &d.Evaluate.Count, &d.OT.AES, &d.Compare.Lanes, &d.Depthwise.Lanes} {
		*n = max(*n, 1)
	}
}

func (d Design) with(change func(*Design)) (Design, error) {
	change(&d)
	return d, d.Check()
}

// usualLayer is a convolution and how often it occurs.
type usualLayer struct {
	Geometry
	times int64
}

// usualLayers are those of ResNet-18 and ResNet-50 on images of 224 x 224.
func usualLayers() []usualLayer {
	conv := func(in, side, out, kernel, stride int, times int64) usualLayer {
		return usualLayer{Geometry{in, side, side, out, kernel, kernel, stride, stride, kernel / 2, kernel / 2, 1, 1, 1}, times}
	}
	all := []usualLayer{conv(3, 224, 64, 7, 2, 2)}
	for stage, blocks := range []int64{3, 4, 6, 3} {
		width, side := 64<<stage, 56>>stage
		all = append(all, conv(width, side, width, 3, 1, 3+blocks), // three of a basic stage, one of each bottleneck
			conv(4*width, side, width, 1, 1, blocks-1), conv(width, side, 4*width, 1, 1, blocks))
		if stage > 0 {
			all = append(all, conv(width/2, 2*side, width, 3, 2, 1), conv(width/2, 2*side, width, 1, 2, 1), conv(2*width, 2*side, 4*width, 1, 2, 1), conv(2*width, 2*side, width, 1, 1, 1))
		}
	}
	return all
}
