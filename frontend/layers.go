package frontend

import (
	"fmt"
	"slices"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/pos"
)

// builtin is a function of the language: a layer, or a question about values.
type builtin struct {
	doc    string // for docs/LANGUAGE.md; empty: as the op's block says
	params []parameter
	// rest says that further positional arguments follow the first parameter: concat(a, b, c).
	rest bool
	// op is what the layer is made of, and build makes it. Questions have none.
	op    string
	build func(c *layerCall) value
	// ask answers a question without making a layer.
	ask func(c *layerCall) value
}

// parameter is a parameter of a built-in function. An optional one may be missing: it is then otherwise, or, where that is nil, what follows
// says in the language's words and build knows.
type parameter struct {
	name      string
	optional  bool
	otherwise any // int, float64 or bool
	follows   string
}

func required(names ...string) []parameter {
	list := make([]parameter, len(names))
	for i, n := range names {
		list[i].name = n
	}
	return list
}

func (b builtin) option(name string, otherwise any) builtin {
	b.params = append(b.params, parameter{name: name, optional: true, otherwise: otherwise})
	return b
}

func (b builtin) following(name, follows string) builtin {
	b.params = append(b.params, parameter{name: name, optional: true, follows: follows})
	return b
}

// builtins are listed in docs/LANGUAGE.md, which a test writes. The table is filled at start because layers evaluate
// calls, which look into the table: what needs a row, and the ops whose block says all.
var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		"conv": builtin{op: "nn.conv2d", params: required("x", "out", "kernel"), build: conv,
			doc: "Convolution with zeros around; `kernel`, `stride`, `pad` and `dilation` are an integer or `[rows, columns]`.",
		}.option("stride", 1).option("pad", 0).option("dilation", 1).option("groups", 1).option("bias", true),
		"linear": builtin{op: "nn.linear", params: required("x", "out"), build: linear, doc: "Fully connected, on a vector."}.option("bias", true),
		"batchnorm": builtin{op: "nn.batchnorm", params: required("x"), build: batchnorm,
			doc: "Batch normalisation, a channel at a time."}.option("eps", 1e-5),
		"x2act": builtin{op: "nn.x2act", params: required("x"), build: x2act,
			doc: "PASNet's polynomial, scale\\*a\\*x^2 + b\\*x + c, of three trained numbers."}.option("scale", 1.0),
		"maxpool": builtin{op: "nn.maxpool", params: required("x", "kernel"), build: pool,
			doc: "The greatest element of each window; padding never wins."}.following("stride", "kernel").option("pad", 0),
		"avgpool": builtin{op: "nn.avgpool", params: required("x"), build: pool,
			doc: "The mean of each window, zeros of the padding counted.",
		}.following("kernel", "[height(x), width(x)]").following("stride", "kernel").option("pad", 0),
		"concat": {op: "nn.concat", params: required("x"), rest: true, build: concat,
			doc: "Tensors, and lists of tensors, one after the other along the channels."},
		"pad": {op: "nn.pad", params: required("x", "sides"), build: pad,
			doc: "Zeros around: an integer, or `[top, bottom, left, right]`."},
		"dropout": builtin{op: "nn.dropout", params: required("x"), build: dropout,
			doc: "Acts in training only: zeros with probability p, the others over 1 - p."}.option("p", 0.5),
		"flatten": {op: "nn.reshape", params: required("x"), build: flatten, doc: "The elements as a vector, channel by channel, row by row."},
		"argmax":  {op: "nn.argmax", params: required("x"), build: vectorOp},
		"softmax": {op: "nn.softmax", params: required("x"), build: softmax, doc: "The client's last step, on its clear result."},
		"maybe": {op: "nn.slice", params: required("x"), build: maybe,
			doc: "A choice between x (`keep`) and zeros of its shape (`drop`)."},
		"channels": {params: required("x"), ask: side(0), doc: "The first side of a shape."},
		"height":   {params: required("x"), ask: side(1), doc: "The second."},
		"width":    {params: required("x"), ask: side(2), doc: "The third."},
		"len":      {params: required("list"), ask: length, doc: "How many values a list holds."},
	}
	for _, o := range ir.Ops() {
		name, users := strings.CutPrefix(o.Name, "nn.")
		if _, taken := builtins[name]; users && !taken && !o.Inner && asDeclared(o) {
			builtins[name] = declared(o)
		}
	}
}

