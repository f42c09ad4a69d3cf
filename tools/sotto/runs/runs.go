// Package runs keeps a training or a search in a folder: journal.jsonl, a line an entry, and checkpoint.safetensors, the state that a
// resumed run goes on from.
package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sotto/passes/search"
	"sotto/runtime/tensorfile"
)

// The files of a run's folder.
const (
	JournalFile    = "journal.jsonl"
	CheckpointFile = "checkpoint.safetensors"
)

// Keys of a checkpoint's metadata.
const (
	settingsKey = "sotto.run"    // JSON: what the run is a function of
	methodKey   = "sotto.method" // JSON: the method's state
	linesKey    = "sotto.lines"  // of the journal
)

// mostJournal bounds a journal that is read.
const mostJournal = 1 << 30

// Folder is a search.Keeper.
type Folder struct {
	dir     string
	journal *os.File
}

// Open opens a run's folder, which is made if it is not there. One process at a time may have it open.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, JournalFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &Folder{dir, f}, nil
}

// Begun reports whether a run has left a checkpoint or a journal in dir.
func Begun(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, JournalFile))
	_, missing := os.Stat(filepath.Join(dir, CheckpointFile))
	return missing == nil || err == nil && info.Size() > 0
}

// Close closes the journal.
func (f *Folder) Close() error { return f.journal.Close() }

// Append adds a line to the journal and waits until the disk has it.
func (f *Folder) Append(line []byte) error {
	if _, err := f.journal.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if _, err := f.journal.Write(append(slices.Clone(line), '\n')); err != nil {
		return err
	}
	return f.journal.Sync()
}

// Lines reads the whole lines of the journal.
func (f *Folder) Lines() ([][]byte, error) {
	if _, err := f.journal.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f.journal, mostJournal+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostJournal {
		return nil, fmt.Errorf("%s: more than %d bytes", f.journal.Name(), mostJournal)
	}
	lines := bytes.Split(text, []byte("\n"))
	return lines[:len(lines)-1], nil // what follows the last line's end was cut off by a crash
}

// Cut leaves the first n lines.
func (f *Folder) Cut(n int) error {
	lines, err := f.Lines()
	if err != nil {
		return err
	}
	end := int64(0)
	for _, l := range lines[:min(n, len(lines))] {
		end += int64(len(l)) + 1
	}
	return errors.Join(f.journal.Truncate(end), f.journal.Sync())
}

// Save replaces the checkpoint.
func (f *Folder) Save(c *search.Checkpoint) error {
	var tensors []tensorfile.Tensor
	for _, path := range slices.Sorted(maps.Keys(c.Tensors)) {
		tensors = append(tensors, tensorfile.New(path, []int{len(c.Tensors[path])}, c.Tensors[path]))
	}
	return tensorfile.Write(filepath.Join(f.dir, CheckpointFile), tensors, map[string]string{
		settingsKey: string(c.Settings), methodKey: string(c.Method), linesKey: strconv.Itoa(c.Lines),
	}, tensorfile.Secret)
}

// Load gives the last checkpoint, nil if there is none.
func (f *Folder) Load() (*search.Checkpoint, error) {
	path := filepath.Join(f.dir, CheckpointFile)
	file, err := tensorfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	meta := file.Metadata()
	lines, err := strconv.Atoi(meta[linesKey])
	if err != nil || lines < 0 || !json.Valid([]byte(meta[settingsKey])) || !json.Valid([]byte(meta[methodKey])) {
		return nil, fmt.Errorf("%s: no checkpoint of a run", path)
	}
	c := &search.Checkpoint{Settings: json.RawMessage(meta[settingsKey]), Method: json.RawMessage(meta[methodKey]), Lines: lines, Tensors: map[string][]float32{}}
	for _, name := range file.Names() {
		if c.Tensors[name], _, err = file.Float32(name); err != nil {
			return nil, err
		}
	}
	return c, nil
}
