// Package wire connects the two parties: framed, metered, shaped and deadline-guarded streams, and the mutual TLS
// beneath them.
//
// What travels is a sequence of messages each way. A message is what one party can say without hearing more from the
// other; it goes out in frames of at most MaxFrame bytes and carries a depth stamp,
//
//	depth = 1 + the greatest depth received so far in this phase,
//
// a Lamport clock. The greatest stamp of a phase is the length of the longest chain of dependent one-way messages,
// which is what this project calls rounds: messages that cross count one, a request and its answer two, and any number of
// messages in a row from one side one.
//
// From the top, a connection is: frames (Conn), TLS 1.3, the link shaper, deadlines and byte counts, the socket.
// Cost of a message of b > 0 bytes: b + 8*ceil(b/65536) bytes (cost.FrameBytes), above TLS.
package wire

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Options are a connection's local settings; the parties need not agree on them.
type Options struct {
	// Timeout is how long one read or write waits for a byte to move in either direction, or up to an eighth longer, and once more as long
	// where bytes moved or are under way when it has passed; zero means DefaultTimeout.
	Timeout time.Duration
	// Link shapes what this side sends; the zero Link leaves it alone.
	Link Link
}

func (o Options) check() (Options, error) {
	if o.Timeout < 0 || o.Link.OneWay < 0 || !(o.Link.BitsPerSecond >= 0) {
		return o, fmt.Errorf("wire: timeout %v, link %s of %g bits/s and %v: none may be negative",
			o.Timeout, o.Link.Name, o.Link.BitsPerSecond, o.Link.OneWay)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return o, nil
}

// Conn is one end of a connection. It is full duplex: one goroutine may send (Begin, Write, End) while another
// receives (ReadFull). Every error is final, and wakes the other direction; see the kinds in this package.
type Conn struct {
	nc    net.Conn // the top of the stack below frames
	guard *guard   // its bottom
	// direct says that there is nothing between the two: frames that leave need not lie in one piece.
	direct bool
	meter  meter
	fault  fault
	out    outbound
	in     inbound
}

// outbound is the sending half. Its lock is held through Begin, Write and End each.
type outbound struct {
	mu      sync.Mutex
	buf     []byte // room for a header, then payload
	payload int    // bytes of payload in buf
	depth   uint32
	open    bool // between Begin and End
	begun   bool // a payload byte of the open message was written
	broken  bool // part of a frame may be under way and will not be completed
	frames  [2*burst + 1][]byte
	leaving net.Buffers       // of them, while a call of the system sends them
	full    [HeaderBytes]byte // of frames that are sent from where they lie
	frame   sync.Mutex        // guards broken: a frame goes to nc as a whole; taken inside mu, or alone by Abort
}

// inbound is the receiving half. Its lock is a channel, because a failed writer waits for it with a limit.
type inbound struct {
	lock  chan struct{}
	ahead readAhead
	head  [HeaderBytes]byte
	left  int  // payload bytes of the current frame not yet read
	more  bool // the current message has further frames
	depth uint32
}

// New frames and guards nc as it is, without TLS: for benchmarks, tests, and sockets secured elsewhere. The
// connection owns nc from here on.
func New(nc net.Conn, o Options) (*Conn, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	g := newGuard(nc, o.Timeout)
	return newConn(Shape(g, o.Link), g), nil
}

// aheadBytes are read at a time, if they are there: Tuning, what stays in the cache of a core on its way to its place.
const aheadBytes = 512 << 10

func newConn(top net.Conn, g *guard) *Conn {
	c := &Conn{nc: top, guard: g, direct: top == net.Conn(g), meter: newMeter()}
	c.out.buf = make([]byte, HeaderBytes+MaxFrame)
	c.in.lock = make(chan struct{}, 1)
	c.in.ahead = readAhead{src: top, buf: make([]byte, aheadBytes)}
	return c
}

// SetTimeout changes how long reads and writes that start from now on wait for progress.
func (c *Conn) SetTimeout(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("wire: timeout %v: must be positive", d)
	}
	c.guard.limit.Store(int64(d))
	return nil
}

