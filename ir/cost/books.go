package cost

// books are where time goes in a play.
type books struct {
	byTag []float64  // the client's ns, by tag + 1
	busy  [2]float64 // core-nanoseconds, by party
}

// keep has a simulation write books on what it plays next, of ops with tags below some number.
func (b *books) keep(s *simulation, tags int) {
	*b = books{byTag: make([]float64, tags+1)}
	s.watch = func(step float64) { b.add(s, step) }
}

// add adds a stretch of time to what the client is at, and to the cores that are busy.
func (b *books) add(s *simulation, step float64) {
	if s.phase() == Offline || !s.actors[Client].done { // nobody waits for what the server does on
		b.byTag[s.clientTag()+1] += step
	}
	for _, t := range s.running {
		if t.p == Dealer {
			continue
		}
		free := s.r.free(t.p, t.among)
		if work := &t.piece.work; work.all == work.one {
			free = min(free, 1)
		}
		b.busy[t.p] += step * free
	}
}

// clientTag is the op that the client computes, waits for, or sends.
func (s *simulation) clientTag() int {
	a := &s.actors[Client]
	if a.done {
		return SessionTag
	}
	order := []When{Receiving, Sending}
	if a.computing {
		order = []When{After}
	}
	for _, w := range order {
		if x := &a.lanes[w]; x.at < x.end {
			return int(x.pieces[x.at].tag)
		}
	}
	return SessionTag
}
