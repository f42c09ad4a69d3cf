package onnx

import (
	"math"
	"slices"
	"strconv"
)

// operators has a row for each operator that is read: it asks the call for inputs and attributes, each of which it must understand, adds layers and
// gives the value of the first output, or nil where it failed.
var operators map[string]func(c *call) *value

func init() { // rows call functions that look into the table
	operators = map[string]func(c *call) *value{
		"Conv":               conv,
		"Gemm":               gemm,
		"MatMul":             matmul,
		"BatchNormalization": batchnorm,
		"Relu": func(c *call) *value {
			return c.is(c.rectified("relu"))
		},
		"Clip":              clipped,
		"MaxPool":           maxpool,
		"AveragePool":       avgpool,
		"GlobalAveragePool": func(c *call) *value { return c.is(c.mean(c.image(0))) },
		"GlobalMaxPool": func(c *call) *value {
			x := c.image(0)
			if x == nil {
				return nil
			}
			return c.is(c.pool("maxpool", x, []int{x.shape[0], 1, 1}, pair("", x.shape[1:], nil)))
		},
		"ReduceMean": reduceMean,
		"Add":        add,
		"Sum":        sum,
		"Sub":        sub,
		"Mul":        mul,
		"Div":        div,
		"Neg":        neg,
		"Pow":        pow,
		"Concat":     concat,
		"Flatten": func(c *call) *value {
			v := c.activation(0)
			if v == nil {
				return nil
			}
			if axis := c.axis("axis", c.int("axis", 1), len(v.shape)+1); axis != 1 {
				c.fail("axis", "", "accepted is 1, as the batch stays apart")
			}
			return c.view(v, []int{v.shape[0], size(v.shape[1:])})
		},
		"Reshape":   reshape,
		"Squeeze":   squeeze,
		"Unsqueeze": unsqueeze,
		"Transpose": transpose,
		"Dropout":   dropout,
		"Identity":  func(c *call) *value { return c.same() },
		"Cast":      cast,
		"Softmax":   softmax,
		"Pad":       pad,

		"Constant":        constant,
		"ConstantOfShape": constantOfShape,
		"Shape":           shape,
		"Gather":          gather,
		"Slice":           slice,
	}
}

