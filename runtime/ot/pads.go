package ot

// Random OTs from correlated ones, after Y. Ishai, J. Kilian, K. Nissim and E. Petrank, CRYPTO 2003: hashing breaks the
// correlation. The hash is TMMO (runtime/prg), correlation robust under a tweak that no other call with this key and Delta
// uses.
//
//	K_i, M_i = K_i ^ c_i*Delta    a correlated OT
//	H                             TMMO
//	p0, p1, q                     sender's two pads; receiver's pad, q = p_c
//
//	Sender                                   Receiver
//	p0_i = H(K_i, first+i)                   q_i = H(M_i, first+i)
//	p1_i = H(K_i ^ Delta, first+i)
//
// Both pads of an OT have one tweak: the receiver must not see from the tweak which it got.
//
// Cost: no message; AES blocks cost.PadAES: 4 an OT at the sender, 2 at the receiver; one tweak an OT.

import (
	"fmt"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

const (
	padBatch     = 64   // OTs hashed between two visits to the output
	padsPerShare = 2048 // the least number of OTs for a goroutine of its own
)

// SenderPads fills p0 and p1 with the pads of len(k) random OTs, perOT words an OT: words i*perOT .. (i+1)*perOT-1 are those of
// OT i, taken from its 128-bit hash from the low end. It uses tweaks first .. first+len(k)-1. It fails when perOT words do
// not fit the hash or a length is not len(k)*perOT.
func SenderPads[W ring.Word](h *prg.Hash, delta prg.Block, k []prg.Block, first prg.Tweak, perOT int, p0, p1 []W) error {
	if err := checkPads(len(k), perOT, p0, p1); err != nil {
		return err
	}
	ring.Parallel(len(k), padsPerShare, func(lo, hi int) {
		hashPads(h, prg.Block{}, k[lo:hi], first+prg.Tweak(lo), perOT, p0[lo*perOT:])
		hashPads(h, delta, k[lo:hi], first+prg.Tweak(lo), perOT, p1[lo*perOT:])
	})
	return nil
}

// ReceiverPads fills q with the chosen pads of len(m) random OTs, laid out as SenderPads lays them out under the same first and
// perOT. It fails when perOT words do not fit the hash or q does not have len(m)*perOT.
func ReceiverPads[W ring.Word](h *prg.Hash, m []prg.Block, first prg.Tweak, perOT int, q []W) error {
	if err := checkPads(len(m), perOT, q); err != nil {
		return err
	}
	ring.Parallel(len(m), padsPerShare, func(lo, hi int) {
		hashPads(h, prg.Block{}, m[lo:hi], first+prg.Tweak(lo), perOT, q[lo*perOT:])
	})
	return nil
}

// hashPads cuts H(x_i ^ offset, first+i) into words.
func hashPads[W ring.Word](h *prg.Hash, offset prg.Block, x []prg.Block, first prg.Tweak, perOT int, dst []W) {
	var batch [padBatch]prg.Block
	for lo := 0; lo < len(x); lo += padBatch {
		b := batch[:min(padBatch, len(x)-lo)]
		for i := range b {
			b[i] = x[lo+i].Xor(offset)
		}
		h.Sum(b, b, first+prg.Tweak(lo))
		cutWords(dst[lo*perOT:], b, perOT)
	}
}

// cutWords takes the low perOT words of each block.
func cutWords[W ring.Word](dst []W, b []prg.Block, perOT int) {
	width := ring.Width[W]()
	perHalf := 64 / width
	for i, block := range b {
		for w := range perOT {
			half := block.Lo
			if w >= perHalf {
				half = block.Hi
			}
			dst[i*perOT+w] = W(half >> (w % perHalf * width))
		}
	}
}

// checkPads compares the lengths of pads with n OTs of perOT words.
func checkPads[W ring.Word](n, perOT int, pads ...[]W) error {
	if most := kappa / ring.Width[W](); perOT < 1 || perOT > most {
		return fmt.Errorf("OT pads: %d words of %d bits an OT, want 1 to %d: a hash has %d bits", perOT, ring.Width[W](), most, kappa)
	}
	for _, p := range pads {
		if len(p) != n*perOT {
			return fmt.Errorf("OT pads: %d words, want %d for %d OTs of %d words", len(p), n*perOT, n, perOT)
		}
	}
	return nil
}
