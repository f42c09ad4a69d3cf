package he

import (
	"fmt"
	"io"
	"runtime"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Encryptor is the party that holds the masks and the key. Its methods are for one goroutine at a time; each uses all cores.
type Encryptor[W ring.Word] struct {
	*basis
	rnd    io.Reader
	secret poly // values of s
	public []byte
	makes  pool[*uploadScratch[W]]
	reads  pool[*replyScratch]
}

// NewEncryptor draws a key pair. rnd is crypto/rand.Reader, except in tests.
func NewEncryptor[W ring.Word](params cost.HEParams, rnd io.Reader) (*Encryptor[W], error) {
	b, err := newBasis[W](params)
	if err != nil {
		return nil, err
	}
	private, err := drawSeed(rnd)
	if err != nil {
		return nil, err
	}
	defer ring.Wipe(private[:])
	seed, err := drawSeed(rnd)
	if err != nil {
		return nil, err
	}
	e := &Encryptor[W]{basis: b, rnd: rnd, secret: newPoly(len(b.q)), public: make([]byte, params.KeyBytes()),
		makes: newPool(window(), func() *uploadScratch[W] { return newUploadScratch[W](len(b.q)) }),
		reads: newPool(window(), func() *replyScratch { return newReplyScratch(params.ReplyLimbs) })}
	stream, small := prg.NewStream(private), make([]uint64, degree)
	defer ring.Wipe(small)
	defer stream.Wipe()
	ternary(stream, small)
	b.small(e.secret, small)
	p0, p1 := newPoly(len(b.q)), newPoly(len(b.q))
	noise(stream, small)
	b.small(p0, small)
	b.expand(p1, seed, 0)
	e.hide(p0, p1)
	copy(e.public, seed[:])
	b.pack(e.public[len(seed):], p0)
	return e, nil
}

// hide makes c0 of a message with its noise: c0 - c1*s. It spoils c1.
func (e *Encryptor[W]) hide(c0, c1 poly) {
	for i, m := range e.q {
		m.Mul(c1[i], c1[i], e.secret[i])
		m.Sub(c0[i], c0[i], c1[i])
	}
}

// PublicKey gives the key that the evaluator needs: a seed and a polynomial.
func (e *Encryptor[W]) PublicKey() []byte { return e.public }

// Close wipes the key and the memory that was worked in.
func (e *Encryptor[W]) Close() {
	e.secret.wipe()
	e.makes.each((*uploadScratch[W]).wipe)
	e.reads.each((*replyScratch).wipe)
}

// pack writes the residues of a polynomial, limb after limb.
func (b *basis) pack(dst []byte, p poly) {
	size := ring.PackedLen(degree, b.params.LimbBits)
	for i, row := range p {
		ring.Pack(dst[i*size:(i+1)*size], row, b.params.LimbBits)
	}
}

// window is how many ciphertexts are worked on before they are written or after they are read.
func window() int { return 8 * runtime.GOMAXPROCS(0) }

// Encrypt writes the uploads for a batch of masks of plan.InLen() elements each.
func (e *Encryptor[W]) Encrypt(plan cost.HEPlan, masks [][]W, w io.Writer) error { // step 1
	if err := e.check(plan); err != nil {
		return err
	}
	if err := checkVectors("mask", masks, plan.Batch, plan.InLen()); err != nil {
		return err
	}
	seed, err := drawSeed(e.rnd)
	if err != nil {
		return err
	}
	private, err := drawSeed(e.rnd)
	if err != nil {
		return err
	}
	defer ring.Wipe(private[:])
	if _, err := w.Write(seed[:]); err != nil {
		return err
	}
	out := make([]byte, window()*int(plan.Params.PolyBytes()))
	for group := range plan.Groups() {
		blocks := cells(plan, group)
		for first := 0; first < plan.InBlocks(); first += window() {
			part := out[:min(window(), plan.InBlocks()-first)*int(plan.Params.PolyBytes())]
			e.encryptWindow(part, plan, blocks, masks, group, first, seed, private)
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// encryptWindow fills out with the uploads of a group from block first on.
func (e *Encryptor[W]) encryptWindow(out []byte, plan cost.HEPlan, blocks [][]cell, masks [][]W, group, first int, seed, private prg.Seed) {
	size := int(plan.Params.PolyBytes())
	ring.Parallel(len(out)/size, 1, func(lo, hi int) {
		s := e.makes.take()
		defer e.makes.give(s)
		for i := lo; i < hi; i++ {
			gather(s.message, plan, blocks, masks, first+i)
			e.encrypt(s, seed, private, group*plan.InBlocks()+first+i)
			e.pack(out[i*size:(i+1)*size], s.c0)
		}
	})
}

// uploadScratch is the memory in which one ciphertext after another is made.
type uploadScratch[W ring.Word] struct {
	message []W
	small   []uint64
	c0, c1  poly
}

func newUploadScratch[W ring.Word](limbs int) *uploadScratch[W] {
	return &uploadScratch[W]{make([]W, degree), make([]uint64, degree), newPoly(limbs), newPoly(limbs)}
}

func (s *uploadScratch[W]) wipe() {
	ring.Wipe(s.message)
	ring.Wipe(s.small)
	s.c0.wipe()
	s.c1.wipe()
}

// gather lays out the channels of a block.
func gather[W ring.Word](dst []W, plan cost.HEPlan, blocks [][]cell, masks [][]W, inBlock int) {
	clear(dst)
	area := plan.Rows.In * plan.Cols.In
	for i := range min(plan.Cw, plan.Channels()-inBlock*plan.Cw) {
		c := inBlock*plan.Cw + i
		base := c / len(blocks) * area
		to := dst[i*plan.Pitch:]
		for j, cell := range blocks[c%len(blocks)] {
			if cell.at >= 0 {
				to[j] = masks[cell.image][base+int(cell.at)]
			}
		}
	}
}

// encrypt makes c0 of the message: its multiple round(m*Q/2^l), noise, and -a*s.
func (e *Encryptor[W]) encrypt(s *uploadScratch[W], seed, private prg.Seed, index int) {
	stream := at(private, uint64(index)*taskBlocks)
	noise(stream, s.small)
	stream.Wipe()
	for i, m := range e.q {
		ntt.Residues(m, s.c0[i], s.small)
	}
	addEncoded(e.basis, s.c0, s.message, s.small)
	for i, m := range e.q {
		m.Forward(s.c0[i])
	}
	e.expand(s.c1, seed, index)
	e.hide(s.c0, s.c1)
}

// Decrypt reads the replies, and fills shares, one of plan.OutLen() elements for each image.
func (e *Encryptor[W]) Decrypt(plan cost.HEPlan, r io.Reader, shares [][]W) error { // step 3
	if err := e.check(plan); err != nil {
		return err
	}
	if err := checkVectors("share", shares, plan.Batch, plan.OutLen()); err != nil {
		return err
	}
	for chunk := range plan.Chunks() {
		groups, replies := chunkOutputs(plan, chunk), chunkReplies(plan, chunk)
		for ; len(replies) > 0; replies = replies[min(window(), len(replies)):] {
			if err := e.decryptWindow(plan, groups, replies[:min(window(), len(replies))], r, shares); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Encryptor[W]) decryptWindow(plan cost.HEPlan, groups [][]output, replies []reply, r io.Reader, shares [][]W) error {
	in := make([][]byte, len(replies))
	for i, one := range replies {
		in[i] = make([]byte, plan.ReplySize(len(groups[one.group])*plan.BlockOutputs(one.outBlock)))
		if _, err := io.ReadFull(r, in[i]); err != nil {
			return fmt.Errorf("homomorphic products: reply of group %d, outputs %d: %w", one.group, one.outBlock, err)
		}
	}
	errs := make([]error, len(replies))
	ring.Parallel(len(replies), 1, func(lo, hi int) {
		s := e.reads.take()
		defer e.reads.give(s)
		for i := lo; i < hi; i++ {
			errs[i] = e.decrypt(s, plan, groups[replies[i].group], replies[i].outBlock, in[i], shares)
		}
	})
	return firstError(errs)
}

// replyScratch is the memory in which one reply after another is read.
type replyScratch struct {
	c0, c1 poly
	words  [2][]uint64
}

func newReplyScratch(limbs int) *replyScratch {
	return &replyScratch{newPoly(limbs), newPoly(limbs), [2][]uint64{make([]uint64, degree), make([]uint64, degree)}}
}

func (s *replyScratch) wipe() {
	s.c0.wipe()
	s.c1.wipe()
	poly(s.words[:]).wipe()
}

// decrypt reads the outputs of one reply: c0 + c1*s at their coefficients.
func (e *Encryptor[W]) decrypt(s *replyScratch, plan cost.HEPlan, group []output, outBlock int, in []byte, shares [][]W) error {
	p := plan.Params
	head, n := ring.PackedLen(degree, p.C1Bits()), plan.BlockOutputs(outBlock)*len(group)
	if err := e.reply.unpack(s.c1, in[:head], degree, p.C1Drop(), p.C1Bits(), &s.words); err != nil {
		return err
	}
	if err := e.reply.unpack(s.c0, in[head:], n, p.C0Drop(), p.C0Bits(), &s.words); err != nil {
		return err
	}
	for i, m := range e.reply.q {
		m.Forward(s.c1[i])
		m.Mul(s.c1[i], s.c1[i], e.secret[i])
		m.Inverse(s.c1[i])
	}
	area := plan.Rows.Out * plan.Cols.Out
	for m := range plan.BlockOutputs(outBlock) {
		for k, o := range group {
			at := m*plan.Cw*plan.Pitch + int(o.coefficient)
			var phase [2]uint64
			for i, modulus := range e.reply.q {
				phase[i] = below(modulus.Q(), s.c0[i][m*len(group)+k]+s.c1[i][at])
			}
			shares[o.image][(outBlock*plan.Mw+m)*area+int(o.pixel)] = decode[W](&e.reply, phase)
		}
	}
	return nil
}
