package frontend

import (
	"maps"
	"slices"

	"sotto/frontend/syntax"
)

// declarations are what a file declares, by name. Functions share one name space: blocks, choices and built-in layers.
type declarations struct {
	blocks  map[string]*syntax.Block
	choices map[string]*syntax.Choice
	nets    map[string]*syntax.Net
	// unbiased holds the convolutions whose result goes straight into a batch normalisation, which has a bias of its own.
	unbiased map[*syntax.Call]bool
}

// declare enters the declarations of a file and reports names that are declared twice.
func declare(f *syntax.File, errs *reports) *declarations {
	d := &declarations{map[string]*syntax.Block{}, map[string]*syntax.Choice{}, map[string]*syntax.Net{}, map[*syntax.Call]bool{}}
	first := map[string]syntax.Ident{}
	for _, decl := range f.Decls {
		id := decl.DeclName()
		if old, ok := first[id.Name]; ok {
			errs.add(id.Errorf("%s is declared twice", id.Name).Note(old.Pos, "the first declaration is here"))
			continue
		}
		if _, ok := builtins[id.Name]; ok {
			errs.add(id.Errorf("%s is built in and cannot be declared again", id.Name))
			continue
		}
		first[id.Name] = id
		switch decl := decl.(type) {
		case *syntax.Block:
			d.blocks[id.Name] = decl
		case *syntax.Choice:
			d.choices[id.Name] = decl
		case *syntax.Net:
			d.nets[id.Name] = decl
		}
	}
	return d
}

// functions lists what can be called.
func (d *declarations) functions() []string {
	names := slices.Collect(maps.Keys(builtins))
	names = slices.AppendSeq(names, maps.Keys(d.blocks))
	return slices.AppendSeq(names, maps.Keys(d.choices))
}

// params gives the parameters of a function, and whether there is one of that name.
func (d *declarations) params(fn string) ([]string, bool) {
	if b, ok := builtins[fn]; ok {
		names := make([]string, len(b.params))
		for i, p := range b.params {
			names[i] = p.name
		}
		return names, true
	}
	if b, ok := d.blocks[fn]; ok {
		return paramNames(b.Params), true
	}
	if c, ok := d.choices[fn]; ok {
		return paramNames(c.Params), true
	}
	return nil, false
}

func paramNames(list []syntax.Param) []string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name.Name
	}
	return names
}

// resolver checks the names of one declaration, whether or not anything ever uses it.
type resolver struct {
	decls *declarations
	errs  *reports
	names map[string]bool         // assigned anywhere in the declaration
	fixed map[string]syntax.Ident // bound by let
	kind  string                  // "net", "block" or "choice"
}

// resolve checks the names in every declaration.
func (d *declarations) resolve(f *syntax.File, errs *reports) {
	for _, decl := range f.Decls {
		r := &resolver{d, errs, map[string]bool{}, map[string]syntax.Ident{}, "net"}
		switch decl := decl.(type) {
		case *syntax.Net:
			r.collect(decl.Body)
			r.body(decl.Body)
		case *syntax.Block:
			r.kind = "block"
			r.params(decl.Params)
			r.collect(decl.Body)
			r.body(decl.Body)
			if !returns(decl.Body) {
				errs.add(decl.Name.Errorf("block %s does not end with a return", decl.Name.Name))
			}
		case *syntax.Choice:
			r.kind = "choice"
			r.params(decl.Params)
			r.exprs(decl.Options)
		case *syntax.Search:
			if d.nets[decl.Net.Name] == nil {
				errs.add(decl.Net.Errorf("no net is called %s%s", decl.Net.Name, didYouMean(decl.Net.Name, Nets(f))))
			}
		}
	}
}

// returns reports whether every way through a body ends with a return.
func returns(b syntax.Body) bool {
	if len(b.Stmts) == 0 {
		return false
	}
	switch s := b.Stmts[len(b.Stmts)-1].(type) {
	case *syntax.Return:
		return true
	case *syntax.If:
		all := s.Else != nil && returns(*s.Else)
		for _, a := range s.Arms {
			all = all && returns(a.Body)
		}
		return all
	}
	return false
}

