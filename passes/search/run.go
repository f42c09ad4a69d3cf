package search

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Keeper is where a run is kept: its journal, to which lines are added, and its last checkpoint. Passes touch no files, so whoever starts a
// run hands one over.
type Keeper interface {
	// Append adds a line to the journal, which is on the disk when it returns.
	Append(line []byte) error
	// Lines reads the journal; a line that is not whole is none.
	Lines() ([][]byte, error)
	// Cut leaves the first n lines of the journal.
	Cut(n int) error
	// Save replaces the checkpoint: a crash leaves the old one or the new.
	Save(*Checkpoint) error
	// Load gives the last checkpoint, nil if there is none.
	Load() (*Checkpoint, error)
}

// Checkpoint is a run between two steps.
type Checkpoint struct {
	Settings json.RawMessage      // what the run is a function of: one with others cannot go on from here
	Method   json.RawMessage      // the method's state
	Lines    int                  // of the journal
	Tensors  map[string][]float32 // the engine's state
}

// Stateful is the part of an engine that a checkpoint is made of.
type Stateful interface {
	State() map[string][]float32
	Restore(map[string][]float32) error
}

// RunOptions say how a method is driven.
type RunOptions struct {
	Keeper   Keeper          // nil: nothing is kept
	Settings json.RawMessage // of method, engine and data
	Resume   bool            // go on from the last checkpoint; without one, from the beginning
	Every    time.Duration   // of work between checkpoints
	Entry    func(*Entry)    // is told each entry, those of before a resumed run's checkpoint too; may be nil
	Stepped  func()          // is called after each step; may be nil
}

// saveShare bounds the share of time that goes into checkpoints: a large one waits until work has taken so many times as long as it.
const saveShare = 20

// Run drives a method to its end, or until the context ends, when it saves a checkpoint and gives the context's error. After an interruption at
// any moment a resumed run has the journal that an uninterrupted one has, byte for byte, if engine and method are functions of
// their settings: entries from behind the checkpoint are cut off and come again.
func Run(ctx context.Context, m Method, e Stateful, o RunOptions) error {
	r := &driver{RunOptions: o, method: m, engine: e, saved: time.Now()}
	if err := r.begin(); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, r.save())
		}
		entry, done, err := m.Step()
		if err != nil {
			return err
		}
		if err := r.stepped(entry); err != nil {
			return err
		}
		if done {
			return r.save()
		}
	}
}

// driver is a Run in progress.
type driver struct {
	RunOptions
	method Method
	engine Stateful
	lines  int
	saved  time.Time
	took   time.Duration // the last save
}

// begin takes up where a checkpoint left off, or empties the journal.
func (r *driver) begin() error {
	if r.Keeper == nil {
		return nil
	}
	if !r.Resume {
		return r.Keeper.Cut(0)
	}
	c, err := r.Keeper.Load()
	switch {
	case err != nil:
		return err
	case c == nil:
		return r.Keeper.Cut(0)
	}
	if differ := differences(c.Settings, r.Settings); len(differ) > 0 {
		return fmt.Errorf("the checkpoint is of a run with other settings: %s; accepted are the same, or a new folder", strings.Join(differ, ", "))
	}
	return r.restore(c)
}

// differences lists the settings, the members of two objects, that are not the same.
func differences(kept, now json.RawMessage) (out []string) {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(kept, &a) != nil || json.Unmarshal(now, &b) != nil {
		return []string{"no object"}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if !sameJSON(a[name], b[name]) {
			out = append(out, fmt.Sprintf("%s %s, not %s", name, or(a[name], "none"), b[name]))
		}
		delete(a, name)
	}
	return append(out, slices.Sorted(maps.Keys(a))...)
}

func or(text json.RawMessage, otherwise string) string {
	if len(text) == 0 {
		return otherwise
	}
	return string(text)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

func (r *driver) restore(c *Checkpoint) error {
	lines, err := r.Keeper.Lines()
	if err != nil {
		return err
	}
	if len(lines) < c.Lines {
		return fmt.Errorf("the journal has %d lines, the checkpoint is from after %d: the journal was changed", len(lines), c.Lines)
	}
	for i, line := range lines[:c.Lines] {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d of the journal: %w", i+1, err)
		}
		r.tell(&e)
	}
	r.lines = c.Lines
	return errors.Join(r.Keeper.Cut(c.Lines), r.method.UnmarshalState(c.Method), r.engine.Restore(c.Tensors))
}

func (r *driver) tell(e *Entry) {
	if r.Entry != nil {
		r.Entry(e)
	}
}

// stepped is what follows a step: the entry goes into the journal, and now and then a checkpoint is saved.
func (r *driver) stepped(e *Entry) error {
	if e != nil {
		if err := r.append(e); err != nil {
			return err
		}
		r.tell(e)
	}
	if r.Stepped != nil {
		r.Stepped()
	}
	if time.Since(r.saved) < max(r.Every, saveShare*r.took) {
		return nil
	}
	return r.save()
}

func (r *driver) append(e *Entry) error {
	if r.Keeper == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r.lines++
	return r.Keeper.Append(line)
}

func (r *driver) save() error {
	if r.Keeper == nil {
		return nil
	}
	began := time.Now()
	state, err := r.method.MarshalState()
	if err != nil {
		return err
	}
	err = r.Keeper.Save(&Checkpoint{Settings: r.Settings, Method: state, Lines: r.lines, Tensors: r.engine.State()})
	r.saved = time.Now()
	r.took = r.saved.Sub(began)
	return err
}
