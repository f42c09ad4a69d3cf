package prg

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

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
	const blocks = 200
	want := counterMode(t, deterministicTestSeed, blocks)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(rapid.SampledFrom(Paths()).Draw(rt, "path"), deterministicTestSeed)
		var got []byte
		for len(got) < 16*blocks {
			n := min(rapid.OneOf(rapid.IntRange(0, 8), rapid.IntRange(0, 150)).Draw(rt, "n"), (16*blocks-len(got))/16)
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

// TestWordsAt: words from any place on are those of the stream, and the stream stays where it is.
func TestWordsAt(t *testing.T) {
	onPaths(t, func(t *testing.T, p Path) {
		s, want := newStream(p, Seed{5}), make([]uint64, 400)
		Words(newStream(p, Seed{5}), want)
		for _, from := range []int{0, 1, 2, 63, 64, 129} {
			for _, n := range []int{0, 1, 2, 63, 64, 65, 200} {
				got := make([]uint64, n)
				s.WordsAt(got, uint64(from))
				if !slices.Equal(got, want[from:from+n]) {
					t.Errorf("%d words from word %d on differ", n, from)
				}
			}
		}
		first := make([]uint64, 1)
		Words(s, first)
		if first[0] != want[0] {
			t.Error("the stream has moved")
		}
	})
}

func TestSeek(t *testing.T) {
	want := counterMode(t, deterministicTestSeed, 70)
	onPaths(t, func(t *testing.T, p Path) {
		s := newStream(p, deterministicTestSeed)
		for _, block := range []int{7, 0, 19, 3} {
			for _, n := range []int{1, 16, 17, 16 * 40} { // a part of a block is left over for the next Seek
				s.Seek(uint64(block))
				got := make([]byte, n)
				s.Read(got)
				if !bytes.Equal(got, want[16*block:16*block+n]) {
					t.Errorf("%d bytes from block %d: %x, want %x", n, block, got, want[16*block:16*block+n])
				}
			}
		}
	})
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
	onPaths(t, func(t *testing.T, p Path) {
		b := []Block{read("00112233445566778899aabbccddeeff")}
		hashOn(t, p, read("000102030405060708090a0b0c0d0e0f")).Permute(b)
		if want := read("69c4e0d86a7b0430d8cdb78070b4c55a"); b[0] != want {
			t.Errorf("pi = %x, want %x", b[0], want)
		}
	})
}

// onPaths runs a test on each path of this machine.
func onPaths(t *testing.T, f func(t *testing.T, p Path)) {
	for _, p := range Paths() {
		t.Run(p.String(), func(t *testing.T) { f(t, p) })
	}
}

func hashOn(t testing.TB, p Path, key Block) *Hash {
	t.Helper()
	h, err := NewHashOn(p, key)
	if err != nil {
		t.Fatal(err)
	}
	return h
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
	onPaths(t, func(t *testing.T, p Path) {
		key := Block{3, 5}
		h := hashOn(t, p, key)
		s := NewStream(deterministicTestSeed)
		// The last tweaks of a domain too: a carry out of their low bits must come through.
		for _, first := range []Tweak{0, COTPad.First() + 12345, COTPad.First() - 3, 1<<32 - 5} {
			for _, n := range []int{0, 1, 2, hashBatch - 1, hashBatch, hashBatch + 1, 3*hashBatch + 5} {
				x, dst := make([]Block, n), make([]Block, n)
				s.Blocks(x)
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
	})
}

// misaligned gives n blocks that begin 8*words bytes after a multiple of 64, and what surrounds them: guards of eight
// words.
func misaligned(n, words int) (blocks []Block, around []uint64) {
	buf := make([]uint64, 2*n+8+words+8+8)
	skip := int(-uintptr(unsafe.Pointer(&buf[0]))%64) / 8
	around = buf[skip : skip+8+words+2*n+8]
	return unsafe.Slice((*Block)(unsafe.Pointer(&around[8+words])), n), around
}

// checkGuards fails if the words around n blocks are not 0 any more.
func checkGuards(t *testing.T, around []uint64, n int) {
	t.Helper()
	head := len(around) - 8 - 2*n
	for _, w := range append(slices.Clone(around[:head]), around[head+2*n:]...) {
		if w != 0 {
			t.Fatal("words outside of the result are written")
		}
	}
}

// TestPathsAgree compares every path with the portable one at every length up to several batches of each kernel, at
// every alignment that Go may give blocks.
func TestPathsAgree(t *testing.T) {
	key := Block{0x0123456789abcdef, 0xfedcba9876543210}
	want := hashOn(t, Portable, key)
	onPaths(t, func(t *testing.T, p Path) {
		h := hashOn(t, p, key)
		s := NewStream(deterministicTestSeed)
		for n := range 101 {
			words := n % 8
			x, _ := misaligned(n, (n/8)%8)
			got, around := misaligned(n, words)
			sums, source := make([]Block, n), make([]Block, n)
			s.Blocks(x)
			copy(source, x)
			first := Tweak(1)<<40 - Tweak(n)
			want.Sum(sums, x, first)
			h.Sum(got, x, first)
			if !slices.Equal(got, sums) || !slices.Equal(x, source) {
				t.Fatalf("Sum of %d blocks differs or writes its input", n)
			}
			checkGuards(t, around, n)
			want.Permute(sums)
			h.Permute(got)
			if !slices.Equal(got, sums) {
				t.Fatalf("Permute of %d blocks differs", n)
			}
			checkGuards(t, around, n)
		}
	})
}

func TestRandomKeysOnAllPaths(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key, first := drawBlock(rt), Tweak(rapid.Uint64().Draw(rt, "first"))
		x := make([]Block, rapid.IntRange(1, 80).Draw(rt, "n"))
		NewStream(drawBlock(rt).Seed()).Blocks(x)
		for _, p := range Paths() {
			sums := make([]Block, len(x))
			hashOn(t, p, key).Sum(sums, x, first)
			for j := range x {
				if want := tmmo(t, key, x[j], first+Tweak(j)); sums[j] != want {
					rt.Fatalf("%v: Sum[%d] = %x, want %x", p, j, sums[j], want)
				}
			}
		}
	})
}

func TestPathNames(t *testing.T) {
	if p := Paths(); p[0] != Portable || NewHash(Block{}).Path() != p[len(p)-1] {
		t.Errorf("paths %v, a hash takes %v", p, NewHash(Block{}).Path())
	}
	if _, err := NewHashOn(VAES512+1, Block{}); err == nil || !strings.Contains(err.Error(), "path 3: this machine has [portable") {
		t.Errorf("a path that is none: %v", err)
	}
	for _, p := range Paths() {
		if h := hashOn(t, p, Block{}); h.Path() != p || (h.RoundKeys() == nil) != (p == Portable) {
			t.Errorf("%v: a hash on %v, round keys %v", p, h.Path(), h.RoundKeys())
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
	onPaths(t, func(t *testing.T, p Path) {
		h := hashOn(t, p, Block{1, 2})
		x := make([]Block, 1000)
		var sum Block
		if n := testing.AllocsPerRun(100, func() { h.Sum(x, x, 0); h.Permute(x); sum = sum.Xor(h.Sum1(x[0], 1)) }); n >= 1 {
			t.Errorf("%v allocations a call", n)
		}
	})
}

func TestHashIsSafeForConcurrentUse(t *testing.T) { onPaths(t, testConcurrentUse) }

func testConcurrentUse(t *testing.T, p Path) {
	h := hashOn(t, p, Block{1, 2})
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
	for _, p := range Paths() {
		for _, words := range []int{4, 256, 8192} {
			b.Run(fmt.Sprintf("%v/words=%d", p, words), func(b *testing.B) {
				s, v := newStream(p, deterministicTestSeed), make([]uint64, words)
				b.SetBytes(int64(8 * words))
				for b.Loop() {
					Words(s, v)
				}
			})
		}
	}
}

// BenchmarkNewStream is what a node of a tree costs: two blocks of a fresh stream.
func BenchmarkNewStream(b *testing.B) {
	for _, p := range Paths() {
		b.Run(p.String(), func(b *testing.B) {
			var x [2]Block
			for b.Loop() {
				newStream(p, x[0].Seed()).Blocks(x[:])
			}
		})
	}
}

// benchBlocks fit the first-level cache.
const benchBlocks = 1024

// aesLimit measures how many AES blocks a second a path computes with nothing around them, the best of several runs.
func aesLimit(h *Hash) float64 {
	x := make([]Block, benchBlocks)
	best := 0.0
	for range 50 {
		begun := time.Now()
		for range 20 {
			h.Permute(x)
		}
		best = max(best, 20*benchBlocks/time.Since(begun).Seconds())
	}
	return best
}

// benchPaths runs f on each path, and reports its AES blocks a second, by themselves and as a fraction of the limit.
func benchPaths(b *testing.B, aes float64, f func(h *Hash, x []Block)) {
	for _, p := range Paths() {
		b.Run(p.String(), func(b *testing.B) {
			h, x := hashOn(b, p, Block{1, 2}), make([]Block, benchBlocks)
			limit := aesLimit(h)
			for b.Loop() {
				f(h, x)
			}
			rate := float64(b.N) * aes * benchBlocks / b.Elapsed().Seconds()
			b.ReportMetric(rate/1e6, "MAES/s")
			b.ReportMetric(rate/limit, "of_limit")
		})
	}
}

func BenchmarkPermute(b *testing.B) {
	benchPaths(b, 1, func(h *Hash, x []Block) { h.Permute(x) })
}

func BenchmarkHash(b *testing.B) {
	benchPaths(b, 2, func(h *Hash, x []Block) { h.Sum(x, x, 0) })
}

func BenchmarkHashOne(b *testing.B) {
	benchPaths(b, 2.0/benchBlocks, func(h *Hash, x []Block) { x[0] = h.Sum1(x[0], 0) })
}

func TestHalvesAreAView(t *testing.T) {
	b := []Block{{1, 2}, {3, 4}}
	words := Halves(b)
	if len(words) != 4 || words[0] != 1 || words[1] != 2 || words[2] != 3 || words[3] != 4 {
		t.Errorf("words %v", words)
	}
	words[3] = 5
	if b[1] != (Block{3, 5}) {
		t.Errorf("blocks %v after a write to their words", b)
	}
}

// TestDraw: two draws have no word in common, and no word is left out.
func TestDraw(t *testing.T) {
	a, b := make([]uint64, 1001), make([]uint64, 1001)
	Draw(a)
	Draw(b)
	for i := range a {
		if a[i] == b[i] || a[i] == 0 || b[i] == 0 {
			t.Fatalf("word %d is %x and %x", i, a[i], b[i])
		}
	}
}
