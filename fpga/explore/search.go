package explore

import (
	"cmp"
	"errors"
	"fmt"
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
	// Plans is how many of the designs with the best estimates are scheduled; without any, the estimate decides.
	Plans int
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
	Front    []Candidate `json:"front"`    // designs of which none is both faster and smaller, the fastest first
	Estimate Estimate    `json:"estimate"` // of the best
	Tried    int         `json:"tried"`
	Plan     *lower.Plan `json:"-"` // of the best, if any was scheduled
}

// Search finds the design that takes least time. A design that the settings force too large is a *target.FitError, a layer that has no room in
// it a *FitError: both name knobs and values with which it fits.
func Search(q Question) (*Answer, error) {
	w, err := Of(q.Client, q.Server, q.Phases, q.Link)
	if err != nil {
		return nil, err
	}
	s := &search{Question: q, eval: NewEvaluator(w), seen: map[target.Design]bool{}}
	start, err := s.start()
	if err != nil {
		return nil, err
	}
	if err := s.climb(start); err != nil {
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
const rounds = 3

// climb tries every value of every knob, and goes on from the best, until none is better.
func (s *search) climb(d target.Design) error {
	if err := s.try(d); err != nil {
		return err
	}
	for range rounds {
		before := s.best.Design
		for _, axis := range axes {
			for _, next := range axis.values(s.best.Design) {
				if s.allowed(next) {
					_ = s.try(next) // what does not fit is no candidate
				}
			}
		}
		if s.best.Design == before {
			break
		}
	}
	return nil
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
	ms, err := s.eval.MS(d)
	if err != nil {
		return err
	}
	c := Candidate{Design: d, Area: d.AreaOn(s.Board), EstimateMS: ms}
	c.Fill, c.Scarce = fill(c.Area, s.Board.Plannable())
	s.found = append(s.found, c)
	if s.best.EstimateMS == 0 || better(c, s.best) {
		s.best = c
	}
	return nil
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

// schedule lowers the best and those of the front behind it, each a little different from the one before, and keeps the one whose
// schedule is shortest.
func (s *search) schedule(a *Answer) error {
	last := a.Best.EstimateMS / different
	for i := range a.Front {
		c := &a.Front[i]
		if s.Plans == 0 {
			break
		}
		if c.EstimateMS < last*different || c.EstimateMS < a.Best.EstimateMS && a.Plan == nil {
			continue
		}
		s.Plans, last = s.Plans-1, c.EstimateMS
		plan, err := lower.Lower(s.Client, s.Server, s.Phases, [2]target.Design{c.Design, c.Design}, s.Link)
		if err != nil {
			return err
		}
		c.ScheduledMS = 1e3 * plan.Seconds()
		if a.Plan == nil || c.ScheduledMS < a.Best.ScheduledMS {
			a.Best, a.Plan = *c, plan
		}
	}
	return nil
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
