package he

import (
	"bytes"
	"math/big"
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	lattigo "github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/utils/structs"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// The ring-LWE of this package held against Lattigo's: the same moduli, the same key, ciphertexts of either decrypted by the other.

// library is Lattigo with a basis' moduli and a key of ours.
type library struct {
	params rlwe.Parameters
	key    *rlwe.SecretKey
}

func newLibrary(t testing.TB, b *basis, secret poly) library {
	t.Helper()
	l := rlwe.ParametersLiteral{LogN: 13, RingType: lattigo.Standard}
	for _, m := range b.q {
		l.Q = append(l.Q, m.Q())
	}
	params, err := rlwe.NewParametersFromLiteral(l)
	if err != nil {
		t.Fatal(err)
	}
	key := rlwe.NewSecretKey(params)
	key.Value.Q = lattigo.Poly{Coeffs: matrix(fromValues(b.q, secret))}
	params.RingQ().NTT(key.Value.Q, key.Value.Q)
	params.RingQ().MForm(key.Value.Q, key.Value.Q)
	return library{params, key}
}

func matrix(p poly) structs.Matrix[uint64] {
	var m structs.Matrix[uint64]
	for _, row := range p {
		m = append(m, row)
	}
	return m
}

func rows(p lattigo.Poly) poly {
	var all poly
	for _, row := range p.Coeffs {
		all = append(all, row)
	}
	return all
}

// fromValues and toValues go between our values and coefficients, which both know: the order of values is each library's own.
func fromValues(q []*ntt.Modulus, p poly) poly {
	out := make(poly, len(p))
	for i := range p {
		out[i] = slices.Clone(p[i])
		q[i].Inverse(out[i])
	}
	return out
}

func toValues(q []*ntt.Modulus, p poly) poly {
	out := make(poly, len(p))
	for i := range p {
		out[i] = slices.Clone(p[i])
		q[i].Forward(out[i])
	}
	return out
}

// decrypt has Lattigo decrypt a ciphertext of coefficients, modulo as many limbs as it has.
func (l library) decrypt(c0, c1 poly) poly {
	ct := rlwe.NewCiphertext(l.params, 1, len(c0)-1)
	ct.IsNTT = false
	for i := range c0 {
		copy(ct.Value[0].Coeffs[i], c0[i])
		copy(ct.Value[1].Coeffs[i], c1[i])
	}
	pt := rlwe.NewDecryptor(l.params, l.key).DecryptNew(ct)
	return rows(pt.Value)[:len(c0)]
}

// encrypt has Lattigo encrypt a message of coefficients.
func (l library) encrypt(t *testing.T, message poly) (c0, c1 poly) {
	t.Helper()
	pt := rlwe.NewPlaintext(l.params, l.params.MaxLevel())
	pt.IsNTT = false
	for i := range message {
		copy(pt.Value.Coeffs[i], message[i])
	}
	ct := rlwe.NewCiphertext(l.params, 1, l.params.MaxLevel())
	ct.IsNTT = false
	if err := rlwe.NewEncryptor(l.params, l.key).Encrypt(pt, ct); err != nil {
		t.Fatal(err)
	}
	return rows(ct.Value[0]), rows(ct.Value[1])
}

// farthest gives how far two polynomials are apart, in any coefficient modulo Q.
func farthest(b *basis, p, q poly) *big.Int {
	all, most := product(b.q), new(big.Int)
	for j := range degree {
		x := number(b, p, j, len(b.q))
		x.Sub(x, number(b, q, j, len(b.q)))
		if x.Mod(x, all); x.Cmp(new(big.Int).Rsh(all, 1)) > 0 {
			x.Sub(all, x)
		}
		if x.Cmp(most) > 0 {
			most = x
		}
	}
	return most
}

// mostNoise is what a centred binomial coefficient can be, and more than six deviations of Lattigo's Gaussian, where it ends.
const mostNoise = cost.HECoinPairs

func closeBy(t *testing.T, what string, b *basis, p, q poly) {
	t.Helper()
	if d := farthest(b, p, q); d.Cmp(big.NewInt(mostNoise)) > 0 || d.Sign() == 0 {
		t.Errorf("%s: %v from the message, want at most %d and not nothing", what, d, mostNoise)
	}
}

// TestLattigoReadsUploads: what the encryptor sends for a layer decrypts, at Lattigo, to the multiple of the masks and noise.
func TestLattigoReadsUploads(t *testing.T) {
	testLattigoReads[uint32](t, cost.ClientServer)
	testLattigoReads[uint64](t, cost.Outsourced)
}

func testLattigoReads[W ring.Word](t *testing.T, d cost.Deployment) {
	p := newPair[W](t, d)
	b := p.encryptor.basis
	plan, err := cost.HEPlanFor(cost.HELinear(2, degree), ring.Width[W](), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	masks := vectors[W](1, plan.InLen())
	prg.Words(testRandomness(20), masks[0])
	var up bytes.Buffer
	if err := p.encryptor.Encrypt(plan, masks, &up); err != nil {
		t.Fatal(err)
	}
	size := int(plan.Params.PolyBytes())
	seed := prg.Seed(up.Next(cost.HESeedBytes))
	blocks := cells(plan, 0)
	library := newLibrary(t, b, p.encryptor.secret)
	for i := range min(2, plan.InBlocks()) {
		c0, c1 := newPoly(len(b.q)), newPoly(len(b.q))
		if err := b.unpack(c0, up.Next(size)); err != nil {
			t.Fatal(err)
		}
		b.expand(c1, seed, i)
		message, want := make([]W, degree), newPoly(len(b.q))
		gather(message, plan, blocks, masks, i)
		addEncoded(b, want, message, make([]uint64, degree))
		closeBy(t, "upload", b, library.decrypt(fromValues(b.q, c0), fromValues(b.q, c1)), want)
	}
}

// TestPublicKeyIsLattigos: the public key is an encryption of zero at Lattigo.
func TestPublicKeyIsLattigos(t *testing.T) {
	p := newPair[uint64](t, cost.ClientServer)
	b := p.encryptor.basis
	library := newLibrary(t, b, p.encryptor.secret)
	closeBy(t, "public key", b, library.decrypt(fromValues(b.q, p.evaluator.p0), fromValues(b.q, p.evaluator.p1)), newPoly(len(b.q)))
}

// TestLattigosCiphertextsAreProducts: factors that Lattigo encrypted go through the evaluator; the reply is opened by both alike, and holds
// the products in its slots.
func TestLattigosCiphertextsAreProducts(t *testing.T) {
	p := newSlotPair[uint64](t)
	e, v := p.encryptor, p.evaluator
	library := newLibrary(t, e.basis, e.secret)
	x, b := make([]uint64, degree), make([]uint64, degree)
	prg.Words(testRandomness(21), x)
	prg.Words(testRandomness(22), b)
	for i := range v.plain {
		one := &v.plain[i]
		message, coded := newPoly(len(v.q)), make([]uint64, degree)
		coefficients(one.t, coded, x)
		v.addModulo(message, one, coded, make([]uint64, degree))
		c0, c1 := library.encrypt(t, message)
		s := v.newScratch()
		s.c0, s.c1 = toValues(v.q, c0), toValues(v.q, c1)
		closeBy(t, "Lattigo's ciphertext, opened here", e.basis, e.phase(s.c0, s.c1), message)

		coefficients(one.t, s.message, b)
		stream, out := testRandomness(23), make([]byte, int(v.params.ReplyBytes())/len(v.plain))
		v.multiply(s, i, stream)
		v.answer(out, s, i, make([]uint64, degree), stream)
		slots := library.slots(t, e, i, out)
		for j := range slots {
			want := slowProduct(one.t.Q(), x[j], b[j])
			if slots[j] != want {
				t.Fatalf("prime %d, slot %d: %d, want %d", i, j, slots[j], want)
			}
		}
	}
}

// phase gives the coefficients of c0 + c1*s.
func (e *SlotEncryptor[W]) phase(c0, c1 poly) poly {
	sum := newPoly(len(e.q))
	for i, m := range e.q {
		m.Mul(sum[i], c1[i], e.secret[i])
		m.Add(sum[i], sum[i], c0[i])
	}
	return fromValues(e.q, sum)
}

// slots has Lattigo decrypt a reply, holds that against our own, and decodes it.
func (l library) slots(t *testing.T, e *SlotEncryptor[uint64], i int, reply []byte) []uint64 {
	t.Helper()
	params, own := e.params.Cipher, newReplyScratch(len(e.reply.q))
	c0, c1 := newPoly(len(e.reply.q)), newPoly(len(e.reply.q))
	head := ring.PackedLen(degree, params.C1Bits())
	if err := e.reply.unpack(c1, reply[:head], degree, params.C1Drop(), params.C1Bits(), &own.words); err != nil {
		t.Fatal(err)
	}
	if err := e.reply.unpack(c0, reply[head:], degree, params.C0Drop(), params.C0Bits(), &own.words); err != nil {
		t.Fatal(err)
	}
	if err := e.open(own, degree, reply, e.secret); err != nil {
		t.Fatal(err)
	}
	opened := l.decrypt(c0, c1)
	slots := make([]uint64, degree)
	for j := range slots {
		var phase [2]uint64
		for k, m := range e.reply.q {
			phase[k] = opened[k][j]
			if phase[k] != below(m.Q(), own.c0[k][j]+own.c1[k][j]) {
				t.Fatalf("limb %d, coefficient %d: Lattigo opens the reply as %d", k, j, phase[k])
			}
		}
		slots[j] = e.reply.decodeModulo(e.plain[i].t.Q(), phase)
	}
	e.plain[i].t.Forward(slots)
	return slots
}

// slowProduct multiplies l-bit numbers, read as signed, modulo t.
func slowProduct(t, x, b uint64) uint64 {
	p := new(big.Int).Mul(big.NewInt(int64(x)), big.NewInt(int64(b)))
	return p.Mod(p, new(big.Int).SetUint64(t)).Uint64()
}

// BenchmarkLattigoCiphertext sets one upload of 32-bit masks, and the product of one with a polynomial of weights, beside Lattigo's: one
// core, moduli of three primes of 50 bits.
func BenchmarkLattigoCiphertext(b *testing.B) {
	params, err := cost.HEParamsFor(32, cost.ClientServer)
	if err != nil {
		b.Fatal(err)
	}
	e, err := NewEncryptor[uint32](params, testRandomness(1))
	if err != nil {
		b.Fatal(err)
	}
	library := newLibrary(b, e.basis, e.secret)
	encryptor, ringQ := rlwe.NewEncryptor(library.params, library.key), library.params.RingQ()
	pt, ct := rlwe.NewPlaintext(library.params, library.params.MaxLevel()), rlwe.NewCiphertext(library.params, 1, library.params.MaxLevel())
	s, sums := newUploadScratch[uint32](len(e.q)), make([][2]*ntt.Sum, len(e.q))
	for i, m := range e.q {
		sums[i] = [2]*ntt.Sum{m.NewSum(), m.NewSum()}
	}
	weights, seed := make([]uint64, degree), prg.Seed{'t', 'e', 's', 't'}
	noise(testRandomness(24), weights)
	b.Run("encrypt/lattigo", func(b *testing.B) {
		for b.Loop() {
			if err := encryptor.Encrypt(pt, ct); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encrypt/here", func(b *testing.B) {
		for b.Loop() {
			e.encrypt(s, seed, seed, 0)
		}
	})
	c0, c1, factor := ringQ.NewPoly(), ringQ.NewPoly(), ringQ.NewPoly()
	b.Run("multiply/lattigo", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range e.q {
				ntt.Residues(e.q[i], factor.Coeffs[i], weights)
			}
			ringQ.NTT(factor, factor)
			ringQ.MForm(factor, factor)
			ringQ.MulCoeffsMontgomeryThenAdd(ct.Value[0], factor, c0)
			ringQ.MulCoeffsMontgomeryThenAdd(ct.Value[1], factor, c1)
		}
	})
	own := newPoly(len(e.q))
	b.Run("multiply/here", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.small(own, weights)
			for i := range e.q {
				ntt.MulAddPairs(sums[i][0], sums[i][1], own[i:i+1], s.c0[i:i+1], s.c1[i:i+1])
			}
		}
	})
}
