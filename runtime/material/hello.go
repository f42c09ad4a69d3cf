package material

import (
	"encoding/hex"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// protocolVersion changes with the hello, the requests, the layout of the tapes or the corrections.
const protocolVersion = 3

// Session names one session of two parties. Both draw it together; a dealer serves it once.
type Session [16]byte

// String is enough of the session id to find it in the log of the other side.
func (s Session) String() string { return hex.EncodeToString(s[:4]) }

// hello is a party's first message to the dealer, before its first request:
//
//	byte 0       protocol version
//	byte 1       party, 0 the client and 1 the server
//	byte 2..17   session
type hello struct {
	party   cost.Party
	session Session
}

const helloBytes = 1 + 1 + len(Session{})

// Request asks for the material of one run of a pair of programs:
//
//	byte 0       0 for the last one of the session, 1 if others follow
//	byte 1..32   hash of the pair of programs
type Request struct {
	Pair program.Hash
	More bool // other requests follow
}

// String is the program, and which of its runs.
func (r Request) String() string {
	if r.More {
		return fmt.Sprintf("a run of %s, not the last", r.Pair.Short())
	}
	return fmt.Sprintf("the last run, of %s", r.Pair.Short())
}

const requestBytes = 1 + len(program.Hash{})

// readyByte is a party's answer to its seed.
const readyByte = 'R'

// hereByte is what a party says before a request, every hereEvery: that it is there.
const hereByte = 'H'

// hereEvery is a fraction of DefaultSilence that leaves room for machines that are busy.
const hereEvery = DefaultSilence / 6

func (h hello) encode() []byte {
	return append([]byte{protocolVersion, byte(h.party)}, h.session[:]...)
}

func decodeHello(b [helloBytes]byte) (h hello, err error) {
	if b[0] != protocolVersion {
		return h, refusal{fmt.Errorf("dealer protocol version %d, accepted is %d: use one version of sotto", b[0], protocolVersion)}
	}
	if b[1] > byte(cost.Server) {
		return h, fmt.Errorf("party %d, accepted are 0 (client) and 1 (server)", b[1])
	}
	h.party = cost.Party(b[1])
	copy(h.session[:], b[2:])
	return h, nil
}

func (r Request) encode() []byte {
	more := byte(0)
	if r.More {
		more = 1
	}
	return append([]byte{more}, r.Pair[:]...)
}

func decodeRequest(b [requestBytes]byte) (r Request, err error) {
	if b[0] > 1 {
		return r, fmt.Errorf("request %#x, accepted are 0, the last one, and 1", b[0])
	}
	r.More = b[0] == 1
	copy(r.Pair[:], b[1:])
	return r, nil
}