func operatorNames() []string {
	var out []string
	for name := range operators {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// same passes the first input on.
func (c *call) same() *value {
	v := c.in(0)
	if v == nil || v.bad {
		return nil
	}
	w := *v
	return &w
}

// window is what convolutions and pools share: sides of the kernel, steps, and zeros at [top, left, bottom, right].
type window struct {
	kernel, stride, dilation []int
	pads                     []int
}

// window reads the attributes of a window over an image of x's shape; kernel is that of the weights, nil for pools.
func (c *call) window(x *layer, kernel []int) window {
	w := window{kernel: kernel, stride: c.ints("strides", 2, 1, 1), dilation: c.ints("dilations", 2, 1, 1), pads: c.ints("pads", 4, 0, 0)}
	given := c.attr("kernel_shape", IntsAttr)
	switch {
	case given != nil || kernel == nil:
		w.kernel = c.ints("kernel_shape", 2, 1, 1)
		if given == nil {
			c.fail("kernel_shape", "", "it is missing")
		}
		if kernel != nil && !slices.Equal(w.kernel, kernel) {
			c.fail("kernel_shape", "", "the weights have a kernel of %v", kernel)
		}
	}
	switch auto := c.str("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
	case "VALID":
		w.pads = []int{0, 0, 0, 0}
	case "SAME_UPPER", "SAME_LOWER":
		for i := range 2 {
			out := (x.shape[1+i] + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out-1)*w.stride[i]+w.extent(i)-x.shape[1+i])
			less := total / 2
			if auto == "SAME_LOWER" {
				less = total - less
			}
			w.pads[i], w.pads[2+i] = less, total-less
		}
	default:
		c.fail("auto_pad", "", "accepted are NOTSET, VALID, SAME_UPPER and SAME_LOWER")
	}
	for i := range 2 {
		if w.extent(i) > x.shape[1+i]+w.pads[i]+w.pads[2+i] {
			c.fail("kernel_shape", "", "it does not fit an image of %v with padding %v", x.shape[1:], w.pads)
			break
		}
	}
	return w
}

// extent is how many pixels the window covers in a direction.
func (w *window) extent(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// out is a side of the result.
func (w *window) out(x *layer, i int) int {
	return (x.shape[1+i]+w.pads[i]+w.pads[2+i]-w.extent(i))/w.stride[i] + 1
}

// symmetric gives an image of which the same zeros can be put on both sides: where the window's differ, pad puts them.
func (c *call) symmetric(x *layer, w *window) *layer {
	if w.pads[0] == w.pads[2] && w.pads[1] == w.pads[3] {
		return x
	}
	x = c.padded(x, w.pads)
	w.pads = []int{0, 0, 0, 0}
	return x
}

// padded puts zeros at [top, left, bottom, right].
func (c *call) padded(x *layer, p []int) *layer {
	if x == nil || p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == 0 {
		return x
	}
	l := c.weightless("pad", []int{x.shape[0], x.shape[1] + p[0] + p[2], x.shape[2] + p[1] + p[3]}, x)
	if l == nil {
		return nil
	}
	l.least0 = x.least0
	l.args = []arg{{ints: []int{p[0], p[2], p[1], p[3]}}} // the language has top, bottom, left, right
	if p[0] == p[1] && p[1] == p[2] && p[2] == p[3] {
		l.args[0].ints = p[:1]
	}
	return l
}

// conv: https://onnx.ai/onnx/operators/onnx__Conv.html
func conv(c *call) *value {
	x := c.image(0)
	data, dims := c.constants(1)
	bias, biasDims := c.constants(2)
	groups := int(c.int("group", 1))
	if x == nil || data == nil {
		return c.missing(x != nil, 1)
	}
	if len(dims) != 4 || groups < 1 || groups > maxSide || dims[1]*groups != x.shape[0] || dims[0]%groups != 0 || bias != nil && !slices.Equal(biasDims, dims[:1]) {
		c.fail("group", "", "weights of shape %v, bias %v and an image of %d channels do not fit", dims, biasDims, x.shape[0])
		return nil
	}
	w := c.window(x, dims[2:])
	if c.failed {
		return nil
	}
	x = c.symmetric(x, &w)
	l := &layer{op: "conv", in: []*layer{x}, args: []arg{{ints: dims[:1]}}, weights: []weight{{"weight", dims, data}}}
	if bias != nil {
		l.weights = append(l.weights, weight{"bias", biasDims, bias})
	}
	l.args = append(l.args, pair("kernel", w.kernel, nil)...)
	l.args = append(l.args, pair("stride", w.stride, nil)...) // 1 and 0, the defaults, leave when the text is whole
	l.args = append(l.args, pair("pad", w.pads[:2], nil)...)
	l.args = append(l.args, pair("dilation", w.dilation, []int{1, 1})...)
	if groups != 1 {
		l.args = append(l.args, arg{name: "groups", ints: []int{groups}})
	}
	l.shape = []int{dims[0], w.out(x, 0), w.out(x, 1)}
	return c.is(c.weighted(l, c.inputNames(1, 2)...))
}

// missing reports that weights are not there, if nothing else was wrong.
func (c *call) missing(rest bool, i int) *value {
	if rest && !c.failed {
		c.fail("", "", "input %d, the weights, is missing", i)
	}
	return nil
}

// inputNames are the names of inputs, of constants those that they have in the file.
func (c *call) inputNames(list ...int) (out []string) {
	for _, i := range list {
		if v := c.in(i); v != nil {
			if v.floats != nil && v.floats.from != nil {
				out = append(out, v.floats.from.Name)
			}
			out = append(out, v.name)
		}
	}
	return out
}

// gemm: y = alpha*x*B + beta*C
func gemm(c *call) *value {
	c.only("transA", 0, "")
	alpha, beta := c.float("alpha", 1), c.float("beta", 1)
	x := c.input(0)
	data, dims := c.constants(1)
	bias, biasDims := c.constants(2)
	transposed := c.int("transB", 0) != 0
	if x == nil || data == nil || c.failed {
		return c.missing(x != nil, 1)
	}
	if len(dims) == 2 && !transposed {
		data, dims = transposeMatrix(data, dims)
	}
	l := c.linear(x, times(data, alpha), dims)
	if l == nil || !c.biased(l, times(bias, beta), biasDims) {
		return nil
	}
	return c.is(c.weighted(l, c.inputNames(1, 2)...))
}

func times(data []float32, factor float32) []float32 {
	if factor == 1 || data == nil {
		return data
	}
	out := make([]float32, len(data))
	for i, x := range data {
		out[i] = factor * x
	}
	return out
}

// linear makes a layer of weights [out, in].
func (c *call) linear(x *layer, data []float32, dims []int) *layer {
	if len(x.shape) != 1 || len(dims) != 2 || dims[1] != x.shape[0] {
		c.fail("", "", "weights of shape %v (out, in) do not fit an input of shape %v: accepted are vectors", dims, x.shape)
		return nil
	}
	return &layer{op: "linear", in: []*layer{x}, args: []arg{{ints: dims[:1]}}, weights: []weight{{"weight", dims, data}}, shape: dims[:1]}
}

// biased gives a layer a bias that is one number a row, or one for all.
func (c *call) biased(l *layer, bias []float32, dims []int) bool {
	switch n := l.shape[0]; {
	case bias == nil:
	case size(dims) == 1:
		bias = slices.Repeat(bias, n)
		fallthrough
	case size(dims) == n && len(dims) > 0 && dims[len(dims)-1] == n:
		l.weights = append(l.weights, weight{"bias", []int{n}, bias})
	default:
		c.fail("", "", "a bias of shape %v: accepted are %d numbers", dims, n)
		return false
	}
	return true
}

func matmul(c *call) *value {
	x := c.input(0)
	data, dims := c.constants(1)
	if x == nil || data == nil {
		return c.missing(x != nil, 1)
	}
	if len(dims) == 2 {
		data, dims = transposeMatrix(data, dims)
	}
	l := c.linear(x, data, dims)
	if l == nil {
		return nil
	}
	return c.is(c.weighted(l, c.inputNames(1)...))
}

func transposeMatrix(data []float32, dims []int) ([]float32, []int) {
	rows, cols := dims[0], dims[1]
	out := make([]float32, len(data))
	for r := range rows {
		for k := range cols {
			out[k*rows+r] = data[r*cols+k]
		}
	}
	return out, []int{cols, rows}
}

func batchnorm(c *call) *value {
	x := c.input(0)
	eps := c.float("epsilon", 1e-5)
	c.float("momentum", 0.9) // of training
	c.only("training_mode", 0, "export the network after net.eval()")
	c.only("spatial", 1, "")
	for i := 1; i < len(c.n.Outputs); i++ {
		if c.n.Outputs[i] != "" {
			c.fail("", "export the network after net.eval()", "it gives the statistics of a batch, as in training")
			break
		}
	}
	if x == nil {
		return nil
	}
	l := &layer{op: "batchnorm", in: []*layer{x}, shape: x.shape}
	if eps != 1e-5 {
		l.args = []arg{{name: "eps", text: number(eps)}}
	}
	for i, suffix := range []string{"weight", "bias", "running_mean", "running_var"} {
		data, dims := c.constants(1 + i)
		if !c.failed && !slices.Equal(dims, x.shape[:1]) {
			c.fail("", "", "input %d has shape %v: accepted is one number for each of %d channels", 1+i, dims, x.shape[0])
		}
		l.weights = append(l.weights, weight{suffix, dims, data})
	}
	if eps < 1e-12 || eps > 1 {
		c.fail("epsilon", "", "accepted are 1e-12 to 1")
	}
	return c.is(c.weighted(l, c.inputNames(1, 2)...))
}

// number prints a float so that it is read back as the same, and as no integer.
func number(x float32) string {
	return strconv.FormatFloat(float64(x), 'g', -1, 32)
}

// rectified adds relu or relu6.
func (c *call) rectified(op string) *layer {
	x := c.input(0)
	if x == nil {
		return nil
	}
	l := c.weightless(op, x.shape, x)
	if l != nil {
		l.least0 = true
	}
	return l
}

// clipped: bounds are attributes until opset 10, and inputs after it.
func clipped(c *call) *value {
	low, high := c.float("min", float32(math.Inf(-1))), c.float("max", float32(math.Inf(1)))
	low, high = c.scalar(1, low), c.scalar(2, high)
	if c.failed {
		return nil
	}
	unbounded := high >= math.MaxFloat32
	switch {
	case low == 0 && high == 6:
		return c.is(c.rectified("relu6"))
	case low == 0 && unbounded:
		return c.is(c.rectified("relu"))
	case low <= -math.MaxFloat32 && unbounded:
		return c.same()
	}
	c.fail("", "train the network with relu or relu6", "it clips to [%v, %v]: accepted are [0, 6] and [0, inf]", low, high)
	return nil
}

func maxpool(c *call) *value {
	x := c.image(0)
	c.only("storage_order", 0, "")
	if len(c.n.Outputs) > 1 && c.n.Outputs[1] != "" {
		c.fail("", "", "it gives the places of the greatest elements: accepted is one output")
	}
	if x == nil {
		return nil
	}
	w := c.window(x, nil)
	if !slices.Equal(w.dilation, []int{1, 1}) {
		c.fail("dilations", "", "pools of the language have none")
	}
	more := c.ceiled(x, &w)
	if c.failed {
		return nil
	}
	uneven := w.pads[0] != w.pads[2] || w.pads[1] != w.pads[3]
	if uneven && !x.least0 {
		attr := "pads"
		if more {
			attr = "ceil_mode"
		}
		c.fail(attr, "put the pool behind the relu", "windows go beyond one side of the image, where pad puts zeros: accepted is that of what cannot be negative, as after relu")
		return nil
	}
	return c.is(c.windowed("maxpool", c.symmetric(x, &w), w))
}

// ceiled reads ceil_mode, which lets a last window go beyond the image, as padding on the right and at the bottom.
func (c *call) ceiled(x *layer, w *window) (more bool) {
	if c.int("ceil_mode", 0) == 0 || c.failed {
		return false
	}
	for i := range 2 {
		over := (x.shape[1+i] + w.pads[i] + w.pads[2+i] - w.kernel[i]) % w.stride[i]
		if over == 0 {
			continue
		}
		missing := w.stride[i] - over
		if missing >= w.kernel[i] || w.pads[2+i] > 0 { // exporters and runtimes differ in what the last window then is
			c.fail("ceil_mode", "choose sizes that the strides divide", "the last window lies beyond the image, or in its padding")
			return false
		}
		w.pads[2+i] += missing
		more = true
	}
	return more
}

// windowed adds a pool, unless it has nothing to do.
func (c *call) windowed(op string, x *layer, w window) *layer {
	if x == nil || size(w.kernel) == 1 && size(w.stride) == 1 && w.pads[0] == 0 && w.pads[1] == 0 {
		return x
	}
	args := pair("", w.kernel, nil)
	args = append(args, pair("stride", w.stride, w.kernel)...)
	args = append(args, pair("pad", w.pads[:2], []int{0, 0})...)
	return c.pool(op, x, []int{x.shape[0], w.out(x, 0), w.out(x, 1)}, args)
}

func (c *call) pool(op string, x *layer, shape []int, args []arg) *layer {
	l := c.weightless(op, shape, x)
	if l != nil {
		l.args, l.least0 = args, x.least0
	}
	return l
}

func avgpool(c *call) *value {
	x := c.image(0)
	counted := c.int("count_include_pad", 0) != 0
	if x == nil {
		return nil
	}
	w := c.window(x, nil)
	if !slices.Equal(w.dilation, []int{1, 1}) {
		c.fail("dilations", "", "pools of the language have none")
	}
	if c.ceiled(x, &w) {
		c.fail("ceil_mode", "choose sizes that the strides divide", "a window goes beyond the image, and its mean is of fewer elements: accepted is that of whole windows")
	}
	if c.failed {
		return nil
	}
	if !counted && slices.Max(w.pads) > 0 {
		c.fail("count_include_pad", "export it with count_include_pad = True", "the language counts zeros of the padding")
		return nil
	}
	if slices.Equal(w.kernel, x.shape[1:]) && slices.Max(w.pads) == 0 {
		return c.is(c.mean(x))
	}
	return c.is(c.windowed("avgpool", c.symmetric(x, &w), w))
}

// mean is that of each channel, an image of one pixel.
func (c *call) mean(x *layer) *layer {
	if x == nil {
		return nil
	}
	return c.pool("avgpool", x, []int{x.shape[0], 1, 1}, nil)
}

func reduceMean(c *call) *value {
	x := c.image(0)
	keep := c.int("keepdims", 1) != 0
	const rank = 4
	if axes := c.axes("axes", 1, rank); !c.failed && !slices.Equal(axes, []int{2, 3}) {
		c.fail("axes", "", "accepted is the mean over height and width, [2, 3]")
	}
	c.only("noop_with_empty_axes", 0, "")
	v := c.is(c.mean(x))
	if v != nil && !keep {
		v.shape = v.shape[:2]
	}
	return v
}

func concat(c *call) *value {
	if v, done := c.joined(); done {
		return v
	}
	var in []*layer
	channels := 0
	least0 := true
	for i := range c.n.Inputs {
		x := c.input(i)
		if x == nil {
			return nil
		}
		in = append(in, x)
		if !slices.Equal(x.shape[1:], in[0].shape[1:]) {
			c.fail("", "", "inputs have shapes %v and %v", in[0].shape, x.shape)
			return nil
		}
		channels += x.shape[0]
		least0 = least0 && x.least0
	}
	if len(in) == 0 {
		c.fail("", "", "it has no inputs")
		return nil
	}
	if axis := c.axis("axis", c.int("axis", 1), len(in[0].shape)+1); axis != 1 {
		c.fail("axis", "", "accepted are channels, axis 1")
		return nil
	}
	if len(in) == 1 {
		return c.is(in[0])
	}
	l := c.weightless("concat", append([]int{channels}, in[0].shape[1:]...), in...)
	if l != nil {
		l.least0 = least0
	}
	return c.is(l)
}

// dropout is kept, for training goes on with it.
func dropout(c *call) *value {
	p := c.float("ratio", 0.5)
	c.int("seed", 0) // of training
	p = c.scalar(1, p)
	if mode := c.in(2); mode != nil && (len(mode.ints) != 1 || mode.ints[0] != 0) {
		c.fail("", "export the network after net.eval()", "its training_mode is not false")
	}
	x := c.input(0)
	if x == nil || c.failed {
		return nil
	}
	if p < 0 || p >= 1 {
		c.fail("ratio", "", "accepted are 0 to 1")
		return nil
	}
	l := c.weightless("dropout", x.shape, x)
	if l != nil {
		l.least0 = x.least0
		if p != 0.5 {
			l.args = []arg{{text: number(p)}}
		}
	}
	return c.is(l)
}

// softmax may be the last node alone: the client computes it.
func softmax(c *call) *value {
	x := c.input(0)
	if x == nil {
		return nil
	}
	missing := int64(-1)
	if c.im.opset < 13 {
		missing = 1
	}
	if axis := c.axis("axis", c.int("axis", missing), len(x.shape)+1); axis != 1 || len(x.shape) != 1 {
		c.fail("axis", "", "a tensor of shape %v: accepted is the softmax of a vector, over axis 1", x.shape)
		return nil
	}
	v := c.is(x)
	v.softmax = true
	return v
}

// pad: pads are [begins, ends] of all axes, an attribute until opset 10, and an input after it.
func pad(c *call) *value {
	v := c.activation(0)
	mode := c.str("mode", "constant")
	zero := c.scalar(2, c.float("value", 0))
	var list []int64
	if a := c.attr("pads", IntsAttr); a != nil {
		list = a.Ints
	} else {
		list = c.integers(1)
	}
	if v == nil || c.failed {
		return nil
	}
	rank := len(v.shape)
	all := make([]int64, 2*rank)
	if c.in(3) != nil {
		axes := c.axes("axes", 3, rank)
		if len(list) != 2*len(axes) {
			c.fail("", "", "%d pads for %d axes", len(list), len(axes))
			return nil
		}
		for i, a := range axes {
			all[a], all[rank+a] = list[i], list[len(axes)+i]
		}
	} else if len(list) == 2*rank {
		all = list
	} else {
		c.fail("", "", "%d pads for a tensor with %d axes", len(list), rank)
		return nil
	}
	if slices.Max(all) == 0 && slices.Min(all) == 0 {
		return c.same()
	}
	x := c.image(0)
	switch {
	case x == nil:
		return nil
	case mode != "constant" || zero != 0:
		c.fail("mode", "train the network with zeros around images", "it pads by %s %v: accepted are zeros", mode, zero)
		return nil
	case all[0] != 0 || all[1] != 0 || all[4] != 0 || all[5] != 0 || slices.Min(all) < 0 || slices.Max(all) > maxSide:
		c.fail("pads", "", "pads %v: accepted are those of height and width, from 0 on", all)
		return nil
	}
	return c.is(c.padded(x, []int{int(all[2]), int(all[3]), int(all[6]), int(all[7])}))
}
