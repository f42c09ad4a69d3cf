package wire

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultTimeout is how long a connection waits for progress when Options does not say.
const DefaultTimeout = 60 * time.Second

// guard wraps the socket itself. It counts bytes and arms a deadline before each operation, so that a peer that
// moves no byte for the timeout fails the call, while a slow one that keeps moving does not, whichever way the bytes go: who waits for
// the answer to a long message, and who cannot send while the peer's own long message comes in, sees it alive by the other direction.
type guard struct {
	net.Conn
	limit          atomic.Int64 // time.Duration
	reads          atomic.Int64 // that of reads, if not zero
	sent, received atomic.Int64
	read, write    alarm
}

// alarm is one direction's deadline: the nearer of what the layers above asked for and the progress limit. To set a socket's takes as
// long as to copy a record, so it is set for longer than the limit, and stands until less than the limit is left.
type alarm struct {
	mu    sync.Mutex
	asked time.Time
	at    time.Time // what it was set to for the limit's sake
}

// spareShare of the limit is what a call may wait beyond it.
const spareShare = 1. / 8

func newGuard(nc net.Conn, timeout time.Duration) *guard {
	near(nc)
	g := &guard{Conn: nc}
	g.limit.Store(int64(timeout))
	return g
}

func (g *guard) timeout() time.Duration { return time.Duration(g.limit.Load()) }

func (g *guard) readTimeout() time.Duration {
	if d := time.Duration(g.reads.Load()); d > 0 {
		return d
	}
	return g.timeout()
}

// arm sets the deadline for an operation that starts now. The lock keeps it from undoing an earlier deadline that
// another goroutine sets at the same time to wake this one.
func (a *alarm) arm(limit time.Duration, set func(time.Time) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, spare := time.Now(), time.Duration(float64(limit)*spareShare)
	latest := now.Add(limit + spare)
	if !a.asked.IsZero() && a.asked.Before(latest) {
		return set(a.asked)
	}
	if left := a.at.Sub(now); left >= limit && left <= limit+spare {
		return nil
	}
	a.at = latest
	return set(latest)
}

// spent reports whether the deadline that the layers above asked for has passed.
func (a *alarm) spent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.asked.IsZero() && !time.Now().Before(a.asked)
}

func (a *alarm) ask(at time.Time, set func(time.Time) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.at = at, time.Time{}
	return set(at)
}

func (g *guard) Read(p []byte) (int, error) {
	v := g.watch(&g.read)
	for {
		if err := g.read.arm(g.readTimeout(), g.Conn.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := g.Conn.Read(p)
		g.received.Add(int64(n))
		if n > 0 || !v.goesOn(err) {
			return n, err
		}
	}
}

// Write sends p.
func (g *guard) Write(p []byte) (int, error) {
	v, done := g.watch(&g.write), 0
	for {
		if err := g.write.arm(g.timeout(), g.Conn.SetWriteDeadline); err != nil {
			return done, err
		}
		n, err := g.Conn.Write(p[done:])
		done += n
		g.sent.Add(int64(n))
		if !v.goesOn(err) {
			return done, err
		}
	}
}

// writeAll sends buffers one behind the other, in as few calls of the system as the socket allows.
func (g *guard) writeAll(bufs *net.Buffers) (int64, error) {
	v, done := g.watch(&g.write), int64(0)
	for {
		if err := g.write.arm(g.timeout(), g.Conn.SetWriteDeadline); err != nil {
			return done, err
		}
		n, err := bufs.WriteTo(g.Conn)
		done += n
		g.sent.Add(n)
		if !v.goesOn(err) {
			return done, err
		}
	}
}

// vigil is what one call has seen of the peer's life.
type vigil struct {
	guard *guard
	alarm *alarm
	moved int64 // bytes both ways
	// waiting is how many bytes the peer's machine had not acknowledged when the deadline passed, or unseen.
	waiting int64
}

const unseen = -1

func (g *guard) watch(a *alarm) vigil { return vigil{g, a, g.moved(), unseen} }

// moved is how many bytes went to the socket and came from it.
func (g *guard) moved() int64 { return g.sent.Load() + g.received.Load() }

// goesOn reports whether a call that ended with err is to be taken up again: its deadline passed, nobody asked for that one, and the
// peer gave a sign of life meanwhile.
func (v *vigil) goesOn(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !v.alarm.spent() && v.alive()
}

// alive reports whether a byte has moved in either direction since it was last asked, or since the call began. What the system holds of
// a message that was sent moves unseen, so that a call which finds bytes under way waits for another limit to see whether they get
// fewer: a connection that is cut meanwhile is noticed after twice the limit.
func (v *vigil) alive() bool {
	moved, waiting := v.guard.moved(), unacknowledged(v.guard.Conn)
	fewer := waiting < v.waiting || v.waiting == unseen && waiting > 0
	alive := moved != v.moved || fewer
	v.moved, v.waiting = moved, waiting
	return alive
}

// nearBuffer is the sending socket's buffer where both parties are on one machine: Tuning. The kernel copies what is sent into
// that buffer and out of it again, twice as fast while it fits the cache of a core as when it grows to megabytes. Other links
// need what their bandwidth and delay ask for, which the kernel finds out.
const nearBuffer = 512 << 10

// near bounds the buffer of a socket that ends on this machine.
func near(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	if peer, ok := tcp.RemoteAddr().(*net.TCPAddr); ok && peer.IP.IsLoopback() {
		_ = tcp.SetWriteBuffer(nearBuffer) // a refusal costs speed alone
	}
}

func (g *guard) SetReadDeadline(t time.Time) error {
	return g.read.ask(t, g.Conn.SetReadDeadline)
}

func (g *guard) SetWriteDeadline(t time.Time) error {
	return g.write.ask(t, g.Conn.SetWriteDeadline)
}

func (g *guard) SetDeadline(t time.Time) error {
	if err := g.SetReadDeadline(t); err != nil {
		return err
	}
	return g.SetWriteDeadline(t)
}
