package target

import "slices"

// memoryPorts are how many ports to the board's memory a kernel has, of one direction each: one for each array that it reads or writes at
// the same time.
var memoryPorts = map[Kernel]int{
	KernelConv:      3, // weights, addends and outputs, beside those for inputs
	KernelDepthwise: 4, // inputs, weights, addends and outputs
	// Five vectors, factors of channels and bits to read, three vectors and bits to write.
	KernelElementwise: streamVectors + streamResults + 3,
	KernelPool:        2, KernelMove: 3, KernelSend: 2, KernelRecv: 2,
	KernelGarble: 5, KernelEvaluate: 6, // gates, labels, tables, results
	KernelOT: 4, KernelSequencer: 1,
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
	computed := []Kernel{KernelConv, KernelGarble, KernelEvaluate}
	var parts []Part
	for _, k := range append(Kernels(), KernelSequencer) {
		if !d.Has(k) {
			continue
		}
		basis := Planned
		if slices.Contains(computed, k) {
			basis = Computed
		}
		parts = append(parts, Part{k, Sum(d.own(k), d.port().Times(d.memoryPorts(k)), commandQueue()), basis})
	}
	return parts
}

// comparePorts are a comparing unit's: bits and shares to read, bits to write.
const comparePorts = 3

// memoryPorts are how many ports to the board's memory a kernel of the design has.
func (d Design) memoryPorts(k Kernel) int {
	switch k {
	case KernelConv:
		return memoryPorts[k] + d.Conv.Ports
	case KernelCompare:
		return comparePorts * d.Compare.Lanes
	}
	return memoryPorts[k]
}

