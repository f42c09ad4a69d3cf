// Package nonlin holds the local steps of the nonlinear protocols: truncation, multiplexer, sign of a garbled circuit or
// of a comparison by OTs, square. Two parties, semi-honest. A step takes what a party holds and what the peer sent, and gives the next message or
// the party's share of the result; the caller moves the messages, makes the oblivious transfers (runtime/ot) and garbles
// (runtime/garble).
//
//	l          bits of the ring, 32 or 64; shares x = x0 + x1 mod 2^l
//	party 0    the client, cost.Client; party 1 the server, cost.Server
//	d          a bit shared as d0 ^ d1
//	e, v       correction and correlation of a correlated OT, see cot.go
//
// A vector has one element, or one bit, an instance. Lengths must agree: they come from a checked program, so a
// difference is a bug in the caller and panics, as in runtime/ring. No branch or index depends on a value. A step works where it is
// called and allocates nothing: a caller with long vectors cuts them, at words of bits, for its cores. Comparisons (compare.go), whose
// planes nobody else can cut, use both cores themselves, and so does gilboa.go.
//
// # Openings
//
// The messages that open a value under a mask have no step of their own, ring.Sub and ring.Add are all of it:
//
//	mask      client sends x0 - r; server's new share is x1 + (x0 - r), the client's is r, known offline
//	open      both send x_i - a_i; both add the two to E = x - a
//	reveal    server sends x1; client adds x0
//
// One round each, cost.BitBytes(n, l) bytes from each sender, no hash. A mask is uniform and used once, so what is sent
// is uniform; a revealed value is the output itself.
package nonlin

import (
	"fmt"

	"sotto/runtime/ring"
)

// wordBits are the instances whose bits share a word of a ring.Bits.
const wordBits = 64

// grain is the least number of instances for a goroutine of its own: Tuning, a multiple of wordBits so that no two write
// one word of bits. Waking a goroutine costs as much as a few thousand instances; its share should be many times that.
const grain = 1 << 14

// blocks calls f on ranges of instances whose bits share a word, word lo/wordBits, together [first, n).
func blocks(first, n int, f func(lo, hi int)) {
	for lo := first; lo < n; lo += wordBits {
		f(lo, min(lo+wordBits, n))
	}
}

// sharedBlocks is blocks from the first instance on, on both cores.
func sharedBlocks(n int, f func(lo, hi int)) {
	ring.Parallel(n, grain, func(lo, hi int) { blocks(lo, hi, f) })
}

// word returns the bits of the instances from lo on, lo a multiple of wordBits: that of instance lo is the lowest.
func word(b ring.Bits, lo int) uint64 { return b.Words()[lo/wordBits] }

// agree panics unless every vector of elements has n of them.
func agree[W ring.Word](step string, n int, vectors ...[]W) {
	for _, v := range vectors {
		if len(v) != n {
			panic(fmt.Sprintf("nonlin: %s: a vector of %d elements beside one of %d", step, len(v), n))
		}
	}
}

// agreeBits panics unless every vector of bits has n of them.
func agreeBits(step string, n int, vectors ...ring.Bits) {
	for _, v := range vectors {
		if v.Len() != n {
			panic(fmt.Sprintf("nonlin: %s: %d bits beside a vector of %d", step, v.Len(), n))
		}
	}
}
