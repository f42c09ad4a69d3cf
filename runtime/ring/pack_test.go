package ring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// naivePack follows Pack's comment bit by bit.
func naivePack[W Word](src []W, width int) []byte {
	dst := make([]byte, (len(src)*width+7)/8)
	for i, v := range src {
		for j := range width {
			p := i*width + j
			dst[p/8] |= byte(v>>j&1) << (p % 8)
		}
	}
	return dst
}

func low[W Word](v W, width int) W { return v & (^W(0) >> (Width[W]() - width)) }

func testPack[W Word](t *rapid.T, n int) {
	width := rapid.IntRange(1, Width[W]()).Draw(t, "width")
	src := drawWords[W](t, "src", n)
	dst := bytes.Repeat([]byte{0xa5}, PackedLen(n, width))
	Pack(dst, src, width)
	if want := naivePack(src, width); !bytes.Equal(dst, want) {
		t.Fatalf("%d x %d bits: %x, want %x", n, width, dst, want)
	}
	if spare := len(dst)*8 - n*width; spare > 0 {
		dst[len(dst)-1] |= 0xff << (8 - spare) // ignored
	}
	back := random[W](6, n)
	Unpack(back, dst, width)
	for i, v := range src {
		if back[i] != low(v, width) {
			t.Fatalf("element %d of %d, %d bits: %x, want %x", i, n, width, back[i], low(v, width))
		}
	}
}

func TestPackAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 140).Draw(t, "n")
		testPack[uint32](t, n)
		testPack[uint64](t, n)
	})
}

func testPackAcrossCores[W Word](t *testing.T) {
	for _, n := range lengths {
		for _, width := range []int{1, 7, 31, Width[W]() - 1, Width[W]()} {
			src := random[W](1, n)
			dst := make([]byte, PackedLen(n, width))
			Pack(dst, src, width)
			if !bytes.Equal(dst, naivePack(src, width)) {
				t.Fatalf("%d x %d bits: packed otherwise than bit by bit", n, width)
			}
			back := make([]W, n)
			Unpack(back, dst, width)
			for i, v := range src {
				if back[i] != low(v, width) {
					t.Fatalf("element %d of %d, %d bits: %x, want %x", i, n, width, back[i], low(v, width))
				}
			}
		}
	}
}

func TestPackAcrossCores(t *testing.T) {
	t.Run("32", testPackAcrossCores[uint32])
	t.Run("64", testPackAcrossCores[uint64])
}

// TestPackGolden pins the wire format: both parties must pack alike, across versions too.
func TestPackGolden(t *testing.T) {
	h := sha256.New()
	for width := 1; width <= 64; width++ {
		src := make([]uint64, 65)
		for i := range src {
			src[i] = uint64(i+1) * 0x9e3779b97f4a7c15
		}
		dst := make([]byte, PackedLen(len(src), width))
		Pack(dst, src, width)
		h.Write(dst)
	}
	const want = "1c918a833babb7bcd66aa9acc328e7cfed5c2e0605e6759ca6d71ebde42c7ed7"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("hash of packed bytes %s, want %s", got, want)
	}
}

func testPlanes[W Word](t *rapid.T, n int) {
	width := rapid.IntRange(1, Width[W]()).Draw(t, "width")
	src := drawWords[W](t, "src", n)
	planes := random[uint64](7, PlaneWords(n, width))
	Planes(planes, src, width)
	instance := NewBits(n * width)
	InstanceBits(instance, src, width)
	for j := range width {
		plane := Plane(planes, n, j)
		clean(t, "plane", plane)
		for i, v := range src {
			if want := uint64(v >> j & 1); plane.Get(i) != want || instance.Get(i*width+j) != want {
				t.Fatalf("bit %d of element %d: %d in the plane, %d in the instance, want %d", j, i, plane.Get(i),
					instance.Get(i*width+j), want)
			}
		}
	}
	fromPlanes, fromInstance := random[W](8, n), random[W](9, n)
	FromPlanes(fromPlanes, planes, width)
	FromInstanceBits(fromInstance, instance, width)
	for i, v := range src {
		if want := low(v, width); fromPlanes[i] != want || fromInstance[i] != want {
			t.Fatalf("element %d: %x and %x, want %x", i, fromPlanes[i], fromInstance[i], want)
		}
	}
}

func testBlockBits[W Word](t *rapid.T, instances int) {
	width, each := rapid.IntRange(1, Width[W]()).Draw(t, "width"), rapid.IntRange(1, 3).Draw(t, "each")
	src := drawWords[W](t, "src", instances*each)
	got := NewBits(len(src) * width)
	BlockBits(got, src, each, width)
	clean(t, "bits", got)
	for k, v := range src {
		i, e := k/each, k%each
		b := i / 64 * 64
		n := min(64, instances-b)
		for j := range width {
			if at := (b*each+e*n)*width + j*n + i - b; got.Get(at) != uint64(v>>j&1) {
				t.Fatalf("bit %d of element %d of instance %d of %d is not at %d", j, e, i, instances, at)
			}
		}
	}
}

func TestPlanesAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		testPlanes[uint32](t, n)
		testPlanes[uint64](t, n)
		testBlockBits[uint32](t, n)
		testBlockBits[uint64](t, n)
	})
}

func TestPlanesAcrossCores(t *testing.T) {
	n := 3*grain + 77
	src, planes, back := random[uint64](1, n), make([]uint64, PlaneWords(n, 64)), make([]uint64, n)
	Planes(planes, src, 64)
	FromPlanes(back, planes, 64)
	for i, v := range src {
		if back[i] != v {
			t.Fatalf("element %d: %x, want %x", i, back[i], v)
		}
	}
}