// asDeclared tells whether a layer can be made of what an op's block says alone: it is of one tensor, without weights, and its options are
// numbers. Others have a row above.
func asDeclared(o *ir.Op) bool {
	number := func(a ir.Attr) bool { return a.Default != nil || a.Kind == ir.IntAttr || a.Kind == ir.FloatAttr }
	return o.Stages&ir.Space != 0 && len(o.Operands) == 1 && !o.Variadic && o.Weights == 0 && !slices.ContainsFunc(o.Attrs, func(a ir.Attr) bool { return !number(a) })
}

// declared is the layer of an op's block, called as it is: its tensor, and integers and numbers as options. Its Infer says what it accepts.
func declared(o *ir.Op) builtin {
	b := builtin{op: o.Name, params: required("x")}
	var options []ir.Attr
	for _, a := range o.Attrs {
		if a.Kind == ir.IntAttr || a.Kind == ir.FloatAttr {
			options = append(options, a)
			b.params = append(b.params, parameter{name: a.Name, optional: a.Default != nil, otherwise: a.Default})
		}
	}
	b.build = func(c *layerCall) value {
		x, attrs := c.tensor(), ir.Attrs{}
		for _, a := range options {
			if attrs[a.Name] = a.Default; c.args[a.Name].value != nil {
				attrs[a.Name] = c.number(a)
			}
		}
		if c.failed {
			return bad{}
		}
		return c.build(attrs, x.v)
	}
	return b
}

// layerCall is a call of a built-in function that is being elaborated.
type layerCall struct {
	e        *elaborator
	f        *frame
	call     *syntax.Call
	fn       builtin
	op       string
	at       syntax.Node
	path     string
	args     map[string]argument
	operands []*tensor // for notes: the tensors it works on
	failed   bool
}

func (e *elaborator) layer(f *frame, c *syntax.Call, b builtin, piped *argument) value {
	l := &layerCall{e: e, f: f, call: c, fn: b, op: b.op, at: c.Node}
	names := make([]string, len(b.params))
	for i, p := range b.params {
		names[i] = p.name
	}
	var ok bool
	if b.rest {
		ok = l.gather(piped)
	} else {
		l.args, ok = e.bindArgs(f, c, names, piped)
	}
	for _, p := range b.params {
		if _, given := l.args[p.name]; !given && !p.optional && ok {
			return l.fail("", "needs the argument %s; its arguments are %s", p.name, strings.Join(names, ", "))
		}
	}
	if b.ask != nil {
		if !ok {
			return bad{}
		}
		return b.ask(l)
	}
	var named bool
	if l.path, named = e.path(f, c); !ok || !named {
		return bad{}
	}
	return b.build(l)
}

// gather collects the arguments of a function that takes any number, lists of tensors among them, as one list x.
func (c *layerCall) gather(piped *argument) bool {
	var all []value
	ok := true
	take := func(a argument) {
		if l, isList := a.value.(*list); isList {
			all = append(all, l.elems...)
		} else {
			all = append(all, a.value)
		}
		ok = ok && !isBad(a.value)
	}
	if piped != nil {
		take(*piped)
	}
	for _, a := range c.call.Args {
		take(argument{c.e.expr(c.f, a.Value), a.Node})
	}
	c.args = map[string]argument{"x": {newList(all), c.at}}
	return ok
}

// fail reports an error of this layer at an argument, or at the whole call where arg is not given. The shapes of the
// tensors it works on are notes.
func (c *layerCall) fail(arg, format string, args ...any) value {
	c.failed = true
	return c.e.report(c.diagnostic(arg, fmt.Sprintf(format, args...)))
}

