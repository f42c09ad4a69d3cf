package ir

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// What the gradient rules of ops are made of, where no op that is there does it. Sums are in double precision here.

func init() {
	defineReductions()
	defineLinearGradients()
	defineNormGradients()
	defineActivationGradients()
	definePoolGradients()
	defineMixGradients()
}

func defineReductions() {
	attrN := Attr{"n", IntAttr, nil, "of how many equal stretches of a sample: 1, the channels, or all elements"}
	inferN := func(v *Value) (Type, error) {
		if n, of := v.Int("n"), v.Args[0].Type.Len(); n < 1 || of%n != 0 {
			return Type{}, fmt.Errorf("n is %d, accepted are divisors of %d", n, of)
		}
		_, err := sameShapes(v.Args)
		return Float(v.Int("n")), err
	}
	defineBackward(Op{
		Name: "grad.sums", Stages: Train, Sums: true,
		Doc:      "Sums of n equal stretches of the samples, over the batch: gradient of a bias.",
		Example:  "%d = param @d : S f32[2,4,4]\n%1 = grad.sums %d {n=2} : f32[2]",
		Operands: []Operand{opDy}, Attrs: []Attr{attrN}, Infer: inferN,
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return rounded(v, args[0].sumsOf(v.Int("n"), func(at, _ int) float64 { return float64(args[0].F[at]) })), nil
		},
	})
	defineBackward(Op{
		Name: "grad.products", Stages: Train, Sums: true,
		Doc:      "Sums of a*b over n equal stretches of the samples and over the batch: gradient of a factor.",
		Example:  "%d = param @d : S f32[2,4,4]\n%1 = grad.products %d, %d {n=2} : f32[2]",
		Operands: []Operand{{"a", ""}, {"b", "of the shape of a"}}, Attrs: []Attr{attrN}, Infer: inferN,
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			a, b := args[0].each(), args[1].each()
			return rounded(v, args[0].sumsOf(v.Int("n"), func(at, _ int) float64 { return a(at) * b(at) })), nil
		},
	})
}

func defineLinearGradients() {
	attrSize := Attr{"size", IntsAttr, nil, "rows, columns of x"}
	defineBackward(Op{
		Name: "grad.conv2d.x", Stages: Train, Weights: 1,
		Doc:      "Gradient of a convolution by its input: the convolution's adjoint.",
		Example:  "%d = param @d : S f32[4,4,4]\n%w = param @w : S f32[4,3,3,3]\n%1 = grad.conv2d.x %d, %w {stride=[2,2], pad=[1,1], size=[8,8]} : f32[3,8,8]",
		Operands: []Operand{opDy, {"w", "[O,C/groups,KH,KW]"}},
		Attrs:    []Attr{attrStride, attrPad, attrDilation, attrGroups, attrSize},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantRank(v, 1, 4), v.pair("size", 1)); err != nil {
				return Type{}, err
			}
			w, size := v.Args[1].Type.Shape, v.Ints("size")
			x := Float(w[1]*max(1, v.Int("groups")), size[0], size[1])
			return x, v.forward("nn.conv2d", 0, x, v.Args[1].Type)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			sum := make([]float64, v.Type.Len())
			v.taps(v.Type.Shape, args[1].Type.Shape, func(dy, x, w int) { sum[x] += float64(args[0].F[dy]) * float64(args[1].F[w]) })
			return rounded(v, sum), nil
		},
	})
	defineBackward(Op{
		Name: "grad.conv2d.w", Stages: Train, Sums: true,
		Doc:      "Gradient of a convolution by its weights, over the batch.",
		Example:  "%x = param @x : S f32[3,8,8]\n%d = param @d : S f32[4,4,4]\n%1 = grad.conv2d.w %x, %d {stride=[2,2], pad=[1,1], kernel=[3,3]} : f32[4,3,3,3]",
		Operands: []Operand{opImage, opDy},
		Attrs:    []Attr{attrStride, attrPad, attrDilation, attrGroups, attrKernel},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantRank(v, 0, 3), wantRank(v, 1, 3), v.pair("kernel", 1)); err != nil {
				return Type{}, err
			}
			k := v.Ints("kernel")
			w := Float(v.Args[1].Type.Shape[0], max(1, v.Args[0].Type.Shape[0]/max(1, v.Int("groups"))), k[0], k[1])
			return w, v.forward("nn.conv2d", 1, v.Args[0].Type, w)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			sum := make([]float64, v.Type.Len())
			for s := range max(1, args[0].Type.Batch, args[1].Type.Batch) {
				x, dy := args[0].sample(s), args[1].sample(s)
				v.taps(x.Type.Shape, v.Type.Shape, func(y, x0, w int) { sum[w] += float64(dy.F[y]) * float64(x.F[x0]) })
			}
			return rounded(v, sum), nil
		},
	})
	defineBackward(Op{
		Name: "grad.linear.x", Stages: Train, Weights: 1,
		Doc:      "Gradient of a fully connected layer by its input: the transposed weights times dy.",
		Example:  "%d = param @d : S f32[10]\n%w = param @w : S f32[10,16]\n%1 = grad.linear.x %d, %w : f32[16]",
		Operands: []Operand{opDy, {"w", "[O,N]"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantRank(v, 1, 2); err != nil {
				return Type{}, err
			}
			w := v.Args[1].Type.Shape
			return Float(w[1]), wantShape(v, 0, w[0])
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			n := v.Type.Len()
			sum := make([]float64, n)
			for i, w := range args[1].F {
				sum[i%n] += float64(w) * float64(args[0].F[i/n])
			}
			return rounded(v, sum), nil
		},
	})
	defineBackward(Op{
		Name: "grad.linear.w", Stages: Train, Sums: true,
		Doc:      "Gradient of a fully connected layer by its weights, over the batch: dy times x transposed.",
		Example:  "%x = param @x : S f32[16]\n%d = param @d : S f32[10]\n%1 = grad.linear.w %x, %d : f32[10,16]",
		Operands: []Operand{{"x", "[N]"}, {"dy", "[O]"}},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantVector(v, 0), wantVector(v, 1)); err != nil {
				return Type{}, err
			}
			return Float(v.Args[1].Type.Len(), v.Args[0].Type.Len()), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			n := args[0].Type.Len()
			sum := make([]float64, v.Type.Len())
			for s := range max(1, args[0].Type.Batch, args[1].Type.Batch) {
				x, dy := args[0].sample(s), args[1].sample(s)
				for i := range sum {
					sum[i] += float64(dy.F[i/n]) * float64(x.F[i%n])
				}
			}
			return rounded(v, sum), nil
		},
	})
}

