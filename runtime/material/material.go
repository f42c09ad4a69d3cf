// Package material makes the correlated randomness of an inference and gives each party its parts of it: what the
// manifest of a pair of programs lists. It is made for one session and used once.
//
// A Source is one party's end of it. Dealt is the source that a Dealer serves, a third party in a process of its own
// that learns neither weights nor inputs but must collude with nobody.
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
package material

import "sotto/runtime/ring"

// Source is one party's end of the material of one session. Openings and Absorb are called once each and may run at the
// same time; Part is called after both.
type Source[W ring.Word] interface {
	// Openings hands w what this party sends its peer in the first message between the two, in manifest order. Tag
	// is the layer it belongs to; p is valid during the call alone.
	Openings(w func(tag int, p []byte) error) error
	// Absorb has r fill p with what the peer's Openings wrote, piece by piece in the same order and sizes.
	Absorb(r func(tag int, p []byte) error) error
	// Part fills dst, which has the item's elements, with one of this party's parts of it, numbered as the item's
	// kind documents them. It waits for what is still under way.
	Part(item, part int, dst []W) error
	// Received gives the payload bytes that came from a third party so far, by layer tag; cost.SessionTag has those
	// that belong to none.
	Received() map[int]int64
	// Close ends the source and wipes what it holds.
	Close() error
}
