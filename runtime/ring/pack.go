package ring

import (
	"encoding/binary"
	"fmt"
)

// PackedLen returns the bytes that n elements of width bits take: ceil(n * width / 8).
func PackedLen(n, width int) int { return (n*width + 7) / 8 }

// Pack writes the low width bits of each element of src to dst, one after the other without gaps: bit j of element i
// is bit i*width + j of dst (bit p of dst is bit p mod 8 of byte p / 8), and what is left of the last byte is zero.
// This is the instance-major layout of a garbled circuit's inputs. dst is PackedLen(len(src), width) bytes,
// 1 <= width <= l.
func Pack[W Word](dst []byte, src []W, width int) {
	checkPacked[W](len(dst), len(src), width)
	switch {
	case width == Width[W]():
		copy(dst, Bytes(src))
	case len(src) <= grain:
		pack(dst, src, uint(width))
	default:
		// Shares begin at multiples of 64 elements, so at whole bytes.
		Parallel(len(src), grain, func(lo, hi int) {
			pack(dst[PackedLen(lo, width):PackedLen(hi, width)], src[lo:hi], uint(width))
		})
	}
}

// Unpack reads len(dst) elements of width bits from src, as Pack wrote them; the bits of an element above width are
// zero, and what is left of the last byte is ignored.
func Unpack[W Word](dst []W, src []byte, width int) {
	checkPacked[W](len(src), len(dst), width)
	switch {
	case width == Width[W]():
		copy(Bytes(dst), src)
	case len(dst) <= grain:
		unpack(dst, src, uint(width))
	default:
		Parallel(len(dst), grain, func(lo, hi int) {
			unpack(dst[lo:hi], src[PackedLen(lo, width):PackedLen(hi, width)], uint(width))
		})
	}
}

// pack fills a word from the bottom and writes it when it is full; the branch depends on positions alone. It takes
// width < 64.
func pack[W Word](dst []byte, src []W, width uint) {
	done := packVectors(dst, src, width)
	dst, src = dst[uint(done)*width/8:], src[done:]
	mask := uint64(1)<<(width&63) - 1
	var acc uint64
	var fill uint
	for _, v := range src {
		u := uint64(v) & mask
		acc |= u << (fill & 63)
		fill += width
		if fill >= 64 {
			binary.LittleEndian.PutUint64(dst, acc)
			dst = dst[8:]
			fill -= 64
			acc = u >> ((width - fill) & 63) // the bits that found no room
		}
	}
	for i := range dst {
		dst[i] = byte(acc >> (8 * i))
	}
}

// unpack is pack's inverse: have counts the bits of the last word read that are still unused.
func unpack[W Word](dst []W, src []byte, width uint) {
	done := unpackVectors(dst, src, width)
	dst, src = dst[done:], src[uint(done)*width/8:]
	mask := uint64(1)<<(width&63) - 1
	var acc uint64
	var have uint
	for i := range dst {
		if have >= width {
			dst[i] = W(acc & mask)
			acc >>= width & 63
			have -= width
			continue
		}
		var next uint64
		next, src = nextWord(src)
		dst[i] = W((acc | next<<(have&63)) & mask)
		acc = next >> ((width - have) & 63)
		have += 64 - width
	}
}

// nextWord reads 8 bytes, or the fewer that are left with zeros above them.
func nextWord(src []byte) (word uint64, rest []byte) {
	if len(src) >= 8 {
		return binary.LittleEndian.Uint64(src), src[8:]
	}
	for i, b := range src {
		word |= uint64(b) << (8 * i)
	}
	return word, nil
}

// PackBits writes b to dst, ceil(b.Len() / 8) bytes: bit i in bit i mod 8 of byte i / 8.
func PackBits(dst []byte, b Bits) {
	match(len(dst), PackedLen(b.n, 1), PackedLen(b.n, 1))
	copy(dst, b.Bytes())
}

// UnpackBits reads dst.Len() bits as PackBits wrote them; what is left of the last byte is ignored.
func UnpackBits(dst Bits, src []byte) {
	match(len(src), PackedLen(dst.n, 1), PackedLen(dst.n, 1))
	copy(dst.Bytes(), src)
	dst.trim()
}

func checkPacked[W Word](bytes, n, width int) {
	if width < 1 || width > Width[W]() {
		panic(fmt.Sprintf("ring: %d bits of a %d-bit element", width, Width[W]()))
	}
	if bytes != PackedLen(n, width) {
		panic(fmt.Sprintf("ring: %d bytes for %d elements of %d bits, which take %d", bytes, n, width,
			PackedLen(n, width)))
	}
}
