package frontend

import (
	"slices"
	"strings"

	"sotto/ir/pos"
)

// maxReports bounds the errors of one run; more would only be scrolled past.
const maxReports = 50

// reports collects diagnostics, the first for each position: a block that is used many times has each error once.
type reports struct {
	list pos.List
	seen map[pos.Pos]bool
}

func (r *reports) add(d *pos.Diagnostic) {
	if r.seen == nil {
		r.seen = map[pos.Pos]bool{}
	}
	if r.seen[d.Pos] && d.Pos.IsValid() || r.full() {
		return
	}
	r.seen[d.Pos] = true
	r.list.Add(d)
}

func (r *reports) full() bool { return len(r.list) >= maxReports }

func (r *reports) err() error { return r.list.Err() }

// didYouMean ends an error about an unknown name: the nearest accepted name if one is near, else all of them.
func didYouMean(name string, accepted []string) string {
	accepted = slices.Compact(slices.Sorted(slices.Values(accepted)))
	if len(accepted) == 0 {
		return "; nothing is declared yet"
	}
	best, distance := "", 1+len(name)/3
	for _, a := range accepted {
		if d := editDistance(strings.ToLower(name), strings.ToLower(a)); d <= distance && (best == "" || d < distance) {
			best, distance = a, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	const shown = 24
	if len(accepted) > shown {
		accepted = append(accepted[:shown:shown], "...")
	}
	return " (accepted: " + strings.Join(accepted, ", ") + ")"
}

// editDistance counts the insertions, deletions and replacements that turn a into b (Wagner and Fischer, 1974).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := before
			if a[i] != b[j] {
				replaced++
			}
			before = row[j+1]
			row[j+1] = min(replaced, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
