// Package choices turns SPACE into NET: resolve picks one option a site, relax weighs all of them.
package choices

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// Resolve replaces every choice by the option that was decided for its site.
var Resolve = &pass.Pass{
	Name:  "resolve",
	Doc:   "replaces every choice by the option decided for its site (--set, --decision); a site without decision is an error",
	Needs: ir.Space, Gives: ir.Net,
	Run: func(c *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			decided, err := Decide(f, c.Choices)
			if err != nil {
				return err
			}
			if open := undecided(f, decided); len(open) > 0 {
				return fmt.Errorf("choices without a decision: %s; accepted is --set NAME=OPTION or --decision FILE", describe(f, open))
			}
			m.Funcs[i] = pick(f, decided)
		}
		return nil
	},
}

// First decides every open site for its first option, which is what `check` counts.
func First(f *ir.Func, decisions []pass.Decision) (*ir.Func, []string, error) {
	decided, err := Decide(f, decisions)
	if err != nil {
		return nil, nil, err
	}
	first := map[string]string{}
	for _, s := range Sites(f) {
		first[s.Path] = s.Options[0]
	}
	var open []string
	for more := undecided(f, decided); len(more) > 0; more = undecided(f, decided) {
		for _, site := range more { // an option taken here may hold further open choices
			decided[site] = first[site]
		}
		open = append(open, more...)
	}
	return pick(f, decided), open, nil
}

// Site is one decision to make.
type Site struct {
	Path    string   `json:"path"`
	Choice  string   `json:"choice"` // name of the choice in the user's file, the path where the IR gives none
	Options []string `json:"options"`
}

// Sites lists the decisions of a function in order; uses of a shared choice are one site.
func Sites(f *ir.Func) []Site {
	var out []Site
	seen := map[string]bool{}
	f.Walk(func(v *ir.Value) {
		if !v.Is("choice") || seen[v.Str("site")] {
			return
		}
		seen[v.Str("site")] = true
		s := Site{Path: v.Str("site"), Choice: cmp.Or(v.Str("choice"), v.Str("site"))}
		for _, o := range v.Options {
			s.Options = append(s.Options, o.Label)
		}
		out = append(out, s)
	})
	return out
}

// Decide maps sites to options. A decision's site is a path, or the name of a choice for all its uses.
func Decide(f *ir.Func, decisions []pass.Decision) (map[string]string, error) {
	sites := Sites(f)
	called := map[string][]Site{} // by path and by the name of the choice
	for _, s := range sites {
		called[s.Path] = append(called[s.Path], s)
		if s.Choice != s.Path {
			called[s.Choice] = append(called[s.Choice], s)
		}
	}
	out := map[string]string{}
	for _, d := range decisions {
		if called[d.Site] == nil {
			return nil, fmt.Errorf("no choice or site is called %q: accepted are %s", d.Site, names(sites))
		}
		for _, s := range called[d.Site] {
			if !slices.Contains(s.Options, d.Option) {
				return nil, fmt.Errorf("choice %s has no option %q: accepted are %s", s.Path, d.Option, strings.Join(s.Options, ", "))
			}
			out[s.Path] = d.Option
		}
	}
	return out, nil
}

func names(sites []Site) string {
	if len(sites) == 0 {
		return "none, the network has no choices"
	}
	choices := map[string]bool{}
	var paths []string
	for _, s := range sites {
		choices[s.Choice] = true
		if s.Path != s.Choice {
			paths = append(paths, s.Path)
		}
	}
	return strings.Join(append(slices.Sorted(maps.Keys(choices)), paths...), ", ")
}

// undecided lists the sites that need a decision and have none. What stands in an option that is not taken needs none.
func undecided(f *ir.Func, decided map[string]string) []string {
	var open []string
	seen := map[string]bool{}
	var body func([]*ir.Value)
	body = func(values []*ir.Value) {
		for _, v := range values {
			if !v.Is("choice") {
				continue
			}
			site := v.Str("site")
			if decided[site] == "" && !seen[site] {
				seen[site] = true
				open = append(open, site)
			}
			for _, o := range v.Options {
				if o.Label == decided[site] {
					body(o.Body)
				}
			}
		}
	}
	body(f.Body)
	return open
}

// describe names the choices of open sites rather than every site.
func describe(f *ir.Func, open []string) string {
	options, wanted := map[string]string{}, map[string]bool{}
	for _, path := range open {
		wanted[path] = true
	}
	for _, s := range Sites(f) {
		if wanted[s.Path] {
			options[s.Choice] = strings.Join(s.Options, " or ")
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		parts = append(parts, fmt.Sprintf("%s (%s)", name, options[name]))
	}
	return fmt.Sprintf("%s, %d site(s)", strings.Join(parts, ", "), len(open))
}

// pick copies f with each choice replaced by the values of one option.
func pick(f *ir.Func, decided map[string]string) *ir.Func {
	r := pass.NewRewriter(f)
	var body func([]*ir.Value)
	body = func(values []*ir.Value) {
		for _, v := range values {
			if !v.Is("choice") {
				r.To[v] = r.Copy(v)
				continue
			}
			i := slices.IndexFunc(v.Options, func(o *ir.Option) bool { return o.Label == decided[v.Str("site")] })
			body(v.Options[i].Body)
			r.To[v] = r.To[v.Options[i].Result]
		}
	}
	body(f.Body)
	r.New.Result = r.To[f.Result]
	return r.New
}
