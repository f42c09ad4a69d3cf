package onnx

import (
	"slices"
)

// Shapes are computed by nodes: Shape, Gather, Concat and Reshape of integers. Their values are known here, as the network's input has a fixed size.

// known gives a value that is integers.
func known(list []int64, shape ...int) *value {
	return &value{ints: append([]int64{}, list...), shape: append([]int{}, shape...)}
}

func shape(c *call) *value {
	v := c.in(0)
	start, end := c.int("start", 0), int64(0)
	if v == nil || v.bad {
		return nil
	}
	end = c.int("end", int64(len(v.shape)))
	lo, hi := clampIndex(start, len(v.shape)), clampIndex(end, len(v.shape))
	var list []int64
	for _, d := range v.shape[lo:max(lo, hi)] {
		list = append(list, int64(d))
	}
	return known(list, len(list))
}

// clampIndex is an index of ONNX's, which may count from the end, within 0 to n.
func clampIndex(i int64, n int) int {
	if i < 0 {
		i += int64(n)
	}
	return int(min(max(i, 0), int64(n)))
}

func constant(c *call) *value {
	switch {
	case c.attrs["value"] != nil:
		if a := c.attr("value", TensorAttr); a != nil && a.T != nil {
			v := c.im.constant(a.T)
			if v.bad {
				c.failed = true
			}
			return v
		}
		c.fail("value", "", "it holds no tensor")
	case c.attrs["value_int"] != nil:
		return known([]int64{c.int("value_int", 0)})
	case c.attrs["value_ints"] != nil:
		if a := c.attr("value_ints", IntsAttr); a != nil && len(a.Ints) <= maxInts {
			return known(a.Ints, len(a.Ints))
		}
	case c.attrs["value_float"] != nil:
		return &value{floats: &floats{data: []float32{c.float("value_float", 0)}}}
	case c.attrs["value_floats"] != nil:
		if a := c.attr("value_floats", FloatsAttr); a != nil && len(a.Floats) > 0 {
			return &value{floats: &floats{data: a.Floats}, shape: []int{len(a.Floats)}}
		}
	}
	if !c.failed {
		c.fail("", "", "accepted are value, value_int, value_ints, value_float and value_floats")
	}
	return nil
}

func constantOfShape(c *call) *value {
	dims := c.integers(0)
	n := int64(1)
	for _, d := range dims {
		if d < 0 || d > maxInts || n*d > maxInts {
			c.fail("", "", "shape %v: accepted are at most %d elements", dims, maxInts)
			return nil
		}
		n *= d
	}
	fill := int64(0)
	if a := c.attr("value", TensorAttr); a != nil && a.T != nil {
		v := c.im.constant(a.T)
		if v.bad || len(v.ints) != 1 {
			c.fail("value", "", "accepted is one integer")
			return nil
		}
		fill = v.ints[0]
	} else if a == nil {
		c.fail("", "", "it makes floating-point zeros: accepted are integers, for shapes")
		return nil
	}
	shape := make([]int, len(dims))
	for i, d := range dims {
		shape[i] = int(d)
	}
	return known(slices.Repeat([]int64{fill}, int(n)), shape...)
}

// allKnown reports whether inputs are integers that are known.
func (c *call) allKnown() bool {
	for i := range c.n.Inputs {
		if v := c.in(i); v != nil && v.ints == nil {
			return false
		}
	}
	return len(c.n.Inputs) > 0
}

// folded computes an operation on integers, element by element, where both inputs are known.
func (c *call) folded(op func(x, y int64) (int64, bool)) (*value, bool) {
	if !c.allKnown() {
		return nil, false
	}
	x, y := c.in(0), c.in(1)
	if x == nil || y == nil || len(x.ints) != len(y.ints) && len(x.ints) != 1 && len(y.ints) != 1 || len(x.ints) == 0 || len(y.ints) == 0 {
		c.fail("", "", "integers of different shapes")
		return nil, true
	}
	like := x
	if len(y.ints) > len(x.ints) {
		like = y
	}
	out := known(like.ints, like.shape...)
	for i := range out.ints {
		z, ok := op(x.ints[i%len(x.ints)], y.ints[i%len(y.ints)])
		if !ok {
			c.fail("", "", "integers out of range")
			return nil, true
		}
		out.ints[i] = z
	}
	return out, true
}

