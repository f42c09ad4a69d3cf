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

// Stream keeps bytes from the offline to the online phase: written once in order, then read once in the same order. Close
// drops what is kept, unless whoever opened the stream keeps it.
type Stream interface {
	io.Writer
	io.Reader
	io.Closer
}

// spool keeps blocks in a stream.
type spool struct {
	stream Stream
	buf    []byte // of what is read
}

func (s *spool) write(blocks []prg.Block) error { return s.writeBytes(prg.Bytes(blocks)) }

func (s *spool) writeBytes(p []byte) error {
	_, err := s.stream.Write(p)
	return err
}

func (s *spool) read(blocks []prg.Block) error {
	n := prg.BlockBytes * len(blocks)
	if len(s.buf) < n {
		s.buf = make([]byte, n)
	}
	if _, err := io.ReadFull(s.stream, s.buf[:n]); err != nil {
		return err
	}
	prg.Load(blocks, s.buf[:n])
	return nil
}

func (s *spool) readBytes(p []byte) error {
	_, err := io.ReadFull(s.stream, p)
	return err
}

func (s *spool) close() {
	ring.Wipe(s.buf)
	s.stream.Close() // what it could say comes too late to matter
}

// unnamed is a stream in a file that has no name and is encrypted under a key that lives in memory alone, so that nothing
// readable is left behind.
type unnamed struct {
	file     *os.File
	w        *bufio.Writer
	r        *bufio.Reader
	enc, dec cipher.Stream
	buf      []byte
}

const spoolBuffer = 1 << 20

func newUnnamed() (*unnamed, error) {
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
	return &unnamed{file: f, w: bufio.NewWriterSize(f, spoolBuffer), enc: cipher.NewCTR(c, zero[:]), dec: cipher.NewCTR(c, zero[:])}, nil
}

func (s *unnamed) Write(p []byte) (int, error) {
	if s.w == nil {
		return 0, errors.New("material written after it was read")
	}
	if len(s.buf) < len(p) {
		s.buf = make([]byte, len(p))
	}
	s.enc.XORKeyStream(s.buf[:len(p)], p)
	n, err := s.w.Write(s.buf[:len(p)])
	return n, inTemporary(err)
}

func (s *unnamed) Read(p []byte) (int, error) {
	if s.r == nil {
		if err := s.rewind(); err != nil {
			return 0, err
		}
	}
	n, err := s.r.Read(p)
	s.dec.XORKeyStream(p[:n], p[:n])
	return n, inTemporary(err)
}

func (s *unnamed) rewind() error {
	if err := s.w.Flush(); err != nil {
		return inTemporary(err)
	}
	s.w = nil
	_, err := s.file.Seek(0, io.SeekStart)
	s.r = bufio.NewReaderSize(s.file, spoolBuffer)
	return err
}

func (s *unnamed) Close() error {
	ring.Wipe(s.buf)
	return s.file.Close()
}

// inTemporary says where the file is; the end of it is nobody's fault.
func inTemporary(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("offline material in the temporary directory: %w", err)
}
