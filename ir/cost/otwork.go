package cost

// otBatch is OTs that one op, or the session, has made in one phase: work that neither its bytes nor its AES calls show.
type otBatch struct {
	tag      int
	phase    Phase
	streamed int64 // correlated OTs of SoftSpoken or IKNP
	silent   int64 // of Ferret
	padded   int64 // of both, those that are hashed into pads
}

// extend records n correlated OTs of an instance, of which some are hashed into pads, from the moment ready on.
func (l *Ledger) extend(i Instance, n, padded int64, ready Time) {
	b := otBatch{tag: l.tag, phase: ready.Phase(), padded: padded}
	if i.Silent() {
		b.silent = n
	} else {
		b.streamed = n
	}
	l.ots = append(l.ots, b)
}

// OTMS estimates the milliseconds that the party with the dearer work takes for the OTs that an op has made in a phase.
func (t Target) OTMS(l *Ledger, tag int, phase Phase) (ms float64) {
	for _, b := range l.ots {
		if b.tag == tag && b.phase == phase {
			ms += t.otBatchMS(b)
		}
	}
	return ms
}

// allOTsMS is OTMS of all ops, the session and both phases.
func (t Target) allOTsMS(l *Ledger) (ms float64) {
	for _, b := range l.ots {
		ms += t.otBatchMS(b)
	}
	return ms
}

func (t Target) otBatchMS(b otBatch) (ms float64) {
	for _, m := range []MachinePrices{t.Client, t.Server} {
		ms = max(ms, (float64(b.streamed)*m.OT.NS+float64(b.silent)*m.SilentOT.NS+float64(b.padded)*m.Pads.NS)/1e6)
	}
	return ms
}
