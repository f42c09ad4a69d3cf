package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// call is a node that is being read by the row of its operator.
type call struct {
	im     *importer
	n      *Node
	scope  *scope
	attrs  map[string]*Attr
	read   map[string]bool // attributes that the row has asked for
	failed bool
}

// run reads the node.
func (c *call) run() {
	for _, a := range c.n.Attrs {
		if a = c.scope.attr(a); a != nil {
			c.attrs[a.Name] = a
		}
	}
	for _, name := range c.n.Outputs {
		c.scope.values[name] = &value{name: name, bad: true} // until the row says better
	}
	for i := range c.n.Inputs {
		if v := c.in(i); v != nil && v.bad {
			return // reported where it was made
		}
	}
	row, ok := operators[c.n.Op]
	if c.n.Domain != "" || !ok {
		c.fail("", hintFor(c.n.Op), "the operator is not supported%s", domainText(c.n.Domain))
		return
	}
	if c.failed {
		return
	}
	v := row(c)
	for _, a := range c.n.Attrs {
		if !c.read[a.Name] && !c.failed {
			c.fail(a.Name, "", "the attribute is not understood")
		}
	}
	if c.failed || v == nil || len(c.n.Outputs) == 0 {
		return
	}
	v.name = c.n.Outputs[0]
	c.scope.values[v.name] = v
}

func domainText(domain string) string {
	if domain == "" {
		return ""
	}
	return " (domain " + clip(domain) + ")"
}

// fail reports that the node, or one of its attributes, cannot be said in the language.
func (c *call) fail(attr, hint, format string, args ...any) {
	c.failed = true
	what := fmt.Sprintf("node %s (%s)", clip(c.n.Name), clip(c.n.Op))
	if attr != "" {
		what += ": " + clip(attr) + " = " + c.attrs[attr].text()
	}
	c.im.fail(hint, "%s: %s", what, fmt.Sprintf(format, args...))
}

func (a *Attr) text() string {
	if a == nil {
		return "default"
	}
	switch a.Type {
	case FloatAttr:
		return fmt.Sprint(a.F)
	case IntAttr:
		return fmt.Sprint(a.I)
	case StringAttr:
		return clip(fmt.Sprintf("%q", a.S))
	case IntsAttr:
		return clip(fmt.Sprint(a.Ints))
	case FloatsAttr:
		return clip(fmt.Sprint(a.Floats))
	}
	return fmt.Sprintf("(type %d)", a.Type)
}

// attr gives an attribute of a type, nil where there is none.
func (c *call) attr(name string, want AttrType) *Attr {
	c.read[name] = true
	a := c.attrs[name]
	if a != nil && a.Type != want {
		c.fail(name, "", "it has type %d: accepted is %d", a.Type, want)
		return nil
	}
	return a
}

func (c *call) int(name string, missing int64) int64 {
	if a := c.attr(name, IntAttr); a != nil {
		return a.I
	}
	return missing
}

func (c *call) float(name string, missing float32) float32 {
	if a := c.attr(name, FloatAttr); a != nil {
		return a.F
	}
	return missing
}

func (c *call) str(name, missing string) string {
	if a := c.attr(name, StringAttr); a != nil {
		return a.S
	}
	return missing
}

// ints gives a list of integers between low and maxSide, of n elements; missing where it is not given.
func (c *call) ints(name string, n int, low int64, missing int) []int {
	a := c.attr(name, IntsAttr)
	if a == nil {
		return slices.Repeat([]int{missing}, n)
	}
	out := make([]int, len(a.Ints))
	for i, x := range a.Ints {
		if x < low || x > maxSide {
			c.fail(name, "", "accepted are integers from %d to %d", low, maxSide)
			return slices.Repeat([]int{missing}, n)
		}
		out[i] = int(x)
	}
	if len(out) != n {
		c.fail(name, "", "accepted are %d integers: the language has images, neither signals nor volumes", n)
		return slices.Repeat([]int{missing}, n)
	}
	return out
}

