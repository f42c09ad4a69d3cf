// Package layers holds the import order of the module as text, layers.txt, and checks files against it.
package layers

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// Text is the import order of this module; its own comments say how to read it.
//
//go:embed layers.txt
var Text string

// sections of a table, in which a line means something of its own.
const (
	packages = "packages" // subject: packages of the module; allowed: packages of the module
	designed = "designed" // the same, of packages that need not exist
	tests    = "tests"    // the same, allowed to test files besides
	reach    = "reach"    // the same, transitively
	modules  = "modules"  // subject: modules; allowed: packages that may import them
	standard = "standard" // subject: standard packages; allowed: packages that may import them
)

// Table is a parsed import order.
type Table struct {
	name     string
	sections map[string][]rule
}

// rule is a line: what matches a subject may import, or be imported by, what matches allowed.
type rule struct {
	line              int
	subjects, allowed []string
}

// Parse reads a table. Errors begin with name:line.
func Parse(name, text string) (*Table, error) {
	t := &Table{name: name, sections: map[string][]rule{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(inner, "]")
			if !slices.Contains([]string{packages, designed, tests, reach, modules, standard}, section) {
				return nil, fmt.Errorf("%s:%d: no section is called %s: accepted are packages, designed, tests, reach, modules and standard", name, i+1, line)
			}
			continue
		}
		r, err := parseRule(line)
		if err == nil && section == "" {
			err = fmt.Errorf("the line is in no section")
		}
		if err == nil {
			err = t.unique(section, r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		r.line = i + 1
		t.sections[section] = append(t.sections[section], r)
	}
	return t, nil
}

func parseRule(line string) (rule, error) {
	left, right, ok := strings.Cut(line, "<")
	r := rule{subjects: split(left), allowed: split(right)}
	if !ok || slices.Contains(r.subjects, "") || slices.Contains(r.allowed, "") {
		return rule{}, fmt.Errorf("%q is no rule: accepted is SUBJECT, SUBJECT < WHAT, WHAT", line)
	}
	if slices.Contains(r.allowed, "none") {
		if len(r.allowed) > 1 {
			return rule{}, fmt.Errorf("%q allows none and something", line)
		}
		r.allowed = nil
	}
	return r, nil
}

func split(list string) []string {
	parts := strings.Split(list, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// unique refuses a second line for a subject: only one of them would count.
func (t *Table) unique(section string, r rule) error {
	for _, old := range t.sections[section] {
		for _, s := range r.subjects {
			if slices.Contains(old.subjects, s) {
				return fmt.Errorf("%s has a line already, %d", s, old.line)
			}
		}
	}
	return nil
}

// find returns the most specific rule of the given sections for a path.
func (t *Table) find(path string, sections ...string) (rule, bool) {
	best, length := rule{}, -1
	for _, s := range sections {
		for _, r := range t.sections[s] {
			for _, p := range r.subjects {
				if n := specificity(p); matches(p, path) && n > length {
					best, length = r, n
				}
			}
		}
	}
	return best, length >= 0
}

// specificity orders patterns that match one path: longer is closer, and a path itself is closest.
func specificity(pattern string) int {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return len(prefix)
	}
	return len(pattern) + 1
}

func matches(pattern, path string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}
