package ot

// Encoding by a random sparse matrix, the local linear code of K. Yang, C. Weng, X. Lan, J. Zhang and X. Wang, "Ferret", CCS
// 2020: the local part of primal LPN.
//
//	A       public matrix over F_2 with k rows and n columns, d = 10 ones a column
//	r       the k inputs: blocks, or the bits chosen with them, a byte each
//	y + rA  each output takes up the d inputs that its column names
//
// A comes from AES-128-CTR under a public key, three words an output: 19 bits of each of nine positions, and the tenth from
// the seven bits that each word has left. Positions are drawn independently, so that one column in about k/45 names a row twice
// and loses it. They are public, so that the memory accesses tell nothing.
//
// Cost: 1.5 AES blocks an output and d accesses to a table of k entries.

import (
	"encoding/binary"

	"sotto/runtime/prg"
)

const (
	positionWords = 3  // words of the stream an output uses
	positionBits  = 19 // of a position, so at most 2^19 inputs

	// encodeRun is how many outputs have their positions drawn at a time: they stay in the first-level cache.
	encodeRun = 256
)

// columns reads the columns of A in order.
type columns struct {
	stream *prg.Stream
	word   [positionWords * encodeRun]uint64
}

func newColumns(matrix prg.Seed) *columns { return &columns{stream: prg.NewStream(matrix)} }

// seek goes to the column of an even output.
func (c *columns) seek(output int) {
	c.stream.Seek(uint64(output) * positionWords * 8 / prg.BlockBytes)
}

// next draws n <= encodeRun columns.
func (c *columns) next(n int) []uint64 {
	w := c.word[:positionWords*n]
	prg.Words(c.stream, w)
	return w
}

// addRows adds rA to y, r a power of two of blocks, from the column on where c is.
func (c *columns) addRows(y, r []prg.Block) {
	for len(y) > 0 {
		run := y[:min(encodeRun, len(y))]
		addRows(run, r, c.next(len(run)))
		y = y[len(run):]
	}
}

func addRows(y, r []prg.Block, w []uint64) {
	mask := uint64(len(r) - 1)
	w = w[:positionWords*len(y)]
	if addRowsKernel(y, r, w, mask) {
		return
	}
	for i := range y {
		w0, w1, w2 := w[0], w[1], w[2]
		w = w[positionWords:]
		a, b, c := &r[w0&mask], &r[w0>>positionBits&mask], &r[w0>>(2*positionBits)&mask]
		lo, hi := a.Lo^b.Lo^c.Lo, a.Hi^b.Hi^c.Hi
		a, b, c = &r[w1&mask], &r[w1>>positionBits&mask], &r[w1>>(2*positionBits)&mask]
		lo, hi = lo^a.Lo^b.Lo^c.Lo, hi^a.Hi^b.Hi^c.Hi
		a, b, c = &r[w2&mask], &r[w2>>positionBits&mask], &r[w2>>(2*positionBits)&mask]
		lo, hi = lo^a.Lo^b.Lo^c.Lo, hi^a.Hi^b.Hi^c.Hi
		a = &r[tenth(w0, w1, w2)&mask]
		y[i].Lo ^= lo ^ a.Lo
		y[i].Hi ^= hi ^ a.Hi
	}
}

// tenth joins the bits that the nine other positions leave.
func tenth(w0, w1, w2 uint64) uint64 {
	const left = 64 - 3*positionBits
	return w0>>(64-left) | w1>>(64-left)<<left | w2>>(64-left)<<(2*left)
}

// sumBits sets y to the bits rA, one a byte, r a power of two of such bytes, from the column on where c is.
func (c *columns) sumBits(y, r []byte) {
	for len(y) > 0 {
		run := y[:min(encodeRun, len(y))]
		sumBits(run, r, c.next(len(run)))
		y = y[len(run):]
	}
}

func sumBits(y, r []byte, w []uint64) {
	mask := uint64(len(r) - 1)
	w = w[:positionWords*len(y)]
	for i := range y {
		w0, w1, w2 := w[0], w[1], w[2]
		w = w[positionWords:]
		sum := r[w0&mask] ^ r[w0>>positionBits&mask] ^ r[w0>>(2*positionBits)&mask]
		sum ^= r[w1&mask] ^ r[w1>>positionBits&mask] ^ r[w1>>(2*positionBits)&mask]
		sum ^= r[w2&mask] ^ r[w2>>positionBits&mask] ^ r[w2>>(2*positionBits)&mask]
		y[i] = sum ^ r[tenth(w0, w1, w2)&mask]
	}
}

// packBytes sets bit i%64 of dst[i/64] to the lowest bit of src[i] and clears what dst has beyond.
func packBytes(dst []uint64, src []byte) {
	for i := range dst {
		group := src[:min(64, len(src))]
		var word uint64
		for j := 0; j+8 <= len(group); j += 8 {
			word |= gatherLow(binary.LittleEndian.Uint64(group[j:])) << j
		}
		rest := len(group) &^ 7
		for j, b := range group[rest:] {
			word |= uint64(b&1) << (rest + j)
		}
		dst[i] = word
		src = src[len(group):]
	}
}

// gatherLow brings the lowest bits of the eight bytes of a word together: each partial product puts one of them among the upper eight,
// and no two meet.
func gatherLow(bytes uint64) uint64 {
	const low = 0x0101010101010101
	return bytes & low * 0x0102040810204080 >> 56
}

// unpackBytes sets dst[i] to bit i%64 of src[i/64].
func unpackBytes(dst []byte, src []uint64) {
	for i := range dst {
		dst[i] = byte(src[i/64] >> (i % 64) & 1)
	}
}
