package vm

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"os"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// spool keeps blocks on disk from the offline to the online phase: written once in order, then read once in the same order.
// The file has no name and is encrypted under a key that lives in memory alone, so nothing readable is left behind.
type spool struct {
	file     *os.File
	w        *bufio.Writer
	r        *bufio.Reader
	enc, dec cipher.Stream
	buf      []byte
}

const spoolBuffer = 1 << 20

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "sotto-material-")
	if err != nil {
		return nil, fmt.Errorf("offline material needs room in the temporary directory: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	key := prg.NewSeed()
	defer ring.Wipe(key[:])
	c, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	var zero [aes.BlockSize]byte
	return &spool{file: f, w: bufio.NewWriterSize(f, spoolBuffer), enc: cipher.NewCTR(c, zero[:]), dec: cipher.NewCTR(c, zero[:])}, nil
}

func (s *spool) write(blocks []prg.Block) error { return s.writeBytes(prg.Bytes(blocks)) }

func (s *spool) writeBytes(p []byte) error {
	if s.w == nil {
		return errors.New("material written after it was read")
	}
	s.grow(len(p))
	s.enc.XORKeyStream(s.buf[:len(p)], p)
	if _, err := s.w.Write(s.buf[:len(p)]); err != nil {
		return fmt.Errorf("offline material in the temporary directory: %w", err)
	}
	return nil
}

func (s *spool) grow(n int) {
	if len(s.buf) < n {
		s.buf = make([]byte, n)
	}
}

func (s *spool) read(blocks []prg.Block) error {
	if s.r == nil {
		if err := s.rewind(); err != nil {
			return err
		}
	}
	n := prg.BlockBytes * len(blocks)
	s.grow(n)
	if _, err := io.ReadFull(s.r, s.buf[:n]); err != nil {
		return fmt.Errorf("offline material in the temporary directory: %w", err)
	}
	s.dec.XORKeyStream(s.buf[:n], s.buf[:n])
	prg.Load(blocks, s.buf[:n])
	return nil
}

func (s *spool) rewind() error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("offline material in the temporary directory: %w", err)
	}
	s.w = nil
	_, err := s.file.Seek(0, io.SeekStart)
	s.r = bufio.NewReaderSize(s.file, spoolBuffer)
	return err
}

func (s *spool) close() {
	ring.Wipe(s.buf)
	s.file.Close()
}
