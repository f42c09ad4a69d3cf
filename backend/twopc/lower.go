package twopc

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

const client, server = cost.Client, cost.Server

// value emits one SECURE value.
func (e *emitter) value(v *ir.Value) *shared {
	if r := rowOf(v.Op); r.emit != nil {
		return r.emit(e, v)
	}
	ir.Bugf("%s has no row in backend/twopc/rows.go", v.Op.Name)
	return nil
}

func (e *emitter) args(v *ir.Value) []*shared {
	out := make([]*shared, len(v.Args))
	for i, a := range v.Args {
		out[i] = e.of[a]
	}
	return out
}

// iota: the server has the numbers, the client zeros.
func (e *emitter) iota(v *ir.Value) *shared {
	n := v.Type.Len()
	return &shared{at: [2]*part{e.compute(client, program.Zero, program.Ring, n, nil), e.compute(server, program.Iota, program.Ring, n, nil)}}
}

// mask: r fresh; the client sends x0 - r, the server adds it to its part.
func (e *emitter) mask(v *ir.Value) *shared {
	x := e.of[v.Args[0]]
	m := e.draw(v.Type.Len())
	r := e.material(client, m.item, 0)
	sent := e.send(client, e.ring(client, program.Sub, x.at[client], r), e.bits)
	if x.at[server] != nil {
		sent = e.ring(server, program.Add, x.at[server], sent)
	}
	return &shared{at: [2]*part{r, sent}, mask: m}
}

// open: each party sends x_i - a_i; the sum is x - a.
func (e *emitter) open(v *ir.Value) *shared {
	x, m := e.of[v.Args[0]], e.draw(v.Type.Len())
	out := &shared{mask: m}
	var mine, theirs [2]*part
	for _, p := range []cost.Party{client, server} {
		out.a[p] = e.material(p, m.item, 0)
		mine[p] = e.ring(p, program.Sub, x.at[p], out.a[p])
		theirs[p.Other()] = e.send(p, mine[p], e.bits)
	}
	for p := range out.at {
		out.at[p] = e.ring(cost.Party(p), program.Add, mine[p], theirs[p])
	}
	return out
}

// reveal: the server sends its part, the client adds.
func (e *emitter) reveal(v *ir.Value) *shared {
	x := e.of[v.Args[0]]
	return &shared{at: [2]*part{e.ring(client, program.Add, x.at[client], e.send(server, x.at[server], e.bits)), nil}}
}

// linear: the parts are products of the mask with the weights, shared by the material, plus the product of what was opened
// with the weights: the server's in client-server, each party's share of them outsourced.
func (e *emitter) linear(v *ir.Value) *shared {
	if v.Bilinear() {
		return e.bilinear(v)
	}
	x := e.of[v.Args[0]]
	op, ints := linearMap(v)
	w := v.Args[1]
	item := e.item(program.Item{Kind: program.Product, N: v.Type.Len(), Args: []int{e.maskItem(x.mask)}, Op: op, Ints: ints,
		Weight: WeightName(w), WLen: w.Type.Len(), Packing: e.packing(v)})
	u := [2]*part{e.material(client, item, 0), e.material(server, item, 0)}
	out := &shared{at: u}
	for _, p := range []cost.Party{client, server} {
		if p == client && e.m.Deploy == cost.ClientServer {
			continue
		}
		bias := -1
		if len(v.Args) > 2 {
			bias = e.weight(p, v.Args[2])
		}
		out.at[p] = e.compute(p, op, program.Ring, v.Type.Len(), append([]int{e.weight(p, w), bias}, ints...), x.at[p], u[p])
	}
	return out
}

// packing is that of a linear layer; a module that verifies has no other.
func (e *emitter) packing(v *ir.Value) cost.Packing {
	k, err := v.Packing(e.m.Packing)
	if err != nil {
		ir.Bugf("%s: %v", v.Layer(), err)
	}
	return k
}

