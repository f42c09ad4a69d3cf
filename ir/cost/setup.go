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

// Setup records the base OTs of a session: the sender of an extension sends its points and a fresh hash key, the receiver
// answers with its point and the tree corrections. All instances and both directions cross.
func (l *Ledger) Setup(x Extensions) {
	l.For(SessionTag)
	toReceiver, toSender := SoftSpokenSetupBytes()
	for _, p := range []Party{Client, Server} {
		arrives := l.Send(p, int64(x.Senders(p))*(toReceiver+HashKeyBytes), 0)
		l.Send(p.Other(), int64(x.Senders(p))*toSender, arrives)
	}
}

// maxBatchANDs bounds what is garbled under one (hash key, Delta).
const maxBatchANDs = 1 << 24

// partStep keeps the parts of a layer on word borders of packed bits.
const partStep = 1024

// GarbledParts splits n instances of a circuit of ands gates into batches of at most 2^24 ANDs (at least 1024 instances),
// each garbled under its own key and Delta.
func GarbledParts(n, ands int64) []int64 {
	most := max(maxBatchANDs/max(ands, 1)/partStep*partStep, partStep)
	var parts []int64
	for ; n > most; n -= most {
		parts = append(parts, most)
	}
	return append(parts, n)
}
