package main

import (
	"testing"

	"sotto/tools/sotto/engine"
)

// TestHowFarTrainedNumbersMayCome: sixteen times as far as in public, a variance no farther than its root is computed.
func TestHowFarTrainedNumbersMayCome(t *testing.T) {
	r := &ringRecord{Values: []engine.Reach{{Path: "fc.weight", Most: 1000}, {Path: "bn.running_var", Most: 1000}, {Path: "bn2.running_var", Most: 10}, {Path: "bn.running_mean", Most: 1000}}}
	for path, want := range map[string]float64{"fc.weight": 16000, "bn.running_var": 4096, "bn2.running_var": 160, "bn.running_mean": 16000, "other": 16} {
		if got := r.most(path); got != want {
			t.Errorf("%s may come to %g, want %g", path, got, want)
		}
	}
	for path, want := range map[string]float64{"fc.weight": 256, "bn.running_var": 4096} { // without a record
		if got := (*ringRecord)(nil).most(path); got != want {
			t.Errorf("%s may come to %g without a record, want %g", path, got, want)
		}
	}
}
