package prg

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var deterministicTestSeed = Seed{0: 1, 15: 0xfe}

func drawBlock(t *rapid.T) Block {
	return Block{rapid.Uint64().Draw(t, "lo"), rapid.Uint64().Draw(t, "hi")}
}

func TestBlockOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawBlock(t), drawBlock(t)
		if got := a.Xor(b).Xor(b); got != a {
			t.Fatalf("a^b^b = %x, want %x", got, a)
		}
		if got := a.And(b).Xor(a.Xor(b)); got != (Block{a.Lo | b.Lo, a.Hi | b.Hi}) {
			t.Fatalf("(a&b)^a^b = %x, want a|b", got)
		}
		// Only bit 0 of a mask bit counts: the bits above it are noise.
		noise := rapid.Uint64().Draw(t, "noise") &^ 1
		if a.MaskIf(noise) != (Block{}) || a.MaskIf(noise|1) != a {
			t.Fatalf("MaskIf selects wrongly with %x above bit 0", noise)
		}
		if x, y := Swap(noise, a, b); x != a || y != b {
			t.Fatal("Swap by 0 swapped")
		}
		if x, y := Swap(noise|1, a, b); x != b || y != a {
			t.Fatal("Swap by 1 did not swap")
		}
		var back Block
		for i := range 128 {
			back = back.Xor(oneBit(i).MaskIf(a.Bit(i)))
		}
		if back != a || a.Bit(0) != a.Lsb() {
			t.Fatalf("bits of %x give %x", a, back)
		}
	})
}

func oneBit(i int) Block {
	if i < 64 {
		return Block{Lo: 1 << i}
	}
	return Block{Hi: 1 << (i - 64)}
}

func TestWireFormIsLittleEndianLowHalfFirst(t *testing.T) {
	b := []Block{{0x0706050403020100, 0x0f0e0d0c0b0a0908}, {0x1716151413121110, 0x1f1e1d1c1b1a1918}}
	want := make([]byte, 32)
	for i := range want {
		want[i] = byte(i)
	}
	if got := Bytes(b); !bytes.Equal(got, want) {
		t.Errorf("Bytes = %x, want %x", got, want)
	}
	loaded := make([]Block, 2)
	Load(loaded, want)
	if !slices.Equal(loaded, b) {
		t.Errorf("Load = %x, want %x", loaded, b)
	}
	if got := LoadBlock(want[16:]); got != b[1] {
		t.Errorf("LoadBlock = %x, want %x", got, b[1])
	}
	if got := b[0].Seed(); !bytes.Equal(got[:], want[:16]) {
		t.Errorf("Seed = %x, want %x", got, want[:16])
	}
	if Bytes(nil) != nil && len(Bytes(nil)) != 0 {
		t.Error("Bytes of nothing is something")
	}
}

func TestSwapWords(t *testing.T) {
	v := []byte{0, 1, 2, 3, 4, 5, 6, 7}
	swapWords(v, 8)
	if want := []byte{7, 6, 5, 4, 3, 2, 1, 0}; !bytes.Equal(v, want) {
		t.Errorf("words of 8: %x, want %x", v, want)
	}
	swapWords(v, 4)
	if want := []byte{4, 5, 6, 7, 0, 1, 2, 3}; !bytes.Equal(v, want) {
		t.Errorf("then words of 4: %x, want %x", v, want)
	}
}

// counterMode is the definition of the stream, block by block.
func counterMode(t testing.TB, seed Seed, blocks int) []byte {
	c, err := aes.NewCipher(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 16*blocks)
	for i := range blocks {
		b := out[16*i : 16*(i+1)]
		binary.BigEndian.PutUint64(b[8:], uint64(i))
		c.Encrypt(b, b)
	}
	return out
}

func TestStreamIsCounterModeHoweverItIsRead(t *testing.T) {
	const blocks = 64
	want := counterMode(t, deterministicTestSeed, blocks)
	rapid.Check(t, func(rt *rapid.T) {
		s := NewStream(deterministicTestSeed)
		var got []byte
		for len(got) < 16*blocks {
			n := min(rapid.IntRange(0, 8).Draw(rt, "n"), (16*blocks-len(got))/16)
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				v := make([]Block, n)
				s.Blocks(v)
				got = append(got, Bytes(v)...)
			case 1:
				v := make([]uint64, n)
				Words(s, v)
				for _, w := range v {
					got = binary.LittleEndian.AppendUint64(got, w)
				}
			case 2:
				v := make([]uint32, n)
				Words(s, v)
				for _, w := range v {
					got = binary.LittleEndian.AppendUint32(got, w)
				}
			default:
				v := make([]byte, 1+rapid.IntRange(0, 15).Draw(rt, "bytes"))
				if _, err := io.ReadFull(s, v); err != nil {
					rt.Fatal(err)
				}
				got = append(got, v...)
			}
		}
		if !bytes.Equal(got[:16*blocks], want) {
			rt.Fatalf("stream read in parts differs from counter mode")
		}
	})
}

func TestSeek(t *testing.T) {
	want := counterMode(t, deterministicTestSeed, 20)
	s := NewStream(deterministicTestSeed)
	for _, block := range []int{7, 0, 19, 3} {
		s.Seek(uint64(block))
		got := make([]byte, 16)
		s.Read(got)
		if !bytes.Equal(got, want[16*block:16*block+16]) {
			t.Errorf("block %d: %x, want %x", block, got, want[16*block:16*block+16])
		}
	}
}

