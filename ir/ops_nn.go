package ir

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

const nnStages = Space | Net | Train

var (
	opX     = Operand{"x", "input, [C,H,W] or [N]"}
	opImage = Operand{"x", "input, [C,H,W]"}

	attrStride   = Attr{"stride", IntsAttr, []int{1, 1}, "rows, columns"}
	attrPad      = Attr{"pad", IntsAttr, []int{0, 0}, "zeros on every side: rows, columns"}
	attrDilation = Attr{"dilation", IntsAttr, []int{1, 1}, "rows, columns"}
	attrGroups   = Attr{"groups", IntAttr, 1, "the channels are split into so many independent convolutions"}
	attrKernel   = Attr{"kernel", IntsAttr, nil, "rows, columns"}
)

func init() {
	define(Op{
		Name: "param", Stages: Space | Net | RingStage | Secure | Train, Constant: true, State: true,
		Doc:     "A weight, read from the weights file under its path. The server knows it; in the outsourced deployment the baked one is shared.",
		Example: "%w = param @conv1.weight : S f32[8,3,3,3]",
		Infer: func(v *Value) (Type, error) {
			if v.Path == "" {
				return Type{}, errors.New("a weight needs a path")
			}
			if v.Type.Elem.Float && v.Type.Share != OfServer {
				return Type{}, fmt.Errorf("a weight in floats is the server's: accepted is %s", v.Type.Of(OfServer))
			}
			return v.Type, nil
		},
	})
	define(Op{
		Name: "choice", Stages: Space,
		Doc:     "One of several options with equal result types, decided per site before the module becomes a NET.",
		Example: "%x = param @x : S f32[8,4,4]\n%1 = choice {choice=\"act\", site=\"layer1.act#1\"} : f32[8,4,4] {\noption relu:\n%2 = nn.relu %x : f32[8,4,4]\nyield %2\noption none:\n%3 = nn.dropout %x : f32[8,4,4]\nyield %3\n}",
		Attrs: []Attr{
			{"site", StringAttr, nil, "name under which this use is decided; uses of a shared choice have the same"},
			{"choice", StringAttr, "", "name under which all uses of the choice are decided; without one, the site alone decides"},
		},
		NoGradient: "it is decided, or relaxed to a sum of its options, before",
		Infer:      inferChoice,
		Operands:   nil,
	})
	define(Op{
		Name: "nn.mix", Stages: Net | Train, Variadic: true, Decides: true,
		Doc:      "The softmax-weighted sum of the options of a relaxed choice: sum over j of softmax(logits)_j * option_j (DARTS).",
		Example:  "%l = param @act#1.logits : S f32[2]\n%a = param @a : S f32[4]\n%b = param @b : S f32[4]\n%1 = nn.mix %l, %a, %b : f32[4]",
		Operands: []Operand{{"logits", "[number of options]"}, {"option", "all of one shape"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantShape(v, 0, len(v.Args)-1); err != nil {
				return Type{}, err
			}
			return sameShapes(v.Args[1:])
		},
		Eval: evalMix,
		Grad: func(b *Builder, v, dy *Value) []*Value {
			logits := v.Args[0]
			out := []*Value{b.Must("grad.mix.logits", nil, append([]*Value{logits, dy}, v.Args[1:]...)...)}
			for j := range v.Args[1:] {
				out = append(out, b.Must("grad.mix.option", Attrs{"option": j}, logits, dy))
			}
			return out
		},
	})
	define(Op{
		Name: "nn.conv2d", Stages: nnStages, Optional: 1, Weights: 1,
		Doc:      "Convolution with zero padding: y[o,i,j] = b[o] + sum over c,k,l of w[o,c,k,l] * x[c, i*stride+k*dilation-pad, ...].",
		Example:  "%x = param @x : S f32[3,8,8]\n%w = param @w : S f32[4,3,3,3]\n%1 = nn.conv2d %x, %w {pad=[1,1]} : f32[4,8,8]",
		Operands: []Operand{{"x", "[C,H,W]"}, {"w", "[O,C/groups,KH,KW]"}, {"b", "[O]"}},
		Attrs:    []Attr{attrStride, attrPad, attrDilation, attrGroups},
		Infer:    inferConv, Eval: evalConv, Range: rangeLinear,
		Grad: func(b *Builder, v, dy *Value) []*Value {
			geometry := []string{"stride", "pad", "dilation", "groups"}
			dx, dw := v.Attrs.Only(geometry...), v.Attrs.Only(geometry...)
			dx["size"], dw["kernel"] = v.Args[0].Type.Shape[1:], v.Args[1].Type.Shape[2:]
			return []*Value{b.Must("grad.conv2d.x", dx, dy, v.Args[1]), b.Must("grad.conv2d.w", dw, v.Args[0], dy), b.sums(dy, v.Type.Shape[0])}[:len(v.Args)]
		},
	})
	define(Op{
		Name: "nn.linear", Stages: nnStages, Optional: 1, Weights: 1,
		Doc:      "Fully connected layer: y = w*x + b.",
		Example:  "%x = param @x : S f32[16]\n%w = param @w : S f32[10,16]\n%1 = nn.linear %x, %w : f32[10]",
		Operands: []Operand{{"x", "[N]"}, {"w", "[O,N]"}, {"b", "[O]"}},
		Infer:    inferLinear, Eval: evalLinear, Range: rangeLinear,
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.Must("grad.linear.x", nil, dy, v.Args[1]), b.Must("grad.linear.w", nil, v.Args[0], dy), b.sums(dy, v.Type.Len())}[:len(v.Args)]
		},
	})
	define(Op{
		Name: "nn.batchnorm", Stages: nnStages, Weights: 1,
		Traits:   Traits{ByChannel: true, ByElement: true},
		Doc:      "Batch normalisation with running statistics: y = (x - mean) / sqrt(var + eps) * gamma + beta, per channel.",
		Example:  "%x = param @x : S f32[2,4,4]\n%g = param @g : S f32[2]\n%v = param @var : S f32[2]\n%1 = nn.batchnorm %x, %g, %g, %g, %v : f32[2,4,4]",
		Operands: []Operand{opX, {"gamma", "[C]"}, {"beta", "[C]"}, {"mean", "[C]"}, {"var", "[C]"}},
		Attrs:    []Attr{{"eps", FloatAttr, 1e-5, "added to the variance"}},
		Infer: func(v *Value) (Type, error) {
			for i := 1; i < 5; i++ {
				if err := wantShape(v, i, v.Args[0].Type.Shape[0]); err != nil {
					return Type{}, err
				}
			}
			return clear(v.Args[0].Type), nil
		},
		Eval: evalBatchnorm,
		Grad: func(b *Builder, v, dy *Value) []*Value { // none of the statistics, which are not trained
			channels := v.Type.Shape[0]
			zero := b.Must("train.fill", Attrs{"shape": []int{channels}})
			dx := b.Must("nn.batchnorm", v.Declared(), dy, v.Args[1], zero, zero, v.Args[4])
			sums := b.Must("grad.batchnorm.sums", v.Declared(), v.Args[0], b.Must("nn.concat", nil, v.Args[3], v.Args[4]), dy)
			return []*Value{dx, b.part(sums, 0, v.Args[1].Type.Shape), b.part(sums, channels, v.Args[2].Type.Shape), nil, nil}
		},
		Training: trainBatchnorm,
		Range: func(v *Value, in []Interval, w [][]float32) Interval {
			out := Interval{math.Inf(1), math.Inf(-1)}
			for c := range w[1] {
				s := float64(BatchnormScale(w[1][c], w[4][c], v.Float("eps")))
				shift := float64(w[2][c]) - float64(w[3][c])*s
				out = out.Union(in[0].Times(s).Add(Interval{shift, shift}))
			}
			return out
		},
	})
	define(Op{
		Name: "nn.scale", Stages: nnStages, Weights: 1, Inner: true,
		Traits:   Traits{ByChannel: true, ByElement: true},
		Doc:      "y = x * s, one factor for all or one a channel.",
		Example:  "%x = param @x : S f32[2,4,4]\n%s = param @s : S f32[2]\n%1 = nn.scale %x, %s : f32[2,4,4]",
		Operands: []Operand{opX, {"s", "[1] or [C]"}},
		Infer: func(v *Value) (Type, error) {
			s := v.Args[1].Type.Shape
			if len(s) != 1 || (s[0] != 1 && s[0] != v.Args[0].Type.Shape[0]) {
				return Type{}, fmt.Errorf("the factor has shape %s, accepted are [1] and [%d]", shapeString(s), v.Args[0].Type.Shape[0])
			}
			return clear(v.Args[0].Type), nil
		},
		Range: rangeEach(func(x Interval, w float64) Interval { return x.Times(w) }),
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.Must("nn.scale", nil, dy, v.Args[1]), b.products(v.Args[0], dy, v.Args[1].Type.Len())}
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			per := len(out.F) / len(args[1].F)
			for i, x := range args[0].F {
				out.F[i] = x * args[1].F[i/per]
			}
			return out, nil
		},
	})
	define(Op{
		Name: "nn.shift", Stages: nnStages, Weights: 1, Inner: true,
		Traits:   Traits{HandsOn: AllFactors, ByChannel: true, ByElement: true},
		Doc:      "y = x + c, one summand for all or one a channel.",
		Example:  "%x = param @x : S f32[2,4,4]\n%c = param @c : S f32[2]\n%1 = nn.shift %x, %c : f32[2,4,4]",
		Operands: []Operand{opX, {"c", "[1] or [C]"}},
		Infer: func(v *Value) (Type, error) {
			return MustLookup("nn.scale").Infer(v)
		},
		Range: rangeEach(func(x Interval, w float64) Interval { return x.Add(Interval{w, w}) }),
		Grad:  func(b *Builder, v, dy *Value) []*Value { return []*Value{dy, b.sums(dy, v.Args[1].Type.Len())} },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			copy(out.F, args[0].F)
			addBias(out.F, args[1].F)
			return out, nil
		},
	})
	relu := func(x float32) float32 { return max(x, 0) }
	// gate is the gradient of a ReLU, by its result: where that is at an end, the argument is at it or beyond.
	gate := func(op string) func(*Builder, *Value, *Value) []*Value {
		return func(b *Builder, v, dy *Value) []*Value { return []*Value{b.Must(op, v.Declared(), v, dy)} }
	}
	exact := activation("nn.relu", "max(x, 0).", Traits{HandsOn: PositiveFactors, ReLU: true, KeepsOrder: true}, relu, rangeMonotone(relu))
	exact.Grad = gate("grad.relu")
	define(exact)
	const most = 6
	clip := func(x float32) float32 { return min(max(x, 0), most) }
	relu6 := activation("nn.relu6", "min(max(x, 0), 6).", Traits{ReLU: true, KeepsOrder: true}, clip, rangeMonotone(clip))
	relu6.Ring = func(b *Builder, _ *Value, a []*Value) *Value { // relu(x) - relu(x - 6)
		above := b.plus(a[0], -most)
		return b.Must("ring.sub", nil, b.Must("ring.relu", nil, a[0]), b.Must("ring.relu", nil, above))
	}
	relu6.Grad = gate("grad.relu6")
	define(relu6)
	negate := activation("nn.negate", "-x.", Traits{HandsOn: AllFactors}, func(x float32) float32 { return -x },
		func(_ *Value, in []Interval, _ [][]float32) Interval { return in[0].Times(-1) })
	negate.Ring = func(b *Builder, _ *Value, a []*Value) *Value { return b.times(a[0], -1) }
	negate.Grad = func(b *Builder, _, dy *Value) []*Value { return []*Value{b.Must("nn.negate", nil, dy)} }
	negate.Inner = true
	define(negate)
	square := activation("nn.square", "x*x.", Traits{}, func(x float32) float32 { return x * x }, rangeSquare)
	square.Grad = func(b *Builder, v, dy *Value) []*Value {
		half := b.Must("train.mul", nil, v.Args[0], dy)
		return []*Value{b.Must("nn.add", nil, half, half)}
	}
	square.Inner = true
	define(square)
	define(Op{
		Name: "nn.x2act", Stages: nnStages, Weights: 1,
		Traits:   Traits{ByChannel: true, ByElement: true},
		Doc:      "Polynomial activation of PASNet: y = scale*a*x^2 + b*x + c with three trained scalars a site.",
		Example:  "%x = param @x : S f32[8,4,4]\n%a = param @a : S f32[1]\n%1 = nn.x2act %x, %a, %a, %a : f32[8,4,4]",
		Operands: []Operand{opX, {"a", "[1]"}, {"b", "[1]"}, {"c", "[1]"}},
		Attrs:    []Attr{{"scale", FloatAttr, 1.0, "fixed factor of the square, public"}},
		Infer: func(v *Value) (Type, error) {
			for i := 1; i < 4; i++ {
				if err := wantShape(v, i, 1); err != nil {
					return Type{}, err
				}
			}
			return clear(v.Args[0].Type), nil
		},
		Range: func(v *Value, in []Interval, w [][]float32) Interval {
			a, b, c := float64(w[1][0])*v.Float("scale"), float64(w[2][0]), float64(w[3][0])
			return in[0].polynomial(a, b).Add(Interval{c, c})
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			sums := b.Must("grad.x2act.sums", v.Declared(), v.Args[0], dy)
			out := []*Value{b.Must("grad.x2act.x", v.Declared(), v.Args[0], v.Args[1], v.Args[2], dy)}
			for i := range 3 {
				out = append(out, b.part(sums, i, v.Args[1+i].Type.Shape))
			}
			return out
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			a, b, c := args[1].F[0]*float32(v.Float("scale")), args[2].F[0], args[3].F[0]
			return mapFloat(v, args[0], func(x float32) float32 { return a*x*x + b*x + c }), nil
		},
	})
	define(Op{
		Name: "nn.maxpool", Stages: nnStages,
		Traits:   Traits{HandsOn: PositiveFactors, ByChannel: true},
		Doc:      "The greatest element of each window; padding never wins.",
		Example:  "%x = param @x : S f32[8,4,4]\n%1 = nn.maxpool %x {kernel=[2,2], stride=[2,2]} : f32[8,2,2]",
		Operands: []Operand{opImage}, Attrs: []Attr{attrKernel, attrStride, attrPad},
		Infer: inferPool,
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.Must("grad.maxpool", v.Declared(), v.Args[0], dy)}
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k := v.Ints("kernel")
			maxPool(v.window(k[0], k[1]), out.F, args[0].F)
			return out, nil
		},
	})
	define(Op{
		Name: "nn.avgpool", Stages: nnStages,
		Traits:   Traits{HandsOn: AllFactors, ByChannel: true},
		Doc:      "The mean of each window, zeros of the padding counted.",
		Example:  "%x = param @x : S f32[8,4,4]\n%1 = nn.avgpool %x {kernel=[4,4]} : f32[8,1,1]",
		Operands: []Operand{opImage}, Attrs: []Attr{attrKernel, attrStride, attrPad},
		Infer: inferPool, Range: rangeWithZero,
		Grad: func(b *Builder, v, dy *Value) []*Value {
			attrs := v.Declared()
			attrs["size"] = v.Args[0].Type.Shape[1:]
			return []*Value{b.Must("grad.avgpool", attrs, dy)}
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k := v.Ints("kernel")
			sumPool(v.window(k[0], k[1]), out.F, args[0].F)
			for i := range out.F {
				out.F[i] /= float32(k[0] * k[1])
			}
			return out, nil
		},
	})
	define(Op{
		Name: "nn.add", Stages: nnStages, Inner: true,
		Traits:   Traits{HandsOn: AllFactors, ByChannel: true, ByElement: true},
		Doc:      "Elementwise sum.",
		Example:  "%x = param @x : S f32[8]\n%1 = nn.add %x, %x : f32[8]",
		Operands: []Operand{{"a", ""}, {"b", "of the shape of a"}},
		Infer:    func(v *Value) (Type, error) { return sameShapes(v.Args) },
		Range:    func(_ *Value, in []Interval, _ [][]float32) Interval { return in[0].Add(in[1]) },
		Grad:     func(_ *Builder, _, dy *Value) []*Value { return []*Value{dy, dy} },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for i := range out.F {
				out.F[i] = args[0].F[i] + args[1].F[i]
			}
			return out, nil
		},
	})
	define(Op{
		Name: "nn.dropout", Stages: nnStages, Random: true,
		Traits:   Traits{HandsOn: AllFactors, ByChannel: true, ByElement: true, KeepsOrder: true, Unchanged: func(*Value) bool { return true }},
		Doc:      "Identity in inference.",
		Example:  "%x = param @x : S f32[8]\n%1 = nn.dropout %x {p=0.5} : f32[8]",
		Operands: []Operand{opX}, Attrs: []Attr{{"p", FloatAttr, 0.5, "probability of dropping an element in training"}},
		Infer: func(v *Value) (Type, error) { return clear(v.Args[0].Type), nil },
		Eval:  func(v *Value, args []*Tensor) (*Tensor, error) { return &Tensor{Type: v.Type, F: args[0].F}, nil },
		Grad:  func(_ *Builder, _, dy *Value) []*Value { return []*Value{dy} },
		Training: func(t *Training, v *Value, args []*Value) (*Value, error) {
			return t.B.EmitAs(v.Name, "train.dropout", Attrs{"p": v.Float("p"), "site": v.site()}, args[0], t.Step)
		},
	})
	define(Op{
		Name: "nn.argmax", Stages: nnStages,
		Doc:        "Index of the greatest element, the first of equals, as a number.",
		NoGradient: "it is constant but where it jumps",
		Example:    "%x = param @x : S f32[8]\n%1 = nn.argmax %x : f32[1]",
		Operands:   []Operand{{"x", "[N]"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantVector(v, 0); err != nil {
				return Type{}, err
			}
			return clear(v.Args[0].Type).With(1), nil
		},
		Range: func(v *Value, _ []Interval, _ [][]float32) Interval {
			return Interval{0, float64(v.Args[0].Type.Len() - 1)}
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, F: []float32{float32(argmax(args[0].F))}}, nil
		},
	})
	define(Op{
		Name: "nn.softmax", Stages: nnStages,
		Doc:      "exp(x_i) / sum of exp(x_j), on the client's clear output.",
		Example:  "%x = param @x : S f32[8]\n%1 = nn.softmax %x : f32[8]",
		Operands: []Operand{{"x", "[N]"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantVector(v, 0); err != nil {
				return Type{}, err
			}
			return clear(v.Args[0].Type), nil
		},
		Range: func(*Value, []Interval, [][]float32) Interval { return Interval{0, 1} },
		Grad:  func(b *Builder, v, dy *Value) []*Value { return []*Value{b.Must("grad.softmax", nil, v, dy)} },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, F: Softmax(args[0].F)}, nil
		},
	})
}

