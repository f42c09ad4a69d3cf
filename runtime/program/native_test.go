package program

import (
	"math"
	"testing"
)

// TestNativeNumbersThatOverflow: sums of numbers that are far too large are refused like the numbers.
func TestNativeNumbersThatOverflow(t *testing.T) {
	const much = math.MaxInt
	p := &Program{Weights: []Weight{{Name: "w", Len: 24}}, Online: []Level{{Compute: make([]Instr, 2)}}}
	fine := Native{Version: NativeVersion, Pair: p.Pair.String(), Regions: []Region{{Count: 1}}, Panels: []Panels{{Groups: 2, Out: 3, Depth: 4, Width: 16}}}
	if err := fine.Check(p); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(n *Native){
		"memory":    func(n *Native) { n.Shared, n.Worker = much, much },
		"a region":  func(n *Native) { n.Regions = []Region{{First: 1, Count: much}} },
		"its place": func(n *Native) { n.Regions = []Region{{First: much, Count: much}} },
		"panels":    func(n *Native) { n.Panels = []Panels{{Groups: 1 << 31, Out: 1 << 31, Depth: 4, Width: 16}} },
		"a panel":   func(n *Native) { n.Panels = []Panels{{Groups: 2, Out: 3, Depth: 4, Width: 1 << 30}} },
	} {
		n := fine
		if spoil(&n); n.Check(p) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
