package nonlin

// drelu, 1 where x >= 0, by a garbled circuit that holds the carry alone: the sign-only ReLU of the PPNAS work, half-gates
// below (runtime/garble). Semi-honest; the server garbles, the client evaluates.
//
//	width      bits that hold every value: x in [-2^(width-1), 2^(width-1)), 2 <= width <= l
//	k          carry of x0 + x1 out of the low width-1 bits, by circuit.Carry(width-1): width-1 ANDs
//	t_i        bit width-1 of x_i
//	s, p       the client's colour bit and the server's permute bit of the circuit's output, s ^ p = k
//
//	Server                                         Client
//	                                               1. choices of the label OTs: the low width-1 bits of x0
//	                        <---- COTs ----
//	2. garbles
//	                        ---- tables ---->
//	3.                      ---- labels of the low width-1 bits of x1 ---->
//	                                               4. evaluates
//	5. d1 = p ^ t1 ^ 1                             5. d0 = s ^ t0
//
// The sum of two shares mod 2^width has the top bit t0 ^ t1 ^ k, which is the sign, and drelu is its complement. The shares
// are used mod 2^width: x0 + x1 = x holds mod 2^width as it does mod 2^l, and the range does the rest. The top bits stay outside
// the circuit, and its output is shared already: nothing is decoded. The sign of a truncated value takes the carry of the bits above
// those that are dropped, see coarse.go; the carry k may come from a comparison by OT instead, see compare.go.
//
// Functionality: d0 ^ d1 = 1 where x >= 0, zero included. Range: outside that of width the sign of x mod 2^width. Failure
// probability: none. Leakage: none.
// Cost, for each part of cost.GarbledParts(n, width-1), each under its own key and Delta: part*(width-1) label OTs
// (Ledger.LabelOT of ir/cost), then cost.HalfGatesBytes(width-1, part) from the server, offline, one round each; online
// cost.LabelBytes(width-1, part) from the server, one round. gc.drelu takes a masked value for that: the client's share is known
// offline. cost.GarbleAES blocks an AND at the server, cost.EvaluateAES at the client, besides those of the COTs.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Sign sets d to the party's share of drelu (step 5): of n bits, out the colour bits at the client, the permute bits at the
// server, x the party's n shares. d may be out. It panics unless 2 <= width <= l and party is the client or the server.
func Sign[W ring.Word](d, out ring.Bits, x []W, width int, party cost.Party) {
	agreeBits("sign", len(x), d, out)
	if width < 2 || width > ring.Width[W]() {
		panic(fmt.Sprintf("nonlin: sign: a width of %d bits: accepted are 2 to %d", width, ring.Width[W]()))
	}
	flip := complement(party)
	blocks(0, len(x), func(lo, hi int) {
		bits := word(out, lo)
		for i, xi := range x[lo:hi] {
			bits ^= (uint64(xi)>>(width-1)&1 ^ flip) << i
		}
		d.Words()[lo/wordBits] = bits
	})
}

// complement is the bit that a party adds to turn the sign into drelu: the server's 1.
func complement(party cost.Party) uint64 {
	if party != cost.Client && party != cost.Server {
		panic(fmt.Sprintf("nonlin: sign: the %v has no share: accepted are the %v and the %v", party, cost.Client, cost.Server))
	}
	return uint64(party)
}