// activation is an op on each element alone: f, with its bounds.
func activation(name, doc string, traits Traits, f func(float32) float32, bounds rangeFunc) Op {
	traits.ByElement, traits.ByChannel = true, true
	return Op{
		Name: name, Stages: nnStages, Doc: doc, Range: bounds, Traits: traits,
		Example:  "%x = param @x : S f32[8,4,4]\n%1 = " + name + " %x : f32[8,4,4]",
		Operands: []Operand{opX},
		Infer:    func(v *Value) (Type, error) { return clear(v.Args[0].Type), nil },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return mapFloat(v, args[0], f), nil
		},
	}
}

func mapFloat(v *Value, x *Tensor, f func(float32) float32) *Tensor {
	out := NewTensor(v.Type)
	for i, e := range x.F {
		out.F[i] = f(e)
	}
	return out
}

// Softmax is the stable form: exponentials of x minus its maximum, divided by their sum.
func Softmax(x []float32) []float32 {
	top := slices.Max(x)
	out := make([]float32, len(x))
	var sum float64
	for i, e := range x {
		p := math.Exp(float64(e - top))
		out[i] = float32(p)
		sum += p
	}
	for i := range out {
		out[i] = float32(float64(out[i]) / sum)
	}
	return out
}

// clear drops the sharing: what an op computes in the clear stages belongs to nobody yet.
func clear(t Type) Type { return t.Of(Clear) }

