package cost

// Extensions counts the OT-extension instances of a session.
type Extensions struct {
	Pads    [2]bool // by sender: one-time pads from random OTs
	Garbled int     // one a garbled batch: its Delta is the garbling's
}

// Senders gives how many instances a party is the sender of.
func (x Extensions) Senders(p Party) int {
	n := 0
	if x.Pads[p] {
		n++
	}
	if p == Server {
		n += x.Garbled
	}
	return n
}

// HashKeyBytes is the size of the key of one instance's hash, which travels with its first set-up message.
const HashKeyBytes = 16

// SetupMark is the byte that opens each of the two messages of a party's set-up: it says which of them it is, and makes
// every set-up two rounds, whoever has extensions to set up.
const SetupMark = 1

// Any reports whether there is an extension to set up.
func (x Extensions) Any() bool { return x.Senders(Client)+x.Senders(Server) > 0 }

// Setup records the base OTs of a session: the sender of an extension sends its points and a fresh hash key, the receiver
// answers with its point and the tree corrections. All instances and both directions cross.
func (l *Ledger) Setup(x Extensions) {
	if !x.Any() {
		return
	}
	l.For(SessionTag)
	toReceiver, toSender := SoftSpokenSetupBytes()
	for _, p := range []Party{Client, Server} {
		l.Send(p, SetupMark+int64(x.Senders(p))*(toReceiver+HashKeyBytes), 0)
		l.Send(p, SetupMark+int64(x.Senders(p.Other()))*toSender, 1)
	}
}

// maxBatchANDs bounds what is garbled under one (hash key, Delta).
const maxBatchANDs = 1 << 24

// partStep keeps the parts of a layer on word borders of packed bits. wholeStep is taken where a batch has room for it, for
// chunks that are not cut at the end of a part.
const (
	partStep  = 64
	wholeStep = 1024
)

// GarbledParts splits n instances of a circuit of ands gates into batches of at most 2^24 ANDs (at least 64 instances), each
// garbled under its own key and Delta.
func GarbledParts(n, ands int64) []int64 {
	most := maxBatchANDs / max(ands, 1)
	if most >= wholeStep {
		most = most / wholeStep * wholeStep
	} else {
		most = max(most/partStep*partStep, partStep)
	}
	var parts []int64
	for ; n > most; n -= most {
		parts = append(parts, most)
	}
	return append(parts, n)
}

// SeedBytes is the size of the seed that a dealer sends each party, from which it expands all that is uniform in its
// material: an AES-128 key.
const SeedBytes = 16

// Seeds records the seeds of a session whose material comes from a dealer.
func (l *Ledger) Seeds() {
	if l.Source != FromDealer {
		return
	}
	l.For(SessionTag)
	for _, p := range []Party{Client, Server} {
		l.Deal(p, SeedBytes)
	}
}
