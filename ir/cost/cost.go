// Package cost counts what a two-party program does: rounds, bytes each way, AES calls and multiply-adds. These are
// quantities, exact and without prices; a price list turns them into time.
//
// The bytes and the rounds of a protocol come out of one description of its messages. An op tells a Ledger which
// message it sends, how long it is, and from which moment its sender can send it; the Ledger sorts the messages into
// phases and rounds. A moment (Time) counts one-way messages on the longest chain of dependent ones, so that two
// messages that cross count as one round. What depends on no online input happens offline: the phases are a binding-time
// analysis, not a choice.
package cost

import "fmt"

// Party is one of the three roles of a session. Client is S0 and Server is S1 in the outsourced deployment.
type Party uint8

const (
	Client Party = iota
	Server
	Dealer
)

// Other gives the peer of a computing party.
func (p Party) Other() Party { return 1 - p }

func (p Party) String() string { return [...]string{"client", "server", "dealer"}[p] }

// Deployment says who knows what: see the two deployments in the design's PROTOCOLS.
type Deployment string

const (
	ClientServer Deployment = "client-server"
	Outsourced   Deployment = "outsourced"
)

// ParseDeployment accepts the names of the deployments.
func ParseDeployment(s string) (Deployment, error) {
	switch d := Deployment(s); d {
	case ClientServer, Outsourced:
		return d, nil
	}
	return "", fmt.Errorf("unknown deployment %q: accepted are %s and %s", s, ClientServer, Outsourced)
}

// Source makes the correlated material of the offline phase.
type Source string

const (
	FromHE     Source = "he"     // the two parties alone, by homomorphic encryption and oblivious transfer
	FromDealer Source = "dealer" // a third party
)

// ParseSource accepts the names of the sources.
func ParseSource(s string) (Source, error) {
	switch x := Source(s); x {
	case FromHE, FromDealer:
		return x, nil
	}
	return "", fmt.Errorf("unknown source of material %q: accepted are %s and %s", s, FromHE, FromDealer)
}

// Phase is offline (independent of the inputs) or online.
type Phase uint8

const (
	Offline Phase = iota
	Online
)

func (p Phase) String() string { return [...]string{"offline", "online"}[p] }

// Time is a moment of a session in one-way messages: 0 when it starts, Start when set-up and material are there, OnlineStart
// when the inputs come in.
type Time int

const (
	SetupRounds      = 2 // base OT: points one way, point and tree corrections back
	Start       Time = SetupRounds
	OnlineStart Time = 1 << 20
	OfflineEnd  Time = OnlineStart - 1 // when all messages of the offline phase have moved
)

// Phase tells in which phase a moment lies.
func (t Time) Phase() Phase {
	if t >= OnlineStart {
		return Online
	}
	return Offline
}

// Depth is the number of rounds of t's phase that have passed.
func (t Time) Depth() int {
	if t >= OnlineStart {
		return int(t - OnlineStart)
	}
	return int(t)
}

// Ready says from when on each party holds its part of a value.
type Ready [2]Time

// Max is the later of the moments, by party.
func (r Ready) Max(o Ready) Ready { return Ready{max(r[0], o[0]), max(r[1], o[1])} }

// Message is the part of one message that one op is responsible for.
type Message struct {
	Tag   int // index of the op in its function
	From  Party
	Sent  Time // the moment it arrives, which is the round that carries it
	Bytes int64
	// Elements is the length of the vector that it is, which moves in parcels of ParcelElements; 0 where it is none.
	Elements int64
}

// ParcelElements is how many elements of a vector the online phase moves, and computes, at a time: Tuning, whole words of bits.
const ParcelElements = 1 << 14

// Work is local effort of one op at one party: one call of a kernel, at a moment. It is done when the messages that arrive at that
// moment have moved, before the next ones; or, streamed, a piece at a time while one of them moves.
type Work struct {
	Tag    int // index of the op in its function
	Party  Party
	Kernel Kernel
	At     Time
	When   When
	Units  int64
	// Batches is in how many parts streamed work is done that does not move with the message: each when as large a part of that is here. 0 is
	// all else.
	Batches int32
}

// When places work within its moment.
type When uint8

const (
	After     When = iota // the messages
	Sending               // while the party's own moves
	Receiving             // while the peer's moves
)

// Ledger collects the messages and the work of a program in program order.
type Ledger struct {
	Deploy   Deployment
	Source   Source
	Messages []Message
	Dealt    []Message // dealer to Client (From says which party receives)
	Work     []Work
	tag      int

	extensions Extensions // that were set up
	again      bool       // by an earlier run of the session
	asked      Extensions // what the ops used so far
	made       made
	open       *opened // of a Shape in the making; nil otherwise
	memory     [3]memory
	held       [2]held
}

// NewLedger starts an empty ledger.
func NewLedger(d Deployment, s Source) *Ledger {
	return &Ledger{Deploy: d, Source: s, tag: SessionTag}
}

// SessionTag is the tag of what belongs to the session and not to an op: the base OTs.
const SessionTag = -1

// For says that what follows belongs to the op with this tag.
func (l *Ledger) For(tag int) { l.tag = tag }

// Send records bytes from one computing party to the other, sent as soon as the sender can, and gives the moment they
// arrive. Nothing is sent for no bytes.
func (l *Ledger) Send(from Party, bytes int64, ready Time) Time {
	return l.send(Message{l.tag, from, ready + 1, bytes, 0})
}