// Timeout is how long reads and writes wait for progress: that of the Options, or of SetTimeout.
func (c *Conn) Timeout() time.Duration { return c.guard.timeout() }

// SetReadTimeout changes how long reads that start from now on wait for progress, and leaves writes as they are; zero is the timeout of both again.
func (c *Conn) SetReadTimeout(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("wire: timeout %v: must not be negative", d)
	}
	c.guard.reads.Store(int64(d))
	return nil
}

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// BeginPhase starts a phase: the chain that Rounds measures starts anew, and payload in both directions counts under
// (phase, 0) until a tag is set. Both parties call it at the same point of the protocol: between messages, when
// everything sent in the earlier phase has been read. A connection starts in phase 0.
func (c *Conn) BeginPhase(phase int) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.open {
		return c.fail(fmt.Errorf("phase %d begins: %w: a message is still being written", phase, ErrMisuse))
	}
	if !c.in.tryLock() {
		return c.fail(fmt.Errorf("phase %d begins: %w: a read is under way", phase, ErrMisuse))
	}
	defer c.in.unlock()
	if c.in.left > 0 || c.in.more {
		return c.fail(fmt.Errorf("phase %d begins: %w: a message is only partly read", phase, ErrMisuse))
	}
	c.meter.beginPhase(phase)
	return nil
}

// Begin starts a message and stamps it: it depends on all that has been received by now. Where one goroutine sends
// while another receives, Begin belongs before the receiving starts, or messages that cross would seem to depend on
// each other. Misuse is reported by the Write or End that follows.
func (c *Conn) Begin() { c.begin(c.meter.nextDepth) }

// BeginAfter starts a message that depends on received messages stamped at most depth, and on no later one that may be
// coming in meanwhile: what a party says in answer to the head of a message while the rest of it, or the next, arrives.
func (c *Conn) BeginAfter(depth int) {
	c.begin(func() uint32 { return min(c.meter.nextDepth(), uint32(depth)+1) })
}

func (c *Conn) begin(stamp func() uint32) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.open {
		c.fail(fmt.Errorf("begin: %w: the message before has not ended", ErrMisuse))
		return
	}
	c.out.open, c.out.begun, c.out.depth = true, false, stamp()
	if c.out.depth > maxDepth {
		c.fail(fmt.Errorf("begin: %w: chain of more than %d messages in one phase", ErrMisuse, maxDepth))
	}
}

