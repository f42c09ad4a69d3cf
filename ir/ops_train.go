package ir

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The forward half of training: what ops become while a network is trained, losses, and the state that a function overwrites. Means, defaults
// and the order of operations are PyTorch's, so that one step here is one step there.

var (
	opDy      = Operand{"dy", "gradient of the loss by the op's result"}
	opStep    = Operand{"step", "[2]: the seed of the run and the number of the step, from 1, integers below 2^24"}
	opMoments = Operand{"moments", "[2C], the train.moments of x"}
	attrEps   = Attr{"eps", FloatAttr, 1e-5, "added to the variance"}
)

func init() {
	define(Op{
		Name: "assign", Stages: Train | RingStage | Secure, State: true,
		Doc: "Overwrites the state tensor at the path when the function ends: weights, momenta, running statistics, gradients. A param or state reads what was" +
			" there before. In SECURE each party keeps its share.",
		Example:  "%w = param @w : S f32[8]\n%1 = assign @w %w : f32[8]",
		Operands: []Operand{{"v", "one for all samples"}},
		Infer: func(v *Value) (Type, error) {
			if v.Path == "" {
				return Type{}, errors.New("state needs a path")
			}
			if v.Args[0].Type.Batch > 0 {
				return Type{}, fmt.Errorf("%s is %s, accepted is one for all samples", v.Args[0], v.Args[0].Type)
			}
			if t := v.Args[0].Type; t.Share.Additive() {
				return t.Of(Arithmetic), nil
			}
			return clear(v.Args[0].Type), nil
		},
		Eval:       identity,
		NoGradient: "nothing reads what it gives",
	})
	define(Op{
		Name: "train.moments", Stages: Train, Sums: true,
		Doc:      "Means, then biased variances, of the channels over the batch and all pixels.",
		Example:  "%x = param @x : S f32[2,4,4]\n%1 = train.moments %x : f32[4]",
		Operands: []Operand{opX}, NoGradient: "train.batchnorm's is of both",
		Infer: func(v *Value) (Type, error) { return Float(2 * v.Args[0].Type.Shape[0]), nil },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out, x := NewTensor(v.Type), args[0]
			channels := x.Type.Shape[0]
			n := float64(x.Type.All() / channels)
			mean := x.sumsOf(channels, func(at, _ int) float64 { return float64(x.F[at]) })
			squares := x.sumsOf(channels, func(at, c int) float64 {
				d := float64(x.F[at]) - mean[c]/n
				return d * d
			})
			for c := range channels {
				out.F[c], out.F[channels+c] = float32(mean[c]/n), float32(squares[c]/n)
			}
			return out, nil
		},
	})
	define(Op{
		Name: "train.batchnorm", Stages: Train, Weights: 1,
		Doc:      "Batch normalisation by the batch's own statistics: y = (x - mean) / sqrt(var + eps) * gamma + beta, per channel.",
		Example:  "%x = param @x : S f32[2,4,4]\n%g = param @g : S f32[2]\n%b = param @b : S f32[2]\n%m = train.moments %x : f32[4]\n%1 = train.batchnorm %x, %g, %b, %m : f32[2,4,4]",
		Operands: []Operand{opX, {"gamma", "[C]"}, {"beta", "[C]"}, opMoments},
		Attrs:    []Attr{attrEps},
		Infer: func(v *Value) (Type, error) {
			channels, m := v.Args[0].Type.Shape[0], v.Args[3]
			if err := errors.Join(wantShape(v, 1, channels), wantShape(v, 2, channels)); err != nil {
				return Type{}, err
			}
			if !m.Is("train.moments") || m.Args[0] != v.Args[0] {
				return Type{}, fmt.Errorf("moments are %s, accepted are the train.moments of %s: the gradient is of both", m, v.Args[0])
			}
			return clear(v.Args[0].Type), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out, channels := NewTensor(v.Type), len(args[1].F)
			per := len(out.F) / channels
			for c, gamma := range args[1].F {
				s := BatchnormScale(gamma, args[3].F[channels+c], v.Float("eps"))
				for i := c * per; i < (c+1)*per; i++ {
					out.F[i] = (args[0].F[i]-args[3].F[c])*s + args[2].F[c]
				}
			}
			return out, nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value { // that of x is through the moments too
			x, gamma, moments := v.Args[0], v.Args[1], v.Args[3]
			sums := b.Must("grad.batchnorm.sums", v.Declared(), x, moments, dy)
			dx := b.Must("grad.batchnorm.x", v.Declared(), x, gamma, moments, sums, dy)
			return []*Value{dx, b.part(sums, 0, gamma.Type.Shape), b.part(sums, gamma.Type.Len(), v.Args[2].Type.Shape), nil}
		},
	})
	const torchMomentum = 0.1 // of torch.nn.BatchNorm2d
	running := func(name, doc string, attrs []Attr, part func(v *Value, moments []float32, c int) float64) {
		define(Op{
			Name: name, Stages: Train, Doc: doc, NoGradient: "running statistics are not trained",
			Example:  "%old = param @bn.old : S f32[2]\n%x = param @x : S f32[2,4,4]\n%m = train.moments %x : f32[4]\n%1 = " + name + " %old, %m" + map[bool]string{true: " {count=16}"}[len(attrs) > 0] + " : f32[2]",
			Operands: []Operand{{"old", "[C]"}, {"moments", "[2C], of a batch"}},
			Attrs:    append([]Attr{{"momentum", FloatAttr, torchMomentum, "weight of the new"}}, attrs...),
			Infer: func(v *Value) (Type, error) {
				return clear(v.Args[0].Type), wantShape(v, 1, 2*v.Args[0].Type.Len())
			},
			Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
				out, m := NewTensor(v.Type), v.Float("momentum")
				for c, old := range args[0].F {
					out.F[c] = float32((1-m)*float64(old) + m*part(v, args[1].F, c))
				}
				return out, nil
			},
		})
	}
	running("train.running.mean", "(1 - momentum)*old + momentum*mean.", nil, func(_ *Value, m []float32, c int) float64 { return float64(m[c]) })
	running("train.running.var", "(1 - momentum)*old + momentum*var*count/(count - 1), the unbiased variance.",
		[]Attr{{"count", IntAttr, nil, "elements of a channel in the batch, 2 or more"}},
		func(v *Value, m []float32, c int) float64 {
			n := float64(v.Int("count"))
			return float64(m[len(m)/2+c]) * n / (n - 1)
		})
	variance := table["train.running.var"]
	ofTwo := variance.Infer
	variance.Infer = func(v *Value) (Type, error) {
		if err := v.within("count", 2, maxElements); err != nil {
			return Type{}, err
		}
		return ofTwo(v)
	}
	define(Op{
		Name: "train.dropout", Stages: Train, Numbered: true,
		Doc:      "x/(1-p) with probability 1-p, else 0, by a hash of step, site, sample and element (Dropped).",
		Example:  "%x = param @x : S f32[8]\n%s = param @s : S f32[2]\n%1 = train.dropout %x, %s : f32[8]",
		Operands: []Operand{opX, opStep}, Weights: 1,
		Attrs: []Attr{{"p", FloatAttr, 0.5, "probability of dropping an element"}, {"site", IntAttr, 0, "a number that no other dropout of the function has"}},
		Infer: func(v *Value) (Type, error) {
			if p := v.Float("p"); !(p >= 0 && p < 1) {
				return Type{}, fmt.Errorf("p is %g, accepted are probabilities below 1", p)
			}
			return clear(v.Args[0].Type), wantShape(v, 1, 2)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out, p := NewTensor(v.Type), v.Float("p")
			seed, step := uint64(args[1].F[0]), uint64(args[1].F[1])
			for i, x := range args[0].F {
				if !Dropped(seed, step, uint64(v.Int("site")), uint64(i), p) {
					out.F[i] = x * float32(1/(1-p))
				}
			}
			return out, nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value { // drops the same
			return []*Value{b.Must("train.dropout", v.Declared(), dy, v.Args[1]), nil}
		},
	})
	logits, label := Operand{"logits", "[N]"}, Operand{"label", "[N]: the probability of each class, one hot of a class that is known"}
	attrSmoothing := Attr{"smoothing", FloatAttr, 0.0, "so much of the label is spread evenly over all classes"}
	inferLoss := func(v *Value) (Type, error) {
		if err := wantVector(v, 0); err != nil {
			return Type{}, err
		}
		if a, b := v.Args[0].Type, v.Args[1].Type; a.Batch != b.Batch {
			return Type{}, fmt.Errorf("logits are %s and labels are %s: their batches differ", a, b)
		}
		return Float(1), wantShape(v, 1, v.Args[0].Type.Shape...)
	}
	inferSmoothed := func(v *Value) (Type, error) {
		if s := v.Float("smoothing"); !(s >= 0 && s < 1) {
			return Type{}, fmt.Errorf("smoothing is %g, accepted are numbers from 0 to below 1", s)
		}
		return inferLoss(v)
	}
	define(Op{
		Name: "train.crossentropy", Stages: Train, Sums: true,
		Doc:      "Mean over the batch of -sum label*log(softmax(logits)).",
		Example:  "%x = param @x : S f32[8]\n%l = param @l : S f32[8]\n%1 = train.crossentropy %x, %l : f32[1]",
		Operands: []Operand{logits, label}, Attrs: []Attr{attrSmoothing},
		Infer: inferSmoothed,
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			var sum float64
			n := max(1, args[0].Type.Batch)
			for s := range n {
				sum += crossEntropy(args[0].sample(s).F, v.smoothed(args[1].sample(s).F))
			}
			return &Tensor{Type: v.Type, F: []float32{float32(sum / float64(n))}}, nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.Must("grad.crossentropy", v.Declared(), v.Args[0], v.Args[1], dy), nil}
		},
	})
	defineBackward(Op{
		Name: "grad.crossentropy", Stages: Train,
		Doc:      "(softmax(logits)*sum(label) - label) * dy / batch.",
		Example:  "%x = param @x : S f32[8]\n%l = param @l : S f32[8]\n%d = param @d : S f32[1]\n%1 = grad.crossentropy %x, %l, %d : f32[8]",
		Operands: []Operand{logits, label, {"dy", "[1]"}}, Attrs: []Attr{attrSmoothing},
		Infer: func(v *Value) (Type, error) {
			_, err := inferSmoothed(v)
			return clear(v.Args[0].Type), errors.Join(err, wantShape(v, 2, 1))
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out, label := NewTensor(v.Type), v.smoothed(args[1].F)
			dy := float64(args[2].F[0]) / float64(max(1, v.Args[0].Type.Batch))
			var all float64
			for _, l := range label {
				all += l
			}
			for i, p := range Softmax(args[0].F) {
				out.F[i] = float32((float64(p)*all - label[i]) * dy)
			}
			return out, nil
		},
	})
	define(Op{
		Name: "train.correct", Stages: Train, Sums: true,
		Doc:      "How many samples of the batch have their greatest logit where the label is greatest; none of those without label, all zeros, which fill a batch up.",
		Example:  "%x = param @x : S f32[8]\n%l = param @l : S f32[8]\n%1 = train.correct %x, %l : f32[1]",
		Operands: []Operand{logits, label}, NoGradient: "it counts",
		Infer: inferLoss,
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for s := range max(1, args[0].Type.Batch) {
				label := args[1].sample(s).F
				if class := argmax(label); label[class] > 0 && class == argmax(args[0].sample(s).F) {
					out.F[0]++
				}
			}
			return out, nil
		},
	})
	define(Op{
		Name: "train.expected", Stages: Train, Decides: true, Weights: 1,
		Doc:      "What a decision costs on average: sum over j of softmax(logits)_j * costs_j.",
		Example:  "%l = param @act#1.logits : S f32[2]\n%c = param @act#1.costs : S f32[2]\n%1 = train.expected %l, %c : f32[1]",
		Operands: []Operand{{"logits", "[number of options]"}, {"costs", "of each option"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantVector(v, 0); err != nil {
				return Type{}, err
			}
			return Float(1), wantShape(v, 1, v.Args[0].Type.Shape...)
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			var sum float64
			for j, p := range Softmax(args[0].F) {
				sum += float64(p) * float64(args[1].F[j])
			}
			return &Tensor{Type: v.Type, F: []float32{float32(sum)}}, nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value { // the costs are given
			theta := b.Must("nn.softmax", nil, v.Args[0])
			return []*Value{b.Must("grad.softmax", nil, theta, b.Must("nn.scale", nil, v.Args[1], dy)), nil}
		},
	})
	defineTrainMovements()
}

// defineTrainMovements defines what gradients are put together with: constants, products, and movements by loops that are written out.
func defineTrainMovements() {
	attrShape := Attr{"shape", IntsAttr, nil, "of the result"}
	attrLoops := Attr{"loops", IntsAttr, nil, "as in Loops: first, then the rounds and the step of each loop"}
	define(Op{
		Name: "train.fill", Stages: Train,
		Doc:      "The same number everywhere.",
		Example:  "%1 = train.fill {shape=[1], x=1.0} : f32[1]",
		Operands: nil, Attrs: []Attr{attrShape, {"x", FloatAttr, 0.0, "the number"}},
		Infer: func(v *Value) (Type, error) { return Float(v.Ints("shape")...), nil },
		Eval: func(v *Value, _ []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for i := range out.F {
				out.F[i] = float32(v.Float("x"))
			}
			return out, nil
		},
	})
	define(Op{
		Name: "train.mul", Stages: Train,
		Doc:      "Elementwise product.",
		Example:  "%x = param @x : S f32[8]\n%1 = train.mul %x, %x : f32[8]",
		Operands: []Operand{{"a", ""}, {"b", "of the shape of a"}},
		Infer:    func(v *Value) (Type, error) { return sameShapes(v.Args) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return zip(v, args[0], args[1], func(a, b float32) float32 { return a * b }), nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.Must("train.mul", nil, v.Args[1], dy), b.Must("train.mul", nil, v.Args[0], dy)}
		},
	})
	define(Op{
		Name: "train.gather", Stages: Train,
		Doc:      "The elements of x that nested loops come to.",
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = train.gather %x {loops=[5,3,16,2,4,2,1], shape=[3,2,2]} : f32[3,2,2]",
		Operands: []Operand{opX}, Attrs: []Attr{attrLoops, attrShape},
		Infer: func(v *Value) (Type, error) { return v.looped(v.Ints("shape"), v.Args[0].Type.Shape) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return v.loops().move(v, args[0]), nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.scatter(dy, v.loops(), v.Args[0].Type.Shape)}
		},
	})
	define(Op{
		Name: "train.scatter", Stages: Train,
		Doc:      "The adjoint of train.gather: the elements of x are added where the loops come to in a tensor of zeros.",
		Example:  "%x = param @x : S f32[3,2,2]\n%1 = train.scatter %x {loops=[5,3,16,2,4,2,1], shape=[3,4,4]} : f32[3,4,4]",
		Operands: []Operand{opX}, Attrs: []Attr{attrLoops, attrShape},
		Infer: func(v *Value) (Type, error) { return v.looped(v.Args[0].Type.Shape, v.Ints("shape")) },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			v.loops().each(func(to, from int) { out.F[from] += args[0].F[to] })
			return out, nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.gather(dy, v.loops(), v.Args[0].Type.Shape)}
		},
	})
}

