package party

import (
	"testing"

	"sotto/runtime/prg"
)

// The hash key of each run is its own, and each instance's: tweaks count from 0 in every run, under one Delta.
func TestRunKeysNeverRepeat(t *testing.T) {
	seen := map[prg.Block]bool{}
	for _, first := range []prg.Block{{Lo: 1, Hi: 2}, {Lo: 3, Hi: 4}} {
		if got := runKey(first, 0); got != first {
			t.Errorf("run 0 of %v has %v", first, got)
		}
		for run := range uint64(300) { // beyond what a byte counts
			key := runKey(first, run)
			if seen[key] {
				t.Errorf("run %d of %v has a key that was there", run, first)
			}
			seen[key] = true
		}
	}
}
