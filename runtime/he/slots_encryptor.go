package he

import (
	"fmt"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// SlotEncryptor is the party that has the key, and encrypts its factors. It is for one goroutine that encrypts and one that decrypts;
// both use all cores.
type SlotEncryptor[W ring.Word] struct {
	*slots
	rnd    io.Reader
	secret poly // values of s
	public []byte
	makes  pool[*slotUpload]
	reads  pool[*replyScratch]
}

// NewSlotEncryptor draws a key pair. rnd is crypto/rand.Reader, except in tests.
func NewSlotEncryptor[W ring.Word](params cost.SlotParams, rnd io.Reader) (*SlotEncryptor[W], error) {
	s, err := newSlots[W](params)
	if err != nil {
		return nil, err
	}
	secret, public, err := s.newKey(rnd)
	if err != nil {
		return nil, err
	}
	limbs := params.Cipher.Limbs
	return &SlotEncryptor[W]{slots: s, rnd: rnd, secret: secret, public: public,
		makes: newPool(params.Primes, func() *slotUpload { return newSlotUpload(limbs) }),
		reads: newPool(params.Primes, func() *replyScratch { return newReplyScratch(params.Cipher.ReplyLimbs) })}, nil
}

// PublicKey gives the key that the evaluator needs: a seed and a polynomial.
func (e *SlotEncryptor[W]) PublicKey() []byte { return e.public }

// Close wipes the key and the memory that was worked in.
func (e *SlotEncryptor[W]) Close() {
	e.secret.wipe()
	e.makes.each((*slotUpload).wipe)
	e.reads.each((*replyScratch).wipe)
}

// slotUpload is the memory in which one ciphertext after another is made.
type slotUpload struct {
	message, small []uint64
	c0, c1         poly
}

func newSlotUpload(limbs int) *slotUpload {
	return &slotUpload{make([]uint64, degree), make([]uint64, degree), newPoly(limbs), newPoly(limbs)}
}

func (u *slotUpload) wipe() {
	poly{u.message, u.small}.wipe()
	u.c0.wipe()
	u.c1.wipe()
}

// Encrypt writes the upload of a block of factors.
func (e *SlotEncryptor[W]) Encrypt(x []W, w io.Writer) error { // step 1
	if err := checkBlock(len(x)); err != nil {
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
	out := make([]byte, e.params.UploadBytes())
	head := copy(out, seed[:])
	size := int(e.params.Cipher.PolyBytes())
	ring.Parallel(len(e.plain), 1, func(lo, hi int) {
		u := e.makes.take()
		defer e.makes.give(u)
		for i := lo; i < hi; i++ {
			e.drawNoise(u.c0, u.small, at(private, uint64(i)*taskBlocks))
			coefficients(e.plain[i].t, u.message, x)
			e.addModulo(u.c0, &e.plain[i], u.message, u.small)
			e.seal(u.c0, u.c1, e.secret, seed, i)
			e.pack(out[head+i*size:], u.c0)
		}
	})
	_, err = w.Write(out)
	return err
}

// Decrypt reads the reply to a block, and fills share.
func (e *SlotEncryptor[W]) Decrypt(r io.Reader, share []W) error { // step 3
	if err := checkBlock(len(share)); err != nil {
		return err
	}
	in := make([]byte, e.params.ReplyBytes())
	if _, err := io.ReadFull(r, in); err != nil {
		return fmt.Errorf("elementwise products: reply: %w", err)
	}
	values, errs := newPoly(len(e.plain)), make([]error, len(e.plain))
	defer values.wipe()
	size := len(in) / len(e.plain)
	ring.Parallel(len(e.plain), 1, func(lo, hi int) {
		s := e.reads.take()
		defer e.reads.give(s)
		for i := lo; i < hi; i++ {
			errs[i] = e.decrypt(s, values[i], i, in[i*size:(i+1)*size])
		}
	})
	if err := firstError(errs); err != nil {
		return err
	}
	ring.Parallel(len(share), degree/8, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			var x [maxPrimes]uint64
			for i := range values {
				x[i] = values[i][j]
			}
			e.digits(&x)
			share[j] = W(e.value(&x))
		}
	})
	return nil
}

// decrypt sets dst to the slots of the reply modulo t_i.
func (e *SlotEncryptor[W]) decrypt(s *replyScratch, dst []uint64, i int, in []byte) error {
	if err := e.open(s, degree, in, e.secret); err != nil {
		return fmt.Errorf("prime %d: %w", i, err)
	}
	t := e.plain[i].t
	for j := range dst {
		var phase [2]uint64
		for k, q := range e.reply.q {
			phase[k] = below(q.Q(), s.c0[k][j]+s.c1[k][j])
		}
		dst[j] = e.reply.decodeModulo(t.Q(), phase)
	}
	t.Forward(dst)
	return nil
}