// SendVector is Send of n values of width bits each, packed, whose parcels are answered one by one where nothing but elementwise work is
// between.
func (l *Ledger) SendVector(from Party, n int64, width int, ready Time) Time {
	return l.send(Message{l.tag, from, ready + 1, BitBytes(n, width), n})
}

func (l *Ledger) send(m Message) Time {
	if m.Bytes > 0 {
		l.Messages = append(l.Messages, m)
	}
	return m.Sent
}

// Deal records bytes that the dealer, if the material is from one, sends to a party.
func (l *Ledger) Deal(to Party, bytes int64) {
	if bytes > 0 && l.Source == FromDealer {
		l.Dealt = append(l.Dealt, Message{l.tag, to, 0, bytes, 0})
	}
}

// Compute records that a party does so many units of a kernel at a moment.
func (l *Ledger) Compute(p Party, at Time, k Kernel, units int64) {
	if units > 0 {
		l.Work = append(l.Work, Work{l.tag, p, k, at, After, units, 0})
	}
}

// Stream records that a party does so many units of a kernel while the message of from moves that arrives at a moment.
func (l *Ledger) Stream(from, p Party, at Time, k Kernel, units int64) {
	l.StreamBatches(from, p, at, k, units, 0)
}

// StreamBatches is Stream of a receiver's work in n parts, each done at once when as large a part of the message is there, before what follows is
// read; a sender makes messages piece by piece.
func (l *Ledger) StreamBatches(from, p Party, at Time, k Kernel, units int64, n int) {
	when := Receiving
	if p == from {
		when = Sending
	}
	if units > 0 {
		l.Work = append(l.Work, Work{l.tag, p, k, at, when, units, int32(n)})
	}
}

// Take records that a party does so many units of a kernel while it takes in what a dealer sends, beside whatever else it does.
func (l *Ledger) Take(p Party, k Kernel, units int64) {
	if units > 0 {
		l.Work = append(l.Work, Work{l.tag, p, k, 0, Receiving, units, 0})
	}
}

// takes tells whether the work is of what a dealer sends: no message of the peer's comes at moment 0.
func (w *Work) takes() bool { return w.At == 0 && w.When == Receiving }

// Both is Compute for both computing parties, each at its moment.
func (l *Ledger) Both(at Ready, k Kernel, units int64) {
	l.Compute(Client, at[Client], k, units)
	l.Compute(Server, at[Server], k, units)
}

// Traffic is what one op, or a whole phase, puts on the wire between the two parties.
type Traffic struct {
	ClientSent int64 `json:"client_sent"`
	ServerSent int64 `json:"server_sent"`
	Rounds     int   `json:"rounds"`
}

// Add sums traffic.
func (t *Traffic) Add(o Traffic) {
	t.ClientSent += o.ClientSent
	t.ServerSent += o.ServerSent
	t.Rounds += o.Rounds
}

// Sent gives the counter of one party.
func (t *Traffic) Sent(p Party) *int64 {
	if p == Client {
		return &t.ClientSent
	}
	return &t.ServerSent
}

// ByTag gives the traffic of every tag in one phase. All parts of one direction and round travel in one message; its
// frame headers belong to its first part, and so does the round.
func (l *Ledger) ByTag(phase Phase) map[int]Traffic {
	type slot struct {
		at   Time
		from Party
	}
	type total struct {
		bytes int64
		first int
	}
	slots := map[slot]*total{}
	rounds := map[Time]int{} // round → tag of its first part
	out := map[int]Traffic{}
	for _, m := range l.Messages {
		if m.Sent.Phase() != phase {
			continue
		}
		s := slot{m.Sent, m.From}
		if slots[s] == nil {
			slots[s] = &total{first: m.Tag}
		}
		slots[s].bytes += m.Bytes
		if _, ok := rounds[m.Sent]; !ok {
			rounds[m.Sent] = m.Tag
		}
		t := out[m.Tag]
		*t.Sent(m.From) += m.Bytes
		out[m.Tag] = t
	}
	for s, total := range slots {
		t := out[total.first]
		*t.Sent(s.from) += FrameBytes(total.bytes) - total.bytes
		out[total.first] = t
	}
	for _, tag := range rounds {
		t := out[tag]
		t.Rounds++
		out[tag] = t
	}
	return out
}

// Total sums a phase.
func (l *Ledger) Total(phase Phase) Traffic {
	var bytes [][2]int64
	return l.total(phase, &bytes)
}

// total is Total in memory that it is given: the bytes of each moment, by sender.
func (l *Ledger) total(phase Phase, bytes *[][2]int64) (sum Traffic) {
	b := (*bytes)[:0]
	for _, m := range l.Messages {
		if m.Sent.Phase() != phase {
			continue
		}
		for m.Sent.Depth() >= len(b) {
			b = append(b, [2]int64{})
		}
		b[m.Sent.Depth()][m.From] += m.Bytes
	}
	for _, m := range b {
		sum.ClientSent += FrameBytes(m[Client])
		sum.ServerSent += FrameBytes(m[Server])
		if m != [2]int64{} {
			sum.Rounds++
		}
	}
	*bytes = b
	return sum
}

// BitBytes is the size of n values of width bits each, packed.
func BitBytes(n int64, width int) int64 { return (n*int64(width) + 7) / 8 }
