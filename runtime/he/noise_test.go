package he

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// errorsOf runs a layer and gives, for each output, what the encryptor finds beside the multiple of its share, as a part of what it
// could correct: (phase - share*Q'/2^l) / (Q'/2^(l+1)).
func errorsOf(t testing.TB, p pair[uint32], plan cost.HEPlan, visit func(part float64)) {
	t.Helper()
	s := testRandomness(5)
	masks, weights := vectors[uint32](plan.Batch, plan.InLen()), testWeights[uint32](s, plan.Params, plan.WeightLen())
	for _, m := range masks {
		prg.Words(s, m)
	}
	var up, down bytes.Buffer
	shares := vectors[uint32](plan.Batch, plan.OutLen())
	if err := p.encryptor.Encrypt(plan, masks, &up); err != nil {
		t.Fatal(err)
	}
	if err := p.evaluator.Multiply(plan, weights, &up, &down, shares); err != nil {
		t.Fatal(err)
	}
	q := float64(p.encryptor.q[0].Q())
	for chunk := range plan.Chunks() {
		groups := chunkOutputs(plan, chunk)
		for _, one := range chunkReplies(plan, chunk) {
			phases := p.encryptor.phases(t, plan, groups[one.group], one.outBlock, &down)
			for _, phase := range phases {
				steps := float64(phase) * 0x1p32 / q // whole for a phase without noise
				visit(2 * (steps - math.Round(steps)))
			}
		}
	}
}

// phases gives c0 + c1*s at the outputs of the next reply, from its bytes alone.
func (e *Encryptor[W]) phases(t testing.TB, plan cost.HEPlan, group []output, outBlock int, r io.Reader) []uint64 {
	t.Helper()
	p, n := plan.Params, len(group)*plan.BlockOutputs(outBlock)
	in := make([]byte, plan.ReplySize(n))
	if _, err := io.ReadFull(r, in); err != nil {
		t.Fatal(err)
	}
	head := ring.PackedLen(degree, p.C1Bits())
	c1, c0 := make([]uint64, degree), make([]uint64, n)
	ring.Unpack(c1, in[:head], p.C1Bits())
	ring.Unpack(c0, in[head:], p.C0Bits())
	m := e.q[0]
	drop := p.C1Drop()
	for i := range c1 {
		c1[i] <<= drop
	}
	m.Forward(c1)
	m.Mul(c1, c1, e.secret[0])
	m.Inverse(c1)
	for k := range c0 {
		at := k/len(group)*plan.Cw*plan.Pitch + int(group[k%len(group)].coefficient)
		c0[k] = (c0[k]<<p.C0Drop() + c1[at]) % m.Q()
	}
	return c0
}

// TestNoiseStaysWithinItsBound measures decryption's errors over coefficients: with SOTTO_LONG set 10^7, otherwise a tenth of a million.
// They must stay within the gap by the room that the formulas leave, and look like the flooding that hides the weights: uniform
// over half of the gap, smeared by the rounding of both components.
func TestNoiseStaysWithinItsBound(t *testing.T) {
	want := 100_000
	if os.Getenv("SOTTO_LONG") != "" {
		want = 10_000_000
	}
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		p := newPair[uint32](t, d)
		params := p.encryptor.params
		plan, err := cost.HEPlanFor(cost.HELinear(256, 256), 32, d, 128)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		var sum, squares, most float64
		for n < want {
			errorsOf(t, p, plan, func(part float64) {
				n++
				sum, squares, most = sum+part, squares+part*part, max(most, math.Abs(part))
			})
		}
		gap := math.Exp2(float64(params.LimbBits - params.Ring - 1))
		uniform := func(width float64) float64 { return width * width / 12 }
		variance := (uniform(math.Exp2(float64(params.FloodBits()))) + uniform(math.Exp2(float64(params.C0Drop()))) +
			uniform(math.Exp2(float64(params.C1Drop())))*degree*2/3) / (gap * gap)
		got, mean := squares/float64(n), sum/float64(n)
		t.Logf("%s: %d coefficients, deviation %.4f of the gap (%.4f from the formulas), mean %.5f, at most %.4f", d, n, math.Sqrt(got), math.Sqrt(variance), mean, most)
		if math.Abs(got/variance-1) > 0.05 || math.Abs(mean) > 6*math.Sqrt(variance/float64(n)) {
			t.Errorf("%s: the noise has mean %.5f and variance %.6f, want 0 and %.6f", d, mean, got, variance)
		}
		// Flooding and what c0 drops are at most 1/4 + 1/8 of the gap; the rest is c1's, here at most seven deviations.
		if most >= 0.375+7*math.Exp2(float64(params.C1Drop()))*math.Sqrt(degree*2/3./12)/gap {
			t.Errorf("%s: an error of %.3f of the gap", d, most)
		}
	}
}

