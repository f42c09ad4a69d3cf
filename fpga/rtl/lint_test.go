package rtl

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLint: Verilator finds nothing in any kernel, at its smallest and largest (of the pipelined engines the smallest, unless SOTTO_LONG=1). Sums by a chain of words look like loops to it, and a
// kernel of one step has no use for what counts steps: those two warnings are off.
func TestLint(t *testing.T) {
	t.Parallel()
	verilator := tool(t, "verilator")
	sources, err := filepath.Glob("sv/*.sv")
	check(t, err)
	sets := [][]string{
		{"garbler_iterative", "-GHASHES=4"}, {"garbler_iterative", "-GHASHES=1"}, {"evaluator_iterative", "-GHASHES=2"},
		{"comparison_garbler", "-GHASHES=2", "-GITERATIVE=1"}, {"comparison_evaluator", "-GHASHES=1", "-GITERATIVE=1"}, {"evaluator", "-GHASHES=1"},
		{"mac_array", "-GW=32", "-GTM=1", "-GTN=1"}, {"mac_array", "-GW=64", "-GTM=3", "-GTN=5"},
	}
	if os.Getenv("SOTTO_LONG") == "1" {
		sets = append(sets, []string{"garbler", "-GHASHES=4"}, []string{"garbler", "-GHASHES=1"}, []string{"evaluator", "-GHASHES=2"})
	}
	for _, set := range sets {
		args := append([]string{"--lint-only", "-Wall", "-Wno-UNOPTFLAT", "-Wno-UNUSEDSIGNAL", "--top-module"}, set...)
		if out, err := exec.Command(verilator, append(args, sources...)...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", set, err, out)
		}
	}
}
