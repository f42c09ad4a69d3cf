package cost

import (
	"math"
	"testing"
)

// message is the shape of an op that the client begins and the server answers, a unit of work between.
func message(t *testing.T, bytes int64) *Shape {
	t.Helper()
	s, err := NewShape(ClientServer, FromDealer, []*Ready{nil}, func(l *Ledger, in []Ready) Ready {
		at := l.Send(Client, bytes, in[0][Client])
		l.Compute(Server, at, Conv32, 2*bytes)
		return Ready{l.Send(Server, bytes, max(at, in[0][Server])), at}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// twoSites is a chain of two ops: the first is there unless its site's option is 1, the second has 100 bytes or 300 by its site.
func twoSites(t *testing.T) *Table {
	t.Helper()
	forms := []TableForm{
		{Shape: message(t, 1000), Args: []int32{Input}, ReLUs: 7},
		{Shape: message(t, 100), Args: []int32{0}, ReLUs: 1},
		{Shape: message(t, 300), Args: []int32{0}},
		{Shape: message(t, 100), Args: []int32{Input}, ReLUs: 1},
		{Shape: message(t, 300), Args: []int32{Input}},
	}
	ops := []TableOp{
		{Slot: 0, Form: 0, Sites: []int{0}, There: []bool{true, false}},
		{Slot: 1, Form: 1, Sites: []int{0, 1}, There: []bool{true, false, false, false}},
		{Slot: 1, Form: 2, Sites: []int{0, 1}, There: []bool{false, true, false, false}},
		{Slot: 1, Form: 3, Sites: []int{0, 1}, There: []bool{false, false, true, false}},
		{Slot: 1, Form: 4, Sites: []int{0, 1}, There: []bool{false, false, false, true}},
	}
	sites := []TableSite{{"a", "a", []string{"yes", "no"}}, {"b", "b", []string{"small", "large"}}}
	tab, err := NewTable(TableBase{Deploy: ClientServer, Source: FromDealer}, flat(), sites, ops, forms)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// TestTableByHand: at a nanosecond a unit and a byte, half of it on two cores, a question and its answer of n bytes take n/2 to send, n on
// the line, n/2 to receive, and the same back, and n for 2n units of work: 5n in all.
func TestTableByHand(t *testing.T) {
	q := twoSites(t).NewQuery()
	for _, c := range []struct {
		options []int
		relus   int64
		bytes   int64
		rounds  int
	}{
		{[]int{0, 0}, 8, 1100, 4}, {[]int{0, 1}, 7, 1300, 4}, {[]int{1, 0}, 1, 100, 2}, {[]int{1, 1}, 0, 300, 2},
	} {
		p, err := q.Price(c.options)
		if err != nil {
			t.Fatal(err)
		}
		wire := Traffic{c.bytes + int64(c.rounds/2)*FrameHeaderBytes, c.bytes + int64(c.rounds/2)*FrameHeaderBytes, c.rounds}
		if p.ReLUs != c.relus || p.Online != wire || p.Offline != (Traffic{}) || p.Dealt != 2*SeedBytes {
			t.Errorf("%v: %+v, want %d ReLUs and %+v", c.options, p, c.relus, wire)
		}
		wantMS(t, "a chain of questions", p.OnlineMS, float64(5*c.bytes))
	}
	for _, wrong := range [][]int{nil, {0}, {0, 2}, {-1, 0}} {
		if _, err := q.Price(wrong); err == nil {
			t.Errorf("options %v are priced", wrong)
		}
	}
}

// TestEffectsByHand: nothing here depends on a neighbour but the order of the ops, so that effects add up to the price.
func TestEffectsByHand(t *testing.T) {
	n := 0
	e, err := twoSites(t).Effects(8, func(int) int { n++; return n / 2 % 2 })
	if err != nil {
		t.Fatal(err)
	}
	if e.OnlineOff > 1e-12 || math.Abs(e.Sites[0][0].OnlineMS-2500e-6) > 1e-12 || e.Sites[1][1].ReLUs != -0.5 {
		t.Errorf("effects %+v", e)
	}
	logits, gradient := [][]float64{{0.3, -1}, {0, 2}}, [][]float64{{0, 0}, {0, 0}}
	weights := Figures{OnlineMS: 1e6, ReLUs: 10}
	at := func() float64 {
		x, err := e.Expected(weights, logits, gradient)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	at()
	derivative := [][]float64{{gradient[0][0], gradient[0][1]}, {gradient[1][0], gradient[1][1]}}
	const h = 1e-6
	for s := range logits {
		for o := range logits[s] {
			logits[s][o] += h
			up := at()
			logits[s][o] -= 2 * h
			down := at()
			logits[s][o] += h
			if got := (up - down) / (2 * h); math.Abs(got-derivative[s][o]) > 1e-3 {
				t.Errorf("logit %d of site %d: derivative %v, difference quotient %v", o, s, derivative[s][o], got)
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { at() }); n != 0 {
		t.Errorf("%v allocations for an expectation", n)
	}
	if _, err := e.Expected(weights, logits[:1], gradient); err == nil {
		t.Error("logits of one site are taken for those of two")
	}
}

// TestShapesFollowTheMoments: a moment is the latest of what it waits for.
func TestShapesFollowTheMoments(t *testing.T) {
	s, err := NewShape(ClientServer, FromHE, []*Ready{nil, {Start, Start}, nil}, func(l *Ledger, in []Ready) Ready {
		at := l.Send(Client, 10, max(in[0][Client], in[1][Server]))
		l.RandomOT(Server, 64)
		zero := l.LabelOT(Server, 128, in[2][Client])
		return Ready{Start, max(at, zero, in[2][Server]+3)}
	})
	if err != nil {
		t.Fatal(err)
	}
	f := TableForm{Shape: s, Args: []int32{0, Known, 1}}
	ready := []Ready{{}, {10, 90}, {40, 38}}
	if got := f.moment(s.calls[0].at, ready); got != 11 {
		t.Errorf("the message arrives at %d, want 11", got)
	}
	if got := f.moment(s.asks[1].ready, ready); got != 40 {
		t.Errorf("labels are asked for at %d, want 40", got)
	}
	if a, b := f.moment(s.out[Client], ready), f.moment(s.out[Server], ready); a != Start || b != 41 {
		t.Errorf("the result is there at %d and %d, want %d and 41", a, b, Start)
	}
	if _, static := s.Static(); static {
		t.Error("an op that sends counts as known")
	}
}
