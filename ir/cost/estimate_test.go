package cost

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// online is a ledger of an online phase alone.
func online(record func(l *Ledger)) *Ledger {
	l := NewLedger(ClientServer, FromDealer)
	l.For(0)
	record(l)
	return l
}

func wantMS(t *testing.T, what string, got, ns float64) {
	t.Helper()
	if math.Abs(got*nsPerMS-ns) > 1e-6*ns {
		t.Errorf("%s takes %v ns, want %v", what, got*nsPerMS, ns)
	}
}

// TestEstimateByHand plays small sessions at a nanosecond a unit and a byte, half of it on two cores.
func TestEstimateByHand(t *testing.T) {
	alone, together := flat(), flat().OnOneMachine()
	work := func(p Party, at Time, n int64) func(*Ledger) {
		return func(l *Ledger) { l.Compute(p, at, Conv32, n) }
	}
	both := func(l *Ledger) { l.Both(Ready{OnlineStart, OnlineStart}, Conv32, 1000) }
	message := func(l *Ledger) { l.Send(Client, 1000, OnlineStart) }
	answered := func(l *Ledger) {
		l.Compute(Client, OnlineStart, Conv32, 1000)
		at := l.Send(Client, 1000, OnlineStart)
		l.Compute(Server, at, Conv32, 4000)
		l.Compute(Client, l.Send(Server, 1000, at), Conv32, 1000)
	}
	for _, c := range []struct {
		name   string
		target Target
		record func(*Ledger)
		ns     float64
	}{
		{"work of the client, which has two cores", alone, work(Client, OnlineStart, 1000), 500},
		{"work of both on machines of their own", alone, both, 500},
		{"work of both on one machine", together, both, 1000},
		// The client packs with both cores, the line takes the bytes; that the server unpacks is not the client's time.
		{"a message of the client's", alone, message, 500},
		// 500 of work, 500 to send, 1000 on the line, 500 to receive, 2000 of work, the same way back, 500 of work.
		{"a question and its answer", alone, answered, 500 + 500 + 1000 + 500 + 2000 + 500 + 1000 + 500 + 500},
	} {
		e := Estimate(online(c.record), c.target)
		wantMS(t, c.name, e.Online.MS, c.ns)
	}
}

// TestMessagesThatCross: each direction has the whole line, and both are under way at once.
func TestMessagesThatCross(t *testing.T) {
	target := flat()
	target.Link.OneWayMS.Value = 1
	l := online(func(l *Ledger) {
		l.Send(Client, 1000, OnlineStart)
		l.Send(Server, 1000, OnlineStart)
	})
	// Each sends on a core of two in 1000 ns, the line takes as long, a millisecond passes, and both cores receive.
	wantMS(t, "an exchange", Estimate(l, target).Online.MS, 500+500+1000+1e6)
}

// TestEstimateOfStreams: what is garbled while it is sent takes as long as the slower of the two.
func TestEstimateOfStreams(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1e-9}, Price{NS: 1e-9}
	target.Machines["m"] = m
	const n = 16 << 20
	for work, want := range map[int64]float64{n: n, 4 * n: 2 * n} {
		l := online(func(l *Ledger) {
			l.Stream(Server, Server, l.Send(Server, n, OnlineStart), Garble, work)
			l.Compute(Client, OnlineStart+1, Vectors, 1)
		})
		got := Estimate(l, target).Online.MS * nsPerMS
		if got < want || got > 1.1*want {
			t.Errorf("%d units with %d bytes take %v ns, want %v and a piece more", work, n, got, want)
		}
	}
}

// TestAnswersLeaveWhileQuestionsArrive: parcel by parcel, where vectors of one length are between which nothing but steps is taken.
func TestAnswersLeaveWhileQuestionsArrive(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1e-9}, Price{NS: 1e-9}
	target.Machines["m"] = m
	const parcels, bytes = 16, 4 * ParcelElements // as many parcels as pieces
	for _, c := range []struct {
		name      string
		questions []int64 // elements, in the order in which they are sent
		between   Kernel
		parcels   int64 // of time that it takes on both cores
		answers   []int64
		want      float64 // parcels of time
	}{
		{"as many elements", []int64{parcels}, Vectors, 0, []int64{parcels}, parcels + 1},
		{"two vectors each way", []int64{parcels, parcels}, Vectors, 0, []int64{parcels, parcels}, 2*parcels + 2},
		{"a single parcel", []int64{1}, Vectors, 0, []int64{1}, 2},
		{"other elements", []int64{parcels}, Vectors, 0, []int64{parcels - 1}, parcels + parcels - 1},
		{"other elements before them", []int64{1, parcels}, Vectors, 0, []int64{parcels, 2}, 1 + parcels + 1 + 2},
		{"a convolution between", []int64{parcels}, Conv32, 0, []int64{parcels}, 2 * parcels},
		{"steps that take longer than what is left of the answer", []int64{parcels}, Vectors, 4, []int64{parcels}, parcels + 4},
	} {
		l := online(func(l *Ledger) {
			for tag, n := range c.questions {
				l.For(tag)
				l.SendVector(Server, n*ParcelElements, 32, OnlineStart)
			}
			l.Compute(Client, OnlineStart+1, c.between, 1+c.parcels*2*bytes)
			for tag, n := range c.answers {
				l.For(len(c.questions) + tag)
				l.SendVector(Client, n*ParcelElements, 32, OnlineStart+1)
			}
			l.Compute(Client, l.Send(Server, 1, OnlineStart+2), Vectors, 1)
		})
		got := Estimate(l, target).Online.MS * nsPerMS / bytes
		if math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: takes the line %.3f parcels' time, want %v", c.name, got, c.want)
		}
	}
}

