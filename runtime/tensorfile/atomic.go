package tensorfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Modes of written files.
const (
	Shared fs.FileMode = 0o644 // public data
	Secret fs.FileMode = 0o600 // weights of one party, shares: the owner alone
)

// replace writes a file beside path and renames it there when it is whole and on the disk, so that a crash leaves
// either the old file or the new one; what is there must be a file. The file has its mode before it has content.
func replace(path string, mode fs.FileMode, write func(io.Writer) error) error {
	if mode&^fs.ModePerm != 0 || mode&Secret != Secret {
		return fmt.Errorf("%s: mode %v: want permissions that let the owner read and write", path, mode)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a device, say, whose place a file must not take
		return fmt.Errorf("%s: %w", path, errNotRegular)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	if err := fill(f, mode, write); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func fill(f *os.File, mode fs.FileMode, write func(io.Writer) error) error {
	err := f.Chmod(mode)
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// openRegular opens a file and gives its size. It refuses pipes and devices before opening, where opening may block.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: %w", path, errNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
