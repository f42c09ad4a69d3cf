package material

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"

	"sotto/ir/cost"
	"sotto/runtime/wire"
)

// Pins are the certificates of the parties that a dealer serves.
type Pins struct{ Client, Server []*x509.Certificate }

// Listener is where parties come in to a dealer: mutual TLS with the pinned clients and servers alone. Which of the two
// a peer is says its certificate.
type Listener struct {
	sockets *wire.Listener
	configs [2]*tls.Config // by party
	options wire.Options
}

// Listen listens on addr (host:port; port 0 takes a free one, see Addr) under the dealer's identity.
func Listen(addr string, own wire.Identity, pins Pins, o wire.Options) (*Listener, error) {
	if own.Role != wire.Dealer {
		return nil, fmt.Errorf("dealer: the key is one of a %s: want a dealer's", own.Role)
	}
	l := &Listener{options: o}
	var err error
	if l.configs[cost.Client], err = wire.TLSConfig(own, wire.Client, pins.Client...); err != nil {
		return nil, fmt.Errorf("dealer: %w", err)
	}
	if l.configs[cost.Server], err = wire.TLSConfig(own, wire.Server, pins.Server...); err != nil {
		return nil, fmt.Errorf("dealer: %w", err)
	}
	l.sockets, err = wire.Listen(addr, l.configs[cost.Client], o)
	if err != nil {
		return nil, fmt.Errorf("dealer: %w", err)
	}
	return l, nil
}

// Addr is the address listened on.
func (l *Listener) Addr() net.Addr { return l.sockets.Addr() }

// Close stops listening.
func (l *Listener) Close() error { return l.sockets.Close() }

// greet runs the handshake over an accepted socket and tells who came.
func (l *Listener) greet(ctx context.Context, nc net.Conn) (*wire.Conn, cost.Party, error) {
	var party cost.Party
	config := l.configs[cost.Client].Clone()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		party = partyOf(s)
		return l.configs[party].VerifyConnection(s)
	}
	conn, err := wire.Accept(ctx, nc, config, l.options)
	return conn, party, err
}

// partyOf gives the party that the peer's certificate claims; that the claim holds is for VerifyConnection to say.
func partyOf(s tls.ConnectionState) cost.Party {
	if len(s.PeerCertificates) > 0 {
		if role, err := wire.RoleOf(s.PeerCertificates[0]); err == nil && role == wire.Server {
			return cost.Server
		}
	}
	return cost.Client
}
