package ot

import (
	"crypto/subtle"
	"encoding/binary"
	"sync"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// An extension whose receiver sends expands streams of bits into columns of a matrix whose rows are the COT blocks, and a message of
// records, one for each tileRows COTs, of one word a column or tree. It goes by chunks, whose matrix stays in a core's second-level
// cache; cores take chunks independently, for a stream can be read from any place on.

const (
	kappa    = 128 // bits of Delta, and columns of the matrix whose rows are the COT blocks
	tileRows = 64  // COTs whose bits of one column fill a word

	// chunkWords is the words of a column in a chunk: what the stream kernel fills in one batch.
	chunkWords = 64
	// lineColumns are exchanged with records together: their words of a record are a cache line.
	lineColumns = 8
)

// column is the bits of a column in a chunk, those of tileRows rows in a word.
type column [chunkWords]uint64

// matrix is a chunk.
type matrix [kappa]column

// chunkSpace is what a chunk is worked on in. It is wiped after use.
type chunkSpace[E any] struct {
	m       matrix
	rows    rowSpace
	extra   E // what the extension needs besides
	discard [kernelRows]prg.Block
}

// chunkSpaces are those of an extension's workers, kept from use to use.
type chunkSpaces[E any] struct{ pool sync.Pool }

// extend fills dst with rows, a chunk at a time. fill sets n words of the columns, of which the first is number first of the batch.
func (c *chunkSpaces[E]) extend(dst []prg.Block, fill func(m *matrix, extra *E, first, n int)) {
	words := ring.BitWords(len(dst))
	chunks := (words + chunkWords - 1) / chunkWords
	ring.Parallel(words, max(1, perLane(chunks))*chunkWords, func(lo, hi int) {
		s, _ := c.pool.Get().(*chunkSpace[E])
		if s == nil {
			s = new(chunkSpace[E])
		}
		for first := lo; first < hi; first += chunkWords {
			n := min(chunkWords, hi-first)
			fill(&s.m, &s.extra, first, n)
			s.toRows(dst[first*tileRows : min((first+n)*tileRows, len(dst))])
		}
		*s = chunkSpace[E]{}
		c.pool.Put(s)
	})
}

// toRows makes at most a chunk of rows.
func (s *chunkSpace[E]) toRows(dst []prg.Block) {
	done := s.rows.make(dst, &s.m, 0)
	if dst = dst[done:]; len(dst) > 0 && s.rows.make(s.discard[:], &s.m, done/tileRows) > 0 {
		copy(dst, s.discard[:])
		return
	}
	rowsPortable(dst, &s.m, done/tileRows)
}

// rowsPortable makes rows of the words from first on.
func rowsPortable(dst []prg.Block, m *matrix, first int) {
	var t tile
	defer ring.Wipe(t[:])
	for g := first; len(dst) > 0; g++ {
		for j := range t {
			t[j] = m[j][g]
		}
		t.rows(dst)
		dst = dst[min(tileRows, len(dst)):]
	}
}

// putRecordsPortable writes words lo to hi-1 of columns, each XORed with that of choice, to a line of each record.
func putRecordsPortable(records []byte, stride int, c []column, choice []uint64, lo, hi int) {
	for g := lo; g < hi; g++ {
		line := records[g*stride:][:8*lineColumns]
		for i := range lineColumns {
			binary.LittleEndian.PutUint64(line[8*i:], c[i][g]^choice[g])
		}
	}
}

// getRecordsPortable is its inverse, with no choice.
func getRecordsPortable(c []column, records []byte, stride, lo, hi int) {
	for g := lo; g < hi; g++ {
		line := records[g*stride:][:8*lineColumns]
		for i := range lineColumns {
			c[i][g] = binary.LittleEndian.Uint64(line[8*i:])
		}
	}
}

// addMaskedPortable sets dst ^= x & mask in words lo to hi-1.
func addMaskedPortable(dst, x *column, mask uint64, lo, hi int) {
	for g := lo; g < hi; g++ {
		dst[g&(chunkWords-1)] ^= x[g&(chunkWords-1)] & mask
	}
}

// add sets dst ^= x in the first n words.
func (dst *column) add(x *column, n int) {
	d := ring.Bytes(dst[:n])
	subtle.XORBytes(d, d, ring.Bytes(x[:n]))
}
