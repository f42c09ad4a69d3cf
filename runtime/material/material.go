// Package material makes the correlated randomness of an inference and gives each party its parts of it: what the
// manifest of a pair of programs lists. It is made for one session and used once.
//
// A Source is one party's end of it. HE is the source that the two parties are to each other, by homomorphic encryption and
// oblivious transfer. Dealt is the source that a Dealer serves, a third party in a process of its own that learns neither
// weights nor inputs but must collude with nobody.
//
// Everything is mod 2^l, l = 8*sizeof(W). With L the linear map of a product (without bias) and m a mask, or a movement
// of masks:
//
//	client-server  mask     client r                    server -
//	               product  client u0                   server u1      u0 + u1 = L(m, W), W the server's weights
//	               cross    client c0                   server c1, b   c0 + c1 = m*b elementwise
//	outsourced     mask     client a0                   server a1      a = a0 + a1
//	               product  client u0                   server u1      u0 + u1 = L(a, W0 + W1), Wi each party's weights
//	               square   client s0                   server s1      s0 + s1 = a*a
//	               bilinear client c0                   server c1      c0 + c1 = f(a, b), f a bilinear map and b another mask or the same
//	both           compare  client r0                   server r1      a random r = r0 + r1, and keys at r: a dealer alone makes
//	               rectify  the same                                   them (KeySource, runtime/fss)
package material

import (
	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Source is one party's end of the material of one session. It has its say in the messages between the two parties:
//
//	set-up, message 1     Openings to Absorb, both ways
//	set-up, message 2     Replies to Finish, both ways; Replies may run while Absorb still does
//	offline, message 1    Complete of each deferred item, from the client to the server
//
// Each is called once, in this order at either end; Part is called after Finish. What the four of the set-up hand to w, or
// have r fill, comes piece by piece, the bytes and their layers in the same order at both ends; tag is the layer, and p is
// valid during the call alone.
type Source[W ring.Word] interface {
	Openings(w func(tag int, p []byte) error) error
	Absorb(r func(tag int, p []byte) error) error
	Replies(w func(tag int, p []byte) error) error
	Finish(r func(tag int, p []byte) error) error
	// Deferred lists the items, in manifest order, whose part 0 is not there before Complete.
	Deferred() []int
	// Complete moves what a deferred item still needs: move sends p to the peer at the client, and fills p at the server.
	Complete(item int, move func(p []byte) error) error
	// Part fills dst, which has the item's elements, with one of this party's parts of it, numbered as the item's
	// kind documents them. It waits for what is still under way.
	Part(item, part int, dst []W) error
	// Received gives the payload bytes that came from a third party so far, by layer tag; cost.SessionTag has those
	// that belong to none.
	Received() map[int]int64
	// Close ends the source and wipes what it holds.
	Close() error
}

// SetupMessages is how many messages of the set-up carry something of a manifest's material, whoever makes it: 0, 1 or 2.
func SetupMessages(s cost.Source, m *program.Manifest) int {
	n := 0
	for _, it := range m.Items {
		switch {
		case s == cost.FromHE && (encrypted(it) || crosses(it)):
			return 2
		case it.Kind == program.Product:
			n = 1
		}
	}
	return n
}
