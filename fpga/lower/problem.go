package lower

import (
	"cmp"
	"container/heap"
	"errors"
	"math"
	"slices"

	"sotto/fpga/sched"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// The scheduling problem of a pair of lists of commands. On each board there are the sequencer, which takes one command after the other,
// the engine of each kernel, and the memory, which one transfer has at a time, for as long as its bytes take at the memory's full rate: what
// the kernel's port takes beyond that is a lag, so that others have the memory meanwhile. Between the boards are the two directions of
// the link. A kernel has two buffers in front of its engine, two behind it, and a queue of commands.

// Stage is what an operation of the problem does for its command.
type Stage string

const (
	Issue   Stage = "issue"   // the sequencer hands it to its kernel
	Load    Stage = "load"    // from memory
	Compute Stage = "compute" // by the engine; of the link's movers, packing and unpacking
	Store   Stage = "store"   // to memory
	Transit Stage = "link"    // on the link
	Joint   Stage = "joint"   // nothing: others wait for it alone instead of for many
)

// Sizes of what lies between kernels. All are Tuning of the hardware, and the C++ has the same.
const (
	// QueueDepth is how many commands a kernel has, from when the sequencer hands them to it until they have ended.
	QueueDepth = 4
	// Buffers are in front of an engine, and behind it.
	Buffers = 2
	// ArrivalBytes is what a board takes in from the link before it is stored, beyond what is under way, in lines of so many bytes.
	ArrivalBytes = 1 << 16
	lineBytes    = 64
	// transferBytes is what one transfer has the memory for: longer ones give way to others in between.
	transferBytes = 1 << 14
	// transitBytes is what leaves on the link as soon as the other board has room for it, whole lines: of a longer message the room fills as it leaves.
	transitBytes = 1 << 12
)

// kernelPool is a kernel's buffers: a convolution's tiles may keep an input, and have weights of their own all the same.
type kernelPool struct{ queue, in, tiles, out int }

// boardResources are a board's classes of a problem.
type boardResources struct {
	sequencer, memory int
	engines           [Kernels]int
	pools             [Kernels]kernelPool
	link              int // its direction from this board
}

// builder makes a problem of units.
type builder struct {
	sched.Problem
	ops     []OpInfo
	units   []unit
	designs [2]target.Design
	clock   float64 // of the problem, in MHz
	link    cost.Link
	boards  [2]boardResources
	ends    []sched.Dep // by unit: the op after which it has ended, with a lag
	issues  []int       // by unit: its first op
	last    [2][Kernels]tails
	sent    [][]int // by unit: the ops that have it on the link
	tile    int     // that is added
	onLink  [2]int
}

// tails are a kernel's last ops, -1 for none.
type tails struct {
	issue, compute int
	load, store    sched.Dep
}

// OpInfo says what an operation of a plan's problem is.
type OpInfo struct {
	Party   cost.Party `json:"party"`
	Command int        `json:"command"` // index of the board's commands, -1 of a joint
	Layer   int        `json:"layer"`
	Kernel  Kernel     `json:"kernel"`
	Stage   Stage      `json:"stage"`
	Tile    int        `json:"tile"`  // of the command
	Bytes   int64      `json:"bytes"` // that it moves through memory or over the link

	unit int
}

func newBuilder(units []unit, designs [2]target.Design, link cost.Link) *builder {
	b := &builder{units: units, designs: designs, link: link, clock: max(designs[0].ClockMHz, designs[1].ClockMHz),
		ends: make([]sched.Dep, len(units)), issues: make([]int, len(units)), sent: make([][]int, len(units)), onLink: [2]int{-1, -1}}
	resource := func(name string) int {
		b.Resources = append(b.Resources, sched.Resource{Name: name, Units: 1})
		return len(b.Resources) - 1
	}
	pool := func(name string, slots int) int {
		b.Pools = append(b.Pools, sched.Pool{Name: name, Slots: slots})
		return len(b.Pools) - 1
	}
	for p := range b.boards {
		r, name := &b.boards[p], cost.Party(p).String()
		r.sequencer, r.memory, r.link = resource(name+" sequencer"), resource(name+" memory"), resource("link from "+name)
		for k := range Kernels {
			of := name + " " + k.String()
			in := Buffers
			if k == Recv {
				in = b.arrivals()
			}
			r.engines[k] = resource(of)
			r.pools[k] = kernelPool{pool(of+" queue", QueueDepth), pool(of+arrivalPool, in), pool(of+" tiles", Buffers), pool(of+" outputs", Buffers)}
			b.last[p][k] = tails{-1, -1, sched.Dep{Op: -1}, sched.Dep{Op: -1}}
		}
	}
	return b
}

// arrivals is how many lines are under way or wait to be stored: at least a board's two buffers of the longest message.
func (b *builder) arrivals() int {
	longest := int64(0)
	for _, u := range b.units {
		longest = max(longest, u.message)
	}
	flying := int64(math.Ceil(b.link.BytesPerSecond.Value * b.link.OneWayMS.Value / 1e3))
	return max(lines(flying+ArrivalBytes), Buffers*lines(longest))
}

func lines(bytes int64) int { return int((bytes + lineBytes - 1) / lineBytes) }

// cycles converts a board's to the problem's.
func (b *builder) cycles(p cost.Party, n int64) int64 {
	if b.designs[p].ClockMHz == b.clock {
		return n
	}
	return int64(math.Ceil(float64(n) * b.clock / b.designs[p].ClockMHz))
}

// transit is the cycles of bytes on the link, and delay those from their end to their arrival.
func (b *builder) transit(bytes int64) int64 {
	return int64(math.Ceil(float64(bytes) / b.link.BytesPerSecond.Value * b.clock * 1e6))
}

func (b *builder) delay() int64 { return int64(math.Ceil(b.link.OneWayMS.Value * 1e3 * b.clock)) }

// add adds an op.
func (b *builder) add(u int, stage Stage, resource int, cycles int64, after ...sched.Dep) int {
	var known []sched.Dep
	for _, d := range after {
		if d.Op >= 0 {
			known = append(known, d)
		}
	}
	of := b.units[u]
	b.Ops = append(b.Ops, sched.Op{Resource: resource, Cycles: cycles, After: known})
	b.ops = append(b.ops, OpInfo{Party: of.party, Command: -1, Layer: of.Layer, Kernel: of.Kernel, Stage: stage, Tile: b.tile, unit: u})
	return len(b.Ops) - 1
}

func (b *builder) lease(pool, from int, until ...int) {
	b.Leases = append(b.Leases, sched.Lease{Pool: pool, Slots: 1, From: from, Until: until})
}

func ended(op int) sched.Dep { return sched.Dep{Op: op} }

// place adds the ops of a unit, all it waits for having been added.
func (b *builder) place(n int) {
	u := b.units[n]
	r, last := &b.boards[u.party], &b.last[u.party][u.Kernel%Kernels]
	var after []sched.Dep
	for _, a := range u.after {
		after = append(after, b.ends[a])
	}
	if u.joint {
		b.issues[n] = b.add(n, Joint, r.sequencer, 0, after...)
		b.ends[n] = ended(b.issues[n])
		return
	}
	if last.issue >= 0 {
		after = append(after, ended(last.issue))
	}
	issue := b.add(n, Issue, r.sequencer, b.cycles(u.party, target.CommandCycles), after...)
	b.issues[n], last.issue = issue, issue
	switch u.Kernel {
	case Send:
		b.sends(n, issue)
	case Recv:
		b.receives(n, issue)
	default:
		b.computes(n, issue)
	}
	b.lease(r.pools[u.Kernel].queue, issue, b.ends[n].Op)
	b.tile = 0
}

// computes adds the tiles of a unit.
func (b *builder) computes(n, issue int) {
	u := b.units[n]
	r, last, pools := &b.boards[u.party], &b.last[u.party][u.Kernel], b.boards[u.party].pools[u.Kernel]
	held := -1 // the lease of a convolution's input
	for tile, w := range u.work {
		b.tile = tile
		load := b.transfer(n, Load, w.LoadBytes, w.LoadCycles, &last.load, ended(issue))
		ready := []sched.Dep{ended(issue), ended(last.compute)}
		if load >= 0 {
			ready = append(ready, sched.Dep{Op: last.load.Op, Lag: last.load.Lag + b.cycles(u.party, target.MemoryLatency)})
		}
		compute := b.add(n, Compute, r.engines[u.Kernel], b.cycles(u.party, w.Compute), ready...)
		last.compute = compute
		from := compute
		if load >= 0 {
			from = load
		}
		b.lease(pools.tiles, from, compute)
		if w.KeepsInput {
			b.Leases[held].Until = append(b.Leases[held].Until, compute)
		} else {
			held = len(b.Leases)
			b.lease(pools.in, from, compute)
		}
		if store := b.transfer(n, Store, w.StoreBytes, w.StoreCycles, &last.store, ended(compute)); store >= 0 {
			b.lease(pools.out, compute, b.past(n, last.store))
		}
	}
	b.ends[n] = sched.Dep{Op: last.store.Op, Lag: last.store.Lag + b.cycles(u.party, target.MemoryLatency)}
}

// transfer adds a transfer in parts, behind the kernel's last one of the same kind, and gives its first op, or -1 where there is nothing to
// transfer.
func (b *builder) transfer(n int, stage Stage, bytes, cycles int64, last *sched.Dep, after sched.Dep) (first int) {
	if bytes == 0 {
		return -1
	}
	u := b.units[n]
	d, r := b.designs[u.party], b.boards[u.party]
	parts := int((bytes + transferBytes - 1) / transferBytes)
	for i := range parts {
		share := func(v int64) int64 { return v*int64(i+1)/int64(parts) - v*int64(i)/int64(parts) }
		busy := b.cycles(u.party, d.MemoryCycles(share(bytes)))
		op := b.add(n, stage, r.memory, busy, after, *last)
		b.ops[op].Bytes = share(bytes)
		*last = sched.Dep{Op: op, Lag: max(0, b.cycles(u.party, share(cycles))-busy)}
		if i == 0 {
			first = op
		}
	}
	return first
}

// past is the op after which a lag has ended too: what a port is still taking out of a buffer holds it.
func (b *builder) past(n int, d sched.Dep) int {
	if d.Lag == 0 {
		return d.Op
	}
	return b.add(n, Joint, b.boards[b.units[n].party].sequencer, 0, d)
}

// sends adds a Send: load, pack, link.
func (b *builder) sends(n, issue int) {
	u := b.units[n]
	r, last, pools := &b.boards[u.party], &b.last[u.party][u.Kernel], b.boards[u.party].pools[u.Kernel]
	w := u.work[0]
	load := b.transfer(n, Load, w.LoadBytes, w.LoadCycles, &last.load, ended(issue))
	pack := b.add(n, Compute, r.engines[u.Kernel], b.cycles(u.party, w.Compute), ended(last.compute),
		sched.Dep{Op: last.load.Op, Lag: last.load.Lag + b.cycles(u.party, target.MemoryLatency)})
	last.compute = pack
	b.lease(pools.in, load, pack)
	for at := int64(0); at < u.message; at += transitBytes {
		bytes := min(transitBytes, u.message-at)
		transit := b.add(n, Transit, r.link, b.transit(at+bytes)-b.transit(at), ended(pack), ended(b.onLink[u.party]))
		b.ops[transit].Bytes = bytes
		b.onLink[u.party], b.sent[n] = transit, append(b.sent[n], transit)
	}
	b.lease(pools.out, pack, b.onLink[u.party])
	b.ends[n] = ended(b.onLink[u.party])
}

// receives adds a Recv: unpack, store. Each part of what arrives has room from when it begins to leave, all of it until it is unpacked.
func (b *builder) receives(n, issue int) {
	u := b.units[n]
	r, last, pools := &b.boards[u.party], &b.last[u.party][u.Kernel], b.boards[u.party].pools[u.Kernel]
	w := u.work[0]
	sent := b.sent[u.meets]
	unpack := b.add(n, Compute, r.engines[u.Kernel], b.cycles(u.party, w.Compute), ended(issue), ended(last.compute),
		sched.Dep{Op: sent[len(sent)-1], Lag: b.delay()})
	last.compute = unpack
	for _, transit := range sent {
		b.Leases = append(b.Leases, sched.Lease{Pool: pools.in, Slots: lines(b.ops[transit].Bytes), From: transit, Until: []int{unpack}})
	}
	b.transfer(n, Store, w.StoreBytes, w.StoreCycles, &last.store, ended(unpack))
	b.lease(pools.out, unpack, b.past(n, last.store))
	b.ends[n] = sched.Dep{Op: last.store.Op, Lag: last.store.Lag + b.cycles(u.party, target.MemoryLatency)}
}

// behind is the time from the end of a unit's slowest stage to when another may use its results: the stages before and behind it of a tile,
// and how far memory is.
func (b *builder) behind(n int) int64 {
	u := b.units[n]
	if u.joint {
		return 0
	}
	w := u.work[len(u.work)-1]
	each := []int64{w.LoadCycles, w.Compute, w.StoreCycles}
	return b.cycles(u.party, each[0]+each[1]+each[2]-slices.Max(each)+2*target.MemoryLatency+target.CommandCycles)
}

// order is the order of the units in each kernel: that of a schedule in which a command is one operation, as long as its slowest stage, and
// memory no obstacle.
func (b *builder) order() ([]int, error) {
	var p sched.Problem
	p.Resources = b.Resources
	for _, u := range b.units {
		op := sched.Op{Resource: b.boards[u.party].sequencer}
		for _, a := range u.after {
			op.After = append(op.After, sched.Dep{Op: a, Lag: b.behind(a)})
		}
		if !u.joint {
			op.Resource, op.Cycles = b.boards[u.party].engines[u.Kernel], b.cycles(u.party, time(u.work))
			if u.Kernel == Send {
				op.Cycles = max(op.Cycles, b.transit(u.message))
			}
			if u.meets >= 0 {
				op.After = append(op.After, sched.Dep{Op: u.meets, Lag: b.delay()})
			}
		}
		p.Ops = append(p.Ops, op)
	}
	s := sched.List(&p)
	order := make([]int, len(b.units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s.Start[i], s.Start[j]) })
	if inOrder, ok := b.messagesInOrder(order, order); ok {
		return inOrder, nil
	}
	byNumber := slices.Sorted(slices.Values(order)) // nothing waits for a higher number
	if inOrder, ok := b.messagesInOrder(order, byNumber); ok {
		return inOrder, nil
	}
	return nil, errors.New("messages that wait for each other")
}

