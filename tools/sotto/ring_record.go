package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/passes/search"
	"sotto/tools/sotto/engine"
)

// The record of a training in fixed point in the clear, on data that may be known, by which a private one of the same program knows beforehand that its
// numbers fit the ring: two servers that compute on shares see no overflow.

// ringRun is what must be the same of a run in public and a private one, for the one to say something of the other.
type ringRun struct {
	Program string `json:"program"` // of programOf
	Rates   string `json:"rates"`
	Init    string `json:"init"`
}

// programOf tells steps in fixed point apart: of weights, and of logits if there are some.
func programOf(steps ...*ir.Func) string {
	var each []string
	for _, f := range steps {
		each = append(each, fingerprint(f))
	}
	return strings.Join(each, "-")
}

// ringRecord says how far every value of a run's steps came.
type ringRecord struct {
	head
	Net  string `json:"net"`
	Data string `json:"data"`
	ringRun
	Steps  int            `json:"steps"`
	Least  engine.Margin  `json:"least_margin"`
	Values []engine.Reach `json:"values"`
}

// beginsWith names the weights that a training begins with.
func beginsWith(init string, seed uint64) string {
	return cmp.Or(init, fmt.Sprintf("%s%d", randomWeights, seed))
}

// ringRun is what is the same of this training in public and in private, but for the program.
func (f *trainFlags) ringRun(program string) (ringRun, error) {
	rates, err := json.Marshal(f.Schedule)
	return ringRun{program, string(rates), beginsWith(f.init, f.Seed)}, err
}

// ringRun is that of a search with one weight of the price.
func (f *searchFlags) ringRun(program string, weight float64) (ringRun, error) {
	rates, err := json.Marshal(f.settings.gradient(0, weight))
	init := beginsWith(f.init, f.settings.Seed)
	if n := f.settings.Pretrain; n > 0 {
		init = fmt.Sprintf("%s, trained for %d epochs", init, n)
	}
	return ringRun{program, string(rates), init}, err
}

// record writes it of a whole training.
func (t *training) record(path string) error {
	of, err := t.flags.ringRun(programOf(t.fixed.Steps()...))
	if err != nil {
		return err
	}
	steps, _ := t.method.Progress()
	return writeJSON(path, ringRecord{version1, t.net.fn().Name, t.data.Name, of, steps, *t.fixed.Least(), t.fixed.Reached()})
}

// record writes it of a whole search, if that is asked for.
func (s *searcher) record(e search.Engine, weight float64) error {
	fixed, ok := e.(*engine.Fixed)
	if !ok || s.f.ranges == "" {
		return nil
	}
	of, err := s.f.ringRun(programOf(fixed.Steps()...), weight)
	if err != nil {
		return err
	}
	return writeJSON(s.f.ranges, ringRecord{version1, s.n.fn().Name, s.goal.Data, of, s.f.settings.gradient(s.steps(), weight).Turns(), *fixed.Least(), fixed.Reached()})
}

func addRangesFlag(c *cobra.Command, ranges *string) {
	c.Flags().StringVar(ranges, "ranges", "", "with --ring 64: write how far every value came to this `file`; with --private: the file that such a run on public data wrote")
}

// checkRecord refuses what would write no record of a whole run.
func checkRecord(path string, fixed, resume bool) error {
	switch {
	case path != "" && !fixed:
		return usagef("--ranges is of fixed point: accepted with --ring 64, and with --private")
	case path != "" && resume:
		return usagef("--ranges with --resume: accepted is a run from the beginning, as what was reached before is not kept")
	}
	return nil
}

// openRecord reads a record of a program.
func openRecord(path, program string) (*ringRecord, error) {
	r := new(ringRecord)
	if err := readJSON(path, r); err != nil {
		return nil, err
	}
	switch {
	case r.Sotto != version1.Sotto || r.Program == "":
		return nil, fmt.Errorf("%s: no record of a run in fixed point: accepted is what `sotto train --ring 64 --ranges` wrote, or search", path)
	case r.Program != program:
		return nil, fmt.Errorf("%s is of another step: accepted is one that `sotto train --ring 64 --ranges`, or search, wrote for the same network with the same decisions, --batch, --frac, "+
			"--softmax, --optimiser, --momentum, --decay and --smoothing", path)
	}
	return r, nil
}

// enough is by how many bits the ring, and the domain of roots, have to hold more than a public run reached: what calibrated ranges of inference allow, twice what was seen, and one more,
// as rounding leads two trainings of the same data apart.
const enough = 2

// fitsRing holds the record of a public run against a private one of so many steps, and gives its margin, or says that there is none.
func (a *app) fitsRing(path string, of ringRun, steps int) (*engine.Margin, error) {
	if path == "" {
		a.notice("no --ranges: nothing says that numbers of this run stay in the ring, and no server sees one that does not; the same with --ring 64 --ranges FILE on public data does")
		return nil, nil
	}
	r, err := openRecord(path, of.Program)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Rates != of.Rates:
		return nil, fmt.Errorf("%s is of the rates %s, this run has %s: accepted is one with the same", path, r.Rates, of.Rates)
	case of.Init != "" && r.Init != of.Init:
		return nil, fmt.Errorf("%s is of a run that began with %s, this one begins with %s: accepted is one from the same weights (--init, --seed; of a search, --pretrain 0)", path, r.Init, of.Init)
	case r.Steps < steps:
		return nil, fmt.Errorf("%s is of %d steps, this run makes %d: accepted are as many and more", path, r.Steps, steps)
	case !(r.Least.Bits >= enough):
		return nil, fmt.Errorf("%s: on %s the bounds were %.1f bits away at %s: accepted are %d and more, with fewer fraction bits (--frac), a smaller rate, or smaller images where it is a root's", path, r.Data, r.Least.Bits, r.Least.At, enough)
	}
	a.notice("on %s the bounds were %.1f bits away at the nearest, at %s", r.Data, r.Least.Bits, r.Least.At)
	return &r.Least, nil
}

// What trained numbers do not come near unless others left the ring before, which makes weights of hundreds and thousands: of weights, and of what normalisations
// keep, whose variances have roots up to there (passes/fixedstep).
const (
	mostWeight = 1 << 8
	mostKept   = 1 << 12
)

// most is how far a tensor may have come: a few times as far as in public, if that was more than one, and a variance no farther than its root is computed.
func (r *ringRecord) most(path string) float64 {
	const times = 16
	switch {
	case r == nil && strings.Contains(path, ".running_"):
		return mostKept
	case r == nil:
		return mostWeight
	}
	reached := 1.
	for _, v := range r.Values {
		if v.Path == path {
			reached = max(reached, v.Most)
		}
	}
	if strings.HasSuffix(path, ".running_var") {
		return min(times*reached, mostKept)
	}
	return times * reached
}

// tellOwners says in which order several owners' images stand.
func (t *privateTraining) tellOwners() {
	if all := t.set.Owners(); len(all) > 1 {
		var each []string
		for _, o := range all {
			each = append(each, fmt.Sprintf("%s of %x", count(int64(o.Images)), o.Set[:4]))
		}
		t.app.notice("images of %d owners, in the order of their splittings: %s", len(all), strings.Join(each, ", "))
	}
}
