//go:build !linux

package native

import (
	"errors"
	"os"
	"runtime"
)

var errLinux = errors.New("native kernels are not loaded on " + runtime.GOOS + ": accepted is linux")

// Has tells whether this processor has a feature that kernels can use: they are loaded on Linux alone.
func Has(string) bool { return false }

// Read refuses a file that is there: libraries are loaded on Linux alone.
func Read(path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return nil, errLinux
}

// Open refuses: libraries are loaded on Linux alone.
func Open(string, string, []string) (*Library, error) {
	return nil, errLinux
}
