package wire

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultTimeout is how long a connection waits for progress when Options does not say.
const DefaultTimeout = 60 * time.Second

// guard wraps the socket itself. It counts bytes and arms a deadline before each operation, so that a peer that
// moves no byte for the timeout fails the call, while a slow one that keeps moving does not.
type guard struct {
	net.Conn
	limit          atomic.Int64 // time.Duration
	sent, received atomic.Int64
	read, write    alarm
}

// alarm is one direction's deadline: the nearer of what the layers above asked for and the progress limit.
type alarm struct {
	mu    sync.Mutex
	asked time.Time
}

func newGuard(nc net.Conn, timeout time.Duration) *guard {
	g := &guard{Conn: nc}
	g.limit.Store(int64(timeout))
	return g
}

func (g *guard) timeout() time.Duration { return time.Duration(g.limit.Load()) }

// arm sets the deadline for an operation that starts now. The lock keeps it from undoing an earlier deadline that
// another goroutine sets at the same time to wake this one.
func (a *alarm) arm(limit time.Duration, set func(time.Time) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := time.Now().Add(limit)
	if !a.asked.IsZero() && a.asked.Before(at) {
		at = a.asked
	}
	return set(at)
}

func (a *alarm) ask(at time.Time, set func(time.Time) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = at
	return set(at)
}

func (g *guard) Read(p []byte) (int, error) {
	if err := g.read.arm(g.timeout(), g.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	n, err := g.Conn.Read(p)
	g.received.Add(int64(n))
	return n, err
}

// Write sends p in pieces of at most one frame, each with its own deadline.
func (g *guard) Write(p []byte) (int, error) {
	const piece = HeaderBytes + MaxFrame
	done := 0
	for done < len(p) {
		if err := g.write.arm(g.timeout(), g.Conn.SetWriteDeadline); err != nil {
			return done, err
		}
		n, err := g.Conn.Write(p[done:min(done+piece, len(p))])
		done += n
		g.sent.Add(int64(n))
		if err != nil {
			return done, err
		}
	}
	return done, nil
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
