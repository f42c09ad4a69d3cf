package frontend

import (
	"strconv"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir"
)

// argument is an evaluated argument and where it stands.
type argument struct {
	value value
	at    syntax.Node
}

// call evaluates a call; piped is what stands left of |>, the first argument.
func (e *elaborator) call(f *frame, c *syntax.Call, piped *argument) value {
	if b, ok := builtins[c.Fn.Name]; ok {
		return e.layer(f, c, b, piped)
	}
	if b, ok := e.decls.blocks[c.Fn.Name]; ok {
		return e.block(f, c, b, piped)
	}
	if ch, ok := e.decls.choices[c.Fn.Name]; ok {
		return e.choice(f, c, ch, piped)
	}
	return e.fail(c.Fn, "unknown function %s%s", c.Fn.Name, didYouMean(c.Fn.Name, e.decls.functions()))
}

// bindArgs evaluates the arguments of a call and matches them with the names of the parameters.
func (e *elaborator) bindArgs(f *frame, c *syntax.Call, params []string, piped *argument) (map[string]argument, bool) {
	bound, ok := map[string]argument{}, true
	set := func(name string, a argument) {
		if old, twice := bound[name]; twice {
			e.report(a.at.Errorf("%s: argument %s is given twice", c.Fn.Name, name).Note(old.at.Pos, "the first time here"))
			ok = false
		}
		bound[name] = a
		ok = ok && !isBad(a.value)
	}
	next := 0
	positional := func(a argument) {
		if next >= len(params) {
			e.fail(a.at, "%s takes at most %d argument(s): %s", c.Fn.Name, len(params), strings.Join(params, ", "))
			ok = false
			return
		}
		set(params[next], a)
		next++
	}
	if piped != nil {
		positional(*piped)
	}
	for _, a := range c.Args {
		v := argument{e.expr(f, a.Value), a.Node}
		if a.Name == nil {
			positional(v)
		} else {
			set(a.Name.Name, v)
		}
	}
	return bound, ok
}

// enter puts a call on the stack; it reports false where that is too deep.
func (e *elaborator) enter(c *syntax.Call) bool {
	if len(e.calls) >= maxCalls {
		e.halt(c, "%s is called %d levels deep; blocks cannot call themselves", c.Fn.Name, maxCalls)
		return false
	}
	e.calls = append(e.calls, call{c.Fn.Name, c.Node})
	return true
}

func (e *elaborator) leave() { e.calls = e.calls[:len(e.calls)-1] }

// declared makes the frame of a block or choice: arguments first, then the defaults of what is left.
func (e *elaborator) declared(f *frame, c *syntax.Call, list []syntax.Param, piped *argument, kind string) (*frame, bool) {
	bound, ok := e.bindArgs(f, c, paramNames(list), piped)
	if !ok {
		return nil, false
	}
	inner := &frame{map[string]value{}, nil, kind}
	for _, p := range list {
		a, given := bound[p.Name.Name]
		switch {
		case given:
			if t, isTensor := a.value.(*tensor); isTensor && t.softmaxed {
				return nil, !isBad((&layerCall{e: e, call: c, at: a.at}).afterSoftmax(t))
			}
			inner.vars[p.Name.Name] = a.value
		case p.Default != nil:
			inner.vars[p.Name.Name] = e.expr(inner, p.Default)
		default:
			e.report(c.Errorf("%s needs the argument %s", c.Fn.Name, p.Name.Name).Note(p.Pos, "it is declared here"))
			return nil, false
		}
	}
	return inner, true
}

func (e *elaborator) block(f *frame, c *syntax.Call, b *syntax.Block, piped *argument) value {
	inner, ok := e.declared(f, c, b.Params, piped, "block")
	path, named := e.path(f, c)
	if !ok || !named || !e.enter(c) {
		return bad{}
	}
	defer e.leave()
	inner.scope = newScope(path)
	v, returned := e.body(inner, b.Body)
	if !returned {
		return bad{} // reported by the resolver
	}
	return v
}

