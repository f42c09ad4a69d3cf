package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

const (
	// connectPatience is how long Dial tries when ctx sets no deadline.
	connectPatience = 30 * time.Second
	// firstRetry and lastRetry are the shortest and longest wait between attempts; it doubles from one to the other.
	firstRetry = 10 * time.Millisecond
	lastRetry  = 500 * time.Millisecond
)

// Dial connects to addr (host:port) and runs the handshake. While nobody listens there it tries again until ctx's
// deadline, 30 s without one, because either party may start first. Other failures are returned at once.
func Dial(ctx context.Context, addr string, config *tls.Config, o Options) (*Conn, error) {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, connectPatience)
		defer cancel()
		ctx = limited
	}
	nc, err := dialPatiently(ctx, addr)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, nc, config, o)
}

func dialPatiently(ctx context.Context, addr string) (net.Conn, error) {
	var dialer net.Dialer
	begun := time.Now()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		nc, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return nc, nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) { // the latter where who listened ends just then
			return nil, fmt.Errorf("connecting to %s: %w: %w", addr, ErrUnreachable, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("connecting to %s: %w: nobody listens there, tried for %v: %w",
				addr, ErrUnreachable, time.Since(begun).Round(time.Millisecond), err)
		}
	}
}

// Listener accepts connections of pinned peers.
type Listener struct {
	tcp     *net.TCPListener
	config  *tls.Config
	options Options
}

// Listen listens on addr (host:port; port 0 takes a free one, see Addr).
func Listen(addr string, config *tls.Config, o Options) (*Listener, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	if config == nil {
		return nil, fmt.Errorf("listening on %s: no TLS configuration", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return &Listener{l.(*net.TCPListener), config, o}, nil
}

// Addr is the address listened on.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// Close stops listening; connections already accepted stay.
func (l *Listener) Close() error { return l.tcp.Close() }

// Accept waits for a peer and runs the handshake, one peer at a time. An error that is ErrHandshake concerns that
// peer alone: the listener goes on. To shake hands with several at once, use AcceptSocket and the function Accept.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	nc, err := l.AcceptSocket(ctx)
	if err != nil {
		return nil, err
	}
	return Accept(ctx, nc, l.config, l.options)
}

// AcceptSocket waits for a connection and leaves the handshake to the caller.
func (l *Listener) AcceptSocket(ctx context.Context) (net.Conn, error) {
	if err := l.tcp.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("accepting on %v: %w", l.Addr(), err)
	}
	woken := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		_ = l.tcp.SetDeadline(longAgo) // fails only on a closed listener, where nobody waits
		close(woken)
	})
	nc, err := l.tcp.Accept()
	if !release() {
		<-woken
	}
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		if nc != nil {
			err = errors.Join(err, nc.Close())
		}
		return nil, fmt.Errorf("accepting on %v: %w", l.Addr(), err)
	}
	return nc, nil
}