func defineNormGradients() {
	attrs := []Attr{attrEps}
	normed := func(v *Value, moments int) error {
		channels := v.Args[0].Type.Shape[0]
		return errors.Join(wantShape(v, moments, 2*channels), wantShape(v, len(v.Args)-1, v.Args[0].Type.Shape...))
	}
	defineBackward(Op{
		Name: "grad.batchnorm.sums", Stages: Train, Sums: true,
		Doc:      "Gradients of a batch normalisation by gamma, then by beta: sums of dy*(x-mean)/sqrt(var+eps), and of dy, per channel.",
		Example:  "%x = param @x : S f32[2,4,4]\n%m = param @m : S f32[4]\n%1 = grad.batchnorm.sums %x, %m, %x : f32[4]",
		Operands: []Operand{opX, {"moments", "[2C]"}, opDy}, Attrs: attrs,
		Infer: func(v *Value) (Type, error) { return Float(2 * v.Args[0].Type.Shape[0]), normed(v, 1) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			channels := v.Type.Len() / 2
			x, dy, norm := args[0].each(), args[2].each(), v.normalised(args[1].F)
			gamma := args[0].sumsOf(channels, func(at, c int) float64 { return dy(at) * norm(x(at), c) })
			beta := args[0].sumsOf(channels, func(at, c int) float64 { return dy(at) })
			return rounded(v, append(gamma, beta...)), nil
		},
	})
	defineBackward(Op{
		Name: "grad.batchnorm.x", Stages: Train,
		Doc: "Gradient of train.batchnorm by x, what goes through the moments with it: gamma/sqrt(var+eps) * (dy - dbeta/n - (x-mean)/sqrt(var+eps)*dgamma/n)," +
			" n the elements of a channel in the batch.",
		Example:  "%x = param @x : S f32[2,4,4]\n%g = param @g : S f32[2]\n%m = param @m : S f32[4]\n%1 = grad.batchnorm.x %x, %g, %m, %m, %x : f32[2,4,4]",
		Operands: []Operand{opX, {"gamma", "[C]"}, {"moments", "[2C]"}, {"sums", "[2C], the grad.batchnorm.sums"}, opDy}, Attrs: attrs,
		Infer: func(v *Value) (Type, error) {
			channels := v.Args[0].Type.Shape[0]
			return clear(v.Args[0].Type), errors.Join(wantShape(v, 1, channels), wantShape(v, 3, 2*channels), normed(v, 2))
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out, channels, norm := NewTensor(v.Type), len(args[1].F), v.normalised(args[2].F)
			per := v.Type.Len() / channels
			n := float64(per * max(1, v.Args[0].Type.Batch))
			for i, dy := range args[4].F {
				c := i / per
				mean := (float64(args[3].F[channels+c]) + norm(float64(args[0].F[i]), c)*float64(args[3].F[c])) / n
				out.F[i] = float32((float64(dy) - mean) * float64(args[1].F[c]) / math.Sqrt(float64(args[2].F[channels+c])+v.Float("eps")))
			}
			return out, nil
		},
	})
}

