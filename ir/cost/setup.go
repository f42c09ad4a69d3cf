package cost

// HashKeyBytes is the size of the key of one instance's hash, which travels with its first set-up message.
const HashKeyBytes = 16

// SetupMark is the byte that opens each of the two messages of a party's set-up: it says which of them it is, and makes
// every set-up two rounds, whoever has extensions to set up.
const SetupMark = 1

// FerretSeedBytes is the size of the seed of one Ferret instance's public matrices, which travels with its hash key.
const FerretSeedBytes = 16

// Begin records what a session takes before it does anything for an op.
func (l *Ledger) Begin() {
	l.For(SessionTag)
	for _, p := range []Party{Client, Server} {
		l.Stream(p, p, Start-1, Begin, 1)
	}
}

// Setup records the set-up of a session's extensions, which the ops recorded afterwards use: base OTs, and of Ferret the base
// that SoftSpoken makes for it. All instances and both directions cross.
func (l *Ledger) Setup(x Extensions) {
	l.extensions = x
	if !x.Any() {
		return
	}
	l.For(SessionTag)
	for _, p := range []Party{Client, Server} {
		var first, second int64 = SetupMark, SetupMark
		for i := range x.sent(p) {
			toReceiver, _ := i.SetupBytes()
			first += toReceiver
			l.baseOTs(p)
			l.keepBase(p, i)
			l.extend(Instance{OT: SoftSpoken}, p, i.Base(), Start)
		}
		for i := range x.sent(p.Other()) {
			_, toSender := i.SetupBytes()
			second += toSender
		}
		l.Send(p, first, 0)
		l.Send(p, second, 1)
	}
}

// Again records what a run takes of a session that has set up the same extensions for an earlier one: nothing, as they go on from where they
// are, but that the first message of each instance of Ferret makes the base of another extension from the last one.
func (l *Ledger) Again(x Extensions) {
	l.extensions, l.again = x, true
	l.For(SessionTag)
	for _, p := range []Party{Client, Server} {
		for i := range x.sent(p) {
			l.keepBase(p, i)
			if i.Silent() {
				l.extend(i, p, i.Base(), Start+1)
			}
		}
	}
}

// keepBase records the memory of an instance's base and of the next extension's, at either end.
func (l *Ledger) keepBase(sender Party, i Instance) {
	l.Keep(sender, 2*blockBytes*i.Base())
	l.Keep(sender.Other(), 2*blockBytes*i.Base())
}

// renewal is what the first of the n OTs of a run take of an instance beside themselves.
func (l *Ledger) renewal(i Instance, first, n int64) int64 {
	if !l.again || first > 0 {
		return 0
	}
	return FerretRenewalBytes(i.Set, n)
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
