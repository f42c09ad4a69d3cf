package cost

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// dealtRun is a run whose client computes online, after an offline phase in which the server waits for a dealer's units and bytes.
func dealtRun(units, bytes, online int64) *Ledger {
	l := NewLedger(ClientServer, FromDealer)
	l.For(0)
	l.Compute(Dealer, 0, Conv32, units)
	l.Deal(Server, bytes)
	l.Compute(Server, Start, Vectors, 10)
	l.Compute(Client, OnlineStart, Conv32, online)
	return l
}

// TestDealtWhileOnline: what a dealer makes while a run is online is not waited for in the next one's offline phase. Units take a nanosecond, half of it
// on two cores.
func TestDealtWhileOnline(t *testing.T) {
	const units, bytes = 64e6, 16e6
	whole := Estimate(dealtRun(units, bytes, 0), flat()).Offline.MS * nsPerMS
	for _, c := range []struct {
		name          string
		online        int64
		taken, waited float64
	}{
		{"a long run hides all of it", 200e6, 100e6, 5},
		{"a short one as much as it takes itself", 20e6, 10e6, whole - 10e6},
		{"one of a unit next to nothing", 2, 1, whole - 1},
	} {
		online, offline := Between(dealtRun(0, 0, c.online), dealtRun(units, bytes, 0), flat())
		wantMS(t, c.name+": the run", online.MS, c.taken)
		wantMS(t, c.name+": the next one's material", offline.MS, c.waited)
	}
}

// TestSharedCoresAreShared: on one machine all work is done by the same cores, whenever it is.
func TestSharedCoresAreShared(t *testing.T) {
	const units, online = 64e6, 40e6
	run, next := dealtRun(0, 0, online), dealtRun(units, 16, 0)
	on, off := Between(run, next, flat().OnOneMachine())
	// The client and who makes have a core each, until the client is done; then who makes has both.
	for _, x := range []struct {
		what   string
		ms, ns float64
	}{{"a run beside a dealer", on.MS, online}, {"all of it", on.MS + off.MS, (units + online) / 2}} {
		if got := x.ms * nsPerMS; got < x.ns*(1-rounding) || got > x.ns*1.001 {
			t.Errorf("%s takes %v ns, want %v and what few bytes take", x.what, got, x.ns)
		}
	}
}

// TestBetweenWithoutDealer: where nobody deals, phases are those of a run by itself.
func TestBetweenWithoutDealer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run, next, target := protocol(t), protocol(t), flat()
		target.Shared = rapid.Bool().Draw(t, "shared")
		next.Dealt = nil
		next.Work = withoutDealer(next.Work)
		online, offline := Between(run, next, target)
		if want := Estimate(run, target).Online; !reflect.DeepEqual(online, want) {
			t.Fatalf("online %+v, by itself %+v", online, want)
		}
		if want := Estimate(next, target).Offline; !reflect.DeepEqual(offline, want) {
			t.Fatalf("offline %+v, by itself %+v", offline, want)
		}
	})
}

func withoutDealer(all []Work) (out []Work) {
	for _, w := range all {
		if w.Party != Dealer {
			out = append(out, w)
		}
	}
	return out
}

// TestDealingAheadIsNoFasterThanTheCores: beside a dealing a run is no faster, and what follows it no slower, than without; and nothing is dealt for
// nothing.
func TestDealingAheadIsNoFasterThanTheCores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run, target := session(t), flat()
		target.Shared = rapid.Bool().Draw(t, "shared")
		next := dealtRun(rapid.Int64Range(0, 1e7).Draw(t, "units"), rapid.Int64Range(1, 1e6).Draw(t, "bytes"), 0)
		next.Take(Server, Allocate, rapid.Int64Range(0, 1e6).Draw(t, "taken in"))
		alone, fresh := Estimate(run, target).Online, Estimate(next, target).Offline
		online, offline := Between(run, next, target)
		if online.MS < alone.MS*(1-scheduling) {
			t.Fatalf("online %v ms beside a dealing, %v alone", online.MS, alone.MS)
		}
		if offline.MS > fresh.MS*(1+scheduling) {
			t.Fatalf("offline %v ms with material dealt ahead, %v without", offline.MS, fresh.MS)
		}
		if !(online.Low <= online.MS && online.MS <= online.High && offline.Low <= offline.MS && offline.MS <= offline.High) {
			t.Fatalf("%+v, %+v: accepted are times within their ranges", online, offline)
		}
	})
}

// TestTakenIn: what a party does with what a dealer sends is done beside all else, and once.
func TestTakenIn(t *testing.T) {
	const units = 10e6
	l := dealtRun(0, 100, 0)
	l.Take(Server, Conv32, units)
	l.Stream(Server, Server, Start-1, Conv32, units)
	e := Estimate(l, flat()).Offline
	if got := e.MS * nsPerMS; got < units || got > 1.1*units {
		t.Errorf("what is taken in beside as much work takes %v ns, want %v", got, units)
	}
	wantMS(t, "the op's own work", e.WorkMS[0][Server], units+10)
}
