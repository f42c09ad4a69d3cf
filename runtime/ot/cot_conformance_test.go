package ot_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
)

// cotPair is an implementation of COT extension after its set-up.
type cotPair struct {
	delta prg.Block
	// extend makes the next len(k) OTs at both ends, with the choices given, and compares what was sent with what is declared.
	extend func(choice []uint64, k, m []prg.Block) error
}

// messagePair is an implementation whose one message comes from the receiver.
type messagePair struct {
	sender   ot.COTSender
	receiver ot.COTReceiver
	bytes    func(n int64) int64 // the declared size of the message
}

func (p messagePair) cotPair() cotPair { return cotPair{p.sender.Delta(), p.extend} }

func (p messagePair) extend(choice []uint64, k, m []prg.Block) error {
	n := len(k)
	u, err := p.receiver.Extend(choice, n, m)
	if err != nil {
		return err
	}
	if int64(len(u)) != p.bytes(int64(n)) {
		return fmt.Errorf("n=%d: message of %d bytes, declared %d", n, len(u), p.bytes(int64(n)))
	}
	return p.sender.Extend(n, u, k)
}

// newCOTPair sets an implementation up.
type newCOTPair func(t *testing.T, delta prg.Block) cotPair

func TestSoftSpokenConforms(t *testing.T) {
	messageConformance(t, func(t *testing.T, delta prg.Block) messagePair {
		s, r := softSpoken(t, delta)
		return messagePair{s, r, cost.SoftSpokenBytes}
	})
}