func (r *resolver) params(list []syntax.Param) {
	for i, p := range list {
		if slices.ContainsFunc(list[:i], func(q syntax.Param) bool { return q.Name.Name == p.Name.Name }) {
			r.errs.add(p.Name.Errorf("%s is a parameter twice", p.Name.Name))
		}
		if p.Default != nil {
			r.expr(p.Default)
		} else if i > 0 && list[i-1].Default != nil {
			r.errs.add(p.Errorf("%s needs a default too: parameters after one with a default have one", p.Name.Name))
		}
		r.names[p.Name.Name] = true
	}
}

// collect enters every name that a body gives a value to.
func (r *resolver) collect(b syntax.Body) {
	for _, s := range b.Stmts {
		switch s := s.(type) {
		case *syntax.Assign:
			r.names[s.Name.Name] = true
		case *syntax.Let:
			r.names[s.Name.Name], r.fixed[s.Name.Name] = true, s.Name
		case *syntax.Vary:
			r.names[s.Name.Name], r.fixed[s.Name.Name] = true, s.Name
		case *syntax.Input:
			r.names[s.Name.Name] = true
		case *syntax.For:
			for _, v := range s.Vars {
				r.names[v.Name] = true
			}
			r.collect(s.Body)
		case *syntax.If:
			for _, a := range s.Arms {
				r.collect(a.Body)
			}
			if s.Else != nil {
				r.collect(*s.Else)
			}
		}
	}
}

func (r *resolver) body(b syntax.Body) {
	for i, s := range b.Stmts {
		if _, ok := s.(*syntax.Return); ok && i < len(b.Stmts)-1 {
			r.errs.add(b.Stmts[i+1].At().Errorf("nothing runs after a return"))
		}
		r.stmt(s)
	}
}

func (r *resolver) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.Assign:
		r.expr(s.Value)
		if let, ok := r.fixed[s.Name.Name]; ok {
			r.errs.add(s.Name.Errorf("%s is bound by let and cannot be assigned", s.Name.Name).Note(let.Pos, "it is bound here"))
		}
	case *syntax.Let:
		r.expr(s.Value)
	case *syntax.Vary:
		r.only(s.Node, "net", "let ... in {...}")
		r.exprs(s.Dims)
		r.exprs(s.Values)
	case *syntax.For:
		r.expr(s.In)
		r.body(s.Body)
	case *syntax.If:
		for _, a := range s.Arms {
			r.expr(a.Cond)
			r.body(a.Body)
		}
		if s.Else != nil {
			r.body(*s.Else)
		}
	case *syntax.Return:
		r.only(s.Node, "block", "return")
		r.expr(s.Value)
	case *syntax.Input:
		r.only(s.Node, "net", "input")
		r.input(s)
	case *syntax.Output:
		r.only(s.Node, "net", "output")
		r.party(s.To)
		r.expr(s.Value)
	}
}

func (r *resolver) only(at syntax.Node, kind, what string) {
	if r.kind != kind {
		r.errs.add(at.Errorf("%s belongs in a %s, not in a %s", what, kind, r.kind))
	}
}

// party checks who holds the input or gets the output: in both deployments that is the client.
func (r *resolver) party(id syntax.Ident) {
	if id.Name != "client" {
		r.errs.add(id.Errorf("unknown party %s; accepted is client: inputs come from it and outputs go to it alone", id.Name))
	}
}

// preprocessing lists what the client may do to an image.
var preprocessing = []string{"resize", "crop", "mean", "std"}

