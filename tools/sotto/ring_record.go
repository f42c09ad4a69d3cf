package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"sotto/passes/search"
	"sotto/tools/sotto/engine"
)

// The record of a training in fixed point in the clear, on data that may be known, by which a private one of the same program knows beforehand that its
// numbers fit the ring: two servers that compute on shares see no overflow.

// ringRecord says how far every value of a step came.
type ringRecord struct {
	head
	Net      string          `json:"net"`
	Program  string          `json:"program"` // fingerprint of the step in fixed point
	Data     string          `json:"data"`
	Init     string          `json:"init"`
	Schedule search.Schedule `json:"schedule"`
	Steps    int             `json:"steps"`
	Least    engine.Margin   `json:"least_margin"`
	Values   []engine.Reach  `json:"values"`
}

// beginsWith names the weights that a training begins with.
func beginsWith(f *trainFlags) string {
	return cmp.Or(f.init, fmt.Sprintf("%s%d", randomWeights, f.Seed))
}

// record writes it of a whole run.
func (t *training) record(path string) error {
	steps, _ := t.method.Progress()
	return writeJSON(path, ringRecord{version1, t.net.fn().Name, fingerprint(t.fixed.Program()), t.data.Name, beginsWith(t.flags), t.flags.Schedule, steps,
		*t.fixed.Least(), t.fixed.Reached()})
}

// checkRecord refuses what would write no record of a whole run.
func (f *trainFlags) checkRecord(fixed bool) error {
	switch {
	case f.ranges != "" && !fixed:
		return usagef("--ranges is of training in fixed point: accepted with --ring 64, and with --private")
	case f.ranges != "" && f.resume:
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
		return nil, fmt.Errorf("%s: no record of a training in fixed point: accepted is what `sotto train --ring 64 --ranges` wrote", path)
	case r.Program != program:
		return nil, fmt.Errorf("%s is of another step: accepted is one that `sotto train --ring 64 --ranges` wrote for the same network with the same decisions, --batch, --frac, --softmax, "+
			"--optimiser, --momentum, --decay and --smoothing", path)
	}
	return r, nil
}

// enough is by how many bits the ring has to hold more than a public run reached: what calibrated ranges of inference allow, twice what was seen, and one more,
// as rounding leads two trainings of the same data apart.
const enough = 2

// fitsRing holds the record of a public run against a training of so many steps, and gives its margin, or says that there is none.
func (a *app) fitsRing(f *trainFlags, program string, steps int) (*engine.Margin, error) {
	path := f.ranges
	if path == "" {
		a.notice("no --ranges: nothing says that numbers of this training stay in the ring, and no server sees one that does not; `sotto train --ring 64 --ranges FILE` on public data does")
		return nil, nil
	}
	r, err := openRecord(path, program)
	if err != nil {
		return nil, err
	}
	mine, err := json.Marshal(f.Schedule)
	if err != nil {
		return nil, err
	}
	theirs, err := json.Marshal(r.Schedule)
	if err != nil {
		return nil, err
	}
	switch {
	case string(mine) != string(theirs):
		return nil, fmt.Errorf("%s is of the rates %s, this training has %s: accepted is a run with the same", path, theirs, mine)
	case r.Init != beginsWith(f):
		return nil, fmt.Errorf("%s is of a training that began with %s, this one begins with %s: accepted is a run from the same weights (--init, --seed)", path, r.Init, beginsWith(f))
	case r.Steps < steps:
		return nil, fmt.Errorf("%s is of %d steps, this training makes %d: accepted are as many and more", path, r.Steps, steps)
	case !(r.Least.Bits >= enough):
		return nil, fmt.Errorf("%s: on %s the bounds of the ring were %.1f bits away at %s: accepted are %d and more, with fewer fraction bits (--frac) or a smaller rate", path, r.Data, r.Least.Bits, r.Least.At, enough)
	}
	a.notice("on %s the bounds of the ring were %.1f bits away at the nearest, at %s", r.Data, r.Least.Bits, r.Least.At)
	return &r.Least, nil
}

// What trained numbers do not come near unless others left the ring before, which makes weights of hundreds and thousands: of weights, and of what normalisations
// keep, whose variances have roots up to there (passes/fixedstep).
const (
	mostWeight = 1 << 8
	mostKept   = 1 << 12
)

// most is how far a tensor may have come: a few times as far as in public, if that was more than one.
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
