package main

import (
	"fmt"
	"os"
	"strings"
)

// residentBytes is the memory that this process holds now, or 0 if the system does not say.
func residentBytes() int64 { return procKB("/proc/self/status", "VmRSS:") << 10 }

// memoryBytes is the machine's memory, and what of it is free for processes; zeros if the system does not say.
func memoryBytes() (all, free int64) {
	return procKB("/proc/meminfo", "MemTotal:") << 10, procKB("/proc/meminfo", "MemAvailable:") << 10
}

// procKB reads a line `name 123 kB`.
func procKB(path, name string) (kB int64) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if n, _ := fmt.Sscanf(rest, "%d kB", &kB); n == 1 {
				return kB
			}
		}
	}
	return 0
}
