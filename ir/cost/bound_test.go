package cost

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// protocol draws a ledger of both phases: set-up, and ops that send and compute.
func protocol(t *rapid.T) *Ledger {
	l := session(t)
	l.Source = rapid.SampledFrom([]Source{FromHE, FromDealer}).Draw(t, "source")
	some := func(what string) int64 { return rapid.Int64Range(0, 1e6).Draw(t, what) }
	for tag := range rapid.IntRange(0, 4).Draw(t, "ops offline") {
		l.For(tag)
		p := Party(rapid.IntRange(0, 1).Draw(t, "party"))
		l.Stream(p, p, l.Send(p, 1+some("question"), 0), Encrypt, some("encrypted"))
		l.Stream(p.Other(), p, l.Send(p.Other(), 1+some("answer"), 1), Decrypt, some("decrypted"))
		l.Compute(p, l.Send(p, 1+some("rest"), Start), Hash, some("hashed"))
		l.Compute(Dealer, 0, DealKey, some("dealt work"))
		l.Deal(p, some("dealt"))
	}
	at := OnlineStart
	for tag := range rapid.IntRange(0, 4).Draw(t, "vectors") { // each the answer to the one before, in parcels where it is as long
		l.For(100 + tag)
		p := Party(rapid.IntRange(0, 1).Draw(t, "sender"))
		n := rapid.SampledFrom([]int64{1, 3, 7}).Draw(t, "parcels") * ParcelElements
		at = l.SendVector(p, n, rapid.IntRange(1, 64).Draw(t, "width"), at)
		l.Compute(p.Other(), at, rapid.SampledFrom([]Kernel{Vectors, Vectors, Conv32}).Draw(t, "between"), some("computed"))
	}
	return l
}

// A bound is below what a play takes on every link, and a layout plays as Estimate does.
func TestNoPhaseIsFasterThanItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := flat()
		target.Shared = rapid.Bool().Draw(t, "shared")
		m := target.Machines["m"]
		for k := range m.Prices {
			m.Prices[k].CallNS = rapid.Float64Range(0, 1000).Draw(t, "call")
		}
		target.Machines["m"] = m
		l := protocol(t)
		x := NewLayouts(target)
		phases := x.Lay(l)
		for range 4 {
			target.Link.OneWayMS.Value = rapid.Float64Range(0, 1).Draw(t, "ms")
			target.Link.BytesPerSecond.Value = rapid.Float64Range(1e6, 1e12).Draw(t, "rate")
			e := Estimate(l, target)
			for phase, want := range [2]float64{e.Offline.MS, e.Online.MS} {
				got, _ := phases[phase].Play(target.Link)
				if got != want {
					t.Fatalf("phase %d plays to %v ms, the estimate is %v", phase, got, want)
				}
				if least := phases[phase].Least(target.Link); least > got {
					t.Fatalf("phase %d takes %v ms, at least %v", phase, got, least)
				}
			}
		}
		if again := x.Lay(l); again != phases {
			t.Fatal("the same phases are kept twice")
		}
		whole := *l
		whole.Messages = slices.Clone(l.Messages)
		for i := range whole.Messages {
			whole.Messages[i].Elements = 0
		}
		if got, _ := x.Lay(&whole)[Online].Play(target.Link); got != Estimate(&whole, target).Online.MS {
			t.Fatalf("without vectors it plays to %v ms, the estimate is %v", got, Estimate(&whole, target).Online.MS)
		}
	})
}