// normalised gives (x-mean)/sqrt(var+eps) of an element of a channel.
func (v *Value) normalised(moments []float32) func(x float64, c int) float64 {
	eps := v.Float("eps")
	return func(x float64, c int) float64 {
		return (x - float64(moments[c])) / math.Sqrt(float64(moments[len(moments)/2+c])+eps)
	}
}

func defineActivationGradients() {
	// gated declares the gradient of an activation that passes elements or stops them.
	gated := func(name, doc string, passes func(x float32) bool) {
		defineBackward(Op{
			Name: name, Stages: Train, Doc: doc + " Elements that keep leaves out pass.",
			Example:  "%x = param @x : S f32[8]\n%1 = " + name + " %x, %x : f32[8]",
			Operands: []Operand{opX, opDy}, Attrs: []Attr{attrKeep},
			Infer: func(v *Value) (Type, error) {
				if err := checkKeep(v.Ints("keep"), v.Args[0].Type.Len()); err != nil {
					return Type{}, err
				}
				return sameShapes(v.Args)
			},
			Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
				out, keep := &Tensor{Type: v.Type, F: slices.Clone(args[1].F)}, v.Ints("keep")
				if len(keep) == 0 {
					keep = []int{0, len(out.F)}
				}
				Ranges(keep, func(_, lo, hi int) {
					for i := lo; i < hi; i++ {
						if !passes(args[0].F[i]) {
							out.F[i] = 0
						}
					}
				})
				return out, nil
			},
		})
	}
	gated("grad.relu", "dy where x is above zero, else zero.", func(x float32) bool { return x > 0 })
	gated("grad.relu6", "dy where x is between zero and six, else zero.", func(x float32) bool { return x > 0 && x < 6 })
	attrs := []Attr{{"scale", FloatAttr, 1.0, "fixed factor of the square, public"}}
	defineBackward(Op{
		Name: "grad.x2act.x", Stages: Train,
		Doc:      "(2*scale*a*x + b) * dy.",
		Example:  "%x = param @x : S f32[8]\n%a = param @a : S f32[1]\n%1 = grad.x2act.x %x, %a, %a, %x : f32[8]",
		Operands: []Operand{opX, {"a", "[1]"}, {"b", "[1]"}, opDy}, Attrs: attrs,
		Infer: func(v *Value) (Type, error) {
			return clear(v.Args[0].Type), errors.Join(wantShape(v, 1, 1), wantShape(v, 2, 1), wantShape(v, 3, v.Args[0].Type.Shape...))
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			a, b := 2*float32(v.Float("scale"))*args[1].F[0], args[2].F[0]
			return zip(v, args[0], args[3], func(x, dy float32) float32 { return (a*x + b) * dy }), nil
		},
	})
	defineBackward(Op{
		Name: "grad.x2act.sums", Stages: Train, Sums: true,
		Doc:      "Gradients of x2act by its three scalars: sums of scale*x^2*dy, x*dy and dy over all elements of the batch.",
		Example:  "%x = param @x : S f32[8]\n%1 = grad.x2act.sums %x, %x : f32[3]",
		Operands: []Operand{opX, opDy}, Attrs: attrs,
		Infer: func(v *Value) (Type, error) { return Float(3), wantShape(v, 1, v.Args[0].Type.Shape...) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			sums := make([]float64, 3)
			dy := args[1].each()
			for i, x := range args[0].F {
				d := dy(i)
				sums[0] += v.Float("scale") * float64(x) * float64(x) * d
				sums[1] += float64(x) * d
				sums[2] += d
			}
			return rounded(v, sums), nil
		},
	})
	defineBackward(Op{
		Name: "grad.softmax", Stages: Train,
		Doc:      "y * (dy - sum of y*dy), y = softmax(x).",
		Example:  "%y = param @y : S f32[8]\n%1 = grad.softmax %y, %y : f32[8]",
		Operands: []Operand{{"y", "[N]"}, opDy},
		Infer: func(v *Value) (Type, error) {
			if err := wantVector(v, 0); err != nil {
				return Type{}, err
			}
			return sameShapes(v.Args)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			mean := 0.0
			for i, y := range args[0].F {
				mean += float64(y) * float64(args[1].F[i])
			}
			return zip(v, args[0], args[1], func(y, dy float32) float32 { return float32(float64(y) * (float64(dy) - mean)) }), nil
		},
	})
}

