package onnx

import (
	"math"
	"slices"
)

// poly is a*x^2 + b*x + c of a layer, as exports write x2act.
type poly struct {
	of      *layer
	a, b, c float32
	by      *Node // that ends it
	made    *layer
}

// x2act adds the layer that a polynomial is.
func (c *call) x2act(p *poly) *layer {
	switch {
	case p.made != nil:
		return p.made
	case p.a == 0 && p.b == 1 && p.c == 0:
		return p.of
	case p.a == 0 && p.b == -1 && p.c == 0:
		p.made = c.weightless("-", p.of.shape, p.of)
		return p.made
	case p.a == 0:
		c.fail("", "put the factor into the weights of a layer before or after it", "it scales an activation by %v and adds %v: accepted are polynomials with a square", p.b, p.c)
		return nil
	}
	l := &layer{op: "x2act", in: []*layer{p.of}, shape: p.of.shape}
	for i, x := range []float32{p.a, p.b, p.c} {
		l.weights = append(l.weights, weight{string("abc"[i]), []int{1}, []float32{x}})
	}
	end := *c
	end.n = p.by // its name, and not that of who reads it
	p.made = end.weighted(l)
	return p.made
}

// polynomial gives an input as one; nil, without an error, where it is none.
func (c *call) polynomial(i int) *poly {
	v := c.in(i)
	if v == nil || v.layer == nil || v.softmax {
		return nil
	}
	if v.poly != nil {
		return v.poly
	}
	l := c.tensor(v)
	if l == nil {
		return nil
	}
	return &poly{of: l, b: 1}
}

// number gives an input that is one known number.
func (c *call) number(i int) (float32, bool) {
	v := c.in(i)
	if v == nil || v.floats == nil || size(v.shape) != 1 {
		return 0, false
	}
	data, _ := c.constants(i)
	return append(data, 0)[0], len(data) == 1
}

// isPoly gives the value that a polynomial is.
func (c *call) isPoly(p poly) *value {
	p.by = c.n
	v := c.is(p.of)
	v.poly = &p
	return v
}

// split sorts two inputs, one of which is a known number.
func (c *call) split() (p *poly, x float32, ok bool) {
	for i := range 2 {
		if x, ok = c.number(i); ok {
			return c.polynomial(1 - i), x, true
		}
	}
	return nil, 0, false
}

func mul(c *call) *value {
	if v, done := c.folded(func(x, y int64) (int64, bool) { return x * y, y == 0 || abs(x) <= math.MaxInt64/abs(y) }); done {
		return v
	}
	if p, x, ok := c.split(); ok && p != nil {
		return c.isPoly(poly{of: p.of, a: x * p.a, b: x * p.b, c: x * p.c})
	}
	p, q := c.polynomial(0), c.polynomial(1)
	if p != nil && q != nil && p.of == q.of && p.a == 0 && q.a == 0 {
		return c.isPoly(poly{of: p.of, a: p.b * q.b, b: p.b*q.c + p.c*q.b, c: p.c * q.c})
	}
	if !c.failed {
		c.fail("", hintFor("Mul"), "it multiplies two tensors: accepted are products by a number, and squares")
	}
	return nil
}

func abs(x int64) int64 { return max(x, -x) }

func div(c *call) *value {
	if v, done := c.folded(func(x, y int64) (int64, bool) { return x / max(y, 1), y > 0 && x >= 0 }); done {
		return v
	}
	x, ok := c.number(1)
	p := c.polynomial(0)
	if !ok || p == nil || x == 0 {
		if !c.failed {
			c.fail("", hintFor("Div"), "accepted are quotients of an activation by a number")
		}
		return nil
	}
	return c.isPoly(poly{of: p.of, a: p.a / x, b: p.b / x, c: p.c / x})
}

