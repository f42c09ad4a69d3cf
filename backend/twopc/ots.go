package twopc

import (
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// randomOT is n random OTs: choices and chosen pads at the receiver, both pads at the sender.
type randomOT struct{ c, q, p0, p1 *part }

// randomOT makes n random OTs.
func (e *emitter) randomOT(receiver cost.Party, n int) randomOT {
	sender := receiver.Other()
	ot := randomOT{q: e.part(receiver, program.Ring, n, padsReady), p0: e.part(sender, program.Ring, n, padsReady), p1: e.part(sender, program.Ring, n, padsReady)}
	first := e.takeOTs(receiver, n)
	ot.c = e.compute(receiver, program.OTDraw, program.Bits, n, first)
	e.extend(receiver, program.OTChoose, program.OTPads, first, []*part{ot.c}, []*part{ot.q}, []*part{ot.p0, ot.p1})
	return ot
}

// padsReady is when the pads of random OTs are there: their message leaves at once.
const padsReady = cost.Start + 1

// takeOTs gives the number of the next n OTs of the extension with this receiver, as an instruction's ints.
func (e *emitter) takeOTs(receiver cost.Party, n int) []int {
	next := &e.ots[receiver.Other()]
	first := *next
	*next += n
	return []int{first}
}

// extend adds the two ends of an extension: SoftSpoken's receiver sends, or Ferret's sender.
func (e *emitter) extend(receiver cost.Party, choose, pads program.Opcode, first []int, c, chosen, both []*part) {
	chooses, sends := send, recv
	if e.m.OT == cost.Ferret {
		chooses, sends = recv, send
	}
	e.add(receiver, timed{choose, e.tag, chooses, padsReady, chosen, c, first})
	e.add(receiver.Other(), timed{pads, e.tag, sends, padsReady, both, nil, first})
}

// labelOTs adds the label OTs of the next garbled batch, for the n wires of the client's part x, and gives the moment from
// which the server has the zero labels.
func (e *emitter) labelOTs(x *part, n int, ints []int) cost.Time {
	zero := x.ready + 1
	if !e.prog[server].p.Extensions.Label(e.batches).Silent() {
		e.step(client, program.GCChoose, program.GCZero, zero, ints, []*part{x}, nil, nil)
		return zero
	}
	d := e.send(client, e.compute(client, program.GCFlip, program.Bits, n, ints, x), 1)
	e.step(server, program.GCTrees, program.GCExpand, zero, ints, nil, nil, nil)
	e.add(server, timed{program.GCCorrect, e.tag, compute, zero, nil, []*part{d}, ints})
	return zero
}

// random16 is random 1-of-16 OTs: choices and masks of the chosen messages at the receiver, masks of all messages at the sender.
type random16 struct{ c, q, masks *part }

// random16 makes n random 1-of-16 OTs of two bits, n a multiple of 64; runtime/ot/ot16.go has the layouts.
func (e *emitter) random16(receiver cost.Party, n int) random16 {
	const cots = cost.OTsPer16
	ot := random16{q: e.part(receiver, program.Bits, 2*n, padsReady), masks: e.part(receiver.Other(), program.Bits, 2*16*n, padsReady)}
	first := e.takeOTs(receiver, cots*n)
	ot.c = e.compute(receiver, program.OTDraw, program.Bits, cots*n, first)
	e.extend(receiver, program.OT16Choose, program.OT16Pads, first, []*part{ot.c}, []*part{ot.q}, []*part{ot.masks})
	return ot
}

// triple is a party's shares of random bits a, of planes b of two random bits for each, and of their products c.
type triple struct{ a, b, c *part }

// triples makes n triples, by party, n a multiple of 64: see runtime/ot/bits.go.
func (e *emitter) triples(n int) (t [2]triple) {
	var p0, q [2]*part
	for _, receiver := range []cost.Party{client, server} {
		sender, first := receiver.Other(), e.takeOTs(receiver, n)
		t[receiver].a = e.compute(receiver, program.OTDraw, program.Bits, n, first)
		q[receiver] = e.part(receiver, program.Bits, 2*n, padsReady)
		p0[sender], t[sender].b = e.part(sender, program.Bits, 2*n, padsReady), e.part(sender, program.Bits, 2*n, padsReady)
		e.extend(receiver, program.BitsChoose, program.BitsPads, first, []*part{t[receiver].a}, []*part{q[receiver]}, []*part{p0[sender], t[sender].b})
	}
	for p := range t {
		t[p].c = e.compute(cost.Party(p), program.Products, program.Bits, 2*n, nil, t[p].a, t[p].b, p0[p], q[p])
	}
	return t
}
