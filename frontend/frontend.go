// Package frontend turns .sotto source into the SPACE stage of the IR.
//
// Load parses a file, checks its names and elaborates one of its nets: blocks, loops and conditions are run at compile
// time, so that the IR is a flat list of layers with choices between some of them. Every value carries the position of
// the call that made it and a path, the name under which its weights and choices are addressed. All independent errors
// of a file are reported in one run, as a pos.List.
package frontend

import (
	"fmt"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

// Options say which net of a file to elaborate, and with which parameters.
type Options struct {
	// Net names the net. It may be empty where the file declares exactly one.
	Net string
	// Params picks values for the parameters of the space (`let w in {16, 32}`): for each name, the index of the value
	// in its set, for a vector one index an element in row-major order. What is left out takes the first value.
	Params map[string][]int
}

// Space is an elaborated net.
type Space struct {
	Module   *ir.Module // stage SPACE, one function
	Func     *ir.Func
	Sites    []Site
	Params   []Param
	Targets  []*syntax.Target // all of the file
	Searches []*syntax.Search // those in this net
}

// Site is a decision that is open: one use of a choice, or all uses of a shared one.
type Site struct {
	Path    string // what --set and decision files call it
	Choice  string // the name of the choice
	Options []string
	Pos     pos.Pos
}

// Param is a parameter of the space. Len values are chosen among Values; Chosen holds their indices.
type Param struct {
	Name   string
	Dims   []int // none: a scalar
	Values []string
	Chosen []int
	Pos    pos.Pos
}

// Load parses and elaborates a source file; name stands in the positions.
func Load(name string, src []byte, opts Options) (*Space, error) {
	f, err := syntax.Parse(name, src)
	if err != nil {
		return nil, err
	}
	return Elaborate(f, opts)
}

// Elaborate checks every declaration of a file and elaborates the net that opts name.
func Elaborate(f *syntax.File, opts Options) (*Space, error) {
	var errs reports
	decls := declare(f, &errs)
	decls.resolve(f, &errs)
	net, err := pickNet(f, opts.Net)
	if err != nil {
		errs.add(err)
	}
	if net == nil {
		return nil, errs.err()
	}
	e := newElaborator(decls, opts, &errs)
	fn := e.net(net)
	if err := errs.err(); err != nil {
		return nil, err
	}
	m := &ir.Module{Stage: ir.Space, Files: []string{f.Name}, Funcs: []*ir.Func{fn}}
	if err := ir.Check(m); err != nil {
		return nil, fmt.Errorf("internal error: elaborating %s: %w", net.Name.Name, err)
	}
	s := &Space{Module: m, Func: fn, Sites: e.sites, Params: e.params}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *syntax.Target:
			s.Targets = append(s.Targets, d)
		case *syntax.Search:
			if d.Net.Name == net.Name.Name {
				s.Searches = append(s.Searches, d)
			}
		}
	}
	return s, nil
}

// Nets lists the names of the nets that a file declares.
func Nets(f *syntax.File) []string {
	var names []string
	for _, d := range f.Decls {
		if n, ok := d.(*syntax.Net); ok {
			names = append(names, n.Name.Name)
		}
	}
	return names
}

func pickNet(f *syntax.File, name string) (*syntax.Net, *pos.Diagnostic) {
	var found []*syntax.Net
	for _, d := range f.Decls {
		if n, ok := d.(*syntax.Net); ok && (name == "" || n.Name.Name == name) {
			found = append(found, n)
		}
	}
	at := pos.Pos{File: f.Name}
	switch {
	case len(found) == 0 && name == "":
		return nil, pos.Errorf(at, "the file declares no net")
	case len(found) == 0:
		return nil, pos.Errorf(at, "no net is called %s%s", name, didYouMean(name, Nets(f)))
	case len(found) > 1 && name == "":
		return nil, pos.Errorf(at, "the file declares several nets; name one of %s", strings.Join(Nets(f), ", "))
	}
	return found[0], nil
}