func definePoolGradients() {
	attrSize := Attr{"size", IntsAttr, nil, "rows, columns of x"}
	defineBackward(Op{
		Name: "grad.maxpool", Stages: Train,
		Doc:      "dy of each window at the window's greatest element, the first of equals.",
		Example:  "%x = param @x : S f32[8,4,4]\n%d = param @d : S f32[8,2,2]\n%1 = grad.maxpool %x, %d {kernel=[2,2], stride=[2,2]} : f32[8,4,4]",
		Operands: []Operand{opImage, opDy}, Attrs: []Attr{attrKernel, attrStride, attrPad},
		Infer: func(v *Value) (Type, error) {
			return clear(v.Args[0].Type), v.forward("nn.maxpool", 1, v.Args[0].Type)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			sum, x := make([]float64, v.Type.Len()), args[0].F
			v.windows(v.Type.Shape, func(dy int, places []int) {
				best := places[0]
				for _, at := range places {
					if x[at] > x[best] {
						best = at
					}
				}
				sum[best] += float64(args[1].F[dy])
			})
			return rounded(v, sum), nil
		},
	})
	defineBackward(Op{
		Name: "grad.avgpool", Stages: Train,
		Doc:      "dy of each window spread evenly over it.",
		Example:  "%d = param @d : S f32[8,2,2]\n%1 = grad.avgpool %d {kernel=[2,2], stride=[2,2], size=[4,4]} : f32[8,4,4]",
		Operands: []Operand{opDy}, Attrs: []Attr{attrKernel, attrStride, attrPad, attrSize},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantRank(v, 0, 3), v.pair("size", 1)); err != nil {
				return Type{}, err
			}
			x := Float(v.Args[0].Type.Shape[0], v.Ints("size")[0], v.Ints("size")[1])
			return x, v.forward("nn.avgpool", 0, x)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			sum, k := make([]float64, v.Type.Len()), v.Ints("kernel")
			v.windows(v.Type.Shape, func(dy int, places []int) {
				for _, at := range places {
					sum[at] += float64(args[0].F[dy]) / float64(k[0]*k[1])
				}
			})
			return rounded(v, sum), nil
		},
	})
}