func (r *resolver) input(s *syntax.Input) {
	r.party(s.From)
	if s.Type.Elem.Name != "f32" {
		r.errs.add(s.Type.Elem.Errorf("unknown element type %s; accepted is f32: the compiler picks the fixed point", s.Type.Elem.Name))
	}
	r.exprs(s.Type.Dims)
	for i, f := range s.Fields {
		if !slices.Contains(preprocessing, f.Name.Name) {
			r.errs.add(f.Name.Errorf("unknown preprocessing %s%s", f.Name.Name, didYouMean(f.Name.Name, preprocessing)))
		}
		if slices.ContainsFunc(s.Fields[:i], func(g syntax.Field) bool { return g.Name.Name == f.Name.Name }) {
			r.errs.add(f.Name.Errorf("%s is given twice", f.Name.Name))
		}
		r.expr(f.Value)
	}
}

func (r *resolver) exprs(list []syntax.Expr) {
	for _, x := range list {
		r.expr(x)
	}
}

func (r *resolver) expr(x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.Name:
		r.name(x)
	case *syntax.Str:
		r.str(x)
	case *syntax.List:
		r.exprs(x.Elems)
	case *syntax.Comp:
		r.comp(x)
	case *syntax.IfExpr:
		for _, a := range x.Arms {
			r.expr(a.Cond)
			r.expr(a.Value)
		}
		r.expr(x.Else)
	case *syntax.Call:
		r.call(x, nil)
	case *syntax.Pipe:
		r.expr(x.X)
		r.call(x.Stage, x.X)
	case *syntax.Index:
		r.expr(x.X)
		r.expr(x.I)
	case *syntax.Unary:
		r.expr(x.X)
	case *syntax.Binary:
		r.expr(x.X)
		r.expr(x.Y)
	}
}

func (r *resolver) name(x *syntax.Name) {
	if r.names[x.Name] {
		return
	}
	if _, ok := r.decls.params(x.Name); ok {
		r.errs.add(x.Errorf("%s is a function; write %s(...)", x.Name, x.Name))
		return
	}
	r.errs.add(x.Errorf("unknown name %s%s", x.Name, didYouMean(x.Name, slices.Collect(maps.Keys(r.names)))))
}

func (r *resolver) str(x *syntax.Str) {
	for _, p := range x.Parts {
		if p.X != nil {
			r.expr(p.X)
		}
	}
}

// comp checks a comprehension; its names are its own.
func (r *resolver) comp(x *syntax.Comp) {
	r.expr(x.In)
	outer := r.names
	r.names = maps.Clone(outer)
	for _, v := range x.Vars {
		r.names[v.Name] = true
	}
	r.expr(x.Elem)
	if x.Cond != nil {
		r.expr(x.Cond)
	}
	r.names = outer
}

// call checks the function's name, the names of the arguments and their number. piped is what stands left of |>.
func (r *resolver) call(c *syntax.Call, piped syntax.Expr) {
	for _, a := range c.Args {
		r.expr(a.Value)
	}
	if c.Label != nil {
		r.str(c.Label)
	}
	if c.Fn.Name == "batchnorm" {
		r.markUnbiased(c, piped)
	}
	params, ok := r.decls.params(c.Fn.Name)
	if !ok {
		r.errs.add(c.Fn.Errorf("unknown function %s%s", c.Fn.Name, didYouMean(c.Fn.Name, r.decls.functions())))
		return
	}
	for _, a := range c.Args {
		if a.Name != nil && !slices.Contains(params, a.Name.Name) {
			r.errs.add(a.Name.Errorf("%s has no argument %s%s", c.Fn.Name, a.Name.Name, didYouMean(a.Name.Name, params)))
		}
	}
}

// markUnbiased notes a convolution that stands directly before a batch normalisation.
func (r *resolver) markUnbiased(c *syntax.Call, x syntax.Expr) {
	if x == nil && len(c.Args) > 0 {
		x = c.Args[0].Value
	}
	if p, ok := x.(*syntax.Pipe); ok {
		x = p.Stage
	}
	if conv, ok := x.(*syntax.Call); ok && conv.Fn.Name == "conv" {
		r.decls.unbiased[conv] = true
	}
}
