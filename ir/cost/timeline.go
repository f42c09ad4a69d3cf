package cost

import "slices"

// A timeline is a phase as a party's program runs it, priced: by moment what is sent and received, in order, and what is computed
// when the messages have moved. It is what simulate runs.
type timeline struct {
	moments []moment
	pieces  [2][3][]piece // by party and When, moment after moment
	dealing dealing

	whole   piece   // what is not split
	entries []entry // the ledger's, op after op
	order   []int32 // of their numbers, moment after moment
	first   []int32 // by place of a moment: where its entries begin in order
}

// moment is one level of the two programs.
type moment struct {
	at      Time
	end     [2][3]int // by party and When: the first piece of a later moment
	answers [2]answering
}

// answering is what a party sends at its next moment while what it answers arrives: its pieces before end, none beyond its own moment's where
// there is no such thing. Both go in so many parcels.
type answering struct {
	end         int
	parcels     float64
	heard, sent stretch
}

// stretch is a part of what a party has read or sent, in bytes.
type stretch struct{ from, bytes float64 }

// piece is a stretch of work of one op, with what of a message belongs to it. Piece i that a party sends is piece i that its peer
// receives.
type piece struct {
	work  nanoseconds
	bytes float64
	// upTo is the part of the tag's work that ends with this piece. The answer to what is multiplied in slots waits for no more than as much.
	upTo  float64
	tag   int32
	slots bool
	// elements is the length of the vectors that a part of a message is, 0 where it is something else too; steps tells of work that it is
	// on vectors alone.
	elements int64
	steps    bool
}

// dealing is what a dealer does, who begins with the phase, or with the online phase of the run before, in pieces that are alike: a piece is
// made, sent to both parties at once while the next is made, and taken in by them beside whatever else they do. No pieces: nobody deals.
type dealing struct {
	pieces          int
	making          piece
	sending, taking [2]piece // by party
}

// nanoseconds of work on one core, on all cores of the machine, and on one core while the others are busy.
type nanoseconds struct{ one, all, busy float64 }

func (n nanoseconds) plus(m nanoseconds) nanoseconds {
	return nanoseconds{n.one + m.one, n.all + m.all, n.busy + m.busy}
}

func (n nanoseconds) times(f float64) nanoseconds {
	return nanoseconds{n.one * f, n.all * f, n.busy * f}
}

// on is the time that the work takes where so many of cores are free for it, which need not be a whole number. What uses all cores is not
// twice as fast on two where they share what computes or the way to memory, and not as fast on one beside another that is busy. Between one
// core and all, the time goes by the part of the machine that is free.
func (n nanoseconds) on(free float64, cores int) float64 {
	all := float64(cores)
	switch {
	case free >= all:
		return n.all
	case free <= 1:
		return n.busy / free
	}
	return n.all + (n.busy-n.all)*(1/free-1/all)/(1-1/all)
}

// pieceBytes of a message, or what pieceNS of work make, are what its receiver works on while the next are made: runtime/wire sends frames of
// 64 KiB, whose records of 16 KiB are read as they come.
const (
	pieceBytes = 32 << 10
	pieceNS    = 1e6
	// mostPieces of one part of a message. With very many more ResNet-18 for CIFAR-10 is online up to 4 % sooner, ResNet-50 with garbled ReLUs
	// over pasnet 8 %, and a query of the table takes several times as long.
	mostPieces = 16
	// Smaller parts of a phase than this, at all of its moments together, change the result by less than its error too: they stay whole.
	leastPart = 1. / 256
)

// entry is a line of a ledger, priced.
type entry struct {
	at    Time
	work  nanoseconds
	bytes float64
	tag   int32
	party Party
	when  When
	slots bool

	elements int64
	steps    bool
	batches  int32
}