func wantShape(v *Value, arg int, shape ...int) error {
	if got := v.Args[arg].Type.Shape; !slices.Equal(got, shape) {
		return fmt.Errorf("%s has shape %s, accepted is %s", v.operandName(arg), shapeString(got), shapeString(shape))
	}
	return nil
}

func (v *Value) operandName(arg int) string {
	return v.Op.Operands[min(arg, len(v.Op.Operands)-1)].Name
}

func wantRank(v *Value, arg, rank int) error {
	if got := v.Args[arg].Type.Shape; len(got) != rank {
		form := [...]string{1: "[N]", 2: "[O,N]", 3: "[C,H,W]", 4: "[O,C,KH,KW]"}[rank]
		return fmt.Errorf("%s has shape %s, accepted is %s", v.operandName(arg), shapeString(got), form)
	}
	return nil
}

func wantVector(v *Value, arg int) error { return wantRank(v, arg, 1) }

func sameShapes(args []*Value) (Type, error) {
	for _, a := range args[1:] {
		if !slices.Equal(a.Type.Shape, args[0].Type.Shape) {
			return Type{}, fmt.Errorf("shapes %s and %s differ", shapeString(args[0].Type.Shape), shapeString(a.Type.Shape))
		}
	}
	return clear(args[0].Type), nil
}

