//go:build !linux

package ring

// core is where the caller runs: not known.
func core() int { return -1 }

// leave has the caller go on on another core than a busy one, where that is known.
func leave(int) {}
