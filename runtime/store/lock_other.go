//go:build !unix

package store

import (
	"errors"
	"os"
)

// takeLock fails: without a lock that ends with the process, material might be used twice.
func takeLock(string) (*os.File, error) {
	return nil, errors.New("stores need file locks of a Unix system")
}
