// Package store keeps the offline material of inferences that are run later, on one party's disk: each used once, whatever
// happens to either party in between.
//
// A store is a directory of one party, for one peer and one pair of programs:
//
//	lock               held by the one process that uses the store
//	state              what the store is for, the cursor, and the key of what is left
//	00000007.material  the material of inference 7
//	00000008.part      material that is being made
//
// Inferences are numbered; both parties count alike and a number is given once. Three rules make material single-use:
//
//   - The cursor is the first number that may still be used. It is moved past a number, durably, before anything made from
//     that number's material leaves the machine. It never moves back.
//   - Two parties begin at a number that both hold, at or above both cursors (runtime/party has the exchange).
//   - The keys of the files form a chain that is only walked forward: file i is under a key derived from k_i, k_(i+1) is a
//     hash of k_i, and the state holds the cursor's key alone. What the cursor has passed cannot be read again, even if its
//     file is still on the disk. (Overwriting files is not what is relied on: disks keep old blocks.)
//
// Whoever reads the whole directory can read the material; it needs the protection of a private key, and has mode 0600.
// Restoring a copy of the directory defeats all of this: nothing here could tell.
package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ID names what two stores hold together: both parties' have the same. The zero ID is a store's that has not met its peer.
type ID [16]byte

// Binding is what a store's material is good for.
type Binding struct {
	Party   string `json:"party"`             // client or server
	Pair    string `json:"pair"`              // hash of the pair of programs
	Weights string `json:"weights,omitempty"` // digest of this party's weights, if it has any. It never leaves the machine
	Peer    string `json:"peer"`              // fingerprint of the peer's certificate
}

// Store is an open store. Its methods may be called by several goroutines.
type Store struct {
	dir   string
	lock  *os.File
	made  bool // the directory, by Open
	fresh bool // the state, by Open

	mu    sync.Mutex
	state state
}

// ErrUsed says that a number is behind the cursor.
var ErrUsed = errors.New("was used")

// Open opens a store, or makes one in a directory that is empty or missing. It fails if another process has it open or if
// it is for something else.
func Open(dir string, b Binding) (*Store, error) {
	made, err := materialDir.make(dir)
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	s := &Store{dir: dir, lock: lock, made: made}
	if err := s.begin(b); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

// begin reads or writes the state and clears away what an interrupted process left.
func (s *Store) begin(b Binding) error {
	var err error
	s.state, err = readState(s.path(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		s.state, s.fresh = state{Version: stateVersion, Binding: b}, true
		if _, err := rand.Read(s.state.Key[:]); err != nil {
			return err
		}
		return errors.Join(s.sweep(), s.remove(isMaterial), s.keep()) // what a lost state leaves cannot be read any more
	}
	if err != nil {
		return err
	}
	if err := s.state.Binding.accepts(b); err != nil {
		return err
	}
	return errors.Join(s.sweep(), s.clear())
}

// accepts compares what a store was made for with what it is to be used for.
func (b Binding) accepts(o Binding) error {
	const instead = "; use another directory, or remove this one and run `sotto prepare` again"
	switch {
	case b.Party != o.Party:
		return fmt.Errorf("it is the %s's, this is the %s%s", b.Party, o.Party, instead)
	case b.Pair != o.Pair:
		return fmt.Errorf("its material is for the program %.12s, not for %.12s%s", b.Pair, o.Pair, instead)
	case b.Weights != o.Weights:
		return fmt.Errorf("its material is for other weights%s", instead)
	case b.Peer != o.Peer:
		return fmt.Errorf("its material is shared with the peer %s, not with %s%s", b.Peer, o.Peer, instead)
	}
	return nil
}

// Close lets others open the store and wipes the key. Of a store that Open made and that met no peer nothing is left.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.state.Key[:])
	var err error
	if s.fresh && s.state.ID == (ID{}) && s.state.Next == 0 {
		err = s.unmake()
	}
	s.fresh = false
	return errors.Join(err, s.lock.Close())
}

// unmake removes what Open made. The lock goes last of the files, and whoever waited for it finds that it has gone.
func (s *Store) unmake() error {
	for _, file := range []string{stateFile, lockFile} {
		if err := os.Remove(s.path(file)); err != nil {
			return err
		}
	}
	if s.made {
		os.Remove(s.dir) // fails if somebody has put something there
	}
	return nil
}

// Status is what a store holds.
type Status struct {
	Binding
	ID     ID
	Cursor uint64   // the first number that may be used
	Next   uint64   // the first number that was never given
	Held   []uint64 // numbers whose material is here, ascending
	Bytes  int64    // that it takes on the disk
}

// Status tells what the store holds now.
func (s *Store) Status() (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return status(s.dir, s.state)
}

// Inspect tells what a store holds without opening it.
func Inspect(dir string) (Status, error) {
	st, err := readState(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, fmt.Errorf("%s is no store: accepted is a directory that `sotto prepare --store` made", dir)
	}
	if err != nil {
		return Status{}, fmt.Errorf("store %s: %w", dir, err)
	}
	clear(st.Key[:])
	return status(dir, st)
}

func status(dir string, st state) (Status, error) {
	out := Status{Binding: st.Binding, ID: st.ID, Cursor: st.Cursor, Next: st.Next}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		n, ok := numberOf(e.Name())
		if !ok || n < st.Cursor {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return out, err
		}
		out.Held = append(out.Held, n)
		out.Bytes += info.Size()
	}
	slices.Sort(out.Held)
	return out, nil
}

