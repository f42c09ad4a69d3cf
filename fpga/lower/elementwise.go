package lower

import (
	"sotto/runtime/program"
)

// stream is an elementwise instruction's operation and what becomes of its numbers.
type stream struct {
	op      Operation
	factors []int // numbers that name weights, one factor a channel each
	ints    []int // numbers that become the command's first ints
	wide    bool  // the first of them is a constant of the ring
}

var elementwises = map[program.Opcode]stream{
	program.Add: {op: OpAdd}, program.Sub: {op: OpSub}, program.MulC: {op: OpMulC, ints: []int{0}, wide: true}, program.AddC: {op: OpAddC, ints: []int{0}, wide: true},
	program.Iota: {op: OpIota}, program.Zero: {op: OpZero}, program.Shift: {op: OpShift, factors: []int{0}},
	program.TruncChoose: {op: OpTruncChoose, ints: []int{0}}, program.TruncCorrelate: {op: OpTruncCorrelate, ints: []int{0}},
	program.TruncReceive: {op: OpTruncReceive, ints: []int{0}}, program.TruncSend: {op: OpTruncSend, ints: []int{0}},
	program.TruncExcess: {op: OpTruncExcess, ints: []int{0}}, program.Coarse: {op: OpCoarse, ints: []int{0}}, program.Sign: {op: OpSign, ints: []int{0}},
	program.MuxChoose: {op: OpMuxChoose}, program.MuxCorrelate: {op: OpMuxCorrelate}, program.MuxOutput: {op: OpMuxOutput},
	program.ArithmeticCorrelate: {op: OpArithCorrelate}, program.ArithmeticReceive: {op: OpArithReceive}, program.ArithmeticSend: {op: OpArithSend},
	program.SquareClient: {op: OpSquareClient}, program.SquareServer: {op: OpSquareServer}, program.SquareOpened: {op: OpSquareOpened},
	program.QuadraticBlind:  {op: OpQuadraticBlind, factors: []int{0}, ints: []int{1}},
	program.QuadraticClient: {op: OpQuadraticClient, ints: []int{0}}, program.QuadraticServer: {op: OpQuadraticServer, factors: []int{0}, ints: []int{1}},
	program.RoundedShare: {op: OpRoundedShare, ints: []int{0}}, program.RoundedOffer: {op: OpRoundedOffer, ints: []int{0, 1}},
	program.RoundedFix: {op: OpRoundedFix, ints: []int{0}}, program.RoundedTurn: {op: OpRoundedTurn, ints: []int{0, 1}},
	program.RoundedPad: {op: OpRoundedPad, ints: []int{0}}, program.RoundedHold: {op: OpRoundedHold, ints: []int{0}},
	program.RoundedCorrelate: {op: OpRoundedCorrelate, factors: []int{0}, ints: []int{1, 2}},
	program.RoundedClient:    {op: OpRoundedClient, ints: []int{0, 1}}, program.RoundedServer: {op: OpRoundedServer, factors: []int{0}, ints: []int{1, 2}},
}

// single is the command of an elementwise instruction, without its vectors, and the elements of a channel.
func (c *cutter) single(t task, s stream) (k Command, size int) {
	k = c.command(s.op, 0)
	at := 0
	for _, i := range s.ints {
		if s.wide {
			k.SetConstant(at, uint64(t.Ints[i]))
			at += 2
			continue
		}
		k.Ints[at] = int32(t.Ints[i])
		at++
	}
	for i, n := range s.factors {
		if t.Ints[n] < 0 {
			continue
		}
		k.Weight[i] = c.weights.plain(t.Ints[n])
		size = t.out[0].len / c.program.Weights[t.Ints[n]].Len
	}
	if len(s.factors) > 0 {
		k.Ints[at] = int32(size)
	}
	return k, size
}

// elementwise gives an instruction's pieces.
func (c *cutter) elementwise(t task, s stream) pieces {
	k, size := c.single(t, s)
	return c.streams(t.out[0].len, k, t.in, t.out, 1, size)
}

// streams has a command for each chunk of n elements of results, with the operands beside them.
func (c *cutter) streams(n int, k Command, in, out []view, steps, size int) pieces {
	return pieces{n, c.chunk, func(lo, hi int) {
		k := k
		k.Lo, k.N = uint32(lo), uint32(hi-lo)
		var reads, writes []span
		for i, v := range in {
			k.In[i] = c.address(v, lo)
			reads = append(reads, c.part(v, lo, hi))
		}
		for i, v := range out {
			k.Out[i] = c.address(v, lo)
			writes = append(writes, c.part(v, lo, hi))
		}
		c.emit(k, c.streamWork(in, out, lo, hi, steps, size, k.Weight), reads, writes)
	}}
}
