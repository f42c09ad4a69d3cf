package ring

import (
	"fmt"
	"unsafe"
)

// Bits is a vector of n bits packed into 64-bit words: bit i is bit i mod 64 of word i / 64. The bits of the last
// word from n on are zero, which every function here keeps. A Bits is a view, as a slice is: copying it copies no
// bits.
type Bits struct {
	n     int
	words []uint64
}

// BitWords returns the 64-bit words that n bits take: ceil(n / 64).
func BitWords(n int) int { return (n + 63) / 64 }

// NewBits returns n zero bits.
func NewBits(n int) Bits { return Bits{n, make([]uint64, BitWords(n))} }

// WrapBits returns n bits stored in words, which must be BitWords(n) long, and clears the bits of the last word from
// n on.
func WrapBits(words []uint64, n int) Bits {
	if n < 0 || len(words) != BitWords(n) {
		panic(fmt.Sprintf("ring: %d words for %d bits", len(words), n))
	}
	b := Bits{n, words}
	b.trim()
	return b
}

// Len returns the number of bits.
func (b Bits) Len() int { return b.n }

// Words returns the storage, BitWords(Len()) words. Who writes to it keeps the last word's unused bits zero.
func (b Bits) Words() []uint64 { return b.words }

// Bytes returns the storage as ceil(n / 8) bytes, bit i in bit i mod 8 of byte i / 8: a view of what PackBits
// writes. For bytes that a peer sent use UnpackBits, which clears the unused bits of the last byte.
func (b Bits) Bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.words))), 8*len(b.words))[:(b.n+7)/8]
}

// Get returns bit i, 0 or 1. The index is not hidden.
func (b Bits) Get(i int) uint64 {
	b.bound(i)
	return b.words[i/64] >> (i % 64) & 1
}

// Set sets bit i to the low bit of v. The index is not hidden, the value is.
func (b Bits) Set(i int, v uint64) {
	b.bound(i)
	w := &b.words[i/64]
	*w = *w&^(1<<(i%64)) | (v&1)<<(i%64)
}

// Slice returns bits [lo, hi) as a view. lo must be a multiple of 64, and hi one too or Len(): a view that ended
// inside a word would have to hide the bits above it.
func (b Bits) Slice(lo, hi int) Bits {
	if lo < 0 || lo > hi || hi > b.n || lo%64 != 0 || (hi%64 != 0 && hi != b.n) {
		panic(fmt.Sprintf("ring: bits [%d, %d) of %d do not begin and end at words", lo, hi, b.n))
	}
	return Bits{hi - lo, b.words[lo/64 : BitWords(hi)]}
}

// Xor sets dst = a xor b, bit by bit.
func Xor(dst, a, b Bits) {
	match(dst.n, a.n, b.n)
	for i, w := range a.words {
		dst.words[i] = w ^ b.words[i]
	}
}

// And sets dst = a and b, bit by bit.
func And(dst, a, b Bits) {
	match(dst.n, a.n, b.n)
	for i, w := range a.words {
		dst.words[i] = w & b.words[i]
	}
}

// Not sets dst = not a, bit by bit.
func Not(dst, a Bits) {
	match(dst.n, a.n, a.n)
	for i, w := range a.words {
		dst.words[i] = ^w
	}
	dst.trim()
}

// Msb sets bit i of dst to the most significant bit of src[i]: 1 where src[i] is negative.
func Msb[W Word](dst Bits, src []W) { Bit(dst, src, Width[W]()-1) }

// Bit sets bit i of dst to bit k of src[i], 0 <= k < l.
func Bit[W Word](dst Bits, src []W, k int) {
	match(dst.n, len(src), len(src))
	if k < 0 || k >= Width[W]() {
		panic(fmt.Sprintf("ring: bit %d of a %d-bit element", k, Width[W]()))
	}
	if len(src) <= grain {
		bitOf(dst.words, src, k)
		return
	}
	Parallel(len(src), grain, func(lo, hi int) { bitOf(dst.words[lo/64:BitWords(hi)], src[lo:hi], k) })
}

// bitOf gathers bit k of 64 elements a word: each element's bit enters at the top and moves down one place for every
// element after it.
func bitOf[W Word](dst []uint64, src []W, k int) {
	for i := range dst {
		block := src[:min(64, len(src))]
		var acc uint64
		for _, v := range block {
			acc = acc>>1 | uint64(v)>>(k&63)<<63
		}
		dst[i] = acc >> (64 - len(block))
		src = src[len(block):]
	}
}

// Expand sets dst[i] to bit i of src: 0 or 1 in the ring.
func Expand[W Word](dst []W, src Bits) {
	match(len(dst), src.n, src.n)
	if len(dst) <= grain {
		expand(dst, src.words)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { expand(dst[lo:hi], src.words[lo/64:BitWords(hi)]) })
}

func expand[W Word](dst []W, src []uint64) {
	for _, w := range src {
		block := dst[:min(64, len(dst))]
		for j := range block {
			block[j] = W(w & 1)
			w >>= 1
		}
		dst = dst[len(block):]
	}
}

// trim clears the bits of the last word from n on.
func (b Bits) trim() {
	if used := b.n % 64; used != 0 {
		b.words[len(b.words)-1] &= 1<<used - 1
	}
}

func (b Bits) bound(i int) {
	if i < 0 || i >= b.n {
		panic(fmt.Sprintf("ring: bit %d of %d", i, b.n))
	}
}
