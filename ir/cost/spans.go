package cost

// Span is a stretch of a phase in which a party works: computes, sends or receives. What a party does between its spans is waiting.
type Span struct {
	Party    Party
	When     When
	Tag      int     // of the op
	Level    int     // how many of the phase's moments had begun for the party: messages travel between levels
	From, To float64 // ms, from the phase's begin
	Bytes    float64 // sent in it
}

// Spans plays a phase as Estimate does and gives what it saw: of each party and kind of work in the order of time, without overlap.
func Spans(l *Ledger, t Target, phase Phase) []Span {
	var s simulation
	var out []Span
	open := map[[2]int]int{} // by party and kind: the span that may go on
	s.watch = func(step float64) {
		from, to := s.now/nsPerMS, (s.now+step)/nsPerMS
		for _, task := range s.running {
			x := Span{Party: task.p, When: task.when, Tag: int(task.piece.tag), From: from, To: to}
			if task.p != Dealer {
				x.Level = s.actors[task.p].moment
			}
			if task.when == Sending && task.whole > 0 {
				x.Bytes = task.piece.bytes * step / task.whole
			}
			key := [2]int{int(task.p), int(task.when)}
			if k, ok := open[key]; ok && out[k].continues(x) {
				out[k].To, out[k].Bytes = to, out[k].Bytes+x.Bytes
				continue
			}
			open[key] = len(out)
			out = append(out, x)
		}
	}
	s.ms(l, phase, t.rates(0))
	return out
}

// continues tells whether next is more of the same.
func (x Span) continues(next Span) bool {
	return x.Tag == next.Tag && x.Level == next.Level && x.To == next.From
}
