package lsp

import (
	"errors"
	"reflect"

	"sotto/frontend"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

// analysis is what is known of a text.
type analysis struct {
	file   *syntax.File // what could be parsed
	parsed error        // why not all of it
	errs   pos.List
	nets   []*frontend.Space // of a file without errors
}

// analyse parses a text and elaborates each of its nets.
func analyse(uri, text string) *analysis {
	a := new(analysis)
	a.file, a.parsed = syntax.Parse(uri, []byte(text))
	a.note(a.parsed)
	names := frontend.Nets(a.file)
	if len(names) == 0 {
		names = []string{""} // the other declarations are checked all the same
	}
	for _, name := range names {
		space, err := frontend.Elaborate(a.file, frontend.Options{Net: name})
		if err != nil {
			a.note(err)
			continue
		}
		a.nets = append(a.nets, space)
	}
	var sorted pos.List
	if errors.As(a.errs.Err(), &sorted) {
		a.errs = sorted
	}
	if a.parsed != nil {
		a.errs = a.errs[:0]
		a.note(a.parsed) // what the names and shapes of the rest would be is a guess
	}
	return a
}

func (a *analysis) note(err error) {
	var list pos.List
	var one *pos.Diagnostic
	switch {
	case errors.As(err, &list):
		a.errs = append(a.errs, list...)
	case errors.As(err, &one):
		a.errs.Add(one)
	case err != nil:
		a.errs.Add(pos.Errorf(pos.Pos{}, "%v", err))
	}
}

// inside tells whether an offset lies in a node, or at its end.
func inside(n syntax.Node, offset int) bool { return n.Offset <= offset && offset <= n.Offset+n.Len }

// walk visits every piece of syntax in a tree, those that hold others first.
func walk(x any, visit func(syntax.Placed)) { walkValue(reflect.ValueOf(x), visit) }

func walkValue(v reflect.Value, visit func(syntax.Placed)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if p, ok := v.Interface().(syntax.Placed); ok && v.Kind() == reflect.Pointer {
			visit(p)
			walkFields(v.Elem(), visit)
			return
		}
		walkValue(v.Elem(), visit)
	case reflect.Struct:
		if p, ok := v.Interface().(syntax.Placed); ok {
			visit(p)
		}
		walkFields(v, visit)
	case reflect.Slice:
		for i := range v.Len() {
			walkValue(v.Index(i), visit)
		}
	}
}

func walkFields(v reflect.Value, visit func(syntax.Placed)) {
	for i := range v.NumField() {
		if _, place := v.Field(i).Interface().(syntax.Node); !place {
			walkValue(v.Field(i), visit)
		}
	}
}

// name is a name under the cursor.
type name struct {
	syntax.Ident
	called bool // as a function
}

// nameAt finds the name at an offset, and the declaration that it stands in.
func (a *analysis) nameAt(offset int) (n name, in syntax.Decl, found bool) {
	for _, d := range a.file.Decls {
		if !inside(d.At(), offset) {
			continue
		}
		walk(d, func(p syntax.Placed) {
			switch p := p.(type) {
			case syntax.Ident:
				if inside(p.Node, offset) {
					n.Ident, in, found = p, d, true
				}
			case *syntax.Name:
				if inside(p.Node, offset) {
					n.Ident, in, found = syntax.Ident{Node: p.Node, Name: p.Name}, d, true
				}
			case *syntax.Call:
				if inside(p.Fn.Node, offset) {
					n.called = true
				}
			}
		})
	}
	return n, in, found
}

// binding is where a name gets a value.
type binding struct {
	at    syntax.Ident
	from  int         // offset from which it holds
	value syntax.Expr // nil: a parameter, an input, the variable of a loop
}

// define finds what a name stands for: in its declaration, else among the declarations.
func (a *analysis) define(n name, in syntax.Decl) (binding, bool) {
	if !n.called {
		if b, ok := bound(n, in); ok {
			return b, true
		}
	}
	for _, d := range a.file.Decls {
		if d.DeclName().Name == n.Name {
			return binding{at: d.DeclName()}, true
		}
	}
	return binding{}, false
}

// bound finds the variable of the innermost comprehension around a name, else the binding before it, else, in loops, any.
func bound(n name, in syntax.Decl) (binding, bool) {
	var list []binding
	var own *binding
	add := func(at syntax.Ident, from int, value syntax.Expr) {
		b := binding{at, from, value}
		if at.Name == n.Name {
			list = append(list, b)
		}
		if at.Node == n.Node {
			own = &b
		}
	}
	var comprehension *binding
	walk(in, func(p syntax.Placed) {
		switch p := p.(type) {
		case syntax.Param:
			add(p.Name, 0, nil)
		case *syntax.Assign:
			add(p.Name, p.Offset+p.Len, p.Value)
		case *syntax.Let:
			add(p.Name, p.Offset+p.Len, p.Value)
		case *syntax.Vary:
			add(p.Name, p.Offset+p.Len, nil)
		case *syntax.Input:
			add(p.Name, p.Offset, nil)
		case *syntax.Output:
			add(p.Name, p.Offset+p.Len, p.Value)
		case *syntax.For:
			for _, v := range p.Vars {
				add(v, v.Offset, nil)
			}
		case *syntax.Comp:
			for _, v := range p.Vars {
				if v.Name == n.Name && inside(p.Node, n.Offset) && !inside(p.In.At(), n.Offset) {
					comprehension = &binding{at: v}
				}
			}
		}
	})
	switch {
	case own != nil:
		return *own, true
	case comprehension != nil:
		return *comprehension, true
	case len(list) == 0:
		return binding{}, false
	}
	best := list[0]
	for _, b := range list {
		if b.from <= n.Offset {
			best = b
		}
	}
	return best, true
}

// made gives the call that makes the value of an expression, if it is one.
func made(x syntax.Expr) (syntax.Node, bool) {
	switch x := x.(type) {
	case *syntax.Call:
		return x.Node, true
	case *syntax.Pipe:
		return x.Stage.Node, true
	case *syntax.Binary:
		return x.OpAt, true
	case *syntax.Unary:
		return x.Node, true
	}
	return syntax.Node{}, false
}

// layers gives what the nets count of a stretch of text, and the values that are made there.
func (a *analysis) layers(within func(pos.Pos) bool) (layers []frontend.Layer, values []*ir.Value) {
	for _, net := range a.nets {
		for _, l := range frontend.Summarise(net.Func).Layers {
			if within(l.Pos) {
				layers = append(layers, l)
			}
		}
		net.Func.Walk(func(v *ir.Value) {
			if within(v.Pos) && !v.Is("param") {
				values = append(values, v)
			}
		})
	}
	return layers, values
}
