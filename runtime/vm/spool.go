package vm

import (
	"io"

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
	if err := s.readBytes(s.buf[:n]); err != nil {
		return err
	}
	prg.Load(blocks, s.buf[:n])
	return nil
}

func (s *spool) readBytes(p []byte) error {
	_, err := io.ReadFull(s.stream, p)
	return err
}

// fill keeps the n bytes that read gives. Where they stay in memory anyway they are read to their place, else to buf first.
func (s *spool) fill(n int, buf *[]prg.Block, read func([]byte) error) error {
	if k, ok := s.stream.(*kept); ok {
		if memory := k.resident(n); memory != nil {
			k.append(memory, n)
			return read(prg.Bytes(memory)[:n])
		}
	}
	b := prg.Bytes(room(buf, blocksOf(n)))[:n]
	if err := read(b); err != nil {
		return err
	}
	return s.writeBytes(b)
}

// next gives the blocks of the next n bytes: as they lie in memory if they were kept there as one, or else in buf.
func (s *spool) next(n int, buf *[]prg.Block) ([]prg.Block, error) {
	if k, ok := s.stream.(*kept); ok {
		if memory := k.next(n); memory != nil {
			return memory, nil
		}
	}
	blocks := room(buf, blocksOf(n))
	return blocks, s.readBytes(prg.Bytes(blocks)[:n])
}

// blocksOf is how many blocks n bytes take.
func blocksOf(n int) int { return (n + prg.BlockBytes - 1) / prg.BlockBytes }

func (s *spool) close() {
	ring.Wipe(s.buf)
	s.stream.Close() // what it could say comes too late to matter
}
