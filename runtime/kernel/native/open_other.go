//go:build !linux

package native

import (
	"errors"
	"runtime"
)

// Has tells whether this processor has a feature that kernels can use: they are loaded on Linux alone.
func Has(string) bool { return false }

// Open refuses: libraries are loaded on Linux alone.
func Open(string, string, []string) (*Library, error) {
	return nil, errors.New("native kernels are not loaded on " + runtime.GOOS + ": accepted is linux")
}
