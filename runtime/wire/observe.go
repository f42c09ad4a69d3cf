package wire

import (
	"slices"
	"time"
)

// Message is one message as this side saw it: when and how much, not what.
type Message struct {
	Sent    bool // by this side
	Phase   int
	Number  int   // from 1: the n-th that one side sends is the n-th that the other receives
	Depth   int   // its stamp: the round of the phase that it belongs to
	Rounds  int   // by how much it lengthened the phase's longest chain, as this side saw it
	Headers int64 // bytes
	Parts   []Part
	// Waited is since when the reader waited for a message that is received. Began is when the first byte was written to the message, or
	// the first header was here; Ended when the last byte was handed to the layer below, or to the reader.
	Waited, Began, Ended time.Time
}

// Part is the payload of one tag in a message, in bytes. Parts stand in the order in which their tags begin.
type Part struct {
	Tag   int
	Bytes int64
}

// Bytes gives payload and headers.
func (m Message) Bytes() int64 {
	sum := m.Headers
	for _, p := range m.Parts {
		sum += p.Bytes
	}
	return sum
}

// observed is a message under way.
type observed struct {
	Message
	count int // messages of its direction so far
}

// Observe has every message from here on told to f when it has ended, by the goroutine that sends or receives it; before the first
// message. What is observed allocates.
func (c *Conn) Observe(f func(Message)) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	c.meter.tell = f
}

// begins notes a message that was waited for since some time, or is this side's.
func (m *meter) begins(o *observed, waited time.Time, phase int, depth uint32, lengthened int) {
	if m.tell == nil {
		return
	}
	o.count++
	o.Message = Message{Sent: o == &m.leaving, Phase: phase, Number: o.count, Depth: int(depth), Rounds: lengthened, Waited: waited, Began: time.Now()}
}

// carries notes payload of a tag.
func (m *meter) carries(o *observed, tag, n int) {
	if m.tell == nil {
		return
	}
	i := slices.IndexFunc(o.Parts, func(p Part) bool { return p.Tag == tag })
	if i < 0 {
		i, o.Parts = len(o.Parts), append(o.Parts, Part{Tag: tag})
	}
	o.Parts[i].Bytes += int64(n)
}

// ended tells of a message that has ended.
func (m *meter) ended(o *observed) {
	m.mu.Lock()
	tell, message := m.tell, o.Message
	m.mu.Unlock()
	if tell != nil {
		message.Ended = time.Now()
		tell(message)
	}
}
