// Package lower makes of both parties' programs what two boards run: where everything lies in a board's memory, the commands of its
// kernels, and the scheduling problem that they are together with the link.
//
// A board has two memories: RING, words of the ring, and BITS, words of 64 bits: packed bits, labels, tables. An address is an index of
// one or the other.
package lower

import (
	"fmt"
	"math"

	"sotto/ir/cost"
)

// Version of the command record.
const Version = 1

// A record is 64 words of 32 bits:
//
//	word    0         1       2          3      4      5   6  7       11      19       21      32     64
//	        version   kernel  operation  layer  party  lo  n  out[4]  in[8]  weight[2] wait[11] ints[32]
//
// fpga/hlslib/command.hpp reads it.
const (
	RecordWords = 64
	Outs        = 4
	Ins         = 8
	WeightRefs  = 2
	Ints        = 32
)

// None is the address of an operand that is not there.
const None = math.MaxUint32

// Kernel is one of a board's kernels. Each works on its commands one after the other, in the order in which they stand. The first nine
// are numbered as target.Kernels lists them; sending and receiving are the link's two movers, each with commands of its own.
type Kernel uint32

const (
	Conv        Kernel = iota // convolutions and matrices, on the array
	Depthwise                 // convolutions with one input channel for each output channel
	Elementwise               // all that computes element i of elements i
	Pool                      // sums of windows
	Garble                    // labels and tables
	Evaluate                  // of garbled circuits
	OT                        // steps of an OT extension
	Move                      // movements inside memory
	Compare                   // bit-sliced steps of comparisons by OT
	Send                      // to the link
	Recv                      // from the link
	Kernels                   // how many there are
)

// Operation is what a command does. The comment behind each gives out <- in {weight} [ints], in the notation of runtime/program, whose
// opcodes of the same name they are, or say how. But for tiles, addresses point at the first of the n elements that the command works
// on; bit vectors begin at whole words, so lo, which says how many elements of the whole vector come before, is a multiple of 64. A c
// takes two ints, the low half first. Factors of channels, {w}, come with the elements of a channel, [size]: element i of the command
// has factor (lo+i)/size.
type Operation uint32

