package cost

import "slices"

// A timeline is a phase as a party's program runs it, priced: by moment what is sent and received, in order, and what is computed
// when the messages have moved. It is what simulate runs.
type timeline struct {
	moments []moment
	pieces  [2][3][]piece // by party and When, moment after moment
	// dealer is the work of a dealer, which begins with the phase, and dealtBytes what it then sends each party.
	dealer     nanoseconds
	dealtBytes [2]float64
}

// moment is one level of the two programs.
type moment struct {
	at  Time
	end [2][3]int // by party and When: the first piece of a later moment
}

// piece is a stretch of work of one op, with what of a message belongs to it. Piece i that a party sends is piece i that its peer
// receives.
type piece struct {
	tag   int
	work  nanoseconds
	bytes float64
	// upTo is the part of the tag's work that ends with this piece. The answer to what is multiplied in slots waits for no more than as much.
	upTo  float64
	slots bool
}

// nanoseconds of work on one core, and on all cores of the machine.
type nanoseconds struct{ one, all float64 }

func (n nanoseconds) plus(m nanoseconds) nanoseconds {
	return nanoseconds{n.one + m.one, n.all + m.all}
}

func (n nanoseconds) times(f float64) nanoseconds { return nanoseconds{n.one * f, n.all * f} }

// on is the time that the work takes where so many cores are free for it.
func (n nanoseconds) on(free float64, cores int) float64 {
	if n.one == 0 {
		return 0
	}
	return Price{NS: n.one, AllNS: n.all}.on(free, cores)
}

// pieceBytes of a message, or what pieceNS of work make, are what its receiver works on while the next are made.
const (
	pieceBytes = 256 << 10
	pieceNS    = 1e6
	mostPieces = 16 // of one part of a message, as many as change the result by less than its error
)

// entry is a line of a ledger, priced.
type entry struct {
	at    Time
	party Party
	when  When
	tag   int
	work  nanoseconds
	bytes float64
	slots bool
}

// entries prices the messages and the work of a phase.
func (l *Ledger) entries(phase Phase, t *rates) []entry {
	var out []entry
	for _, m := range l.Messages {
		if m.Sent.Phase() != phase {
			continue
		}
		to := m.From.Other()
		n := float64(m.Bytes)
		out = append(out, entry{m.Sent, m.From, Sending, m.Tag, t.of(m.From, SendByte).units(n), n, false},
			entry{m.Sent, to, Receiving, m.Tag, t.of(to, ReceiveByte).units(n), 0, false})
	}
	for _, w := range l.Work {
		if w.At.Phase() != phase || w.Party == Dealer {
			continue
		}
		when := w.When
		if 0 < w.At && w.At < Start && when == After {
			when = Receiving // set-up has no steps between its messages
		}
		out = append(out, entry{w.At, w.Party, when, w.Tag, t.of(w.Party, w.Kernel).call(float64(w.Units)), 0, w.Kernel == SlotEvaluate})
	}
	slices.SortStableFunc(out, func(a, b entry) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.tag - b.tag
	})
	return out
}

// newTimeline lays a phase out.
func newTimeline(l *Ledger, phase Phase, t *rates) *timeline {
	tl := &timeline{}
	if phase == Offline {
		tl.deal(l, t)
	}
	all := l.entries(phase, t)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].at == all[0].at {
			n++
		}
		tl.add(all[:n], t)
		all = all[n:]
	}
	return tl
}

// add appends a moment: its parts by tag, each as one piece or several.
func (tl *timeline) add(all []entry, t *rates) {
	first := [2]bool{true, true}
	at := all[0].at
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].tag == all[0].tag {
			n++
		}
		tl.part(all[:n], &first, t)
		all = all[n:]
	}
	m := moment{at: at}
	for p := range tl.pieces {
		for w := range tl.pieces[p] {
			m.end[p][w] = len(tl.pieces[p][w])
		}
	}
	tl.moments = append(tl.moments, m)
}

// part appends what one op does at a moment. first says of which directions no part has been sent yet: the message's own cost is the
// first part's.
func (tl *timeline) part(all []entry, first *[2]bool, t *rates) {
	var sum [2][3]piece
	for p := range sum {
		for w := range sum[p] {
			sum[p][w].tag = all[0].tag
		}
	}
	for _, e := range all {
		s := &sum[e.party][e.when]
		s.work, s.bytes, s.slots = s.work.plus(e.work), s.bytes+e.bytes, s.slots || e.slots
	}
	for p := range sum {
		from, to := Party(p), Party(p).Other()
		send, receive := sum[from][Sending], sum[to][Receiving]
		if send.bytes > 0 && first[p] {
			first[p] = false
			send.work = send.work.plus(t.of(from, SendByte).once())
			receive.work = receive.work.plus(t.of(to, ReceiveByte).once())
		}
		if send.work.one+receive.work.one+send.bytes > 0 {
			tl.split(from, send, receive)
		}
		if s := sum[from][After]; s.work.one > 0 {
			tl.pieces[from][After] = append(tl.pieces[from][After], s)
		}
	}
}

// split appends a part of a message in pieces, at both ends.
func (tl *timeline) split(from Party, send, receive piece) {
	n := int(min(1+max(send.bytes/pieceBytes, send.work.one/pieceNS, receive.work.one/pieceNS), mostPieces))
	f := 1 / float64(n)
	send.work, send.bytes, receive.work = send.work.times(f), send.bytes*f, receive.work.times(f)
	for i := range n {
		send.upTo = float64(i+1) * f
		receive.upTo = send.upTo
		tl.pieces[from][Sending] = append(tl.pieces[from][Sending], send)
		tl.pieces[from.Other()][Receiving] = append(tl.pieces[from.Other()][Receiving], receive)
	}
}

// deal adds up the dealer's work.
func (tl *timeline) deal(l *Ledger, t *rates) {
	for _, w := range l.Work {
		if w.Party == Dealer {
			tl.dealer = tl.dealer.plus(t.of(Dealer, w.Kernel).call(float64(w.Units)))
		}
	}
	for _, m := range l.Dealt {
		tl.dealtBytes[m.From] += float64(m.Bytes)
	}
}

// workMS sums the work of each party by op, on one core.
func (tl *timeline) workMS() map[int][2]float64 {
	sum := map[int][2]float64{}
	for p := range tl.pieces {
		for _, list := range tl.pieces[p] {
			for _, piece := range list {
				work := sum[piece.tag]
				work[p] += piece.work.one / nsPerMS
				sum[piece.tag] = work
			}
		}
	}
	return sum
}
