package store

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Checkpoints keeps one party's shares of what a training has come to, the last two, in a directory:
//
//	lock                 held by the one process that uses it
//	00000040.checkpoint  after 40 steps: bytes of the head 4 · head (JSON) · sealed file
//
// The head says of what run it is, after how many steps, and in which session these were made: shares of one step that different sessions
// came to do not add up. A file is there as a whole, on the disk, or not at all. The key is the party's own, so that the directory alone
// gives nothing away. Checkpoints are no material: they may be read again, and whoever goes on from one draws new masks.
type Checkpoints struct {
	dir  string
	lock *os.File
	of   Run
	key  Key
	held []Mark
}

// Run is what checkpoints are good for.
type Run struct {
	Party string `json:"party"` // client or server
	Pair  string `json:"pair"`  // hash of the pair of programs
	Plan  string `json:"plan"`  // digest of what else both parties agreed on
	Peer  string `json:"peer"`  // fingerprint of the peer's certificate
}

// Mark names a checkpoint: both parties' have the same.
type Mark struct {
	Step    uint64 `json:"step"`    // steps that were made
	Session ID     `json:"session"` // in which they were
}

type checkpointHead struct {
	Version int `json:"version"`
	Run
	Mark
}

const (
	checkpointVersion = 1
	checkpointSuffix  = ".checkpoint"
	checkpointUse     = "checkpoint"
	maxCheckpointHead = 1 << 12
	kept              = 2 // a peer that was cut off while it wrote the last one has the one before
)

// checkpointDir is the directory's kind.
var checkpointDir = kind{"`sotto train --private`", func(e fs.DirEntry) bool {
	return e.Name() == lockFile || strings.HasSuffix(e.Name(), checkpointSuffix) || strings.HasSuffix(e.Name(), checkpointSuffix+partSuffix)
}}

// OpenCheckpoints opens the directory of a run, or makes one that is empty or missing. A file that is damaged counts as not there, beside one
// that is not. It fails if another process has it open, or if it is another run's.
func OpenCheckpoints(dir string, of Run, key Key) (*Checkpoints, error) {
	if _, err := checkpointDir.make(dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("checkpoints %s: %w", dir, err)
	}
	c := &Checkpoints{dir: dir, lock: lock, of: of, key: key}
	if err := c.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoints %s: %w", dir, err), lock.Close())
	}
	return c, nil
}

// begin finds what is held and clears away what an interrupted process left.
func (c *Checkpoints) begin() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var damaged error
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partSuffix) {
			if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil {
				return err
			}
		}
		if !strings.HasSuffix(e.Name(), checkpointSuffix) {
			continue
		}
		h, state, err := c.load(filepath.Join(c.dir, e.Name()))
		wipe(state) // which was read to see that it is whole
		if errors.Is(err, ErrForeign) {
			damaged = fmt.Errorf("%s: %w", e.Name(), err)
			continue
		}
		if err == nil {
			err = c.of.accepts(h.Run)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		c.held = append(c.held, h.Mark)
	}
	slices.SortFunc(c.held, func(a, b Mark) int { return cmp.Compare(a.Step, b.Step) })
	if len(c.held) == 0 {
		return damaged
	}
	return nil
}

func (r Run) accepts(o Run) error {
	const instead = ": name another directory, or remove this one to begin anew"
	switch {
	case r.Party != o.Party:
		return fmt.Errorf("it is the %s's, this is the %s%s", o.Party, r.Party, instead)
	case r.Pair != o.Pair:
		return fmt.Errorf("it is of the program %.12s, not of %.12s%s", o.Pair, r.Pair, instead)
	case r.Plan != o.Plan:
		return fmt.Errorf("it is of a run with other data, another schedule or another number of steps%s", instead)
	case r.Peer != o.Peer:
		return fmt.Errorf("its other half is at %s, not at %s%s", o.Peer, r.Peer, instead)
	}
	return nil
}

// Held lists what is there, by steps.
func (c *Checkpoints) Held() []Mark { return slices.Clone(c.held) }

func (c *Checkpoints) path(step uint64) string {
	return filepath.Join(c.dir, name(step, checkpointSuffix))
}

// Write keeps this party's shares of a state, as bytes by name, and drops what is older than the one before. When it returns they are on
// the disk.
func (c *Checkpoints) Write(m Mark, state map[string][]byte) error {
	if err := c.write(m, state); err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	if i := slices.IndexFunc(c.held, func(h Mark) bool { return h.Step >= m.Step }); i >= 0 {
		c.held = c.held[:i]
	}
	c.held = append(c.held, m)
	for len(c.held) > kept {
		if err := os.Remove(c.path(c.held[0].Step)); err != nil {
			return err
		}
		c.held = c.held[1:]
	}
	return nil
}

func (c *Checkpoints) write(m Mark, state map[string][]byte) (err error) {
	text, err := json.Marshal(checkpointHead{checkpointVersion, c.of, m})
	if err != nil {
		return err
	}
	w, err := Create(c.path(m.Step), append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...), c.key, checkpointUse)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Discard()) }()
	for name, share := range state {
		out, err := w.Stream(name)
		if err != nil {
			return err
		}
		if _, err := out.Write(share); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	_, err = w.Commit()
	return err
}

// Read gives the shares of a checkpoint that is held.
func (c *Checkpoints) Read(m Mark) (map[string][]byte, error) {
	h, state, err := c.load(c.path(m.Step))
	if err == nil && h.Mark != m {
		err = fmt.Errorf("step %d of another session", m.Step)
	}
	if err != nil {
		wipe(state)
		return nil, fmt.Errorf("checkpoints %s: %w", c.dir, err)
	}
	return state, nil
}

func wipe(state map[string][]byte) {
	for _, share := range state {
		clear(share)
	}
}

// load reads and verifies a file. What it read is given with an error too, to be wiped.
func (c *Checkpoints) load(path string) (h checkpointHead, state map[string][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(f, head); err != nil || binary.LittleEndian.Uint32(head) > maxCheckpointHead {
		return h, nil, ErrForeign
	}
	text := make([]byte, binary.LittleEndian.Uint32(head))
	if _, err := io.ReadFull(f, text); err != nil || json.Unmarshal(text, &h) != nil || h.Version != checkpointVersion || path != c.path(h.Step) {
		return h, nil, ErrForeign
	}
	r, err := Unseal(f, append(head, text...), c.key, checkpointUse)
	if err != nil {
		return h, nil, err
	}
	state = map[string][]byte{}
	for name := range r.table.Streams {
		if state[name], err = r.all(name); err != nil {
			return h, state, err
		}
	}
	return h, state, nil
}

// all reads a stream, into one buffer: one that grew would leave copies behind.
func (r *Reader) all(name string) ([]byte, error) {
	in, err := r.Stream(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	n := int64(0)
	for _, p := range r.table.Streams[name] {
		n += int64(max(p.Bytes-r.aead.Overhead(), 0))
	}
	if n > r.size { // whoever has the key may have written anything
		return nil, ErrForeign
	}
	out := make([]byte, n)
	_, err = io.ReadFull(in, out)
	return out, err
}

// After drops what was made after so many steps: who goes on from there comes to other shares.
func (c *Checkpoints) After(step uint64) error {
	for len(c.held) > 0 && c.held[len(c.held)-1].Step > step {
		last := len(c.held) - 1
		if err := os.Remove(c.path(c.held[last].Step)); err != nil {
			return err
		}
		c.held = c.held[:last]
	}
	return nil
}

// Close lets others open the directory.
func (c *Checkpoints) Close() error {
	clear(c.key[:])
	return c.lock.Close()
}