const (
	_ Operation = iota

	// Conv. Of y, channels m to m+mn-1, m a multiple of TM, and rows y to y+yn-1, in tiles of th x tw pixels; of each tile, for each TM
	// channels, sums over slices of channels i at a time. Addresses are those of whole tensors: of a group's, if there are several.
	// [InC InH InW OutC KH KW StrideH StrideW PadH PadW DilH DilW, m mn y yn th tw i]: a matrix has images of one pixel.
	// Weights are packed as the array takes them, Plan says how. n is what it writes.
	OpConv // y <- x, u {weight, bias or None}: y = conv(x, weight) + u (+ bias)

	// Depthwise. The same ints but for i: channels m to m+mn-1, of which OutC/InC in a row have an input channel in common.
	OpDepthwise // y <- x, u {weight, bias or None}

	// Elementwise.
	OpAdd              // y <- a, b
	OpSub              // y <- a, b
	OpMulC             // y <- x [c]
	OpAddC             // y <- x [c]
	OpIota             // y <- : 0, 1, 2 ..., the party's own
	OpZero             // y <-
	OpShift            // y <- x {w} [size]
	OpScale            // y <- x, u {w, bias or None} [size]: y = w x + u (+ bias), the elementwise conv
	OpTruncChoose      // e <- x, c [f]
	OpTruncCorrelate   // v <- x, p0, p1 [f]
	OpTruncReceive     // z <- x, e, c, q, v [f]
	OpTruncSend        // z <- x, e, p0 [f]
	OpTruncExcess      // u <- carry, x [f]
	OpCoarse           // y <- x [drop]
	OpSign             // d <- carry or colour or permute bits, x [width]
	OpMuxChoose        // e <- d, c
	OpMuxCorrelate     // v <- x, d, p0, p1
	OpMuxOutput        // z <- x, d, e of the peer, p0, own e, c, q, v
	OpArithCorrelate   // v <- u, p0, p1: b2a.correlate
	OpArithReceive     // z <- u, e, c, q, v: b2a.receive
	OpArithSend        // z <- u, e of the peer, p0: b2a.send
	OpSquareClient     // y <- r, g, c0
	OpSquareServer     // y <- x1, c1
	OpSquareOpened     // y <- e, a, a2
	OpQuadraticBlind   // g <- x1, B {w} [k, size]
	OpQuadraticClient  // y <- r, g, c0 [k]
	OpQuadraticServer  // y <- x1, c1 {w} [k, size]
	OpRoundedShare     // t <- x [f]
	OpRoundedOffer     // v <- x, t, p0, p1 [f, k]
	OpRoundedFix       // u <- c0, p0, q, own e [f]
	OpRoundedTurn      // w <- x, t, p0 [f, k]
	OpRoundedPad       // o <- q, v, c [f]
	OpRoundedHold      // u <- c1, s, B, p0, e of the client [f]
	OpRoundedCorrelate // v <- x, t, p0, p1 {w} [f, k, size]
	OpRoundedClient    // y <- t, g, u, w, v, e of the server, own e, c [f, k]
	OpRoundedServer    // y <- x, t, u, o, own e, e of the client {w} [f, k, size]
	OpChain            // several of these, one after the other on the same elements: see Chain

	// Pool. c channels from the first that the addresses point at; n windows.
	OpSumPool // y <- x [c h w kh kw sh sw ph pw]

	// Compare. n instances from number lo on; the last int is how many words a plane of the whole vectors has, whose addresses they are.
	OpCompareChoose // e <- x, choices [bits, stride]
	OpCompareTurn   // pads, base <- masks, e [bits, stride]
	OpCompareAnswer // m, nodes <- x, pads, base [bits, stride]
	OpCompareSelect // nodes <- x, m, masks of the choices [bits, stride]
	OpCompareOpen   // o <- nodes, a, b [bits, level, stride]
	OpCompareJoin   // nodes <- nodes, own o, o of the peer, b, c [bits, level, stride]
	OpProducts      // c <- a, b, p0, q [stride]: bits.mul; n words of a from word lo on, of stride words

	// Garble and Evaluate. n instances, the first of them number lo of a garbled part, which tweaks and labels count from; addresses are that
	// instance's. Blocks are two words of BITS, the low one first. weight: the circuit's steps and the key record, in BITS; the ints are the
	// circuit's: Words, KeyWords and Ints of fpga/gates. x is the ring vector whose bits enter. Permute and colour bits are of BITS, words and
	// shares of RING, as the circuit gives one or the other.
	OpLabels   // labels <- x
	OpChoices  // choices <- x: what the evaluator's label OTs choose
	OpTables   // tables, permute bits or words <- zero labels, r or None
	OpEvaluate // colour bits or shares <- own labels, the garbler's, tables, permute words or None

	// OT. n OTs from number lo on of vectors whose addresses these are; keys: of 32 trees of 16 leaves, in BITS; key: the key record. used: the
	// words of each leaf's stream before OT 0; tweak: that of OT 0. Both are of two ints, the low half first.
	OpExtendSend    // k blocks <- message {leaves, key} [used]
	OpExtendReceive // message, m blocks <- choices {leaves, None} [used]
	OpPads          // p0, p1 <- k blocks {None, key} [tweak]
	OpChosenPads    // q <- m blocks {None, key} [tweak]
	OpMasks16       // masks <- k blocks {None, key} [tweak]
	OpChosen16      // masks <- choices, m blocks {None, key} [tweak]
	OpBitPads       // p0, b <- k blocks {None, key} [tweak, words of a plane]
	OpChosenBits    // q <- m blocks {None, key} [tweak, words of a plane]

	// Move. n words of y.
	OpCopy     // y <- x: copy, take, concat
	OpCopyBits // y <- x: n words of BITS: joinbits
	OpWalk     // y <- x [first, loops, n1 step1, n2 step2, ...]
	OpResample // y <- x [c, h, out_h, at_h, stride_h, w, out_w, at_w, stride_w]: y[c][i][j] = x[c][at_h + i*stride_h][at_w + j*stride_w], 0 outside: pad, slice
	OpIndex    // y <- a, b or None {indices} [len a]: element i of a with b behind it, i two to a word of BITS, the low half first: tour
	OpRanges   // y <- x {ranges} [how many]: of each two words of BITS, from | to << 32 and a length: gather, scatter

	// Send and Recv. A message travels as bytes, filled up to whole words of 64 bits in each command.
	OpSendRing   // <- x [width]
	OpSendBits   // <- b
	OpSendBlocks // <- words of BITS; lo and n count words
	OpRecvRing   // x <- [width]
	OpRecvBits   // b <-
	OpRecvBlocks // words of BITS <-
	Operations   // one more than the last
)