func inferChoice(v *Value) (Type, error) {
	if len(v.Options) == 0 {
		return Type{}, errors.New("a choice needs at least one option")
	}
	results, labels := make([]*Value, len(v.Options)), map[string]bool{}
	for i, o := range v.Options {
		if results[i] = o.Result; labels[o.Label] {
			return Type{}, fmt.Errorf("two options are called %s", o.Label)
		}
		labels[o.Label] = true
		if !slices.Equal(o.Result.Type.Shape, results[0].Type.Shape) {
			return Type{}, fmt.Errorf("option %s gives shape %s, option %s gives %s", v.Options[0].Label,
				shapeString(results[0].Type.Shape), o.Label, shapeString(o.Result.Type.Shape))
		}
	}
	return clear(results[0].Type), nil
}

// pair checks a two-element attribute of least value least.
func (v *Value) pair(name string, least int) error {
	p := v.Ints(name)
	if len(p) != 2 || p[0] < least || p[1] < least || p[0] > 1<<20 || p[1] > 1<<20 {
		return fmt.Errorf("%s is %s, accepted are two integers from %d to 2^20", name, shapeString(p), least)
	}
	return nil
}

func (v *Value) geometry() error {
	if err := wantRank(v, 0, 3); err != nil {
		return err
	}
	return errors.Join(v.pair("stride", 1), v.pair("pad", 0))
}

