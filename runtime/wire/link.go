package wire

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Link describes a network between the parties. BitsPerSecond holds for each direction by itself; zero means
// unlimited. OneWay is the delay of one message, half a round trip.
type Link struct {
	Name          string
	BitsPerSecond float64
	OneWay        time.Duration
}

// Loopback is the unshaped link: whatever the machine does.
func Loopback() Link { return Link{Name: "loopback"} }

// LAN is 3 Gbps each way, 0.15 ms one way.
func LAN() Link { return Link{"lan", 3e9, 150 * time.Microsecond} }

// WAN is 100 Mbps each way, 20 ms one way.
func WAN() Link { return Link{"wan", 100e6, 20 * time.Millisecond} }

// PASNet is 8 Gbps each way, 0.1 ms one way: a pair of boards on one switch.
func PASNet() Link { return Link{"pasnet", 8e9, 100 * time.Microsecond} }

// Links lists the presets.
func Links() []Link { return []Link{Loopback(), LAN(), WAN(), PASNet()} }

// ParseLink gives the preset of that name, or a link of the bandwidth and the one-way delay that the text says, such as 300mbps,5ms.
func ParseLink(text string) (Link, error) {
	all := Links()
	if i := slices.IndexFunc(all, func(l Link) bool { return l.Name == text }); i >= 0 {
		return all[i], nil
	}
	if bandwidth, delay, both := strings.Cut(text, ","); both {
		if l, ok := customLink(text, bandwidth, delay); ok {
			return l, nil
		}
	}
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.Name
	}
	return Link{}, fmt.Errorf("link %q: unknown, accepted are %s, or bandwidth and one-way delay such as 300mbps,5ms (kbps, mbps, gbps, tbps; us, ms, s),"+
		" %g kbps to 1 tbps and up to %v", text, strings.Join(names, ", "), leastBandwidth/1e3, mostDelay)
}

// ParseLinks gives the links of a list with commas: presets by name, and those of a bandwidth and a one-way delay, which have a comma of their
// own. No preset is called as a bandwidth is written, so that loopback,300mbps,5ms is two links.
func ParseLinks(text string) ([]Link, error) {
	var out []Link
	for words := strings.Split(text, ","); len(words) > 0; {
		l, err := ParseLink(words[0])
		used := 1
		if err != nil && len(words) > 1 {
			if custom, e := ParseLink(words[0] + "," + words[1]); e == nil {
				l, err, used = custom, nil, 2
			}
		}
		if err != nil {
			return nil, err
		}
		out, words = append(out, l), words[used:]
	}
	return out, nil
}

// bandwidths are units, by suffix.
var bandwidths = []struct {
	suffix string
	bps    float64
}{{"kbps", 1e3}, {"mbps", 1e6}, {"gbps", 1e9}, {"tbps", 1e12}}

// Limits of a link that is described in numbers. The slowest one carries a handshake, of less than 4 kB and four one-way delays, within
// three quarters of HandshakeTimeout and a parcel many times in any --timeout of seconds.
const (
	leastBandwidth = 1e4
	mostBandwidth  = 1e12
	mostDelay      = 2 * time.Second
)

func customLink(text, bandwidth, delay string) (l Link, ok bool) {
	l.Name = text
	for _, u := range bandwidths {
		if number, is := strings.CutSuffix(bandwidth, u.suffix); is {
			x, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return l, false
			}
			l.BitsPerSecond = x * u.bps
		}
	}
	oneWay, err := time.ParseDuration(delay)
	l.OneWay = oneWay
	return l, err == nil && l.BitsPerSecond >= leastBandwidth && l.BitsPerSecond <= mostBandwidth && oneWay >= 0 && oneWay <= mostDelay
}

// Shaped reports whether the link slows anything down.
func (l Link) Shaped() bool { return l.BitsPerSecond > 0 || l.OneWay > 0 }

// serialisation is how long n bytes occupy the line.
func (l Link) serialisation(n int) time.Duration {
	if l.BitsPerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(n) * 8 / l.BitsPerSecond * float64(time.Second))
}

