package hlslib_test

import (
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

// arguments are what a step of the runtime takes: vectors and bits in the order of the command's operands, and where the results go.
type arguments[W ring.Word] struct {
	party   cost.Party
	r       [][]W
	b       []ring.Bits
	factor  nonlin.Factors[W]
	bias    nonlin.Factors[W]
	f, k    int // bits dropped, or a sign's width; 2^k
	c       W
	lo      int
	out     []W
	outBits ring.Bits
}

func (a arguments[W]) trunc() nonlin.Trunc[W]     { return nonlin.Trunc[W]{F: a.f, Party: a.party} }
func (a arguments[W]) rounded() nonlin.Rounded[W] { return nonlin.Rounded[W]{F: a.f, K: a.k} }

// step is an elementwise operation: its operands, r a vector and b bits; its result; its ints, of f a truncation's bits, k, w a width, c
// a constant and s the elements of a channel; and the runtime's function.
type step[W ring.Word] struct {
	op       lower.Operation
	operands string
	result   byte
	ints     string
	weights  int
	run      func(a arguments[W])
}

func steps[W ring.Word]() []step[W] {
	var mux nonlin.Mux[W]
	var arithmetic nonlin.Arithmetic[W]
	return []step[W]{
		{lower.OpAdd, "rr", 'r', "", 0, func(a arguments[W]) { ring.Add(a.out, a.r[0], a.r[1]) }},
		{lower.OpSub, "rr", 'r', "", 0, func(a arguments[W]) { ring.Sub(a.out, a.r[0], a.r[1]) }},
		{lower.OpMulC, "r", 'r', "c", 0, func(a arguments[W]) { ring.MulConst(a.out, a.r[0], a.c) }},
		{lower.OpAddC, "r", 'r', "c", 0, func(a arguments[W]) { ring.AddConst(a.out, a.r[0], a.c) }},
		{lower.OpIota, "", 'r', "", 0, func(a arguments[W]) {
			for i := range a.out {
				a.out[i] = W(a.lo + i)
			}
		}},
		{lower.OpZero, "", 'r', "", 0, func(a arguments[W]) { clear(a.out) }},
		{lower.OpShift, "r", 'r', "s", 1, func(a arguments[W]) { shifted(a.out, a.r[0], a.factor) }},
		{lower.OpScale, "rr", 'r', "s", 2, func(a arguments[W]) {
			a.factor.Each("scale", len(a.out), func(lo, hi int, w W) { ring.MulConst(a.out[lo:hi], a.r[0][lo:hi], w) })
			ring.Add(a.out, a.out, a.r[1])
			if a.bias.Size > 0 {
				shifted(a.out, a.out, a.bias)
			}
		}},
		{lower.OpTruncChoose, "rb", 'b', "f", 0, func(a arguments[W]) { a.trunc().Choose(a.outBits, a.r[0], a.b[0]) }},
		{lower.OpTruncCorrelate, "rrr", 'r', "f", 0, func(a arguments[W]) { a.trunc().Correlate(a.out, a.r[0], a.r[1], a.r[2]) }},
		{lower.OpTruncReceive, "rbbrr", 'r', "f", 0, func(a arguments[W]) { a.trunc().Receive(a.out, a.r[0], a.b[0], a.b[1], a.r[1], a.r[2]) }},
		{lower.OpTruncSend, "rbr", 'r', "f", 0, func(a arguments[W]) { a.trunc().Send(a.out, a.r[0], a.b[0], a.r[1]) }},
		{lower.OpTruncExcess, "br", 'b', "f", 0, func(a arguments[W]) { nonlin.Excess(a.outBits, a.b[0], a.r[0], a.f) }},
		{lower.OpCoarse, "r", 'r', "f", 0, func(a arguments[W]) { nonlin.Coarse(a.out, a.r[0], a.f, a.party) }},
		{lower.OpSign, "br", 'b', "w", 0, func(a arguments[W]) { nonlin.Sign(a.outBits, a.b[0], a.r[0], a.f, a.party) }},
		{lower.OpMuxChoose, "bb", 'b', "", 0, func(a arguments[W]) { mux.Choose(a.outBits, a.b[0], a.b[1]) }},
		{lower.OpMuxCorrelate, "rbrr", 'r', "", 0, func(a arguments[W]) { mux.Correlate(a.out, a.r[0], a.b[0], a.r[1], a.r[2]) }},
		{lower.OpMuxOutput, "rbbrbbrr", 'r', "", 0, func(a arguments[W]) {
			mux.Output(a.out, a.r[0], a.b[0], a.b[1], a.r[1], a.b[2], a.b[3], a.r[2], a.r[3])
		}},
		{lower.OpArithCorrelate, "brr", 'r', "", 0, func(a arguments[W]) { arithmetic.Correlate(a.out, a.b[0], a.r[0], a.r[1]) }},
		{lower.OpArithReceive, "bbbrr", 'r', "", 0, func(a arguments[W]) { arithmetic.Receive(a.out, a.b[0], a.b[1], a.b[2], a.r[0], a.r[1]) }},
		{lower.OpArithSend, "bbr", 'r', "", 0, func(a arguments[W]) { arithmetic.Send(a.out, a.b[0], a.b[1], a.r[0]) }},
		{lower.OpSquareClient, "rrr", 'r', "", 0, func(a arguments[W]) { nonlin.SquareMaskedClient(a.out, a.r[0], a.r[1], a.r[2]) }},
		{lower.OpSquareServer, "rr", 'r', "", 0, func(a arguments[W]) { nonlin.SquareMaskedServer(a.out, a.r[0], a.r[1]) }},
		{lower.OpSquareOpened, "rrr", 'r', "", 0, func(a arguments[W]) { nonlin.SquareOpened(a.out, a.r[0], a.r[1], a.r[2], a.party) }},
		{lower.OpQuadraticBlind, "rr", 'r', "ks", 1, func(a arguments[W]) { nonlin.QuadraticBlind(a.out, a.r[0], a.r[1], a.factor, a.k) }},
		{lower.OpQuadraticClient, "rrr", 'r', "k", 0, func(a arguments[W]) { nonlin.QuadraticClient(a.out, a.r[0], a.r[1], a.r[2], a.k) }},
		{lower.OpQuadraticServer, "rr", 'r', "ks", 1, func(a arguments[W]) { nonlin.QuadraticServer(a.out, a.r[0], a.r[1], a.factor, a.k) }},
		{lower.OpRoundedShare, "r", 'r', "f", 0, func(a arguments[W]) { a.rounded().Share(a.out, a.r[0], a.party) }},
		{lower.OpRoundedOffer, "rrrr", 'r', "fk", 0, func(a arguments[W]) { a.rounded().Offer(a.out, a.r[0], a.r[1], a.r[2], a.r[3]) }},
		{lower.OpRoundedFix, "rrrb", 'r', "f", 0, func(a arguments[W]) { a.rounded().Fix(a.out, a.r[0], a.r[1], a.r[2], a.b[0]) }},
		{lower.OpRoundedTurn, "rrr", 'r', "fk", 0, func(a arguments[W]) { a.rounded().Turn(a.out, a.r[0], a.r[1], a.r[2]) }},
		{lower.OpRoundedPad, "rrb", 'r', "f", 0, func(a arguments[W]) { a.rounded().Pad(a.out, a.r[0], a.r[1], a.b[0]) }},
		{lower.OpRoundedHold, "rrrrb", 'r', "f", 0, func(a arguments[W]) { a.rounded().Hold(a.out, a.r[0], a.r[1], a.r[2], a.r[3], a.b[0]) }},
		{lower.OpRoundedCorrelate, "rrrr", 'r', "fks", 1, func(a arguments[W]) {
			a.rounded().Correlate(a.out, a.r[0], a.r[1], a.r[2], a.r[3], a.factor)
		}},
		{lower.OpRoundedClient, "rrrrrbbb", 'r', "fk", 0, func(a arguments[W]) {
			a.rounded().Client(a.out, a.r[0], a.r[1], a.r[2], a.r[3], a.r[4], a.b[0], a.b[1], a.b[2])
		}},
		{lower.OpRoundedServer, "rrrrbb", 'r', "fks", 1, func(a arguments[W]) {
			a.rounded().Server(a.out, a.r[0], a.r[1], a.r[2], a.r[3], a.b[0], a.b[1], a.factor)
		}},
	}
}

func shifted[W ring.Word](out, x []W, by nonlin.Factors[W]) {
	by.Each("shift", len(out), func(lo, hi int, c W) { ring.AddConst(out[lo:hi], x[lo:hi], c) })
}

// clientsOnly and serversOnly are steps that one party alone takes.
var clientsOnly = map[lower.Operation]bool{lower.OpRoundedOffer: true, lower.OpRoundedTurn: true, lower.OpRoundedFix: true, lower.OpRoundedClient: true}
var serversOnly = map[lower.Operation]bool{lower.OpRoundedPad: true, lower.OpRoundedHold: true, lower.OpRoundedCorrelate: true, lower.OpRoundedServer: true}

// addStep puts a random case of a step on a bench.
func addStep[W ring.Word](b *bench[W], s step[W], party cost.Party, n int) {
	l := ring.Width[W]()
	a := arguments[W]{party: party, k: b.rnd.IntN(l - 1), c: W(b.rnd.Uint64()), lo: 64 * b.rnd.IntN(4), out: make([]W, n), outBits: bits(b.rnd, n)}
	if a.f = 1 + b.rnd.IntN(l-3); s.ints == "w" {
		a.f = 2 + b.rnd.IntN(l-1)
	}
	c := command(s.op, party, n)
	c.Lo = uint32(a.lo)
	for i, kind := range s.operands {
		if kind == 'r' {
			v := words[W](b.rnd, n)
			a.r, c.In[i] = append(a.r, v), b.put(v)
		} else {
			v := bits(b.rnd, n)
			a.b, c.In[i] = append(a.b, v), b.putBits(v.Words())
		}
	}
	size := []int{1, 2, 3, 7, 8, 9, 49, 64, 100, 1000}[b.rnd.IntN(10)]
	factors := func() (nonlin.Factors[W], uint32) {
		of := words[W](b.rnd, (a.lo+n+size-1)/size)
		return nonlin.Factors[W]{Of: of, Size: size, First: a.lo}, b.put(of)
	}
	if s.weights > 0 {
		a.factor, c.Weight[0] = factors()
	}
	if s.weights > 1 && b.rnd.IntN(2) == 0 {
		a.bias, c.Weight[1] = factors()
	}
	at := 0
	for _, v := range s.ints {
		switch v {
		case 'f', 'w':
			c.Ints[at] = int32(a.f)
		case 'k':
			c.Ints[at] = int32(a.k)
		case 's':
			c.Ints[at] = int32(size)
		case 'c':
			c.SetConstant(at, uint64(a.c))
		}
		at++
	}
	s.run(a)
	if s.result == 'r' {
		c.Out[0] = b.room(n)
		b.want(c.Out[0], a.out)
	} else {
		c.Out[0] = b.roomBits(ring.BitWords(n))
		b.wantBits(c.Out[0], a.outBits.Words())
	}
	b.add(c)
}

func testElementwise[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](1)
	for _, s := range steps[W]() {
		for _, party := range []cost.Party{cost.Client, cost.Server} {
			if clientsOnly[s.op] && party != cost.Client || serversOnly[s.op] && party != cost.Server {
				continue
			}
			for _, n := range []int{1, 2, 63, 64, 65, c.Chunk - 1, c.Chunk, 2*c.Chunk + 33} {
				addStep(b, s, party, n)
			}
		}
	}
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// TestElementwise holds every elementwise operation against the runtime's function, both parties, vectors of less and more than a tile.
func TestElementwise(t *testing.T) { each(t, testElementwise[uint32], testElementwise[uint64]) }

// TestEveryOperationIsTested: the table above has all operations of the kernel.
func TestEveryOperationIsTested(t *testing.T) {
	tested := map[lower.Operation]bool{lower.OpChain: true} // TestChains
	for _, s := range steps[uint32]() {
		tested[s.op] = true
	}
	for op := lower.Operation(1); op < lower.Operations; op++ {
		if op.Kernel() == lower.Elementwise && !tested[op] {
			t.Errorf("%v is not tested", op)
		}
	}
}
