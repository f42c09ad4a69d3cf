package onnx

import (
	"fmt"
	"math"

	format "sotto/frontend/onnx"
	"sotto/ir"
)

// A row writes a value as nodes, of the names of its arguments, and gives the name of the result.
type row func(w *writer, v *ir.Value, a []string) (string, error)

// rows has the ops of networks as they are written: nothing is folded.
var rows = map[string]row{
	"nn.conv2d": func(w *writer, v *ir.Value, a []string) (string, error) {
		k := v.Args[1].Type.Shape[2:]
		return w.node("Conv", a, numbers("kernel_shape", k...), numbers("strides", v.Ints("stride")...), pads(v), numbers("dilations", v.Ints("dilation")...),
			number("group", int64(v.Int("groups")))), nil
	},
	"nn.linear": func(w *writer, _ *ir.Value, a []string) (string, error) {
		return w.node("Gemm", a, number("transB", 1)), nil
	},
	"nn.batchnorm": func(w *writer, v *ir.Value, a []string) (string, error) {
		return w.node("BatchNormalization", a, &format.Attr{Name: "epsilon", Type: format.FloatAttr, F: float32(v.Float("eps"))}), nil
	},
	"nn.relu": whole(to("Relu")),
	"nn.relu6": whole(func(w *writer, _ *ir.Value, a []string) (string, error) {
		return w.node("Clip", []string{a[0], w.scalar("min", 0), w.scalar("max", 6)}), nil
	}),
	"nn.x2act":  x2act,
	"nn.negate": to("Neg"),
	"nn.square": func(w *writer, _ *ir.Value, a []string) (string, error) {
		return w.node("Mul", []string{a[0], a[0]}), nil
	},
	"nn.add": to("Add"),
	"nn.maxpool": func(w *writer, v *ir.Value, a []string) (string, error) {
		return w.node("MaxPool", a, numbers("kernel_shape", v.Ints("kernel")...), numbers("strides", v.Ints("stride")...), pads(v)), nil
	},
	"nn.avgpool": avgpool,
	"nn.concat": func(w *writer, _ *ir.Value, a []string) (string, error) {
		return w.node("Concat", a, number("axis", 1)), nil
	},
	"nn.pad": func(w *writer, v *ir.Value, a []string) (string, error) {
		return w.zeros(a[0], v.Ints("sides")), nil
	},
	"nn.slice":    slice,
	"nn.upsample": upsample,
	"nn.reshape": func(w *writer, v *ir.Value, a []string) (string, error) {
		if len(v.Type.Shape) == 1 {
			return w.node("Flatten", a, number("axis", 1)), nil
		}
		shape := []int64{0} // the batch stays
		for _, d := range v.Type.Shape {
			shape = append(shape, int64(d))
		}
		return w.node("Reshape", []string{a[0], w.integers("shape", shape...)}), nil
	},
}

// to is an operator of the arguments alone.
func to(op string) row {
	return func(w *writer, _ *ir.Value, a []string) (string, error) { return w.node(op, a), nil }
}

// whole refuses a rectifier that acts on some elements only.
func whole(r row) row {
	return func(w *writer, v *ir.Value, a []string) (string, error) {
		if len(v.Ints("keep")) > 0 {
			return "", fmt.Errorf("%s acts on some elements only, for which there is no standard operator: accepted are networks without --gates", v.Op.Name)
		}
		return r(w, v, a)
	}
}

// pads are those of a window: the same before and after.
func pads(v *ir.Value) *format.Attr {
	p := v.Ints("pad")
	return numbers("pads", p[0], p[1], p[0], p[1])
}

// x2act: (scale*a)*(x*x) + b*x + c. The scalars are initializers of the layer, the scale in the first.
func x2act(w *writer, v *ir.Value, a []string) (string, error) {
	square := w.node("Mul", []string{a[0], a[0]})
	factor := a[1]
	if scale := float32(v.Float("scale")); scale != 1 {
		data, err := w.weights(v.Args[1].Path, v.Args[1].Type.Shape)
		if err != nil {
			return "", err
		}
		factor = w.constant(v.Args[1].Path+".scaled", []int{1}, []float32{scale * data[0]})
	}
	sum := w.node("Add", []string{w.node("Mul", []string{square, factor}), w.node("Mul", []string{a[0], a[2]})})
	return w.node("Add", []string{sum, a[3]}), nil
}

func avgpool(w *writer, v *ir.Value, a []string) (string, error) {
	k, p, in := v.Ints("kernel"), v.Ints("pad"), v.Args[0].Type.Shape
	if k[0] == in[1] && k[1] == in[2] && p[0] == 0 && p[1] == 0 {
		return w.node("GlobalAveragePool", a), nil
	}
	return w.node("AveragePool", a, numbers("kernel_shape", k...), numbers("strides", v.Ints("stride")...), pads(v), number("count_include_pad", 1)), nil
}

// zeros puts zeros around an image, at [top, bottom, left, right].
func (w *writer) zeros(x string, s []int) string {
	return w.node("Pad", []string{x, w.integers("pads", 0, 0, int64(s[0]), int64(s[2]), 0, 0, int64(s[1]), int64(s[3]))}, text("mode", "constant"))
}

// slice takes every stride-th row and column from start on; where those beyond the edge are zeros, they are put there.
func slice(w *writer, v *ir.Value, a []string) (string, error) {
	start, stride := int64(v.Int("start")), int64(v.Int("stride"))
	var missing [2]int
	for i := range 2 {
		side, out := int64(v.Args[0].Type.Shape[1+i]), int64(v.Type.Shape[1+i])
		if start >= side {
			return "", fmt.Errorf("a slice from %d on of a side of %d is nothing but zeros: there is no standard operator for it", start, side)
		}
		missing[i] = int(out - (side-start+stride-1)/stride)
	}
	x := w.node("Slice", []string{a[0], w.integers("starts", start, start), w.integers("ends", math.MaxInt32, math.MaxInt32), w.integers("axes", 2, 3), w.integers("steps", stride, stride)})
	if missing[0] == 0 && missing[1] == 0 {
		return x, nil
	}
	return w.zeros(x, []int{0, missing[0], 0, missing[1]}), nil
}

func upsample(w *writer, v *ir.Value, a []string) (string, error) {
	factor := float32(v.Int("factor"))
	scales := w.constant(w.path+".scales", []int{4}, []float32{1, 1, factor, factor})
	return w.node("Resize", []string{a[0], "", scales}, text("mode", "nearest"), text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")), nil
}