func (c *layerCall) diagnostic(arg, msg string) *pos.Diagnostic {
	at := c.at
	if a, ok := c.args[arg]; ok && arg != "x" {
		at = a.at
	}
	d := at.Errorf("%s: %s", c.call.Fn.Name, msg)
	for i, t := range c.operands {
		name := "x"
		if len(c.operands) > 1 {
			name = fmt.Sprintf("operand %d", i+1)
		}
		d.Note(t.at.Pos, "%s has shape %s from here", name, typeText(t.v.Type))
	}
	return d
}

func (c *layerCall) afterSoftmax(t *tensor) value {
	d := c.at.Errorf("softmax is the client's last step on its clear result; only output may take it")
	return c.e.report(d.Note(t.at.Pos, "the softmax is here"))
}

// tensor reads the argument x.
func (c *layerCall) tensor() *tensor {
	a := c.args["x"]
	t, ok := a.value.(*tensor)
	switch {
	case !ok:
		c.fail("", "x is %s; accepted is a tensor", show(a.value))
		return nil
	case t.softmaxed:
		c.failed = true
		c.afterSoftmax(t)
		return nil
	}
	c.operands = []*tensor{t}
	return t
}

// image reads the argument x, which must have three dimensions.
func (c *layerCall) image() *tensor {
	t := c.tensor()
	if t != nil && len(t.v.Type.Shape) != 3 {
		c.fail("", "x has shape %s; accepted is f32[C, H, W]", typeText(t.v.Type))
		return nil
	}
	return t
}

// vector reads the argument x, which must have one dimension.
func (c *layerCall) vector() *tensor {
	t := c.tensor()
	if t != nil && len(t.v.Type.Shape) != 1 {
		c.fail("", "x has shape %s; accepted is f32[N], which flatten gives", typeText(t.v.Type))
		return nil
	}
	return t
}

// maxSide bounds integers that become shapes or windows.
const maxSide = 1 << 20

// given tells whether an optional argument was written.
func (c *layerCall) given(name string) bool {
	_, ok := c.args[name]
	return ok
}

// otherwise is what an argument is that was not written.
func (c *layerCall) otherwise(name string) any {
	i := slices.IndexFunc(c.fn.params, func(p parameter) bool { return p.name == name })
	return c.fn.params[i].otherwise
}

// int reads an integer of at least least.
func (c *layerCall) int(name string, least int) int {
	a, ok := c.args[name]
	if !ok {
		return c.otherwise(name).(int)
	}
	n, ok := a.value.(int)
	if !ok || n < least || n > maxSide {
		c.fail(name, "%s is %s; accepted are integers from %d to %d", name, show(a.value), least, maxSide)
	}
	return n
}

// pair reads an integer, for both directions, or [rows, columns].
func (c *layerCall) pair(name string, least int) []int {
	a, ok := c.args[name]
	if !ok {
		n := c.otherwise(name).(int)
		return []int{n, n}
	}
	var p []int
	switch v := a.value.(type) {
	case int:
		p = []int{v, v}
	case *list:
		p = ints(v)
	}
	if len(p) != 2 || min(p[0], p[1]) < least || max(p[0], p[1]) > maxSide {
		c.fail(name, "%s is %s; accepted are an integer and [rows, columns], from %d to %d", name, show(a.value), least, maxSide)
		return []int{1, 1}
	}
	return p
}

// ints gives a list of integers, or nil.
func ints(l *list) []int {
	out := make([]int, len(l.elems))
	for i, e := range l.elems {
		n, ok := e.(int)
		if !ok {
			return nil
		}
		out[i] = n
	}
	return out
}

func (c *layerCall) bool(name string) bool {
	a, ok := c.args[name]
	if !ok {
		return c.otherwise(name).(bool)
	}
	b, ok := a.value.(bool)
	if !ok {
		c.fail(name, "%s is %s; accepted are true and false", name, show(a.value))
	}
	return b
}

// float reads a number in [least, most].
func (c *layerCall) float(name string, least, most float64) float64 {
	a, ok := c.args[name]
	if !ok {
		return c.otherwise(name).(float64)
	}
	x, ok := asFloat(a.value)
	if !ok || x < least || x > most {
		c.fail(name, "%s is %s; accepted are numbers from %g to %g", name, show(a.value), least, most)
	}
	return x
}

