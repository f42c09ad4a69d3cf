package material

import (
	"encoding/hex"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// protocolVersion changes with the hello, the layout of the tapes or the corrections.
const protocolVersion = 1

// Session names one inference. Both parties draw it together; it is used once.
type Session [16]byte

// String is enough of the session id to find it in the log of the other side.
func (s Session) String() string { return hex.EncodeToString(s[:4]) }

// hello is a party's first message to the dealer:
//
//	byte 0       protocol version
//	byte 1       party, 0 the client and 1 the server
//	byte 2..17   session
//	byte 18..49  hash of the pair of programs
type hello struct {
	party   cost.Party
	session Session
	pair    program.Hash
}

const helloBytes = 1 + 1 + len(Session{}) + len(program.Hash{})

// readyByte is a party's answer to its seed.
const readyByte = 'R'

func (h hello) encode() []byte {
	b := append(make([]byte, 0, helloBytes), protocolVersion, byte(h.party))
	b = append(b, h.session[:]...)
	return append(b, h.pair[:]...)
}

func decodeHello(b [helloBytes]byte) (h hello, err error) {
	if b[0] != protocolVersion {
		return h, fmt.Errorf("dealer protocol version %d, accepted is %d: use one version of sotto", b[0], protocolVersion)
	}
	if b[1] > byte(cost.Server) {
		return h, fmt.Errorf("party %d, accepted are 0 (client) and 1 (server)", b[1])
	}
	h.party = cost.Party(b[1])
	n := copy(h.session[:], b[2:])
	copy(h.pair[:], b[2+n:])
	return h, nil
}
