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
	secret, public, err := b.newKey(rnd)
	if err != nil {
		return nil, err
	}
	return &Encryptor[W]{basis: b, rnd: rnd, secret: secret, public: public,
		makes: newPool(window, func() *uploadScratch[W] { return newUploadScratch[W](len(b.q)) }),
		reads: newPool(window, func() *replyScratch { return newReplyScratch(params.ReplyLimbs) })}, nil
}

// newKey draws a key pair: the values of s, and the public key as it travels.
func (b *basis) newKey(rnd io.Reader) (secret poly, public []byte, err error) {
	private, err := drawSeed(rnd)
	if err != nil {
		return nil, nil, err
	}
	defer ring.Wipe(private[:])
	seed, err := drawSeed(rnd)
	if err != nil {
		return nil, nil, err
	}
	stream, small := prg.NewStream(private), make([]uint64, degree)
	defer ring.Wipe(small)
	defer stream.Wipe()
	secret, public = newPoly(len(b.q)), make([]byte, b.params.KeyBytes())
	ternary(stream, small)
	b.small(secret, small)
	p0, p1 := newPoly(len(b.q)), newPoly(len(b.q))
	noise(stream, small)
	b.small(p0, small)
	b.expand(p1, seed, 0)
	b.hide(p0, p1, secret)
	copy(public, seed[:])
	b.pack(public[len(seed):], p0)
	return secret, public, nil
}

// hide makes c0 of a message with its noise: c0 - c1*s. It spoils c1.
func (b *basis) hide(c0, c1, secret poly) {
	for i, m := range b.q {
		m.Mul(c1[i], c1[i], secret[i])
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

// window is how many ciphertexts are worked on before they are written or after they are read. It stays as it was when the process began: the Go
// runtime moves GOMAXPROCS with the process's quota and affinity, and a window that grows in the middle of a message leaves ciphertexts out.
var window = 8 * runtime.GOMAXPROCS(0)

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
	out := make([]byte, window*int(plan.Params.PolyBytes()))
	for group := range plan.Groups() {
		blocks := cells(plan, group)
		for first := 0; first < plan.InBlocks(); first += window {
			part := out[:min(window, plan.InBlocks()-first)*int(plan.Params.PolyBytes())]
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
	e.drawNoise(s.c0, s.small, at(private, uint64(index)*taskBlocks))
	addEncoded(e.basis, s.c0, s.message, s.small)
	e.seal(s.c0, s.c1, e.secret, seed, index)
}

// drawNoise sets p to noise. It spoils small, and ends the stream.
func (b *basis) drawNoise(p poly, small []uint64, stream *prg.Stream) {
	noise(stream, small)
	stream.Wipe()
	for i, m := range b.q {
		ntt.Residues(m, p[i], small)
	}
}

// seal makes c0 of a message with its noise, as coefficients, an upload's values. It spoils c1.
func (b *basis) seal(c0, c1, secret poly, seed prg.Seed, index int) {
	for i, m := range b.q {
		m.Forward(c0[i])
	}
	b.expand(c1, seed, index)
	b.hide(c0, c1, secret)
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
		for ; len(replies) > 0; replies = replies[min(window, len(replies)):] {
			if err := e.decryptWindow(plan, groups, replies[:min(window, len(replies))], r, shares); err != nil {
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

// open reads a reply of n coefficients of c0, and multiplies c1 by s.
func (b *basis) open(s *replyScratch, n int, in []byte, secret poly) error {
	p := b.params
	head := ring.PackedLen(degree, p.C1Bits())
	if err := b.reply.unpack(s.c1, in[:head], degree, p.C1Drop(), p.C1Bits(), &s.words); err != nil {
		return err
	}
	if err := b.reply.unpack(s.c0, in[head:], n, p.C0Drop(), p.C0Bits(), &s.words); err != nil {
		return err
	}
	for i, m := range b.reply.q {
		m.Forward(s.c1[i])
		m.Mul(s.c1[i], s.c1[i], secret[i])
		m.Inverse(s.c1[i])
	}
	return nil
}

// decrypt reads the outputs of one reply: c0 + c1*s at their coefficients.
func (e *Encryptor[W]) decrypt(s *replyScratch, plan cost.HEPlan, group []output, outBlock int, in []byte, shares [][]W) error {
	if err := e.open(s, plan.BlockOutputs(outBlock)*len(group), in, e.secret); err != nil {
		return err
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