// loops reads the attribute of that name.
func (v *Value) loops() Loops {
	flat := v.Ints("loops")
	l := Loops{First: flat[0]}
	for i := 1; i+1 < len(flat); i += 2 {
		l.Of = append(l.Of, Loop{flat[i], flat[i+1]})
	}
	return l
}

// looped gives the type of a movement by written loops, that go through a tensor of shape along in order and in one of shape around as they say.
func (v *Value) looped(along, around []int) (Type, error) {
	t := clear(v.Args[0].Type).With(v.Ints("shape")...)
	if err := errors.Join(checkShape(along), checkShape(around)); err != nil {
		return Type{}, err
	}
	if flat := v.Ints("loops"); len(flat)%2 != 1 || len(flat) > 17 {
		return Type{}, fmt.Errorf("loops are %s, accepted are a first place and up to 8 pairs of rounds and step", shapeString(flat))
	}
	n, l := 1, v.loops()
	low, high := l.First, l.First
	for _, loop := range l.Of {
		if loop.N < 1 || loop.N > maxElements/n || max(loop.Step, -loop.Step, l.First) > maxElements/loop.N {
			return Type{}, fmt.Errorf("loops are %s, accepted are rounds from 1, and 2^34 at most of anything", shapeString(v.Ints("loops")))
		}
		n *= loop.N
		far := (loop.N - 1) * loop.Step
		low, high = low+min(far, 0), high+max(far, 0)
	}
	size := Float(around...).Len()
	if low < 0 || high >= size {
		return Type{}, fmt.Errorf("the loops %s leave a tensor of %d elements", shapeString(v.Ints("loops")), size)
	}
	if want := Float(along...).Len(); n != want {
		return Type{}, fmt.Errorf("the loops %s have %d rounds, accepted are %d", shapeString(v.Ints("loops")), n, want)
	}
	return t, nil
}

