package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var binding = Binding{Party: "client", Pair: strings.Repeat("ab", 32), Peer: "sha256:1"}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, binding)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// content of a stream: longer than a piece, and no multiple of one.
func content(n uint64, stream string) []byte {
	r := rand.NewChaCha8([32]byte{byte(n), byte(len(stream))})
	out := make([]byte, 2*pieceBytes+12345)
	r.Read(out)
	return out
}

var streams = []string{"state", "labels.0", "empty"}

// fill makes one inference's material, its streams interleaved.
func fill(t testing.TB, s *Store) uint64 {
	t.Helper()
	n, err := s.Give(0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Make(n)
	if err != nil {
		t.Fatal(err)
	}
	var open []io.WriteCloser
	for _, name := range streams {
		o, err := w.Stream(name)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, o)
	}
	a, b := content(n, streams[0]), content(n, streams[1])
	for lo := 0; lo < len(a); lo += 70000 {
		hi := min(lo+70000, len(a))
		for i, text := range [][]byte{a, b} {
			if _, err := open[i].Write(text[lo:hi]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return n
}

// read compares a file's streams with what fill wrote.
func read(r *Reader, n uint64) error {
	defer r.Close()
	for i, name := range streams {
		s, err := r.Stream(name)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(s)
		if err != nil {
			return err
		}
		if want := content(n, name); i < 2 && !bytes.Equal(got, want) || i == 2 && len(got) > 0 {
			return fmt.Errorf("stream %s: read other bytes than were written", name)
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestTakeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := open(t, dir)
	for range 4 {
		fill(t, s)
	}
	for _, n := range []uint64{0, 2} { // 1 is passed over
		r, err := s.Take(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(r, n); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	for n := range uint64(3) {
		if _, err := s.Take(n); !errors.Is(err, ErrUsed) {
			t.Errorf("inference %d: error %v, want one that it was used", n, err)
		}
	}
	st, err := s.Status()
	if err != nil || fmt.Sprint(st.Held) != "[3]" || st.Cursor != 3 || st.Next != 4 || st.Bytes < 4*pieceBytes {
		t.Errorf("%+v, %v", st, err)
	}
	if r, err := s.Take(3); err != nil || read(r, 3) != nil {
		t.Errorf("the last: %v", err)
	}
	if n, err := s.Give(0); err != nil || n != 4 {
		t.Errorf("gives %d, %v: numbers are given once", n, err)
	}
}

// TestPassedMaterialIsUnreadable puts files back that the cursor has passed: their keys are gone.
func TestPassedMaterialIsUnreadable(t *testing.T) {
	s := open(t, t.TempDir())
	n := fill(t, s)
	path := s.path(name(n, materialSuffix))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Take(n)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the used file is still there: %v", err)
	}
	next := fill(t, s)
	if err := os.WriteFile(s.path(name(next, materialSuffix)), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(next); !errors.Is(err, ErrForeign) {
		t.Errorf("error %v for a used file in a new one's place", err)
	}
}

// TestDamage flips bits all over a file, cuts it, and lengthens it: nothing is read that was not written, and the number is
// used up.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	whole := 0
	for i := range 60 {
		n := fill(t, s)
		path := s.path(name(n, materialSuffix))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := r.IntN(len(text))
		switch {
		case i < headBytes:
			at = i
		case i < headBytes+tailBytes:
			at = len(text) - 1 - (i - headBytes)
		}
		switch {
		case i == 57:
			text = text[:at]
		case i == 58:
			text = append(text, 0)
		case i == 59:
			text = nil
		default:
			text[at] ^= 1 << r.IntN(8)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Take(n)
		if err == nil {
			err = read(got, n)
		}
		if !errors.Is(err, ErrForeign) {
			whole++
			t.Errorf("change %d at %d: error %v", i, at, err)
		}
		if _, err := s.Take(n); !errors.Is(err, ErrUsed) {
			t.Errorf("change %d: taken again: %v", i, err)
		}
	}
}

// TestStateDamage flips a bit of every byte of the state: a store whose cursor is not known is not used.
func TestStateDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s)
	s.Close()
	path := filepath.Join(dir, stateFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		text := bytes.Clone(good)
		text[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(dir, binding); err == nil {
			t.Errorf("opened with byte %d of the state changed: %q", at, text)
			s.Close()
		}
	}
	for _, text := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), '\n')} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(dir, binding); err == nil {
			t.Errorf("opened with the state %q", text)
			s.Close()
		}
	}
}

// TestLostState: material whose keys are lost with the state is not held, and its number may be given again.
func TestLostState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s)
	s.Close()
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if st, err := s.Status(); err != nil || len(st.Held) > 0 {
		t.Fatalf("a store without its state holds %v (%v)", st.Held, err)
	}
	n := fill(t, s)
	r, err := s.Take(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(r, n); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir, binding); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("two at a time: %v", err)
	}
	if err := errors.Join(s.Meet(ID{1}), s.Close()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Binding){
		"it is the client's":           func(b *Binding) { b.Party = "server" },
		"for the program abababababab": func(b *Binding) { b.Pair = "cd" },
		"for other weights":            func(b *Binding) { b.Weights = "x" },
		"shared with the peer":         func(b *Binding) { b.Peer = "sha256:2" },
	} {
		b := binding
		change(&b)
		if s, err := Open(dir, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
			s.Close()
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, binding); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("open to others: %v", err)
	}
	other := t.TempDir()
	if err := errors.Join(os.Chmod(other, 0o700), os.WriteFile(filepath.Join(other, "thesis.tex"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, binding); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("a directory of something else: %v", err)
	}
}

