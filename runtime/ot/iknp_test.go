package ot

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"sotto/runtime/prg"
)

// deterministicTestIKNP makes both ends of an extension from streams of fixed seeds: for tests of what travels.
func deterministicTestIKNP(t testing.TB, delta prg.Block) (*IKNPSender, *IKNPReceiver, []byte) {
	t.Helper()
	setup, msg1, err := NewIKNPSetup([]byte("test"), delta, prg.NewStream(prg.Seed{1}))
	if err != nil {
		t.Fatal(err)
	}
	r, msg2, err := NewIKNPReceiver([]byte("test"), msg1, prg.NewStream(prg.Seed{2}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.Finish(msg2)
	if err != nil {
		t.Fatal(err)
	}
	return s, r, append(slices.Clone(msg1), msg2...)
}

func TestIKNPRefusals(t *testing.T) {
	setup, msg1, err := NewIKNPSetup([]byte("sid"), prg.Block{Lo: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := setup.Finish(make([]byte, pointBytes)); err == nil {
		t.Error("finished with the identity")
	}
	if _, _, err := NewIKNPReceiver([]byte("sid"), msg1[1:], rand.Reader); err == nil {
		t.Error("took a set-up message that is a byte short")
	}
}

// TestIKNPGoldenWireBytes holds what travels, of a set-up and of batches, to what it was.
func TestIKNPGoldenWireBytes(t *testing.T) {
	s, r, wire := deterministicTestIKNP(t, prg.Block{Lo: 0x0123456789abcdef, Hi: 0xfedcba9876543210})
	for _, n := range []int{1, 64, 100, 70000} {
		m, choice := make([]prg.Block, n), make([]uint64, (n+63)/64)
		prg.Words(prg.NewStream(prg.Seed{3}), choice)
		u, err := r.Extend(choice, n, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Extend(n, u, make([]prg.Block, n)); err != nil {
			t.Fatal(err)
		}
		wire = append(wire, u...)
	}
	sum := sha256.Sum256(wire)
	const want = "542e3ac40eec43dcaec864b106e2819824d91f302b78df57ccc07a50d55ff4ea"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("wire bytes hash to %s, want %s", got, want)
	}
}

func BenchmarkIKNPReceiver(b *testing.B) {
	_, r, _ := deterministicTestIKNP(b, prg.Block{Lo: 1})
	choice := make([]uint64, benchmarkOTs/64)
	benchmarkIKNP(b, func(m []prg.Block) error {
		_, err := r.Extend(choice, len(m), m)
		return err
	})
}

func BenchmarkIKNPSender(b *testing.B) {
	s, _, _ := deterministicTestIKNP(b, prg.Block{Lo: 1})
	u := make([]byte, s.MessageBytes(benchmarkOTs))
	benchmarkIKNP(b, func(k []prg.Block) error { return s.Extend(len(k), u, k) })
}

// benchmarkOTs are extended in one call.
const benchmarkOTs = 1 << 20

func benchmarkIKNP(b *testing.B, extend func([]prg.Block) error) {
	blocks := make([]prg.Block, benchmarkOTs)
	for b.Loop() {
		if err := extend(blocks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchmarkOTs/b.Elapsed().Seconds()/1e6, "MCOT/s")
}