// fits refuses a window that is larger than the padded input.
func (g window) fits() error {
	if g.h+2*g.ph < g.dh*(g.kh-1)+1 || g.w+2*g.pw < g.dw*(g.kw-1)+1 {
		return fmt.Errorf("kernel %s does not fit a %dx%d input with pad %s", square(g.kh, g.kw), g.h, g.w, square(g.ph, g.pw))
	}
	return nil
}

func square(a, b int) string {
	if a == b {
		return fmt.Sprint(a)
	}
	return fmt.Sprintf("%dx%d", a, b)
}

func inferConv(v *Value) (Type, error) {
	if err := errors.Join(v.geometry(), wantRank(v, 1, 4)); err != nil {
		return Type{}, err
	}
	if err := v.pair("dilation", 1); err != nil {
		return Type{}, err
	}
	x, w, groups := v.Args[0].Type.Shape, v.Args[1].Type.Shape, v.Int("groups")
	if groups < 1 || x[0]%groups != 0 || w[0]%groups != 0 {
		return Type{}, fmt.Errorf("%d groups do not divide %d input and %d output channels", groups, x[0], w[0])
	}
	if w[1] != x[0]/groups {
		return Type{}, fmt.Errorf("the weights take %d channels a group, the input has %d in %d group(s)", w[1], x[0], groups)
	}
	if len(v.Args) > 2 {
		if err := wantShape(v, 2, w[0]); err != nil {
			return Type{}, err
		}
	}
	g := v.window(w[2], w[3])
	if err := g.fits(); err != nil {
		return Type{}, err
	}
	return clear(v.Args[0].Type).With(w[0], g.oh, g.ow), nil
}