// messagesInOrder changes an order as little as it takes for messages to be received as they are sent, which is as the units of another
// order come, and for no more to be on their way than the other board has room for. It fails where a message would be waited for before
// one that it depends on.
func (b *builder) messagesInOrder(order, sends []int) (out []int, ok bool) {
	rank, before := make([]int, len(order)), make([]int, len(order)) // before: how many a unit must come after
	next := make([][]int, len(order))
	follows := func(n, first int) {
		next[first] = append(next[first], n)
		before[n]++
	}
	for i, n := range order {
		rank[n] = i
	}
	received := make(map[int]int) // by Send
	for n, u := range b.units {
		for _, a := range u.after {
			follows(n, a)
		}
		if u.meets >= 0 {
			follows(n, u.meets)
			received[u.meets] = n
		}
	}
	last := [2]int{-1, -1}
	var flying [2][]int // Sends whose messages may be on their way when the next one begins
	var room [2]int
	for p := range room {
		room[p] = b.arrivals()
	}
	for _, n := range sends {
		u := b.units[n]
		if u.joint || u.Kernel != Send {
			continue
		}
		if of := last[u.party]; of >= 0 {
			follows(n, of)
			follows(received[n], received[of])
		}
		last[u.party] = n
		room[u.party] -= lines(u.message)
		for room[u.party] < 0 {
			first := flying[u.party][0]
			flying[u.party] = flying[u.party][1:]
			room[u.party] += lines(b.units[first].message)
			follows(n, received[first])
		}
		flying[u.party] = append(flying[u.party], n)
	}
	ready := &byRank{rank: rank}
	for n, k := range before {
		if k == 0 {
			heap.Push(ready, n)
		}
	}
	for ready.Len() > 0 {
		n := heap.Pop(ready).(int)
		out = append(out, n)
		for _, m := range next[n] {
			if before[m]--; before[m] == 0 {
				heap.Push(ready, m)
			}
		}
	}
	return out, len(out) == len(order)
}

// byRank is a heap of units.
type byRank struct{ units, rank []int }

func (h *byRank) Len() int           { return len(h.units) }
func (h *byRank) Less(i, j int) bool { return h.rank[h.units[i]] < h.rank[h.units[j]] }
func (h *byRank) Swap(i, j int)      { h.units[i], h.units[j] = h.units[j], h.units[i] }
func (h *byRank) Push(x any)         { h.units = append(h.units, x.(int)) }
func (h *byRank) Pop() any {
	last := h.units[len(h.units)-1]
	h.units = h.units[:len(h.units)-1]
	return last
}