const (
	// parcelBytes is the unit of delivery: about one TLS record, so that a record moves while the next is made.
	parcelBytes = 16 << 10
	// parcelTime bounds it on a slow link, so that its bytes keep moving in the eyes of a peer that waits.
	parcelTime = 50 * time.Millisecond
	// window is by how much the first byte of a delivery may be late for the sake of fewer deliveries: Tuning. Each takes the two
	// parties some microseconds of a core, and where both share a machine that is time taken from what the link is measured with.
	// The last byte of what is queued is never late.
	window = 64 * time.Microsecond
	// socketBuffer stands for the sending socket's own buffer, beyond what is in flight on the line.
	socketBuffer = 1 << 20
	// bufferTime bounds it on a slow link, where the system would not let it grow either: what is queued when a connection is closed
	// leaves within maxLinger on every link that ParseLink accepts.
	bufferTime = 4 * time.Second
	// maxBacklog bounds the memory of a link with an absurd product of bandwidth and delay.
	maxBacklog = 64 << 20
	// closeGrace is how long Close waits for a stuck peer to take what is still under way.
	closeGrace = 2 * time.Second
	// maxLinger bounds the whole of that wait, on a link so slow that the queue itself would take longer.
	maxLinger = 10 * time.Second
)

// backlog is how many bytes may be written and not yet delivered: what the line holds, and a socket buffer.
func (l Link) backlog() int {
	if l.BitsPerSecond <= 0 {
		return socketBuffer
	}
	return int(min(l.carries(l.OneWay), maxBacklog) + max(1, min(l.carries(bufferTime), socketBuffer)))
}

// parcel is how many bytes are delivered at a time.
func (l Link) parcel() int {
	if l.BitsPerSecond <= 0 {
		return parcelBytes
	}
	return int(max(1, min(l.carries(parcelTime), parcelBytes)))
}

// carries is how many bytes occupy the line for a time.
func (l Link) carries(d time.Duration) float64 { return l.BitsPerSecond / 8 * d.Seconds() }