// collect prices the messages and the work of a phase, op by op.
func (tl *timeline) collect(l *Ledger, phase Phase, t *rates) {
	tl.entries = tl.entries[:0]
	for i, j := 0, 0; i < len(l.Messages) || j < len(l.Work); {
		if j == len(l.Work) || i < len(l.Messages) && l.Messages[i].Tag <= l.Work[j].Tag {
			if m := &l.Messages[i]; m.Sent.Phase() == phase {
				tl.message(m, t)
			}
			i++
			continue
		}
		if w := &l.Work[j]; w.At.Phase() == phase && w.Party != Dealer && !w.takes() {
			tl.effort(w, t)
		}
		j++
	}
	for i := 1; i < len(tl.entries); i++ {
		if tl.entries[i].tag < tl.entries[i-1].tag { // the ledger is not one op after the other
			slices.SortStableFunc(tl.entries, func(a, b entry) int { return int(a.tag - b.tag) })
			break
		}
	}
}

func (tl *timeline) message(m *Message, t *rates) {
	from, to, n := m.From, m.From.Other(), float64(m.Bytes)
	tl.entries = append(tl.entries,
		entry{at: m.Sent, work: t.of(from, SendByte).units(n), bytes: n, elements: m.Elements, tag: int32(m.Tag), party: from, when: Sending},
		entry{at: m.Sent, work: t.of(to, ReceiveByte).units(n), tag: int32(m.Tag), party: to, when: Receiving})
}

func (tl *timeline) effort(w *Work, t *rates) {
	when := w.When
	if 0 < w.At && w.At < Start && when == After {
		when = Receiving // set-up has no steps between its messages
	}
	tl.entries = slices.Grow(tl.entries, 1)[:len(tl.entries)+1]
	e := &tl.entries[len(tl.entries)-1] // written where it stays: a copy in wider words than those just written stalls
	e.at, e.work, e.tag, e.party, e.when = w.At, t.of(w.Party, w.Kernel).call(float64(w.Units)), int32(w.Tag), w.Party, when
	e.slots, e.steps, e.batches = w.Kernel == SlotEvaluate, w.Kernel == Vectors, w.Batches
	e.bytes, e.elements = 0, 0
}

// sort puts the numbers of the entries in order, moment after moment, and op after op in each.
func (tl *timeline) sort() {
	last := 0 // but for the end of the offline phase, which has the place after
	for i := range tl.entries {
		if at := tl.entries[i].at; at != OfflineEnd {
			last = max(last, at.Depth())
		}
	}
	last++
	tl.first = append(tl.first[:0], make([]int32, last+2)...)
	for i := range tl.entries {
		tl.first[min(tl.entries[i].at.Depth(), last)+1]++
	}
	for d := range last + 1 {
		tl.first[d+1] += tl.first[d]
	}
	tl.order = slices.Grow(tl.order[:0], len(tl.entries))[:len(tl.entries)]
	for i := range tl.entries {
		at := &tl.first[min(tl.entries[i].at.Depth(), last)]
		tl.order[*at] = int32(i)
		*at++
	}
}

// grain finds what is not worth splitting: little work, or a small part of the phase's greatest lane.
func (tl *timeline) grain() {
	var bytes, work [2][3]float64
	for i := range tl.entries {
		e := &tl.entries[i]
		bytes[e.party][e.when] += e.bytes
		work[e.party][e.when] += e.work.one
	}
	moments := 0
	for d, at := range tl.first[:max(len(tl.first)-1, 0)] {
		if d == 0 && at > 0 || d > 0 && at > tl.first[d-1] {
			moments++
		}
	}
	tl.whole = piece{bytes: pieceBytes, work: nanoseconds{one: pieceNS}}
	for p := range bytes {
		for w := range bytes[p] {
			tl.whole.bytes = max(tl.whole.bytes, bytes[p][w]*leastPart/float64(moments))
			tl.whole.work.one = max(tl.whole.work.one, work[p][w]*leastPart/float64(moments))
		}
	}
}

