package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// The kinds of failure of a connection, for errors.Is. After any of them the connection is of no further use.
var (
	// ErrPeerAbort is matched by every *PeerError: the peer gave up and said why.
	ErrPeerAbort = errors.New("peer aborted")
	// ErrRefused is matched by a *PeerError that would come again: the peer does not do what this side wants.
	ErrRefused = errors.New("peer refused")
	// ErrTimeout means that the peer is there but nothing moved for the whole Timeout.
	ErrTimeout = errors.New("peer too slow")
	// ErrClosed means that the connection is gone: cut, reset, or closed by either side.
	ErrClosed = errors.New("connection closed")
	// ErrProtocol means that the bytes received are not what this package sends.
	ErrProtocol = errors.New("malformed frame")
	// ErrUnreachable means that no connection came about at all: nobody listens there, or the way there is cut.
	ErrUnreachable = errors.New("peer not reachable")
	// ErrHandshake means that no authenticated connection came about.
	ErrHandshake = errors.New("handshake failed")
	// ErrMisuse means that the caller broke the order Begin, Write, End or that of phases.
	ErrMisuse = errors.New("connection misused")
)

// PeerError is the peer's own account of why it gave up.
type PeerError struct {
	Reason  string // at most MaxReason bytes, printable
	Refused bool   // it would say so again
}

func (e *PeerError) Error() string { return "peer aborted: " + e.Reason }

// Is makes errors.Is(err, ErrPeerAbort) hold, and errors.Is(err, ErrRefused) of a refusal.
func (e *PeerError) Is(target error) bool {
	return target == ErrPeerAbort || e.Refused && target == ErrRefused
}

// classify wraps an error of the transport in the kind it belongs to; doing says what was under way.
func (c *Conn) classify(doing string, err error) error {
	for _, kind := range []error{ErrPeerAbort, ErrTimeout, ErrClosed, ErrProtocol, ErrMisuse} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: %w: no progress for %v", doing, ErrTimeout, c.guard.timeout())
	case alertText(err) != "":
		return fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
	case errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%s: %w by this side", doing, ErrClosed)
	case isCut(err):
		return fmt.Errorf("%s: %w by the peer: %w", doing, ErrClosed, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrClosed, err)
}

func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// alertText gives the TLS alert that err reports, or nothing. crypto/tls keeps its own type for alerts over TCP to
// itself and wraps it in a net.OpError of one of two operations.
func alertText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return op.Err.Error()
	}
	return ""
}

// refusesCertificate reports whether the peer ended the handshake because it does not accept this side's certificate.
func refusesCertificate(err error) bool {
	const badCertificate tls.AlertError = 42 // RFC 8446, 6.2
	return alertText(err) == badCertificate.Error()
}
