package cost

import "math"

// The two parties as the executor runs them (runtime/vm, runtime/party). At every moment a party sends its message and receives the
// peer's, at once and each piece by piece; when both have moved it computes, and goes on to the next moment. What runs at the same time
// on one machine shares its cores evenly. Set-up's two moments are not apart: the second message begins when the head of the peer's
// first is answered, and what it says of an op waits for what the first said of it alone.

// wakeNS is how long a party waits until its core sleeps: what Linux polls before it halts a processor of a virtual machine (haltpoll,
// guest_halt_poll_ns), and about what a processor of its own takes to enter a deep state.
const wakeNS = 200e3

// linkBuffer is how many bytes may be on their way before a sender waits: what the shaper of runtime/wire and a socket hold.
const linkBuffer = 512 << 10

// simulation is one run of a timeline. It keeps its memory from run to run.
type simulation struct {
	timeline
	r       *rates
	now     float64 // ns
	actors  [2]actor
	dealt   dealt
	arrival [2][]float64 // by sender and piece: when its last byte is at the peer
	setup   setupMoments
	wakes   bool
	awake   [3]float64         // by party: when it last worked
	running []*lane            // of this step
	next    float64            // the earliest time that something waits for
	watch   func(step float64) // is told before time passes; nil: nobody looks
}

// lane is a kind of work that a party does piece after piece, or of a dealing's.
type lane struct {
	p       Party
	when    When
	pieces  []piece // of a party's lane
	at, end int     // the piece that is next, and the first of a later moment
	begun   bool    // nothing holds the piece up until it ends
	piece   *piece  // that was begun
	left    float64 // of it, as a part
	among   int     // how many lanes of the machine share its cores; 0: not known
	whole   float64 // the time of the whole piece among as many
}

// actor is a party.
type actor struct {
	moment    int
	own       [3]int // by When: the first piece of a later moment
	computing bool
	done      bool
	lanes     [3]lane // by When
	lineFree  float64 // when all that was sent has left
	sent      float64 // bytes
	read      float64
	end       float64
}

// dealt is how far a dealer is.
type dealt struct {
	made        int
	sent, taken [2]int                // by party
	lanes       [takingDealt + 2]lane // by When
	lineFree    [2]float64
	arrival     [2][]float64
}

// begin has a dealer begin.
func (d *dealt) begin() {
	*d = dealt{arrival: [2][]float64{d.arrival[Client][:0], d.arrival[Server][:0]}}
	for w := range d.lanes {
		d.lanes[w] = lane{p: Dealer, when: When(w), left: 1}
	}
	for _, p := range [...]Party{Client, Server} {
		d.lanes[takingDealt+When(p)].p = p
	}
}

// since tells times from a later moment on.
func (d *dealt) since(begin float64) {
	for w := range d.lanes {
		d.lanes[w].among = 0 // what is dealt may be laid out anew
	}
	for p := range d.arrival {
		d.lineFree[p] -= begin
		for i := range d.arrival[p] {
			d.arrival[p][i] -= begin
		}
	}
}

// The lanes of a dealing: what makes, and by party what sends and what takes in. They come after those of a party, which are called by When.
const (
	makingDealt  When = Receiving + 1 + iota
	sendingDealt      // and the next: to the server
	_
	takingDealt // and the next: at the server
)

// dealtAhead is how many pieces are made before they are sent: one is on its way while the next is made (runtime/material).
const dealtAhead = 2

// reset begins a run of the timeline that is laid out, but for the dealing, which goes on from where it is.
func (s *simulation) reset(r *rates) {
	s.r, s.now, s.setup, s.wakes, s.awake = r, 0, s.timeline.setup(), r.wakes(), [3]float64{}
	for p := range s.actors {
		a := &s.actors[p]
		*a = actor{}
		for w, pieces := range s.pieces[p] {
			a.lanes[w] = lane{p: Party(p), when: When(w), pieces: pieces, left: 1}
		}
		s.arrival[p] = s.arrival[p][:0]
		s.enter(Party(p), 0)
	}
}

// enter has a party begin a moment.
func (s *simulation) enter(p Party, i int) {
	a := &s.actors[p]
	a.computing, a.moment = false, s.setup.skip(i)
	if a.moment == len(s.moments) {
		a.done, a.end = true, s.now
		return
	}
	a.own = s.moments[a.moment].end[p]
	for w, end := range a.own {
		a.lanes[w].end = end
	}
	a.lanes[Sending].end = s.moments[a.moment].answers[p].end
}

// setupMoments are the first and the last moment of set-up's messages; the last is -1 where there are none.
type setupMoments [2]int

// setup finds them.
func (tl *timeline) setup() setupMoments {
	found := setupMoments{0, -1}
	for i, m := range tl.moments {
		switch {
		case m.at == 0:
			found[0] = i + 1
		case m.at <= Start:
			found[1] = i
		}
	}
	return found
}