func defineMixGradients() {
	defineBackward(Op{
		Name: "grad.mix.logits", Stages: Train, Sums: true, Decides: true, Variadic: true,
		Doc:      "Gradient of nn.mix by its logits, over the batch: theta_j * (<dy, option_j> - sum over k of theta_k*<dy, option_k>), theta = softmax(logits).",
		Example:  "%l = param @act#1.logits : S f32[2]\n%a = param @a : S f32[4]\n%b = param @b : S f32[4]\n%1 = grad.mix.logits %l, %a, %a, %b : f32[2]",
		Operands: []Operand{{"logits", "[number of options]"}, opDy, {"option", "all of the shape of dy"}},
		Infer: func(v *Value) (Type, error) {
			_, err := sameShapes(v.Args[1:])
			return Float(len(v.Args) - 2), errors.Join(err, wantShape(v, 0, len(v.Args)-2))
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			theta, dots := Softmax(args[0].F), make([]float64, v.Type.Len())
			dy, mean := args[1].each(), 0.0
			for j, o := range args[2:] {
				option := o.each()
				for i := range v.Args[1].Type.Batched(max(args[1].Type.Batch, o.Type.Batch)).All() {
					dots[j] += dy(i) * option(i)
				}
				mean += float64(theta[j]) * dots[j]
			}
			for j := range dots {
				dots[j] = float64(theta[j]) * (dots[j] - mean)
			}
			return rounded(v, dots), nil
		},
	})
	defineBackward(Op{
		Name: "grad.mix.option", Stages: Train, Decides: true,
		Doc:      "Gradient of nn.mix by one option: softmax(logits)_option * dy.",
		Example:  "%l = param @act#1.logits : S f32[2]\n%a = param @a : S f32[4]\n%1 = grad.mix.option %l, %a {option=1} : f32[4]",
		Operands: []Operand{{"logits", "[number of options]"}, opDy},
		Attrs:    []Attr{{"option", IntAttr, nil, "which, from 0"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantVector(v, 0); err != nil {
				return Type{}, err
			}
			return clear(v.Args[1].Type), v.within("option", 0, v.Args[0].Type.Len()-1)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			theta := Softmax(args[0].F)[v.Int("option")]
			return mapFloat(v, args[1], func(dy float32) float32 { return theta * dy }), nil
		},
	})
}

// forward demands that the op whose gradient v is, of arguments of these types and with v's attributes, gives what v's operand dy is.
func (v *Value) forward(op string, dy int, args ...Type) error {
	f := &Value{Op: MustLookup(op), Attrs: Attrs{}}
	for _, a := range f.Op.Attrs {
		if x, ok := v.Attrs[a.Name]; ok {
			f.Attrs[a.Name] = x
		}
	}
	for _, t := range args {
		if err := checkShape(t.Shape); err != nil {
			return err
		}
		f.Args = append(f.Args, &Value{Op: MustLookup("param"), Type: clear(t).Batched(0)})
	}
	t, err := f.infer()
	if err != nil {
		return err
	}
	return wantShape(v, dy, t.Shape...)
}

// shaped gives v with a first argument of another shape: that of the op whose gradient v is, for its window.
func (v *Value) shaped(x []int) *Value {
	return &Value{Op: v.Op, Attrs: v.Attrs, Args: []*Value{{Type: Float(x...)}}}
}

// taps calls f for every product of a convolution of x by w with the places of the result's element, the input's and the weight.
func (v *Value) taps(x, w []int, f func(y, x, w int)) {
	v.tapRows(x, w, func(y, x, w, n, step int) {
		for i := range n {
			f(y+i, x+i*step, w)
		}
	})
}

// tapRows calls f for every weight and row of the result with the places of the first of the n products there: the input's are step apart.
func (v *Value) tapRows(x, w []int, f func(y, x, w, n, step int)) {
	g := v.shaped(x).window(w[2], w[3])
	inPer, outPer := w[1], w[0]/v.Int("groups")
	for tap := range w[0] * w[1] * w[2] * w[3] {
		o, c, ky, kx := tap/(w[1]*w[2]*w[3]), tap/(w[2]*w[3])%w[1], tap/w[3]%w[2], tap%w[3]
		in, left := o/outPer*inPer+c, kx*g.dw-g.pw
		lo, hi := max(0, (-left+g.sw-1)/g.sw), min(g.ow, (g.w-left+g.sw-1)/g.sw) // whose columns are inside
		for oy := range g.oh {
			if row := oy*g.sh + ky*g.dh - g.ph; 0 <= row && row < g.h && lo < hi {
				f((o*g.oh+oy)*g.ow+lo, (in*g.h+row)*g.w+lo*g.sw+left, tap, hi-lo, g.sw)
			}
		}
	}
}

// windows calls f for every window of a pooling of x with the place of its result and those of its elements inside the image, in order.
func (v *Value) windows(x []int, f func(y int, places []int)) {
	k := v.Ints("kernel")
	g := v.shaped(x).window(k[0], k[1])
	places := make([]int, 0, k[0]*k[1])
	for at := range g.c * g.oh * g.ow {
		c, oy, ox := at/(g.oh*g.ow), at/g.ow%g.oh, at%g.ow
		places = places[:0]
		for row := max(oy*g.sh-g.ph, 0); row < min(oy*g.sh-g.ph+g.kh, g.h); row++ {
			for col := max(ox*g.sw-g.pw, 0); col < min(ox*g.sw-g.pw+g.kw, g.w); col++ {
				places = append(places, (c*g.h+row)*g.w+col)
			}
		}
		f(at, places)
	}
}

// each gives the elements of a batch; of what is one for all samples, those of any sample.
func (t *Tensor) each() func(at int) float64 {
	n := len(t.F)
	return func(at int) float64 { return float64(t.F[at%n]) }
}

// rounded makes the result of v of numbers in double precision.
func rounded(v *Value, x []float64) *Tensor {
	out := NewTensor(v.Type)
	for i := range out.F {
		out.F[i] = float32(x[i])
	}
	return out
}
