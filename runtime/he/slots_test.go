package he

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// slotPair is both parties of elementwise products.
type slotPair[W ring.Word] struct {
	encryptor *SlotEncryptor[W]
	evaluator *SlotEvaluator[W]
}

func newSlotPair[W ring.Word](t testing.TB) slotPair[W] {
	t.Helper()
	params, err := cost.SlotParamsFor(ring.Width[W]())
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewSlotEncryptor[W](params, testRandomness(1))
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewSlotEvaluator[W](params, e.PublicKey(), testRandomness(2))
	if err != nil {
		t.Fatal(err)
	}
	return slotPair[W]{e, v}
}

// product runs a block and gives both shares and the messages.
func (p slotPair[W]) product(t testing.TB, x, b []W) (encryptor, evaluator []W, up, down []byte) {
	t.Helper()
	var ups, downs bytes.Buffer
	encryptor, evaluator = make([]W, len(x)), make([]W, len(x))
	if err := p.encryptor.Encrypt(x, &ups); err != nil {
		t.Fatal(err)
	}
	up = bytes.Clone(ups.Bytes())
	if err := p.evaluator.Multiply(b, &ups, &downs, evaluator); err != nil {
		t.Fatal(err)
	}
	down = bytes.Clone(downs.Bytes())
	if err := p.encryptor.Decrypt(&downs, encryptor); err != nil {
		t.Fatal(err)
	}
	if ups.Len() != 0 || downs.Len() != 0 {
		t.Fatalf("%d and %d bytes are left", ups.Len(), downs.Len())
	}
	return encryptor, evaluator, up, down
}

func TestSlotProducts32(t *testing.T) { testSlotProducts[uint32](t) }
func TestSlotProducts64(t *testing.T) { testSlotProducts[uint64](t) }

// testSlotProducts compares with the definition: all pairs of edge values, drawn ones, blocks from one element to a full one.
func testSlotProducts[W ring.Word](t *testing.T) {
	p := newSlotPair[W](t)
	top := W(1) << (ring.Width[W]() - 1)
	edges := []W{0, 1, ^W(0), top, top - 1, top + 1, 2, 3}
	stream := testRandomness(3)
	for _, n := range []int{1, len(edges) * len(edges), 5000, degree} {
		x, b := make([]W, n), make([]W, n)
		prg.Words(stream, x)
		prg.Words(stream, b)
		for i := range min(n, len(edges)*len(edges)) {
			x[i], b[i] = edges[i%len(edges)], edges[i/len(edges)]
		}
		y0, y1, up, down := p.product(t, x, b)
		if params := p.encryptor.params; int64(len(up)) != params.UploadBytes() || int64(len(down)) != params.ReplyBytes() {
			t.Errorf("%d elements: %d bytes up and %d down, want %d and %d", n, len(up), len(down), params.UploadBytes(), params.ReplyBytes())
		}
		for i := range x {
			if y0[i]+y1[i] != x[i]*b[i] {
				t.Fatalf("element %d of %d: %#x * %#x gives %#x + %#x", i, n, x[i], b[i], y0[i], y1[i])
			}
		}
	}
	if int64(len(p.encryptor.PublicKey())) != p.encryptor.params.Cipher.KeyBytes() {
		t.Errorf("a public key of %d bytes, want %d", len(p.encryptor.PublicKey()), p.encryptor.params.Cipher.KeyBytes())
	}
}

// TestDigitsAreTheNumber takes numbers below t apart and puts them together, as the library's whole numbers do.
func TestDigitsAreTheNumber(t *testing.T) {
	s := newSlotPair[uint64](t).encryptor.slots
	all := big.NewInt(1)
	for _, one := range s.plain {
		all.Mul(all, new(big.Int).SetUint64(one.t.Q()))
	}
	words := make([]uint64, 4)
	stream := testRandomness(4)
	for i := range 1000 {
		prg.Words(stream, words)
		x := new(big.Int)
		for _, w := range words {
			x.Add(x.Lsh(x, 64), new(big.Int).SetUint64(w))
		}
		if x.Mod(x, all); i < 2 {
			x.Sub(all, big.NewInt(int64(i+1)))
		}
		var remainders [maxPrimes]uint64
		for j, one := range s.plain {
			remainders[j] = new(big.Int).Mod(x, new(big.Int).SetUint64(one.t.Q())).Uint64()
		}
		digits := remainders
		s.digits(&digits)
		if got, want := s.value(&digits), new(big.Int).And(x, new(big.Int).SetUint64(math.MaxUint64)).Uint64(); got != want {
			t.Fatalf("%v mod 2^64 is %d, want %d", x, got, want)
		}
		for j := range s.plain {
			if got := s.remainder(j, &digits); got != remainders[j] {
				t.Fatalf("%v modulo prime %d is %d, want %d", x, j, got, remainders[j])
			}
		}
	}
}