// Shape delays what this side writes to nc as the link would: each parcel occupies the line for its serialisation
// time, then travels for OneWay. Both parties shape their own direction. An unshaped link returns nc itself.
//
// Write returns when the bytes are queued, and blocks while the queue is full, as a socket does. An error of
// delivery comes back from the next Write. Close delivers what is queued, but waits for a stuck peer no longer than
// a short grace. Write deadlines hold for the wait for room in the queue, not for the delivery behind it.
func Shape(nc net.Conn, link Link) net.Conn {
	if !link.Shaped() {
		return nc
	}
	s := &shaped{
		Conn: nc, link: link, parcel: link.parcel(), ring: make([]byte, link.backlog()),
		room: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.work.L = &s.mu
	go s.deliver()
	return s
}

// parcel is a stretch of the ring and when its last byte reaches the peer.
type parcel struct {
	bytes int
	at    time.Time
}

type shaped struct {
	net.Conn
	link   Link
	parcel int

	writing sync.Mutex // one Write at a time

	mu       sync.Mutex
	ring     []byte // undelivered bytes, from start on, wrapping
	start    int
	used     int
	queue    []parcel
	idleAt   time.Time // when the line will have sent all that is queued
	deadline time.Time
	closed   bool
	err      error // of delivery

	work sync.Cond     // something to deliver, or closed
	room chan struct{} // something changed for a blocked Write
	done chan struct{} // deliver has returned
}

func (s *shaped) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	done := 0
	for done < len(p) {
		n, err := s.enqueue(p[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// enqueue takes the head of p into the queue, or waits until it makes sense to try again.
func (s *shaped) enqueue(p []byte) (int, error) {
	s.mu.Lock()
	if err := s.refusal(); err != nil {
		s.mu.Unlock()
		return 0, err
	}
	if n := s.put(p); n > 0 {
		s.mu.Unlock()
		s.work.Signal()
		return n, nil
	}
	deadline := s.deadline
	s.mu.Unlock()
	s.awaitRoom(deadline)
	return 0, nil
}

func (s *shaped) refusal() error {
	switch {
	case s.err != nil:
		return s.err
	case s.closed:
		return net.ErrClosed
	case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// put copies at most one parcel of p into the contiguous free stretch of the ring and books the line for it.
func (s *shaped) put(p []byte) int {
	end := (s.start + s.used) % len(s.ring)
	n := min(len(p), s.parcel, len(s.ring)-s.used, len(s.ring)-end)
	if n == 0 {
		return 0
	}
	copy(s.ring[end:], p[:n])
	s.used += n
	if now := time.Now(); s.idleAt.Before(now) {
		s.idleAt = now
	}
	s.idleAt = s.idleAt.Add(s.link.serialisation(n))
	s.queue = append(s.queue, parcel{n, s.idleAt.Add(s.link.OneWay)})
	return n
}

func (s *shaped) awaitRoom(deadline time.Time) {
	if deadline.IsZero() {
		<-s.room
		return
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-s.room:
	case <-t.C:
	}
}

func (s *shaped) stir() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

// deliver hands parcels to the socket when their time has come, in order, until closed and empty or broken.
func (s *shaped) deliver() {
	defer close(s.done)
	defer s.wipe()
	waiting(s.deliverBy)
}

func (s *shaped) deliverBy(w waiter) {
	for {
		next, last, ok := s.first()
		switch {
		case !ok:
			return
		case last:
			w.until(next.at)
		default:
			w.about(next.at)
		}
		stretch := s.due()
		_, err := s.Conn.Write(stretch)
		s.delivered(len(stretch), err)
	}
}

func (s *shaped) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.ring)
}

// first waits for parcels and makes one of those at the head of the queue that are due within a window. It tells whether
// there are no others.
func (s *shaped) first() (next parcel, last, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && !s.closed {
		s.work.Wait()
	}
	if len(s.queue) == 0 {
		return parcel{}, false, false
	}
	s.merge(s.queue[0].at.Add(window))
	return s.queue[0], len(s.queue) == 1, true
}

// due gives the bytes to be delivered now.
func (s *shaped) due() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merge(time.Now())
	return s.ring[s.start : s.start+s.queue[0].bytes]
}

// merge makes one of the parcels at the head of the queue that are due by a time and lie side by side.
func (s *shaped) merge(by time.Time) {
	n := 1
	for n < len(s.queue) && !s.queue[n].at.After(by) && s.start+s.queue[0].bytes+s.queue[n].bytes <= len(s.ring) {
		s.queue[0].bytes += s.queue[n].bytes
		s.queue[0].at = s.queue[n].at
		n++
	}
	s.queue = slices.Delete(s.queue, 1, n)
}

func (s *shaped) delivered(bytes int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.Delete(s.queue, 0, 1) // what is behind moves up: there are few
	s.start = (s.start + bytes) % len(s.ring)
	s.used -= bytes
	if err != nil {
		s.err, s.queue, s.used = err, nil, 0
	}
	s.stir()
}

func (s *shaped) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	s.deadline = t
	s.mu.Unlock()
	s.stir()
	return nil
}

func (s *shaped) SetDeadline(t time.Time) error {
	if err := s.SetWriteDeadline(t); err != nil {
		return err
	}
	return s.Conn.SetReadDeadline(t)
}

func (s *shaped) Close() error {
	s.mu.Lock()
	s.closed = true
	patience := min(max(0, time.Until(s.idleAt))+s.link.OneWay+closeGrace, maxLinger)
	s.mu.Unlock()
	s.work.Signal()
	s.stir()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-s.done:
	case <-t.C: // the socket's end makes deliver fail and wipe the ring at its next delivery
	}
	return cmp.Or(s.lost(), s.Conn.Close())
}

// lost says what Close could not deliver.
func (s *shaped) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.used > 0 {
		return fmt.Errorf("close: %d bytes not delivered before the connection was closed: %w", s.used, os.ErrDeadlineExceeded)
	}
	return s.err
}