// sumsOf sums f of every element's place and stretch within each of n equal stretches of a sample, and over the batch.
func (t *Tensor) sumsOf(n int, f func(at, stretch int) float64) []float64 {
	sums, per := make([]float64, n), t.Type.Len()/n
	for at := range t.F {
		i := at / per % n
		sums[i] += f(at, i)
	}
	return sums
}

// smoothed gives a label with some of it spread evenly.
func (v *Value) smoothed(label []float32) []float64 {
	s, out := v.Float("smoothing"), make([]float64, len(label))
	for i, l := range label {
		out[i] = (1-s)*float64(l) + s/float64(len(label))
	}
	return out
}

// crossEntropy is -sum label*log(softmax(logits)).
func crossEntropy(logits []float32, label []float64) float64 {
	top := float64(slices.Max(logits))
	var sum, loss float64
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	for i, x := range logits {
		loss -= label[i] * (float64(x) - top - math.Log(sum))
	}
	return loss
}

// Dropped says whether dropout drops an element of a batch: if a number in [0, 1) that a hash gives is below p. The hash folds seed, step, site
// and element by the finaliser of SplitMix64 (Steele, Lea, Flood 2014), the number is its upper 24 bits; whoever computes the same drops the same.
func Dropped(seed, step, site, element uint64, p float64) bool {
	h := uint64(0)
	for _, x := range [...]uint64{seed, step, site, element} {
		h = splitmix(h ^ x)
	}
	const bits = 24
	return float64(h>>(64-bits)) < p*(1<<bits)
}

func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
