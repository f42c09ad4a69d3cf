package cost

// A bound is what a phase takes at least, found in a walk over its moments instead of a play of its pieces: messages on the longest chain
// wait for each other, a line carries a byte at a time, a party's lane works through its pieces in their order, and the cores of a machine
// have to do all of its work.
type bound struct {
	steps []step
	cores float64 // ns that the busiest machine's cores need
	dealt dealing
}

// step is a moment, set-up's two as one, by party, in bytes and nanoseconds with all cores.
type step struct {
	moving  [2]float64 // while messages move
	after   [2]float64
	bytes   [2]float64 // that the party sends
	sending [2]float64 // of moving
	reading [2]float64
	// Of the first piece that it sends, and of the last with what it takes to read that.
	firstWork, firstBytes, lastBytes, lastRead [2]float64
	answer                                     [2]answer // of set-up
	// answers tells whose message began at the moment before, while what it answers arrived. What was worked for it then is not counted here.
	answers [2]bool
}

// answer is what a party has read of the peer's first message of set-up before it sends the last piece of its second: at least what that
// message says of earlier ops.
type answer struct {
	reading, bytes float64
	lastWork       float64 // to send the piece
}

// bound puts the parts together that are the same on every link.
func (r *rates) bound(tl *timeline) bound {
	var b bound
	var busy [3]float64
	last := tl.lastSent()
	for p := range tl.pieces {
		for w, list := range tl.pieces[p] {
			for i := range list {
				if Party(p) == Server && tl.phase() == Online && i >= last[w] {
					break // the client may have ended
				}
				busy[p] += list[i].work.least(r.cores[p])
			}
		}
	}
	for p := range 2 {
		b.cores = max(b.cores, busy[p]/float64(r.cores[p]))
	}
	if r.shared {
		b.cores = (busy[Client] + busy[Server]) / float64(r.cores[Client])
	}
	if len(tl.moments) > 0 {
		b.dealt = tl.dealing
	}
	var from [2][3]int
	var began [2]int // by party: the first piece that it sends no earlier than at the moment
	setup := tl.setup()
	for i := setup.skip(0); i < len(tl.moments); i = setup.skip(i + 1) {
		b.steps = append(b.steps, r.step(tl, from, tl.moments[i].end, began))
		if i == setup[1] && i > setup[0] {
			b.steps[len(b.steps)-1].answer = tl.answers(from, setup)
		}
		from = tl.moments[i].end
		for p := range began {
			began[p] = tl.moments[i].answers[p].end
		}
	}
	return b
}

// step sums the pieces of a moment, given what was begun before it.
func (r *rates) step(tl *timeline, from, to [2][3]int, began [2]int) (s step) {
	for p := range tl.pieces {
		var lane [3]float64
		cores := 0.0
		for w, list := range tl.pieces[p] {
			for i := from[p][w]; i < to[p][w]; i++ {
				x := &list[i]
				s.bytes[p] += x.bytes
				if When(w) == Sending && i < began[p] {
					s.answers[p] = true
					continue
				}
				lane[w] += x.work.quickest()
				if When(w) != After {
					cores += x.work.least(r.cores[p])
				}
			}
		}
		s.moving[p], s.after[p] = max(lane[Sending], lane[Receiving], cores/float64(r.cores[p])), lane[After]
		s.sending[p], s.reading[p] = lane[Sending], lane[Receiving]
		if first, end := from[p][Sending], to[p][Sending]; end > first {
			list := tl.pieces[p][Sending]
			s.firstWork[p], s.firstBytes[p], s.lastBytes[p] = list[first].work.quickest(), list[first].bytes, list[end-1].bytes
			s.lastRead[p] = tl.pieces[1-p][Receiving][end-1].work.quickest()
		}
	}
	return s
}

// answers finds what set-up's second messages wait for.
func (tl *timeline) answers(from [2][3]int, setup setupMoments) (out [2]answer) {
	first, second := tl.moments[setup[0]].end, tl.moments[setup[1]].end
	for p := range out {
		if second[p][Sending] == first[p][Sending] {
			continue
		}
		last := tl.pieces[p][Sending][second[p][Sending]-1]
		a := answer{lastWork: last.work.quickest()}
		for i := from[p][Receiving]; i < first[p][Receiving] && tl.pieces[p][Receiving][i].tag < last.tag; i++ {
			a.reading += tl.pieces[p][Receiving][i].work.quickest()
			a.bytes += tl.pieces[1-p][Sending][i].bytes
		}
		if a.bytes > 0 {
			out[p] = a
		}
	}
	return out
}

