package vm

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"sotto/runtime/prg"
)

// written is n bytes that differ from place to place.
func written(n, salt int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + salt)
	}
	return b
}

// TestStoreKeepsStreams writes pieces of several streams by turns and reads them in other sizes, in memory, in the file, and
// across both.
func TestStoreKeepsStreams(t *testing.T) {
	for _, budget := range []int64{0, 1 << 10, 1 << 30} {
		s := newStore(budget)
		var streams [3]*kept
		var want [3][]byte
		rnd := rand.New(rand.NewPCG(1, 2)) // public: sizes of pieces
		for i := range streams {
			streams[i] = s.stream()
		}
		for round := range 20 {
			for i, k := range streams {
				p := written(1+rnd.IntN(200), i+round)
				if n, err := k.Write(p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
				want[i] = append(want[i], p...)
			}
		}
		for i, k := range streams {
			got := make([]byte, len(want[i]))
			for at := 0; at < len(got); {
				end := min(at+1+rnd.IntN(300), len(got))
				if _, err := io.ReadFull(k, got[at:end]); err != nil {
					t.Fatal(err)
				}
				at = end
			}
			if !bytes.Equal(got, want[i]) {
				t.Errorf("budget %d: stream %d reads otherwise than it was written", budget, i)
			}
			if n, err := k.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after its end: %d bytes, %v", n, err)
			}
		}
		if s.room != budget {
			t.Errorf("%d bytes of the budget of %d are left when all is read", s.room, budget)
		}
		s.close()
	}
}

// TestStoreFileIsEncrypted looks for what was written in the file.
func TestStoreFileIsEncrypted(t *testing.T) {
	s := newStore(0)
	defer s.close()
	secret := bytes.Repeat([]byte("label"), 100)
	if _, err := s.stream().Write(secret); err != nil {
		t.Fatal(err)
	}
	onDisk := make([]byte, len(secret))
	if _, err := s.file.ReadAt(onDisk, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(onDisk, secret[:16]) {
		t.Error("the file holds what was written")
	}
}

// TestFillAndNext: what is filled comes back, in place where there is memory for it.
func TestFillAndNext(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20} {
		s := newStore(budget)
		sp := &spool{stream: s.stream()}
		var buffer, other []prg.Block
		for _, n := range []int{16, 100, 33} {
			if err := sp.fill(n, &buffer, func(p []byte) error { copy(p, written(n, 0)); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range []int{16, 100, 33} {
			blocks, err := sp.next(n, &other)
			if err != nil || !bytes.Equal(prg.Bytes(blocks)[:n], written(n, 0)) {
				t.Errorf("budget %d, %d bytes: %v", budget, n, err)
			}
		}
		if (buffer == nil) != (budget > 0) {
			t.Errorf("budget %d: the buffer has %d blocks", budget, len(buffer))
		}
		sp.close()
		s.close()
	}
}

// TestStoreSaysWhereItFailed: without a temporary directory only what stays in memory can be kept.
func TestStoreSaysWhereItFailed(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	s := newStore(100)
	k := s.stream()
	if _, err := k.Write(written(100, 0)); err != nil {
		t.Error(err)
	}
	if _, err := k.Write(written(1, 0)); err == nil || !strings.Contains(err.Error(), "temporary directory") {
		t.Errorf("error %v", err)
	}
}
