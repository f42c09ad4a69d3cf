package explore

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Question is what to search for: phases of a pair of programs on two of a board.
type Question struct {
	Client, Server *program.Program
	Phases         lower.Phases
	Board          target.Board
	Link           cost.Link
	Set            []target.Setting // knobs that are not searched
	// Plans is how many designs are scheduled at most, and of those the board's usual one: without any, the estimate decides. Of long
	// schedules there are fewer: see mostOps.
	Plans int
	// Progress hears of each design that is scheduled and of every so many that are tried. It may be nil.
	Progress func(Progress)
}

// Progress is how far a search is.
type Progress struct {
	Tried      int     // designs
	EstimateMS float64 // of the best
	Plan       int     // that is made, from 1; 0: none yet
	BestMS     float64 // of the best schedule so far, or 0
}

// String says it in words.
func (p Progress) String() string {
	switch {
	case p.Plan == 0:
		return fmt.Sprintf("search: %d designs, the best at about %.3g ms", p.Tried, p.EstimateMS)
	case p.BestMS == 0:
		return fmt.Sprintf("schedule of design %d", p.Plan)
	}
	return fmt.Sprintf("schedule of design %d, the best so far has %.3g ms", p.Plan, p.BestMS)
}

// Candidate is a design and what it comes to.
type Candidate struct {
	Design target.Design `json:"design"`
	Area   target.Area   `json:"area"`
	// Fill is the greatest part of what may be planned of any resource of the board, Scarce that resource.
	Fill        float64         `json:"fill"`
	Scarce      target.Resource `json:"scarce"`
	EstimateMS  float64         `json:"estimate_ms"`
	ScheduledMS float64         `json:"scheduled_ms,omitempty"`
}

// Answer is what a search found.
type Answer struct {
	Best     Candidate   `json:"best"`
	Front    []Candidate `json:"front"`    // designs of which none is both faster, by estimates, and smaller, the fastest first
	Plans    []Candidate `json:"plans"`    // those that were scheduled
	Estimate Estimate    `json:"estimate"` // of the best
	Tried    int         `json:"tried"`
	Plan     *lower.Plan `json:"-"` // of the best, if any was scheduled
}

// Search finds the design that takes least time. A design that the settings force too large is a *target.FitError, a layer that has no room in
// it a *FitError: both name knobs and values with which it fits. A board whose memory is too small is a *target.MemoryError.
func Search(q Question) (*Answer, error) {
	w, err := Of(q.Client, q.Server, q.Phases, q.Link)
	if err != nil {
		return nil, err
	}
	s := &search{Question: q, eval: NewEvaluator(w), seen: map[target.Design]bool{}}
	if s.usual, err = s.start(); err != nil {
		return nil, err
	}
	if err := s.holds(); err != nil {
		return nil, err
	}
	if err := s.climb(s.usual); err != nil {
		return nil, err
	}
	return s.answer()
}

// search is the state of Search.
type search struct {
	Question
	eval  *Evaluator
	seen  map[target.Design]bool
	found []Candidate
	best  Candidate
	usual target.Design // where it starts
}

// holds demands that each board's memory has room for its party's values and weights, whatever the design.
func (s *search) holds() error {
	for p, prog := range []*program.Program{s.Client, s.Server} {
		bytes, err := lower.LeastMemory(prog, s.Phases, s.usual)
		if err != nil {
			return err
		}
		if err := s.Board.Holds(cost.Party(p), bytes); err != nil {
			return err
		}
	}
	return nil
}

// start is the board's usual design with the kernels that the programs need and the knobs that are set, made to fit them.
func (s *search) start() (target.Design, error) {
	d, err := target.ForBoard(s.Board, s.eval.w.Ring)
	if err != nil {
		return d, err
	}
	if d, err = s.trimmed(d).With(s.Set...); err != nil {
		return d, err
	}
	for { // layers that do not fit say what would
		_, err := s.eval.MS(d)
		var lacks *FitError
		if !errors.As(err, &lacks) {
			break
		}
		if s.fixed(lacks.Knob) {
			return d, lacks
		}
		if d, err = d.With(lacks.Setting()); err != nil {
			return d, fmt.Errorf("%w: %w", lacks, err)
		}
	}
	return s.fitted(d)
}