// lay lays a phase out, in the memory of what was laid out before.
func (tl *timeline) lay(l *Ledger, phase Phase, t *rates) {
	tl.moments, tl.dealing = tl.moments[:0], dealing{}
	for p := range tl.pieces {
		for w := range tl.pieces[p] {
			tl.pieces[p][w] = tl.pieces[p][w][:0]
		}
	}
	if phase == Offline {
		tl.deal(l, t)
	}
	tl.collect(l, phase, t)
	tl.sort()
	tl.grain()
	for rest := tl.order; len(rest) > 0; {
		n := 1
		for n < len(rest) && tl.entries[rest[n]].at == tl.entries[rest[0]].at {
			n++
		}
		tl.add(rest[:n], t)
		rest = rest[n:]
	}
	tl.answer()
}

// answer finds what leaves while what it answers arrives, as runtime/vm/stream.go does.
func (tl *timeline) answer() {
	var sent [2]float64 // before the moment
	for i := range tl.moments {
		m := &tl.moments[i]
		for p := range m.answers {
			m.answers[p] = tl.answering(i, Party(p), sent)
		}
		for p := range sent {
			sent[p] += bytesOf(tl.during(i, Party(p), Sending))
		}
	}
}

// answering is of a party that sends nothing at a moment, whose next message begins with vectors as long as those that end the one it
// receives, and who takes steps on vectors alone between. Vectors of one length that follow one another travel together.
func (tl *timeline) answering(i int, p Party, sent [2]float64) answering {
	m := &tl.moments[i]
	none := answering{end: m.end[p][Sending]}
	if i+1 == len(tl.moments) || m.at < OnlineStart || tl.moments[i+1].at != m.at+1 || len(tl.during(i, p, Sending)) > 0 {
		return none
	}
	asked, answer := tl.during(i, p.Other(), Sending), tl.during(i+1, p, Sending)
	if len(asked) == 0 || len(answer) == 0 {
		return none
	}
	n, others := answer[0].elements, func(x piece) bool { return x.elements != answer[0].elements }
	elsewhere := slices.ContainsFunc(tl.during(i, p, After), func(x piece) bool { return !x.steps })
	if elsewhere || n == 0 || asked[len(asked)-1].elements != n {
		return none
	}
	before := len(asked)
	for before > 0 && !others(asked[before-1]) {
		before--
	}
	if end := slices.IndexFunc(answer, others); end >= 0 {
		answer = answer[:end]
	}
	return answering{none.end + len(answer), float64((n-1)/ParcelElements + 1),
		stretch{sent[p.Other()] + bytesOf(asked[:before]), bytesOf(asked[before:])}, stretch{sent[p], bytesOf(answer)}}
}

func bytesOf(list []piece) (sum float64) {
	for i := range list {
		sum += list[i].bytes
	}
	return sum
}

// during gives the pieces of a party at a moment.
func (tl *timeline) during(i int, p Party, w When) []piece {
	first := 0
	if i > 0 {
		first = tl.moments[i-1].end[p][w]
	}
	return tl.pieces[p][w][first:tl.moments[i].end[p][w]]
}

