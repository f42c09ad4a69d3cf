package twopc

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// sign: the carry of the low width-1 bits and the top bits; see runtime/nonlin/compare.go and drelu.go.
func (e *emitter) sign(v *ir.Value) *shared {
	x, width := e.of[v.Args[0]], ir.SignWidth(v)
	if drop := v.Int("drop"); drop > 0 {
		x, width = e.coarse(x, drop), width-drop
	}
	out := &shared{at: e.carry(x, width-1)}
	for p := range out.at {
		out.at[p] = e.compute(cost.Party(p), program.Sign, program.Bits, v.Type.Len(), []int{width}, out.at[p], x.at[p])
	}
	return out
}

// coarse leaves out low bits of a value whose truncation's sign is wanted; see runtime/nonlin/coarse.go.
func (e *emitter) coarse(x *shared, drop int) *shared {
	out := &shared{}
	for p, at := range x.at {
		out.at[p] = e.compute(cost.Party(p), program.Coarse, program.Ring, at.n, []int{drop}, at)
	}
	return out
}

// exactTrunc: a truncation by one COT less the unit that it leaves to chance; see runtime/nonlin/exact.go.
func (e *emitter) exactTrunc(v *ir.Value) *shared {
	x := e.of[v.Args[0]]
	quotient := e.trunc(v)
	u := e.carry(x, v.Int("bits"))
	u[server] = e.compute(server, program.TruncExcess, program.Bits, v.Type.Len(), []int{v.Int("bits")}, u[server], x.at[server])
	excess := e.arithmetic(u, ir.TruncReceiver(v.Args[0].Type))
	for p, z := range quotient.at {
		quotient.at[p] = e.ring(cost.Party(p), program.Sub, z, excess[p])
	}
	return quotient
}

// arithmetic makes ring elements of shared bits; see runtime/nonlin/arithmetic.go.
func (e *emitter) arithmetic(u [2]*part, receiver cost.Party) (z [2]*part) {
	n, sender := u[0].n, receiver.Other()
	ot := e.randomOT(receiver, n)
	choice := e.compute(receiver, program.MuxChoose, program.Bits, n, nil, u[receiver], ot.c)
	gotChoice := e.send(receiver, choice, 1)
	correlation := e.send(sender, e.compute(sender, program.ArithmeticCorrelate, program.Ring, n, nil, u[sender], ot.p0, ot.p1), e.bits-1)
	z[receiver] = e.compute(receiver, program.ArithmeticReceive, program.Ring, n, nil, u[receiver], choice, ot.c, ot.q, correlation)
	z[sender] = e.compute(sender, program.ArithmeticSend, program.Ring, n, nil, u[sender], gotChoice, ot.p0)
	return z
}

// carry is the carry out of the low bits of the two parts of x, as a shared bit. A long vector is compared in waves, as its cost
// says, and these in pieces: the masks of 1-of-16 OTs are many times as large as what is compared.
func (e *emitter) carry(x *shared, bits int) [2]*part {
	n := x.at[0].n
	if n <= e.tuning.Compared {
		return e.carryOf(x, bits)
	}
	var pieces [2][]*part
	var begin [2]cost.Time
	lo := 0
	for _, wave := range cost.Waves(int64(n)) {
		for end := lo + int(wave); lo < end; lo += e.tuning.Compared {
			for p, bit := range e.carryOf(e.take(x, lo, min(e.tuning.Compared, end-lo), begin), bits) {
				pieces[p] = append(pieces[p], bit)
			}
		}
		begin[ir.CompareReceiver.Other()] = latest(pieces[ir.CompareReceiver.Other()])
	}
	var out [2]*part
	for p := range out {
		out[p] = e.compute(cost.Party(p), program.JoinBits, program.Bits, n, nil, pieces[p]...)
	}
	return out
}

// take gives n elements of x from number lo on, at each party from some moment on.
func (e *emitter) take(x *shared, lo, n int, from [2]cost.Time) *shared {
	out := &shared{}
	for p, at := range x.at {
		out.at[p] = e.part(cost.Party(p), program.Ring, n, max(at.ready, from[p]))
		e.add(cost.Party(p), timed{program.Take, e.tag, compute, out.at[p].ready, []*part{out.at[p]}, []*part{at}, []int{lo}})
	}
	return out
}

// carryOf is the carry of a vector at once; see runtime/nonlin/compare.go.
func (e *emitter) carryOf(x *shared, bits int) [2]*part {
	c := comparing{e, cost.Comparison{Bits: bits}, x.at[0].n, []int{bits}}
	nodes := c.leaves(x)
	if c.Levels() == 0 {
		return nodes
	}
	triples := e.triples(c.size(c.Triples()))
	for level := range c.Levels() {
		nodes = c.level(level, nodes, triples)
	}
	return nodes
}

// comparing is the emission of one comparison of n values.
type comparing struct {
	*emitter
	cost.Comparison
	n    int
	ints []int
}

// size is the bits of a vector of so many planes, or of the n bits that the last level leaves.
func (c comparing) size(planes int) int { return planes * int(cost.Padded(int64(c.n))) }

func (c comparing) nodes(level int) int {
	if m := c.Nodes(level); m > 1 {
		return c.size(2*m - 1)
	}
	return c.n
}

// leaves makes the shared bits of the digits by 1-of-16 OTs.
func (c comparing) leaves(x *shared) (nodes [2]*part) {
	const receiver = ir.CompareReceiver
	sender := receiver.Other()
	ots := c.random16(receiver, c.size(c.Digits()))
	choice := c.compute(receiver, program.CompareChoose, program.Bits, c.size(c.ChoicePlanes()), c.ints, x.at[receiver], ots.c)
	turned := c.two(sender, program.CompareTurn, c.ints, [2]int{c.size(c.MessagePlanes()), c.size(c.Leaves())}, ots.masks, c.send(receiver, choice, 1))
	answer := c.two(sender, program.CompareAnswer, c.ints, [2]int{c.size(c.MessagePlanes()), c.nodes(0)}, x.at[sender], turned[0], turned[1])
	nodes[sender] = answer[1]
	nodes[receiver] = c.compute(receiver, program.CompareSelect, program.Bits, c.nodes(0), c.ints, x.at[receiver], c.send(sender, answer[0], 1), ots.q)
	return nodes
}

// level joins neighbours: both parties open, then have shares of the next level's nodes.
func (c comparing) level(level int, nodes [2]*part, triples [2]triple) (joined [2]*part) {
	ints := []int{c.Bits, level}
	var own, got [2]*part
	for _, p := range []cost.Party{client, server} {
		own[p] = c.compute(p, program.CompareOpen, program.Bits, c.size(c.OpenedPlanes(level)), ints, nodes[p], triples[p].a, triples[p].b)
		got[p.Other()] = c.send(p, own[p], 1)
	}
	for _, p := range []cost.Party{client, server} {
		joined[p] = c.compute(p, program.CompareJoin, program.Bits, c.nodes(level+1), ints, nodes[p], own[p], got[p], triples[p].b, triples[p].c)
	}
	return joined
}

// two adds a local instruction with two results of bits.
func (e *emitter) two(p cost.Party, op program.Opcode, ints []int, bits [2]int, in ...*part) (out [2]*part) {
	for i, n := range bits {
		out[i] = e.part(p, program.Bits, n, latest(in))
	}
	e.add(p, timed{op, e.tag, compute, latest(in), out[:], in, ints})
	return out
}
