package program

import (
	"maps"
	"slices"
)

// Opcode names what an instruction does. The comment behind each gives out <- in [ints].
type Opcode string

const (
	// Local arithmetic on ring vectors.
	Add    Opcode = "add"    // y <- a, b
	Sub    Opcode = "sub"    // y <- a, b
	MulC   Opcode = "mulc"   // y <- x [c]
	AddC   Opcode = "addc"   // y <- x [c]
	Iota   Opcode = "iota"   // y <- : 0, 1, 2 ... at the server
	Zero   Opcode = "zero"   // y <-
	Shift  Opcode = "shift"  // y <- x [weight]: y = x + weight, one a channel or one for all
	Conv   Opcode = "conv"   // y <- x, u [weight, bias or -1, geometry of 14]: y = conv(x, weight) + u (+ bias)
	Linear Opcode = "linear" // y <- x, u [weight, bias or -1, out, in]

	Take     Opcode = "take"     // y <- x [lo]: elements lo and on
	JoinBits Opcode = "joinbits" // b <- b..., all but the last of whole words

	// Steps of protocols: see runtime/nonlin.
	TruncChoose    Opcode = "trunc.choose"    // e <- x, c [f]
	TruncCorrelate Opcode = "trunc.correlate" // v <- x, p0, p1 [f]
	TruncReceive   Opcode = "trunc.receive"   // z <- x, e, c, q, v [f]
	TruncSend      Opcode = "trunc.send"      // z <- x, e, p0 [f]
	MuxChoose      Opcode = "mux.choose"      // e <- d, c
	MuxCorrelate   Opcode = "mux.correlate"   // v <- x, d, p0, p1
	MuxOutput      Opcode = "mux.output"      // z <- x, d, e of the peer, p0, own e, c, q, v
	Sign           Opcode = "sign"            // d <- colour or permute bits, x [width]
	SquareClient   Opcode = "square.client"   // y <- r, g, c0
	SquareServer   Opcode = "square.server"   // y <- x1, c1
	SquareOpened   Opcode = "square.opened"   // y <- e, a, a2

	QuadraticBlind  Opcode = "quadratic.blind"  // g <- x1, B [weight, k]
	QuadraticClient Opcode = "quadratic.client" // y <- r, g, c0 [k]
	QuadraticServer Opcode = "quadratic.server" // y <- x1, c1 [weight, k]

	RoundedShare     Opcode = "rounded.share"     // t <- x [f]
	RoundedOffer     Opcode = "rounded.offer"     // v <- x, t, p0, p1 [f, k]: of the client
	RoundedFix       Opcode = "rounded.fix"       // u <- c0, p0, q, own e [f]
	RoundedTurn      Opcode = "rounded.turn"      // w <- x, t, p0 [f, k]
	RoundedPad       Opcode = "rounded.pad"       // o <- q, v, c [f]
	RoundedHold      Opcode = "rounded.hold"      // u <- c1, s, B, p0, e of the client [f]
	RoundedCorrelate Opcode = "rounded.correlate" // v <- x, t, p0, p1 [weight, f, k]: of the server
	RoundedClient    Opcode = "rounded.client"    // y <- t, g, u, w, v, e of the server, own e, c [f, k]
	RoundedServer    Opcode = "rounded.server"    // y <- x, t, u, o, own e, e of the client [weight, f, k]

	// Messages. A send and the recv beside it move the same bytes.
	SendRing Opcode = "send.ring" // <- x [width]
	RecvRing Opcode = "recv.ring" // x <- [width]
	SendBits Opcode = "send.bits" // <- b
	RecvBits Opcode = "recv.bits" // b <-

	// Garbling of instances lo to lo+count-1 of a circuit of the program's table: see runtime/vm/garbled.go.
	GCChoose   Opcode = "gc.choose"   // send: <- x [batch, lo, count, circuit]: of SoftSpoken: label OTs for the client's bits; labels go to the spool
	GCZero     Opcode = "gc.zero"     // recv: <- [batch, lo, count, circuit]: of SoftSpoken: the zero labels, to the spool
	GCFlip     Opcode = "gc.flip"     // compute: d <- x [batch, lo, count, circuit]: of Ferret: what turns random choices into the client's bits
	GCTrees    Opcode = "gc.trees"    // send: <- [batch, lo, count, circuit]: of Ferret: OTs of random choice; their labels go to the spool
	GCExpand   Opcode = "gc.expand"   // recv: <- [batch, lo, count, circuit]: of Ferret: the client's labels, to the spool
	GCCorrect  Opcode = "gc.correct"  // compute: <- d [batch, lo, count, circuit]: of Ferret: what makes zero labels of those in the spool
	GCGarble   Opcode = "gc.garble"   // send: permute bits <- [batch, lo, count, circuit]: the tables
	GCRemask   Opcode = "gc.remask"   // send: <- r [batch, lo, count, circuit]: the tables of results less r, with their permute bits
	GCTables   Opcode = "gc.tables"   // recv: <- [batch, lo, count, circuit]: to the spool
	GCLabels   Opcode = "gc.labels"   // send: <- x [batch, lo, count, circuit]: labels of the server's bits
	GCEvaluate Opcode = "gc.evaluate" // recv: colour bits, or the masked results <- [batch, lo, count, circuit]

	FSSSign    Opcode = "fss.sign"    // d <- y [item, width]: y = x + r opened, r and the keys of the manifest's item
	FSSRectify Opcode = "fss.rectify" // e, p, q <- y [item, width, bits]
	FSSSelect  Opcode = "fss.select"  // z <- own e, e of the peer, p, q
	GCDraw     Opcode = "gc.draw"     // r <- : masks for gc.remask

	// What waits long is put away in a slot and fetched again: among the sends, receives or computations of a level.
	Spill Opcode = "spill" // <- x [slot]
	Fill  Opcode = "fill"  // x <- [slot]

	// TapValue marks x as this party's part of a RING value: read by verification alone, otherwise nothing.
	TapValue Opcode = "tap" // <- x [tap]
)

