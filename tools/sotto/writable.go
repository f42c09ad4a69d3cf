package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sotto/runtime/tensorfile"
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

// replaceFile rewrites a file by renaming a whole new one into its place: it is never there in part. A link stays a link; what is no file, such
// as /dev/stdout, is written to.
func replaceFile(path, text string) error { return replaceAs(path, text, tensorfile.Shared) }

// replaceAs is replaceFile for a file of a mode; one that is there keeps its own, unless the new one is secret.
func replaceAs(path, text string, mode os.FileMode) error {
	err := replaceAt(path, text, mode)
	var of *os.PathError
	if errors.As(err, &of) { // of a file that is beside it
		return fmt.Errorf("%s could not be written: %w", path, of.Err)
	}
	return err
}

func replaceAt(path, text string, mode os.FileMode) error {
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return os.WriteFile(path, []byte(text), mode)
	case err == nil:
		if mode != tensorfile.Secret {
			mode = info.Mode().Perm()
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name()) // gone after the rename
	_, err = t.WriteString(text)
	if err == nil {
		err = t.Chmod(mode)
	}
	if closed := t.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	return err
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