// TestDecodeModuloCorrectsItsGap decodes multiples of Q'/t with the largest error on both sides.
func TestDecodeModuloCorrectsItsGap(t *testing.T) {
	s := newSlotPair[uint32](t).encryptor.slots
	q := product(s.reply.q)
	stream := testRandomness(5)
	for _, one := range s.plain {
		prime := new(big.Int).SetUint64(one.t.Q())
		values := make([]uint64, 100)
		uniform(stream, one.t.Q(), values)
		values[0], values[1] = 0, one.t.Q()-1
		for _, m := range values {
			x := new(big.Int).Mul(new(big.Int).SetUint64(m), q)
			x.Quo(x, prime)
			gap := new(big.Int).Quo(q, new(big.Int).Lsh(prime, 1))
			gap.Sub(gap, new(big.Int).Rsh(gap, 20))
			for _, e := range []*big.Int{big.NewInt(1), gap, new(big.Int).Neg(gap)} {
				var residues [2]uint64
				for i, limb := range s.reply.q {
					y := new(big.Int).Add(x, e)
					residues[i] = y.Mod(y, new(big.Int).SetUint64(limb.Q())).Uint64()
				}
				if got := s.reply.decodeModulo(one.t.Q(), residues); got != m {
					t.Fatalf("%d with an error of %v decodes as %d", m, e, got)
				}
			}
		}
	}
}

// TestSlotNoiseStaysWithinItsBound measures decryption's errors over coefficients, with SOTTO_LONG set 10^7 of them, otherwise the N of a
// block for each prime: as TestNoiseStaysWithinItsBound, for Q' of two limbs.
func TestSlotNoiseStaysWithinItsBound(t *testing.T) {
	want := 1
	if os.Getenv("SOTTO_LONG") != "" {
		want = 10_000_000
	}
	testSlotNoise[uint32](t, want)
	testSlotNoise[uint64](t, want)
}

func testSlotNoise[W ring.Word](t *testing.T, want int) {
	p := newSlotPair[W](t)
	params, stream := p.encryptor.params.Cipher, testRandomness(6)
	var n int
	var sum, squares, most float64
	gap := math.Exp2(float64(params.ReplyLimbs*params.LimbBits) - float64(params.Ring) - 1)
	x, b := make([]W, degree), make([]W, degree)
	for n < want {
		prg.Words(stream, x)
		prg.Words(stream, b)
		_, _, _, down := p.product(t, x, b)
		for i := range p.encryptor.plain {
			for _, part := range p.encryptor.errorParts(t, i, down) {
				n++
				sum, squares, most = sum+part, squares+part*part, max(most, math.Abs(part))
			}
		}
	}
	uniform := func(width float64) float64 { return width * width / 12 }
	variance := (uniform(math.Exp2(float64(params.FloodBits()))) + uniform(math.Exp2(float64(params.C0Drop()))) +
		uniform(math.Exp2(float64(params.C1Drop())))*degree*2/3) / (gap * gap)
	got, mean := squares/float64(n), sum/float64(n)
	t.Logf("%d bits: %d coefficients, deviation %.4f of the gap (%.4f from the formulas), mean %.5f, at most %.4f", params.Ring, n, math.Sqrt(got), math.Sqrt(variance), mean, most)
	if math.Abs(got/variance-1) > 0.05 || math.Abs(mean) > 6*math.Sqrt(variance/float64(n)) {
		t.Errorf("%d bits: the noise has mean %.5f and variance %.6f, want 0 and %.6f", params.Ring, mean, got, variance)
	}
	if bound := (math.Exp2(float64(params.FloodBits()-1))+math.Exp2(float64(params.C0Drop()-1)))/gap + 7*math.Exp2(float64(params.C1Drop()))*math.Sqrt(degree*2/3./12)/gap; most >= bound {
		t.Errorf("%d bits: an error of %.3f of the gap, want below %.3f", params.Ring, most, bound)
	}
}

// errorParts gives the error of each coefficient of a reply modulo t_i, as a part of the gap: x*t/Q' is whole without one.
func (e *SlotEncryptor[W]) errorParts(t testing.TB, i int, down []byte) []float64 {
	t.Helper()
	size := len(down) / len(e.plain)
	s := newReplyScratch(len(e.reply.q))
	if err := e.open(s, degree, down[i*size:(i+1)*size], e.secret); err != nil {
		t.Fatal(err)
	}
	parts := make([]float64, degree)
	prime := new(big.Int).SetUint64(e.plain[i].t.Q())
	for j := range parts {
		var residues [2]uint64
		for k, q := range e.reply.q {
			residues[k] = below(q.Q(), s.c0[k][j]+s.c1[k][j])
		}
		ratio := e.reply.ratio(residues)
		x := new(big.Int).SetUint64(ratio.hi)
		x.Add(x.Lsh(x, 64), new(big.Int).SetUint64(ratio.lo))
		x.Mul(x, prime)
		x.And(x, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)))
		part, _ := new(big.Float).SetInt(x).Float64()
		part = math.Ldexp(part, -128)
		parts[j] = 2 * (part - math.Round(part))
	}
	return parts
}

