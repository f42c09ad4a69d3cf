package sim

import (
	"math"

	"sotto/fpga/lower"
	"sotto/ir/cost"
)

// memory serves bursts, one at a time, of transfers in turn, of each as many as it has ports. A transfer has its next ones when its ports
// have taken those before.
type memory struct {
	s     *simulation
	rate  float64 // bytes a cycle
	burst float64 // bytes
	port  float64 // bytes a cycle of one port
	turn  []*transfer
	busy  bool
	used  float64
}

// transfer is a transfer under way.
type transfer struct {
	left float64 // bytes
	pace float64 // cycles of its ports for a byte
	turn float64 // bytes: a burst of each of its ports
	done func()
}

// move transfers bytes through ports that take so many cycles for them: as many as it takes to be that fast.
func (m *memory) move(bytes int64, cycles float64, done func()) {
	if bytes == 0 {
		m.s.after(0, done)
		return
	}
	ports := max(1, math.Ceil(float64(bytes)/(cycles*m.port)))
	m.turn = append(m.turn, &transfer{float64(bytes), cycles / float64(bytes), ports * m.burst, done})
	m.serve()
}

// serve begins the next burst.
func (m *memory) serve() {
	if m.busy || len(m.turn) == 0 {
		return
	}
	t := m.turn[0]
	m.turn = m.turn[1:]
	bytes := min(t.left, t.turn)
	t.left -= bytes
	m.busy = true
	m.used += bytes / m.rate
	m.s.after(bytes/m.rate, func() {
		m.busy = false
		m.serve()
	})
	m.s.after(max(bytes/m.rate, bytes*t.pace), func() {
		if t.left == 0 {
			t.done()
			return
		}
		m.turn = append(m.turn, t)
		m.serve()
	})
}

// frameBytes is what the link carries at a time: an Ethernet frame's payload.
const frameBytes = 1500

// wire is a direction of the link.
type wire struct {
	s       *simulation
	rate    float64 // bytes a cycle
	delay   float64
	room    float64 // bytes that may be on their way or wait at the other board
	to      *board
	message float64 // bytes of the message that are still to leave
	size    float64
	busy    bool
	left    func()
	arrived []float64 // messages that are there as a whole
	used    float64
}

func newWire(s *simulation, l cost.Link, clock float64, from, to *board) *wire {
	w := &wire{s: s, rate: l.BytesPerSecond.Value / (clock * 1e6), delay: l.OneWayMS.Value * 1e3 * clock, to: to}
	longest := int64(0)
	for _, list := range from.work {
		longest = max(longest, list[0].message)
	}
	w.room = max(math.Ceil(w.rate*w.delay)+lower.ArrivalBytes, float64(lower.Buffers*longest))
	return w
}

// send carries a message, the one before having left.
func (w *wire) send(bytes int64, left func()) {
	w.message, w.size, w.left = float64(bytes), float64(bytes), left
	w.frame()
}

// frame carries the next frame, if there is room for it.
func (w *wire) frame() {
	n := min(w.message, frameBytes)
	if w.busy || w.message == 0 || n > w.room {
		return
	}
	w.message -= n
	w.room -= n
	w.busy = true
	w.used += n / w.rate
	w.s.after(n/w.rate, func() {
		w.busy = false
		if w.message > 0 {
			w.frame()
			return
		}
		size := w.size
		w.s.after(w.delay, func() {
			w.arrived = append(w.arrived, size)
			w.to.kernels[lower.Recv].wake()
		})
		w.left()
	})
}

// stored says that a message has left the other board's buffer.
func (w *wire) stored(bytes int64) {
	w.room += float64(bytes)
	w.frame()
}
