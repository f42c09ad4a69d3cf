package prices

import (
	"testing"

	"sotto/ir/cost"
)

// list is a price list in which every unit takes a nanosecond and every call a hundred.
func list() cost.Target {
	m := cost.Machine{Cores: 2, ProcessBytes: cost.Quantity{Value: 1, Source: "a test"}}
	for k := range m.Prices {
		m.Prices[k] = cost.Price{NS: 1, CallNS: 100, Source: "a test"}
	}
	return cost.Target{Sotto: cost.TargetVersion, Name: "test", Source: "a test", Machines: map[string]cost.Machine{"m": m}, Client: "m", Server: "m", Shared: true,
		Link: cost.Link{BytesPerSecond: cost.Quantity{Value: 1e12, Source: "a test"}, OneWayMS: cost.Quantity{Source: "a test"}}}
}

// worked gives a session of one op with so much work at the server, as it would take at other prices.
func session(truth cost.Target, work map[cost.Kernel]int64) Session {
	l := cost.NewLedger(cost.ClientServer, cost.FromDealer)
	l.For(0)
	for k, units := range work {
		l.Compute(cost.Server, cost.OnlineStart, k, units)
	}
	l.Send(cost.Server, 1, cost.OnlineStart)
	return Session{Name: "session", Ledger: l, Phase: cost.Online, Link: truth.Link, MS: cost.Estimate(l, truth).Online.MS}
}

// TestRefineFindsWhatIsDearerInSessions: elementwise work takes twice its price there, convolutions what they should.
func TestRefineFindsWhatIsDearerInSessions(t *testing.T) {
	truth := list()
	m := truth.Machines["m"]
	m.Prices[cost.Vectors].NS = 2
	truth.Machines = map[string]cost.Machine{"m": m}
	var sessions []Session
	for _, n := range []int64{4e6, 8e6, 16e6, 32e6} {
		sessions = append(sessions, session(truth, map[cost.Kernel]int64{cost.Vectors: n}), session(truth, map[cost.Kernel]int64{cost.Conv32: n}),
			session(truth, map[cost.Kernel]int64{cost.Conv32: n, cost.Vectors: n}))
	}
	r, err := Refine(list(), "m", 1000, sessions)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "elementwise", r.Prices[cost.Vectors].NS, 2, 0.04)
	near(t, "convolutions", r.Prices[cost.Conv32].NS, 1, 0.02)
	near(t, "what no session has", r.Prices[cost.Hash].NS, 1, 0)
	if r.Before < 0.3 || r.After > 0.01 {
		t.Errorf("off by %.3f before and %.3f after", r.Before, r.After)
	}
}

// exchanges is a session in which parties send and compute so many times: the server alone answers, or both at once.
func exchanges(truth cost.Target, times int, both bool) Session {
	l := cost.NewLedger(cost.Outsourced, cost.FromDealer)
	l.For(0)
	at := cost.OnlineStart
	for range times {
		next := l.Send(cost.Server, 1000, at)
		l.Compute(cost.Server, next, cost.Conv32, 2e4)
		if both {
			l.Send(cost.Client, 1000, at)
			l.Compute(cost.Client, next, cost.Conv32, 2e4)
		}
		at = next
	}
	return Session{Name: "session", Ledger: l, Phase: cost.Online, Link: truth.Link, MS: cost.Estimate(l, truth).Online.MS}
}

// TestRefineFindsWhatMeetingTakes: a message is taken in at its price where one party works, and much later where both do.
func TestRefineFindsWhatMeetingTakes(t *testing.T) {
	alone, truth := list(), list()
	for t, meet := range map[*cost.Target]float64{&alone: 0, &truth: 20000} {
		m := t.Machines["m"]
		m.Prices[cost.ReceiveByte].CallNS, m.Prices[cost.ReceiveByte].MeetNS = 2000, meet
		t.Machines = map[string]cost.Machine{"m": m}
	}
	var sessions []Session
	for _, n := range []int{200, 400, 800} {
		sessions = append(sessions, exchanges(truth, n, true), exchanges(truth, n, false))
	}
	r, err := Refine(alone, "m", 1000, sessions)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "a message where both work", r.Prices[cost.ReceiveByte].MeetNS, 20000, 1000)
	near(t, "convolutions", r.Prices[cost.Conv32].NS, 1, 0.02)
	if r.After > 0.01 {
		t.Errorf("off by %.3f before and %.3f after", r.Before, r.After)
	}
}

// TestRefineFindsWhatEmulatingTakes: messages over the link take 30 us longer than its delay, where one by itself takes 10; over loopback nothing.
func TestRefineFindsWhatEmulatingTakes(t *testing.T) {
	const delay, emulating = 0.1, 0.03
	loopback, far := list(), list()
	var sessions []Session
	for _, n := range []int{50, 100, 200} {
		far.Link.OneWayMS.Value = delay + emulating
		over := exchanges(far, n, true)
		over.Link.OneWayMS.Value = delay
		sessions = append(sessions, over, exchanges(loopback, n, true))
	}
	r, err := Refine(list(), "m", 10_000, sessions)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "emulating", r.Emulating, emulating*1e6, 1500)
	near(t, "a call", r.Prices[cost.SendByte].CallNS, 100, 10)
}

func TestRefineRefusesWhatIsNoSession(t *testing.T) {
	for what, spoil := range map[string]func(*Session){
		"no time": func(s *Session) { s.MS = 0 },
		"no link": func(s *Session) { s.Link = cost.Link{} },
	} {
		s := session(list(), map[cost.Kernel]int64{cost.Vectors: 10})
		spoil(&s)
		if _, err := Refine(list(), "m", 1000, []Session{s}); err == nil {
			t.Errorf("a session of %s is accepted", what)
		}
	}
}
