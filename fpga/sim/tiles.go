package sim

import (
	"fmt"

	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// tile is a part of a command between a kernel's buffers, as its record and the kernels' loops (fpga/hlslib) give it.
type tile struct {
	loadBytes, loadCycles   int64
	compute                 int64
	storeBytes, storeCycles int64
	keepsInput              bool  // that is in the buffer
	message                 int64 // bytes on the link
}

const (
	laneBits  = 64 // of a word of BITS
	wordBytes = 8  // of BITS
	// labelWords and andWords are the words of a label and of an AND's tables, stepWords those of a step of a circuit.
	labelWords, andWords, stepWords = 2, 4, 2
)

func up(a, b int) int { return (a + b - 1) / b }

// tiles reads a record.
func tiles(c lower.Command, d target.Design) ([]tile, error) {
	r := record{c, d}
	var list []tile
	switch c.Kernel {
	case lower.Conv:
		list = r.conv()
	case lower.Depthwise:
		list = r.depthwise()
	case lower.Elementwise:
		list = []tile{r.elementwise()}
	case lower.Pool:
		list = r.pool()
	case lower.Garble, lower.Evaluate:
		list = []tile{r.garbled()}
	case lower.OT:
		list = []tile{r.oblivious()}
	case lower.Move:
		list = []tile{r.move()}
	case lower.Compare:
		list = []tile{r.compare()}
	case lower.Send, lower.Recv:
		list = []tile{r.transfer()}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: %w", c.Operation, errNoTiles)
	}
	return list, nil
}

// record is a command at a design.
type record struct {
	lower.Command
	d target.Design
}

func (r record) int(i int) int { return int(r.Ints[i]) }

// ring and bits are runs of words through a port, so many at a time at most.
func (r record) ring(words, atOnce int) (bytes, cycles int64) {
	bytes = int64(words * r.d.WordBytes())
	return bytes, max(r.d.PortCycles(bytes), int64(up(words, atOnce)))
}

func (r record) bits(words, atOnce int) (bytes, cycles int64) {
	bytes = int64(words * wordBytes)
	return bytes, max(r.d.PortCycles(bytes), int64(up(words, atOnce)))
}

// bitOperands are the operands that are bits, as a mask, and whether the result is.
var bitOperands = map[lower.Operation]struct {
	mask uint
	out  bool
}{
	lower.OpTruncChoose: {0x02, true}, lower.OpTruncReceive: {0x06, false}, lower.OpTruncSend: {0x02, false}, lower.OpTruncExcess: {0x01, true},
	lower.OpSign: {0x01, true}, lower.OpMuxChoose: {0x03, true}, lower.OpMuxCorrelate: {0x02, false}, lower.OpMuxOutput: {0x36, false},
	lower.OpArithCorrelate: {0x01, false}, lower.OpArithReceive: {0x07, false}, lower.OpArithSend: {0x03, false},
	lower.OpRoundedFix: {0x08, false}, lower.OpRoundedPad: {0x04, false}, lower.OpRoundedHold: {0x10, false},
	lower.OpRoundedClient: {0xe0, false}, lower.OpRoundedServer: {0x30, false},
}

// sizeAt is where the elements of a channel stand, of operations with factors.
var sizeAt = map[lower.Operation]int{lower.OpShift: 0, lower.OpScale: 0, lower.OpQuadraticBlind: 1, lower.OpQuadraticServer: 1,
	lower.OpRoundedCorrelate: 2, lower.OpRoundedServer: 2}

// steps is how many an elementwise command has.
func (r record) steps() int {
	if r.Operation == lower.OpChain {
		return r.int(0) & 0xff
	}
	return 1
}

// elementwise reads of a chain which operands and results are bits, and how many elements a channel has.
func (r record) elementwise() (t tile) {
	n, kinds := int(r.N), bitOperands[r.Operation]
	in, out, results, size := kinds.mask, uint(0), 1, 0
	if kinds.out {
		out = 1
	}
	if r.Operation == lower.OpChain {
		in, out, results, size = uint(r.int(0)>>8&0xff), uint(r.int(0)>>16), lower.Outs, r.int(1)
	} else if at, ok := sizeAt[r.Operation]; ok {
		size = r.int(at)
	}
	t.loadBytes, t.loadCycles = r.vectors(r.In[:], in)
	factors := int64(0)
	for _, at := range r.Weight {
		if at != lower.None {
			first, last := int(r.Lo)/size, (int(r.Lo)+n-1)/size
			t.loadBytes += int64((last - first + 1) * r.d.WordBytes())
			factors += r.d.FactorCycles(n, size)
		}
	}
	t.loadCycles = max(t.loadCycles, factors)
	t.compute = int64(r.steps()) * r.d.ElementwiseCycles(n)
	t.storeBytes, t.storeCycles = r.vectors(r.Out[:results], out)
	return t
}

// vectors are operands or results: words side by side, and those that are bits one after the other.
func (r record) vectors(addresses []uint32, bits uint) (bytes, cycles int64) {
	planes := 0
	for i, at := range addresses {
		switch {
		case at == lower.None:
		case bits>>i&1 == 1:
			planes += up(int(r.N), laneBits)
		default:
			b, c := r.ring(int(r.N), int(r.N))
			bytes, cycles = bytes+b, max(cycles, c)
		}
	}
	return bytes + int64(planes*wordBytes), max(cycles, int64(planes))
}

func (r record) geometry() target.Geometry {
	ints := make([]int, 0, 13)
	for i := range 12 {
		ints = append(ints, r.int(i))
	}
	return target.GeometryOf(append(ints, 1))
}

// conv goes through the loops of fpga/hlslib/conv.hpp.
func (r record) conv() (list []tile) {
	g, d := r.geometry(), r.d
	slice, panel := r.int(lower.TileChannels), d.PanelChannels(r.geometry())
	outputs := r.int(lower.TileMN)
	stays := outputs <= d.Conv.TM && min(slice, panel) >= g.InC // weights, for all tiles
	for y := r.int(lower.TileY); y < r.int(lower.TileY)+r.int(lower.TileYN); y += r.int(lower.TileH) {
		for x := 0; x < g.OutW(); x += r.int(lower.TileW) {
			rows := min(r.int(lower.TileH), r.int(lower.TileY)+r.int(lower.TileYN)-y)
			cols := min(r.int(lower.TileW), g.OutW()-x)
			for m := 0; m < outputs; m += d.Conv.TM {
				for i := 0; i < g.InC; i += min(panel, slice-i%slice) {
					t := tile{keepsInput: i%slice > 0 || m > 0 && slice >= g.InC}
					inputs := min(panel, slice-i%slice, g.InC-i)
					ms := min(d.Conv.TM, outputs-m)
					if !stays || len(list) == 0 {
						t.loadBytes = int64(up(inputs, d.Conv.TN) * g.KH * g.KW * d.Conv.TM * d.Conv.TN * d.WordBytes())
						t.loadCycles = d.WeightCycles(g, inputs)
					}
					if !t.keepsInput {
						window := min(slice, g.InC-i)
						t.loadBytes += int64(window * g.Window(rows, cols) * d.WordBytes())
						t.loadCycles = max(t.loadCycles, d.WindowCycles(g, window, rows, cols))
					}
					if i == 0 {
						biases := 0
						if r.Weight[1] != lower.None {
							biases = ms
						}
						t.loadBytes += int64((ms*rows*cols + biases) * d.WordBytes())
						t.loadCycles = max(t.loadCycles, d.AddendCycles(g, ms, rows, cols))
					}
					if i+inputs == g.InC {
						t.storeBytes, t.storeCycles = int64(ms*rows*cols*d.WordBytes()), d.StoreCycles(g, ms, rows, cols)
					}
					t.compute = d.PanelCycles(g, inputs, rows*cols) + d.ConvFill()
					list = append(list, t)
				}
			}
		}
	}
	return list
}

func (r record) depthwise() (list []tile) {
	g, d, outputs := r.geometry(), r.d, r.int(lower.TileMN)
	for y := r.int(lower.TileY); y < r.int(lower.TileY)+r.int(lower.TileYN); y += r.int(lower.TileH) {
		for x := 0; x < g.OutW(); x += r.int(lower.TileW) {
			rows := min(r.int(lower.TileH), r.int(lower.TileY)+r.int(lower.TileYN)-y)
			cols := min(r.int(lower.TileW), g.OutW()-x)
			window, sums := outputs*g.Window(rows, cols), outputs*rows*cols
			t := tile{storeBytes: int64(sums * d.WordBytes()), storeCycles: d.StoreCycles(g, outputs, rows, cols)}
			t.loadBytes, t.loadCycles = int64(window*d.WordBytes())+t.storeBytes, d.DepthwiseLoadCycles(g, outputs, rows, cols)
			t.compute = d.DepthwiseTileCycles(g, rows*cols)
			list = append(list, t)
		}
	}
	return list
}

func (r record) pool() (list []tile) {
	channels, in, out, window := r.int(0), r.int(0)*r.int(1)*r.int(2), int(r.N), r.int(3)*r.int(4)
	parts := up(in, r.d.Chunk)
	load, store := int(r.d.PoolLoadCycles(channels, in/channels)), int(r.d.PoolStoreCycles(channels, out/channels))
	for i := range parts {
		ins, outs := in*(i+1)/parts-in*i/parts, out*(i+1)/parts-out*i/parts
		t := tile{compute: r.d.PoolCycles(outs, window)}
		t.loadBytes, t.loadCycles = int64(ins*r.d.WordBytes()), int64(load*(i+1)/parts-load*i/parts)
		t.storeBytes, t.storeCycles = int64(outs*r.d.WordBytes()), int64(store*(i+1)/parts-store*i/parts)
		list = append(list, t)
	}
	return list
}

// garbled reads the numbers of a circuit: steps, ands, wires, ring, elements.
func (r record) garbled() (t tile) {
	n, steps, ands, wires, ring, elements := int(r.N), r.int(0), r.int(1), r.int(2), r.int(3), r.int(4)
	if r.Operation == lower.OpLabels {
		t.loadBytes, t.loadCycles = int64(n*elements*r.d.WordBytes()), r.d.ShareReads(n, elements)
		t.compute = int64(r.d.Garbler().LabelCycles(n * wires))
		t.storeBytes, t.storeCycles = r.bits(n*wires*labelWords, labelWords)
		return t
	}
	if r.Operation == lower.OpChoices {
		t.loadBytes, t.loadCycles = int64(n*elements*r.d.WordBytes()), r.d.ShareReads(n, elements)
		t.compute = r.d.ChoiceCycles(n, elements, wires)
		t.storeBytes, t.storeCycles = r.bits(up(n*wires, laneBits), 1)
		return t
	}
	labels, tables := int64(n*wires*labelWords*wordBytes), int64(n*ands*andWords*wordBytes)
	labelCycles, program := r.d.LabelReads(n, wires), steps*stepWords*up(n, target.Lanes)
	results := int64(n * r.d.WordBytes())
	if ring == 0 {
		results = int64(up(n, laneBits) * wordBytes)
	}
	if r.Operation == lower.OpTables {
		t.loadBytes, t.loadCycles = labels+int64(program*wordBytes), max(labelCycles, int64(program))
		if ring > 0 {
			t.loadBytes += results
		}
		t.storeBytes, t.storeCycles = tables+results, int64(n*ands)*r.d.TableBeats()
		t.compute = r.d.GarbleCycles(int64(steps * target.Lanes * r.d.Garble.EngineBlocks(n)))
		return t
	}
	t.loadBytes, t.loadCycles = 2*labels+tables+int64(program*wordBytes), max(labelCycles, r.d.TableReads(n, ands), int64(program))
	t.storeBytes, t.storeCycles = results, int64(up(n, laneBits))
	if ring > 0 {
		t.loadBytes += int64(n * r.d.WordBytes())
		t.storeCycles = int64(n)
	}
	t.compute = r.d.EvaluateCycles(int64(steps * target.Lanes * r.d.Evaluate.EngineBlocks(n)))
	return t
}

// leafWords are the words of the keys of an extension's leaves, treeCount its trees: a message has a word of each for 64 OTs.
const (
	treeCount = 32
	leafWords = treeCount * 16 * labelWords
)

// hashed says how many hashes an operation makes of an OT, and how many bits of results: 0 where these are words of the ring.
var hashed = map[lower.Operation]struct{ hashes, bits, words int }{
	lower.OpPads: {2, 0, 2}, lower.OpChosenPads: {1, 0, 1}, lower.OpMasks16: {2, 8, 0}, lower.OpChosen16: {1, 0, 0},
	lower.OpBitPads: {2, 4, 0}, lower.OpChosenBits: {1, 2, 0},
}

// oblivious is a step of an OT extension.
func (r record) oblivious() (t tile) {
	n := int(r.N)
	const chunk = 64 * laneBits // OTs for which all leaves are read once
	out, message := n*labelWords, up(n, laneBits)*treeCount
	switch r.Operation {
	case lower.OpExtendReceive:
		out += message
	case lower.OpExtendSend:
	default:
		return r.hash()
	}
	t.loadBytes, t.loadCycles = int64((message+up(n, chunk)*leafWords)*wordBytes), r.d.ExtendReads(n)
	t.storeBytes, t.storeCycles = int64(out*wordBytes), r.d.ExtendWrites(n)
	t.compute = r.d.ExtendCycles(n, r.int(0)+int(r.Lo)/laneBits) + target.OTDepth
	return t
}

// hash makes pads, masks or bits of blocks.
func (r record) hash() (t tile) {
	n, h := int(r.N), hashed[r.Operation]
	t.loadBytes, t.loadCycles = int64(n*labelWords*wordBytes), int64(n)
	t.compute = r.d.HashCycles(n, h.hashes) + target.OTDepth
	bits := n * h.bits
	if r.Operation == lower.OpChosen16 {
		bits = n / 2 // two of four OTs
	}
	for _, at := range r.Out {
		if at == lower.None {
			continue
		}
		bytes := n * r.d.WordBytes()
		if h.words == 0 {
			each := bits
			if r.Operation == lower.OpBitPads {
				each /= 2
			}
			bytes = up(each, laneBits) * wordBytes
		}
		t.storeBytes += int64(bytes)
	}
	switch r.Operation {
	case lower.OpPads, lower.OpChosenPads:
		t.storeCycles = r.d.PadWrites(n, h.hashes)
	case lower.OpMasks16, lower.OpChosen16:
		t.storeCycles = r.d.MaskWrites(n, h.hashes)
	default:
		t.storeCycles = r.d.BitWrites(n, h.hashes)
	}
	return t
}

func (r record) move() (t tile) {
	n := int(r.N)
	t.compute = target.StreamDepth // nothing is computed
	t.loadBytes, t.loadCycles = r.ring(n, n)
	t.storeBytes, t.storeCycles = t.loadBytes, t.loadCycles
	const widthStride, loops = 8, 1
	single, table := false, 0
	switch r.Operation {
	case lower.OpCopyBits:
		t.loadBytes, t.loadCycles = r.bits(n, n)
		t.storeBytes, t.storeCycles = t.loadBytes, t.loadCycles
	case lower.OpWalk:
		single = r.int(2*r.int(loops)+1) != 1
	case lower.OpResample:
		single = r.int(widthStride) > 1
	case lower.OpIndex:
		single, table = true, up(n, 2)
	case lower.OpRanges:
		words := 2 * r.int(0)
		t.loadBytes += int64(words * wordBytes)
		t.loadCycles += int64(words)
	}
	if single {
		t.loadBytes, t.loadCycles = int64(n*r.d.PortBytes+table*wordBytes), int64(n)
	}
	return t
}

// compare counts the words of 64 instances that a step reads and writes.
func (r record) compare() (t tile) {
	k, level := cost.Comparison{Bits: r.int(0)}, r.int(1)
	share, message := r.d.Ring, k.MessagePlanes()
	nodes := func(level int) int { return 2*k.Nodes(level) - 1 }
	var in, out int
	switch r.Operation {
	case lower.OpCompareChoose:
		in, out = share+k.ChoicePlanes(), k.ChoicePlanes()
	case lower.OpCompareTurn:
		in, out = k.MaskPlanes()+k.ChoicePlanes(), message+k.Leaves()
	case lower.OpCompareAnswer:
		in, out = share+message+k.Leaves(), message+nodes(0)
	case lower.OpCompareSelect:
		in, out = share+message+k.Leaves(), nodes(0)
	case lower.OpCompareOpen:
		in, out = 2*k.OpenedPlanes(level), k.OpenedPlanes(level)
	case lower.OpCompareJoin:
		in, out = 4*k.OpenedPlanes(level)+2*(k.Nodes(level)%2), nodes(level+1)
	case lower.OpProducts:
		in, out = 7, 2
	}
	columns := up(int(r.N), laneBits)
	if r.Operation == lower.OpProducts { // counts words
		columns = int(r.N)
	}
	busiest := up(columns, r.d.Compare.Lanes) // of the units
	t.loadBytes, t.loadCycles = int64(in*columns*wordBytes), int64(in*busiest)
	t.storeBytes, t.storeCycles = int64(out*columns*wordBytes), int64(out*busiest)
	t.compute = r.d.StreamCycles(1, in*busiest)
	return t
}

// transfer is a slab of a message.
func (r record) transfer() (t tile) {
	n := int(r.N)
	words, width := n, r.int(0)
	switch r.Operation {
	case lower.OpSendBits, lower.OpRecvBits:
		words, width = up(n, laneBits), 1
	case lower.OpSendBlocks, lower.OpRecvBlocks:
		width = laneBits
	}
	bytes, cycles := r.bits(words, words)
	t.compute = r.d.LinkCycles(words)
	if r.Operation == lower.OpSendRing || r.Operation == lower.OpRecvRing {
		bytes, cycles = r.ring(words, words)
		t.compute = r.d.MoveCycles(words)
	}
	t.message = int64(up(n*width, laneBits) * wordBytes)
	if r.Kernel == lower.Send {
		t.loadBytes, t.loadCycles = bytes, cycles
	} else {
		t.storeBytes, t.storeCycles = bytes, cycles
	}
	return t
}
