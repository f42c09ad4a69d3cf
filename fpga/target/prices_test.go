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

// TestDesignPointsAreFoundOnce: a shipped board's at a link is kept, and nobody else's who calls their board so.
func TestDesignPointsAreFoundOnce(t *testing.T) {
	shipped := func() Board {
		b, err := Shipped("pynq-z2")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	prices := func(b Board) cost.Machine {
		list, err := Prices(b, b.OwnLink())
		if err != nil {
			t.Fatal(err)
		}
		return list.MachineOf(cost.Server)
	}
	b := shipped()
	first := prices(b)
	if _, kept := machines.Load(machineKey{b.Name, b.OwnLink().BytesPerSecond.Value}); !kept {
		t.Error("the design point is not kept")
	}
	if n := testing.AllocsPerRun(1, func() { prices(shipped()) }); n > 10000 { // a search makes far more
		t.Errorf("%v allocations for a list that is there", n)
	}
	own := shipped()
	own.Watts.Busy.Value = 2 * b.Watts.Busy.Value
	if w := prices(own).BusyWatts.Value; w != 2*first.BusyWatts.Value {
		t.Errorf("a board of %v W has prices of %v W", own.Watts.Busy.Value, w)
	}
}