// number reads an option that the layer's op declares: its Infer knows more of it than what kind it is.
func (c *layerCall) number(a ir.Attr) any {
	if a.Kind == ir.FloatAttr {
		return c.float(a.Name, -maxSide, maxSide)
	}
	return c.int(a.Name, -maxSide)
}

// weight makes a parameter of the layer.
func (c *layerCall) weight(name string, shape ...int) *ir.Value {
	v, err := c.e.b.AtPath(c.at.Pos, c.path).Param(c.path+"."+name, shape...)
	if err != nil {
		c.fail("out", "%v", err)
		return nil
	}
	return v
}

// build appends the layer, or explains why its operands do not go together.
func (c *layerCall) build(attrs ir.Attrs, args ...*ir.Value) value {
	if c.failed {
		return bad{}
	}
	if c.e.layers++; c.e.layers > maxLayers {
		return c.e.halt(c.at, "the network has more than %d layers", maxLayers)
	}
	v, err := c.e.b.AtPath(c.at.Pos, c.path).Emit(c.op, attrs, args...)
	if err != nil {
		msg := strings.ReplaceAll(strings.TrimPrefix(err.Error(), c.op+": "), "\n", "; ")
		return c.fail(c.blamed(msg), "%s", msg)
	}
	return &tensor{v: v, at: c.at}
}

// blamed is the argument that the first word of a message names, if it was given.
func (c *layerCall) blamed(msg string) string {
	word, _, _ := strings.Cut(msg, " ")
	return word
}

// conv: y = conv2d(x, weight[out, C/groups, kh, kw]) + bias[out].
func conv(c *layerCall) value {
	x := c.image()
	out, kernel := c.int("out", 1), c.pair("kernel", 1)
	groups := c.int("groups", 1)
	attrs := ir.Attrs{
		"stride": c.pair("stride", 1), "pad": c.pair("pad", 0),
		"dilation": c.pair("dilation", 1), "groups": groups,
	}
	bias := c.bool("bias") && (c.given("bias") || !c.e.decls.unbiased[c.call])
	if c.failed {
		return bad{}
	}
	channels := x.v.Type.Shape[0]
	if channels%groups != 0 || out%groups != 0 {
		return c.fail("groups", "%d groups do not divide %d input and %d output channels", groups, channels, out)
	}
	args := []*ir.Value{x.v, c.weight("weight", out, channels/groups, kernel[0], kernel[1])}
	if bias {
		args = append(args, c.weight("bias", out))
	}
	return c.build(attrs, args...)
}

// linear: y = weight[out, N] x + bias[out].
func linear(c *layerCall) value {
	x := c.vector()
	out, bias := c.int("out", 1), c.bool("bias")
	if c.failed {
		return bad{}
	}
	args := []*ir.Value{x.v, c.weight("weight", out, x.v.Type.Shape[0])}
	if bias {
		args = append(args, c.weight("bias", out))
	}
	return c.build(nil, args...)
}

func batchnorm(c *layerCall) value {
	x := c.tensor()
	eps := c.float("eps", 1e-12, 1)
	if c.failed {
		return bad{}
	}
	args := []*ir.Value{x.v}
	for _, name := range []string{"weight", "bias", "running_mean", "running_var"} {
		args = append(args, c.weight(name, x.v.Type.Shape[0]))
	}
	return c.build(ir.Attrs{"eps": eps}, args...)
}

// x2act: y = scale*a*x^2 + b*x + c (PASNet) with three scalar weights.
func x2act(c *layerCall) value {
	x := c.tensor()
	scale := c.float("scale", -maxSide, maxSide)
	if c.failed {
		return bad{}
	}
	return c.build(ir.Attrs{"scale": scale}, x.v, c.weight("a", 1), c.weight("b", 1), c.weight("c", 1))
}