// shape says what an opcode takes.
type shape struct {
	out, in  []Kind
	variadic bool // the last in may repeat
	ints     int
}

var (
	r, b   = Ring, Bits
	shapes = map[Opcode]shape{
		Add: {k(r), k(r, r), false, 0}, Sub: {k(r), k(r, r), false, 0}, MulC: {k(r), k(r), false, 1}, AddC: {k(r), k(r), false, 1},
		Iota: {k(r), nil, false, 0}, Zero: {k(r), nil, false, 0}, Shift: {k(r), k(r), false, 1},
		Conv: {k(r), k(r, r), false, 2 + convInts}, Linear: {k(r), k(r, r), false, 4},
		TruncChoose: {k(b), k(r, b), false, 1}, TruncCorrelate: {k(r), k(r, r, r), false, 1},
		TruncReceive: {k(r), k(r, b, b, r, r), false, 1}, TruncSend: {k(r), k(r, b, r), false, 1},
		MuxChoose: {k(b), k(b, b), false, 0}, MuxCorrelate: {k(r), k(r, b, r, r), false, 0},
		MuxOutput: {k(r), k(r, b, b, r, b, b, r, r), false, 0},
		Take:      {k(r), k(r), false, 1}, JoinBits: {k(b), k(b), true, 0},
		Sign:         {k(b), k(b, r), false, 1},
		SquareClient: {k(r), k(r, r, r), false, 0}, SquareServer: {k(r), k(r, r), false, 0}, SquareOpened: {k(r), k(r, r, r), false, 0},
		QuadraticBlind: {k(r), k(r, r), false, 2}, QuadraticClient: {k(r), k(r, r, r), false, 1}, QuadraticServer: {k(r), k(r, r), false, 2},
		RoundedShare: {k(r), k(r), false, 1}, RoundedOffer: {k(r), k(r, r, r, r), false, 2}, RoundedFix: {k(r), k(r, r, r, b), false, 1}, RoundedTurn: {k(r), k(r, r, r), false, 2},
		RoundedPad: {k(r), k(r, r, b), false, 1}, RoundedHold: {k(r), k(r, r, r, r, b), false, 1}, RoundedCorrelate: {k(r), k(r, r, r, r), false, 3},
		RoundedClient: {k(r), k(r, r, r, r, r, b, b, b), false, 2}, RoundedServer: {k(r), k(r, r, r, r, b, b), false, 3},
		SendRing: {nil, k(r), false, 1}, RecvRing: {k(r), nil, false, 1}, SendBits: {nil, k(b), false, 0}, RecvBits: {k(b), nil, false, 0},
		GCChoose: {nil, k(r), false, gcInts}, GCZero: {nil, nil, false, gcInts}, GCGarble: {k(b), nil, false, gcInts}, GCRemask: {nil, k(r), false, gcInts}, GCDraw: {k(r), nil, false, 0}, GCTables: {nil, nil, false, gcInts},
		GCFlip: {k(b), k(r), false, gcInts}, GCTrees: {nil, nil, false, gcInts}, GCExpand: {nil, nil, false, gcInts}, GCCorrect: {nil, k(b), false, gcInts},
		GCLabels: {nil, k(r), false, gcInts}, GCEvaluate: {k(anyKind), nil, false, gcInts},
		FSSSign: {k(b), k(r), false, 2}, FSSRectify: {k(b, r, r), k(r), false, 3}, FSSSelect: {k(r), k(b, b, r, r), false, 0},
		TapValue: {nil, k(r), false, 1},
		Spill:    {nil, k(anyKind), false, 1}, Fill: {k(anyKind), nil, false, 1},
	}
)

func k(kinds ...Kind) []Kind { return kinds }

// Opcodes lists all opcodes.
func Opcodes() []Opcode { return slices.Sorted(maps.Keys(shapes)) }

// anyInts stands for a number of ints that the instruction's own check knows.
const anyInts = -1

// convInts is the number of ints that give the geometry of a convolution: InC InH InW OutC KH KW StrideH StrideW PadH PadW
// DilH DilW Groups and the length of the weights.
const convInts = 14

// Local tells whether an instruction moves nothing between the parties, wherever in a level it stands.
func (in Instr) Local() bool { return in.Op == Spill || in.Op == Fill }

// WritesPart tells whether an instruction writes a part of its results and leaves the rest of them as it is.
func (in Instr) WritesPart() bool {
	return in.Op == GCGarble || in.Op == GCEvaluate
}
