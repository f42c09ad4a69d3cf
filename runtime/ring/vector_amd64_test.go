package ring

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestVectorsAreTheLoops: kernels give what the loops in Go give, bit by bit, at any length and width.
func TestVectorsAreTheLoops(t *testing.T) {
	if !hasVectors {
		t.Skip("this machine has no kernels")
	}
	had := hasPacking
	defer func() { hasVectors, hasPacking = true, had }()
	rapid.Check(t, func(t *rapid.T) {
		compareLoops[uint32](t, had)
		compareLoops[uint64](t, had)
	})
}

func compareLoops[W Word](t *rapid.T, packing bool) {
	n, width := rapid.IntRange(0, 300).Draw(t, "n"), rapid.IntRange(1, Width[W]()).Draw(t, "width")
	a, b, c := drawWords[W](t, "a", n), drawWords[W](t, "b", n), W(rapid.Uint64().Draw(t, "c"))
	all := func() (out [][]W, packed []byte) {
		for range 5 {
			out = append(out, make([]W, n))
		}
		Add(out[0], a, b)
		Sub(out[1], a, b)
		AddConst(out[2], a, c)
		MulConst(out[3], a, c)
		packed = make([]byte, PackedLen(n, width))
		Pack(packed, a, width)
		Unpack(out[4], packed, width)
		return out, packed
	}
	hasVectors, hasPacking = true, packing
	fast, fastPacked := all()
	hasVectors, hasPacking = false, false
	slow, slowPacked := all()
	for i, name := range []string{"add", "sub", "add a constant", "multiply by a constant", "unpack"} {
		if !slices.Equal(fast[i], slow[i]) {
			t.Fatalf("%s, %d elements, width %d: kernels give %x, Go gives %x", name, n, width, fast[i], slow[i])
		}
	}
	if !bytes.Equal(fastPacked, slowPacked) {
		t.Fatalf("pack %d elements of %d bits: kernels give %x, Go gives %x", n, width, fastPacked, slowPacked)
	}
}
