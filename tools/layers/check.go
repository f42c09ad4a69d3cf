package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check returns what the files of a module do against the table, a line each, in a stable order.
func (t *Table) Check(module string, files []File) []string {
	c := &checker{Table: t, module: module, direct: map[string]map[string]string{}}
	for _, f := range files {
		c.file(f)
	}
	c.reach()
	c.stale()
	slices.Sort(c.found)
	return slices.Compact(c.found)
}

type checker struct {
	*Table
	module string
	direct map[string]map[string]string // package → packages its own files import → where
	found  []string
}

func (c *checker) report(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *checker) file(f File) {
	if c.direct[f.Package] == nil {
		c.direct[f.Package] = map[string]string{}
	}
	r, ok := c.find(f.Package, packages, designed)
	if !ok {
		c.report("%s: package %q has no line in %s", f.Path, f.Package, c.name)
		return
	}
	for _, i := range f.Imports {
		at := fmt.Sprintf("%s:%d", f.Path, i.Line)
		switch inner, own := strings.CutPrefix(i.Path, c.module+"/"); {
		case own:
			c.inner(f, r, inner, at)
		case strings.Contains(strings.Split(i.Path, "/")[0], "."):
			c.outer(f, i.Path, at)
		default:
			c.standard(f, i.Path, at)
		}
	}
}

// inner checks an import of the module's own.
func (c *checker) inner(f File, r rule, path, at string) {
	if !f.Test {
		c.direct[f.Package][path] = at
	}
	if matchesAny(r.allowed, path) || f.Test && (path == f.Package || c.testAllowed(f.Package, path)) {
		return
	}
	c.report("%s: %s may not import %s: %s:%d accepts %s", at, subject(f), path, c.name, r.line, list(r.allowed))
}

func (c *checker) testAllowed(pkg, path string) bool {
	r, ok := c.find(pkg, tests)
	return ok && matchesAny(r.allowed, path)
}

// outer checks an import from another module: its longest prefix with a line decides.
func (c *checker) outer(f File, path, at string) {
	for m := path; m != ""; m = parent(m) {
		if r, ok := c.find(m, modules); ok {
			c.importer(f, r, path, at)
			return
		}
	}
	c.report("%s: %s imports %s, a module that has no line in [modules] of %s", at, subject(f), path, c.name)
}

func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}

func (c *checker) standard(f File, path, at string) {
	if r, ok := c.find(path, standard); ok {
		c.importer(f, r, path, at)
	}
}

// importer checks an import that only some packages may have.
func (c *checker) importer(f File, r rule, path, at string) {
	if matchesAny(r.allowed, f.Package) || f.Test && slices.Contains(r.allowed, tests) {
		return
	}
	c.report("%s: %s may not import %s: %s:%d accepts importers %s", at, subject(f), path, c.name, r.line, list(r.allowed))
}

// reach checks what packages stand on through others.
func (c *checker) reach() {
	for _, pkg := range slices.Sorted(maps.Keys(c.direct)) {
		r, ok := c.find(pkg, reach)
		if !ok {
			continue
		}
		via := c.closure(pkg)
		for _, p := range slices.Sorted(maps.Keys(via)) {
			if !matchesAny(r.allowed, p) {
				c.report("%s stands on %s through %s: %s:%d accepts %s", pkg, p, via[p], c.name, r.line, list(r.allowed))
			}
		}
	}
}

// closure gives the packages that pkg imports directly or not, each with the import that brought it in.
func (c *checker) closure(pkg string) map[string]string {
	via, todo := map[string]string{}, []string{pkg}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for _, p := range slices.Sorted(maps.Keys(c.direct[next])) {
			if via[p] == "" {
				via[p] = c.direct[next][p]
				todo = append(todo, p)
			}
		}
	}
	return via
}

// stale reports lines of [packages] and [tests] whose subject is no package.
func (c *checker) stale() {
	for _, s := range []string{packages, tests} {
		for _, r := range c.sections[s] {
			for _, p := range r.subjects {
				if !c.exists(p) {
					c.report("%s:%d: %s is no package", c.name, r.line, p)
				}
			}
		}
	}
}

func (c *checker) exists(pattern string) bool {
	for p := range c.direct {
		if matches(pattern, p) {
			return true
		}
	}
	return false
}

func subject(f File) string {
	if f.Test {
		return "a test of " + f.Package
	}
	return f.Package
}

func list(allowed []string) string {
	if len(allowed) == 0 {
		return "none"
	}
	return strings.Join(allowed, ", ")
}
