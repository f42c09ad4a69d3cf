package target

// What the steps of an OT extension take: fpga/hlslib/ot.hpp. A command's OTs go in chunks; leaves are expanded tree by tree, and when a
// chunk's columns are whole their rows are written while the next chunk's are expanded.

const (
	otTrees = 32           // of SoftSpoken
	otLeafs = otTrees * 16 // of 16 leaves each
	// otChunkWords are a chunk's words of 64 OTs.
	otChunkWords = 64
	// columnCycles is how long the columns of 64 OTs take from the chunk's memory to where their rows are read off, four at a time.
	columnCycles = LabelBits / 4
	// otNumber is how many COTs make 64 OTs of 1 of 16.
	otNumber = 4 * Lanes
)

// Rounds is how many rounds of an AES there are in hardware.
func (o OTStep) Rounds() int {
	if o.Core == Iterative {
		return 1
	}
	return aesRoundCount
}

// BlockInterval is the cycles from a block of an AES to the next.
func (o OTStep) BlockInterval() int {
	if o.Core == Iterative {
		return aesCycles
	}
	return 1
}

// HashInterval is the cycles from a hash of a unit to the next.
func (o OTStep) HashInterval() int {
	if o.Core == Iterative {
		return hashSteps
	}
	return 1
}

// OTDepth is the pipelines of an OT step.
const OTDepth = aesCycles + hashDelay

// eachChunk calls f with the OTs of each chunk of n.
func eachChunk(n int, f func(ots int)) {
	const most = otChunkWords * Lanes
	for ; n > most; n -= most {
		f(most)
	}
	f(n)
}

// ExtendCycles is the time of n OTs from a word of the leaves' streams on: all leaves' blocks, which have two words each, and then the rows
// of the last chunk.
func (d Design) ExtendCycles(n, word int) (cycles int64) {
	rows := int64(0)
	eachChunk(n, func(ots int) {
		blocks := ceil(word%2+ceil(ots, Lanes), 2)
		cycles += int64(otLeafs / d.OT.AES * blocks * d.OT.BlockInterval())
		rows = rowCycles(ots)
	})
	return cycles + rows
}

// rowCycles is the time of a chunk's rows, a block a cycle.
func rowCycles(ots int) int64 { return int64(ceil(ots, Lanes)*columnCycles + ots) }

// ExtendReads is the load: the leaves' round keys for each chunk and, through another port, a word for each tree and 64 OTs, of the message
// or of the choices.
func (d Design) ExtendReads(n int) int64 {
	chunks := ceil(n, otChunkWords*Lanes)
	return int64(max(chunks*otLeafs*aesCycles, otTrees*ceil(n, Lanes)))
}

// ExtendWrites is the store: rows, beside which the message leaves through another port.
func (d Design) ExtendWrites(n int) (cycles int64) {
	eachChunk(n, func(ots int) { cycles += rowCycles(ots) })
	return cycles
}

// HashCycles is the time of so many hashes of each of n OTs.
func (d Design) HashCycles(n, each int) int64 {
	return int64(ceil(n*each, d.OT.Hashes) * d.OT.HashInterval())
}

// PadWrites is the store of so many words of the ring of each of n OTs; BitWrites that of their bits, MaskWrites that of masks of 1-of-16
// OTs, of so many hashes of each OT: of all 16 messages at the end that has two.
func (d Design) PadWrites(n, each int) int64 { return int64(n * each) }

func (d Design) BitWrites(n, _ int) int64 { return int64(2 * n) }

func (d Design) MaskWrites(n, each int) int64 {
	const masks, choices, chosen = Lanes / 2, 4, 2
	if each == 2 {
		return int64(n / otNumber * (otNumber + masks))
	}
	return int64(n / otNumber * (otNumber + choices + Lanes + chosen))
}
