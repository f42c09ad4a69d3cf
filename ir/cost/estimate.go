package cost

// Estimated is what a session of a ledger takes on a target.
type Estimated struct {
	Offline Expected
	Online  Expected // from when both parties have the material and their inputs
	// EnergyMJ is what both parties draw in both phases, where the target has watts.
	EnergyMJ float64
}

// Expected is what a phase takes: bytes and rounds are exact, times are the target's, Low and High with all of its prices at either end of
// their spread.
type Expected struct {
	MS, Low, High float64
	Traffic
	BusyMS [2]float64      // by party: what of it its cores work, summed over cores
	ByTag  map[int]float64 // ms, by op: what the client computes, sends or waits for; they sum to MS
	// WorkMS is each party's work by op, on one core, messages included: who makes whom wait.
	WorkMS map[int][2]float64
}

// Estimate says what a session of one run takes: the two parties' work and messages, played against each other at a target's prices.
func Estimate(l *Ledger, t Target) Estimated {
	var e Estimated
	_, e.Offline = Between(nil, l, t)
	e.Online, _ = Between(l, nil, t)
	e.EnergyMJ = t.energy(&e)
	return e
}

// Between estimates what lies between the material of one run of a session and that of the next: the online phase of run, beside which a dealer makes
// the material of next, and the offline phase of next, with what is left of the dealing. Where nobody deals the two are those of Estimate.
// No run: next is the session's first, whose material is asked for as its offline phase begins. No next: nothing is asked for while run is online.
func Between(run, next *Ledger, t Target) (online, offline Expected) {
	var s simulation
	var b books
	for _, spreads := range []float64{-1, 1, 0} { // the middle one last, which has more to tell
		r := t.rates(spreads)
		if run != nil {
			b.keep(&s, run.tags())
			online.take(spreads, s.ahead(run, next, r), &b, &s)
		}
		if next != nil {
			b.keep(&s, next.tags())
			offline.take(spreads, s.behind(run != nil, next, r), &b, &s)
		}
	}
	if run != nil {
		online.Traffic = run.Total(Online)
	}
	if next != nil {
		offline.Traffic = next.Total(Offline)
	}
	return online, offline
}

// take takes what a play at prices so many spreads off says.
func (x *Expected) take(spreads, ms float64, b *books, s *simulation) {
	switch {
	case spreads < 0:
		x.Low = ms
		return
	case spreads > 0:
		x.High = ms
		return
	}
	x.MS, x.Low, x.High = ms, min(x.Low, ms), max(x.High, ms) // where dearer pieces happen to overlap better
	x.ByTag = map[int]float64{}
	for i, ns := range b.byTag {
		if ns > 0 {
			x.ByTag[i-1] = ns / nsPerMS
		}
	}
	for p, ns := range b.busy {
		x.BusyMS[p] = ns / nsPerMS
	}
	x.WorkMS = s.workMS()
}

const nsPerMS = 1e6

// ms plays a phase by itself. The offline phase ends when both parties have ended it; the online one when the client has.
func (s *simulation) ms(l *Ledger, phase Phase, r *rates) float64 {
	s.lay(l, phase, r)
	return s.play(phase, r)
}

// ahead plays the online phase of a run while a dealer begins with the material of the next, if there is one.
func (s *simulation) ahead(run, next *Ledger, r *rates) float64 {
	s.lay(run, Online, r)
	if next != nil {
		s.deal(next, r)
	}
	return s.play(Online, r)
}

// behind plays the offline phase of a run; if another run was played before, what was dealt in that is there.
func (s *simulation) behind(another bool, l *Ledger, r *rates) float64 {
	s.lay(l, Offline, r)
	if !another {
		return s.play(Offline, r)
	}
	s.dealt.since(s.now)
	return s.goOn(Offline, r)
}

// play is ms of a phase that is laid out.
func (s *simulation) play(phase Phase, r *rates) float64 {
	s.dealt.begin()
	return s.goOn(phase, r)
}

// goOn is play with a dealer who is so far.
func (s *simulation) goOn(phase Phase, r *rates) float64 {
	s.reset(r)
	s.run()
	end := s.actors[Client].end
	if phase == Offline {
		end = max(end, s.actors[Server].end)
	}
	return end / nsPerMS
}

// tags is one more than the greatest tag.
func (l *Ledger) tags() int {
	n := 0
	for _, m := range l.Messages {
		n = max(n, m.Tag+1)
	}
	for _, w := range l.Work {
		n = max(n, w.Tag+1)
	}
	return n
}

// energy is milliwatt-seconds: what the machines draw idle for the whole time, and what their cores draw besides while they work.
func (t Target) energy(e *Estimated) (mj float64) {
	for p := range 2 {
		m := t.MachineOf(Party(p))
		if m.BusyWatts == nil {
			return 0
		}
		busy := e.Offline.BusyMS[p] + e.Online.BusyMS[p]
		mj += (m.BusyWatts.Value - m.IdleWatts.Value) * busy / float64(m.Cores)
		if !t.Shared || Party(p) == Client {
			mj += m.IdleWatts.Value * (e.Offline.MS + e.Online.MS)
		}
	}
	return mj
}

// rates are a target's prices at one end of their spreads, or in the middle.
type rates struct {
	prices [3][Kernels]rate // by party, the dealer's last
	cores  [3]int
	shared bool
	byteNS float64 // of the line
	oneWay float64 // ns
	unread float64 // bytes that a party may send before the peer reads
}

// rate is a price without its story.
type rate struct{ one, all, busy, fixed, meet float64 }

// units is the work of n units, without the call.
func (r *rate) units(n float64) nanoseconds { return nanoseconds{r.one * n, r.all * n, r.busy * n} }

// once is what a call takes beside its units.
func (r *rate) once() nanoseconds { return nanoseconds{r.fixed, r.fixed, r.meet} }

// call is a call of n units.
func (r *rate) call(n float64) nanoseconds { return r.units(n).plus(r.once()) }

func (r *rates) of(p Party, k Kernel) *rate { return &r.prices[p][k] }

// rates gives the prices so many spreads dearer than they are: -1, 0 or 1.
func (t Target) rates(spreads float64) *rates {
	r := &rates{shared: t.Shared}
	r.link(t.Link, spreads)
	for _, p := range []Party{Client, Server, Dealer} {
		m := t.MachineOf(p)
		r.cores[p] = m.Cores
		for k, price := range m.Prices {
			f := 1 + spreads*price.Spread
			r.prices[p][k] = rate{f * price.NS, f * price.all(), f * price.busy(m.Cores), f * price.CallNS, f * price.CallNS}
			if t.Shared {
				r.prices[p][k].meet = f * price.meet()
			}
		}
	}
	return r
}

// link sets the prices of a link.
func (r *rates) link(l Link, spreads float64) {
	r.byteNS = 1e9 / l.BytesPerSecond.Value * (1 + spreads*l.BytesPerSecond.Spread)
	r.oneWay = nsPerMS * l.OneWayMS.Value * (1 + spreads*l.OneWayMS.Spread)
	r.unread = r.unreadBytes()
}