// pool builds a pooling layer; without a kernel the window is the whole image.
func pool(c *layerCall) value {
	x := c.image()
	if c.failed {
		return bad{}
	}
	kernel := x.v.Type.Shape[1:]
	if c.given("kernel") {
		kernel = c.pair("kernel", 1)
	}
	stride := kernel
	if c.given("stride") {
		stride = c.pair("stride", 1)
	}
	return c.build(ir.Attrs{"kernel": kernel, "stride": stride, "pad": c.pair("pad", 0)}, x.v)
}

// concat joins tensors along the channels.
func concat(c *layerCall) value {
	elems := c.args["x"].value.(*list).elems
	if len(elems) == 0 {
		return c.fail("", "there is nothing to join")
	}
	values := make([]*ir.Value, len(elems))
	for i, v := range elems {
		t, ok := v.(*tensor)
		if !ok {
			return c.fail("", "argument %d is %s; accepted are tensors and lists of tensors", i+1, show(v))
		}
		if t.softmaxed {
			return c.afterSoftmax(t)
		}
		c.operands = append(c.operands, t)
		values[i] = t.v
	}
	return c.build(nil, values...) // of one tensor too: it says that skips might have joined here, see passes/relu
}

// pad puts zeros around an image: the same number on all sides, or [top, bottom, left, right].
func pad(c *layerCall) value {
	x := c.image()
	a := c.args["sides"]
	var sides []int
	switch v := a.value.(type) {
	case int:
		sides = []int{v, v, v, v}
	case *list:
		sides = ints(v)
	}
	if len(sides) != 4 {
		return c.fail("sides", "sides is %s; accepted are an integer and [top, bottom, left, right]", show(a.value))
	}
	if c.failed {
		return bad{}
	}
	return c.build(ir.Attrs{"sides": sides}, x.v)
}

func dropout(c *layerCall) value {
	x := c.tensor()
	p := c.float("p", 0, 1)
	if c.failed {
		return bad{}
	}
	return c.build(ir.Attrs{"p": p}, x.v)
}

// flatten gives the elements as a vector, channel by channel and row by row.
func flatten(c *layerCall) value {
	x := c.tensor()
	if c.failed {
		return bad{}
	}
	return c.build(ir.Attrs{"shape": []int{x.v.Type.Len()}}, x.v)
}

func vectorOp(c *layerCall) value {
	x := c.vector()
	if c.failed {
		return bad{}
	}
	return c.build(nil, x.v)
}

// softmax is no layer: the client computes it on its clear result.
func softmax(c *layerCall) value {
	x := c.vector()
	if c.failed {
		return bad{}
	}
	return &tensor{v: x.v, at: c.at, softmaxed: true}
}

// maybe chooses between keeping a connection and zeros in its place.
func maybe(c *layerCall) value {
	x := c.image()
	if c.failed {
		return bad{}
	}
	keep := &ir.Option{Label: "keep", Result: x.v}
	drop := &ir.Option{Label: "drop"}
	outer := c.e.b
	c.e.b = outer.In(drop)
	inner := *c
	inner.path += ".drop"
	// A slice that starts beyond the edge holds nothing but the zeros outside.
	beyond := max(x.v.Type.Shape[1], x.v.Type.Shape[2])
	zeros, ok := inner.build(ir.Attrs{"start": beyond}, x.v).(*tensor)
	c.e.b = outer
	if !ok {
		return bad{}
	}
	drop.Result = zeros.v
	return c.e.site(c.call, c.path, c.path, "maybe", []*ir.Option{keep, drop}, nil)
}

// side answers with one side of an image; a vector has only channels.
func side(i int) func(c *layerCall) value {
	return func(c *layerCall) value {
		x := c.tensor()
		if c.failed {
			return bad{}
		}
		if i >= len(x.v.Type.Shape) {
			return c.fail("", "x has shape %s; accepted is f32[C, H, W]", typeText(x.v.Type))
		}
		return x.v.Type.Shape[i]
	}
}

func length(c *layerCall) value {
	a := c.args["list"]
	l, ok := a.value.(*list)
	if !ok {
		return c.fail("list", "list is %s; accepted is a list", show(a.value))
	}
	return len(l.elems)
}
