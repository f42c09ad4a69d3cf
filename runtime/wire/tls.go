package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// protocolName is negotiated by ALPN; it changes with the frame format.
const protocolName = "sotto-wire/1"

// HandshakeTimeout bounds the whole of a handshake, whatever the connection's own Timeout.
const HandshakeTimeout = 15 * time.Second

// TLSConfig is mutual TLS 1.3 for either end of a connection: this side shows its own certificate and accepts
// exactly the pinned ones, all of which must be for peerRole. There is no authority, no resumption, and no early data.
func TLSConfig(own Identity, peerRole Role, pinned ...*x509.Certificate) (*tls.Config, error) {
	if own.pair.Leaf == nil {
		return nil, errors.New("tls: no identity of one's own: load one first")
	}
	if len(pinned) == 0 {
		return nil, fmt.Errorf("tls: no certificate of the %s is pinned, want at least one", peerRole)
	}
	for _, cert := range pinned {
		if err := checkCertificate(cert, peerRole); err != nil {
			return nil, fmt.Errorf("tls: pinned %s: %w", Fingerprint(cert), err)
		}
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{own.pair},
		NextProtos:   []string{protocolName},
		ClientAuth:   tls.RequireAnyClientCert,
		// The chain of a self-signed certificate proves nothing; VerifyConnection holds it against the pins.
		InsecureSkipVerify:     true,
		VerifyConnection:       func(s tls.ConnectionState) error { return verifyPeer(s, peerRole, pinned) },
		SessionTicketsDisabled: true,
		Renegotiation:          tls.RenegotiateNever,
		// Full records from the start: bytes on the wire do not depend on how long a connection was idle.
		DynamicRecordSizingDisabled: true,
	}, nil
}

func verifyPeer(s tls.ConnectionState, role Role, pinned []*x509.Certificate) error {
	if s.NegotiatedProtocol != protocolName {
		return fmt.Errorf("peer does not speak %s", protocolName)
	}
	if len(s.PeerCertificates) != 1 {
		return fmt.Errorf("peer shows %d certificates, want one", len(s.PeerCertificates))
	}
	cert := s.PeerCertificates[0]
	if err := checkCertificate(cert, role); err != nil {
		return fmt.Errorf("wrong role or date: peer's %w", err)
	}
	want := make([]string, len(pinned))
	for i, p := range pinned {
		if cert.Equal(p) {
			return nil
		}
		want[i] = Fingerprint(p)
	}
	return fmt.Errorf("wrong certificate: peer's is %s, pinned for the %s is %s",
		Fingerprint(cert), role, strings.Join(want, " or "))
}

// readyByte is sent by the accepting side, through TLS, when it has accepted the peer's certificate. In TLS 1.3 the
// connecting side is done before it can know; without this it would learn of a refusal in the middle of a protocol.
const readyByte = 'R'

// Connect runs the connecting side's handshake over nc, which it owns from here on.
func Connect(ctx context.Context, nc net.Conn, config *tls.Config, o Options) (*Conn, error) {
	return secure(ctx, nc, o, func(ctx context.Context, nc net.Conn) (net.Conn, error) {
		t := tls.Client(nc, config)
		if err := t.HandshakeContext(ctx); err != nil {
			return t, err
		}
		return t, awaitReady(t)
	}, config)
}

// Accept runs the accepting side's handshake over nc, which it owns from here on.
func Accept(ctx context.Context, nc net.Conn, config *tls.Config, o Options) (*Conn, error) {
	return secure(ctx, nc, o, func(ctx context.Context, nc net.Conn) (net.Conn, error) {
		t := tls.Server(nc, config)
		if err := t.HandshakeContext(ctx); err != nil {
			return t, err
		}
		_, err := t.Write([]byte{readyByte})
		return t, err
	}, config)
}

func awaitReady(t net.Conn) error {
	var b [1]byte
	if err := readFull(t, b[:]); err != nil {
		return err
	}
	if b[0] != readyByte {
		return fmt.Errorf("peer's first byte is %#x, want %#x", b[0], readyByte)
	}
	return nil
}

type handshake func(ctx context.Context, nc net.Conn) (net.Conn, error)

func secure(ctx context.Context, nc net.Conn, o Options, shake handshake, config *tls.Config) (*Conn, error) {
	o, err := o.check()
	if err == nil && config == nil {
		err = errors.New("wire: no TLS configuration")
	}
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	// Ends the reads and writes around the handshake proper too, for which crypto/tls does not look at ctx.
	release := context.AfterFunc(ctx, func() { _ = nc.Close() })
	g := newGuard(nc, o.Timeout)
	top, err := shake(ctx, Shape(g, o.Link))
	if !release() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		// The error says it all; closing flushes the alert that tells the peer.
		_ = top.Close()
		return nil, handshakeError(ctx, nc, err)
	}
	return newConn(top, g), nil
}

func handshakeError(ctx context.Context, nc net.Conn, err error) error {
	where := fmt.Errorf("%w with %v", ErrHandshake, nc.RemoteAddr())
	var notTLS tls.RecordHeaderError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", where, ErrTimeout)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", where, ctx.Err())
	case errors.As(err, &notTLS):
		return fmt.Errorf("%w: peer does not speak TLS", where)
	case refusesCertificate(err):
		return fmt.Errorf("%w: peer refuses this side's certificate: it pins another, or expects another role", where)
	case isCut(err):
		return fmt.Errorf("%w: %w by the peer: %w", where, ErrClosed, err)
	}
	return fmt.Errorf("%w: %w", where, err)
}
