package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Files of a store and their names.
const (
	lockFile       = "lock"
	stateFile      = "state"
	tempPrefix     = ".state-"
	materialSuffix = ".material"
	partSuffix     = ".part"
)

// name of a number's file; numberOf reads it.
func name(n uint64, suffix string) string { return fmt.Sprintf("%08d%s", n, suffix) }

func numberOf(file string) (uint64, bool) {
	digits, ok := strings.CutSuffix(file, materialSuffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && name(n, materialSuffix) == file
}

// maxNumber bounds numbers, so that walking the chain of keys ends.
const maxNumber = 1 << 20

// chainKey is a key of the chain: k_i.
type chainKey [sha256.Size]byte

// follow gives k_(i+1). A hash: from it nobody comes back to k_i.
func (k chainKey) follow() chainKey {
	return sha256.Sum256(append([]byte("sotto store: next key\x00"), k[:]...))
}

// state is what has to outlive the process, beside the material.
type state struct {
	Version int `json:"version"`
	Binding
	ID     ID       `json:"id"`
	Cursor uint64   `json:"cursor"`
	Next   uint64   `json:"next"`
	Key    chainKey `json:"key"` // of the cursor
}

const stateVersion = 2

// keyOf gives the key of a number at or above the cursor.
func (s *state) keyOf(n uint64) chainKey {
	k := s.Key
	for range n - s.Cursor {
		k = k.follow()
	}
	return k
}

// context ties a file to its place: it goes into its key.
func (s *state) context(n uint64) []byte {
	out := binary.LittleEndian.AppendUint64(append([]byte("sotto store: material\x00"), s.ID[:]...), n)
	return append(out, s.Party...)
}

// MarshalText and UnmarshalText write IDs and keys as hexadecimal digits.
func (id ID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(id[:])), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error { return unhex(id[:], text) }

// MarshalText writes hexadecimal digits.
func (k chainKey) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(k[:])), nil }

// UnmarshalText reads what MarshalText writes.
func (k *chainKey) UnmarshalText(text []byte) error { return unhex(k[:], text) }

func unhex(dst, text []byte) error {
	if hex.DecodedLen(len(text)) != len(dst) {
		return fmt.Errorf("%d hexadecimal digits, accepted are %d", len(text), hex.EncodedLen(len(dst)))
	}
	_, err := hex.Decode(dst, text)
	return err
}

// A state file is a line of JSON and a line with its SHA-256, against accidents.

func (s *state) encode() ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return fmt.Appendf(text, "\n%x\n", sum), nil
}

var errDamaged = errors.New("its state is damaged, so what was used is not known: remove the directory and run `sotto prepare` again")

func readState(path string) (s state, err error) {
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	const limit = 1 << 16 // far above what any state takes
	text, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return s, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if json.Unmarshal(line, &s) != nil {
		return s, errDamaged
	}
	if s.Version != stateVersion {
		return s, fmt.Errorf("of version %d, accepted is %d: remove it and run `sotto prepare` again", s.Version, stateVersion)
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, text) || s.Cursor > s.Next || s.Next > maxNumber+1 {
		return s, errDamaged
	}
	return s, nil
}

// writeState replaces the state file: the new one is on the disk, as a whole and under its name, or an error is returned.
func writeState(path string, s state) error {
	text, err := s.encode()
	if err != nil {
		return err
	}
	defer clear(text)
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix) // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return replace(f.Name(), path)
}

// replace renames a file whose content is on the disk, and makes that last.
func replace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Remove(from))
	}
	return syncDir(filepath.Dir(to))
}

// syncDir makes what a directory says of its entries last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// kind is whose directory it is.
type kind struct {
	by   string // what makes it
	ours func(fs.DirEntry) bool
}

// make makes the directory, or accepts one that is empty or of the kind, and closed to others. It tells whether it made it.
func (k kind) make(dir string) (made bool, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return true, err
		}
		return true, syncDir(filepath.Dir(dir))
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, fmt.Errorf("store %s: it is no directory: accepted is a new or empty one, or one that %s made", dir, k.by)
	}
	return false, k.check(dir)
}

func (k kind) check(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !k.ours(e) {
			return fmt.Errorf("store %s: it holds %s, which is no store's: accepted is an empty directory or one that %s made", dir, e.Name(), k.by)
		}
	}
	if len(entries) == 0 {
		return os.Chmod(dir, 0o700)
	}
	return checkMode(dir)
}

func checkMode(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("store %s: open to other users (%v), accepted is mode 0700: chmod 700 %s", dir, info.Mode(), dir)
	}
	return err
}

// materialDir is a store's directory.
var materialDir = kind{"`sotto prepare`", func(e fs.DirEntry) bool {
	_, whole := numberOf(e.Name())
	return whole || e.Name() == lockFile || e.Name() == stateFile || strings.HasPrefix(e.Name(), tempPrefix) || strings.HasSuffix(e.Name(), partSuffix)
}}