// TestCloseLeavesNothing of a store that met no peer, but a directory that was there before; one that met its peer stays.
func TestCloseLeavesNothing(t *testing.T) {
	there := t.TempDir()
	missing := filepath.Join(there, "new")
	for range 2 {
		if err := open(t, missing).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, there).Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(there); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	s := open(t, missing)
	if err := errors.Join(s.Meet(ID{1}), s.Close()); err != nil {
		t.Fatal(err)
	}
	if st, err := Inspect(missing); err != nil || st.ID != (ID{1}) {
		t.Errorf("a store that met its peer: %v, %v", st, err)
	}
}

// TestOpenAfterRemoval: a lock that was waited for while its file was removed is none.
func TestOpenAfterRemoval(t *testing.T) {
	path := filepath.Join(t.TempDir(), lockFile)
	lock, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := stillAt(lock, path); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := stillAt(lock, path); err == nil {
		t.Error("the lock on a file that was removed counts")
	}
}

func TestMeet(t *testing.T) {
	s := open(t, t.TempDir())
	if err := errors.Join(s.Meet(ID{1}), s.Meet(ID{1})); err != nil {
		t.Error(err)
	}
	if err := s.Meet(ID{2}); err == nil || !strings.Contains(err.Error(), "another batch") {
		t.Errorf("another peer's: %v", err)
	}
}

func TestDrop(t *testing.T) {
	s := open(t, t.TempDir())
	for range 5 {
		fill(t, s)
	}
	if err := s.Drop(2, 3); err != nil {
		t.Fatal(err)
	}
	if st, _ := s.Status(); fmt.Sprint(st.Held) != "[2 4]" {
		t.Errorf("holds %v", st.Held)
	}
	for _, n := range []uint64{2, 4} {
		if r, err := s.Take(n); err != nil || read(r, n) != nil {
			t.Errorf("inference %d: %v", n, err)
		}
	}
}

// TestModes: nothing in a store is open to others.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "s")
	s := open(t, dir)
	fill(t, s)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

// TestFullDisk: no room ends the making with an error that says so, and what is held stays usable.
func TestFullDisk(t *testing.T) {
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", small).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(small, binding)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := s.Give(0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Make(n)
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Stream("state")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = o.Write(make([]byte, 2<<20)); err == nil {
		_, err = w.Commit()
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want one of a full disk", err)
	}
	if err := w.Discard(); err != nil {
		t.Error(err)
	}
	if n, err := s.Give(0); n != 1 || err != nil {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

// TestUnfinishedIsSwept: what an interrupted process left is gone when the store is opened again, and its number with it.
func TestUnfinishedIsSwept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	n, err := s.Give(7)
	if err != nil || n != 7 {
		t.Fatal(n, err)
	}
	if _, err := s.Make(n); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(n); err == nil {
		t.Error("took what is not finished")
	}
	s.Close()
	s = open(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+partSuffix)); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if n, err := s.Give(0); err != nil || n != 8 {
		t.Errorf("gives %d, %v", n, err)
	}
}
