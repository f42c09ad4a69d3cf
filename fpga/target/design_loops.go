package target

import "math/bits"

// What the loops of fpga/hlslib take where it depends on how words lie in memory, and on who shares what.

// drainCycles is the store of a run of n words, one of several that begin so many words apart: whole lines, and word by word what lies
// before the first of them and behind the last. Where runs begin anywhere in a line that is half a line at either end, on average.
func (d Design) drainCycles(n, apart int) int64 {
	port := d.PortWords()
	aligned := min(port, 1<<bits.TrailingZeros(uint(n|apart|port))) // what both are multiples of
	single := min(n, port-aligned)
	return int64(single + ceil(n-single, port))
}

// LinkWords is the words of 64 bits that send and recv take a cycle of what is not packed.
func (d Design) LinkWords() int { return ceil(d.Move.Lanes*d.Ring, WordBlock) }

// LinkCycles is the time of so many words of bits or of blocks on their way to the link, or from it.
func (d Design) LinkCycles(words int) int64 { return d.StreamCycles(d.LinkWords(), words) }

// DepthwiseLoadCycles is the load of a tile: windows and addends of so many channels through one port, one after the other, and a row of
// weights a tap.
func (d Design) DepthwiseLoadCycles(g Geometry, channels, rows, cols int) int64 {
	rowsOfWeights := int64(g.KH*g.KW) * int64(ceil(d.Depthwise.Lanes, d.PortWords()))
	return int64(channels)*d.windowRuns(g, rows, cols) + d.AddendCycles(g, channels, rows, cols) + rowsOfWeights
}

// PoolLoadCycles and PoolStoreCycles are those of channels of so many words each.
func (d Design) PoolLoadCycles(channels, each int) int64 { return int64(channels) * d.lineCycles(each) }

func (d Design) PoolStoreCycles(channels, each int) int64 {
	return int64(channels) * d.drainCycles(each, each)
}

// EngineBlocks is how many blocks of 64 instances engines take as long for as for n instances: the one that has most of them takes a whole
// number.
func (e Engines) EngineBlocks(n int) int {
	count := max(1, e.Count)
	return ceil(ceil(n, Lanes), count) * count
}

// LabelReads is the load of so many labels of each of n instances, block by block, a cycle each; TableReads that of tables of ANDs, as wide
// as the port.
func (d Design) LabelReads(n, wires int) int64 { return int64(ceil(n, Lanes) * Lanes * wires) }

func (d Design) TableReads(n, ands int) int64 { return d.LabelReads(n, ands) * d.TableBeats() }

// TableBeats is the cycles of an AND's tables through a port.
func (d Design) TableBeats() int64 { return d.PortCycles(TableBits / 8) }

// ShareReads is the load of n instances' elements of a share, block by block, a word a cycle.
func (d Design) ShareReads(n, elements int) int64 { return d.LabelReads(n, elements) }

// ChoiceCycles is how long so many bits of n instances take that an evaluator chooses with: each element is gathered in a block, and given
// plane by plane.
func (d Design) ChoiceCycles(n, elements, wires int) int64 {
	return d.ShareReads(n, elements) + int64(ceil(n, Lanes)*wires)
}

// FactorCycles is the load of the factors of n elements' channels, of so many elements each: a beat of lanes a cycle, or an element where
// channels have fewer elements than there are lanes.
func (d Design) FactorCycles(n, size int) int64 {
	if size < d.Elementwise.Lanes {
		return int64(n)
	}
	return int64(ceil(n, d.Elementwise.Lanes))
}

// Steps is a tile of an elementwise command: so many steps on n elements, what they read and write for all of them together, and lists of
// factors of channels of so many elements.
type Steps struct {
	N, Count            int
	Vectors, Planes     int // read: of words, and of bits
	Factors, Size       int
	Results, BitResults int // written
}

// StepsBytes are those of so many vectors of n elements, of words and of bits.
func (d Design) StepsBytes(n, vectors, planes int) int64 {
	return int64(vectors*n*d.WordBytes()) + int64(planes*ceil(n, WordBlock)*WordBlock/8)
}

// StepsLoad is the longest of what its ports take: vectors side by side, a line a cycle; bits one after the other, and factors too.
func (d Design) StepsLoad(s Steps) int64 {
	load := int64(s.Planes * ceil(s.N, WordBlock))
	if s.Vectors > 0 {
		load = max(load, d.PortCycles(int64(s.N*d.WordBytes())))
	}
	if s.Factors > 0 {
		load = max(load, int64(s.Factors)*d.FactorCycles(s.N, s.Size))
	}
	return load
}

// StepsCompute is a beat of lanes a cycle, step by step: the pipeline is empty before the next one begins.
func (d Design) StepsCompute(s Steps) int64 { return int64(s.Count) * d.ElementwiseCycles(s.N) }

// StepsStore is that of vectors side by side, and of bits beside them.
func (d Design) StepsStore(s Steps) int64 {
	store := int64(s.BitResults * ceil(s.N, WordBlock))
	if s.Results > 0 {
		store = max(store, d.PortCycles(int64(s.N*d.WordBytes())))
	}
	return store
}

// StepsCycles is how long the kernel works on n elements, tile by tile.
func (d Design) StepsCycles(s Steps) int64 {
	tiles := ceil(s.N, d.Chunk)
	s.N = ceil(s.N, max(tiles, 1))
	return int64(tiles) * tileCycles(d.StepsLoad(s), d.StepsCompute(s), d.StepsStore(s))
}

// MessageCycles is how long a kernel of the link has n words of the ring, tile by tile.
func (d Design) MessageCycles(n int) int64 {
	tiles := ceil(n, d.Chunk)
	n = ceil(n, max(tiles, 1))
	return int64(tiles) * tileCycles(d.PortCycles(int64(n*d.WordBytes())), d.MoveCycles(n), 0)
}

// tileCycles is what tiles take that follow one another: as long as the slowest stage, or half of what a buffer is held for, of which there are
// two: from the first word's load, and the memory's latency, to the last one's computation.
func tileCycles(load, compute, store int64) int64 {
	const buffers = 2
	return max(load, compute, store, (load+MemoryLatency+compute)/buffers)
}

// StepsMoved is what passes the memory, factors included.
func (d Design) StepsMoved(s Steps) int64 {
	bytes := d.StepsBytes(s.N, s.Vectors+s.Results, s.Planes+s.BitResults)
	if s.Factors > 0 {
		bytes += int64(s.Factors * ceil(s.N, s.Size) * d.WordBytes())
	}
	return bytes
}

// Of is the design with the numbers that a kernel's cycles depend on, and no others: designs that agree in them have the same kernel.
func (d Design) Of(k Kernel) Design {
	only := Design{Ring: d.Ring, ClockMHz: d.ClockMHz, MemoryBytes: d.MemoryBytes, PortBytes: d.PortBytes, Chunk: d.Chunk}
	switch k {
	case KernelConv:
		only.Conv = d.Conv
	case KernelDepthwise:
		only.Depthwise = d.Depthwise
	case KernelElementwise:
		only.Elementwise = d.Elementwise
	case KernelPool:
		only.Pool = d.Pool
	case KernelGarble:
		only.Garble = d.Garble
	case KernelEvaluate:
		only.Evaluate = d.Evaluate
	case KernelOT:
		only.OT = d.OT
	case KernelCompare:
		only.Compare = d.Compare
	case KernelSend, KernelRecv:
		only.Move = d.Move
	}
	return only
}
