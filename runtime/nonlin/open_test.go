package nonlin_test

import (
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

func TestOpeningsConform(t *testing.T) {
	bothRings(t, conformOpenings[uint32], conformOpenings[uint64])
}

func conformOpenings[W ring.Word](t *testing.T) {
	for _, n := range sizes {
		x := within[W](ring.Width[W]()-1, n)
		t.Run(fmt.Sprintf("mask/n=%d", n), func(t *testing.T) { conformMask(t, x) })
		t.Run(fmt.Sprintf("open/n=%d", n), func(t *testing.T) { conformOpen(t, x) })
		t.Run(fmt.Sprintf("reveal/n=%d", n), func(t *testing.T) { conformReveal(t, x) })
	}
}

// openingCost is the declared cost of mask, open or reveal.
func openingCost[W ring.Word](t *testing.T, deploy cost.Deployment, op, to string, n int) declared {
	t.Helper()
	l := ring.Width[W]()
	return declare(t, deploy, fmt.Sprintf("%%x: A i%dq12[%d]", l, n), fmt.Sprintf("%%y = %s %%x : %s i%dq12[%d]", op, to, l, n))
}

func conformMask[W ring.Word](t *testing.T, x []W) {
	n := len(x)
	shares, r, out := share(x), randomWords[W](len(x)), make([]W, len(x))
	ring.Sub(out, shares[0], r)
	conformLocal(t, [2]local[W]{
		{out, 0, func([]W) {}},
		{nil, n, func(in []W) { ring.Add(shares[1], shares[1], in) }},
	}, openingCost[W](t, cost.ClientServer, "mask", "M", n))
	if !slices.Equal(sum([2][]W{r, shares[1]}), x) {
		t.Error("the mask and the server's share do not add up to x")
	}
}

func conformOpen[W ring.Word](t *testing.T, x []W) {
	n := len(x)
	plain := randomWords[W](n)
	shares, a, e := share(x), share(plain), [2][]W{make([]W, n), make([]W, n)}
	var parties [2]local[W]
	for i := range parties {
		out := make([]W, n)
		ring.Sub(out, shares[i], a[i])
		parties[i] = local[W]{out, n, func(in []W) { ring.Add(e[i], out, in) }}
	}
	conformLocal(t, parties, openingCost[W](t, cost.Outsourced, "open", "E", n))
	want := make([]W, n)
	ring.Sub(want, x, plain)
	if !slices.Equal(e[0], want) || !slices.Equal(e[1], want) {
		t.Error("what was opened is not x - a at both")
	}
}

func conformReveal[W ring.Word](t *testing.T, x []W) {
	n := len(x)
	shares := share(x)
	conformLocal(t, [2]local[W]{
		{nil, n, func(in []W) { ring.Add(shares[0], shares[0], in) }},
		{shares[1], 0, func([]W) {}},
	}, openingCost[W](t, cost.ClientServer, "reveal", "C", n))
	if !slices.Equal(shares[0], x) {
		t.Error("what was revealed is not x")
	}
}
