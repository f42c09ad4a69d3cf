package cost

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"sync"
)

// Layouts lay ledgers out at the prices of a target's machines, to be estimated on many links: what Estimate plays, without the ends of the
// prices' spreads. Phases that come to the same are kept once. Several goroutines may use them at a time.
type Layouts struct {
	rates *rates

	mu      sync.Mutex // of what follows
	scratch timeline
	seed    maphash.Seed
	known   map[uint64]*Laid
}

// Laid is a phase that is laid out, which several goroutines may play at a time.
type Laid struct {
	timeline
	rates *rates
	phase Phase
	tags  int
	bound bound
}

// NewLayouts starts laying out at a target's prices.
func NewLayouts(t Target) *Layouts {
	return &Layouts{rates: t.rates(0), seed: maphash.MakeSeed(), known: map[uint64]*Laid{}}
}

// Lay lays a ledger out, by phase.
func (x *Layouts) Lay(l *Ledger) (phases [2]*Laid) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, phase := range []Phase{Offline, Online} {
		x.scratch.lay(l, phase, x.rates)
		phases[phase] = x.keep(phase, l.tags())
	}
	return phases
}

// keep gives the phase on the scratch, or an equal one that is kept already.
func (x *Layouts) keep(phase Phase, tags int) *Laid {
	key := x.scratch.digest(x.seed, phase, tags)
	if p := x.known[key]; p != nil {
		return p
	}
	p := &Laid{timeline: x.scratch.compact(), rates: x.rates, phase: phase, tags: tags}
	p.bound = x.rates.bound(&p.timeline)
	x.known[key] = p
	return p
}

// plays are what is worked on while a phase is played.
var plays = sync.Pool{New: func() any { return new(simulation) }}

// Play gives the milliseconds that a phase takes on a link, and those of the ops, by tag from SessionTag on.
func (p *Laid) Play(link Link) (ms float64, byTag []float64) {
	r := *p.rates
	r.link(link, 0)
	s := plays.Get().(*simulation)
	defer plays.Put(s)
	var b books
	b.keep(s, p.tags)
	s.timeline = p.timeline
	ms = s.play(p.phase, &r)
	for i := range b.byTag {
		b.byTag[i] /= nsPerMS
	}
	return ms, b.byTag
}

// digest tells timelines apart by what a play of them depends on; two of a billion that differ and share theirs are not to be expected.
func (tl *timeline) digest(seed maphash.Seed, phase Phase, tags int) uint64 {
	var h maphash.Hash
	var b [8]byte
	h.SetSeed(seed)
	number := func(x uint64) {
		binary.LittleEndian.PutUint64(b[:], x)
		h.Write(b[:])
	}
	var all [6 * 8]byte // of a piece
	part := func(p *piece) {
		for i, x := range [...]float64{p.work.one, p.work.all, p.work.busy, p.bytes, p.upTo} {
			binary.LittleEndian.PutUint64(all[8*i:], math.Float64bits(x))
		}
		slots := uint64(0)
		if p.slots {
			slots = 1
		}
		binary.LittleEndian.PutUint64(all[5*8:], uint64(p.tag)<<1|slots)
		h.Write(all[:])
	}
	number(uint64(phase))
	number(uint64(tags))
	for _, m := range tl.moments {
		number(uint64(m.at))
		for p := range m.end {
			for _, end := range m.end[p] {
				number(uint64(end))
			}
			answers := &m.answers[p] // what else is in it follows from the pieces
			number(uint64(answers.end))
			number(math.Float64bits(answers.parcels))
			number(math.Float64bits(answers.heard.from))
		}
	}
	for p := range tl.pieces {
		part(&tl.dealing.sending[p])
		part(&tl.dealing.taking[p])
		for _, list := range tl.pieces[p] {
			for i := range list {
				part(&list[i])
			}
		}
	}
	number(uint64(tl.dealing.pieces))
	part(&tl.dealing.making)
	return h.Sum64()
}

// compact is the timeline in memory of its own, of which it has no more than a play needs.
func (tl *timeline) compact() timeline {
	out := timeline{moments: append([]moment(nil), tl.moments...), dealing: tl.dealing}
	for p := range tl.pieces {
		for w, list := range tl.pieces[p] {
			out.pieces[p][w] = append([]piece(nil), list...)
		}
	}
	return out
}
