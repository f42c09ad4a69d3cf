package choose

import (
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Truncation is a division by a power of two with the ways that there are to compute it. All of them give what the op states: the value
// rounded down, or one more (ir.Op.Slack). The first is never dearer (RATIONALE.md), so that none is searched; the others are priced.
type Truncation struct {
	pass.Site
	Ways []pass.Truncation // that are allowed: one at least
}

// newTruncations gives those of a RING function.
func newTruncations(f *ir.Func) (out []Truncation) {
	for _, site := range pass.TruncationSites(f) {
		out = append(out, Truncation{site, pass.Truncations()})
	}
	return out
}

// Truncate leaves one way for the truncations of some paths.
func (s *Space) Truncate(paths []string, way pass.Truncation) {
	for i := range s.Truncations {
		if t := &s.Truncations[i]; slices.Contains(paths, t.Path) {
			t.Ways = []pass.Truncation{way}
		}
	}
}

// truncation is the way of a truncation in a candidate.
func (s *Space) truncation(c Candidate, i int) pass.Truncation {
	if c.Truncs != nil {
		return c.Truncs[i]
	}
	return s.Truncations[i].Ways[0]
}

// truncated is a candidate with another way of a truncation.
func (s *Space) truncated(c Candidate, i int, way pass.Truncation) Candidate {
	ways := make([]pass.Truncation, len(s.Truncations))
	for j := range ways {
		ways[j] = s.truncation(c, j)
	}
	ways[i] = way
	c.Truncs = ways
	return c
}

// Where a truncation is computed, beside the ways of its own.
const byReader = "by reader" // a circuit, keys or a polynomial takes it in

// truncatedAs tells how an account computes the truncation at a path, and what that takes.
func (s *search) truncatedAs(a *account, path string) (how string, own Times) {
	how = byReader
	owner := make([]int, len(a.m.Funcs[0].Body))
	for tag, v := range a.m.Funcs[0].Body {
		owner[tag] = -1
		if way, ok := truncates(v); ok && pass.SitePath(v) == path {
			how, owner[tag] = string(way), 0
		}
	}
	if how == byReader {
		return how, own
	}
	return how, s.shares(a, owner, 1)[0]
}

// truncates is the way in which an op of SECURE truncates, if it does nothing else.
func truncates(v *ir.Value) (pass.Truncation, bool) {
	switch {
	case v.Is("ot.trunc"):
		return pass.OneCOT, true
	case v.Is("ot.trunc.exact"):
		return pass.ExactTruncation, true
	}
	return "", false
}

// truncationAspects are the aspects of truncations that had a choice.
func (s *search) truncationAspects(c Candidate, a *account) (out []aspect) {
	space := s.of(c.Program)
	for i, t := range space.Truncations {
		if len(t.Ways) < 2 {
			continue
		}
		_, own := s.truncatedAs(a, t.Path)
		out = append(out, aspect{t.Path, t.Op, t.Line, t.Elements, names(t.Ways),
			func(c Candidate) string { return s.truncationAt(c, t.Path) },
			func(c Candidate, o string) Candidate { return space.truncated(c, i, pass.Truncation(o)) }, own})
	}
	return out
}

// truncationAt is how a candidate, in whatever form, computes the truncation at a path.
func (s *search) truncationAt(c Candidate, path string) string {
	a, err := s.account(c)
	if err != nil {
		return "" // it was priced before, so that there is none
	}
	how, _ := s.truncatedAs(a, path)
	return how
}

// truncations are the ways of a candidate's by path.
func (s *Space) truncations(c Candidate) map[string]pass.Truncation {
	out := map[string]pass.Truncation{}
	for i, t := range s.Truncations {
		out[t.Path] = s.truncation(c, i)
	}
	return out
}
