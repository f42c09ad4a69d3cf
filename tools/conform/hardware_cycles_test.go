package conform

import (
	"regexp"
	"strconv"
	"testing"

	"sotto/fpga/lower"
	"sotto/fpga/sim"
	"sotto/ir/cost"
)

// counted is a line of the C-simulation: party, kernel, commands, and cycles to load, to compute and to store.
var counted = regexp.MustCompile(`(?m)^(\w+) +(\w+) +(\d+) commands, cycles: load (\d+), compute (\d+), store (\d+)$`)

// modelledCycles holds the cycles that the kernels' loops count for a whole network against those that the schedule is made of.
func modelledCycles(t *testing.T, plan *lower.Plan, output string) {
	t.Helper()
	lines := counted.FindAllStringSubmatch(output, -1)
	if len(lines) == 0 {
		t.Fatalf("the C-simulation counts no cycles:\n%s", output)
	}
	var busy [2][lower.Kernels]sim.Busy
	for p, b := range plan.Boards {
		var err error
		if busy[p], err = sim.KernelsBusy(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range lines {
		party, kernel := cost.Client, lower.Kernel(0)
		if l[1] == cost.Server.String() {
			party = cost.Server
		}
		for kernel.String() != l[2] {
			kernel++
		}
		var n [4]int64
		for i := range n {
			n[i], _ = strconv.ParseInt(l[3+i], 10, 64)
		}
		m := busy[party][kernel]
		t.Logf("%s %s: %d commands, %d tiles: counted %d, modelled %d %d %d", l[1], l[2], m.Commands, m.Tiles, n[1:], m.Load, m.Compute, m.Store)
	}
}