// TestSetupIsNoTwoMessages: an answer to each of many ops goes out while the next one's question comes in.
func TestSetupIsNoTwoMessages(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1e-9}, Price{NS: 1e-9}
	target.Machines["m"] = m
	const n, ops = 1000, 100
	l := NewLedger(ClientServer, FromHE)
	for tag := range ops {
		l.For(tag)
		l.Send(Client, n, 0)
		l.Send(Server, n, 1)
	}
	got, want := Estimate(l, target).Offline.MS*nsPerMS, float64(n*(ops+1))
	if math.Abs(got-want) > n {
		t.Errorf("%d questions and answers take %v ns, want %v", ops, got, want)
	}
}

// TestDealerIsWaitedFor: the offline phase is no shorter than the dealer's work and what it sends; where there is much of it, one piece moves while the
// next is made.
func TestDealerIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		units, bytes int64
		ns           float64
	}{
		{4000, 1000, 2000 + 500 + 1000 + 500 + 5},               // made, sent, on the line, taken in, with two cores each
		{64e6, 16e6, (64e6+16e6)/2 + (16e6+8e6)/mostPieces + 5}, // making and sending share the cores; then the last piece's way
	} {
		l := NewLedger(ClientServer, FromDealer)
		l.For(0)
		l.Compute(Dealer, 0, Conv32, c.units)
		l.Deal(Server, c.bytes)
		l.Compute(Server, Start, Vectors, 10)
		wantMS(t, fmt.Sprintf("dealing %d bytes", c.bytes), Estimate(l, flat()).Offline.MS, c.ns)
	}
}

// session draws a ledger that could be one of an online phase.
func session(t *rapid.T) *Ledger {
	l := NewLedger(ClientServer, FromDealer)
	at := Ready{OnlineStart, OnlineStart}
	for tag := range rapid.IntRange(1, 8).Draw(t, "ops") {
		l.For(tag)
		p := Party(rapid.IntRange(0, 1).Draw(t, "party"))
		l.Compute(p, at[p], Vectors, rapid.Int64Range(0, 1e6).Draw(t, "before"))
		arrives := l.Send(p, rapid.Int64Range(1, 1e6).Draw(t, "bytes"), at[p])
		l.Stream(p, p.Other(), arrives, Evaluate, rapid.Int64Range(0, 1e6).Draw(t, "stream"))
		at[p.Other()] = max(at[p.Other()], arrives)
	}
	return l
}

func TestEstimatesAreConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := flat()
		target.Shared = rapid.Bool().Draw(t, "shared")
		target.Link.OneWayMS.Value = rapid.Float64Range(0, 1).Draw(t, "ms")
		m := target.Machines["m"]
		for k := range m.Prices {
			m.Prices[k].Spread = 0.2
		}
		target.Machines["m"] = m
		l := session(t)
		e := Estimate(l, target).Online
		sum := 0.0
		for _, ms := range e.ByTag {
			sum += ms
		}
		if math.Abs(sum-e.MS) > 1e-9*(1+e.MS) {
			t.Fatalf("ops sum to %v ms of %v", sum, e.MS)
		}
		if !(e.Low <= e.MS && e.MS <= e.High) {
			t.Fatalf("%v ms between %v and %v", e.MS, e.Low, e.High)
		}
		if least := float64(e.Rounds) * target.Link.OneWayMS.Value; e.MS < least-target.Link.OneWayMS.Value {
			t.Fatalf("%v ms for %d rounds of %v", e.MS, e.Rounds, target.Link.OneWayMS.Value)
		}
	})
}

func TestFasterLinksAreNotSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, slow := session(t), flat()
		slow.Link.BytesPerSecond.Value = rapid.Float64Range(1e6, 1e9).Draw(t, "bytes per second")
		slow.Link.OneWayMS.Value = rapid.Float64Range(0, 1).Draw(t, "ms")
		fast := slow
		fast.Link.BytesPerSecond.Value *= rapid.Float64Range(1, 10).Draw(t, "wider")
		fast.Link.OneWayMS.Value *= rapid.Float64Range(0, 1).Draw(t, "nearer")
		if a, b := Estimate(l, slow).Online.MS, Estimate(l, fast).Online.MS; b > a*(1+scheduling) {
			t.Fatalf("%v ms on a link, %v on a faster one", a, b)
		}
	})
}

// TestMoreBytesAreNotFaster doubles a message at least: a few bytes more may make it two pieces for one, which overlap.
func TestMoreBytesAreNotFaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := session(t)
		before := Estimate(l, flat()).Online.MS
		i := rapid.IntRange(0, len(l.Messages)-1).Draw(t, "message")
		l.Messages[i].Bytes *= rapid.Int64Range(2, 8).Draw(t, "times")
		if after := Estimate(l, flat()).Online.MS; after < before*(1-scheduling) {
			t.Fatalf("%v ms, with more bytes %v", before, after)
		}
	})
}

// scheduling is the part by which an order of pieces that is not the best one may differ: a message of more pieces is another schedule.
const scheduling = 0.02

func TestEnergy(t *testing.T) {
	target := flat()
	watts := func(w float64) *Quantity { return &Quantity{Value: w, Source: "test"} }
	m := target.Machines["m"]
	m.BusyWatts, m.IdleWatts = watts(30), watts(10)
	target.Machines["m"] = m
	l := online(func(l *Ledger) { l.Compute(Client, OnlineStart, Conv32, 2e6) })
	// A millisecond: both draw 10 W, the client's two cores 20 W more.
	if got := Estimate(l, target).EnergyMJ; math.Abs(got-40) > 1e-6 {
		t.Errorf("%v mJ on two machines, want 40", got)
	}
	if got := Estimate(l, target.OnOneMachine()).EnergyMJ; math.Abs(got-30) > 1e-6 {
		t.Errorf("%v mJ on one, want 30", got)
	}
}

// TestPeakMemory: what is kept adds up, streams and slots go to a file beyond their budget, of the steps the greatest counts, and of the
// stages.
func TestPeakMemory(t *testing.T) {
	target := flat()
	l := online(func(l *Ledger) {
		l.Keep(Client, 1000)
		l.Keep(Client, 500)
		l.Step(Client, 7000)
		l.Step(Client, 30)
		l.KeepStream(Server, 1<<40)
		l.KeepKeys(Server, 11)
	})
	grown := func(live int64) int64 { return 1 + live + (live+CollectorRoom)*SessionGarbage/100 }
	for _, x := range []struct {
		held           Held
		client, server int64
	}{
		{Held{Weights: 3}, 3 + 1500 + 7000, 3 + 11 + relayBytes + ResidentStreams},
		{Held{Weights: 3, OfflineBuffers: 9000, OfflineSlots: 60, Buffers: 5}, 3 + 1500 + 9060, 3 + 11 + relayBytes + ResidentStreams + 9000},
		{Held{OfflineSlots: 1 << 40, Slots: 4, Packed: 1 << 29, Buffers: 2}, 1500 + 1<<29 + 6, 11 + relayBytes + ResidentStreams + 1<<29 + 6},
		{Held{Slots: 1 << 40, Buffers: 2}, 1500 + ResidentOnline, 11 + relayBytes + ResidentOnline},
		{Held{Slots: 1 << 40, Buffers: 1 << 30}, 1500 + ResidentStreams + 1<<30, 11 + relayBytes + ResidentStreams + 1<<30},
	} {
		got := l.PeakBytes([2]Held{x.held, x.held}, target)
		if want := [2]int64{grown(sessionBytes + x.client), grown(sessionBytes + x.server)}; got != want {
			t.Errorf("%+v: %d bytes, want %d", x.held, got, want)
		}
	}
}

