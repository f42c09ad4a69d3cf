//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// takeLock locks a file for this process until it is closed, which the process's end does too.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another process is using it: one at a time may")
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := stillAt(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// stillAt checks that a file that is locked by now was not removed in between by the process that had the lock.
func stillAt(f *os.File, path string) error {
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(path)
	if err != nil || !os.SameFile(locked, named) {
		return errors.New("another process has just removed it: try again")
	}
	return nil
}