// linearMap gives the opcode and the geometry of a linear layer.
func linearMap(v *ir.Value) (program.Opcode, []int) {
	x, w := v.Args[0].Type.Shape, v.Args[1].Type.Shape
	if v.Is("ring.linear") {
		return program.Linear, []int{w[0], w[1]}
	}
	s, p, d := v.Ints("stride"), v.Ints("pad"), v.Ints("dilation")
	return program.Conv, []int{x[0], x[1], x[2], w[0], w[2], w[3], s[0], s[1], p[0], p[1], d[0], d[1], v.Int("groups"), v.Args[1].Type.Len()}
}

// WeightName is what a baked weight is called in the weights files of the bundles.
func WeightName(v *ir.Value) string { return v.Path + ":" + v.Name }

// weight gives the index of a weight in a party's program.
func (e *emitter) weight(p cost.Party, w *ir.Value) int {
	s := e.prog[p]
	i, ok := s.weights[w]
	if !ok {
		i = len(s.p.Weights)
		s.weights[w] = i
		s.p.Weights = append(s.p.Weights, program.Weight{Name: WeightName(w), Len: w.Type.Len()})
	}
	return i
}

// trunc: see runtime/nonlin/trunc.go.
func (e *emitter) trunc(v *ir.Value) *shared {
	x, n, f := e.of[v.Args[0]], v.Type.Len(), []int{v.Int("bits")}
	receiver := ir.TruncReceiver(v.Args[0].Type)
	sender := receiver.Other()
	ot := e.randomOT(receiver, n)
	choice := e.compute(receiver, program.TruncChoose, program.Bits, n, f, x.at[receiver], ot.c)
	gotChoice := e.send(receiver, choice, 1)
	correlation := e.send(sender, e.compute(sender, program.TruncCorrelate, program.Ring, n, f, x.at[sender], ot.p0, ot.p1), v.Int("bits"))
	out := &shared{}
	out.at[receiver] = e.compute(receiver, program.TruncReceive, program.Ring, n, f, x.at[receiver], choice, ot.c, ot.q, correlation)
	out.at[sender] = e.compute(sender, program.TruncSend, program.Ring, n, f, x.at[sender], gotChoice, ot.p0)
	return out
}

// mux: see runtime/nonlin/mux.go. Both directions of the two COTs cross.
func (e *emitter) mux(v *ir.Value) *shared {
	d, x, n := e.of[v.Args[0]], e.of[v.Args[1]], v.Type.Len()
	var ots [2]randomOT // by sender
	var own, peer, got [2]*part
	for _, s := range []cost.Party{client, server} {
		r := s.Other()
		ots[s] = e.randomOT(r, n)
		own[r] = e.compute(r, program.MuxChoose, program.Bits, n, nil, d.at[r], ots[s].c)
		peer[s] = e.send(r, own[r], 1)
		got[r] = e.send(s, e.ring(s, program.MuxCorrelate, x.at[s], d.at[s], ots[s].p0, ots[s].p1), e.bits)
	}
	out := &shared{}
	for _, p := range []cost.Party{client, server} {
		as, ar := ots[p], ots[p.Other()]
		out.at[p] = e.ring(p, program.MuxOutput, x.at[p], d.at[p], peer[p], as.p0, own[p], ar.c, ar.q, got[p])
	}
	return out
}

// square: see runtime/nonlin/square.go.
func (e *emitter) square(v *ir.Value) *shared {
	x, n := e.of[v.Args[0]], v.Type.Len()
	mask := e.maskItem(x.mask)
	if v.Args[0].Type.Share == ir.Opened {
		item := e.item(program.Item{Kind: program.Square, N: n, Args: []int{mask}})
		out := &shared{}
		for _, p := range []cost.Party{client, server} {
			out.at[p] = e.ring(p, program.SquareOpened, x.at[p], x.a[p], e.material(p, item, 0))
		}
		return out
	}
	item := e.item(program.Item{Kind: program.Cross, N: n, Args: []int{mask}})
	b := e.material(server, item, 1)
	g := e.send(server, e.ring(server, program.Sub, x.at[server], b), e.bits)
	return &shared{at: [2]*part{
		e.ring(client, program.SquareClient, x.at[client], g, e.material(client, item, 0)),
		e.ring(server, program.SquareServer, x.at[server], e.material(server, item, 0)),
	}}
}
