package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"sotto/runtime/wire"
)

// lobby is where clients wait for the server, which runs one session at a time: its buffers and cores are the machine's.
// Hands are shaken with all at once, so that who stalls holds up nobody, and who would wait too long is told so.
type lobby struct {
	listener *wire.Listener
	config   *tls.Config
	options  wire.Options
	patience time.Duration // of a client; less than what the client itself has
	refused  func(format string, args ...any)

	ready  chan *wire.Conn
	broken chan error    // accepting failed
	places chan struct{} // one for each connection in here
	guests sync.WaitGroup
}

// lobbyPlaces bounds the connections that wait at a time.
const lobbyPlaces = 64

func newLobby(l *wire.Listener, config *tls.Config, o wire.Options, refused func(string, ...any)) *lobby {
	return &lobby{listener: l, config: config, options: o, patience: o.Timeout / 2, refused: refused,
		ready: make(chan *wire.Conn), broken: make(chan error, 1), places: make(chan struct{}, lobbyPlaces)}
}

// open lets clients in until ctx ends.
func (l *lobby) open(ctx context.Context) {
	l.guests.Go(func() {
		for {
			nc, err := l.listener.AcceptSocket(ctx)
			if err != nil {
				l.broken <- err
				return
			}
			l.admit(ctx, nc)
		}
	})
}

func (l *lobby) admit(ctx context.Context, nc net.Conn) {
	select {
	case l.places <- struct{}{}:
		l.guests.Go(func() {
			defer func() { <-l.places }()
			l.greet(ctx, nc)
		})
	default:
		nc.Close()
		l.refused("refused a connection from %v: %d wait already", nc.RemoteAddr(), lobbyPlaces)
	}
}

// greet shakes hands with a client and hands it on when its turn comes.
func (l *lobby) greet(ctx context.Context, nc net.Conn) {
	conn, err := wire.Accept(ctx, nc, l.config, l.options)
	if err != nil {
		if ctx.Err() == nil {
			l.refused("refused a connection: %v", err)
		}
		return
	}
	late := time.NewTimer(l.patience)
	defer late.Stop()
	why := "the server is shutting down"
	select {
	case l.ready <- conn:
		return
	case <-late.C:
		why = fmt.Sprintf("the server is busy with another client and could not begin within %v: try again later", l.patience)
		l.refused("refused %v: %s", conn.RemoteAddr(), why)
	case <-ctx.Done():
	}
	conn.Abort(why) // a client that is gone cannot be told
	conn.Close()
}

// next waits for a client.
func (l *lobby) next(ctx context.Context) (*wire.Conn, error) { return l.nextBefore(ctx, nil) }

// nextUntil waits for a client until a moment.
func (l *lobby) nextUntil(ctx context.Context, until time.Time) (*wire.Conn, error) {
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	return l.nextBefore(ctx, late.C)
}

func (l *lobby) nextBefore(ctx context.Context, late <-chan time.Time) (*wire.Conn, error) {
	began := time.Now()
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.broken:
		return nil, errors.Join(ctx.Err(), err)
	case <-late:
		return nil, fmt.Errorf("waiting on %v: %w: nobody came in %v", l.listener.Addr(), wire.ErrUnreachable, time.Since(began).Round(time.Millisecond))
	}
}
