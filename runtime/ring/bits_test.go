package ring

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// bitsOf returns the low bit of each element as a bit vector, set one by one.
func bitsOf(v []uint64) Bits {
	b := NewBits(len(v))
	for i, x := range v {
		b.Set(i, x)
	}
	return b
}

// clean fails if a bit beyond the length is set.
func clean(t *rapid.T, name string, b Bits) {
	if used := b.Len() % 64; used != 0 && b.Words()[len(b.Words())-1]>>used != 0 {
		t.Fatalf("%s: unused bits are %x", name, b.Words()[len(b.Words())-1]>>used)
	}
}

func TestBitsLogic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		x, y := drawWords[uint64](t, "x", n), drawWords[uint64](t, "y", n)
		a, b := bitsOf(x), bitsOf(y)
		xor, and, not := NewBits(n), NewBits(n), NewBits(n)
		Xor(xor, a, b)
		And(and, a, b)
		Not(not, a)
		clean(t, "not", not)
		for i := range n {
			p, q := x[i]&1, y[i]&1
			if a.Get(i) != p || xor.Get(i) != p^q || and.Get(i) != p&q || not.Get(i) != 1-p {
				t.Fatalf("bit %d: get %d, xor %d, and %d, not %d of %d, %d", i, a.Get(i), xor.Get(i), and.Get(i),
					not.Get(i), p, q)
			}
		}
	})
}

func testBit[W Word](t *rapid.T, n int) {
	src := drawWords[W](t, "src", n)
	k := rapid.IntRange(0, Width[W]()-1).Draw(t, "k")
	b, msb := NewBits(n), NewBits(n)
	Bit(b, src, k)
	Msb(msb, src)
	clean(t, "bit", b)
	dst := random[W](5, n)
	Expand(dst, b)
	for i, v := range src {
		if want := uint64(v >> k & 1); b.Get(i) != want || uint64(dst[i]) != want {
			t.Fatalf("bit %d of element %d: %d, expanded %d, want %d", k, i, b.Get(i), dst[i], want)
		}
		if (Signed(v) < 0) != (msb.Get(i) == 1) {
			t.Fatalf("element %d is %d with msb %d", i, Signed(v), msb.Get(i))
		}
	}
}

func TestBitMsbExpand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		testBit[uint32](t, n)
		testBit[uint64](t, n)
	})
}

// TestBitAcrossCores compares the split path with the direct one.
func TestBitAcrossCores(t *testing.T) {
	for _, n := range lengths {
		src := random[uint32](1, n)
		b := NewBits(n)
		Msb(b, src)
		back := make([]uint32, n)
		Expand(back, b)
		for i, v := range src {
			if back[i] != v>>31 {
				t.Fatalf("element %d of %d: %d, want %d", i, n, back[i], v>>31)
			}
		}
	}
}

func TestBitsViews(t *testing.T) {
	words := []uint64{0x0807060504030201, ^uint64(0)}
	b := WrapBits(words, 68)
	if want := []byte{1, 2, 3, 4, 5, 6, 7, 8, 0x0f}; !bytes.Equal(b.Bytes(), want) {
		t.Errorf("bytes %x, want %x", b.Bytes(), want)
	}
	s := b.Slice(64, 68)
	s.Set(1, 0)
	if s.Len() != 4 || words[1] != 0xd {
		t.Errorf("slice of %d bits, last word %x", s.Len(), words[1])
	}
	dst := make([]byte, 9)
	PackBits(dst, b)
	dst[8] |= 0xf0 // what a peer may put beyond the length
	c := NewBits(68)
	UnpackBits(c, dst)
	if c.Words()[0] != words[0] || c.Words()[1] != 0xd {
		t.Errorf("unpacked %x", c.Words())
	}
	if NewBits(0).Len() != 0 || len(NewBits(0).Bytes()) != 0 {
		t.Error("no bits")
	}
}
