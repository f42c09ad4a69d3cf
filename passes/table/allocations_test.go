//go:build !race

package table_test

import (
	"math/rand/v2"
	"testing"

	"sotto/ir/cost"
)

// TestQueriesAllocateNothing is left out under the race detector, which takes memory for each goroutine.
func TestQueriesAllocateNothing(t *testing.T) {
	for _, o := range []arguments{
		{Deploy: cost.ClientServer, Source: cost.FromHE},
		{Deploy: cost.ClientServer, Source: cost.FromHE, OT: cost.Ferret, Elementwise: cost.BySIMD},
		{Deploy: cost.Outsourced, Source: cost.FromDealer},
	} {
		tab, _, err := build(space(t, "resnet18_cifar"), target(t, "lan"), o)
		if err != nil {
			t.Fatal(err)
		}
		q, r := tab.NewQuery(), rand.New(rand.NewPCG(1, 1))
		options := make([]int, len(tab.Sites))
		price := func() {
			for i := range options {
				options[i] = r.IntN(2)
			}
			if _, err := q.Price(options); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			price()
		}
		if n := testing.AllocsPerRun(100, price); n != 0 {
			t.Errorf("%+v: %v allocations a query", o, n)
		}
	}
}
