package wire

import (
	"errors"
	"io"
	"sync"
	"time"
)

// fault is the first error of a connection, which every later call returns. What the peer said takes the place of
// what its silence looked like.
type fault struct {
	mu  sync.Mutex
	err error
}

func (f *fault) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fault) set(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := errors.Is(err, ErrPeerAbort) && !errors.Is(f.err, ErrPeerAbort)
	if f.err == nil || said && !errors.Is(f.err, ErrMisuse) {
		f.err = err
	}
	return f.err
}

// longAgo is a deadline that wakes whoever is blocked.
var longAgo = time.Unix(1, 0)

// fail records err, wakes whoever is blocked in the other direction, and gives the error to return.
func (c *Conn) fail(err error) error {
	err = c.fault.set(err)
	_ = c.nc.SetDeadline(longAgo) // of no consequence if the connection is gone already
	return err
}

// lastWords is how long a failed writer looks for the peer's abort frame before it reports a mere cut.
const lastWords = time.Second

// hearReason is called when a write has failed: a peer that aborted and closed leaves its reason in this side's
// receive buffer. It reads up to that reason, or lets a reader that is already there do so.
func (c *Conn) hearReason() {
	if c.fault.get() != nil {
		return
	}
	select {
	case c.in.lock <- struct{}{}:
		defer c.in.unlock()
	case <-time.After(lastWords):
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lastWords)) // if this fails, so does the read
	if err := c.skipToAbort(); errors.Is(err, ErrPeerAbort) {
		c.fault.set(c.classify("sending", err))
	}
}

// skipToAbort drops payload until a read fails, as it must: with the abort, the end of the stream, or the deadline.
func (c *Conn) skipToAbort() error {
	for {
		if err := c.in.ahead.discard(c.in.left); err != nil {
			return err
		}
		c.in.left = 0
		if err := c.nextFrame(); err != nil {
			return err
		}
	}
}

func (in *inbound) unlock() { <-in.lock }

func (in *inbound) tryLock() bool {
	select {
	case in.lock <- struct{}{}:
		return true
	default:
		return false
	}
}

// readAhead is a small buffered reader whose buffer can be wiped.
type readAhead struct {
	src io.Reader
	buf []byte
	r   int // buf[r:w] is read and not yet used
	w   int
}

// full fills p. A stream that ends at once gives io.EOF, one that ends part way io.ErrUnexpectedEOF.
func (a *readAhead) full(p []byte) error {
	n := copy(p, a.buf[a.r:a.w])
	a.r += n
	if n == len(p) {
		return nil
	}
	if rest := p[n:]; len(rest) >= MaxFrame/2 {
		return midway(n, readFull(a.src, rest))
	}
	got, err := io.ReadAtLeast(a.src, a.buf, len(p)-n)
	a.r, a.w = 0, got
	if err != nil {
		return midway(n, err)
	}
	a.r = copy(p[n:], a.buf[:a.w])
	return nil
}

func readFull(src io.Reader, p []byte) error {
	_, err := io.ReadFull(src, p)
	return err
}

func midway(n int, err error) error {
	if err == io.EOF && n > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (a *readAhead) discard(n int) error {
	for n > 0 {
		var scratch [512]byte
		k := min(n, len(scratch))
		if err := a.full(scratch[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