// skip is the moment itself, or set-up's last where it is set-up's first.
func (s setupMoments) skip(i int) int {
	if i == s[0] {
		return max(i, s[1])
	}
	return i
}

// run plays the timeline to its end.
func (s *simulation) run() {
	for {
		s.running, s.next = s.running[:0], math.Inf(1)
		if s.dealing.pieces > 0 {
			s.deals()
		}
		for p := range s.actors {
			for s.look(Party(p)) { // through moments in which there is nothing to do
			}
		}
		if s.actors[Client].done && s.actors[Server].done {
			return
		}
		s.advance()
	}
}

// deals lists what of the dealing runs now, and what of it is waited for.
func (s *simulation) deals() {
	d, of := &s.dealt, &s.dealing
	run := func(w When, x *piece) {
		d.lanes[w].piece = x
		s.running = append(s.running, &d.lanes[w])
	}
	if d.made < of.pieces && d.made < min(d.sent[Client], d.sent[Server])+dealtAhead {
		run(makingDealt, &of.making)
	}
	for p := range d.sent {
		if d.sent[p] < d.made {
			if from := s.writable(d.lineFree[p], &of.sending[p]); from > s.now {
				s.next = min(s.next, from)
			} else {
				run(sendingDealt+When(p), &of.sending[p])
			}
		}
		if d.taken[p] == len(d.arrival[p]) {
			continue
		}
		if at := d.arrival[p][d.taken[p]]; at > s.now {
			s.next = min(s.next, at)
		} else {
			run(takingDealt+When(p), &of.taking[p])
		}
	}
}

// look lists what of a party runs now and what it waits for, or moves it on and reports that it did.
func (s *simulation) look(p Party) bool {
	a := &s.actors[p]
	if a.done {
		return false
	}
	after := &a.lanes[After]
	if a.computing && after.at == after.end {
		s.enter(p, a.moment+1)
		return true
	}
	if !a.computing && a.lanes[Sending].at >= a.own[Sending] && a.lanes[Receiving].at >= a.own[Receiving] {
		a.computing = !s.waitsForDealer(p)
		return a.computing // before it moves an answer: a lane runs once
	}
	s.moves(a, &a.lanes[Sending])
	s.moves(a, &a.lanes[Receiving])
	if a.computing {
		s.runs(after)
	}
	return false
}

// moves has a party send or receive its next piece, or wait for it.
func (s *simulation) moves(a *actor, x *lane) {
	if x.at == x.end {
		return
	}
	if x.begun {
		s.running = append(s.running, x)
	} else if from := s.from(a, x); from <= s.now {
		s.runs(x)
	} else if from < s.next {
		s.next = from
	}
}

// waitsForDealer tells whether a party needs all of its material now: set-up's messages have moved. What is dealt while a run is online is the
// next one's.
func (s *simulation) waitsForDealer(p Party) bool {
	i := s.actors[p].moment
	return s.dealt.taken[p] < s.dealing.pieces && s.phase() == Offline && (i == len(s.moments)-1 || s.moments[i+1].at > Start)
}

// runs notes that a party works on its next piece of a kind.
func (s *simulation) runs(x *lane) {
	x.begun, x.piece = true, &x.pieces[x.at]
	s.running = append(s.running, x)
}

// from is the time from which a party can work on the next piece of a direction; infinite where that is not known yet.
func (s *simulation) from(a *actor, x *lane) float64 {
	if x.when == Receiving {
		sent := s.arrival[x.p.Other()]
		if x.at >= len(sent) {
			return math.Inf(1)
		}
		at := sent[x.at]
		if s.wakes && at-s.awake[x.p] > wakeNS {
			at += s.r.of(x.p, Wake).one
		}
		return at
	}
	piece := &x.pieces[x.at]
	if a.moment == s.setup[1] && x.at >= s.moments[s.setup[0]].end[x.p][Sending] && !s.answerable(x.p, piece) {
		return math.Inf(1)
	}
	if a.sent-s.actors[x.p.Other()].read > max(s.r.unread, aheadPieces*piece.bytes) {
		return math.Inf(1)
	}
	if x.at >= a.own[Sending] && !s.heard(a, x) {
		return math.Inf(1)
	}
	return s.writable(a.lineFree, piece)
}

// wakes tells whether a party that has waited for long takes in a message later than the link delays it. The delay of a link whose round trip is as
// long was measured with that; and what emulates a link on the parties' own machine keeps a core awake until a message is due.
func (r *rates) wakes() bool { return r.oneWay == 0 || !r.shared && 2*r.oneWay < wakeNS }