// fitted turns knobs down until the design fits the board, but for those that are set.
func (s *search) fitted(d target.Design) (target.Design, error) {
	var lacks *target.FitError
	if err := d.Fits(s.Board); !errors.As(err, &lacks) {
		return d, err
	}
	needs, _ := s.eval.w.Kernels()
	for _, k := range target.Kernels() {
		if smaller, err := d.With(lacks.Settings...); needs[k] && (err != nil || smaller.Needs(k) != nil) {
			lacks.Settings = nil // they leave out what the programs need
			break
		}
	}
	if len(lacks.Settings) == 0 || slices.ContainsFunc(lacks.Settings, func(set target.Setting) bool { return s.fixed(set.Knob) }) {
		return d, lacks
	}
	return d.With(lacks.Settings...)
}

func (s *search) fixed(knob string) bool {
	return slices.ContainsFunc(s.Set, func(set target.Setting) bool { return set.Knob == knob })
}

// trimmed leaves out the kernels that the programs do not need, and brings those that they do.
func (s *search) trimmed(d target.Design) target.Design {
	needs, slots := s.eval.w.Kernels()
	count := func(k target.Kernel, n int) int {
		if needs[k] {
			return max(n, 1)
		}
		return 0
	}
	d.Depthwise.Lanes = count(target.KernelDepthwise, d.Depthwise.Lanes)
	d.Garble.Count = count(target.KernelGarble, d.Garble.Count)
	d.Evaluate.Count = count(target.KernelEvaluate, d.Evaluate.Count)
	d.OT.AES = count(target.KernelOT, d.OT.AES)
	d.Compare.Lanes = count(target.KernelCompare, d.Compare.Lanes)
	d.Garble.Slots, d.Evaluate.Slots = powerOfTwo(slots), powerOfTwo(slots)
	return d
}

// rounds are the most times that all knobs are tried.
const rounds = 8

// climb tries every value of every knob, and goes on from the best, until none is better; then every two knobs together, of which one may make
// the room that the other takes, until none of these is better either.
func (s *search) climb(d target.Design) error {
	if err := s.try(d); err != nil {
		return err
	}
	for range rounds {
		for range rounds {
			if !s.each() {
				break
			}
		}
		if !s.pairs() {
			break
		}
	}
	return nil
}

// each tries all knobs one by one, and tells whether any was better.
func (s *search) each() bool {
	before := s.best.EstimateMS
	for _, axis := range axes {
		s.tell(Progress{})
		for _, next := range axis.values(s.best.Design) {
			if s.allowed(next) {
				_ = s.try(next) // what does not fit is no candidate
			}
		}
	}
	return s.best.EstimateMS < before
}

// pairs tries all pairs of knobs, and pairs of halves and doubles, and tells whether any was better.
func (s *search) pairs() bool {
	before := s.best.EstimateMS
	for _, one := range scaled(s.best.Design) {
		s.pair(one, scaled)
	}
	for i, first := range axes {
		for _, one := range first.values(s.best.Design) {
			if !s.allowed(one) || s.hopeless(one) {
				continue
			}
			s.tell(Progress{})
			for _, second := range axes[i+1:] {
				s.pair(one, second.values)
			}
		}
	}
	return s.best.EstimateMS < before
}

// pair tries the values of a second knob beside a first one's.
func (s *search) pair(one target.Design, second func(target.Design) []target.Design) {
	for _, both := range append(second(one), one) {
		if ms, err := s.eval.MS(both); err == nil && ms < s.best.EstimateMS && s.allowed(both) {
			_ = s.try(both)
		}
	}
}

// hopeless tells whether the array alone is more than the board has room for.
func (s *search) hopeless(d target.Design) bool {
	part, _ := fill(d.Array().Area(), s.Board.Plannable())
	return part > 1
}