// TestFloodingCoversItsRange takes replies to zero masks under zero weights: what is left is flooding. Its digits fill each limb, so that no
// residue of the noise says anything about the weights.
func TestFloodingCoversItsRange(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	plan, err := cost.HEPlanFor(cost.HELinear(8, 8), 32, cost.ClientServer, 512)
	if err != nil {
		t.Fatal(err)
	}
	l := newLayerProduct(p.evaluator, plan, make([]uint32, plan.WeightLen()), prg.Seed{'t', 'e', 's', 't'}, nil)
	s := l.newScratch()
	l.fit(s, 1)
	r := &s.replies[0]
	r.stream = testRandomness(6)
	const n = degree
	counts, most := make([]int, 16), 0.
	for range 8 {
		r.c0.wipe()
		l.floodC0(r.c0, r.stream, s.digits[:n], s.words[0])
		for _, x := range r.c0[0] {
			most = max(most, math.Abs(float64(centred(l.q[0].Q(), x))))
		}
		// The same digits before anything is dropped: each limb's is uniform.
		digits := make([]uint64, n)
		q := l.q[2].Q()
		uniform(r.stream, q, digits)
		for _, x := range digits {
			high, _ := bits.Mul64(x<<(64-bits.Len64(q)), 16)
			counts[high]++
		}
	}
	// 2^16 draws of one of 2^16 values come close to both ends, and pass neither by more than a rounding.
	if end := math.Exp2(float64(plan.Params.FloodBits() - 1)); most > end+1 || most < 0.99*end {
		t.Errorf("flooding of up to %.0f units, want up to %.0f", most, end)
	}
	chi := 0.0
	for _, c := range counts {
		want := float64(8*n) / 16
		chi += (float64(c) - want) * (float64(c) - want) / want
	}
	if chi > 50 { // 15 degrees of freedom: exceeded with probability 10^-5
		t.Errorf("digits of flooding are not uniform: chi square %.1f, counts %v", chi, counts)
	}
}

// TestFloodDropIsDivision compares dropping a limb with its digit to division of whole numbers.
func TestFloodDropIsDivision(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	b := p.encryptor.basis
	stream, c0 := testRandomness(7), newPoly(3)
	digits := make([]uint64, 64)
	for i, m := range b.q {
		uniform(stream, m.Q(), c0[i])
	}
	uniform(stream, b.q[2].Q(), digits)
	digits[0], digits[1] = 0, b.q[2].Q()-1
	want := make([]*big.Int, len(digits))
	last := new(big.Int).SetUint64(b.q[2].Q())
	for j, d := range digits {
		x := number(b, c0, j, 3)
		x.Add(x, big.NewInt(centred(b.q[2].Q(), d)))
		x.Add(x, new(big.Int).Rsh(last, 1))
		want[j] = x.Div(x, last)
	}
	b.floodDrop(c0, 2, slices.Clone(digits), make([]uint64, degree))
	for j := range digits {
		q := product(b.q[:2])
		if got := number(b, c0, j, 2); got.Cmp(want[j].Mod(want[j], q)) != 0 {
			t.Fatalf("coefficient %d: %v, want %v", j, got, want[j])
		}
	}
}

// number gives the number that residues modulo the first limbs stand for.
func number(b *basis, p poly, j, limbs int) *big.Int {
	q, x := product(b.q[:limbs]), new(big.Int)
	for i := range limbs {
		rest := new(big.Int).Quo(q, new(big.Int).SetUint64(b.q[i].Q()))
		term := new(big.Int).SetUint64(inverse(b.q[i].Q(), rest))
		x.Add(x, term.Mul(term, rest).Mul(term, new(big.Int).SetUint64(p[i][j])))
	}
	return x.Mod(x, q)
}

