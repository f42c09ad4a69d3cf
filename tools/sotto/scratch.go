package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// scratch makes a folder that nobody else may read, for what a command keeps while it works, and removes folders of the same prefix whose
// processes are gone: who is killed leaves weights behind. The folder is this process's until done, which removes what is there of it.
func scratch(parent, prefix string) (dir string, done func() error, err error) {
	sweep(parent, prefix)
	for {
		if dir, err = os.MkdirTemp(parent, prefix); err != nil {
			return "", nil, err
		}
		lock, err := lockFolder(dir, waitForLock)
		if errors.Is(err, os.ErrNotExist) { // another process's sweep was faster
			continue
		}
		if err != nil {
			return "", nil, errors.Join(err, os.RemoveAll(dir))
		}
		return dir, func() error { return errors.Join(os.RemoveAll(dir), lock.Close()) }, nil
	}
}

// sweep removes folders that scratch made and no process has any more. What it may not remove stays: it is another user's.
func sweep(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), prefix)
		if !ours || !e.IsDir() || number == "" || strings.Trim(number, "0123456789") != "" {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		if lock, err := lockFolder(dir, orFail); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

// waiting is what is done about a lock that another process has.
type waiting int

const (
	waitForLock waiting = iota
	orFail
)
