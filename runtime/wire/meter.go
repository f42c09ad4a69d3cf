package wire

import (
	"sync"
	"time"
)

// Key says what bytes were for: a phase of the session and, within it, whatever the caller numbers (a layer, an
// instruction).
type Key struct{ Phase, Tag int }

// Counts is what crossed the connection under one key, above TLS. Bytes are bytes of payload or of frame headers.
type Counts struct {
	PayloadSent, PayloadReceived   int64
	HeaderSent, HeaderReceived     int64
	MessagesSent, MessagesReceived int64
	Rounds                         int // by how much messages that began under the key lengthened the longest chain
}

// Sent gives payload and header bytes sent.
func (c Counts) Sent() int64 { return c.PayloadSent + c.HeaderSent }

// Received gives payload and header bytes received.
func (c Counts) Received() int64 { return c.PayloadReceived + c.HeaderReceived }

// Add gives the sum, field by field.
func (c Counts) Add(d Counts) Counts {
	return Counts{
		c.PayloadSent + d.PayloadSent, c.PayloadReceived + d.PayloadReceived,
		c.HeaderSent + d.HeaderSent, c.HeaderReceived + d.HeaderReceived,
		c.MessagesSent + d.MessagesSent, c.MessagesReceived + d.MessagesReceived,
		c.Rounds + d.Rounds,
	}
}

// Sub gives what was counted since d was.
func (c Counts) Sub(d Counts) Counts {
	return c.Add(Counts{-d.PayloadSent, -d.PayloadReceived, -d.HeaderSent, -d.HeaderReceived, -d.MessagesSent, -d.MessagesReceived, -d.Rounds})
}

// meter counts, and keeps the Lamport clock. One lock serves both directions: it is taken once a call, not a byte.
type meter struct {
	mu       sync.Mutex
	counts   map[Key]*Counts
	rounds   map[int]int
	phase    int // the phase whose chain is being measured
	sentMax  uint32
	recvMax  uint32
	sendKey  Key // of payload from here on
	recvKey  Key
	sendHead Key // of the message being sent: the key of its first payload byte
	recvHead Key

	tell              func(Message) // nil: nobody observes
	leaving, arriving observed
}

func newMeter() meter {
	return meter{counts: map[Key]*Counts{}, rounds: map[int]int{}}
}

func (m *meter) at(k Key) *Counts {
	c := m.counts[k]
	if c == nil {
		c = new(Counts)
		m.counts[k] = c
	}
	return c
}

// Reserve makes room for the counters of tags 0 to tags-1 of a phase, so that nothing is allocated when they begin to count.
func (c *Conn) Reserve(phase, tags int) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	room := make([]Counts, tags)
	for tag := range room {
		if k := (Key{phase, tag}); c.meter.counts[k] == nil {
			c.meter.counts[k] = &room[tag]
		}
	}
	c.meter.rounds[phase] += 0
}

// nextDepth stamps a message that begins now.
func (m *meter) nextDepth() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recvMax + 1
}

// lengthen records that the chain reached depth, by a message that began under k, and gives by how much that lengthened it.
func (m *meter) lengthen(k Key, depth uint32) int {
	before := max(m.sentMax, m.recvMax)
	if depth <= before {
		return 0
	}
	m.rounds[m.phase] += int(depth - before)
	m.at(k).Rounds += int(depth - before)
	return int(depth - before)
}

func (m *meter) sendBegins(depth uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sendHead = m.sendKey
	m.at(m.sendHead).MessagesSent++
	m.begins(&m.leaving, time.Time{}, m.sendHead.Phase, depth, m.lengthen(m.sendHead, depth))
	m.sentMax = max(m.sentMax, depth)
}

func (m *meter) sentPayload(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(m.sendKey).PayloadSent += int64(n)
	m.carries(&m.leaving, m.sendKey.Tag, n)
}

func (m *meter) sentHeaders(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(m.sendHead).HeaderSent += int64(n) * HeaderBytes
	m.leaving.Headers += int64(n) * HeaderBytes
}

// plausible reports whether an honest peer could stamp a message with depth now: it can have received no more than
// was sent, and its stamps never fall within a phase.
func (m *meter) plausible(depth uint32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recvMax <= depth && depth <= m.sentMax+1
}

func (m *meter) recvBegins(depth uint32, waited time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recvHead = m.recvKey
	m.at(m.recvHead).MessagesReceived++
	m.begins(&m.arriving, waited, m.recvHead.Phase, depth, m.lengthen(m.recvHead, depth))
	m.recvMax = max(m.recvMax, depth)
}

func (m *meter) recvPayload(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(m.recvKey).PayloadReceived += int64(n)
	m.carries(&m.arriving, m.recvKey.Tag, n)
}

func (m *meter) recvHeader() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(m.recvHead).HeaderReceived += HeaderBytes
	m.arriving.Headers += HeaderBytes
}

func (m *meter) beginPhase(phase int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase, m.sentMax, m.recvMax = phase, 0, 0
	m.sendKey, m.recvKey = Key{Phase: phase}, Key{Phase: phase}
}

// SetSendTag says what payload written from here on is for. Payload is counted under the key current when it is
// written; a message's frame headers, its count and its round go to the key of the message's first payload byte.
func (c *Conn) SetSendTag(phase, tag int) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	c.meter.sendKey = Key{phase, tag}
}

// SetRecvTag says what payload read from here on is for, as SetSendTag does for the other direction.
func (c *Conn) SetRecvTag(phase, tag int) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	c.meter.recvKey = Key{phase, tag}
}

// Counts gives a copy of every counter that has counted.
func (c *Conn) Counts() map[Key]Counts {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	out := make(map[Key]Counts, len(c.meter.counts))
	for k, v := range c.meter.counts {
		if *v != (Counts{}) {
			out[k] = *v
		}
	}
	return out
}

// PhaseCounts gives the sum over the tags of one phase.
func (c *Conn) PhaseCounts(phase int) Counts {
	var sum Counts
	for k, v := range c.Counts() {
		if k.Phase == phase {
			sum = sum.Add(v)
		}
	}
	return sum
}

// Rounds gives the length of the longest chain of dependent one-way messages in the phase so far; two messages that
// cross count one. A phase begun several times has the sum, as its bytes do.
func (c *Conn) Rounds(phase int) int {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	return c.meter.rounds[phase]
}

// SocketBytes gives the bytes that this side handed to and took from the socket, below TLS: frames, TLS records and
// handshake, without TCP and IP headers.
func (c *Conn) SocketBytes() (sent, received int64) {
	return c.guard.sent.Load(), c.guard.received.Load()
}