// TestSlotMasksAreUniform: the encryptor's numbers for products of zero are masks that fill the range below t, as both shares do the ring.
func TestSlotMasksAreUniform(t *testing.T) {
	p := newSlotPair[uint64](t)
	zero := make([]uint64, degree)
	y0, y1, _, _ := p.product(t, zero, zero)
	shares := map[string][]uint64{"encryptor": y0, "evaluator": y1}
	for i, row := range p.evaluator.masks(testRandomness(7), make([]uint64, degree)) {
		high := make([]uint64, degree)
		for j, x := range row {
			high[j] = x << (64 - p.evaluator.params.Cipher.Ring)
		}
		shares[fmt.Sprintf("residues modulo prime %d", i)] = high
	}
	for name, all := range shares {
		var counts [16]int
		for _, x := range all {
			counts[x>>60]++
		}
		want := float64(degree) / 16
		for i, c := range counts {
			if math.Abs(float64(c)-want) > 6*math.Sqrt(want) {
				t.Errorf("%s: value %d %d times, want about %.0f", name, i, c, want)
			}
		}
	}
}

// TestSlotWireBytes holds the messages of a block under the tests' randomness: they change with the protocol's version only.
func TestSlotWireBytes(t *testing.T) {
	p := newSlotPair[uint64](t)
	x, b := make([]uint64, 1000), make([]uint64, 1000)
	prg.Words(testRandomness(8), x)
	prg.Words(testRandomness(9), b)
	_, _, up, down := p.product(t, x, b)
	for _, m := range []struct {
		name, want string
		bytes      []byte
	}{
		{"public key", "7c5b8521efa5ef75", p.encryptor.PublicKey()},
		{"upload", "5348b049a1108eed", up},
		{"reply", "085912817e14ebce", down},
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256(m.bytes))[:16]; got != m.want {
			t.Errorf("%s hashes to %s, want %s", m.name, got, m.want)
		}
	}
}

// TestBadSlotMessagesAreRefused: whatever a peer sends gives an error or a wrong share, never a panic.
func TestBadSlotMessagesAreRefused(t *testing.T) {
	p := newSlotPair[uint32](t)
	params := p.encryptor.params
	ones := func(n int64) io.Reader { return bytes.NewReader(bytes.Repeat([]byte{0xff}, int(n))) }
	one, many := make([]uint32, 1), make([]uint32, degree+1)
	_, short := NewSlotEvaluator[uint32](params, make([]byte, 100), testRandomness(2))
	_, width := NewSlotEncryptor[uint64](params, testRandomness(1))
	_, insecure := NewSlotEncryptor[uint32](cost.SlotParams{Ring: 32, Primes: 3, Cipher: cost.HEParams{Ring: 45, Limbs: 5, LimbBits: 50}}, testRandomness(1))
	for want, err := range map[string]error{
		"public key of 100 bytes": short,
		"the ring has 64":         width,
		"a modulus of 250":        insecure,
		"upload: homomorphic":     p.evaluator.Multiply(one, ones(params.UploadBytes()), io.Discard, one),
		"upload: EOF":             p.evaluator.Multiply(one, ones(0), io.Discard, one),
		"block of 8193 elements":  p.evaluator.Multiply(many, nil, nil, many),
		"for 1 products":          p.evaluator.Multiply(one, nil, nil, many),
		"prime 0: homomorphic":    p.encryptor.Decrypt(ones(params.ReplyBytes()), one),
		"reply: EOF":              p.encryptor.Decrypt(ones(0), one),
		"block of 0 elements":     p.encryptor.Encrypt(nil, nil),
		"no room":                 p.encryptor.Encrypt(one, failingWriter{}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestSlotSecretsAreWiped looks at what Close leaves.
func TestSlotSecretsAreWiped(t *testing.T) {
	p := newSlotPair[uint64](t)
	x := []uint64{1, 2, 3}
	p.product(t, x, x)
	upload, reply, made := p.encryptor.makes.take(), p.encryptor.reads.take(), p.evaluator.scratch.take()
	p.encryptor.makes.give(upload)
	p.encryptor.reads.give(reply)
	p.evaluator.scratch.give(made)
	p.encryptor.Close()
	p.evaluator.Close()
	for name, p := range map[string]poly{"secret": p.encryptor.secret, "message": {upload.message, upload.small, made.message, made.factor, made.small, made.words},
		"upload": upload.c0, "reply": reply.c1, "u": made.u, "product": made.c0} {
		for _, row := range p {
			for _, x := range row {
				if x != 0 {
					t.Fatalf("%s is not wiped", name)
				}
			}
		}
	}
}
