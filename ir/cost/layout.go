package cost

// Layout is a ledger laid out at the prices of a target's machines, to be estimated on many links: what Estimate plays, without the ends of
// the prices' spreads.
type Layout struct {
	phases [2]timeline
	rates  *rates
	tags   int
	s      simulation
}

// Lay lays a ledger out.
func Lay(l *Ledger, t Target) *Layout {
	x := &Layout{rates: t.rates(0), tags: l.tags()}
	for _, phase := range []Phase{Offline, Online} {
		x.phases[phase].lay(l, phase, x.rates)
	}
	return x
}

// On gives the milliseconds that each phase takes on a link, by phase, and those of the ops, by phase and tag, from SessionTag on.
func (x *Layout) On(link Link) (ms [2]float64, byTag [2][]float64) {
	r := *x.rates
	r.link(link, 0)
	for phase, tl := range x.phases {
		x.s.timeline = tl
		ms[phase] = x.s.play(Phase(phase), &r, x.tags)
		byTag[phase] = make([]float64, len(x.s.byTag))
		for i, ns := range x.s.byTag {
			byTag[phase][i] = ns / nsPerMS
		}
	}
	return ms, byTag
}