// TestEstimateOfBatches: what is done in batches waits for as large a part of the message, and of the last batch nothing is hidden.
func TestEstimateOfBatches(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1e-9}, Price{NS: 1e-9}
	target.Machines["m"] = m
	const n = 1 << 20 // bytes, each a nanosecond on the line; less than sockets hold
	for _, c := range []struct{ batches, units, ns int }{
		{0, n, n + n/2/mostPieces}, // on two cores half as long as the line, of which the last piece's is not hidden
		{1, n, n + n/2},
		{2, n, n + n/4},
		{4, n, n + n/8},
		{2, 4 * n, n/2 + 2*n}, // the second half is there before the first is done
		{1000, n, n + n/2/mostPieces},
	} {
		l := online(func(l *Ledger) {
			at := l.Send(Client, n, OnlineStart)
			l.StreamBatches(Client, Server, at, MultiplyPoly, int64(c.units), c.batches)
			l.Send(Server, 1, at)
		})
		if got := Estimate(l, target).Online.MS * nsPerMS; math.Abs(got-float64(c.ns)) > 10 {
			t.Errorf("%d units in %d batches: %v ns, want %d", c.units, c.batches, got, c.ns)
		}
	}
}

// TestWhatSocketsHold: on one machine less than between two, and more where a link is emulated there, by what is on its line.
func TestWhatSocketsHold(t *testing.T) {
	far, near, emulated := flat(), flat().OnOneMachine(), flat().OnOneMachine()
	emulated.Link.OneWayMS.Value = 5 // 5 MB on a line of a byte a nanosecond
	for _, c := range []struct {
		target Target
		bytes  float64
	}{{far, 4 << 20}, {near, 2 << 20}, {emulated, 3<<20 + 5e6}} {
		if got := c.target.rates(0).unread; got != c.bytes {
			t.Errorf("%v bytes, want %v", got, c.bytes)
		}
	}
}

// TestNobodyIsSentMoreThanSocketsHold: a party that makes a message fast waits for a peer that takes it in slowly; of a message whose pieces are long,
// until as many are read as it may not be ahead.
func TestNobodyIsSentMoreThanSocketsHold(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1e-9}, Price{NS: 1}
	target.Machines["m"] = m
	target.Link.BytesPerSecond.Value = 1e15
	unread := int64(target.rates(0).unread)
	for _, times := range []int64{4, 8, 16, 64} {
		n := times * unread
		l := online(func(l *Ledger) {
			at := l.Send(Client, n, OnlineStart)
			l.Compute(Client, at, Vectors, 1)
		})
		// The server takes a nanosecond a byte; when the client has sent all but what it may be ahead, it is done.
		ahead := max(2*unread, (aheadPieces+1)*n/mostPieces)
		got, least := Estimate(l, target).Online.MS*nsPerMS, float64(n-ahead)
		if got < least-1 || got > float64(n) {
			t.Errorf("sending %d bytes takes %v ns, want %v to %v", n, got, least, float64(n))
		}
	}
}

// TestLongMessagesFlow: of a message far longer than what sockets hold, one byte is read while others are made and on the line, though the pieces
// in which it is played are longer too.
func TestLongMessagesFlow(t *testing.T) {
	target := flat()
	m := target.Machines["m"]
	m.Prices[SendByte], m.Prices[ReceiveByte] = Price{NS: 1}, Price{NS: 1}
	target.Machines["m"] = m
	n := 64 * mostPieces * int64(target.rates(0).unread)
	l := online(func(l *Ledger) { l.Send(Server, n, OnlineStart) })
	// Making, the line and reading take a nanosecond a byte; the last piece is on the line, and read, when all of it has been made.
	got, want := Estimate(l, target).Online.MS*nsPerMS, float64(n)*(1+2./mostPieces)
	if math.Abs(got-want) > 1e-3*want {
		t.Errorf("%d bytes take %v ns, want %v", n, got, want)
	}
}

// TestWakes: a party that has waited for a millisecond wakes, but for what comes over a link whose delay was measured with that, or that
// is emulated beside it.
func TestWakes(t *testing.T) {
	const wake, ms, work = 5000, 1e-6, 1e6
	l := online(func(l *Ledger) { l.Send(Server, 1, l.Send(Server, 1, OnlineStart)) })
	l.Compute(Server, OnlineStart, Vectors, work)
	for _, x := range []struct {
		what   string
		oneWay float64 // ns
		shared bool
		wakes  bool
	}{
		{"processes of one machine", 0, true, true},
		{"a link that is emulated", 1000, true, false},
		{"two machines side by side", 1000, false, true},
		{"two machines whose round trip is as long", wakeNS, false, false},
	} {
		target := flat()
		target.Shared, target.Link.OneWayMS.Value = x.shared, x.oneWay*ms
		before := Estimate(l, target).Online.MS
		m := target.Machines["m"]
		m.Prices[Wake].NS = wake
		target.Machines["m"] = m
		more := Estimate(l, target).Online.MS - before
		if x.wakes && !(more > 0) || !x.wakes && more != 0 {
			t.Errorf("%s: a wake takes %v ms", x.what, more)
		}
	}
}