// TestEncodeIsRounding compares with round(m*Q/2^l).
func TestEncodeIsRounding(t *testing.T) {
	testEncode[uint32](t)
	testEncode[uint64](t)
}

func testEncode[W ring.Word](t *testing.T) {
	b := newPair[W](t, cost.Outsourced).encryptor.basis
	m := make([]W, 96)
	prg.Words(testRandomness(8), m)
	m[0], m[1], m[2] = 0, 1, ^W(0)
	p := newPoly(len(b.q))
	addEncoded(b, p, slices.Clone(m), make([]uint64, len(m)))
	for j := range m {
		x := new(big.Int).Mul(new(big.Int).SetUint64(uint64(m[j])), product(b.q))
		x.Add(x, new(big.Int).Lsh(big.NewInt(1), uint(ring.Width[W]()-1)))
		x.Rsh(x, uint(ring.Width[W]()))
		if got := number(b, p, j, len(b.q)); got.Cmp(x.Mod(x, product(b.q))) != 0 {
			t.Fatalf("%#x is %v, want %v", m[j], got, x)
		}
	}
}

// TestDecodeCorrectsItsGap decodes multiples with the largest error on both sides.
func TestDecodeCorrectsItsGap(t *testing.T) {
	testDecode[uint32](t)
	testDecode[uint64](t)
}

func testDecode[W ring.Word](t *testing.T) {
	r := &newPair[W](t, cost.ClientServer).encryptor.reply
	q, l := product(r.q), uint(ring.Width[W]())
	words := make([]W, 100)
	prg.Words(testRandomness(9), words)
	words[0], words[1] = 0, ^W(0)
	for _, m := range words {
		x := new(big.Int).Mul(new(big.Int).SetUint64(uint64(m)), q)
		x.Rsh(x, l)
		gap := new(big.Int).Rsh(q, l+1)
		gap.Sub(gap, new(big.Int).Rsh(gap, 11)) // decoding is exact to 2^-77 of Q', or 2^-12 of the narrower gap
		for _, e := range []*big.Int{big.NewInt(1), new(big.Int).Sub(gap, big.NewInt(2)), new(big.Int).Sub(big.NewInt(2), gap)} {
			var residues [2]uint64
			for i, m := range r.q {
				y := new(big.Int).Add(x, e)
				residues[i] = y.Mod(y, new(big.Int).SetUint64(m.Q())).Uint64()
			}
			if got := decode[W](r, residues); got != m {
				t.Fatalf("%#x with an error of %v decodes as %#x", m, e, got)
			}
		}
	}
}

// TestSharesAreUniform counts the high and low four bits of both parties' shares of a product of constants.
func TestSharesAreUniform(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	plan, err := cost.HEPlanFor(cost.HELinear(256, 16), 32, cost.ClientServer, 64)
	if err != nil {
		t.Fatal(err)
	}
	masks, weights := vectors[uint32](plan.Batch, plan.InLen()), make([]uint32, plan.WeightLen())
	a, b, err := p.product(plan, masks, weights)
	if err != nil {
		t.Fatal(err)
	}
	for name, shares := range map[string][][]uint32{"encryptor": a, "evaluator": b} {
		var counts [32]int
		for _, image := range shares {
			for _, x := range image {
				counts[x>>28]++
				counts[16+x&15]++
			}
		}
		want := float64(plan.Batch*plan.OutLen()) / 16
		for i, c := range counts {
			if math.Abs(float64(c)-want) > 6*math.Sqrt(want) {
				t.Errorf("%s: value %d %d times, want about %.0f", name, i%16, c, want)
			}
		}
	}
}

