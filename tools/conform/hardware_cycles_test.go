package conform

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"sotto/fpga/lower"
	"sotto/fpga/sim"
	"sotto/ir/cost"
)

// counted is a line of the C-simulation: party, kernel, commands, and cycles to load, to compute and to store.
var counted = regexp.MustCompile(`(?m)^(\w+) +(\w+) +(\d+) commands, cycles: load (\d+), compute (\d+), store (\d+)$`)

// share is how far the cycles of a kernel's stage may be from the model's, besides a few in each tile.
const share = 0.05

// fewLines is the cycles of a tile by which its load or its store may differ besides: a line of memory more or less as runs lie, or words one by one.
const fewLines = 4

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
		if m.Commands != n[0] {
			t.Errorf("%s %s: %d commands ran, modelled are %d", l[1], l[2], n[0], m.Commands)
		}
		for i, stage := range []struct {
			name    string
			of, few int64
		}{{"load", m.Load, fewLines * m.Tiles}, {"compute", m.Compute - m.Depth, 0}, {"store", m.Store, fewLines * m.Tiles}} {
			far := share*float64(stage.of) + float64(stage.few)
			t.Logf("%s %s: %d cycles to %s in %d tiles, modelled are %d", l[1], l[2], n[1+i], stage.name, m.Tiles, stage.of)
			if math.Abs(float64(n[1+i]-stage.of)) > far {
				t.Errorf("%s %s: %d cycles to %s in %d commands, modelled are %d", l[1], l[2], n[1+i], stage.name, n[0], stage.of)
			}
		}
	}
}
