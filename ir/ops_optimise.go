package ir

import (
	"errors"
	"math"
)

// Optimisers, one op for each state tensor that they keep and one for the weights: elementwise, as torch.optim.SGD and Adam have them. Weight
// decay adds decay*w to the gradient.
func init() {
	momentum, decay := Attr{"momentum", FloatAttr, 0.9, "of the velocity"}, Attr{"decay", FloatAttr, 0.0, "of the weights"}
	g, w, lr := Operand{"g", "gradient"}, Operand{"w", "weights"}, Operand{"lr", "[1], the learning rate"}
	beta := func(b float64) Attr { return Attr{"beta", FloatAttr, b, "of the running mean"} }
	// optimiser declares an elementwise op on n tensors of one shape, and then single numbers.
	optimiser := func(name, doc, example string, n int, operands []Operand, attrs []Attr, f func(v *Value, x []float64, args []*Tensor) float64) {
		defineBackward(Op{
			Name: name, Stages: Train, Doc: doc, Operands: operands, Attrs: attrs,
			Example: "%w = param @w : S f32[8]\n%lr = param @lr : S f32[1]\n%s = param @s : S f32[2]\n%1 = " + name + " " + example + " : f32[8]",
			Infer: func(v *Value) (Type, error) {
				t, err := sameShapes(v.Args[:n])
				for i := n; i < len(v.Args); i++ {
					err = errors.Join(err, wantShape(v, i, i-n+1)) // lr is [1], step behind it [2]
				}
				return t, err
			},
			Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
				out, x := NewTensor(v.Type), make([]float64, n)
				for i := range out.F {
					for k := range x {
						x[k] = float64(args[k].F[i])
					}
					out.F[i] = float32(f(v, x, args[n:]))
				}
				return out, nil
			},
		})
	}
	optimiser("sgd.velocity", "momentum*v + g + decay*w.", "%w, %w, %w", 3, []Operand{{"v", "velocity"}, g, w}, []Attr{momentum, decay},
		func(v *Value, x []float64, _ []*Tensor) float64 {
			return v.Float("momentum")*x[0] + x[1] + v.Float("decay")*x[2]
		})
	optimiser("sgd.weight", "w - lr*v.", "%w, %w, %lr", 2, []Operand{w, {"v", "new velocity"}, lr}, nil,
		func(_ *Value, x []float64, args []*Tensor) float64 { return x[0] - float64(args[0].F[0])*x[1] })
	optimiser("sgd.nesterov", "w - lr*(g + decay*w + momentum*v).", "%w, %w, %w, %lr", 3,
		[]Operand{w, {"v", "new velocity"}, g, lr}, []Attr{momentum, decay},
		func(v *Value, x []float64, args []*Tensor) float64 {
			return x[0] - float64(args[0].F[0])*(x[2]+v.Float("decay")*x[0]+v.Float("momentum")*x[1])
		})
	optimiser("adam.mean", "beta*m + (1 - beta)*(g + decay*w).", "%w, %w, %w", 3, []Operand{{"m", "running mean"}, g, w}, []Attr{beta(0.9), decay},
		func(v *Value, x []float64, _ []*Tensor) float64 {
			b := v.Float("beta")
			return b*x[0] + (1-b)*(x[1]+v.Float("decay")*x[2])
		})
	optimiser("adam.square", "beta*s + (1 - beta)*(g + decay*w)^2.", "%w, %w, %w", 3, []Operand{{"s", "running mean of squares"}, g, w}, []Attr{beta(0.999), decay},
		func(v *Value, x []float64, _ []*Tensor) float64 {
			b, d := v.Float("beta"), x[1]+v.Float("decay")*x[2]
			return b*x[0] + (1-b)*d*d
		})
	optimiser("adam.weight", "w - lr * (m/(1 - beta1^t)) / (sqrt(s/(1 - beta2^t)) + eps), t the number of the step.", "%w, %w, %w, %lr, %s", 3,
		[]Operand{w, {"m", "new running mean"}, {"s", "new running mean of squares"}, lr, opStep},
		[]Attr{{"beta1", FloatAttr, 0.9, "of m"}, {"beta2", FloatAttr, 0.999, "of s"}, {"eps", FloatAttr, 1e-8, "added to the root"}},
		func(v *Value, x []float64, args []*Tensor) float64 {
			t := float64(args[1].F[1])
			m, s := x[1]/(1-math.Pow(v.Float("beta1"), t)), x[2]/(1-math.Pow(v.Float("beta2"), t))
			return x[0] - float64(args[0].F[0])*m/(math.Sqrt(s)+v.Float("eps"))
		})
	defineBackward(Op{
		Name: "clip.norm", Stages: Train, Variadic: true,
		Doc:      "Euclidean norm of all elements of all arguments.",
		Example:  "%g = param @g : S f32[8]\n%1 = clip.norm %g, %g : f32[1]",
		Operands: []Operand{{"g", "gradients, of any shapes"}},
		Infer:    func(*Value) (Type, error) { return Float(1), nil },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			var sum float64
			for _, a := range args {
				for _, x := range a.F {
					sum += float64(x) * float64(x)
				}
			}
			return rounded(v, []float64{math.Sqrt(sum)}), nil
		},
	})
	const never = 1e-6 // of torch.nn.utils.clip_grad_norm_: a norm of zero divides nothing
	defineBackward(Op{
		Name: "clip.scale", Stages: Train,
		Doc:      "g * min(1, most/(norm + 1e-6)).",
		Example:  "%g = param @g : S f32[8]\n%n = param @n : S f32[1]\n%1 = clip.scale %g, %n {most=5.0} : f32[8]",
		Operands: []Operand{g, {"norm", "[1], the clip.norm of all gradients"}},
		Attrs:    []Attr{{"most", FloatAttr, nil, "the greatest norm that is left as it is"}},
		Infer:    func(v *Value) (Type, error) { return clear(v.Args[0].Type), wantShape(v, 1, 1) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			f := float32(min(1, v.Float("most")/(float64(args[1].F[0])+never)))
			return mapFloat(v, args[0], func(g float32) float32 { return g * f }), nil
		},
	})
}