// Write adds payload to the open message. It buffers; full frames leave as soon as more follows.
func (c *Conn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if err := c.ready("write"); err != nil {
		return 0, err
	}
	done := 0
	for done < len(p) {
		n, err := c.append(p[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// End sends what remains of the message. A message without payload sends nothing and counts as none.
func (c *Conn) End() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if err := c.ready("end"); err != nil {
		return err
	}
	c.out.open = false
	if !c.out.begun {
		return nil
	}
	if err := c.flush(kindLast); err != nil {
		return err
	}
	c.meter.ended(&c.meter.leaving)
	return nil
}

func (c *Conn) ready(doing string) error {
	if err := c.fault.get(); err != nil {
		return err
	}
	if !c.out.open {
		return c.fail(fmt.Errorf("%s: %w: no message is open, begin one first", doing, ErrMisuse))
	}
	return nil
}

// append takes the head of p: whole frames of it go out from where they lie, the rest moves into the buffer. A full frame is
// sent only when there is more, because it says whether it is the message's last.
func (c *Conn) append(p []byte) (int, error) {
	if !c.out.begun {
		c.out.begun = true
		c.meter.sendBegins(c.out.depth)
	}
	if c.direct && len(p) > MaxFrame && c.out.payload%MaxFrame == 0 {
		return c.sendFrames(p)
	}
	if c.out.payload == MaxFrame {
		if err := c.flush(kindMore); err != nil {
			return 0, err
		}
	}
	n := copy(c.out.buf[HeaderBytes+c.out.payload:], p)
	c.out.payload += n
	c.meter.sentPayload(n)
	return n, nil
}

func (c *Conn) flush(k kind) error {
	frame := c.out.take(k)
	c.meter.sentHeaders(1)
	return c.sent(c.writeFrames(append(c.out.frames[:0], frame)))
}

// take makes a frame of what is in the buffer.
func (o *outbound) take(k kind) []byte {
	frame := o.buf[:HeaderBytes+o.payload]
	header{o.payload, k, o.depth}.put(frame)
	o.payload = 0
	return frame
}

// burst is how many frames one call of the system sends at most: Tuning.
const burst = 16

// sendFrames sends what is in the buffer, if that is a frame, and the frames at the head of p, which more follows.
func (c *Conn) sendFrames(p []byte) (int, error) {
	frames, headers := net.Buffers(c.out.frames[:0]), 0
	if c.out.payload > 0 {
		frames, headers = append(frames, c.out.take(kindMore)), 1
	}
	full := c.out.full[:]
	header{MaxFrame, kindMore, c.out.depth}.put(full)
	n := min((len(p)-1)/MaxFrame, burst)
	for i := range n {
		frames = append(frames, full, p[i*MaxFrame:][:MaxFrame])
	}
	c.meter.sentPayload(n * MaxFrame)
	c.meter.sentHeaders(headers + n)
	return n * MaxFrame, c.sent(c.writeFrames(frames))
}

func (c *Conn) writeFrames(frames net.Buffers) error {
	c.out.frame.Lock()
	defer c.out.frame.Unlock()
	if err := c.fault.get(); err != nil {
		return err
	}
	return c.out.write(c.nc, frames)
}

// write sends frames. After an error part of a frame may be under way, and what followed would be read as its
// payload: nothing does.
func (o *outbound) write(nc net.Conn, frames net.Buffers) error {
	if o.broken {
		return net.ErrClosed
	}
	var err error
	if g, ok := nc.(*guard); ok && len(frames) > 1 {
		o.leaving = frames
		_, err = g.writeAll(&o.leaving)
	} else {
		err = writeEach(nc, frames)
	}
	o.broken = err != nil
	return err
}

// writeEach sends frames by a call each. net.Buffers would do so too, but would be made anew for each.
func writeEach(nc net.Conn, frames [][]byte) error {
	for _, f := range frames {
		if _, err := nc.Write(f); err != nil {
			return err
		}
	}
	return nil
}

// sent looks at how sending ended.
func (c *Conn) sent(err error) error {
	if err == nil {
		return nil
	}
	if fault := c.fault.get(); fault != nil {
		return fault // this side has given up already: its last words must not be cut off
	}
	c.hearReason()
	return c.fail(c.classify("sending", err))
}

// Send sends p as one message.
func (c *Conn) Send(p []byte) error {
	c.Begin()
	if _, err := c.Write(p); err != nil {
		return err
	}
	return c.End()
}

// ReadFull fills p with payload, across frames and messages as need be.
func (c *Conn) ReadFull(p []byte) error {
	c.in.lock <- struct{}{}
	defer c.in.unlock()
	if err := c.fault.get(); err != nil {
		return err
	}
	for len(p) > 0 {
		n, err := c.readSome(p)
		if err != nil {
			return c.fail(c.classify("receiving", err))
		}
		p = p[n:]
	}
	return nil
}

// readSome reads payload of the current frame, or of the next one if that is used up.
func (c *Conn) readSome(p []byte) (int, error) {
	if c.in.left == 0 {
		if err := c.nextFrame(); err != nil {
			return 0, err
		}
	}
	n := min(len(p), c.in.left)
	if err := c.in.ahead.full(p[:n]); err != nil {
		return 0, fmt.Errorf("inside a frame: %w", err)
	}
	c.in.left -= n
	c.meter.recvPayload(n)
	if c.in.left == 0 && !c.in.more {
		c.meter.ended(&c.meter.arriving)
	}
	return n, nil
}

func (c *Conn) nextFrame() error {
	waited := time.Now()
	if err := c.in.ahead.full(c.in.head[:]); err != nil {
		return err
	}
	h, err := parseHeader(c.in.head[:])
	if err != nil {
		return err
	}
	if h.kind == kindAbort {
		return c.readAbort(h)
	}
	if !c.in.more {
		if !c.meter.plausible(h.depth) {
			return fmt.Errorf("%w: depth stamp %d out of step, the parties are at different points", ErrProtocol, h.depth)
		}
		c.meter.recvBegins(h.depth, waited)
	} else if h.depth != c.in.depth {
		return fmt.Errorf("%w: depth stamp changes inside a message from %d to %d", ErrProtocol, c.in.depth, h.depth)
	}
	c.meter.recvHeader()
	c.in.left, c.in.more, c.in.depth = h.length, h.kind == kindMore, h.depth
	return nil
}

func (c *Conn) readAbort(h header) error {
	text := make([]byte, h.length)
	if err := c.in.ahead.full(text); err != nil {
		return err
	}
	return &PeerError{Reason: reason(string(text)), Refused: h.depth == refusalStamp}
}

// Exchange sends out as one message while it fills in with what the peer sends, which is how two messages cross
// without either side waiting for the other's buffers.
func (c *Conn) Exchange(out, in []byte) error {
	c.Begin()
	sent := make(chan error, 1)
	go func() {
		if _, err := c.Write(out); err != nil {
			sent <- err
			return
		}
		sent <- c.End()
	}()
	received := c.ReadFull(in)
	if err := <-sent; err != nil {
		return err
	}
	return received
}

// Abort tells the peer why this side gives up, so that its pending read returns a *PeerError, and makes every later
// call on c fail. It sends at most MaxReason bytes of text, waits no longer than a short grace, and leaves Close to
// the caller. The text goes over the wire: it must say nothing secret.
func (c *Conn) Abort(text string) error { return c.abort(text, 0) }

// Refuse is Abort for what would come again however often the peer tried: its error is ErrRefused too.
func (c *Conn) Refuse(text string) error { return c.abort(text, refusalStamp) }

func (c *Conn) abort(text string, stamp uint32) error {
	if err := c.fault.get(); err != nil {
		return err
	}
	text = reason(text)
	frame := make([]byte, HeaderBytes+len(text))
	header{len(text), kindAbort, stamp}.put(frame)
	copy(frame[HeaderBytes:], text)
	// From here on other calls fail with this. The deadline ends a Write that is stuck in another goroutine.
	c.fault.set(fmt.Errorf("%w by this side: aborted: %s", ErrClosed, text))
	if err := c.nc.SetWriteDeadline(time.Now().Add(closeGrace)); err != nil {
		return c.classify("aborting", err)
	}
	c.out.frame.Lock()
	defer c.out.frame.Unlock()
	err := c.out.write(c.nc, net.Buffers{frame})
	_ = c.nc.SetDeadline(longAgo) // wakes a reader; of no consequence if the connection is gone already
	if err != nil {
		return c.classify("aborting", err)
	}
	return nil
}

// Close ends the connection and zeroes the payload buffers. What was sent is still delivered. Copies inside the TLS
// layer and the kernel are beyond its reach.
func (c *Conn) Close() error {
	c.fault.set(fmt.Errorf("%w by this side", ErrClosed))
	err := c.nc.Close()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	clear(c.out.buf)
	c.in.lock <- struct{}{}
	defer c.in.unlock()
	clear(c.in.ahead.buf)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
