package ot

// Random OTs of two bits, as planes of bits, and triples of bits from one each way: D. Beaver, CRYPTO 1991; from random OTs as
// in G. Asharov, Y. Lindell, T. Schneider, M. Zohner, "More Efficient Oblivious Transfer", CCS 2013 (section 5.1). A hash gives both
// bits, so two products may share a factor at the price of one. Semi-honest.
//
//	a_i                    party i's choice as a receiver
//	p0, p1, q              pads as in pads.go, two bits of them
//	b_i = p0 ^ p1          of the OT that party i sends in
//
//	a_i*b_(1-i) = p0 ^ q, party 1-i's p0 and party i's q: c_i = a_i*b_i ^ (own p0) ^ (own q), for each of the two bits
//
// so (a_0^a_1)*(b_0^b_1) = c_0^c_1. Nothing is known of b to the receiver but q, nor of a to the sender: a, b and c are uniform but
// for that relation.
//
// Cost: no message besides those of the COTs; hashes as for pads, cost.PadAES(n).

import (
	"fmt"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// BitsPerOT is the bits of a message of these OTs: planes of n bits, in words, the first bits' plane before the second bits'.
const BitsPerOT = 2

// SenderBits fills p0 with the first messages of len(k) random OTs and b with the exclusive or of both. It uses tweaks first ..
// first+len(k)-1.
func SenderBits(h *prg.Hash, delta prg.Block, k []prg.Block, first prg.Tweak, p0, b BitPlanes) error {
	if err := checkBits(len(k), p0, b); err != nil {
		return err
	}
	ring.Parallel(len(k), padsPerShare, func(lo, hi int) {
		var zero, one hashes
		defer zero.wipe()
		defer one.wipe()
		for ; lo < hi; lo += wordOTs {
			part := k[lo:min(lo+wordOTs, hi)]
			zero.of(h, prg.Block{}, part, first+prg.Tweak(lo))
			one.of(h, delta, part, first+prg.Tweak(lo))
			z, o := zero.bits(len(part)), one.bits(len(part))
			for s := range z {
				p0.set(s, lo, z[s])
				b.set(s, lo, z[s]^o[s])
			}
		}
	})
	return nil
}

// ReceiverBits fills q with the chosen messages of len(m) random OTs, laid out as SenderBits lays them out.
func ReceiverBits(h *prg.Hash, m []prg.Block, first prg.Tweak, q BitPlanes) error {
	if err := checkBits(len(m), q); err != nil {
		return err
	}
	ring.Parallel(len(m), padsPerShare, func(lo, hi int) {
		var pads hashes
		defer pads.wipe()
		for ; lo < hi; lo += wordOTs {
			part := m[lo:min(lo+wordOTs, hi)]
			pads.of(h, prg.Block{}, part, first+prg.Tweak(lo))
			for s, w := range pads.bits(len(part)) {
				q.set(s, lo, w)
			}
		}
	})
	return nil
}

// Products sets c to the party's shares of the products of triples, both bits of each: a&b ^ p0 ^ q. a has the n choices, the others
// are planes of n bits each. c may be p0 or q.
func Products(c, a, b, p0, q []uint64) error {
	if n := BitsPerOT * len(a); len(c) != n || len(b) != n || len(p0) != n || len(q) != n {
		return fmt.Errorf("bit triples: %d words of choices with %d, %d, %d and %d: accepted are twice as many", len(a), len(c), len(b), len(p0), len(q))
	}
	for i := range c {
		c[i] = a[i%len(a)]&b[i] ^ p0[i] ^ q[i]
	}
	return nil
}

// wordOTs is the OTs whose bits share a word.
const wordOTs = NBlock

// BitPlanes is a chunk of planes: n OTs from the OT at word First of planes that are Stride words apart.
type BitPlanes struct {
	Words         []uint64
	First, Stride int
}

func (p BitPlanes) set(plane, ot int, w uint64) { p.Words[plane*p.Stride+p.First+ot/wordOTs] = w }

func checkBits(n int, planes ...BitPlanes) error {
	for _, p := range planes {
		if p.First < 0 || p.First+ring.BitWords(n) > p.Stride || len(p.Words) != BitsPerOT*p.Stride {
			return fmt.Errorf("bit OTs: %d from word %d on in planes of %d words, %d in all", n, p.First, p.Stride, len(p.Words))
		}
	}
	return nil
}