// joined is Concat of integers.
func (c *call) joined() (*value, bool) {
	if !c.allKnown() {
		return nil, false
	}
	if axis := c.int("axis", 0); axis != 0 && axis != -1 {
		c.fail("axis", "", "accepted is 0 for integers")
		return nil, true
	}
	var list []int64
	for i := range c.n.Inputs {
		if v := c.in(i); v != nil && len(list) <= maxInts {
			list = append(list, v.ints...)
		}
	}
	if len(list) > maxInts {
		c.fail("", "", "more than %d integers", maxInts)
		return nil, true
	}
	return known(list, len(list)), true
}

// gather takes integers out of a vector.
func gather(c *call) *value {
	x, at := c.in(0), c.in(1)
	axis := c.int("axis", 0)
	if x == nil || at == nil || x.bad || at.bad {
		return nil
	}
	if x.ints == nil || at.ints == nil || len(x.shape) != 1 || axis != 0 && axis != -1 {
		c.fail("", hintFor("Gather"), "accepted is the choice of integers of a shape")
		return nil
	}
	out := known(at.ints, at.shape...)
	for i, k := range out.ints {
		if k < 0 {
			k += int64(len(x.ints))
		}
		if k < 0 || k >= int64(len(x.ints)) {
			c.fail("", "", "index %d of %d", k, len(x.ints))
			return nil
		}
		out.ints[i] = x.ints[k]
	}
	return out
}

// slice takes a part of integers along the first axis; steps may be -1, as for the order of pads.
func slice(c *call) *value {
	x := c.in(0)
	if x == nil || x.bad {
		return nil
	}
	if x.ints == nil {
		return c.wholeSlice(x)
	}
	get := func(name string, i int, missing int64) int64 {
		if a := c.attr(name, IntsAttr); a != nil && len(a.Ints) == 1 {
			return a.Ints[0]
		}
		if list := c.integers(i); len(list) == 1 {
			return list[0]
		}
		return missing
	}
	start, end, axis, step := get("starts", 1, 0), get("ends", 2, 1<<62), get("axes", 3, 0), get("steps", 4, 1)
	if len(x.shape) == 0 || c.axis("", axis, len(x.shape)) != 0 || step != 1 && step != -1 || x.shape[0] == 0 {
		c.fail("", "", "integers of shape %v: accepted are slices along the first axis, of steps 1 and -1", x.shape)
		return nil
	}
	rows := x.shape[0]
	row := len(x.ints) / rows
	var list []int64
	if step == 1 {
		lo, hi := clampIndex(start, rows), clampIndex(end, rows)
		list = x.ints[lo*row : max(lo, hi)*row]
	} else {
		lo, hi := min(clampIndex(start, rows), rows-1), -1
		if end >= -int64(rows) {
			hi = clampIndex(end, rows)
		}
		for r := lo; r > hi; r-- {
			list = append(list, x.ints[r*row:(r+1)*row]...)
		}
	}
	return known(list, append([]int{len(list) / max(row, 1)}, x.shape[1:]...)...)
}

// wholeSlice accepts a slice that takes everything.
func (c *call) wholeSlice(x *value) *value {
	starts, ends := c.attr("starts", IntsAttr), c.attr("ends", IntsAttr)
	c.attr("axes", IntsAttr)
	var from, to []int64
	if starts != nil && ends != nil {
		from, to = starts.Ints, ends.Ints
	} else {
		from, to = c.integers(1), c.integers(2)
	}
	steps := c.integers(4)
	for i := range from {
		if from[i] != 0 || i >= len(to) || to[i] < maxSide || i < len(steps) && steps[i] != 1 {
			c.fail("", hintFor("Slice"), "it takes a part of an activation, from %v to %v", from, to)
			return nil
		}
	}
	return c.view(x, x.shape)
}

