package main

import (
	"io"
	"testing"

	"sotto/ir/pos"
)

// TestSignCircuitsHaveTheirGates holds the programs that `sotto bench signs` runs to the closed forms of their AND gates, of l bits and windows of k
// numbers: (k-1)(l-1) for signs alone, of a ReLU k = 2, which stands in for zero; inside, a ReLU has 3(l-1), a maximum k(l-1) + 2(k-1)l + (l-1).
// These are the circuits of a reading of PP-NAS (arXiv 2204.10958), which gives none itself: reconstruct, compare, choose, and mask anew.
func TestSignCircuitsHaveTheirGates(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	const n = 3
	for _, c := range []struct {
		signCircuit
		signs, whole int64
	}{
		{signCircuit{1, 32}, 31, 93}, {signCircuit{1, 64}, 63, 189}, {signCircuit{2, 32}, 93, 347}, {signCircuit{2, 64}, 189, 699},
		{signCircuit{3, 32}, 248, 822}, {signCircuit{3, 64}, 504, 1654},
	} {
		f := &benchFlags{n: n, link: "loopback", ot: "auto"}
		forms, err := a.prepareForms(t.TempDir(), c.signCircuit, f)
		if err != nil {
			t.Fatal(err)
		}
		if forms[0].ands != c.signs || forms[1].ands != c.whole || forms[0].outputs() != n || forms[1].outputs() != n {
			t.Errorf("%s: %d and %d ANDs an element, %d and %d elements: want %d and %d, %d", c.name(), forms[0].ands, forms[1].ands, forms[0].outputs(), forms[1].outputs(),
				c.signs, c.whole, n)
		}
	}
}
