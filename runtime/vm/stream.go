package vm

import (
	"fmt"
	"slices"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// The online phase goes by pieces. Vectors of one length that follow one another in a message travel together, some thousand elements
// of each at a time, and elementwise instructions compute as many at a time: those before a message piece by piece as it leaves, those
// behind one as it comes in, and where one message answers another with nothing but elementwise instructions between them, the answer
// leaves while the question still arrives. What a piece takes stays in the cache of a core from the network to the network.
//
// Which vectors travel together is a function of a message's lengths, so that both parties agree on it. What is computed by pieces is a
// party's own affair.

// parcel is how many elements of a vector travel at a time.
const parcel = cost.ParcelElements

// stretch is a part of a message: transfers of vectors of n elements, piece by piece, or one other instruction, n being zero.
type stretch struct {
	list []program.Instr
	n    int
}

// transferred is how many elements a transfer moves, or zero where an instruction is none.
func transferred(in program.Instr) int {
	switch in.Op {
	case program.SendRing, program.SendBits:
		return in.In[0].Len
	case program.RecvRing, program.RecvBits:
		return in.Out[0].Len
	}
	return 0
}

// stretches splits a list of sends or receives. What is fetched among transfers that travel together is fetched before them.
func stretches(list []program.Instr) ([]stretch, error) {
	var out []stretch
	for _, in := range list {
		n, last := transferred(in), len(out)-1
		switch {
		case in.Local() && last >= 0 && out[last].n > 0:
			if in.Op != program.Fill || out[last].touches(in.Out[0]) {
				return nil, fmt.Errorf("%s among vectors that travel together", in.Op)
			}
			out = slices.Insert(out, last, stretch{[]program.Instr{in}, 0})
		case n > 0 && last >= 0 && out[last].n == n:
			out[last].list = append(out[last].list, in)
		default:
			out = append(out, stretch{[]program.Instr{in}, n})
		}
	}
	return out, nil
}

// touches tells whether a transfer moves what lies in the buffer of o.
func (s stretch) touches(o program.Operand) bool {
	return slices.ContainsFunc(s.list, func(in program.Instr) bool {
		return slices.ContainsFunc(slices.Concat(in.In, in.Out), func(p program.Operand) bool { return p.Buf == o.Buf })
	})
}

// spans calls f for each piece of a stretch.
func (s stretch) spans(f func(span) error) error {
	return chunks(s.n, parcel, func(lo, hi int) error { return f(span{lo, hi}) })
}

// transferBytes is what a span of one of the transfers takes.
func transferBytes(in program.Instr, s span) int {
	if in.Op == program.SendBits {
		return ring.PackedLen(s.hi-s.lo, 1)
	}
	return ring.PackedLen(s.hi-s.lo, in.Ints[0])
}

func (s stretch) bytes(of span) (n int) {
	for _, in := range s.list {
		n += transferBytes(in, of)
	}
	return n
}

// flow is consecutive elementwise instructions that go by pieces.
type flow struct {
	first, end int // in a level's computations
	n          int // elements
	steps      []flowStep
}

// flowStep is a native stage, or an instruction.
type flowStep struct {
	in    program.Instr
	stage *stage
}

// streamed is a level of the online phase with what of it goes by pieces.
type streamed struct {
	program.Level
	send, recv []stretch
	fetch      int  // computations that are fetches and come before head
	head       flow // with the last stretch of recv
	tail       flow // with the first stretch of what the next level sends; without steps where nothing but packing goes by pieces
	answers    bool // head is tail
}

// stream plans the online phase. Native kernels and the tap are known by now.
func (m *Machine[W]) stream() error {
	m.online = make([]streamed, len(m.Program.Online))
	room, pieces := 0, 0
	for i, l := range m.Program.Online {
		s := &m.online[i]
		var errs [2]error
		s.Level = l
		s.send, errs[0] = stretches(l.Send)
		s.recv, errs[1] = stretches(l.Recv)
		for _, err := range errs {
			if err != nil {
				return fmt.Errorf("online level %d: %w", i, err)
			}
		}
		for _, x := range s.send {
			if x.n > 0 {
				room, pieces = max(room, x.bytes(span{0, x.n})), max(pieces, (x.n-1)/parcel+1)
			}
		}
	}
	m.leaving, m.outgo = make([]byte, room), newOutgoing(pieces)
	ring.Wipe(m.leaving) // so that the system gives it memory before there is an input
	if !m.watched() {
		for i := range m.online {
			m.flows(i)
		}
	}
	return nil
}

// flows finds what of a level's computations goes by pieces.
func (m *Machine[W]) flows(level int) {
	l := &m.online[level]
	for l.fetch < len(l.Compute) && (l.Compute[l.fetch].Op == program.Fill || l.Compute[l.fetch].Op == program.TapValue) {
		l.fetch++
	}
	if n := len(l.recv) - 1; n >= 0 && len(l.Send) == 0 && l.recv[n].n > 0 && !l.clobbered(l.recv[n]) {
		l.head = m.flow(level, l.fetch)
		if l.head.n != l.recv[n].n {
			l.head = flow{}
		}
	}
	l.fetch = min(l.fetch, l.head.first)
	if level+1 == len(m.online) || len(m.online[level+1].send) == 0 {
		return
	}
	n := m.online[level+1].send[0].n
	if l.answers = n > 0 && l.head.end == len(l.Compute) && l.head.n == n; l.answers {
		l.tail = l.head
		return
	}
	for first := l.head.end; first < len(l.Compute) && n > 0; first++ {
		if f := m.flow(level, first); f.end == len(l.Compute) && f.n == n {
			l.tail = f
			return
		}
	}
	if n > 0 { // nothing is computed by pieces, but what is packed by pieces leaves while the party goes on
		l.tail = flow{first: len(l.Compute), end: len(l.Compute), n: n}
	}
}

// clobbered tells whether what is fetched first would lie where a stretch arrives.
func (l *streamed) clobbered(s stretch) bool {
	return slices.ContainsFunc(l.Compute[:l.fetch], func(in program.Instr) bool { return in.Op == program.Fill && s.touches(in.Out[0]) })
}

// flow gives the elementwise instructions of one length that begin at an instruction.
func (m *Machine[W]) flow(level, first int) flow {
	f := flow{first: first, end: first}
	list := m.Program.Online[level].Compute
	for i := first; i < len(list); {
		in, count := list[i], 1
		step := flowStep{in: in}
		switch at := (place{level, i}); {
		case in.Op == program.TapValue && f.n > 0: // nobody looks
			i, f.end = i+1, i+1
			continue
		case !in.Elementwise() || f.n > 0 && in.Out[0].Len != f.n:
			return f
		case m.covered(at):
			r, begins := m.native.regions[at]
			if !begins || !r.flows(in.Out[0].Len) {
				return f
			}
			step.stage, count = &r.stages[0], r.count
		}
		f.n, f.steps = in.Out[0].Len, append(f.steps, step)
		i += count
		f.end = i
	}
	return f
}

// flows tells whether a region that begins with an elementwise instruction of n elements goes by pieces: it is one stage, whose units
// are elements that share a word of bits.
func (r region) flows(n int) bool { return len(r.stages) == 1 && r.stages[0].Units == ring.BitWords(n) }

// outgoing is a message that leaves. What has been packed of its first stretch is announced, a span at a time, and an empty one behind
// the last. A machine has one, since a message begins when the one before has left.
type outgoing struct {
	level    int
	list     []stretch
	inPieces bool // the first stretch is packed, and announced
	packed   chan span
	whole    bool // there is no more to be announced
	left     bool // and all is done with it
	done     chan struct{}
	failed   failure
}

// newOutgoing has room for the announcements of a message of so many pieces.
func newOutgoing(pieces int) *outgoing {
	return &outgoing{packed: make(chan span, pieces+1), done: make(chan struct{}, 1)}
}

// alone tells whether nothing leaves that is not packed: buffers may be written to meanwhile.
func (o *outgoing) alone() bool { return o == nil || o.inPieces && len(o.list) == 1 }

// ends announces that there is no more.
func (o *outgoing) ends() {
	o.whole = true
	o.packed <- span{}
}

// wait waits until a message, if there is one, has left.
func (o *outgoing) wait() error {
	if o == nil {
		return nil
	}
	if !o.left {
		<-o.done
		o.left = true
	}
	if o.failed.panicked != nil {
		panic(o.failed.panicked)
	}
	return o.failed.err
}

// runOnline runs the online phase.
func (m *Machine[W]) runOnline() error {
	aside, gone := make(chan *outgoing, 1), make(chan struct{}) // what leaves while this goroutine goes on
	go func() {
		defer close(gone)
		for o := range aside {
			m.leave(o)
		}
	}()
	m.aside = aside
	panics := true
	defer func() {
		if panics {
			m.strands()
		}
		close(aside)
		<-gone
	}()
	err := m.levels()
	panics = false
	return err
}

// levels runs the levels of the online phase.
func (m *Machine[W]) levels() (err error) {
	var out *outgoing // what may still leave
	for i := range m.online {
		if out, err = m.onlineLevel(i, out); err != nil {
			return err
		}
	}
	return out.wait()
}

// strands ends what leaves where a panic does not: the connection, and the message whose pieces nobody announces any more.
func (m *Machine[W]) strands() {
	m.Conn.Abort("internal error")
	if !m.outgo.whole {
		m.outgo.ends()
	}
}

// onlineLevel is level for the online phase. It takes the message that still leaves, and gives the one that does at its end.
func (m *Machine[W]) onlineLevel(number int, out *outgoing) (*outgoing, error) {
	l := &m.online[number]
	if len(l.Send) > 0 && (out == nil || out.level != number) {
		if err := out.wait(); err != nil {
			return nil, err
		}
		out = m.begins(number)
		if len(l.Recv) > 0 {
			m.aside <- out
		} else {
			m.leave(out)
		}
	}
	if len(l.Recv) == 0 && len(l.Compute) == 0 && out.alone() {
		return out, nil // what comes next may arrive while this leaves
	}
	if !out.alone() && len(l.Send) == 0 {
		if err := out.wait(); err != nil {
			return nil, err
		}
		out = nil
	}
	if err := m.arrives(number, out); err != nil {
		return nil, m.ends(out, err)
	}
	start := time.Now()
	if err := out.wait(); err != nil {
		return nil, err
	}
	if len(l.Send) > 0 {
		m.Spent[m.phase][l.Send[0].Tag] += time.Since(start)
	}
	return m.continues(number)
}

// arrives receives what a level receives, with what is computed of it by pieces, but for an answer that must wait for what leaves.
func (m *Machine[W]) arrives(number int, out *outgoing) error {
	l := &m.online[number]
	if l.head.n == 0 {
		return m.receives(l.recv)
	}
	last := len(l.recv) - 1
	if err := m.receives(l.recv[:last]); err != nil {
		return err
	}
	if err := m.computes(number, l.Compute[:l.fetch], 0); err != nil {
		return err
	}
	if l.answers {
		return nil
	}
	_, err := m.pass(number, l.head, &l.recv[last], nil)
	return err
}

// continues does what is left of a level, and begins the next message where that goes by pieces.
func (m *Machine[W]) continues(number int) (*outgoing, error) {
	l := &m.online[number]
	if l.answers {
		return m.pass(number, l.head, &l.recv[len(l.recv)-1], m.begins)
	}
	end := len(l.Compute)
	if l.tail.n > 0 {
		end = l.tail.first
	}
	if err := m.computes(number, l.Compute[:end], l.head.end); err != nil || l.tail.n == 0 {
		return nil, err
	}
	return m.pass(number, l.tail, nil, m.begins)
}

// begins opens the message of a level.
func (m *Machine[W]) begins(level int) *outgoing {
	m.Conn.Begin()
	o := m.outgo
	o.level, o.list, o.inPieces, o.whole, o.left = level, m.online[level].send, false, true, false
	return o
}

// pass computes a flow piece by piece, each as it arrives, if something does, and packs what the next level sends, if begin opens that.
func (m *Machine[W]) pass(level int, f flow, in *stretch, begin func(level int) *outgoing) (out *outgoing, err error) {
	for _, s := range f.steps {
		if s.stage != nil {
			m.buffers(*s.stage)
		}
	}
	err = stretch{n: f.n}.spans(func(s span) error {
		if in != nil {
			if err := m.receivePiece(*in, s); err != nil {
				return err
			}
		}
		m.through(f, s)
		if begin == nil {
			return nil
		}
		if out == nil {
			out = begin(level + 1)
			out.whole, out.inPieces = false, true
			if !m.prompt(out, in) {
				m.aside <- out
			}
		}
		m.packPiece(out.list[0], s)
		if m.prompt(out, in) {
			m.fail(&out.failed, m.sendPacked(out.list[0], s))
		} else {
			out.packed <- s
		}
		return nil
	})
	if err != nil {
		return nil, m.ends(out, err)
	}
	for _, in := range m.online[level].Compute[f.first:f.end] {
		m.watch.passed(m.Program.Layers[in.Tag].Path)
	}
	if out != nil {
		out.ends()
		if m.prompt(out, in) {
			m.leave(out)
		}
	}
	return out, nil
}

// promptBytes is what a message has at most that leaves from the goroutine that computes it: Tuning. To wake another takes as long as
// to send a piece, but one that sends for long does not look at the answer.
const promptBytes = 2 << 20

// prompt tells whether a message's pieces leave from the goroutine that computes them. The peer must read meanwhile: it does so unless it
// sends, too, and what answers a message while that arrives goes from another goroutine but for a single piece.
func (m *Machine[W]) prompt(o *outgoing, in *stretch) bool {
	first := o.list[0]
	return len(m.online[o.level].Recv) == 0 && (first.n <= parcel || in == nil && first.bytes(span{0, first.n}) <= promptBytes)
}

// ends gives up after an error: the connection ends, and with it what leaves, which nothing is announced to any more.
func (m *Machine[W]) ends(out *outgoing, err error) error {
	if out == nil {
		var alone failure
		m.fail(&alone, err)
		return alone.err
	}
	m.fail(&out.failed, err)
	if !out.whole {
		out.ends()
	}
	return out.wait()
}

// through computes a piece.
func (m *Machine[W]) through(f flow, s span) {
	if len(f.steps) == 0 {
		return
	}
	start := time.Now()
	for _, step := range f.steps {
		if step.stage != nil {
			step.stage.call.Do(s.lo/64, ring.BitWords(s.hi))
			continue
		}
		m.elements(step.in, s)
	}
	m.spend(Computing, f.steps[0].in.Op, f.steps[0].in.Tag, start)
}

// receives receives all of some stretches.
func (m *Machine[W]) receives(list []stretch) error {
	for _, s := range list {
		if s.n == 0 {
			if err := m.each(Receiving, s.list, m.receive); err != nil {
				return err
			}
			continue
		}
		if err := s.spans(func(of span) error { return m.receivePiece(s, of) }); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine[W]) receivePiece(s stretch, of span) error {
	for _, in := range s.list {
		start := time.Now()
		m.Conn.SetRecvTag(int(m.phase), in.Tag)
		if err := m.receiveSpan(in, of); err != nil {
			return m.located(in, err)
		}
		m.spend(Receiving, in.Op, in.Tag, start)
		if of.hi == s.n {
			if err := m.records(in); err != nil {
				return m.located(in, err)
			}
			m.watch.passed(m.Program.Layers[in.Tag].Path)
		}
	}
	return nil
}

func (m *Machine[W]) receiveSpan(in program.Instr, s span) error {
	if in.Op == program.RecvRing {
		return m.recvRing(m.rOf(in.Out[0], s), in.Ints[0])
	}
	return m.recvBits(m.bOf(in.Out[0], s))
}

// leave sends a message. Whatever ends the connection tells the receiving half.
func (m *Machine[W]) leave(o *outgoing) {
	defer func() { o.done <- struct{}{} }()
	defer m.catch(&o.failed)
	m.fail(&o.failed, m.leaves(o))
}

func (m *Machine[W]) leaves(o *outgoing) error {
	list := o.list
	if o.inPieces {
		for s := <-o.packed; s.hi > 0; s = <-o.packed {
			if err := m.sendPacked(list[0], s); err != nil {
				return err
			}
		}
		list = list[1:]
	}
	for _, s := range list {
		if err := m.sendStretch(s); err != nil {
			return err
		}
	}
	last := m.online[o.level].Send
	if err := m.Conn.End(); err != nil {
		return m.located(last[len(last)-1], err)
	}
	return nil
}

func (m *Machine[W]) sendStretch(s stretch) error {
	if s.n == 0 {
		return m.sendAll(s.list, m.sendWhole)
	}
	return s.spans(func(of span) error {
		return m.sendPiece(s, of, func(in program.Instr) error { return m.sendSpan(in, of) })
	})
}

// sendPiece sends a span of all vectors of a stretch.
func (m *Machine[W]) sendPiece(s stretch, of span, send func(program.Instr) error) error {
	if err := m.sendAll(s.list, send); err != nil || of.hi < s.n {
		return err
	}
	for _, in := range s.list {
		m.watch.passed(m.Program.Layers[in.Tag].Path)
	}
	return nil
}

func (m *Machine[W]) sendSpan(in program.Instr, s span) error {
	if in.Op == program.SendRing {
		return m.sendRing(m.rOf(in.In[0], s), in.Ints[0])
	}
	_, err := m.Conn.Write(m.bOf(in.In[0], s).Bytes())
	return err
}

// packPiece packs a span of all vectors of a stretch to where its turn in the message is.
func (m *Machine[W]) packPiece(s stretch, of span) {
	to := m.leaving[s.bytes(span{0, of.lo}):]
	for _, in := range s.list {
		n := transferBytes(in, of)
		if in.Op == program.SendRing {
			ring.Pack(to[:n], m.rOf(in.In[0], of), in.Ints[0])
		} else {
			copy(to, m.bOf(in.In[0], of).Bytes())
		}
		to = to[n:]
	}
}

func (m *Machine[W]) sendPacked(s stretch, of span) error {
	from := m.leaving[s.bytes(span{0, of.lo}):]
	return m.sendPiece(s, of, func(in program.Instr) error {
		n := transferBytes(in, of)
		_, err := m.Conn.Write(from[:n])
		from = from[n:]
		return err
	})
}
