package he

import (
	"fmt"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// SlotEvaluator is the party that multiplies by its own factors. Its methods are for one goroutine at a time; each uses all cores.
type SlotEvaluator[W ring.Word] struct {
	*slots
	rnd     io.Reader
	p0, p1  poly // values of the public key
	scratch pool[*slotScratch]
}

// NewSlotEvaluator reads a public key of params.Cipher.KeyBytes(). rnd is crypto/rand.Reader, except in tests.
func NewSlotEvaluator[W ring.Word](params cost.SlotParams, public []byte, rnd io.Reader) (*SlotEvaluator[W], error) {
	s, err := newSlots[W](params)
	if err != nil {
		return nil, err
	}
	p0, p1, err := s.readKey(public)
	if err != nil {
		return nil, err
	}
	return &SlotEvaluator[W]{slots: s, rnd: rnd, p0: p0, p1: p1, scratch: newPool(params.Primes, s.newScratch)}, nil
}

// Close wipes the memory that was worked in.
func (v *SlotEvaluator[W]) Close() { v.scratch.each((*slotScratch).wipe) }

// Multiply reads the upload of a block, multiplies it by the factors b, writes the reply, and fills share.
func (v *SlotEvaluator[W]) Multiply(b []W, r io.Reader, w io.Writer, share []W) error { // step 2
	if err := checkBlock(len(b)); err != nil {
		return err
	}
	if len(share) != len(b) {
		return fmt.Errorf("elementwise products: a share of %d elements for %d products", len(share), len(b))
	}
	private, err := drawSeed(v.rnd)
	if err != nil {
		return err
	}
	defer ring.Wipe(private[:])
	in := make([]byte, v.params.UploadBytes())
	if _, err := io.ReadFull(r, in); err != nil {
		return fmt.Errorf("elementwise products: upload: %w", err)
	}
	seed := prg.Seed(in[:cost.HESeedBytes])
	masks := v.masks(at(private, uint64(len(v.plain))*taskBlocks), share)
	defer masks.wipe()
	out, errs := make([]byte, v.params.ReplyBytes()), make([]error, len(v.plain))
	up, down := int(v.params.Cipher.PolyBytes()), len(out)/len(v.plain)
	ring.Parallel(len(v.plain), 1, func(lo, hi int) {
		s := v.scratch.take()
		defer v.scratch.give(s)
		for i := lo; i < hi; i++ {
			if errs[i] = v.unpack(s.c0, in[len(seed)+i*up:len(seed)+(i+1)*up]); errs[i] != nil {
				continue
			}
			v.expand(s.c1, seed, i)
			coefficients(v.plain[i].t, s.message, b)
			stream := at(private, uint64(i)*taskBlocks)
			v.multiply(s, i, stream)
			v.answer(out[i*down:(i+1)*down], s, i, masks[i], stream)
			stream.Wipe()
		}
	})
	if err := firstError(errs); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	_, err = w.Write(out)
	return err
}

// masks draws masks for all slots: their residues plus 2^(2l-2), modulo each prime. It sets share to the negated masks.
func (v *SlotEvaluator[W]) masks(stream *prg.Stream, share []W) poly {
	all, last := newPoly(len(v.plain)), len(v.plain)-1
	for i, one := range v.plain {
		bound := one.t.Q()
		if i == last {
			bound--
		}
		uniform(stream, bound, all[i])
	}
	stream.Wipe()
	ring.Parallel(degree, degree/8, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			var digits [maxPrimes]uint64
			for i := range all {
				digits[i] = all[i][j]
			}
			if j < len(share) {
				share[j] = -W(v.value(&digits))
			}
			for i := range all {
				all[i][j] = below(v.plain[i].t.Q(), v.remainder(i, &digits)+v.plain[i].offset)
			}
		}
	})
	return all
}

// slotScratch is the memory in which one reply after another is made.
type slotScratch struct {
	c0, c1, u             poly
	message, small, words []uint64
	reply                 [2][]uint64
	factor                []uint64 // values of b modulo one limb
	sums                  [][2]*ntt.Sum
}

func (s *slots) newScratch() *slotScratch {
	fresh := func() []uint64 { return make([]uint64, degree) }
	limbs := len(s.q)
	out := &slotScratch{c0: newPoly(limbs), c1: newPoly(limbs), u: newPoly(limbs), message: fresh(), small: fresh(), words: fresh(),
		reply: [2][]uint64{fresh(), fresh()}, factor: fresh()}
	for _, m := range s.q {
		out.sums = append(out.sums, [2]*ntt.Sum{m.NewSum(), m.NewSum()})
	}
	return out
}

func (s *slotScratch) wipe() {
	for _, p := range []poly{s.c0, s.c1, s.u, {s.message, s.small, s.words, s.factor}, s.reply[:]} {
		p.wipe()
	}
}

// multiply makes the upload, values, its product by the polynomial of factors plus an encryption of zero, (p0*u, p1*u + e1), as
// coefficients. The noise of its c0 comes with the flooding.
func (v *SlotEvaluator[W]) multiply(s *slotScratch, i int, stream *prg.Stream) {
	ternary(stream, s.small)
	v.small(s.u, s.small)
	noise(stream, s.small)
	centre(v.plain[i].t, s.message)
	for k, m := range v.q {
		ntt.Residues(m, s.factor, s.message)
		m.Forward(s.factor)
		a, b := s.sums[k][0], s.sums[k][1]
		ntt.MulAddPairs(a, b, [][]uint64{s.factor, s.u[k]}, [][]uint64{s.c0[k], v.p0[k]}, [][]uint64{s.c1[k], v.p1[k]})
		a.Reduce(s.c0[k])
		b.Reduce(s.c1[k])
		m.Inverse(s.c0[k])
		m.Inverse(s.c1[k])
		v.addSigned(s.c1, k, s.small, s.words)
	}
}

// answer masks and floods a product, and writes it rounded.
func (v *SlotEvaluator[W]) answer(out []byte, s *slotScratch, i int, mask []uint64, stream *prg.Stream) {
	p := v.params.Cipher
	head := ring.PackedLen(degree, p.C1Bits())
	v.dropC1(s.c1)
	v.reply.pack(out[:head], s.c1, degree, p.C1Drop(), p.C1Bits(), &s.reply)
	v.plain[i].t.Inverse(mask)
	v.addModulo(s.c0, &v.plain[i], mask, s.words)
	v.floodC0(s.c0, stream, s.small, s.words)
	v.reply.pack(out[head:], s.c0, degree, p.C0Drop(), p.C0Bits(), &s.reply)
}
