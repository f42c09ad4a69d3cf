package target

import (
	"encoding/json"
	"testing"

	"sotto/ir/cost"
)

// TestEveryBoardHasPrices: lists that a price list's reader takes, whose convolutions go at a good part of the array's rate.
func TestEveryBoardHasPrices(t *testing.T) {
	for _, name := range Names() {
		b, err := Shipped(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := Prices(b, b.OwnLink())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cost.ParseTarget(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		d, err := ForBoard(b, 32)
		if err != nil {
			t.Fatal(err)
		}
		prices := list.MachineOf(cost.Server).Prices
		ideal := exposed * 1e3 / d.ClockMHz / float64(d.Conv.TM*d.Conv.TN)
		if ns := prices[cost.Conv32].NS; ns < ideal || ns > 4*ideal {
			t.Errorf("%s: a product takes %.3g ns, on an array that is full %.3g", name, ns, ideal)
		}
		t.Logf("%s: conv32 %s; conv64 %s", name, prices[cost.Conv32].Source, prices[cost.Conv64].Source)
		if prices[cost.Conv64].NS < prices[cost.Conv32].NS {
			t.Errorf("%s: products of 64 bits are cheaper than of 32", name)
		}
	}
}