// First gives the first number at or above from whose material is here, or None.
func (s *Store) First(from uint64) (uint64, error) {
	st, err := s.Status()
	if err != nil {
		return None, err
	}
	at, _ := slices.BinarySearch(st.Held, from)
	if at == len(st.Held) {
		return None, nil
	}
	return st.Held[at], nil
}

// None is no number.
const None = math.MaxUint64

// Meet gives a store that has met no peer yet its ID; another must have the same.
func (s *Store) Meet(id ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.ID == id {
		return nil
	}
	if s.state.ID != (ID{}) {
		return fmt.Errorf("store %s: the peer's holds another batch; remove both and run `sotto prepare` again", s.dir)
	}
	s.state.ID = id
	return s.keep()
}

// Give gives a number, at or above from, to an inference whose material is about to be made. No later call gives it again.
func (s *Store) Give(from uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := max(from, s.state.Next)
	if n > maxNumber {
		return 0, fmt.Errorf("store %s: number %d, accepted are up to %d: make a new store", s.dir, n, uint64(maxNumber))
	}
	s.state.Next = n + 1
	return n, s.keep()
}

// Make opens a writer for the material of a number that Give gave.
func (s *Store) Make(n uint64) (*Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < s.state.Cursor || n >= s.state.Next {
		return nil, fmt.Errorf("store %s: inference %d is not one to be made, those are %d to %d", s.dir, n, s.state.Cursor, s.state.Next)
	}
	key := s.state.keyOf(n)
	defer clear(key[:])
	w, err := newWriter(s.path(name(n, partSuffix)), s.path(name(n, materialSuffix)), nil, key, s.state.context(n))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return w, nil
}

// Take moves the cursor past n, durably, and opens n's material, which is deleted. Whatever the caller does then, and
// whether or not this fails afterwards, no number up to n is used again.
func (s *Store) Take(n uint64) (*Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < s.state.Cursor {
		return nil, fmt.Errorf("store %s: inference %d %w, the first that is left is %d", s.dir, n, ErrUsed, s.state.Cursor)
	}
	if n >= s.state.Next {
		return nil, fmt.Errorf("store %s: inference %d was never made, accepted are up to %d", s.dir, n, s.state.Next)
	}
	key, context := s.state.keyOf(n), s.state.context(n)
	defer clear(key[:])
	path := s.path(name(n, materialSuffix))
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s.state.Key = s.state.keyOf(n + 1)
	s.state.Cursor = n + 1
	if err := errors.Join(s.keep(), s.clear()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r, err := newReader(file, 0, key, context)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w; it is dropped", path, err), file.Close())
	}
	return r, nil
}

// Drop moves the cursor past every number below n and deletes what is held of them and of the numbers listed.
func (s *Store) Drop(below uint64, numbers ...uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if below > s.state.Cursor {
		s.state.Key = s.state.keyOf(below)
		s.state.Cursor, s.state.Next = below, max(below, s.state.Next)
		if err := s.keep(); err != nil {
			return err
		}
	}
	for _, n := range numbers {
		if err := os.Remove(s.path(name(n, materialSuffix))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.clear()
}

// keep makes the state durable.
func (s *Store) keep() error {
	if err := writeState(s.path(stateFile), s.state); err != nil {
		return fmt.Errorf("store %s: %w", s.dir, err)
	}
	return nil
}

// isMaterial tells whether a file is an inference's.
func isMaterial(file string) bool {
	_, ok := numberOf(file)
	return ok
}

// clear deletes what the cursor has passed.
func (s *Store) clear() error {
	return s.remove(func(file string) bool {
		n, ok := numberOf(file)
		return ok && n < s.state.Cursor
	})
}

// sweep deletes what a process that was cut off left unfinished.
func (s *Store) sweep() error {
	return s.remove(func(file string) bool {
		return strings.HasSuffix(file, partSuffix) || strings.HasPrefix(file, tempPrefix)
	})
}

func (s *Store) remove(goes func(file string) bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !goes(e.Name()) {
			continue
		}
		if err := os.Remove(s.path(e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }
