package twopc_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/backend/twopc"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// origin is where the content of a buffer comes from: an output of an instruction, or material.
type origin struct {
	op    program.Opcode // none of material
	at    int            // the number of the instruction, or of the import's item
	which int            // the output, or the part
	level int            // of triples, 1 and on: the planes that a level of a comparison uses
}

// auditor follows what every buffer of a program holds and counts how often what hides a message does so.
type auditor struct {
	t        *rapid.T
	p        *program.Program
	m        *program.Manifest
	holds    map[int]origin
	from     map[origin][]origin // of an instruction's output: what it was computed from
	pads     map[origin]int      // uses as a one-time pad
	sent     map[origin]int
	batches  map[string]int
	slots    map[int]origin
	revealed int
	count    int
}

// TestEveryPadHidesOneMessage holds a pair of programs to what their security rests on: each mask, random OT and garbled
// batch hides one message, nothing leaves without one but the client's result, and no buffer is written while or before
// it is still to be read.
func TestEveryPadHidesOneMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, pair := emit(t)
		for _, p := range []*program.Program{pair.Client, pair.Server} {
			audit(t, p, pair)
		}
	})
}

// TestEveryPadOfAStepHidesOneMessage does so for training steps: what a step opens is under masks that it opens nothing else with, and a product's
// material is taken once.
func TestEveryPadOfAStepHidesOneMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, pair := emitStep(t)
		for _, p := range []*program.Program{pair.Client, pair.Server} {
			audit(t, p, pair)
		}
	})
}

func audit(t *rapid.T, p *program.Program, pair *twopc.Pair) {
	a := &auditor{t: t, p: p, m: pair.Manifest, holds: map[int]origin{}, from: map[origin][]origin{}, pads: map[origin]int{},
		sent: map[origin]int{}, batches: map[string]int{}, slots: map[int]origin{}}
	for _, im := range p.Imports {
		o := origin{at: im.Item, which: im.Part}
		if slices.Contains(values(a.holds), o) {
			t.Fatalf("item %d is imported twice by the %s", im.Item, p.Party)
		}
		a.holds[im.Out.Buf] = o
		if im.Slot != 0 {
			a.slots[im.Slot] = o
			delete(a.holds, im.Out.Buf)
		}
	}
	for _, l := range p.Offline {
		a.level(l)
	}
	for i, o := range p.Given() {
		a.holds[o.Buf] = origin{op: "input", at: i}
	}
	for _, l := range p.Online {
		a.level(l)
	}
	for o, n := range a.pads {
		if n != 1 {
			t.Fatalf("%s: %+v hides %d messages", p.Party, o, n)
		}
	}
	if want := map[cost.Deployment]int{cost.ClientServer: int(p.Party)}[p.Deploy]; a.revealed != want {
		t.Fatalf("%s, %s: %d messages leave in clear, accepted are %d", p.Deploy, p.Party, a.revealed, want)
	}
}

func values(m map[int]origin) []origin {
	var all []origin
	for _, o := range m {
		all = append(all, o)
	}
	return all
}

// level checks that the two directions, which run at once, do not touch one buffer, then follows them and the computations.
func (a *auditor) level(l program.Level) {
	touched := map[int]bool{}
	for _, in := range l.Send {
		for _, o := range slices.Concat(in.In, in.Out) {
			touched[o.Buf] = true
		}
	}
	received := map[int]program.Opcode{}
	for _, in := range l.Recv {
		for _, o := range in.In { // what was fetched, or is put away, is done with
			delete(received, o.Buf)
		}
		for _, o := range in.Out {
			if touched[o.Buf] || (received[o.Buf] != "" && in.Op != program.GCEvaluate) {
				a.t.Fatalf("%s of layer %d fills buffer %d, which another message of the level uses", in.Op, in.Tag, o.Buf)
			}
			received[o.Buf] = in.Op
		}
	}
	for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
		a.instr(in)
	}
}

func (a *auditor) instr(in program.Instr) {
	a.count++
	if in.Local() {
		a.moveSlot(in)
		return
	}
	args := make([]origin, len(in.In))
	for i, o := range in.In {
		from, ok := a.holds[o.Buf]
		if !ok {
			a.t.Fatalf("%s of layer %d reads buffer %d before it is written", in.Op, in.Tag, o.Buf)
		}
		args[i] = from
	}
	use{a, in, args}.check()
	for i, o := range in.Out {
		out := origin{op: in.Op, at: a.count, which: i}
		if in.Op == program.GCGarble || in.Op == program.GCEvaluate {
			out.at = in.Tag // the parts of a layer fill one buffer
		}
		for j, other := range in.Out[:i] {
			if other.Buf == o.Buf {
				a.t.Fatalf("%s of layer %d: results %d and %d share a buffer", in.Op, in.Tag, j, i)
			}
		}
		a.holds[o.Buf], a.from[out] = out, args
	}
}

// moveSlot follows what is put away and fetched: it stays what it was.
func (a *auditor) moveSlot(in program.Instr) {
	slot := in.Ints[0]
	if in.Op == program.Fill {
		a.holds[in.Out[0].Buf] = a.slots[slot]
		delete(a.slots, slot)
		return
	}
	a.slots[slot] = a.holds[in.In[0].Buf]
	delete(a.holds, in.In[0].Buf)
}

// use is an instruction with the origins of its arguments.
type use struct {
	*auditor
	program.Instr
	args []origin
}

func (u use) want(i int, op program.Opcode, which int) {
	if u.args[i].op != op || u.args[i].which != which {
		u.t.Fatalf("%s of layer %d: argument %d comes from %+v, accepted is output %d of %s", u.Op, u.Tag, i, u.args[i], which, op)
	}
}

func (u use) same(i, j int) {
	if u.args[i].at != u.args[j].at {
		u.t.Fatalf("%s of layer %d: arguments %d and %d come from different OTs", u.Op, u.Tag, i, j)
	}
}

// choice demands that c and q are of one OT, and that e was chosen with c.
func (u use) choice(c, q, e int, op program.Opcode) {
	u.want(c, program.OTDraw, 0)
	u.want(q, program.OTChoose, 0)
	u.want(e, op, 0)
	if u.from[u.args[q]][0] != u.args[c] {
		u.t.Fatalf("%s of layer %d: arguments %d and %d come from different OTs", u.Op, u.Tag, c, q)
	}
	if u.from[u.args[e]][1] != u.args[c] {
		u.t.Fatalf("%s of layer %d: choice bits do not belong to its message", u.Op, u.Tag)
	}
}

// correlate demands that p0 and p1 are the pads of one OT, not used before.
func (u use) correlate(p0, p1 int) {
	u.want(p0, program.OTPads, 0)
	u.want(p1, program.OTPads, 1)
	u.same(p0, p1)
	u.pads[u.args[p0]]++
	u.pads[u.args[p1]]++
}

func (u use) check() {
	switch u.Op {
	case program.Mul, program.BatchConv, program.BatchConvX, program.BatchConvW:
		u.bilinear()
	case program.TruncChoose, program.MuxChoose:
		u.want(1, program.OTDraw, 0)
		u.pads[u.args[1]]++
	case program.TruncCorrelate:
		u.correlate(1, 2)
	case program.MuxCorrelate:
		u.correlate(2, 3)
	case program.TruncReceive:
		u.choice(2, 3, 1, program.TruncChoose)
		u.want(4, program.RecvRing, 0)
	case program.TruncSend:
		u.want(1, program.RecvBits, 0)
		u.want(2, program.OTPads, 0)
	case program.MuxOutput:
		u.want(2, program.RecvBits, 0)
		u.want(3, program.OTPads, 0)
		u.choice(5, 6, 4, program.MuxChoose)
		u.want(7, program.RecvRing, 0)
	case program.CompareChoose, program.CompareTurn, program.CompareAnswer, program.CompareSelect, program.CompareOpen, program.CompareJoin,
		program.ArithmeticCorrelate, program.ArithmeticReceive, program.ArithmeticSend, program.Products:
		u.comparison()
	case program.QuadraticClient:
		u.want(1, program.RecvRing, 0)
	case program.RoundedOffer, program.RoundedFix, program.RoundedTurn, program.RoundedPad, program.RoundedHold, program.RoundedCorrelate, program.RoundedClient, program.RoundedServer:
		u.rounded()
	case program.SendRing, program.SendBits:
		u.leaves(u.args[0])
	case program.GCCorrect:
		u.want(0, program.RecvBits, 0)
		u.once()
	case program.GCChoose, program.GCZero, program.GCFlip, program.GCTrees, program.GCExpand, program.GCGarble, program.GCTables, program.GCLabels, program.GCEvaluate:
		u.once()
	}
}

// bilinear demands that what is added to a product of opened values is the material of that very map, and of nothing else, or such a sum.
func (u use) bilinear() {
	c := u.args[2]
	if c.op == u.Op {
		return
	}
	if it := u.m.Items[c.at]; c.op != "" || it.Kind != program.Bilinear || it.Op != u.Op || !slices.Equal(it.Ints, u.Ints) {
		u.t.Fatalf("%s of layer %d adds %+v", u.Op, u.Tag, c)
	}
	u.pads[c]++
}

// once demands that no instruction of its kind used its garbled batch before.
func (u use) once() {
	key := fmt.Sprint(u.Op, u.Ints[0])
	if u.batches[key]++; u.batches[key] > 1 {
		u.t.Fatalf("%s of layer %d uses batch %d again", u.Op, u.Tag, u.Ints[0])
	}
}

// leaves checks that what is sent was hidden by something fresh.
func (u use) leaves(x origin) {
	if u.sent[x]++; u.sent[x] > 1 {
		u.t.Fatalf("%s of layer %d sends %+v again", u.Op, u.Tag, x)
	}
	switch x.op {
	case program.Add: // of the random number that a comparison's keys are for
		if pad := u.from[x][1]; pad.op == "" && u.m.Items[pad.at].HasKeys() && pad.which == 0 {
			u.pads[pad]++
			return
		}
	case program.FSSRectify: // output 0 is hidden by a bit of the keys, which no other instruction has
		if x.which == 0 {
			return
		}
	case program.TruncChoose, program.MuxChoose, program.GCFlip, program.TruncCorrelate, program.MuxCorrelate,
		program.RoundedOffer, program.RoundedCorrelate, program.CompareChoose, program.CompareAnswer, program.CompareOpen, program.ArithmeticCorrelate:
		if x.which != 0 {
			u.t.Fatalf("result %d of %s leaves", x.which, x.op)
		}
		return
	case program.QuadraticBlind:
		if pad := u.from[x][1]; pad.op == "" && u.m.Items[pad.at].Kind == program.Cross && pad.which == 1 {
			u.pads[pad]++
			return
		}
	case program.Sub:
		pad := u.from[x][1]
		if pad.op == "" {
			kind := u.m.Items[pad.at].Kind
			if (kind == program.Mask && pad.which == 0) || (kind == program.Cross && pad.which == 1) {
				u.pads[pad]++
				return
			}
		}
	}
	u.revealed++
}