func evalConv(v *Value, args []*Tensor) (*Tensor, error) {
	out := NewTensor(v.Type)
	w := args[1].Type.Shape
	g := v.window(w[2], w[3])
	if v.Type.Elem.Float {
		convolve(g, v.Int("groups"), w[0], out.F, args[0].F, args[1].F)
	} else {
		convolve(g, v.Int("groups"), w[0], out.I, args[0].I, args[1].I)
	}
	return out.biased(args[2:]), nil
}

// biased adds the optional last argument of a linear layer.
func (t *Tensor) biased(bias []*Tensor) *Tensor {
	if len(bias) > 0 {
		if t.Type.Elem.Float {
			addBias(t.F, bias[0].F)
		} else {
			addBias(t.I, bias[0].I)
		}
	}
	return t.wrap()
}

func inferLinear(v *Value) (Type, error) {
	if err := errors.Join(wantVector(v, 0), wantRank(v, 1, 2)); err != nil {
		return Type{}, err
	}
	w := v.Args[1].Type.Shape
	if err := wantShape(v, 0, w[1]); err != nil {
		return Type{}, err
	}
	if len(v.Args) > 2 {
		if err := wantShape(v, 2, w[0]); err != nil {
			return Type{}, err
		}
	}
	return clear(v.Args[0].Type).With(w[0]), nil
}