func pow(c *call) *value {
	p := c.polynomial(0)
	x, ok := c.number(1)
	if v := c.in(1); v != nil && len(v.ints) == 1 {
		x, ok = float32(v.ints[0]), true
	}
	if p == nil || !ok || x != 2 || p.a != 0 {
		if !c.failed {
			c.fail("", "", "accepted are squares")
		}
		return nil
	}
	return c.isPoly(poly{of: p.of, a: p.b * p.b, b: 2 * p.b * p.c, c: p.c * p.c})
}

func neg(c *call) *value {
	p := c.polynomial(0)
	if p == nil {
		c.input(0)
		return nil
	}
	return c.isPoly(poly{of: p.of, a: -p.a, b: -p.b, c: -p.c})
}

func add(c *call) *value {
	if v, done := c.folded(func(x, y int64) (int64, bool) { return x + y, abs(x) < 1<<62 && abs(y) < 1<<62 }); done {
		return v
	}
	if p, x, ok := c.split(); ok && p != nil && p.a != 0 {
		return c.isPoly(poly{of: p.of, a: p.a, b: p.b, c: p.c + x})
	}
	for i := range 2 {
		if v := c.in(i); v != nil && v.floats != nil {
			return c.addBias(1-i, i)
		}
	}
	if p, q := c.polynomial(0), c.polynomial(1); p != nil && q != nil && p.of == q.of && (p.a != 0 || q.a != 0) {
		return c.isPoly(poly{of: p.of, a: p.a + q.a, b: p.b + q.b, c: p.c + q.c})
	}
	return c.is(c.combined("+", c.input(0), c.input(1)))
}

// addBias gives the bias that is input bias to the linear layer or convolution that is input x.
func (c *call) addBias(x, bias int) *value {
	l := c.input(x)
	data, dims := c.constants(bias)
	if l == nil || data == nil {
		return nil
	}
	for len(dims) > 0 && dims[0] == 1 { // of the batch
		dims = dims[1:]
	}
	fits := l.op == "linear" && (len(dims) == 0 || slices.Equal(dims, l.shape)) || l.op == "conv" && len(dims) == 3 && slices.Equal(dims, []int{l.shape[0], 1, 1})
	if !fits || len(l.weights) != 1 || c.uses(c.n.Inputs[x]) != 1 {
		c.fail("", "put the constant into the bias of a layer", "it adds a constant of shape %v: accepted is the bias of a linear layer or a convolution that has none", dims)
		return nil
	}
	if len(dims) == 0 {
		data = slices.Repeat(data, l.shape[0])
	}
	l.weights = append(l.weights, weight{"bias", l.shape[:1], data})
	// The exporter may have renamed the weights, but not the bias.
	if path := c.pathOf(c.inputNames(bias)); path != "" && path != l.path {
		delete(c.im.paths, l.path)
		l.path = c.im.unique(path, l.op)
	}
	return c.is(l)
}

// uses counts the nodes of the graph that read a name.
func (c *call) uses(name string) int {
	if c.im.reads == nil {
		c.im.reads = map[string]int{}
		for _, n := range c.im.model.Graph.Nodes {
			for _, in := range n.Inputs {
				c.im.reads[in]++
			}
		}
	}
	return c.im.reads[name]
}

// combined adds a layer of two tensors of one shape.
func (c *call) combined(op string, x, y *layer) *layer {
	if x == nil || y == nil {
		return nil
	}
	if !slices.Equal(x.shape, y.shape) {
		c.fail("", "", "operands have shapes %v and %v: accepted is one shape", x.shape, y.shape)
		return nil
	}
	l := c.weightless(op, x.shape, x, y)
	if l != nil {
		l.least0 = op == "+" && x.least0 && y.least0
	}
	return l
}

func sum(c *call) *value {
	l := c.input(0)
	for i := 1; i < len(c.n.Inputs); i++ {
		l = c.combined("+", l, c.input(i))
	}
	return c.is(l)
}

func sub(c *call) *value {
	if v, done := c.folded(func(x, y int64) (int64, bool) { return x - y, abs(x) < 1<<62 && abs(y) < 1<<62 }); done {
		return v
	}
	return c.is(c.combined("-", c.input(0), c.input(1)))
}