// add appends a moment, given the numbers of its entries: its parts by tag, each as one piece or several.
func (tl *timeline) add(all []int32, t *rates) {
	first := [2]bool{true, true}
	at := tl.entries[all[0]].at
	for len(all) > 0 {
		n := 1
		for n < len(all) && tl.entries[all[n]].tag == tl.entries[all[0]].tag {
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
func (tl *timeline) part(all []int32, first *[2]bool, t *rates) {
	var sum [2][3]piece
	var batched [2]batched
	for p := range sum {
		for w := range sum[p] {
			sum[p][w].tag, sum[p][w].steps = tl.entries[all[0]].tag, true
		}
	}
	for _, i := range all {
		e := &tl.entries[i]
		if e.batches > 0 && e.when == Receiving {
			batched[e.party].add(e)
			continue
		}
		s := &sum[e.party][e.when]
		switch {
		case e.bytes > 0 && s.bytes == 0:
			s.elements = e.elements
		case e.bytes > 0 && s.elements != e.elements:
			s.elements = 0
		}
		s.work, s.bytes, s.slots, s.steps = s.work.plus(e.work), s.bytes+e.bytes, s.slots || e.slots, s.steps && e.steps
	}
	for p := range sum {
		from, to := Party(p), Party(p).Other()
		send, receive := &sum[from][Sending], &sum[to][Receiving]
		if send.bytes > 0 && first[p] {
			first[p] = false
			send.work = send.work.plus(t.of(from, SendByte).once())
			receive.work = receive.work.plus(t.of(to, ReceiveByte).once())
		}
		if send.work.one+receive.work.one+batched[to].work.one+send.bytes > 0 {
			tl.split(from, send, receive, &batched[to])
		}
		if s := &sum[from][After]; s.work.one > 0 {
			tl.pieces[from][After] = append(tl.pieces[from][After], *s)
		}
	}
}

// batched is what the receiver of a part of a message does in batches.
type batched struct {
	work nanoseconds
	n    int
}

func (b *batched) add(e *entry) {
	b.work, b.n = b.work.plus(e.work), max(b.n, int(e.batches))
}

// within adds the work to the pieces with which a batch is there.
func (b *batched) within(pieces []piece) {
	n := min(b.n, len(pieces))
	for i := range n {
		last := &pieces[(i+1)*len(pieces)/n-1]
		last.work = last.work.plus(b.work.times(1 / float64(n)))
	}
}

// split appends a part of a message in pieces, at both ends.
func (tl *timeline) split(from Party, send, receive *piece, behind *batched) {
	n := int(min(1+max(send.bytes/tl.whole.bytes, send.work.one/tl.whole.work.one, receive.work.one/tl.whole.work.one), mostPieces))
	f := 1 / float64(n)
	send.work, send.bytes, receive.work = send.work.times(f), send.bytes*f, receive.work.times(f)
	sent, received := &tl.pieces[from][Sending], &tl.pieces[from.Other()][Receiving]
	*sent, *received = send.repeat(*sent, n), receive.repeat(*received, n)
	behind.within((*received)[len(*received)-n:])
}

// repeat appends the n pieces of a part that are as this one is.
func (p *piece) repeat(list []piece, n int) []piece {
	at, f := len(list), 1/float64(n)
	list = slices.Grow(list, n)[:at+n]
	for i := range n {
		list[at+i] = *p
		list[at+i].upTo = float64(i+1) * f
	}
	return list
}

// deal adds up the dealer's work and what it sends, and cuts both.
func (tl *timeline) deal(l *Ledger, t *rates) {
	d := &tl.dealing
	for _, w := range l.Work {
		work := t.of(w.Party, w.Kernel).call(float64(w.Units))
		switch {
		case w.Party == Dealer:
			d.making.work = d.making.work.plus(work)
		case w.takes():
			d.taking[w.Party].work = d.taking[w.Party].work.plus(work)
		}
	}
	for _, m := range l.Dealt {
		d.sending[m.From].bytes += float64(m.Bytes)
	}
	bytes := d.sending[Client].bytes + d.sending[Server].bytes
	if d.making.work.one+bytes == 0 {
		return
	}
	d.pieces = int(min(1+max(bytes/pieceBytes, d.making.work.one/pieceNS), mostPieces))
	f := 1 / float64(d.pieces)
	d.making.work = d.making.work.times(f)
	for p := range d.sending {
		send, take := &d.sending[p], &d.taking[p]
		send.bytes *= f
		send.work, take.work = t.of(Dealer, SendByte).units(send.bytes), take.work.times(f).plus(t.of(Party(p), ReceiveByte).units(send.bytes))
	}
}

// workMS sums the work of each party by op, on one core.
func (tl *timeline) workMS() map[int][2]float64 {
	sum := map[int][2]float64{}
	for p := range tl.pieces {
		for _, list := range tl.pieces[p] {
			for _, piece := range list {
				work := sum[int(piece.tag)]
				work[p] += piece.work.one / nsPerMS
				sum[int(piece.tag)] = work
			}
		}
	}
	return sum
}
