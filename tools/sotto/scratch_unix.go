//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lockFolder locks a folder of this user's for this process until it is closed, which the process's end does too. The error is
// os.ErrNotExist of a folder that is gone by then.
func lockFolder(dir string, w waiting) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := map[waiting]int{waitForLock: syscall.LOCK_EX, orFail: syscall.LOCK_EX | syscall.LOCK_NB}[w]
	err = syscall.Flock(int(f.Fd()), how)
	var named, locked os.FileInfo
	if err == nil {
		named, err = os.Lstat(dir)
	}
	if err == nil {
		locked, err = f.Stat()
	}
	switch {
	case err != nil:
	case !os.SameFile(named, locked):
		err = os.ErrNotExist
	case locked.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()):
		err = os.ErrPermission
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}
