package ot_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// smallestFerret is the set with the least to set up.
func smallestFerret() cost.FerretSet {
	sets := cost.FerretSets()
	return sets[len(sets)-1]
}

// ferretPair is both ends of a silent extension and the OTs made by them.
type ferretPair struct {
	set  cost.FerretSet
	s    *ot.FerretSender
	r    *ot.FerretReceiver
	made int64
}

// newFerretPair starts from a base that another extension makes, with real randomness.
func newFerretPair(t testing.TB, set cost.FerretSet, base cotPair) *ferretPair {
	t.Helper()
	b := base.mustExtend(t, int(set.Base()))
	seed := prg.NewSeed()
	s, err := ot.NewFerretSender(set, seed, base.delta, b.k, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ot.NewFerretReceiver(set, seed, b.choice, b.m)
	if err != nil {
		t.Fatal(err)
	}
	return &ferretPair{set: set, s: s, r: r}
}

// softSpokenPair is the extension under the first base.
func softSpokenPair(t testing.TB, delta prg.Block) cotPair {
	s, r := softSpoken(t, delta)
	return messagePair{s, r, cost.SoftSpokenBytes}.cotPair()
}

func (p *ferretPair) cotPair() cotPair { return cotPair{p.s.Delta(), p.choose} }

// choose makes OTs of chosen choices.
func (p *ferretPair) choose(choice []uint64, k, m []prg.Block) error {
	d, err := p.r.Choose(choice, len(m))
	if err != nil {
		return err
	}
	if err := p.move(k, m, len(d)); err != nil {
		return err
	}
	return p.s.Choose(d, k)
}

// draw makes OTs of random choices, which it puts into choice.
func (p *ferretPair) draw(choice []uint64, k, m []prg.Block) error {
	if err := p.r.Draw(choice, len(m)); err != nil {
		return err
	}
	_, toSender := cost.FerretBytes(p.set, p.made, int64(len(k)))
	return p.move(k, m, int(toSender)) // what a choice would have sent
}

// move gives both ends their blocks and compares the bytes sent with those declared.
func (p *ferretPair) move(k, m []prg.Block, toSender int) error {
	msg := p.s.Extend(k)
	wantReceiver, wantSender := cost.FerretBytes(p.set, p.made, int64(len(k)))
	if int64(len(msg)) != wantReceiver || int64(toSender) != wantSender {
		return fmt.Errorf("OTs %d to %d: sent %d and %d bytes, declared %d and %d",
			p.made, p.made+int64(len(k)), len(msg), toSender, wantReceiver, wantSender)
	}
	p.made += int64(len(k))
	return p.r.Extend(msg, m)
}

func TestFerretConforms(t *testing.T) {
	conformance(t, func(t *testing.T, delta prg.Block) cotPair {
		return newFerretPair(t, smallestFerret(), softSpokenPair(t, delta)).cotPair()
	})
}

// TestFerretFeedsItself goes beyond the first extension of every set, each set starting from the one below it, and beyond the
// third of the smallest.
func TestFerretFeedsItself(t *testing.T) {
	pair := softSpokenPair(t, prg.Block{Lo: 0x0123456789abcdef, Hi: 0xfedcba9876543210})
	extensions := int64(3)
	for _, set := range slices.Backward(cost.FerretSets()) {
		p := newFerretPair(t, set, pair)
		pair = p.cotPair()
		const piece = 1 << 20
		for left := extensions*set.Usable() + 70000; left > 0; left -= piece {
			pair.mustExtend(t, int(min(left, piece)))
		}
		if testing.Short() {
			return
		}
		extensions = 1
	}
}

// TestFerretRandomChoices: the choices drawn are those of the blocks, balanced, and nothing is left beyond the last.
func TestFerretRandomChoices(t *testing.T) {
	p := newFerretPair(t, smallestFerret(), softSpokenPair(t, prg.Block{Lo: 1, Hi: 1 << 63}))
	const n = 300_001
	b := batch{make([]uint64, ring.BitWords(n)), make([]prg.Block, n), make([]prg.Block, n)}
	if err := p.draw(b.choice, b.k, b.m); err != nil {
		t.Fatal(err)
	}
	if err := b.check(p.s.Delta()); err != nil {
		t.Fatal(err)
	}
	if last := b.choice[len(b.choice)-1]; last>>(n%64) != 0 {
		t.Errorf("the last word of the choices is %x", last)
	}
	checkBalanced(t, "choices", n, func(i int) uint64 { return b.choice[i/64] >> (i % 64) & 1 })
	for lag := 1; lag <= 64; lag++ {
		checkBalanced(t, fmt.Sprintf("choices against those %d on", lag), n-lag, func(i int) uint64 {
			return (b.choice[i/64]>>(i%64) ^ b.choice[(i+lag)/64]>>((i+lag)%64)) & 1
		})
	}
}

// TestFerretHidesTheChoices: the receiver's message is balanced whatever the choices.
func TestFerretHidesTheChoices(t *testing.T) {
	p := newFerretPair(t, smallestFerret(), softSpokenPair(t, prg.Block{Lo: 1}))
	const n = 64 * 3000
	for name, word := range map[string]uint64{"zeros": 0, "ones": ^uint64(0)} {
		choice := make([]uint64, n/64)
		for i := range choice {
			choice[i] = word
		}
		d, err := p.r.Choose(choice, n)
		if err != nil {
			t.Fatal(err)
		}
		checkBalanced(t, name, n, func(i int) uint64 { return uint64(d[i/8]>>(i%8)) & 1 })
	}
}

// TestFerretOverAConnection runs the two ends as two parties, the messages of a batch crossing.
func TestFerretOverAConnection(t *testing.T) {
	p := newFerretPair(t, smallestFerret(), softSpokenPair(t, prg.Block{Lo: 77}))
	sender, receiver := wiretest.Pair(t, wire.Options{})
	const n, batches = 100_000, 9 // more than one extension
	k, m := make([]prg.Block, n*batches), make([]prg.Block, n*batches)
	choice := make([]uint64, n/32*batches)
	prg.Words(prg.NewStream(prg.NewSeed()), choice)
	done := make(chan error, 1)
	go func() { done <- sendOverConnection(p.s, sender, k, n) }()
	for i := range batches {
		if err := receiveOverConnection(p, receiver, int64(i*n), choice[i*n/32:][:ring.BitWords(n)], m[i*n:][:n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i := range batches {
		b := batch{choice[i*n/32:], k[i*n:][:n], m[i*n:][:n]}
		if err := b.check(p.s.Delta()); err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	var toReceiver, toSender int64
	for i := range int64(batches) {
		down, up := cost.FerretBytes(p.set, i*n, n)
		toReceiver, toSender = toReceiver+cost.FrameBytes(down), toSender+cost.FrameBytes(up)
	}
	if c := sender.PhaseCounts(0); c.Sent() != toReceiver || c.Received() != toSender {
		t.Errorf("the connection counted %d and %d bytes, declared %d and %d", c.Sent(), c.Received(), toReceiver, toSender)
	}
	if got := sender.Rounds(0); got != batches*cost.FerretRounds {
		t.Errorf("%d rounds, declared %d", got, batches*cost.FerretRounds)
	}
}

// sendOverConnection is the sender's part, n OTs a batch.
func sendOverConnection(s *ot.FerretSender, c *wire.Conn, k []prg.Block, n int) error {
	d := make([]byte, (n+7)/8)
	for ; len(k) > 0; k = k[n:] {
		if err := c.Exchange(s.Extend(k[:n]), d); err != nil {
			return err
		}
		if err := s.Choose(d, k[:n]); err != nil {
			return err
		}
	}
	return nil
}

// receiveOverConnection is the receiver's part of the batch that begins with the OT numbered first.
func receiveOverConnection(p *ferretPair, c *wire.Conn, first int64, choice []uint64, m []prg.Block) error {
	d, err := p.r.Choose(choice, len(m))
	if err != nil {
		return err
	}
	size, _ := cost.FerretBytes(p.set, first, int64(len(m)))
	msg := make([]byte, size)
	if err := c.Exchange(d, msg); err != nil {
		return err
	}
	return p.r.Extend(msg, m)
}

// BenchmarkFerret measures both parties at once, over a socket, with random choices and in batches of 2^18.
func BenchmarkFerret(b *testing.B) {
	const n = 1 << 18
	for _, set := range cost.FerretSets() {
		b.Run(fmt.Sprintf("depth%d", set.Depth), func(b *testing.B) {
			base := softSpokenPair(b, prg.Block{Lo: 1})
			p := newFerretPair(b, set, base)
			sender, receiver := wiretest.Pair(b, wire.Options{})
			k, m, choice := make([]prg.Block, n), make([]prg.Block, n), make([]uint64, n/64)
			done := make(chan error, 1)
			b.ResetTimer()
			go func() {
				var err error
				for i := 0; i < b.N && err == nil; i++ {
					err = sender.Send(p.s.Extend(k))
				}
				done <- err
			}()
			for i := range b.N {
				if err := p.r.Draw(choice, n); err != nil {
					b.Fatal(err)
				}
				size, _ := cost.FerretBytes(set, int64(i*n), n)
				msg := make([]byte, size)
				if err := receiver.ReadFull(msg); err != nil {
					b.Fatal(err)
				}
				if err := p.r.Extend(msg, m); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			total, _ := cost.FerretBytes(set, 0, int64(b.N*n))
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "MCOT/s")
			b.ReportMetric(float64(total)/float64(b.N*n), "B/COT")
		})
	}
}