// Places of the ints of a convolution.
const (
	TileM        = 12 + iota // first output channel
	TileMN                   // output channels
	TileY                    // first row
	TileYN                   // rows
	TileH                    // rows of a tile
	TileW                    // columns of a tile
	TileChannels             // of a slice
)

// Command is one record.
type Command struct {
	Kernel    Kernel             `json:"kernel"`
	Operation Operation          `json:"operation"`
	Layer     int                `json:"layer"` // index of the program's layers
	Party     cost.Party         `json:"party"`
	Lo        uint32             `json:"lo"`
	N         uint32             `json:"n"`
	Out       [Outs]uint32       `json:"out"` // addresses: indices of RING or BITS, whichever the operand is of
	In        [Ins]uint32        `json:"in"`
	Weight    [WeightRefs]uint32 `json:"weight"`
	// Wait gives, for each kernel, how many of its commands must have ended before this one begins.
	Wait [Kernels]uint32 `json:"wait"`
	Ints [Ints]int32     `json:"ints"`
}

// Encode appends the record of a command.
func (c *Command) Encode(to []uint32) []uint32 {
	to = append(to, Version, uint32(c.Kernel), uint32(c.Operation), uint32(c.Layer), uint32(c.Party), c.Lo, c.N)
	to = append(to, c.Out[:]...)
	to = append(to, c.In[:]...)
	to = append(to, c.Weight[:]...)
	to = append(to, c.Wait[:]...)
	for _, i := range c.Ints {
		to = append(to, uint32(i))
	}
	return to
}

// Decode reads a record. It refuses another version, another length, and kernels and operations that there are not.
func Decode(record []uint32) (Command, error) {
	var c Command
	if len(record) != RecordWords {
		return c, fmt.Errorf("lower: a record of %d words, accepted are %d", len(record), RecordWords)
	}
	if record[0] != Version {
		return c, fmt.Errorf("lower: a record of version %d, accepted is %d", record[0], Version)
	}
	c.Kernel, c.Operation, c.Layer, c.Party = Kernel(record[1]), Operation(record[2]), int(record[3]), cost.Party(record[4])
	if c.Kernel >= Kernels || c.Operation == 0 || c.Operation >= Operations || c.Operation.Kernel() != c.Kernel || c.Party > cost.Server {
		return c, fmt.Errorf("lower: operation %d of kernel %d at party %d, which there is not", record[2], record[1], record[4])
	}
	c.Lo, c.N = record[5], record[6]
	rest := record[7:]
	take := func(to []uint32) { rest = rest[copy(to, rest):] }
	take(c.Out[:])
	take(c.In[:])
	take(c.Weight[:])
	take(c.Wait[:])
	for i, v := range rest {
		c.Ints[i] = int32(v)
	}
	return c, nil
}

// SetConstant writes a ring constant to two ints from a place on.
func (c *Command) SetConstant(at int, v uint64) {
	c.Ints[at], c.Ints[at+1] = int32(uint32(v)), int32(uint32(v>>32))
}

// Constant reads it.
func (c *Command) Constant(at int) uint64 {
	return uint64(uint32(c.Ints[at])) | uint64(uint32(c.Ints[at+1]))<<32
}