func TestNewSeedIsFresh(t *testing.T) {
	a, b := NewSeed(), NewSeed()
	if a == b || a == (Seed{}) {
		t.Errorf("seeds %x and %x", a, b)
	}
}

// TestPermutation checks pi against appendix C.1 of FIPS 197.
func TestPermutation(t *testing.T) {
	read := func(s string) Block {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return LoadBlock(b)
	}
	b := []Block{read("00112233445566778899aabbccddeeff")}
	NewHash(read("000102030405060708090a0b0c0d0e0f")).permute(b)
	if want := read("69c4e0d86a7b0430d8cdb78070b4c55a"); b[0] != want {
		t.Errorf("pi = %x, want %x", b[0], want)
	}
}

// tmmo is the definition of the hash.
func tmmo(t testing.TB, key, x Block, i Tweak) Block {
	seed := key.Seed()
	c, err := aes.NewCipher(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	pi := func(x Block) Block {
		b := x.Seed()
		c.Encrypt(b[:], b[:])
		return LoadBlock(b[:])
	}
	return pi(pi(x).Xor(Block{Lo: uint64(i)})).Xor(pi(x))
}

func TestHashIsTMMO(t *testing.T) {
	key := Block{3, 5}
	h := NewHash(key)
	s := NewStream(deterministicTestSeed)
	for _, n := range []int{0, 1, 2, hashBatch - 1, hashBatch, hashBatch + 1, 3*hashBatch + 5} {
		x, dst := make([]Block, n), make([]Block, n)
		s.Blocks(x)
		first := COTPad.First() + 12345
		h.Sum(dst, x, first)
		for j := range x {
			if want := tmmo(t, key, x[j], first+Tweak(j)); dst[j] != want {
				t.Fatalf("n=%d: Sum[%d] = %x, want %x", n, j, dst[j], want)
			}
			if got := h.Sum1(x[j], first+Tweak(j)); got != dst[j] {
				t.Fatalf("n=%d: Sum1[%d] = %x, want %x", n, j, got, dst[j])
			}
		}
		h.Sum(x, x, first)
		if !slices.Equal(x, dst) {
			t.Fatalf("n=%d: in place differs", n)
		}
	}
}

func TestHashDependsOnKeyInputAndTweak(t *testing.T) {
	h := NewHash(Block{3, 5})
	base := h.Sum1(Block{7, 9}, 1)
	others := map[string]Block{
		"key":    NewHash(Block{3, 4}).Sum1(Block{7, 9}, 1),
		"input":  h.Sum1(Block{7, 8}, 1),
		"tweak":  h.Sum1(Block{7, 9}, 2),
		"domain": h.Sum1(Block{7, 9}, COTPad.First()+1),
	}
	for what, other := range others {
		if other == base {
			t.Errorf("another %s gives the same hash", what)
		}
	}
}

func TestHashAllocatesNothing(t *testing.T) {
	h := NewHash(Block{1, 2})
	x := make([]Block, 1000)
	var sum Block
	if n := testing.AllocsPerRun(100, func() { h.Sum(x, x, 0); sum = sum.Xor(h.Sum1(x[0], 1)) }); n >= 1 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestHashIsSafeForConcurrentUse(t *testing.T) {
	h := NewHash(Block{1, 2})
	x := make([]Block, 500)
	want := make([]Block, len(x))
	h.Sum(want, x, 9)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := make([]Block, len(x))
			for range 20 {
				h.Sum(got, x, 9)
				if !slices.Equal(got, want) {
					t.Error("concurrent sums differ")
				}
			}
		})
	}
	wg.Wait()
}

func TestDomainsDoNotMeet(t *testing.T) {
	for d := Domain(0); d < domains; d++ {
		c := NewCounter(d)
		first, err := c.Take(1 << counterBits)
		if err != nil {
			t.Fatal(err)
		}
		last := first + (1<<counterBits - 1)
		if first>>counterBits != Tweak(d) || last>>counterBits != Tweak(d) {
			t.Errorf("%v: tweaks %x to %x leave the domain", d, first, last)
		}
		if _, err := c.Take(1); err == nil {
			t.Errorf("%v: a tweak beyond the last was given", d)
		}
	}
}

func TestCounterGivesEachTweakOnce(t *testing.T) {
	c := NewCounter(Garbling)
	next := Garbling.First()
	for _, n := range []uint64{5, 0, 1, 1 << 40} {
		first, err := c.Take(n)
		if err != nil || first != next {
			t.Fatalf("Take(%d) = %d, %v; want %d", n, first, err, next)
		}
		next += Tweak(n)
	}
	if _, err := c.Take(1 << counterBits); err == nil {
		t.Error("more tweaks than are left were given")
	}
	if first, err := c.Take(1); err != nil || first != next {
		t.Errorf("after a refusal Take(1) = %d, %v; want %d", first, err, next)
	}
}

func BenchmarkStream(b *testing.B) {
	s := NewStream(deterministicTestSeed)
	v := make([]uint64, 256)
	b.SetBytes(int64(8 * len(v)))
	for b.Loop() {
		Words(s, v)
	}
}

func BenchmarkHash(b *testing.B) {
	h := NewHash(Block{1, 2})
	x := make([]Block, 4096)
	for b.Loop() {
		h.Sum(x, x, 0)
	}
	b.ReportMetric(float64(b.N)*float64(len(x))/b.Elapsed().Seconds()/1e6, "Mhash/s")
}
