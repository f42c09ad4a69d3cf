package ot

// Random 1-of-16 OTs of two bits from random OTs, four for each: M. Naor and B. Pinkas, "Oblivious Transfer and Polynomial
// Evaluation", STOC 1999 (1-of-N from log N), with random messages, which need no transfer. Semi-honest.
//
//	i, b                   number of the 1-of-16 OT; 0 <= b < 4, of one of its COTs: 4*64*(i/64) + 64*b + i%64
//	P_b,0, P_b,1, Q_b      pads of COT b, 32 bits of its hash; Q_b = P_b,c_b for the receiver's random bit c_b
//	c                      the receiver's choice, bits c_b
//	j                      a message, 0 <= j < 16, bits j_b
//
//	Sender                                         Receiver
//	W = xor_b (P_b,j_b at bits j and 16+j)         V = xor_b Q_b
//	mask of message j: bits j and 16+j of W        mask of message c: bits c and 16+c of V
//
// Message j takes its bits at two positions of the pads that no other message uses. If j is not c, some j_b is not c_b, and the
// bits of P_b,j_b at those positions are uniform to the receiver and hide the mask: the 15 masks that were not chosen are uniform
// together. A hash a pad does, where the usual form hashes once a message.
//
// Cost: no message besides those of the COTs; hashes as for pads, cost.PadAES(4*n).

import (
	"fmt"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

const (
	// NBits is the COTs of a 1-of-16 OT.
	NBits = 4
	// NBlock is the 1-of-16 OTs that are made together, whose choices fill NBits words.
	NBlock = 64
	// NMaskWords is the words that the sender's masks of NBlock OTs take: a half of 32 bits each.
	NMaskWords = NBlock / 2
	// NChosenWords is the words of the masks that the receiver of NBlock OTs has: one for the lower bits, one for the upper.
	NChosenWords = 2

	// NCOTs is the COTs of NBlock OTs.
	NCOTs = NBits * NBlock

	messages = 1 << NBits
)

// SenderMasks fills masks with the messages' masks of len(k)/4 OTs, a multiple of 64: word t of the NMaskWords of a block holds W
// of its OT t in the lower half and of OT 32+t in the upper one. It uses tweaks first .. first+len(k)-1.
func SenderMasks(h *prg.Hash, delta prg.Block, k []prg.Block, first prg.Tweak, masks []uint64) error {
	if err := checkMasks(len(k), NMaskWords, masks); err != nil {
		return err
	}
	ring.Parallel(len(k)/NCOTs, padsPerShare/NCOTs, func(lo, hi int) {
		var p0, p1 hashes
		defer p0.wipe()
		defer p1.wipe()
		for block := lo; block < hi; block++ {
			w := masks[block*NMaskWords:][:NMaskWords]
			clear(w)
			for b := range NBits {
				at := block*NCOTs + b*NBlock
				p0.of(h, prg.Block{}, k[at:at+NBlock], first+prg.Tweak(at))
				p1.of(h, delta, k[at:at+NBlock], first+prg.Tweak(at))
				for t := range w {
					zero, one := p0.pair(t), p1.pair(t)
					w[t] ^= zero ^ (zero^one)&ones(b)
				}
			}
		}
	})
	return nil
}

// ReceiverMasks fills masks with the chosen messages' masks of len(m)/4 OTs, NChosenWords a block. Word 4*(i/64) + b of choice has
// bit b of the choices of 64 OTs, which is bit i%64.
func ReceiverMasks(h *prg.Hash, choice []uint64, m []prg.Block, first prg.Tweak, masks []uint64) error {
	if err := checkMasks(len(m), NChosenWords, masks); err != nil {
		return err
	}
	if len(choice) != len(m)/NBlock {
		return fmt.Errorf("1-of-16 OT: %d words of choice bits for %d COTs, want %d", len(choice), len(m), len(m)/NBlock)
	}
	ring.Parallel(len(m)/NCOTs, padsPerShare/NCOTs, func(lo, hi int) {
		var q hashes
		defer q.wipe()
		for block := lo; block < hi; block++ {
			var v [NBlock]uint64
			for b := range NBits {
				at := block*NCOTs + b*NBlock
				q.of(h, prg.Block{}, m[at:at+NBlock], first+prg.Tweak(at))
				for t := range NMaskWords {
					v[t] ^= q.pair(t)
				}
			}
			ring.Transpose[uint32](&v) // word j has bit j of V of every OT
			for s := range NChosenWords {
				masks[block*NChosenWords+s] = chosen([messages]uint64(v[s*messages:]), choice[block*NBits:])
			}
			ring.Wipe(v[:])
		}
	})
	return nil
}

// hashes are those of up to 64 COTs.
type hashes [NBlock]prg.Block

// of sets p to H(x_i ^ offset, first+i) for the blocks of up to 64 COTs.
func (p *hashes) of(h *prg.Hash, offset prg.Block, x []prg.Block, first prg.Tweak) {
	b := p[:len(x)]
	for i, block := range x {
		b[i] = prg.Block{Lo: block.Lo ^ offset.Lo, Hi: block.Hi ^ offset.Hi}
	}
	h.Sum(b, b, first)
}

// pair gives the pads of OTs t and 32+t as the halves of a word.
func (p *hashes) pair(t int) uint64 {
	return p[t%NMaskWords].Lo&(1<<32-1) | p[NMaskWords+t%NMaskWords].Lo<<32
}

// bits gathers the lowest bits of the first n hashes, BitsPerOT of each.
func (p *hashes) bits(n int) (w [BitsPerOT]uint64) {
	for i := n - 1; i >= 0; i-- {
		lo := p[i&(NBlock-1)].Lo
		w[0] = w[0]<<1 | lo&1
		w[1] = w[1]<<1 | lo>>1&1
	}
	return w
}

func (p *hashes) wipe() { ring.Wipe(p[:]) }

// ones has a one at the positions of every message j with j_b = 1, in each 16 bits.
func ones(b int) uint64 {
	const all = 1<<64 - 1
	return all / (1<<(1<<b) + 1) << (1 << b)
}

// chosen gives the bit of each OT's choice: bits b of choices are word b.
func chosen(v [messages]uint64, choice []uint64) uint64 {
	for b, left := 0, messages/2; left > 0; b, left = b+1, left/2 {
		for j := range left {
			v[j] = v[2*j] ^ (v[2*j]^v[2*j+1])&choice[b]
		}
	}
	return v[0]
}

func checkMasks(n, words int, masks []uint64) error {
	if n%NCOTs != 0 || len(masks) != n/NCOTs*words {
		return fmt.Errorf("1-of-16 OT: %d COTs with %d words of masks: accepted are a multiple of %d with %d words each", n, len(masks), NCOTs, words)
	}
	return nil
}
