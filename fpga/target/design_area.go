package target

import "slices"

// memoryPorts are how many ports to the board's memory a kernel has, of one direction each: one for each array that it reads or writes at
// the same time.
var memoryPorts = map[Kernel]int{
	KernelConv: 4, KernelDepthwise: 4, // inputs, weights, addend; outputs
	KernelElementwise: 7, // up to five vectors, what goes by channel or bit; the result
	KernelPool:        2, KernelMove: 3, KernelCompare: 2,
	KernelGarble: 4, KernelEvaluate: 4, // gates, labels, tables; results
	KernelOT:        3,
	KernelSequencer: 1,
}

// Burst is the words of a port's queue, a burst: as many as hide the memory's latency.
const Burst = 64

// Part is what a kernel of a design takes.
type Part struct {
	Kernel Kernel `json:"kernel"`
	Area   Area   `json:"area"`
	// Basis is Computed where formulas are held against synthesis (engines and array), and Planned where the kernel has no hardware
	// description here and its area is the sum of the operators and memories that it consists of.
	Basis Basis `json:"basis"`
}

// Parts lists what the kernels take, the sequencer last. An engine's or an array's own area is held against synthesis; buffers, ports and
// control around them are estimates, as are the other kernels.
func (d Design) Parts() []Part {
	own := map[Kernel]Area{
		KernelConv: d.convArea(), KernelDepthwise: d.depthwiseArea(), KernelElementwise: d.elementwiseArea(), KernelPool: d.poolArea(),
		KernelMove: d.moveArea(), KernelGarble: d.Garble.area(d.Garbler()), KernelEvaluate: d.Evaluate.area(d.Evaluator()),
		KernelOT: d.otArea(), KernelCompare: d.compareArea(), KernelSequencer: d.sequencerArea(),
	}
	computed := []Kernel{KernelConv, KernelGarble, KernelEvaluate}
	var parts []Part
	for _, k := range append(Kernels(), KernelSequencer) {
		basis := Planned
		if slices.Contains(computed, k) {
			basis = Computed
		}
		parts = append(parts, Part{k, Sum(own[k], d.port().Times(memoryPorts[k]), commandQueue()), basis})
	}
	return parts
}

// Area is what the whole design takes.
func (d Design) Area() Area {
	var all Area
	for _, p := range d.Parts() {
		all = all.Add(p.Area)
	}
	return all
}

// port is an adapter to the memory in one direction: a queue of a burst in distributed memory, counters of bytes and of what is on its
// way, an address and a register at either end.
func (d Design) port() Area {
	width := 8 * d.PortBytes
	const address, counter = 64, 32
	return Sum(distributed(width, Burst), Adder(address), Adder(counter).Times(2), Less(counter), Registers(2*width+address+2*counter))
}

// commandQueue holds two commands of 64 words of 32 bits in distributed memory, and takes one apart.
func commandQueue() Area { return Sum(distributed(32, 2*64), Registers(64*32/4), Luts(64)) }

// distributed is a memory of LUTs: seven bits of 64 words a RAM64M8 of eight.
func distributed(w, depth int) Area { return Luts(8 * ceil(w, 7) * ceil(depth, 64)) }

// buffer is a memory of either kind.
func buffer(s Storage, w, depth int) Area {
	if s == Ultra {
		return UltraRAM(w, depth)
	}
	return BlockRAM(w, depth)
}

// both of two tile buffers.
func both(a Area) Area { return a.Times(2) }

// loop is a nest of counters that says where a tile or a stream is: three levels of sizes, two addresses.
func loop() Area { return Sum(Adder(32).Times(5), Less(32).Times(3), Registers(8*32)) }

// convArea is the array, whose accumulators are the output buffer, its addends and inputs twice, weights twice, and outputs while they are
// stored.
func (d Design) convArea() Area {
	c, row := d.Conv, d.Ring*d.Conv.TN
	rows := BlockRAM(d.Ring, c.Pixels).Times(c.TM)
	return Sum(d.Array().Area(), both(buffer(c.Inputs, row, c.InputWords/c.TN)), both(buffer(c.Weights, row, c.WeightWords/c.TN)),
		both(rows), rows, loop().Times(3))
}

// mostTaps of a kernel, 7 x 7: larger ones need larger buffers than ForBoard gives.
const mostTaps = 7 * 7