// own is a kernel without its ports and commands.
func (d Design) own(k Kernel) Area {
	switch k {
	case KernelConv:
		return d.convArea()
	case KernelDepthwise:
		return d.depthwiseArea()
	case KernelElementwise:
		return d.elementwiseArea()
	case KernelPool:
		return d.poolArea()
	case KernelMove:
		return d.moveArea()
	case KernelGarble:
		return d.Garble.area(d.Garbler())
	case KernelEvaluate:
		return d.Evaluate.area(d.Evaluator())
	case KernelOT:
		return d.otArea()
	case KernelCompare:
		return d.compareArea()
	case KernelSend, KernelRecv:
		return d.linkArea()
	}
	return d.sequencerArea()
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

// distributed is a memory of LUTs: 14 bits of 32 words a RAM32M16 of eight, or seven of 64 a RAM64M8.
func distributed(w, depth int) Area {
	if depth <= 32 {
		return Luts(8 * ceil(w, 14))
	}
	return Luts(8 * ceil(w, 7) * ceil(depth, 64))
}

// buffer is a memory of a kind, or of LUTs where it is shallow.
func buffer(s Storage, w, depth int) Area {
	switch {
	case depth <= Shallow:
		return distributed(w, depth)
	case s == Ultra:
		return UltraRAM(w, depth)
	}
	return BlockRAM(w, depth)
}

// Shallow is the depth up to which a buffer is distributed memory: the kernels bind it so.
const Shallow = 128

// banks is a buffer of so many words, in banks for each word of a line of a port, side by side.
func (d Design) banks(s Storage, words int) Area {
	return buffer(s, d.Ring, ceil(words, d.PortWords())).Times(d.PortWords())
}

// both of two tile buffers.
func both(a Area) Area { return a.Times(2) }

// loop is a nest of counters that says where a tile or a stream is: three levels of sizes, two addresses.
func loop() Area { return Sum(Adder(32).Times(5), Less(32).Times(3), Registers(8*32)) }

// convArea is the array, whose accumulators are beside the buffers, which are double: inputs in banks for each of TN channels, weights for
// each of TN columns and those of a panel's first tap in registers, addends and outputs in banks for each of TM rows.
func (d Design) convArea() Area {
	c := d.Conv
	inputs := d.banks(c.Inputs, c.InputWords/c.TN).Times(c.TN)
	weights := Sum(buffer(c.Weights, d.Ring, c.WeightWords/c.TN).Times(c.TN), Registers(d.Ring*c.TM*c.TN))
	rows := d.banks(Block, c.Pixels).Times(c.TM)
	return Sum(d.Array().Area(), both(inputs), both(weights), both(rows), both(rows), loop().Times(3+c.Ports))
}

// mostTaps of a kernel, 7 x 7: larger ones need larger buffers than ForBoard gives.
const mostTaps = 7 * 7

// depthwiseArea is a product and a sum a lane, and tile buffers as the array's; weights of a tile are in distributed memory.
func (d Design) depthwiseArea() Area {
	k := d.Depthwise
	lane := Sum(RingMultiplier(d.Ring), Adder(d.Ring), Registers(3*d.Ring), distributed(d.Ring, mostTaps), buffer(Block, d.Ring, k.Pixels),
		both(d.banks(Block, k.InputWords/k.Lanes)), both(d.banks(Block, k.Pixels)).Times(2))
	return Sum(lane.Times(k.Lanes), loop().Times(3))
}

// Of an elementwise kernel: the vectors of words that its widest step reads (rounded.client, mux.output), and of bits, the lists of factors,
// the vectors that a chain writes, and those that it keeps between steps, beside one of bits each (fpga/hlslib/command.hpp).
const (
	streamVectors = 5
	streamBits    = 4
	streamFactors = 2
	streamResults = 3
	streamKept    = 2
)

// elementwiseArea is, for each lane, a product of two operands and a sum with a third; each operand chosen among the vectors and what is
// kept, and then among what shifts, masks and signs make of them; and two buffers of a chunk for each vector, for factors of channels, and
// for results, and one for each vector that is kept.
func (d Design) elementwiseArea() Area {
	w, lanes := d.Ring, d.Elementwise.Lanes
	const shifts, sums, masks, choices = 4, 6, 6, 3
	lane := Sum(RingMultiplier(w), Shift(w).Times(shifts), Adder(w).Times(sums), Xor(w).Times(masks), Mux(w, 8).Times(choices+streamVectors), Registers(w*StreamDepth*2))
	vector := d.chunk(max(lanes, d.PortWords()))
	bits := distributed(WordBlock, ceil(d.Chunk, WordBlock))
	return Sum(lane.Times(lanes), both(vector).Times(streamVectors+streamResults), vector.Times(streamKept), both(d.chunk(lanes)).Times(streamFactors),
		both(bits).Times(streamBits+1), bits, loop())
}

// chunks are the two tile buffers of a vector.
func (d Design) chunks(lanes int) Area { return both(d.chunk(lanes)) }

// chunk is one of them, in banks for each of so many words side by side.
func (d Design) chunk(banks int) Area {
	return buffer(Block, d.Ring, ceil(d.Chunk, banks)).Times(banks)
}

// poolArea is a sum a lane.
func (d Design) poolArea() Area {
	lane := Sum(Adder(d.Ring), Registers(2*d.Ring))
	return Sum(lane.Times(d.Pool.Lanes), d.chunks(d.Pool.Lanes).Times(2), loop().Times(2))
}

// moveArea walks through addresses and shifts words into lines.
func (d Design) moveArea() Area {
	lane := Sum(Shift(WordBlock).Times(2), Registers(4*WordBlock))
	return Sum(lane.Times(d.Move.Lanes), d.chunks(d.Move.Lanes).Times(2), loop().Times(3))
}

// linkArea packs words to fewer bits, or unpacks them, and holds what the link does not take yet.
func (d Design) linkArea() Area {
	const queued = 512 // words of 64 bits: frames of an Ethernet of 1500 bytes, and one more on its way
	lane := Sum(Shift(WordBlock), Xor(WordBlock), Registers(2*WordBlock))
	return Sum(lane.Times(d.Move.Lanes), BlockRAM(WordBlock, queued).Times(ceil(d.Move.Lanes*d.Ring, WordBlock)), loop())
}

// labelReads is how often the labels of live wires are kept, for as many are read in a cycle.
const labelReads = 5

// area is so many of an engine, with the labels of their live wires and a reader of gates; garblers with what makes their labels.
func (e Engines) area(engine HalfGates) Area {
	var labels Area
	if engine.Role == Garble {
		labels = engine.LabelGenerator()
	}
	reader := Sum(distributed(WordBlock, WordBlock), Registers(2*WordBlock), Xor(LabelBits).Times(3), Adder(WordBlock), loop())
	return Sum(engine.Area(), labels, buffer(e.Labels, LabelBits, e.Slots*Lanes).Times(labelReads), reader).Times(e.Count)
}

// otArea is AES, each with the keys of a leaf and those of the next, hash units with theirs, what sums leaves up to columns and keeps the sums
// of a chunk's blocks, a chunk's columns twice, four side by side, and the columns of 64 OTs of which rows are read off.
func (d Design) otArea() Area {
	aes, unit, keys := Sum(aesRounds, keyRegisters), hashPiped, keyRegisters
	if d.OT.Core == Iterative {
		aes, unit, keys = Sum(subShift, mixColumn.Times(4), Luts(128), Registers(128), keyMemory), hashSingle, keyMemory
	}
	const sums = SoftSpokenAES + 1 // of a tree's leaves: a column a bit of Delta, and one of all
	blocks := otChunkWords/2 + 1
	folded := Sum(Xor(sums*LabelBits).Times(d.OT.AES), both(distributed(sums*LabelBits, blocks)))
	columns := Sum(both(buffer(Block, SoftSpokenAES*Lanes, otChunkWords*columnCycles)), Registers(Lanes*LabelBits))
	return Sum(aes.Times(d.OT.AES), keys.Times(2*d.OT.AES), unit.Times(d.OT.Hashes), keys, folded, columns, loop().Times(4))
}

// compareArea is units for the steps of a comparison by OT on words of 64 instances: a tree of digits of four bits, whose messages are 16
// masks turned by the digit. Each goes through its own columns to read, to compute and to write.
func (d Design) compareArea() Area {
	const digit = 16
	unit := Sum(Mux(WordBlock, digit).Times(4), Xor(WordBlock).Times(2*digit), Registers(2*digit*WordBlock), loop().Times(3))
	return unit.Times(d.Compare.Lanes)
}

// sequencerArea holds a command, and compares what it waits for with what each kernel has completed.
func (d Design) sequencerArea() Area {
	kernels := len(Kernels())
	return Sum(Registers(64*32), Less(32).Times(kernels), Adder(32).Times(kernels), Registers(2*32*kernels), Luts(200))
}