// allowed tells whether a design has what is set.
func (s *search) allowed(d target.Design) bool {
	return !slices.ContainsFunc(s.Set, func(set target.Setting) bool { return !slices.Contains(d.Knobs(), set) })
}

// try makes a design a candidate if it fits.
func (s *search) try(d target.Design) error {
	if s.seen[d] {
		return nil
	}
	s.seen[d] = true
	if err := d.Check(); err != nil {
		return err
	}
	if !d.HasRoom(s.Board) {
		return errNoRoom
	}
	c, err := s.candidate(d)
	if err != nil {
		return err
	}
	s.found = append(s.found, c)
	if s.best.EstimateMS == 0 || better(c, s.best) {
		s.best = c
	}
	return nil
}

// candidate estimates a design.
func (s *search) candidate(d target.Design) (c Candidate, err error) {
	c = Candidate{Design: d, Area: d.AreaOn(s.Board)}
	c.Fill, c.Scarce = fill(c.Area, s.Board.Plannable())
	c.EstimateMS, err = s.eval.MS(d)
	return c, err
}

// errNoRoom is of a design that is no candidate.
var errNoRoom = errors.New("the board has no room for it")

// better is faster or, equally fast, smaller.
func better(a, b Candidate) bool {
	return a.EstimateMS < b.EstimateMS || a.EstimateMS == b.EstimateMS && a.Fill < b.Fill
}

// fill is the greatest part of a resource that an area takes.
func fill(need, have target.Area) (part float64, scarce target.Resource) {
	for _, r := range target.ResourceKinds() {
		if n := need.Of(r); n > 0 && have.Of(r) > 0 {
			if f := float64(n) / float64(have.Of(r)); f > part {
				part, scarce = f, r
			}
		}
	}
	return part, scarce
}

// hardly is how much longer a design may take than the fastest that leaves the board fuller.
const hardly = 1.01

// answer lists the front, and takes of it the smallest that is hardly slower than the fastest: what leaves room is easier to place and
// meets its clock sooner.
func (s *search) answer() (*Answer, error) {
	a := &Answer{Front: front(s.found), Tried: len(s.seen)}
	for _, c := range a.Front {
		if c.EstimateMS <= hardly*a.Front[0].EstimateMS {
			a.Best = c
		}
	}
	if err := s.schedule(a); err != nil {
		return nil, err
	}
	var err error
	a.Estimate, err = s.eval.Estimate(a.Best.Design)
	return a, err
}

// tell says how far the search is.
func (s *search) tell(p Progress) {
	if s.Progress != nil {
		p.Tried, p.EstimateMS = len(s.seen), s.best.EstimateMS
		s.Progress(p)
	}
}

// mostOps is how many operations of schedules the search makes, beyond the first two designs: Tuning, some seconds.
const mostOps = 1 << 21

// schedule lowers what is worth it, and keeps the design whose schedule is shortest. With half of what may be scheduled it goes on from there.
func (s *search) schedule(a *Answer) error {
	p := planner{search: s, answer: a}
	for i, c := range s.worth(a) {
		if i > 1 && !p.affords((s.Plans+1)/2, mostOps/2) || !p.affords(s.Plans, math.MaxInt) {
			break
		}
		if err := p.plan(c); err != nil {
			return err
		}
	}
	for before := a.Best.Design; p.affords(s.Plans, mostOps); before = a.Best.Design {
		for _, c := range p.streams() {
			if p.affords(s.Plans, mostOps) {
				if err := p.plan(c); err != nil {
					return err
				}
			}
		}
		if a.Best.Design == before {
			break
		}
	}
	return nil
}

// planner schedules designs.
type planner struct {
	*search
	answer *Answer
	ops    int // of all schedules
}

// affords tells whether another schedule stays within so many, and so many operations.
func (p *planner) affords(plans, ops int) bool {
	n := len(p.answer.Plans)
	return n < plans && (n == 0 || p.ops+p.ops/n <= ops)
}