// TestMasksAreFresh: the same product twice has nothing in common on the wire or in its shares.
func TestMasksAreFresh(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	plan, err := cost.HEPlanFor(cost.HELinear(64, 64), 32, cost.ClientServer, 1)
	if err != nil {
		t.Fatal(err)
	}
	masks, weights := vectors[uint32](1, plan.InLen()), make([]uint32, plan.WeightLen())
	var ups, downs [2]bytes.Buffer
	shares := vectors[uint32](2, plan.OutLen())
	for i := range ups {
		if err := p.encryptor.Encrypt(plan, masks, &ups[i]); err != nil {
			t.Fatal(err)
		}
		if err := p.evaluator.Multiply(plan, weights, bytes.NewReader(ups[i].Bytes()), &downs[i], shares[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	same := func(a, b []byte) (n int) {
		for i := range a {
			if a[i] == b[i] {
				n++
			}
		}
		return n
	}
	for name, v := range map[string][2][]byte{"uploads": {ups[0].Bytes(), ups[1].Bytes()}, "replies": {downs[0].Bytes(), downs[1].Bytes()},
		"shares": {ring.Bytes(shares[0]), ring.Bytes(shares[1])}} {
		if n, most := same(v[0], v[1]), len(v[0])/256; float64(n) > float64(most)+6*math.Sqrt(float64(most))+1 {
			t.Errorf("%s: %d of %d bytes are the same twice", name, n, len(v[0]))
		}
	}
}

// TestSecretsAreWiped looks at what Close leaves.
func TestSecretsAreWiped(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	plan, err := cost.HEPlanFor(cost.HELinear(32, 32), 32, cost.ClientServer, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.product(plan, vectors[uint32](1, plan.InLen()), make([]uint32, plan.WeightLen())); err != nil {
		t.Fatal(err)
	}
	upload, reply, made, values := p.encryptor.makes.take(), p.encryptor.reads.take(), p.evaluator.scratch.take(), p.evaluator.values
	p.encryptor.makes.give(upload)
	p.encryptor.reads.give(reply)
	p.evaluator.scratch.give(made)
	p.encryptor.Close()
	p.evaluator.Close()
	left := append([][]uint64{upload.small, reply.words[0], made.small, made.digits, made.words[0]}, p.encryptor.secret...)
	for _, rows := range []poly{values, upload.c0, upload.c1, reply.c1, made.replies[0].u, made.replies[0].c0, made.replies[0].c1} {
		left = append(left, rows...)
	}
	for i, v := range left {
		for _, x := range v {
			if x != 0 {
				t.Fatalf("memory %d is not wiped", i)
			}
		}
	}
}

// TestBadMessagesAreRefused: whatever a peer sends gives an error or a wrong share, never a panic.
func TestBadMessagesAreRefused(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	params := p.encryptor.params
	plan, err := cost.HEPlanFor(cost.HELinear(32, 32), 32, cost.ClientServer, 1)
	if err != nil {
		t.Fatal(err)
	}
	ones := func(n int64) []byte { return bytes.Repeat([]byte{0xff}, int(n)) }
	shares, weights := vectors[uint32](1, plan.OutLen()), make([]uint32, plan.WeightLen())
	multiply := func(weights []uint32, r io.Reader, w io.Writer) error {
		return p.evaluator.Multiply(plan, weights, r, w, shares)
	}
	_, short := NewEvaluator[uint32](params, make([]byte, 100), testRandomness(2))
	_, high := NewEvaluator[uint32](params, ones(params.KeyBytes()), testRandomness(2))
	_, width := NewEncryptor[uint64](params, testRandomness(1))
	other := plan
	other.Params, err = cost.HEParamsFor(32, cost.Outsourced)
	if err != nil {
		t.Fatal(err)
	}
	large := make([]uint32, plan.WeightLen())
	large[7] = 1 << params.WeightBits
	for want, err := range map[string]error{
		"public key of 100 bytes":       short,
		"public key: homomorphic":       high,
		"the ring has 64":               width,
		"upload: homomorphic":           multiply(weights, bytes.NewReader(ones(plan.UploadBytes())), io.Discard),
		"EOF":                           multiply(weights, bytes.NewReader(nil), io.Discard),
		"want 1024":                     multiply(weights[1:], nil, nil),
		"a weight is 2^24":              multiply(large, nil, nil),
		"not below the modulus":         p.encryptor.Decrypt(plan, bytes.NewReader(ones(plan.ReplyBytes())), shares),
		"reply of group 0, outputs 0: ": p.encryptor.Decrypt(plan, bytes.NewReader(nil), shares),
		"the key is for":                p.encryptor.Encrypt(other, nil, nil),
		"vectors called mask":           p.encryptor.Encrypt(plan, nil, nil),
		"no room":                       p.encryptor.Encrypt(plan, vectors[uint32](1, plan.InLen()), failingWriter{}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no room") }