// writable is from when on a piece can be worked on that goes over a line which is free at some time: the piece before is written meanwhile.
func (s *simulation) writable(lineFree float64, x *piece) float64 {
	return lineFree - max(linkBuffer, x.bytes)*s.r.byteNS
}

// What a party may send that the peer has not read, in bytes: what sockets hold between machines; on one, where runtime/wire bounds the
// sender's; and what emulates a link there, beside what is on its line.
const (
	farSockets  = 4 << 20
	nearSockets = 2 << 20
	emulator    = 1 << 20
)

// aheadPieces is how many pieces of a message a sender may be ahead where so many are more than what it may send: one is read and one on its way
// while it makes the next. Sockets hold less than that; but what moves through them moves all the time, not piece by piece. So a sender is done
// with a long message up to three pieces before its peer, which is sooner than it would be.
const aheadPieces = 2

// unreadBytes is all of it.
func (r *rates) unreadBytes() float64 {
	switch {
	case !r.shared:
		return farSockets
	case r.oneWay == 0:
		return nearSockets
	}
	return nearSockets + emulator + r.oneWay/r.byteNS
}

// answerable tells whether what a piece of set-up's second message answers is here: what the peer's first says of its op and of those
// before; in slots, as much of it as the piece has come to.
func (s *simulation) answerable(p Party, piece *piece) bool {
	hears := &s.actors[p].lanes[Receiving]
	if hears.at >= s.moments[s.setup[0]].end[p][Receiving] || hears.pieces[hears.at].tag > piece.tag {
		return true
	}
	heard := &hears.pieces[hears.at]
	return heard.slots && heard.tag == piece.tag && heard.upTo > piece.upTo
}

// heard tells whether the parcels are here that the next piece of an answer answers.
func (s *simulation) heard(a *actor, x *lane) bool {
	of := &s.moments[a.moment].answers[x.p]
	here := (a.read - of.heard.from) / of.heard.bytes
	there := (a.sent + x.pieces[x.at].bytes - of.sent.from) / of.sent.bytes
	return math.Floor(here*of.parcels+tiny) >= math.Ceil(there*of.parcels-tiny)
}

// advance lets time pass until the first task ends or what is waited for comes.
func (s *simulation) advance() {
	step := s.share()
	if math.IsInf(step, 1) { // nothing runs and nothing comes: the ledger is no session's
		for p := range s.actors {
			s.actors[p].done, s.actors[p].end = true, s.now
		}
		return
	}
	step = max(step, 0)
	if s.watch != nil && step > 0 {
		s.watch(step)
	}
	s.now += step
	for _, t := range s.running {
		s.awake[t.p] = s.now
		left := t.left - step/t.whole // not a number where the piece is nothing
		if left >= tiny {
			t.left = left
		} else {
			s.finish(t)
		}
	}
}

// tiny is a part of a piece that rounding leaves.
const tiny = 1e-9

// share gives the cores of each machine to the lanes that run on it, and tells how long until the first of them ends or what is waited for comes.
func (s *simulation) share() (step float64) {
	var lanes [3]int
	for _, t := range s.running {
		lanes[t.p]++
	}
	if s.r.shared {
		n := len(s.running)
		lanes = [3]int{n, n, n}
	}
	step = s.next - s.now
	for _, t := range s.running {
		if n := lanes[t.p]; n != t.among {
			t.among, t.whole = n, t.piece.work.on(s.r.free(t.p, n), s.r.cores[t.p])
		}
		step = min(step, t.left*t.whole)
	}
	return step
}

// free is the cores that a lane has which shares a party's machine with others, among so many.
func (r *rates) free(p Party, among int) float64 { return float64(r.cores[p]) / float64(among) }

// finish ends a piece: what is sent leaves as the line allows.
func (s *simulation) finish(t *lane) {
	t.begun, t.left, t.among = false, 1, 0
	if t.when >= makingDealt {
		s.dealt.finish(t, s.now, s.r)
		return
	}
	a := &s.actors[t.p]
	if t.when == Sending {
		a.lineFree = max(a.lineFree, s.now) + t.piece.bytes*s.r.byteNS
		a.sent += t.piece.bytes
		s.arrival[t.p] = append(s.arrival[t.p], a.lineFree+s.r.oneWay)
	}
	if t.when == Receiving {
		a.read += s.pieces[t.p.Other()][Sending][t.at].bytes
	}
	t.at++
}

// finish ends a piece of a dealing.
func (d *dealt) finish(t *lane, now float64, r *rates) {
	switch {
	case t.when == makingDealt:
		d.made++
	case t.when < takingDealt:
		p := t.when - sendingDealt
		d.lineFree[p] = max(d.lineFree[p], now) + t.piece.bytes*r.byteNS
		d.arrival[p] = append(d.arrival[p], d.lineFree[p]+r.oneWay)
		d.sent[p]++
	default:
		d.taken[t.when-takingDealt]++
	}
}
