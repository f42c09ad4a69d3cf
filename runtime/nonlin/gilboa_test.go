package nonlin

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// idealPads are the pads of n random OTs and the ones chosen.
func idealPads[W ring.Word](choice []uint64, n int) (p0, p1, q []W) {
	p0, p1, q = make([]W, n), make([]W, n), make([]W, n)
	s := prg.NewStream(prg.NewSeed())
	prg.Words(s, p0)
	prg.Words(s, p1)
	for i := range q {
		q[i] = p0[i]
		if choice[i/64]>>(i%64)&1 == 1 {
			q[i] = p1[i]
		}
	}
	return p0, p1, q
}

func gilboa[W ring.Word](x, b []W) (correlating, choosing []W, err error) {
	n, l := len(x), ring.Width[W]()
	choice := make([]uint64, ring.PlaneWords(n, l))
	GilboaChoices(choice, b)
	if int64(64*len(choice)) != cost.GilboaOTs(int64(n), l) {
		return nil, nil, fmt.Errorf("%d OTs, declared %d", 64*len(choice), cost.GilboaOTs(int64(n), l))
	}
	p0, p1, q := idealPads[W](choice, 64*len(choice))
	correlating, choosing = make([]W, n), make([]W, n)
	msg := make([]byte, cost.GilboaBytes(int64(n), l))
	GilboaCorrelate(msg, correlating, x, p0, p1)
	GilboaChoose(choosing, q)
	GilboaReceive(choosing, b, msg)
	back := make([]W, n)
	GilboaFactors(back, choice)
	for i := range back {
		if back[i] != b[i] {
			return nil, nil, fmt.Errorf("factor %d reads back as %#x, is %#x", i, back[i], b[i])
		}
	}
	return correlating, choosing, nil
}

func checkGilboa[W ring.Word](t *rapid.T) {
	word := rapid.Custom(func(t *rapid.T) W { return W(rapid.Uint64().Draw(t, "x")) })
	n := rapid.SampledFrom([]int{1, 2, 63, 64, 65, 130, grain + 3}).Draw(t, "n")
	x, b := make([]W, n), make([]W, n)
	prg.Words(prg.NewStream(prg.NewSeed()), x)
	prg.Words(prg.NewStream(prg.NewSeed()), b)
	x[0], b[0] = word.Draw(t, "x0"), word.Draw(t, "b0")
	u, v, err := gilboa(x, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if u[i]+v[i] != x[i]*b[i] {
			t.Fatalf("element %d of %d: %#x + %#x, want %#x * %#x", i, n, u[i], v[i], x[i], b[i])
		}
	}
}

func TestGilboaMultiplies(t *testing.T) {
	t.Run("32", rapid.MakeCheck(checkGilboa[uint32]))
	t.Run("64", rapid.MakeCheck(checkGilboa[uint64]))
}

// TestGilboaMessageIsUnderThePads: with fresh pads the message of one and the same product never repeats.
func TestGilboaMessageIsUnderThePads(t *testing.T) {
	x, b := make([]uint32, 64), make([]uint32, 64)
	seen := map[string]bool{}
	choice := make([]uint64, 32)
	GilboaChoices(choice, b)
	for range 8 {
		p0, p1, _ := idealPads[uint32](choice, 64*len(choice))
		msg, share := make([]byte, cost.GilboaBytes(64, 32)), make([]uint32, 64)
		GilboaCorrelate(msg, share, x, p0, p1)
		if seen[string(msg)] {
			t.Fatal("two runs send the same message")
		}
		seen[string(msg)] = true
	}
}
