package vm

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// DefaultResident is how many bytes of streams a machine keeps in memory: Tuning. It is a quarter of what a party may take for
// any network.
const DefaultResident = cost.ResidentStreams

// store keeps the streams of one machine: in memory as long as its budget lasts, and beyond that in one file that has no name
// and is encrypted under a key that lives in memory alone, so that nothing readable is left behind. Its streams may be used
// side by side.
type store struct {
	mu   sync.Mutex
	room int64 // bytes that may still stay in memory
	file *os.File
	end  int64 // of the file, a multiple of the cipher's block
	pi   cipher.Block
}

func newStore(resident int64) *store { return &store{room: resident} }

// stream opens another stream.
func (s *store) stream() *kept { return &kept{store: s} }

// claim takes n bytes of the budget, if they are there.
func (s *store) claim(n int) bool { return s.swap(0, n) }

// swap takes n bytes of the budget for what has held bytes of it, if they are there; held is given back when that is read.
func (s *store) swap(held, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(n) > s.room+int64(held) {
		return false
	}
	s.room -= int64(n)
	return true
}

// release gives n bytes back.
func (s *store) release(n int) { s.extend(int64(n)) }

// extend makes the budget n bytes larger.
func (s *store) extend(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room += n
}

// reserve makes room for n bytes in the file, which it opens first, and says where.
func (s *store) reserve(n int) (at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	at = s.end
	s.end += int64((n + aes.BlockSize - 1) / aes.BlockSize * aes.BlockSize)
	return at, nil
}

func (s *store) open() error {
	f, err := os.CreateTemp("", "sotto-material-")
	if err != nil {
		return fmt.Errorf("offline material needs room in the temporary directory: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	key := prg.NewSeed()
	defer ring.Wipe(key[:])
	if s.pi, err = aes.NewCipher(key[:]); err != nil {
		f.Close()
		return err
	}
	s.file = f
	return nil
}

// crypt encrypts or decrypts bytes of the file from at on: counter mode, the counter being the block's place in the file.
func (s *store) crypt(dst, src []byte, at int64) {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[aes.BlockSize-8:], uint64(at/aes.BlockSize))
	cipher.NewCTR(s.pi, counter[:]).XORKeyStream(dst, src)
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		s.file.Close() // what it could say comes too late to matter
		s.file = nil
	}
}

// kept is a stream of a store.
type kept struct {
	store   *store
	pieces  []piece // not yet read
	scratch []byte  // of what goes to the file or comes from there
}

// piece is what was written at once: in memory, or n bytes of the file.
type piece struct {
	memory []prg.Block
	at     int64
	n      int // bytes not yet read: the last ones
	size   int
}

// resident gives memory for n bytes that are to be the next piece, or nil if the budget does not last.
func (k *kept) resident(n int) []prg.Block {
	if !k.store.claim(n) {
		return nil
	}
	return make([]prg.Block, blocksOf(n))
}

// append adds a piece whose memory resident gave.
func (k *kept) append(memory []prg.Block, n int) {
	k.pieces = append(k.pieces, piece{memory: memory, n: n, size: n})
}

// Write keeps a copy of p.
func (k *kept) Write(p []byte) (int, error) {
	if memory := k.resident(len(p)); memory != nil {
		copy(prg.Bytes(memory), p)
		k.append(memory, len(p))
		return len(p), nil
	}
	at, err := k.store.reserve(len(p))
	if err != nil {
		return 0, err
	}
	k.grow(len(p))
	k.store.crypt(k.scratch[:len(p)], p, at)
	if _, err := k.store.file.WriteAt(k.scratch[:len(p)], at); err != nil {
		return 0, inTemporary(err)
	}
	k.pieces = append(k.pieces, piece{at: at, n: len(p), size: len(p)})
	return len(p), nil
}

func (k *kept) grow(n int) {
	if len(k.scratch) < n {
		k.scratch = make([]byte, n)
	}
}

// Read gives the next bytes, of one piece at most.
func (k *kept) Read(p []byte) (int, error) {
	if len(k.pieces) == 0 {
		return 0, io.EOF
	}
	c := &k.pieces[0]
	n, from := min(len(p), c.n), c.size-c.n
	if c.memory != nil {
		unread := prg.Bytes(c.memory)[from : from+n]
		copy(p, unread)
		ring.Wipe(unread)
	} else if err := k.load(p[:n], c.at+int64(from)); err != nil {
		return 0, err
	}
	if c.n -= n; c.n == 0 {
		k.drop()
	}
	return n, nil
}

// load reads bytes of the file. They may begin inside a block of the cipher.
func (k *kept) load(p []byte, at int64) error {
	lead := int(at % aes.BlockSize)
	k.grow(lead + len(p))
	b := k.scratch[:lead+len(p)]
	if _, err := k.store.file.ReadAt(b, at-int64(lead)); err != nil {
		return inTemporary(err)
	}
	k.store.crypt(b, b, at-int64(lead))
	copy(p, b[lead:])
	return nil
}

// held is how much of the budget the stream takes.
func (k *kept) held() (n int) {
	for _, c := range k.pieces {
		if c.memory != nil {
			n += c.size
		}
	}
	return n
}

// drop forgets the first piece.
func (k *kept) drop() {
	if c := k.pieces[0]; c.memory != nil {
		k.store.release(c.size)
	}
	k.pieces[0] = piece{}
	k.pieces = k.pieces[1:]
}

// next gives the first piece as it lies in memory, if it has n bytes and none was read.
func (k *kept) next(n int) []prg.Block {
	if len(k.pieces) == 0 || k.pieces[0].memory == nil || k.pieces[0].n != n || k.pieces[0].size != n {
		return nil
	}
	memory := k.pieces[0].memory
	k.drop()
	return memory
}

// Close wipes what is left.
func (k *kept) Close() error {
	for len(k.pieces) > 0 {
		ring.Wipe(k.pieces[0].memory)
		k.drop()
	}
	ring.Wipe(k.scratch)
	return nil
}

// inTemporary says where the file is.
func inTemporary(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("offline material in the temporary directory: %w", err)
}