// only refuses an attribute that has another value than the one the language knows.
func (c *call) only(name string, want int64, hint string) {
	if got := c.int(name, want); got != want {
		c.fail(name, hint, "accepted is %d", want)
	}
}

// in gives an input, nil where it is left out. One that nothing has made is an error.
func (c *call) in(i int) *value {
	if i >= len(c.n.Inputs) || c.n.Inputs[i] == "" {
		return nil
	}
	v := c.scope.values[c.n.Inputs[i]]
	if v == nil {
		c.fail("", "", "input %s is made by no node before it", clip(c.n.Inputs[i]))
		return &value{bad: true}
	}
	return v
}

// activation gives an input that is computed from the network's.
func (c *call) activation(i int) *value {
	v := c.in(i)
	switch {
	case v == nil || v.bad:
		if !c.failed {
			c.fail("", "", "input %d is missing", i)
		}
		return nil
	case v.layer == nil:
		c.fail("", "", "input %s is constant: accepted is what is computed from the network's input", clip(v.name))
		return nil
	case v.softmax:
		c.fail("", "take the softmax off, or to the end", "it reads a softmax, which only the output may be")
		return nil
	}
	return v
}

// input gives the layer that an input is, as ONNX sees it: an image or a vector.
func (c *call) input(i int) *layer {
	v := c.activation(i)
	if v == nil {
		return nil
	}
	return c.tensor(v)
}

// tensor gives the layer of an activation. One that the graph sees as a vector is flattened; other views are errors.
func (c *call) tensor(v *value) *layer {
	if v.bad || v.layer == nil {
		return nil
	}
	l := v.layer
	if v.poly != nil {
		l = c.x2act(v.poly)
	}
	switch {
	case l == nil:
		return nil
	case len(v.shape) > 0 && slices.Equal(v.shape[1:], l.shape):
		return l
	case len(v.shape) == 2 && v.shape[1] == size(l.shape):
		if l.flat == nil {
			l.flat = c.weightless("flatten", []int{v.shape[1]}, l)
			l.flat.least0 = l.least0
		}
		return l.flat
	}
	c.fail("", "the language has images [C, H, W] and vectors", "it reads %s of shape %v, which is a view of %v", clip(v.name), v.shape, l.shape)
	return nil
}

// image gives an input of shape [batch, C, H, W].
func (c *call) image(i int) *layer {
	l := c.input(i)
	if l != nil && len(l.shape) != 3 {
		c.fail("", "", "it reads a tensor of shape %v: accepted are images [C, H, W]", l.shape)
		return nil
	}
	return l
}

// constants gives an input of known numbers, nil if it is left out or, as an error, if it is computed.
func (c *call) constants(i int) ([]float32, []int) {
	v := c.in(i)
	if v == nil || v.bad {
		return nil, nil
	}
	if v.floats == nil {
		c.fail("", "", "input %s is not a constant: accepted are weights of the model", clip(v.name))
		return nil, nil
	}
	data, err := c.im.elements(v.floats)
	if err != nil {
		c.fail("", "", "%v", err)
		return nil, nil
	}
	for _, x := range data {
		if math.IsNaN(float64(x)) {
			c.fail("", "", "input %s holds NaN", clip(v.name))
			return nil, nil
		}
	}
	return data, v.shape
}

// scalar gives an input of one known number.
func (c *call) scalar(i int, missing float32) float32 {
	if c.in(i) == nil {
		return missing
	}
	data, shape := c.constants(i)
	if len(data) != 1 {
		if !c.failed {
			c.fail("", "", "input %d has shape %v: accepted is one number", i, shape)
		}
		return missing
	}
	return data[0]
}