// choice elaborates every option of a use of a choice.
func (e *elaborator) choice(f *frame, c *syntax.Call, ch *syntax.Choice, piped *argument) value {
	inner, ok := e.declared(f, c, ch.Params, piped, "choice")
	path, named := e.path(f, c)
	if !ok || !named || !e.enter(c) {
		return bad{}
	}
	defer e.leave()
	labels, ok := e.optionLabels(inner, ch)
	if !ok {
		return bad{}
	}
	options := make([]*ir.Option, len(ch.Options))
	for i, x := range ch.Options {
		o := &ir.Option{Label: labels[i]}
		inner.scope = newScope(path + "." + o.Label)
		_, inner.scope.whole = x.(*syntax.Call)
		if o.Result, ok = e.option(inner, o, x); !ok {
			return bad{}
		}
		options[i] = o
	}
	site := path
	if ch.Shared {
		site = ch.Name.Name
	}
	return e.site(c, path, site, ch.Name.Name, options, ch.Options)
}

// option elaborates one option into its own list of layers.
func (e *elaborator) option(f *frame, o *ir.Option, x syntax.Expr) (*ir.Value, bool) {
	outer := e.b
	e.b = e.b.In(o)
	defer func() { e.b = outer }()
	v := e.expr(f, unlabelled(x))
	t, ok := v.(*tensor)
	if !ok {
		if !isBad(v) {
			e.fail(x, "an option is %s; accepted are tensors (for numbers write let NAME in {...})", kindOf(v))
		}
		return nil, false
	}
	if t.softmaxed {
		(&layerCall{e: e, at: x.At()}).afterSoftmax(t)
		return nil, false
	}
	return t.v, true
}

// unlabelled drops the label of an option, which names the option and not the layer.
func unlabelled(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.Call:
		c := *x
		c.Label = nil
		return &c
	case *syntax.Pipe:
		p := *x
		p.Stage = unlabelled(x.Stage).(*syntax.Call)
		return &p
	}
	return x
}

// optionLabels names the options: by their label, or by the first call of the expression, `identity` where there is none.
// Of options that would have one name, each gets a number.
func (e *elaborator) optionLabels(f *frame, ch *syntax.Choice) ([]string, bool) {
	labels := make([]string, len(ch.Options))
	count := map[string]int{}
	for i, x := range ch.Options {
		labels[i] = firstCall(x)
		if own := ownLabel(x); own != nil {
			var ok bool
			if labels[i], ok = e.label(f, own); !ok {
				return nil, false
			}
		}
		count[labels[i]]++
	}
	seen := map[string]int{}
	for i, name := range labels {
		if count[name] > 1 {
			seen[name]++
			labels[i] = name + "#" + strconv.Itoa(seen[name])
		}
	}
	return labels, true
}

func ownLabel(x syntax.Expr) *syntax.Str {
	switch x := x.(type) {
	case *syntax.Call:
		return x.Label
	case *syntax.Pipe:
		return x.Stage.Label
	}
	return nil
}

func firstCall(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Pipe:
		if first := firstCall(x.X); first != "identity" {
			return first
		}
		return x.Stage.Fn.Name
	case *syntax.Call:
		return x.Fn.Name
	case *syntax.Binary:
		return "sum"
	}
	return "identity"
}

// site builds the choice between finished options.
func (e *elaborator) site(c *syntax.Call, path, site, name string, options []*ir.Option, at []syntax.Expr) value {
	labels := make([]string, len(options))
	for i, o := range options {
		labels[i] = o.Label
	}
	v, err := e.b.AtPath(c.Pos, path).Choice(site, name, options...)
	if err != nil {
		d := c.Errorf("%s: %v", name, err)
		for i, x := range at {
			d.Note(x.At().Pos, "option %s gives %s", labels[i], typeText(options[i].Result.Type))
		}
		return e.report(d)
	}
	if site == path || !e.shared[site] {
		e.shared[site] = true
		e.sites = append(e.sites, Site{site, name, labels, c.Pos})
	}
	return &tensor{v: v, at: c.Node}
}