// reshape gives the same elements another shape: 0 keeps a dimension, -1 is what is left.
func reshape(c *call) *value {
	v := c.in(0)
	zeros := c.int("allowzero", 0) == 0
	var want []int64
	if a := c.attr("shape", IntsAttr); a != nil {
		want = a.Ints
	} else {
		want = c.integers(1)
	}
	if v == nil || v.bad || c.failed {
		return nil
	}
	total, rest, left := size(v.shape), -1, 1
	out := make([]int, len(want))
	for i, d := range want {
		switch {
		case d == 0 && zeros && i < len(v.shape):
			out[i] = v.shape[i]
		case d == -1 && rest < 0:
			rest = i
			out[i] = 1
		case d < 0 || d > int64(max(total, 1)) || d == 0:
			c.fail("", "", "shape %v for %v", want, v.shape)
			return nil
		default:
			out[i] = int(d)
		}
		left *= out[i]
		if left > max(total, 1) {
			c.fail("", "", "shape %v for %v", want, v.shape)
			return nil
		}
	}
	if rest >= 0 && left > 0 {
		out[rest] = total / left
		left *= out[rest]
	}
	if left != total || len(out) > maxDims {
		c.fail("", "", "shape %v for %v", want, v.shape)
		return nil
	}
	return c.view(v, out)
}

func squeeze(c *call) *value {
	v := c.in(0)
	if v == nil || v.bad {
		return nil
	}
	axes := c.axes("axes", 1, len(v.shape))
	if c.failed {
		return nil
	}
	var out []int
	for i, d := range v.shape {
		dropped := slices.Contains(axes, i) || len(axes) == 0 && d == 1
		if dropped && d != 1 {
			c.fail("axes", "", "a tensor of shape %v", v.shape)
			return nil
		}
		if !dropped {
			out = append(out, d)
		}
	}
	return c.view(v, out)
}

func unsqueeze(c *call) *value {
	v := c.in(0)
	if v == nil || v.bad {
		return nil
	}
	var n int
	if a := c.attrs["axes"]; a != nil {
		n = len(a.Ints)
	} else if w := c.in(1); w != nil {
		n = len(w.ints)
	}
	rank := len(v.shape) + n
	if rank > maxDims {
		c.fail("axes", "", "more than %d dimensions", maxDims)
		return nil
	}
	axes := c.axes("axes", 1, rank)
	if c.failed || len(slices.Compact(slices.Clone(axes))) != n {
		return nil
	}
	out, next := make([]int, rank), 0
	for i := range out {
		if slices.Contains(axes, i) {
			out[i] = 1
		} else {
			out[i] = v.shape[next]
			next++
		}
	}
	return c.view(v, out)
}

// transpose moves axes of constants with two of them, and of activations those whose order does not matter as they have one element.
func transpose(c *call) *value {
	v := c.in(0)
	if v == nil || v.bad {
		return nil
	}
	rank := len(v.shape)
	var perm []int
	if a := c.attr("perm", IntsAttr); a != nil {
		for _, x := range a.Ints {
			perm = append(perm, c.axis("perm", x, rank))
		}
	} else {
		for i := range rank {
			perm = append(perm, rank-1-i)
		}
	}
	seen := slices.Clone(perm)
	slices.Sort(seen)
	if c.failed || len(perm) != rank || len(slices.Compact(seen)) != rank {
		if !c.failed {
			c.fail("perm", "", "a tensor of %d axes", rank)
		}
		return nil
	}
	out := make([]int, rank)
	var moved []int // axes of more than one element, in their new order
	for i, p := range perm {
		if out[i] = v.shape[p]; out[i] > 1 {
			moved = append(moved, p)
		}
	}
	switch {
	case slices.IsSorted(moved):
		return c.view(v, out)
	case rank == 2 && v.floats != nil:
		data, dims := c.constants(0)
		if data == nil {
			return nil
		}
		data, dims = transposeMatrix(data, dims)
		return &value{floats: &floats{from: v.floats.from, data: data}, shape: dims}
	case rank == 2 && v.ints != nil:
		w := known(v.ints, out...)
		for i := range w.ints {
			w.ints[i] = v.ints[i%out[1]*out[0]+i/out[1]]
		}
		return w
	}
	c.fail("perm", "the language has images [C, H, W] in this order; channel shuffles can be written as convolutions with kernel 1", "it reorders %v", v.shape)
	return nil
}

// cast passes integers and activations on that stay what they are.
func cast(c *call) *value {
	v := c.in(0)
	to := DType(c.int("to", 0))
	if v == nil || v.bad {
		return nil
	}
	c.int("saturate", 1) // of types that are not accepted
	isInt := to == Int64 || to == Int32 || to == Bool
	if v.ints != nil && isInt || v.ints == nil && (to == Float32) {
		return c.view(v, v.shape)
	}
	c.fail("to", "", "accepted are float of floats and integers of integers")
	return nil
}
