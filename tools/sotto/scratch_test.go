package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestScratchOfTheDeadIsRemoved: a folder that no process has goes; one that is in use, and what has another name, stays.
func TestScratchOfTheDeadIsRemoved(t *testing.T) {
	parent := t.TempDir()
	live, done, err := scratch(parent, "work-")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(live); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v: want a folder that nobody else may read", info, err)
	}
	for _, name := range []string{"work-1", "work-2.old", "work-mine", "other-3"} {
		if err := os.MkdirAll(filepath.Join(parent, name, "weights"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(parent, "other-3"), filepath.Join(parent, "work-4")); err != nil {
		t.Fatal(err)
	}
	next, nextDone, err := scratch(parent, "work-")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"other-3", "work-2.old", "work-4", "work-mine", filepath.Base(live), filepath.Base(next)}
	slices.Sort(want)
	if left := entries(t, parent); !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	for _, f := range []func() error{done, nextDone} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	if exists(live) || exists(next) {
		t.Error("folders that are done with are there")
	}
}