// integers gives an input of known integers, nil if it is left out.
func (c *call) integers(i int) []int64 {
	v := c.in(i)
	if v == nil || v.bad {
		return nil
	}
	if v.ints == nil {
		c.fail("", "export it for inputs of a fixed size", "input %s is not known before the network runs", clip(v.name))
		return nil
	}
	return v.ints
}

// axes gives axes between 0 and rank, from an attribute or, in later opsets, an input; nil where none are given.
func (c *call) axes(name string, input, rank int) []int {
	var list []int64
	if a := c.attr(name, IntsAttr); a != nil {
		list = a.Ints
	} else {
		list = c.integers(input)
	}
	out := make([]int, 0, len(list))
	for _, x := range list {
		out = append(out, c.axis(name, x, rank))
	}
	slices.Sort(out)
	return out
}

func (c *call) axis(name string, x int64, rank int) int {
	if x < 0 {
		x += int64(rank)
	}
	if x < 0 || x >= int64(rank) {
		c.fail(name, "", "axis %d of a tensor with %d", x, rank)
		return 0
	}
	return int(x)
}

// is gives the value that a layer is.
func (c *call) is(l *layer) *value {
	if l == nil {
		return nil
	}
	return &value{layer: l, shape: append([]int{c.im.batch}, l.shape...)}
}

// view is the same elements in another shape of ONNX's.
func (c *call) view(v *value, shape []int) *value {
	w := *v
	w.shape = shape
	return &w
}

// weightless adds a layer without weights.
func (c *call) weightless(op string, shape []int, in ...*layer) *layer {
	return c.add(&layer{op: op, in: in, shape: shape})
}

// weighted adds a layer with weights; names are those of the graph's constants that it has them from.
func (c *call) weighted(l *layer, names ...string) *layer {
	if l.path = c.im.unique(c.pathOf(names), l.op); len(names) > 0 {
		l.from = names[0]
	}
	return c.add(l)
}

func (c *call) add(l *layer) *layer {
	if c.failed || slices.Contains(l.in, nil) {
		return nil
	}
	if elements := size(l.shape); slices.Max(l.shape) > maxSide || elements > maxSide*maxSide {
		c.fail("", "", "it makes a tensor of shape %v: accepted are sides of at most %d", l.shape, maxSide)
		return nil
	}
	if l.path != "" {
		l.module, l.known = l.path, true
	} else {
		l.module, l.known = moduleOf(c.n)
	}
	l.class = classOf(c.n)
	c.im.layers = append(c.im.layers, l)
	return l
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// pair is an argument of two integers, one where they agree, and none where they are what is usual.
func pair(name string, v, usual []int) []arg {
	switch {
	case slices.Equal(v, usual):
		return nil
	case v[0] == v[1]:
		return []arg{{name: name, ints: v[:1]}}
	}
	return []arg{{name: name, ints: v}}
}

// hintFor says what to do about operators that one meets in networks for images.
func hintFor(op string) string {
	switch op {
	case "Sigmoid", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Elu", "Selu", "Tanh", "Erf", "Gelu", "Softplus", "Mish":
		return "activations of the language are relu, relu6 and x2act: train the network with one of them"
	case "Mul", "Div":
		return "the language has no product of activations, as of gates or squeeze-and-excitation: train the network without"
	case "Split", "Gather", "Slice":
		return "the language takes no channels out of a tensor: train the network with convolutions in their place"
	case "LayerNormalization", "InstanceNormalization", "GroupNormalization", "LRN":
		return "the language has batch normalisation alone"
	case "QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger":
		return "export the network in floating point: sotto chooses fixed point itself"
	case "If", "Loop", "Scan":
		return "export the network for one fixed input, where nothing is left to decide"
	case "LogSoftmax":
		return "export the network without it: the class is the same"
	case "Resize", "Upsample":
		return "the language has upsample(x, factor) for nearest neighbours: write it into the .sotto file"
	}
	return "the operators that are read are " + strings.Join(operatorNames(), ", ")
}
