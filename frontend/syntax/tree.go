package syntax

import (
	"strings"
)

// The functions here turn what the grammar matched into the tree that the package exports.

// place is where a production's tokens stand.
func (s span) place() Node {
	if len(s.Tokens) == 0 {
		return Node{}
	}
	return node(s.Tokens[0]).to(node(s.Tokens[len(s.Tokens)-1]))
}

// each converts a list of productions.
func each[A, B any](list []A, convert func(A) B) []B {
	var out []B
	for _, a := range list {
		out = append(out, convert(a))
	}
	return out
}

func (r declRule) decl() Decl {
	switch {
	case r.Net != nil:
		return &Net{r.Net.place(), r.Net.Name.ident(), r.Net.Body.body()}
	case r.Block != nil:
		return &Block{r.Block.place(), r.Block.Name.ident(), each(r.Block.Params, paramRule.param), r.Block.Body.body()}
	case r.Choice != nil:
		c := r.Choice
		return &Choice{c.place(), c.Shared, c.Name.ident(), each(c.Params, paramRule.param), exprs(c.Options)}
	case r.Target != nil:
		return r.Target.target()
	}
	return r.Search.search()
}

func (r targetRule) target() *Target {
	t := &Target{Node: r.place(), Name: r.Name.ident(), Device: r.Device.X, Count: r.Count.expr()}
	if r.Link != nil {
		t.Link = &Link{r.Link.place(), each(r.Link.Args, linkArgRule.arg)}
	}
	return t
}

func (r linkArgRule) arg() LinkArg {
	return LinkArg{r.place(), r.Value.X, strings.Join(r.Direction, " ")}
}

func (r searchRule) search() *Search {
	return &Search{r.place(), r.Name.ident(), r.Net.ident(), each(r.Settings, settingRule.setting)}
}

func (r settingRule) setting() Setting {
	at := r.place()
	switch {
	case r.Data != nil:
		return &Data{at, r.Data.X}
	case r.Method != nil:
		return &Method{at, r.Method.Name.ident(), r.Method.Fields.fields()}
	case r.Minimize != nil:
		return &Objective{at, Minimize, r.Minimize.X}
	case r.Maximize != nil:
		return &Objective{at, Maximize, r.Maximize.X}
	}
	return &Constraints{at, exprs(r.Subject)}
}

func (r identRule) ident() Ident { return Ident{r.place(), r.Name} }

func (r paramRule) param() Param { return Param{r.place(), r.Name.ident(), r.Default.expr()} }

func (r bodyRule) body() Body { return Body{r.place(), each(r.Stmts, stmtRule.stmt)} }

func (r *exprRule) expr() Expr {
	if r == nil {
		return nil
	}
	return r.X
}

func exprs(list []exprRule) []Expr { return each(list, func(r exprRule) Expr { return r.X }) }

func (r *recordRule) fields() []Field {
	if r == nil {
		return nil
	}
	return each(r.Fields, func(f fieldRule) Field { return Field{f.place(), f.Name.ident(), f.Value.X} })
}

func (r stmtRule) stmt() Stmt {
	at := r.place()
	switch {
	case r.Let != nil && r.Let.Value != nil:
		return &Let{at, r.Let.Name.ident(), r.Let.Value.X}
	case r.Let != nil:
		return &Vary{at, r.Let.Name.ident(), exprs(r.Let.Dims), exprs(r.Let.Values)}
	case r.For != nil:
		return &For{at, each(r.For.Vars, identRule.ident), r.For.In.X, r.For.Body.body()}
	case r.If != nil:
		return r.If.stmt(at)
	case r.Return != nil:
		return &Return{at, r.Return.X}
	case r.Input != nil:
		in := r.Input
		t := Type{in.Type.place(), in.Type.Elem.ident(), exprs(in.Type.Dims)}
		return &Input{at, in.Name.ident(), t, in.From.ident(), in.Fields.fields()}
	case r.Output != nil:
		return &Output{at, r.Output.Name.ident(), r.Output.Value.X, r.Output.To.ident()}
	}
	return &Assign{at, r.Assign.Name.ident(), r.Assign.Value.X}
}

func (r ifRule) stmt(at Node) *If {
	s := &If{Node: at, Arms: each(r.Arms, func(a armRule) Arm { return Arm{a.place(), a.Cond.X, a.Body.body()} })}
	if r.Else != nil {
		b := r.Else.body()
		s.Else = &b
	}
	return s
}
