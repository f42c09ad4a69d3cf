package party

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/wire"
)

// Handshake: before anything else the parties send each other, in one crossed message, what they are about to run. A
// mismatch ends the session with a message that names it.
//
//	magic 8 · protocol version 1 · role 1 · source 1 · zero 1 · nonce 16 · pair hash 32
const (
	magic           = "sottorun"
	protocolVersion = 1
	nonceBytes      = 16
	helloBytes      = len(magic) + 4 + nonceBytes + len(program.Hash{})
)

// phaseSession is the wire's phase of the handshake: it counts for neither offline nor online.
const phaseSession = 2

type hello struct {
	version, role, source byte
	nonce                 [nonceBytes]byte
	pair                  program.Hash
}

func (h hello) encode() []byte {
	b := append([]byte(magic), h.version, h.role, h.source, 0)
	b = append(b, h.nonce[:]...)
	return append(b, h.pair[:]...)
}

var errNotSotto = errors.New("the peer does not speak sotto's session protocol")

func decodeHello(b []byte) (h hello, err error) {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return h, errNotSotto
	}
	b = b[len(magic):]
	h.version, h.role, h.source = b[0], b[1], b[2]
	copy(h.nonce[:], b[4:])
	copy(h.pair[:], b[4+nonceBytes:])
	return h, nil
}

// sources numbers the makers of material for the handshake.
var sources = []cost.Source{cost.FromDealer}

func sourceNumber(s cost.Source) byte {
	for i, x := range sources {
		if x == s {
			return byte(i)
		}
	}
	return 0xff
}

// shake exchanges hellos and gives the session's id: a hash of both nonces.
func shake(c *wire.Conn, p *program.Program, source cost.Source) (id [16]byte, err error) {
	if err := c.BeginPhase(phaseSession); err != nil {
		return id, err
	}
	mine := hello{version: protocolVersion, role: byte(p.Party), source: sourceNumber(source), pair: p.Pair}
	if _, err := rand.Read(mine.nonce[:]); err != nil {
		return id, err
	}
	theirs, err := greet(c, mine)
	if err != nil {
		return id, err
	}
	first, second := mine.nonce, theirs.nonce
	if p.Party == cost.Server {
		first, second = second, first
	}
	sum := sha256.Sum256(append(append([]byte("sotto session"), first[:]...), second[:]...))
	copy(id[:], sum[:])
	return id, nil
}

// greet exchanges the hellos and judges the peer's. A client sends its hello as soon as it is connected; a server may be
// busy with another client first, so only the server is in a hurry.
func greet(c *wire.Conn, mine hello) (theirs hello, err error) {
	if mine.role == byte(cost.Server) {
		hurry := time.AfterFunc(wire.HandshakeTimeout, func() { c.Abort(fmt.Sprintf("no hello within %v", wire.HandshakeTimeout)) })
		defer hurry.Stop()
	}
	got := make([]byte, helloBytes)
	if err := c.Exchange(mine.encode(), got); err != nil {
		return theirs, fmt.Errorf("handshake: %w", err)
	}
	if theirs, err = decodeHello(got); err == nil {
		err = mine.accepts(theirs)
	}
	if err != nil {
		c.Abort(err.Error()) // best effort: the peer finds the same by itself
		return theirs, fmt.Errorf("%w: %w", wire.ErrHandshake, err)
	}
	return theirs, nil
}

func (h hello) accepts(o hello) error {
	switch {
	case o.version != h.version:
		return fmt.Errorf("protocol versions differ: %d here, %d at the peer; use the same release on both sides", h.version, o.version)
	case o.role != byte(cost.Party(h.role).Other()):
		return fmt.Errorf("both parties are the %s; give one the client's bundle and the other the server's", cost.Party(h.role))
	case o.pair != h.pair:
		return fmt.Errorf("the programs differ: %s here, %s at the peer; use the two halves of one `sotto compile`", h.pair.Short(), o.pair.Short())
	case o.source != h.source:
		return errors.New("the parties want their offline material from different sources; give both the same --offline")
	}
	return nil
}
