package cost

// extend records the work of n correlated OTs of an instance at both ends, while the message moves that arrives at a moment: Ferret's
// sender sends it, the others' receiver. It gives who sends.
func (l *Ledger) extend(i Instance, sender Party, n int64, at Time) (from Party) {
	send, receive, from := SoftSpokenOT, SoftSpokenOT, sender.Other()
	switch i.OT {
	case Ferret:
		send, receive, from = FerretSend, FerretReceive, sender
	case IKNP:
		send, receive = IKNPOT, IKNPOT
	}
	l.Stream(from, sender, at, send, n)
	l.Stream(from, sender.Other(), at, receive, n)
	return from
}

// pads records that n correlated OTs are hashed into pads as they are made.
func (l *Ledger) pads(from, sender Party, n int64, at Time) {
	l.Stream(from, sender, at, Hash, 2*n)
	l.Stream(from, sender.Other(), at, Hash, n)
}

// baseOTs records those of an instance: its sender makes points before the first message, its receiver keys of them and an answer, which the
// second brings, and the sender makes keys of that.
func (l *Ledger) baseOTs(sender Party) {
	receiver := sender.Other()
	l.Compute(sender, 0, BaseOTPoints, kappa)
	l.Stream(sender, receiver, Start-1, BaseOTKeys, kappa)
	l.Stream(receiver, sender, Start, BaseOTKeys, kappa)
}