func TestIKNPConforms(t *testing.T) {
	messageConformance(t, func(t *testing.T, delta prg.Block) messagePair {
		setup, msg1, err := ot.NewIKNPSetup([]byte(t.Name()), delta, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r, msg2, err := ot.NewIKNPReceiver([]byte(t.Name()), msg1, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		toReceiver, toSender := cost.IKNPSetupBytes()
		if int64(len(msg1)) != toReceiver || int64(len(msg2)) != toSender {
			t.Errorf("set-up of %d and %d bytes, declared %d and %d", len(msg1), len(msg2), toReceiver, toSender)
		}
		s, err := setup.Finish(msg2)
		if err != nil {
			t.Fatal(err)
		}
		return messagePair{s, r, cost.IKNPBytes}
	})
}

func TestIdealConforms(t *testing.T) {
	messageConformance(t, func(t *testing.T, delta prg.Block) messagePair {
		f := ideal.NewCOT(delta, prg.NewSeed())
		return messagePair{&f.Sender, &f.Receiver, func(int64) int64 { return 0 }}
	})
}

// softSpoken runs the set-up with real randomness.
func softSpoken(t testing.TB, delta prg.Block) (*ot.Sender, *ot.Receiver) {
	t.Helper()
	sid := []byte(t.Name())
	setup, msg1, err := ot.NewSenderSetup(sid, delta, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, msg2, err := ot.NewReceiver(sid, msg1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.Finish(msg2)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// conformance is what every implementation of COT extension passes.
func conformance(t *testing.T, newPair newCOTPair) {
	t.Run("values", func(t *testing.T) { conformValues(t, newPair) })
	t.Run("sequences", func(t *testing.T) { conformSequences(t, newPair) })
	t.Run("random", func(t *testing.T) { conformRandom(t, newPair) })
}

// messageConformance adds to it what every implementation of the interfaces passes.
func messageConformance(t *testing.T, newPair func(t *testing.T, delta prg.Block) messagePair) {
	conformance(t, func(t *testing.T, delta prg.Block) cotPair { return newPair(t, delta).cotPair() })
	t.Run("lengths", func(t *testing.T) { conformLengths(t, newPair(t, prg.Block{Lo: 3})) })
}

// batch is the outcome of one extension.
type batch struct {
	choice []uint64
	k, m   []prg.Block
}

// mustExtend makes n OTs with random choices and checks their values and the size of the message.
func (p cotPair) mustExtend(t testing.TB, n int) batch {
	t.Helper()
	b, err := p.tryExtend(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (p cotPair) tryExtend(n int) (b batch, err error) {
	// The last word keeps random bits beyond n, which must not matter.
	b = batch{make([]uint64, (n+63)/64), make([]prg.Block, n), make([]prg.Block, n)}
	prg.Words(prg.NewStream(prg.NewSeed()), b.choice)
	before := slices.Clone(b.choice)
	if err := p.extend(b.choice, b.k, b.m); err != nil {
		return b, err
	}
	if !slices.Equal(before, b.choice) {
		return b, fmt.Errorf("n=%d: the choice bits were changed", n)
	}
	return b, b.check(p.delta)
}

// check compares M with K ^ c*Delta.
func (b batch) check(delta prg.Block) error {
	for i := range b.m {
		c := b.choice[i/64] >> (i % 64) & 1
		want := b.k[i]
		if c == 1 {
			want = want.Xor(delta)
		}
		if b.m[i] != want {
			return fmt.Errorf("OT %d of %d: choice %d, M = %x, want %x", i, len(b.m), c, b.m[i], want)
		}
	}
	return nil
}

func conformValues(t *testing.T, newPair newCOTPair) {
	deltas := map[string]prg.Block{
		"zero":   {},
		"ones":   {Lo: ^uint64(0), Hi: ^uint64(0)},
		"lsb":    {Lo: 1},
		"top":    {Hi: 1 << 63},
		"random": prg.LoadBlock(func() []byte { s := prg.NewSeed(); return s[:] }()),
	}
	for name, delta := range deltas {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, delta)
			if p.delta != delta {
				t.Fatalf("Delta = %x, want %x", p.delta, delta)
			}
			// Around words, blocks of a stream, and the chunks and shares that an implementation cuts n into.
			for _, n := range []int{0, 1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193, 4095, 4096, 4097, 16383, 16384, 16385, 40001} {
				p.mustExtend(t, n)
			}
		})
	}
}

func conformSequences(t *testing.T, newPair newCOTPair) {
	p := newPair(t, prg.Block{Lo: 0x0123456789abcdef, Hi: 0xfedcba9876543210})
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(16000, 17000))
		for _, n := range rapid.SliceOfN(size, 1, 4).Draw(rt, "sizes") {
			if _, err := p.tryExtend(n); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// conformRandom wants K to look random to a coarse eye: no block twice in a session, and every column balanced.
func conformRandom(t *testing.T, newPair newCOTPair) {
	p := newPair(t, prg.Block{Lo: 1})
	var k []prg.Block
	for _, n := range []int{1, 5000, 64, 20000} {
		k = append(k, p.mustExtend(t, n).k...)
	}
	seen := make(map[prg.Block]bool, len(k))
	for i, b := range k {
		if seen[b] {
			t.Fatalf("K %d of the session, %x, was there before", i, b)
		}
		seen[b] = true
	}
	for c := range 128 {
		checkBalanced(t, fmt.Sprintf("column %d of K", c), len(k), func(i int) uint64 { return k[i].Bit(c) })
	}
}

// checkBalanced wants the ones among n fair bits within 7 standard deviations of n/2; honest bits fail once in 10^11 times.
func checkBalanced(t *testing.T, what string, n int, bit func(i int) uint64) {
	t.Helper()
	ones := 0
	for i := range n {
		ones += int(bit(i))
	}
	// The deviation is sqrt(n)/2, so 7 of them squared are 49 n/4.
	if d := ones - n/2; 4*d*d > 49*n {
		t.Errorf("%s: %d ones among %d bits", what, ones, n)
	}
}

func conformLengths(t *testing.T, p messagePair) {
	blocks, choice := make([]prg.Block, 200), make([]uint64, 4)
	receiver := map[string]func() error{
		"negative n":        func() error { _, err := p.receiver.Extend(nil, -1, nil); return err },
		"few blocks":        func() error { _, err := p.receiver.Extend(choice[:2], 100, blocks[:99]); return err },
		"many blocks":       func() error { _, err := p.receiver.Extend(choice[:2], 100, blocks[:101]); return err },
		"few choice words":  func() error { _, err := p.receiver.Extend(choice[:1], 100, blocks[:100]); return err },
		"many choice words": func() error { _, err := p.receiver.Extend(choice[:3], 100, blocks[:100]); return err },
	}
	u := make([]byte, p.bytes(100))
	sender := map[string]func() error{
		"negative n":  func() error { return p.sender.Extend(-1, nil, nil) },
		"few blocks":  func() error { return p.sender.Extend(100, u, blocks[:99]) },
		"many blocks": func() error { return p.sender.Extend(100, u, blocks[:101]) },
		"long u":      func() error { return p.sender.Extend(100, append(u, 0), blocks[:100]) },
	}
	if len(u) > 0 {
		sender["short u"] = func() error { return p.sender.Extend(100, u[:len(u)-1], blocks[:100]) }
		sender["no u"] = func() error { return p.sender.Extend(100, nil, blocks[:100]) }
	}
	for _, cases := range []map[string]func() error{receiver, sender} {
		for name, try := range cases {
			if try() == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
	p.cotPair().mustExtend(t, 100) // refusals have left both in step
}
