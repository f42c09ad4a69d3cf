//go:build !linux

package main

import "runtime"

// residentBytes is the memory that this process holds now: of what its runtime took from the system.
func residentBytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// memoryBytes is the machine's memory, and what of it is free for processes; zeros: the system does not say.
func memoryBytes() (all, free int64) { return 0, 0 }
