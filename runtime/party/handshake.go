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
//	magic 8 · protocol version 1 · role 1 · source 1 · modes 1 · nonce 16 · pair hash 32 · sharing 16 · holdings 48
const (
	magic           = "sottorun"
	protocolVersion = 7
	nonceBytes      = 16
	helloBytes      = len(magic) + 4 + nonceBytes + len(program.Hash{}) + len(Sharing{}) + holdingsBytes
)

// phaseSession is the wire's phase of the handshake: it counts for neither offline nor online.
const phaseSession = 2

type hello struct {
	version, role, source byte
	modes                 Mode
	nonce                 [nonceBytes]byte
	pair                  program.Hash
	sharing               Sharing
	store                 holdings
}

func (h hello) encode() []byte {
	b := append([]byte(magic), h.version, h.role, h.source, byte(h.modes))
	b = append(b, h.nonce[:]...)
	return h.store.append(append(append(b, h.pair[:]...), h.sharing[:]...))
}

var errNotSotto = errors.New("the peer does not speak sotto's session protocol")

func decodeHello(b []byte) (h hello, err error) {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return h, errNotSotto
	}
	b = b[len(magic):]
	h.version, h.role, h.source, h.modes = b[0], b[1], b[2], Mode(b[3])
	b = b[4:]
	b = b[copy(h.nonce[:], b):]
	b = b[copy(h.pair[:], b):]
	b = b[copy(h.sharing[:], b):]
	h.store = decodeHoldings(b)
	return h, nil
}

// sources numbers the makers of material for the handshake.
var sources = []cost.Source{cost.FromDealer, cost.FromHE}

func sourceNumber(s cost.Source) byte {
	for i, x := range sources {
		if x == s {
			return byte(i)
		}
	}
	return 0xff
}

// greeting is what a handshake gives: the session's id, a hash of both nonces; what the session does; and what both said
// about their stores.
type greeting struct {
	id           [16]byte
	mode         Mode
	mine, theirs holdings
}

// shake exchanges hellos. Of mine, the caller fills in pair, source, modes, sharing and store.
func shake(c *wire.Conn, party cost.Party, mine hello) (g greeting, err error) {
	if err := c.BeginPhase(phaseSession); err != nil {
		return g, err
	}
	mine.version, mine.role = protocolVersion, byte(party)
	if _, err := rand.Read(mine.nonce[:]); err != nil {
		return g, err
	}
	theirs, err := greet(c, mine)
	if err != nil {
		return g, err
	}
	client, server := mine, theirs
	if party == cost.Server {
		client, server = theirs, mine
	}
	sum := sha256.Sum256(append(append([]byte("sotto session"), client.nonce[:]...), server.nonce[:]...))
	g.mode, g.mine, g.theirs = client.modes, mine.store, theirs.store
	copy(g.id[:], sum[:])
	return g, nil
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
		same := "use the two halves of one `sotto compile`"
		if h.modes == Steps {
			same = "train the same network with the same flags on both sides"
		}
		return fmt.Errorf("the programs differ: %s here, %s at the peer; %s", h.pair.Short(), o.pair.Short(), same)
	case o.sharing != h.sharing:
		return errors.New("the weights are shares of different splittings; use the two halves of one `sotto compile`")
	}
	client, server := h.modes, o.modes
	if h.role == byte(cost.Server) {
		client, server = server, client
	}
	mode, err := fit(client, server)
	if err == nil && mode != Stored && o.source != h.source {
		return errors.New("the parties want their offline material from different sources; give both the same --offline")
	}
	return err
}