// lastSent counts, by When, the server's pieces that come before its last message: those of earlier moments.
func (tl *timeline) lastSent() (n [3]int) {
	sent := len(tl.pieces[Server][Sending])
	for i := range tl.moments {
		end := tl.moments[i].end[Server]
		if end[Sending] == sent {
			break
		}
		if tl.moments[i].answers[Server].end == sent { // it may leave before what is computed beside it is done
			end[After] = n[After]
		}
		n = end
	}
	return n
}

// phase is that of the moments.
func (tl *timeline) phase() Phase {
	if len(tl.moments) == 0 {
		return Offline
	}
	return tl.moments[0].at.Phase()
}

// quickest is the time of work to which no other leaves fewer cores than all.
func (n nanoseconds) quickest() float64 { return min(n.all, n.busy) }

// least is how many core-nanoseconds the work takes at least, on so many cores.
func (n nanoseconds) least(cores int) float64 { return min(n.busy, n.all*float64(cores)) }

// Least gives milliseconds that a phase takes on a link at least: Play is never faster. It takes a thousandth of the time.
func (p *Laid) Least(link Link) float64 {
	r := *p.rates
	r.link(link, 0)
	ns := p.bound.on(&r, p.phase)
	return ns / nsPerMS * (1 - rounding)
}

// rounding is how much sums in another order may differ, as a part.
const rounding = 1e-9

// on walks over the moments of a phase.
func (b *bound) on(r *rates, phase Phase) float64 {
	var free, line [2]float64   // when a party comes to the moment, and when all that it sent has left
	var first, whole [2]float64 // when the first piece of the message of the moment before was at a party, and all of it
	for i := range b.steps {
		s := &b.steps[i]
		end := [2]float64{free[0] + s.moving[0], free[1] + s.moving[1]}
		var begin, sent [2]float64
		for p := range free {
			begin[p], sent[p] = free[p], free[p]+s.sending[p]
			if s.answers[p] {
				begin[p], sent[p] = first[p], whole[p]
			}
			begin[p] = max(line[p], begin[p]+s.firstWork[p])
		}
		for p := range free {
			if s.bytes[p] == 0 {
				continue
			}
			begins := begin[p]
			line[p] = max(begins+s.bytes[p]*r.byteNS, sent[p]+s.lastBytes[p]*r.byteNS)
			if a := &s.answer[p]; a.bytes > 0 {
				heard := begin[1-p] + r.oneWay + max(a.bytes*r.byteNS, s.firstBytes[1-p]*r.byteNS+a.reading)
				line[p] = max(line[p], heard+a.lastWork+s.lastBytes[p]*r.byteNS)
			}
			first[1-p], whole[1-p] = begins+s.firstBytes[p]*r.byteNS+r.oneWay, line[p]+r.oneWay
			end[1-p] = max(end[1-p], whole[1-p]+s.lastRead[p], first[1-p]+s.reading[1-p])
		}
		free = [2]float64{end[0] + s.after[0], end[1] + s.after[1]}
	}
	ns := free[Client]
	if phase == Offline {
		ns = max(ns, free[Server])
	}
	return max(ns, b.cores, b.dealt.least(r))
}

// least is the time from the beginning of a dealing to when both parties have it, at least: a piece goes through all stations, and all of them
// through the slowest.
func (d *dealing) least(r *rates) (ns float64) {
	if d.pieces == 0 {
		return 0
	}
	n := float64(d.pieces)
	for p := range d.sending {
		made, sent, taken := d.making.work.quickest(), d.sending[p].work.quickest(), d.taking[p].work.quickest()
		line := d.sending[p].bytes * r.byteNS
		ns = max(ns, made+sent+line+taken+r.oneWay+(n-1)*max(made, sent, line, taken))
	}
	return ns
}
