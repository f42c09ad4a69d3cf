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
	byTag   []float64          // the client's time, by tag + 1
	running []task             // of this step
	next    float64            // the earliest time that something waits for
	watch   func(step float64) // is told before time passes; nil: nobody looks
}

// actor is a party.
type actor struct {
	moment    int
	computing bool
	done      bool
	at        [3]int     // by When: the piece that is next
	left      [3]float64 // of it, as a part
	lineFree  float64    // when all that was sent has left
	sent      float64    // bytes
	read      float64
	end       float64
	awake     float64 // when it last worked
	busy      float64 // core-nanoseconds
}

// dealt is how far a dealer is.
type dealt struct {
	made        int
	sent, taken [2]int                   // by party
	left        [takingDealt + 2]float64 // by lane: of the piece that is next, as a part
	lineFree    [2]float64
	arrival     [2][]float64
}

// begin has a dealer begin.
func (d *dealt) begin() {
	*d = dealt{arrival: [2][]float64{d.arrival[Client][:0], d.arrival[Server][:0]}}
	for i := range d.left {
		d.left[i] = 1
	}
}

// since tells times from a later moment on.
func (d *dealt) since(begin float64) {
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

// task is a lane that runs: a party and what it does, or the dealer.
type task struct {
	p     Party
	when  When
	piece *piece
	left  *float64 // the part of the piece that is before it
	// While time passes: the cores that the task has, and the time of the whole of its piece with them.
	cores, whole float64
}

// reset begins a run of the timeline that is laid out, but for the dealing, which goes on from where it is.
func (s *simulation) reset(r *rates, tags int) {
	s.r, s.now, s.setup, s.running, s.actors = r, 0, s.timeline.setup(), s.running[:0], [2]actor{}
	for p := range s.actors {
		s.actors[p].left = [3]float64{1, 1, 1}
		s.arrival[p] = s.arrival[p][:0]
	}
	for p := range s.actors {
		s.actors[p].moment = s.setup.skip(0)
		s.actors[p].done = len(s.moments) == 0
	}
	if cap(s.byTag) < tags+1 {
		s.byTag = make([]float64, tags+1)
	}
	s.byTag = s.byTag[:tags+1]
	clear(s.byTag)
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
	for !s.actors[Client].done || !s.actors[Server].done {
		s.running, s.next = s.running[:0], math.Inf(1)
		s.deals()
		moved := false
		for p := range s.actors {
			moved = s.look(Party(p)) || moved
		}
		if !moved {
			s.advance()
		}
	}
}

// deals lists what of the dealing runs now, and what of it is waited for.
func (s *simulation) deals() {
	d, of := &s.dealt, &s.dealing
	run := func(lane When, p Party, x *piece) {
		s.running = append(s.running, task{p: p, when: lane, piece: x, left: &d.left[lane]})
	}
	if d.made < of.pieces && d.made < min(d.sent[Client], d.sent[Server])+dealtAhead {
		run(makingDealt, Dealer, &of.making)
	}
	for p := range d.sent {
		if d.sent[p] < d.made {
			if from := s.writable(d.lineFree[p], &of.sending[p]); from > s.now {
				s.next = min(s.next, from)
			} else {
				run(sendingDealt+When(p), Dealer, &of.sending[p])
			}
		}
		if d.taken[p] == len(d.arrival[p]) {
			continue
		}
		if at := d.arrival[p][d.taken[p]]; at > s.now {
			s.next = min(s.next, at)
		} else {
			run(takingDealt+When(p), Party(p), &of.taking[p])
		}
	}
}

// look lists what of a party runs now and what it waits for, or moves it on and reports that it did.
func (s *simulation) look(p Party) bool {
	a := &s.actors[p]
	if a.done {
		return false
	}
	if a.computing {
		if a.at[After] < s.moments[a.moment].end[p][After] {
			s.runs(p, After)
			return false
		}
		return s.pass(a, p)
	}
	idle, end := true, &s.moments[a.moment].end[p]
	for w := Sending; w <= Receiving; w++ {
		if a.at[w] == end[w] {
			continue
		}
		idle = false
		if from := s.from(p, w); from <= s.now {
			s.runs(p, w)
		} else {
			s.next = min(s.next, from)
		}
	}
	if idle && s.waitsForDealer(p) {
		return false
	}
	a.computing = idle
	return idle
}

// waitsForDealer tells whether a party needs all of its material now: set-up's messages have moved. What is dealt while a run is online is the
// next one's.
func (s *simulation) waitsForDealer(p Party) bool {
	i := s.actors[p].moment
	return s.dealt.taken[p] < s.dealing.pieces && s.phase() == Offline && (i == len(s.moments)-1 || s.moments[i+1].at > Start)
}

// runs notes that a party works on its next piece of a kind.
func (s *simulation) runs(p Party, w When) {
	a := &s.actors[p]
	s.running = append(s.running, task{p: p, when: w, piece: &s.pieces[p][w][a.at[w]], left: &a.left[w]})
}

// pass takes a party to the next moment.
func (s *simulation) pass(a *actor, p Party) bool {
	a.computing = false
	a.moment = s.setup.skip(a.moment + 1)
	if a.moment == len(s.moments) {
		a.done, a.end = true, s.now
	}
	return true
}

// from is the time from which a party can work on the next piece of a direction; infinite where that is not known yet.
func (s *simulation) from(p Party, w When) float64 {
	a := &s.actors[p]
	i := a.at[w]
	if w == Receiving {
		if i >= len(s.arrival[p.Other()]) {
			return math.Inf(1)
		}
		at := s.arrival[p.Other()][i]
		if at-a.awake > wakeNS {
			at += s.r.of(p, Wake).one
		}
		return at
	}
	if first := s.setup[0]; a.moment == s.setup[1] && i >= s.moments[first].end[p][Sending] && !s.answerable(p, &s.pieces[p][Sending][i]) {
		return math.Inf(1)
	}
	if ahead := s.unread(p); ahead > unreadBytes {
		return math.Inf(1)
	}
	return s.writable(a.lineFree, &s.pieces[p][Sending][i])
}

// writable is from when on a piece can be worked on that goes over a line which is free at some time: the piece before is written meanwhile.
func (s *simulation) writable(lineFree float64, x *piece) float64 {
	return lineFree - max(linkBuffer, x.bytes)*s.r.byteNS
}

// unreadBytes is how many bytes a party may send that the peer has not read: the sockets' buffers.
const unreadBytes = 4 << 20

// unread is the bytes of a party's that the peer has not taken in.
func (s *simulation) unread(p Party) float64 {
	peer := &s.actors[p.Other()]
	return s.actors[p].sent - peer.read
}

// answerable tells whether what a piece of set-up's second message answers is here: what the peer's first says of its op and of those
// before; in slots, as much of it as the piece has come to.
func (s *simulation) answerable(p Party, piece *piece) bool {
	i := s.actors[p].at[Receiving]
	if i >= s.moments[s.setup[0]].end[p][Receiving] || s.pieces[p][Receiving][i].tag > piece.tag {
		return true
	}
	heard := &s.pieces[p][Receiving][i]
	return heard.slots && heard.tag == piece.tag && heard.upTo > piece.upTo
}

// advance lets time pass until the first task ends or what is waited for comes.
func (s *simulation) advance() {
	s.share()
	step := s.next - s.now
	for i := range s.running {
		t := &s.running[i]
		step = min(step, *t.left*t.whole)
	}
	if math.IsInf(step, 1) { // nothing runs and nothing comes: the ledger is no session's
		for p := range s.actors {
			s.actors[p].done, s.actors[p].end = true, s.now
		}
		return
	}
	step = max(step, 0)
	s.book(step)
	if s.watch != nil && step > 0 {
		s.watch(step)
	}
	s.now += step
	for i := range s.running {
		t := &s.running[i]
		if t.p != Dealer {
			s.actors[t.p].awake = s.now
		}
		left := *t.left - step/t.whole // not a number where the piece is nothing
		if left >= tiny {
			*t.left = left
		} else {
			s.finish(t)
		}
	}
}

// tiny is a part of a piece that rounding leaves.
const tiny = 1e-9

// share gives the cores of each machine to the tasks that run on it.
func (s *simulation) share() {
	var tasks [3]int
	for i := range s.running {
		tasks[s.running[i].p]++
	}
	if s.r.shared {
		n := len(s.running)
		tasks = [3]int{n, n, n}
	}
	for i := range s.running {
		t := &s.running[i]
		cores := s.r.cores[t.p]
		t.cores = float64(cores) / float64(tasks[t.p])
		t.whole = t.piece.work.on(t.cores, cores)
	}
}

// finish ends a piece: what is sent leaves as the line allows.
func (s *simulation) finish(t *task) {
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
		a.read += s.pieces[t.p.Other()][Sending][a.at[Receiving]].bytes
	}
	a.at[t.when]++
	a.left[t.when] = 1
}

// finish ends a piece of a dealing.
func (d *dealt) finish(t *task, now float64, r *rates) {
	*t.left = 1
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

// book adds a stretch of time to what the client is at, and to the cores that are busy.
func (s *simulation) book(step float64) {
	s.byTag[s.clientTag()+1] += step
	for i := range s.running {
		t := &s.running[i]
		if t.p == Dealer {
			continue
		}
		free := t.cores
		if work := &t.piece.work; work.all == work.one {
			free = min(free, 1)
		}
		s.actors[t.p].busy += step * free
	}
}

// clientTag is the op that the client computes, waits for, or sends.
func (s *simulation) clientTag() int {
	a := &s.actors[Client]
	if a.done {
		return SessionTag
	}
	end := s.moments[a.moment].end[Client]
	order := [...]When{Receiving, Sending}
	if a.computing {
		return s.pieces[Client][After][a.at[After]].tag
	}
	for _, w := range order {
		if a.at[w] < end[w] {
			return s.pieces[Client][w][a.at[w]].tag
		}
	}
	return SessionTag
}
