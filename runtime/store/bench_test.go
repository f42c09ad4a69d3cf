package store

import (
	"io"
	"testing"
)

// BenchmarkRead is reading and verifying stored material out of the page cache.
func BenchmarkRead(b *testing.B) {
	const bytes = 64 << 20
	s := open(b, b.TempDir())
	buf := make([]byte, 1<<20)
	b.SetBytes(bytes)
	for b.Loop() {
		b.StopTimer()
		n := write(b, s, bytes, buf)
		b.StartTimer()
		r, err := s.Take(n)
		if err != nil {
			b.Fatal(err)
		}
		in, err := r.Stream("tables")
		if err != nil {
			b.Fatal(err)
		}
		for range bytes / len(buf) {
			if _, err := io.ReadFull(in, buf); err != nil {
				b.Fatal(err)
			}
		}
		r.Close()
	}
}

// write makes one inference's material of so many bytes.
func write(b *testing.B, s *Store, bytes int, buf []byte) uint64 {
	n, err := s.Give(0)
	if err != nil {
		b.Fatal(err)
	}
	w, err := s.Make(n)
	if err != nil {
		b.Fatal(err)
	}
	out, err := w.Stream("tables")
	if err != nil {
		b.Fatal(err)
	}
	for range bytes / len(buf) {
		if _, err := out.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		b.Fatal(err)
	}
	return n
}
