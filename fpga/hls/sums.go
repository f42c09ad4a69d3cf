package hls

import "encoding/binary"

// SumBlock is how many words one sum is over: where a result differs is known to within so many.
const SumBlock = 1024

// Sums are FNV-1a sums, a 64-bit word at a time, over blocks of SumBlock words, the last one shorter. A result of so many words that has
// all its sums is equal word for word but with probability 2^-64 a block; nobody is kept from making one that is not.
type Sums []uint64

// The constants of FNV-1a with 64 bits (Fowler, Noll, Vo: draft-eastlake-fnv).
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// wordBytes and wordBits are those of a word of packed bits.
const (
	wordBytes = 8
	wordBits  = 8 * wordBytes
)

// sumWords sums little-endian words of so many bytes.
func sumWords(b []byte, word int) Sums {
	out := make(Sums, 0, len(b)/word/SumBlock+1)
	for len(b) > 0 {
		n := min(len(b), SumBlock*word)
		out = append(out, sumBlock(b[:n], word))
		b = b[n:]
	}
	return out
}

func sumBlock(b []byte, word int) uint64 {
	h := uint64(fnvOffset)
	for ; len(b) > 0; b = b[word:] {
		h = (h ^ loadWord(b, word)) * fnvPrime
	}
	return h
}

func loadWord(b []byte, word int) uint64 {
	if word != wordBytes {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// trimmed is a copy of packed bits without those beyond the last.
func trimmed(b []byte, bits int) []byte {
	out := append([]byte(nil), b...)
	if tail := bits % wordBits; tail != 0 {
		last := out[len(out)-wordBytes:]
		binary.LittleEndian.PutUint64(last, binary.LittleEndian.Uint64(last)&(1<<tail-1))
	}
	return out
}
