package frontend

import (
	"fmt"
	"regexp"
	"slices"

	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

// elaborator runs a net at compile time and builds its layers.
type elaborator struct {
	decls *declarations
	opts  Options
	errs  *reports
	fn    *ir.Func
	b     *ir.Builder

	sites  []Site
	shared map[string]bool // shared choices that have their site
	paths  map[string]syntax.Node
	params []Param
	output *syntax.Output
	steps  int
	layers int
	calls  []call // blocks and choices that are being elaborated, outermost first
	halted bool   // a limit is hit; nothing more is evaluated
}

// call is one level of the call stack, for notes in errors.
type call struct {
	name string
	at   syntax.Node
}

// frame is what a net, a block call or an option of a choice sees.
type frame struct {
	vars  map[string]value
	scope *scope
	kind  string
}

func newElaborator(d *declarations, opts Options, errs *reports) *elaborator {
	return &elaborator{decls: d, opts: opts, errs: errs, shared: map[string]bool{}, paths: map[string]syntax.Node{}}
}

// fail reports an error at a place, with the calls that led there, and gives the value that silences what follows.
func (e *elaborator) fail(at syntax.Placed, format string, args ...any) value {
	return e.report(at.At().Errorf(format, args...))
}

func (e *elaborator) report(d *pos.Diagnostic) value {
	const innermost = 4
	for i := len(e.calls) - 1; i >= max(0, len(e.calls)-innermost); i-- {
		d.Note(e.calls[i].at.Pos, "in %s, called from here", e.calls[i].name)
	}
	e.errs.add(d)
	e.halted = e.halted || e.errs.full()
	return bad{}
}

// halt reports that a limit is hit and ends the elaboration.
func (e *elaborator) halt(at syntax.Placed, format string, args ...any) value {
	if !e.halted {
		e.fail(at, format, args...)
	}
	e.halted = true
	return bad{}
}

// spend counts n steps and reports whether there are any left.
func (e *elaborator) spend(n int, at syntax.Placed) bool {
	if e.steps += n; e.steps > maxSteps {
		e.halt(at, "elaborating this net takes more than %d steps; is a loop too long?", maxSteps)
	}
	return !e.halted
}

// net elaborates a whole net.
func (e *elaborator) net(n *syntax.Net) *ir.Func {
	e.fn = &ir.Func{Name: n.Name.Name, Pos: n.Pos, Output: ir.Attrs{}}
	e.b = ir.NewBuilder(e.fn)
	f := &frame{map[string]value{}, newScope(""), "net"}
	e.body(f, n.Body)
	if e.halted {
		return e.fn
	}
	if len(e.fn.Params) == 0 && e.errs.err() == nil {
		e.fail(n.Name, "net %s has no input; write input NAME: f32[...] from client", n.Name.Name)
	}
	if e.output == nil {
		e.fail(n.Name, "net %s has no output; write output NAME = EXPR to client", n.Name.Name)
	}
	e.unusedParams(n)
	return e.fn
}

func (e *elaborator) unusedParams(n *syntax.Net) {
	names := []string{}
	for _, p := range e.params {
		names = append(names, p.Name)
	}
	for name := range e.opts.Params {
		if !slices.Contains(names, name) {
			e.fail(n.Name, "net %s has no parameter %s%s", n.Name.Name, name, didYouMean(name, names))
		}
	}
}

// body runs statements; it reports the value of a return, if one ran.
func (e *elaborator) body(f *frame, b syntax.Body) (result value, returned bool) {
	for _, s := range b.Stmts {
		if !e.spend(1, s) {
			return bad{}, true
		}
		if result, returned = e.stmt(f, s); returned {
			return result, true
		}
	}
	return nil, false
}

func (e *elaborator) stmt(f *frame, s syntax.Stmt) (result value, returned bool) {
	switch s := s.(type) {
	case *syntax.Assign:
		f.vars[s.Name.Name] = e.expr(f, s.Value)
	case *syntax.Let:
		f.vars[s.Name.Name] = e.expr(f, s.Value)
	case *syntax.Vary:
		f.vars[s.Name.Name] = e.vary(f, s)
	case *syntax.For:
		return e.loop(f, s)
	case *syntax.If:
		return e.branch(f, s)
	case *syntax.Return:
		return e.expr(f, s.Value), true
	case *syntax.Input:
		f.vars[s.Name.Name] = e.input(f, s)
	case *syntax.Output:
		e.result(f, s)
	}
	return nil, false
}

func (e *elaborator) loop(f *frame, s *syntax.For) (result value, returned bool) {
	l, ok := e.listOf(f, s.In, "for goes over a list or a range")
	if !ok {
		e.poison(f, s.Body)
		return nil, false
	}
	for _, elem := range l.elems {
		if !e.spend(1, s) || !e.bind(f.vars, s.Vars, elem, s.In) {
			e.poison(f, s.Body)
			return nil, false
		}
		if result, returned = e.body(f, s.Body); returned {
			return result, true
		}
	}
	return nil, false
}

// bind gives names their values: one name the element itself, several names the elements of the list that it is.
func (e *elaborator) bind(vars map[string]value, names []syntax.Ident, elem value, in syntax.Expr) bool {
	if len(names) == 1 {
		vars[names[0].Name] = elem
		return true
	}
	l, ok := elem.(*list)
	if !ok || len(l.elems) != len(names) {
		if !isBad(elem) {
			e.fail(in, "an element of the list is %s; %d names take lists of %d values apart", show(elem), len(names), len(names))
		}
		return false
	}
	for i, n := range names {
		vars[n.Name] = l.elems[i]
	}
	return true
}

func (e *elaborator) branch(f *frame, s *syntax.If) (result value, returned bool) {
	for _, a := range s.Arms {
		yes, ok := e.condition(f, a.Cond)
		if !ok {
			e.poisonIf(f, s)
			return nil, false
		}
		if yes {
			return e.body(f, a.Body)
		}
	}
	if s.Else != nil {
		return e.body(f, *s.Else)
	}
	return nil, false
}

// poison marks what a body that could not run would have assigned, so that its uses do not raise further errors.
func (e *elaborator) poison(f *frame, b syntax.Body) {
	r := &resolver{names: map[string]bool{}, fixed: map[string]syntax.Ident{}}
	r.collect(b)
	for name := range r.names {
		f.vars[name] = bad{}
	}
}

func (e *elaborator) poisonIf(f *frame, s *syntax.If) {
	for _, a := range s.Arms {
		e.poison(f, a.Body)
	}
	if s.Else != nil {
		e.poison(f, *s.Else)
	}
}

// vary gives a parameter of the space its value: a scalar or nested lists.
func (e *elaborator) vary(f *frame, s *syntax.Vary) value {
	p := Param{Name: s.Name.Name, Pos: s.Pos}
	total, ok := 1, true
	for _, d := range s.Dims {
		n, fine := e.integer(f, d, "the length of a vector of parameters", 1)
		if fine && n > maxList/total {
			e.fail(d, "%s has more than %d elements", p.Name, maxList)
			fine = false
		}
		ok = ok && fine
		if ok {
			p.Dims, total = append(p.Dims, n), total*n
		}
	}
	var values []value
	for _, x := range s.Values {
		for _, v := range e.accepted(f, x) {
			ok = ok && !isBad(v)
			values = append(values, v)
			p.Values = append(p.Values, show(v))
		}
	}
	if len(values) == 0 {
		e.fail(s, "%s has no values", p.Name)
		return bad{}
	}
	if !ok {
		return bad{}
	}
	if p.Chosen, ok = e.chosen(s, total, len(values)); !ok {
		return bad{}
	}
	e.params = append(e.params, p)
	chosen := make([]value, total)
	for i, c := range p.Chosen {
		chosen[i] = values[c]
	}
	return nest(chosen, p.Dims)
}

// accepted gives the values that an entry of a parameter's set stands for: all of a range as it is written, otherwise one.
func (e *elaborator) accepted(f *frame, x syntax.Expr) []value {
	v := e.expr(f, x)
	if b, ok := x.(*syntax.Binary); ok && b.Op == ".." {
		if l, ok := v.(*list); ok {
			return l.elems
		}
	}
	if _, isTensor := v.(*tensor); isTensor {
		v = e.fail(x, "a parameter of the space is a number, a string, true or false, or a list of them, not a tensor")
	}
	return []value{v}
}

// chosen gives the indices picked for a parameter, all zero by default.
func (e *elaborator) chosen(s *syntax.Vary, total, values int) ([]int, bool) {
	if slices.ContainsFunc(e.params, func(p Param) bool { return p.Name == s.Name.Name }) {
		e.fail(s.Name, "%s is a parameter of the space twice", s.Name.Name)
		return nil, false
	}
	picked, ok := e.opts.Params[s.Name.Name]
	if !ok {
		return make([]int, total), true
	}
	if len(picked) != total {
		e.fail(s.Name, "%s takes %d value(s), not %d", s.Name.Name, total, len(picked))
		return nil, false
	}
	for _, c := range picked {
		if c < 0 || c >= values {
			e.fail(s.Name, "%s has no value number %d; accepted are 0 to %d", s.Name.Name, c, values-1)
			return nil, false
		}
	}
	return append([]int(nil), picked...), true
}

// nest folds a row-major vector into lists of the given dimensions; a scalar for none.
func nest(flat []value, dims []int) value {
	if len(dims) == 0 {
		return flat[0]
	}
	per := len(flat) / dims[0]
	elems := make([]value, dims[0])
	for i := range elems {
		elems[i] = nest(flat[i*per:(i+1)*per], dims[1:])
	}
	return newList(elems)
}

func (e *elaborator) input(f *frame, s *syntax.Input) value {
	shape, ok := make([]int, len(s.Type.Dims)), true
	total := 1
	for i, d := range s.Type.Dims {
		n, fine := e.integer(f, d, "a side of the input", 1)
		if fine && n > 1<<28/total {
			e.fail(s.Type, "the input has more than 2^28 elements")
			fine = false
		}
		if ok = ok && fine; ok {
			shape[i], total = n, total*n
		}
	}
	if n := len(shape); n != 1 && n != 3 {
		e.fail(s.Type, "an input has %d dimensions; accepted are f32[N] and f32[C, H, W]", n)
		ok = false
	}
	if !ok {
		return bad{}
	}
	attrs := e.fields(f, s, shape)
	v := &ir.Value{Name: s.Name.Name, Op: ir.Input, Type: ir.Float(shape...), Attrs: attrs, Pos: s.Pos, Path: s.Name.Name}
	for _, p := range e.fn.Params {
		if p.Name == v.Name {
			return e.fail(s.Name, "input %s is declared twice", v.Name)
		}
	}
	e.fn.Params = append(e.fn.Params, v)
	return &tensor{v: v, at: s.Name.Node}
}

// fields evaluates the preprocessing of an input against its shape. Fields with errors are left out.
func (e *elaborator) fields(f *frame, s *syntax.Input, shape []int) ir.Attrs {
	attrs := ir.Attrs{}
	if len(s.Fields) > 0 && len(shape) != 3 {
		e.fail(s.Fields[0], "only an image f32[C, H, W] is preprocessed")
		return attrs
	}
	for _, field := range s.Fields {
		switch name := field.Name.Name; name {
		case "resize", "crop":
			if n, ok := e.side(f, field, shape); ok {
				attrs[name] = n
			}
		case "mean", "std":
			if list, ok := e.perChannel(f, field, shape[0]); ok {
				attrs[name] = list
			}
		}
	}
	return attrs
}

func (e *elaborator) side(f *frame, field syntax.Field, shape []int) (int, bool) {
	n, ok := e.integer(f, field.Value, field.Name.Name, 1)
	if ok && field.Name.Name == "crop" && (n != shape[1] || n != shape[2]) {
		e.fail(field, "crop gives %d x %d pixels, the input has %d x %d", n, n, shape[1], shape[2])
		return 0, false
	}
	if ok && field.Name.Name == "resize" && (n > 1<<16 || n < max(shape[1], shape[2])) {
		e.fail(field, "resize to %d does not cover the input of %d x %d; accepted are %d to %d", n, shape[1], shape[2],
			max(shape[1], shape[2]), 1<<16)
		return 0, false
	}
	return n, ok
}

func (e *elaborator) perChannel(f *frame, field syntax.Field, channels int) ([]float64, bool) {
	l, ok := e.listOf(f, field.Value, field.Name.Name+" takes a list with a number a channel")
	if !ok {
		return nil, false
	}
	if len(l.elems) != channels {
		e.fail(field, "%s has %d number(s), the input has %d channel(s)", field.Name.Name, len(l.elems), channels)
		return nil, false
	}
	out := make([]float64, channels)
	for i, x := range l.elems {
		if out[i], ok = asFloat(x); !ok || field.Name.Name == "std" && out[i] <= 0 {
			if !isBad(x) {
				e.fail(field, "%s holds %s; accepted are numbers, positive ones for std", field.Name.Name, show(x))
			}
			return nil, false
		}
	}
	return out, true
}

// result makes an output the result of the net.
func (e *elaborator) result(f *frame, s *syntax.Output) {
	x := e.expr(f, s.Value)
	if e.output != nil {
		e.report(s.Errorf("a net has one output").Note(e.output.Pos, "the first output is here"))
		return
	}
	e.output = s
	t, ok := x.(*tensor)
	if !ok {
		if !isBad(x) {
			e.fail(s.Value, "the output is %s; accepted is a tensor", kindOf(x))
		}
		return
	}
	e.fn.Result = t.v
	e.fn.Output["name"] = s.Name.Name
	if t.softmaxed {
		e.fn.Output["post"] = "softmax"
	}
}

// scope gives names to the layers of one block call.
type scope struct {
	prefix string         // of every path inside, with its dot, or empty
	counts map[string]int // calls so far by function
	whole  bool           // the next call is all there is: its path is the prefix itself
}

func newScope(prefix string) *scope {
	if prefix != "" {
		prefix += "."
	}
	return &scope{prefix: prefix, counts: map[string]int{}}
}

var pathRule = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// path names a call. Two layers never have one name.
func (e *elaborator) path(f *frame, c *syntax.Call) (string, bool) {
	path, ok := e.named(f, c)
	if !ok {
		return "", false
	}
	if old, twice := e.paths[path]; twice {
		e.report(c.Errorf("two layers are called %s", path).Note(old.Pos, "the first is here"))
		return "", false
	}
	e.paths[path] = c.Node
	return path, true
}

// named gives a call its label, or its function and number. A label does not change the numbers of other calls.
func (e *elaborator) named(f *frame, c *syntax.Call) (string, bool) {
	s := f.scope
	s.counts[c.Fn.Name]++
	whole := s.whole
	s.whole = false
	switch {
	case c.Label != nil:
		text, ok := e.label(f, c.Label)
		return s.prefix + text, ok
	case whole:
		return s.prefix[:len(s.prefix)-1], true
	}
	return fmt.Sprintf("%s%s#%d", s.prefix, c.Fn.Name, s.counts[c.Fn.Name]), true
}

// label evaluates the name after `as`.
func (e *elaborator) label(f *frame, x *syntax.Str) (string, bool) {
	text, ok := e.str(f, x).(string)
	if ok && !pathRule.MatchString(text) {
		e.fail(x, "%q cannot be a name; accepted are letters, digits, _ and -, in parts separated by dots", text)
		return "", false
	}
	return text, ok
}