func evalLinear(v *Value, args []*Tensor) (*Tensor, error) {
	out := NewTensor(v.Type)
	if v.Type.Elem.Float {
		dense(out.F, args[0].F, args[1].F)
	} else {
		dense(out.I, args[0].I, args[1].I)
	}
	return out.biased(args[2:]), nil
}

func evalBatchnorm(v *Value, args []*Tensor) (*Tensor, error) {
	out := NewTensor(v.Type)
	per := len(out.F) / len(args[1].F)
	for c := range args[1].F {
		s := BatchnormScale(args[1].F[c], args[4].F[c], v.Float("eps"))
		for i := c * per; i < (c+1)*per; i++ {
			out.F[i] = (args[0].F[i]-args[3].F[c])*s + args[2].F[c]
		}
	}
	return out, nil
}

// BatchnormScale is gamma / sqrt(var + eps).
func BatchnormScale(gamma, variance float32, eps float64) float32 {
	return float32(float64(gamma) / math.Sqrt(float64(variance)+eps))
}

func inferPool(v *Value) (Type, error) {
	if err := errors.Join(v.geometry(), v.pair("kernel", 1)); err != nil {
		return Type{}, err
	}
	k := v.Ints("kernel")
	g := v.window(k[0], k[1])
	if 2*g.ph > g.kh || 2*g.pw > g.kw {
		return Type{}, fmt.Errorf("pad %s is more than half of kernel %s: some windows would hold no element", square(g.ph, g.pw), square(g.kh, g.kw))
	}
	if err := g.fits(); err != nil {
		return Type{}, err
	}
	return clear(v.Args[0].Type).With(g.c, g.oh, g.ow), nil
}

func evalMix(v *Value, args []*Tensor) (*Tensor, error) {
	out := NewTensor(v.Type)
	for j, p := range Softmax(args[0].F) {
		for i, x := range args[1+j].F {
			out.F[i] += p * x
		}
	}
	return out, nil
}