// plan schedules a design.
func (p *planner) plan(c Candidate) error {
	a := p.answer
	p.tell(Progress{Plan: len(a.Plans) + 1, BestMS: a.Best.ScheduledMS})
	plan, err := lower.Lower(p.Client, p.Server, p.Phases, [2]target.Design{c.Design, c.Design}, p.Link)
	if err != nil {
		return err
	}
	for i := range plan.Boards {
		if err := p.Board.Holds(cost.Party(i), plan.Boards[i].MemoryBytes()); err != nil {
			return err
		}
	}
	p.ops += len(plan.Ops)
	c.ScheduledMS = 1e3 * plan.Seconds()
	a.Plans = append(a.Plans, c)
	if at := slices.IndexFunc(a.Front, func(f Candidate) bool { return f.Design == c.Design }); at >= 0 {
		a.Front[at] = c
	}
	if a.Plan == nil || c.ScheduledMS < a.Best.ScheduledMS {
		a.Best, a.Plan = c, plan
	}
	return nil
}

// near is how much longer an estimate may be for a schedule that might be shorter.
const near = 1.1

// streams are the best design with tiles and lanes of streaming kernels half or twice as large, as far as they have not been scheduled: when
// what streams asks for the memory is where estimates are worst.
func (p *planner) streams() (all []Candidate) {
	for _, knob := range []func(*target.Design) *int{func(d *target.Design) *int { return &d.Elementwise.Lanes }, func(d *target.Design) *int { return &d.Chunk }} {
		for _, scale := range []func(int) int{func(n int) int { return n / 2 }, func(n int) int { return 2 * n }} {
			d := p.answer.Best.Design
			*knob(&d) = scale(*knob(&d))
			known := func(c Candidate) bool { return c.Design == d }
			if d.Check() != nil || !p.allowed(d) || !d.HasRoom(p.Board) || slices.ContainsFunc(p.answer.Plans, known) {
				continue
			}
			if c, err := p.candidate(d); err == nil && c.EstimateMS < near*p.answer.Best.EstimateMS {
				all = append(all, c)
			}
		}
	}
	return all
}

// worth lists the designs that are worth a schedule: the best by estimate; the board's usual one, which no search should be worse than; and the
// best of each shape of the array and size of tiles, by which schedules differ most from estimates. Of those with tiles of one size that are
// as fast as each other by estimates there is one.
func (s *search) worth(a *Answer) []Candidate {
	all := []Candidate{a.Best}
	if a.Best.Design != s.usual {
		if i := slices.IndexFunc(s.found, func(c Candidate) bool { return c.Design == s.usual }); i >= 0 {
			all = append(all, s.found[i])
		}
	}
	shapes := map[[3]int]Candidate{}
	for _, c := range s.found {
		shape := [3]int{c.Design.Conv.TM, c.Design.Conv.TN, c.Design.Chunk}
		if old, ok := shapes[shape]; !ok || better(c, old) {
			shapes[shape] = c
		}
	}
	sorted := slices.SortedFunc(maps.Values(shapes), func(x, y Candidate) int {
		return cmp.Or(cmp.Compare(x.EstimateMS, y.EstimateMS), cmp.Compare(x.Fill, y.Fill), cmp.Compare(x.Design.Conv.TM, y.Design.Conv.TM), cmp.Compare(x.Design.Chunk, y.Design.Chunk))
	})
	for _, c := range sorted {
		alike := func(o Candidate) bool {
			return c.Design == o.Design || o.Design != s.usual && c.Design.Chunk == o.Design.Chunk && c.EstimateMS < different*o.EstimateMS
		}
		if !slices.ContainsFunc(all, alike) {
			all = append(all, c)
		}
	}
	return all
}

// different is how much longer the estimate of the next design is that is worth a schedule.
const different = 1.01

// front are the candidates of which no other is as fast and as small, the fastest first.
func front(all []Candidate) (out []Candidate) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(x, y Candidate) int {
		return cmp.Or(cmp.Compare(x.EstimateMS, y.EstimateMS), cmp.Compare(x.Fill, y.Fill))
	})
	for _, c := range sorted {
		if len(out) == 0 || c.Fill < out[len(out)-1].Fill {
			out = append(out, c)
		}
	}
	return out
}
