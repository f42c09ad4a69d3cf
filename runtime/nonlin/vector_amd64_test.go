package nonlin

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// TestVectorsAreTheSteps: kernels give what the loops in Go give, bit by bit, at any length.
func TestVectorsAreTheSteps(t *testing.T) {
	if !hasVectors {
		t.Skip("this machine has no kernels")
	}
	defer func() { hasVectors = true }()
	rapid.Check(t, func(t *rapid.T) {
		compareVectors[uint32](t)
		compareVectors[uint64](t)
	})
}

func compareVectors[W ring.Word](t *rapid.T) {
	n := rapid.IntRange(1, 300).Draw(t, "n")
	step := Trunc[W]{F: rapid.IntRange(1, ring.Width[W]()-2).Draw(t, "f"), Party: cost.Party(rapid.IntRange(0, 1).Draw(t, "party"))}
	vector := func(name string) []W {
		return rapid.Custom(func(t *rapid.T) []W {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) W { return W(rapid.Uint64().Draw(t, "element")) }), n, n).Draw(t, "elements")
		}).Draw(t, name)
	}
	bits := func(name string) ring.Bits {
		return ring.WrapBits(rapid.SliceOfN(rapid.Uint64(), ring.BitWords(n), ring.BitWords(n)).Draw(t, name), n)
	}
	x, q, v, p0, p1, e, c, d := vector("x"), vector("q"), vector("v"), vector("p0"), vector("p1"), bits("e"), bits("c"), bits("d")
	all := func() (out [][]W, choice []uint64) {
		for range 12 {
			out = append(out, make([]W, n))
		}
		b := ring.NewBits(n)
		step.Choose(b, x, c)
		step.Correlate(out[0], x, p0, p1)
		step.Receive(out[1], x, e, c, q, v)
		step.Send(out[2], x, e, p0)
		SquareMaskedClient(out[3], x, q, v)
		SquareMaskedServer(out[4], x, q)
		QuadraticBlind(out[5], x, q, PerChannel(p0[:1], len(x)), step.F/2)
		QuadraticClient(out[6], x, q, v, step.F/2)
		QuadraticServer(out[7], x, q, PerChannel(p0[:1], len(x)), step.F/2)
		rounded := Rounded[W]{F: step.F, K: step.F / 2}
		rounded.Share(out[8], x, step.Party)
		rounded.Correlate(out[9], x, q, p0, p1, PerChannel(v[:1], len(x)))
		rounded.Client(out[10], x, q, v, p0, p1, e, c, d)
		rounded.Server(out[11], x, q, v, p0, e, c, PerChannel(p1[:1], len(x)))
		return out, b.Words()
	}
	hasVectors = true
	fast, fastChoice := all()
	hasVectors = false
	slow, slowChoice := all()
	for i, name := range []string{"correlate", "receive", "send", "square at the client", "square at the server", "quadratic blinded", "quadratic at the client", "quadratic at the server",
		"share of a rounded", "correlation of a rounded", "rounded at the client", "rounded at the server"} {
		if !slices.Equal(fast[i], slow[i]) {
			t.Fatalf("%s of %d elements by f = %d: kernels give %x, Go gives %x", name, n, step.F, fast[i], slow[i])
		}
	}
	if !slices.Equal(fastChoice, slowChoice) {
		t.Fatalf("choice of %d elements: kernels give %x, Go gives %x", n, fastChoice, slowChoice)
	}
}
