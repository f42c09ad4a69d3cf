package twopc

import (
	"sotto/ir"
	"sotto/runtime/program"
)

// rounded: see runtime/nonlin/rounded.go. The first OTs have the server as the receiver, the second the client.
func (e *emitter) rounded(v *ir.Value) *shared {
	x, n, f, k := e.of[v.Args[0]], v.Type.Len(), v.Int("bits"), v.SlopeShift()
	drops, steps, slope := []int{f}, []int{f, k}, []int{e.weight(server, v.Args[1]), f, k}
	toServer, toClient := e.randomOT(server, n), e.randomOT(client, n)
	drawn := e.draw(n)
	item := e.item(program.Item{Kind: program.Cross, N: n, Args: []int{drawn.item}})

	t0 := e.compute(client, program.RoundedShare, program.Ring, n, drops, x.at[client])
	offer := e.send(client, e.compute(client, program.RoundedOffer, program.Ring, n, steps, x.at[client], t0, toServer.p0, toServer.p1), f)
	short := e.send(client, e.ring(client, program.Sub, t0, e.material(client, drawn.item, 0)), e.bits)
	choice := e.compute(client, program.TruncChoose, program.Bits, n, drops, x.at[client], toClient.c)
	gotChoice := e.send(client, choice, 1)
	fixed := e.compute(client, program.RoundedFix, program.Ring, n, drops, e.material(client, item, 0), toServer.p0, toClient.q, choice)
	turn := e.compute(client, program.RoundedTurn, program.Ring, n, steps, x.at[client], t0, toServer.p0)
	pad := e.compute(server, program.RoundedPad, program.Ring, n, drops, toServer.q, offer, toServer.c)
	blind := e.material(server, item, 1)
	held := e.compute(server, program.RoundedHold, program.Ring, n, drops, e.material(server, item, 0), short, blind, toClient.p0, gotChoice)

	t1 := e.compute(server, program.RoundedShare, program.Ring, n, drops, x.at[server])
	g := e.send(server, e.compute(server, program.QuadraticBlind, program.Ring, n, []int{slope[0], k}, t1, blind), e.bits)
	own := e.compute(server, program.TruncChoose, program.Bits, n, drops, x.at[server], toServer.c)
	got := e.send(server, own, 1)
	correlation := e.send(server, e.compute(server, program.RoundedCorrelate, program.Ring, n, slope, x.at[server], t1, toClient.p0, toClient.p1), f)
	return &shared{at: [2]*part{
		e.compute(client, program.RoundedClient, program.Ring, n, steps, t0, g, fixed, turn, correlation, got, choice, toClient.c),
		e.compute(server, program.RoundedServer, program.Ring, n, slope, x.at[server], t1, held, pad, own, gotChoice),
	}}
}
