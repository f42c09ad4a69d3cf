package prg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

// Seed is an AES-128 key that a Stream expands.
type Seed [BlockBytes]byte

// NewSeed draws a seed from the system's generator.
func NewSeed() Seed {
	var s Seed
	rand.Read(s[:]) // documented never to fail: it ends the program instead
	return s
}

// Seed gives the wire form of a block as a key.
func (a Block) Seed() (s Seed) {
	a.Put(s[:])
	return s
}

// Stream is the keystream of AES-128-CTR under a seed, the counter a 128-bit big-endian number from 0 (NIST SP
// 800-38A, section 6.5): a pseudorandom generator if AES is a pseudorandom permutation, up to 2^64 bytes a seed. It is
// an io.Reader. It is not safe for concurrent use; two streams of one seed give the same bytes.
type Stream struct{ keystream }

// keystream is a way to compute a Stream.
type keystream interface {
	Seek(block uint64)
	fill(p []byte)
	at(p []byte, block uint64)
	wipe()
}

// NewStream starts the stream of a seed at its first byte.
func NewStream(seed Seed) *Stream { return newStream(paths[len(paths)-1], seed) }

func newStream(p Path, seed Seed) *Stream { return &Stream{p.keystream(seed)} }

// Seek moves to the first byte of the given 16-byte block of the stream.
func (s *Stream) Seek(block uint64) { s.keystream.Seek(block) }

// Wipe forgets the seed. The stream is of no use afterwards. Keys inside the library's cipher are left to the garbage collector.
func (s *Stream) Wipe() { s.wipe() }

// Read fills p with the next len(p) bytes. It never fails.
func (s *Stream) Read(p []byte) (int, error) {
	s.fill(p)
	return len(p), nil
}

// libraryStream is the library's keystream, which has kernels for AES-NI itself.
type libraryStream struct {
	block cipher.Block
	ctr   cipher.Stream
}

func newLibraryStream(seed Seed) *libraryStream {
	c := &libraryStream{block: newAES(seed[:])}
	c.Seek(0)
	return c
}

func (c *libraryStream) Seek(block uint64) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], block)
	c.ctr = cipher.NewCTR(c.block, iv[:])
}

func (c *libraryStream) at(p []byte, block uint64) {
	from := libraryStream{block: c.block}
	from.Seek(block)
	from.fill(p)
}

func (c *libraryStream) fill(p []byte) {
	clear(p)
	c.ctr.XORKeyStream(p, p)
}

func (c *libraryStream) wipe() { *c = libraryStream{} }

// Blocks fills dst with the next 16*len(dst) bytes of the stream.
func (s *Stream) Blocks(dst []Block) { fill(s, dst) }

// Words fills dst with the next bytes of the stream, each word little endian.
func Words[W uint32 | uint64](s *Stream, dst []W) { fill(s, dst) }

// Draw fills dst with words that nobody can draw again: the seed is from crypto/rand and is wiped.
func Draw[W uint32 | uint64](dst []W) {
	seed := NewSeed()
	s := NewStream(seed)
	clear(seed[:])
	defer s.Wipe()
	Words(s, dst)
}

func fill[T Block | uint32 | uint64](s *Stream, dst []T) {
	s.keystream.fill(memory(dst))
	fromWire(dst)
}

// WordsAt fills dst with the words of the stream from the given word on. Unlike Words it leaves the stream where it is, and is safe for
// concurrent use with other calls of itself.
func (s *Stream) WordsAt(dst []uint64, word uint64) {
	const perBlock = BlockBytes / 8
	block, skip := word/perBlock, int(word%perBlock)
	if skip > 0 && len(dst) > 0 {
		var b [perBlock]uint64
		s.keystream.at(memory(b[:]), block)
		fromWire(b[:])
		n := copy(dst, b[skip:])
		clear(b[:])
		dst, block = dst[n:], block+1
	}
	s.keystream.at(memory(dst), block)
	fromWire(dst)
}

// newAES gives AES-128 under a key of 16 bytes, the one length the callers have.
func newAES(key []byte) cipher.Block {
	c, err := aes.NewCipher(key)
	if err != nil {
		panic("prg: internal: " + err.Error())
	}
	return c
}
