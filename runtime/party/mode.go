package party

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"sotto/runtime/store"
	"sotto/runtime/wire"
)

// Mode is what a session does, or a set of what a party is ready to do: the client names one, the server what it offers.
type Mode byte

const (
	Everything Mode = 1 << iota // both phases of one inference
	Prepare                     // the offline phases of several, kept in stores
	Stored                      // the online phase of one whose offline phase is in the stores
	Steps                       // many runs of a training step, whole: see Train
)

func (m Mode) String() string {
	var names []string
	for i, name := range []string{"run whole inferences", "prepare", "use what was prepared", "train"} {
		if m>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// fit finds what to do from what both are ready for.
func fit(client, server Mode) (Mode, error) {
	if bits.OnesCount8(byte(client)) != 1 {
		return 0, fmt.Errorf("the client wants one of several things: %v", client)
	}
	if client&server == 0 {
		return 0, fmt.Errorf("the client wants to %v, the server is ready to %v: give both --store, or neither", client, server)
	}
	return client, nil
}

// holdings is what a hello says about a party's store: all zero if it has none.
//
//	id 16 · first number held 8 (all ones: none) · first number never given 8 · numbers held 8 · numbers wanted 8 (client)
type holdings struct {
	id          store.ID
	first, next uint64
	held, want  uint64
}

const holdingsBytes = len(store.ID{}) + 4*8

func (h holdings) append(b []byte) []byte {
	b = append(b, h.id[:]...)
	for _, n := range []uint64{h.first, h.next, h.held, h.want} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func decodeHoldings(b []byte) (h holdings) {
	b = b[copy(h.id[:], b):]
	for i, n := range []*uint64{&h.first, &h.next, &h.held, &h.want} {
		*n = binary.LittleEndian.Uint64(b[8*i:])
	}
	return h
}

// holdingsOf asks a store.
func holdingsOf(s *store.Store, want int) (h holdings, err error) {
	if s == nil {
		return h, nil
	}
	st, err := s.Status()
	if err != nil {
		return h, err
	}
	h = holdings{st.ID, store.None, st.Next, uint64(len(st.Held)), uint64(want)}
	if len(st.Held) > 0 {
		h.first = st.Held[0]
	}
	return h, nil
}

// MaxWanted bounds what a client may ask to be prepared at a time.
const MaxWanted = 1 << 16

// meet has two stores agree on what they hold together. A new store takes the other's ID, or one of both's making if that
// is as new; but not that of a store that still holds material, which it could only make worthless: more likely it was
// named by mistake. Both parties judge by the same hellos, so both refuse.
func meet(s *store.Store, mine, theirs holdings, session [16]byte) error {
	id := mine.id
	switch {
	case mine.id == theirs.id && mine.id == store.ID{}:
		id = session
	case mine.id == theirs.id:
	case mine.id == store.ID{} && theirs.held == 0:
		id = theirs.id
	case theirs.id == store.ID{} && mine.held == 0:
	default:
		return unpaired(mine, theirs)
	}
	return s.Meet(id)
}

// unpaired says what two stores hold that are not each other's.
func unpaired(mine, theirs holdings) error {
	return fmt.Errorf("handshake: the two stores are not of one pair: the one here %v, the peer's %v: give both parties the --store "+
		"that they prepared together, or remove both directories, with what they hold, and run `sotto prepare` again", mine, theirs)
}

func (h holdings) String() string {
	if h.id == (store.ID{}) {
		return "is new and empty"
	}
	return fmt.Sprintf("holds %d unused inference(s)", h.held)
}

// errRanOut says what to do when no inference is left.
var errRanOut = errors.New("no stored inference is left that both parties hold: make more with `sotto prepare`")

// agree finds the first number that both parties hold. Each says its first at or above the greatest said so far, until
// they say the same; usually the hellos do.
func agree(c *wire.Conn, s *store.Store, mine, theirs uint64) (uint64, error) {
	for mine != theirs {
		if mine == store.None || theirs == store.None {
			return 0, errRanOut
		}
		var err error
		least := max(mine, theirs)
		if mine, err = s.First(least); err != nil {
			return 0, err
		}
		var got [8]byte
		if err := c.Exchange(binary.LittleEndian.AppendUint64(nil, mine), got[:]); err != nil {
			return 0, err
		}
		if theirs = binary.LittleEndian.Uint64(got[:]); theirs < least {
			return 0, fmt.Errorf("%w: the peer's store offers inference %d where %d or a later one was due", wire.ErrProtocol, theirs, least)
		}
	}
	if mine == store.None {
		return 0, errRanOut
	}
	return mine, nil
}

// reconcile drops from the store what the peer does not hold, and gives how many are left.
func reconcile(c *wire.Conn, s *store.Store, theirs holdings) (int, error) {
	st, err := s.Status()
	if err != nil {
		return 0, err
	}
	if theirs.held > theirs.next || theirs.held > maxHeld {
		return 0, fmt.Errorf("%w: the peer's store holds %d of %d inferences", wire.ErrProtocol, theirs.held, theirs.next)
	}
	got := make([]byte, 8*theirs.held)
	if err := c.Exchange(numbers(st.Held), got); err != nil {
		return 0, err
	}
	other := decodeNumbers(got)
	slices.Sort(other)
	var extra []uint64
	for _, n := range st.Held {
		if _, both := slices.BinarySearch(other, n); !both {
			extra = append(extra, n)
		}
	}
	return len(st.Held) - len(extra), s.Drop(0, extra...)
}

// maxHeld bounds the list of a store's numbers.
const maxHeld = 1 << 20

func numbers(list []uint64) []byte {
	var out []byte
	for _, n := range list {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return out
}

func decodeNumbers(b []byte) []uint64 {
	out := make([]uint64, len(b)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out
}
