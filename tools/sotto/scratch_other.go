//go:build !unix

package main

import (
	"errors"
	"os"
)

// lockFolder has no locks here that end with a process: folders of killed ones stay.
func lockFolder(dir string, w waiting) (*os.File, error) {
	if w == orFail {
		return nil, errors.ErrUnsupported
	}
	return os.Open(dir)
}