// depthwiseArea is a product and a sum a lane, and tile buffers as the array's; weights of a tile are in registers.
func (d Design) depthwiseArea() Area {
	k := d.Depthwise
	row := d.Ring * k.Lanes
	lane := Sum(RingMultiplier(d.Ring), Adder(d.Ring), Registers(3*d.Ring), distributed(d.Ring, mostTaps))
	out := BlockRAM(row, k.Pixels)
	return Sum(lane.Times(k.Lanes), both(BlockRAM(row, k.InputWords/k.Lanes)), out.Times(4), loop().Times(3))
}

// Of an elementwise kernel: the vectors of words that its widest step reads (rounded.client, mux.output), and of bits; a result of either.
const (
	streamVectors = 5
	streamBits    = 4
)

// elementwiseArea is, for each lane, a product of two operands and a sum with a third; each operand chosen among the vectors and what
// shifts, masks and signs make of them; and two buffers of a chunk for each vector.
func (d Design) elementwiseArea() Area {
	w, lanes := d.Ring, d.Elementwise.Lanes
	const shifts, sums, masks, choices = 4, 6, 6, 3
	lane := Sum(RingMultiplier(w), Shift(w).Times(shifts), Adder(w).Times(sums), Xor(w).Times(masks), Mux(w, 8).Times(choices), Registers(w*StreamDepth*2))
	return Sum(lane.Times(lanes), d.chunks(lanes).Times(streamVectors+1), both(distributed(WordBlock, ceil(d.Chunk, WordBlock))).Times(streamBits+1), loop())
}

// chunks are the two tile buffers of a vector.
func (d Design) chunks(lanes int) Area { return both(BlockRAM(d.Ring*lanes, d.Chunk/lanes)) }

// poolArea is a sum a lane.
func (d Design) poolArea() Area {
	lane := Sum(Adder(d.Ring), Registers(2*d.Ring))
	return Sum(lane.Times(d.Pool.Lanes), d.chunks(d.Pool.Lanes).Times(2), loop().Times(2))
}

// moveArea packs and unpacks with a shift each way, and walks through addresses.
func (d Design) moveArea() Area {
	const bits = 64
	lane := Sum(Shift(bits).Times(2), Xor(bits).Times(2), Registers(4*bits))
	return Sum(lane.Times(d.Move.Lanes), d.chunks(d.Move.Lanes).Times(2), loop().Times(3))
}

// area is so many of an engine, with the labels of their live wires and a reader of gates: kind and three wires.
func (e Engines) area(engine HalfGates) Area {
	reader := Sum(distributed(64, 64), Registers(128), Xor(LabelBits), Adder(64), loop())
	return Sum(engine.Area(), BlockRAM(LabelBits, e.Slots*Lanes), reader).Times(e.Count)
}

// otArea is AES with its keys, what sums leaves to columns, a transposition of 128 x 128 bits twice, and hash units.
func (d Design) otArea() Area {
	aes, unit, keys := Sum(aesRounds, keyRegisters), hashPiped, keyRegisters
	if d.OT.Core == Iterative {
		aes, unit, keys = Sum(subShift, mixColumn.Times(4), Luts(128), Registers(128), keyMemory), hashSingle, keyMemory
	}
	columns := Sum(Xor(LabelBits).Times(4), Registers(4*LabelBits))
	return Sum(aes.Times(d.OT.AES), unit.Times(d.OT.Hashes), keys, columns, both(distributed(LabelBits, LabelBits)), loop())
}

// compareArea is the steps of a comparison by OT on words of 64 instances: a tree of digits of four bits, whose messages are 16 masks
// turned by the digit.
func (d Design) compareArea() Area {
	const digit = 16
	lane := Sum(Mux(WordBlock, digit).Times(4), Xor(WordBlock).Times(2*digit), Registers(2*digit*WordBlock))
	return Sum(lane.Times(d.Compare.Lanes), both(BlockRAM(WordBlock*d.Compare.Lanes, d.Chunk/d.Compare.Lanes)).Times(3), loop())
}

// sequencerArea holds a command, and compares what it waits for with what each kernel has completed.
func (d Design) sequencerArea() Area {
	kernels := len(Kernels())
	return Sum(Registers(64*32), Less(32).Times(kernels), Adder(32).Times(kernels), Registers(2*32*kernels), Luts(200))
}
