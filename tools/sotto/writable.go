package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writable refuses a file that could not be written, before minutes of measurement whose result it is to hold. What is there stays as it is.
func writable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".sotto-*")
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: there is no directory %s to write it to", path, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}

// folderWritable refuses a directory that could not be made or replaced, before what is to be in it. Nothing is left of the attempt.
func folderWritable(dir string) error {
	parent := filepath.Dir(filepath.Clean(dir))
	for !exists(parent) {
		parent = filepath.Dir(parent)
	}
	tmp, err := os.MkdirTemp(parent, ".sotto-*")
	if err != nil {
		return fmt.Errorf("%s could not be written: %w", dir, err)
	}
	return os.Remove(tmp)
}
