// Package fixedstep turns a training step, TRAIN, into the same step over Z/2^64 in fixed point, RING: what two parties compute when they train
// a network that neither knows.
//
// Activations have f fraction bits (13 to 20), weights and what optimisers keep of them f+8. A product has the bits of both factors and is
// truncated once. The mean over the batch is a change of scale: gradients by activations have log2(batch) bits more than activations do.
// Gradients by weights are not truncated before the optimiser has added momentum and decay.
package fixedstep

import (
	"fmt"
	"math"
	"math/bits"

	"sotto/ir"
	"sotto/passes/pass"
)

// FixedStep writes @step in fixed point.
var FixedStep = &pass.Pass{
	Name: "fixedstep",
	Doc: "writes @step, and @step.logits if there is one with @decide, the greatest logit of every site, in fixed point over Z/2^64, state and all, with softmax by an alternative without exponentials; signs of relus and max-pools are" +
		" computed once and kept for the backward pass; other functions go (error by rounding, and by what stands for softmax)",
	Needs: ir.Train, Gives: ir.RingStage,
	Run: func(c *pass.Context, m *ir.Module) error {
		f := m.Func("step")
		if f == nil {
			return fmt.Errorf("the module has no @step: accepted is what autodiff makes of a network")
		}
		how, err := settings(c)
		if err != nil {
			return err
		}
		var made []*ir.Func
		for _, f := range []*ir.Func{f, m.Func("step.logits")} {
			if f == nil {
				continue
			}
			g, err := lower(f, how)
			if err != nil {
				return err
			}
			made = append(made, g)
		}
		if g := decide(made[len(made)-1]); g != nil {
			made = append(made, g)
		}
		m.Funcs = made
		return nil
	},
}

// ring is the width of the ring: sums of products of that many bits leave no room in a narrower one.
const ring = 64

const (
	usualFrac = 16 // fraction bits of activations, if nothing is said
	finer     = 8  // bits that weights have more
	rateFrac  = 20 // fraction bits of public factors: learning rate, momentum, decay
)

// The fewest and the most fraction bits of activations that may be asked for.
const leastFrac, mostFrac = 13, 20

// how says how a step is written.
type how struct {
	frac    int // fraction bits of activations
	softmax pass.Softmax
}

func settings(c *pass.Context) (how, error) {
	h := how{frac: usualFrac, softmax: pass.Taylor}
	if c.Frac != 0 {
		h.frac = c.Frac
	}
	if h.frac < leastFrac || h.frac > mostFrac {
		return h, fmt.Errorf("%d fraction bits: accepted are %d to %d", h.frac, leastFrac, mostFrac)
	}
	if c.Ring != 0 && c.Ring != ring {
		return h, fmt.Errorf("training in a ring of %d bits: accepted is %d", c.Ring, ring)
	}
	if c.Training != nil && c.Training.Softmax != "" {
		h.softmax = c.Training.Softmax
	}
	if softmaxes[h.softmax] == nil {
		return h, fmt.Errorf("softmax %q: accepted are %v", h.softmax, pass.Softmaxes)
	}
	return h, nil
}

// step is a function in the making. Values that have one in TRAIN have its name, if they are the same number.
type step struct {
	*pass.Rewriter
	how
	b     *ir.Builder // at the value that is being lowered
	signs map[*ir.Value]*ir.Value
	pools []*tournament
	norms map[*ir.Value]*norm     // by train.moments
	parts map[*ir.Value]*parts    // by what gives several gradients
	odds  map[*ir.Value]*ir.Value // probabilities of decisions, by their logits in TRAIN
	lost  map[*ir.Value]bool      // losses in TRAIN, which are not computed
	named map[*ir.Value]bool
}

// lowerings says what becomes of the ops of TRAIN.
var lowerings map[string]func(s *step, v *ir.Value) (*ir.Value, error)

func init() { // they look into the table
	always := func(f func(s *step, v *ir.Value) *ir.Value) func(s *step, v *ir.Value) (*ir.Value, error) {
		return func(s *step, v *ir.Value) (*ir.Value, error) { return f(s, v), nil }
	}
	product := func(op string, dropped func(s *step) int) func(s *step, v *ir.Value) (*ir.Value, error) {
		return always(func(s *step, v *ir.Value) *ir.Value {
			return s.trunc(s.b.Must(op, v.Declared(), s.Args(v)...), dropped(s))
		})
	}
	weights, nothing := (*step).fine, func(*step) int { return 0 }
	lowerings = map[string]func(s *step, v *ir.Value) (*ir.Value, error){
		"param": always((*step).param), "assign": always((*step).assign),
		"nn.conv2d": always((*step).linear), "nn.linear": always((*step).linear),
		"grad.conv2d.x": product("ring.conv2d.x", weights), "grad.linear.x": product("ring.linear.x", weights),
		"grad.conv2d.w": product("ring.conv2d.w", nothing), "grad.linear.w": product("ring.linear.w", nothing),
		"grad.sums":  product("ring.sums", nothing),
		"nn.reshape": product("ring.reshape", nothing),
		"nn.add":     always((*step).sum),
		"nn.x2act":   always((*step).x2act), "grad.x2act.x": always((*step).x2actBack), "grad.x2act.sums": always((*step).x2actSums),
		"nn.mix": always((*step).mix), "grad.mix.option": always((*step).mixOption), "grad.mix.logits": always((*step).mixLogits),
		"nn.softmax": always((*step).probabilities), "nn.scale": (*step).priced, "grad.softmax": always((*step).softmaxBack),
		"nn.relu": (*step).relu, "grad.relu": (*step).reluBack,
		"nn.maxpool": always((*step).maxpool), "grad.maxpool": (*step).maxpoolBack,
		"nn.avgpool": always((*step).avgpool), "grad.avgpool": always((*step).avgpoolBack),
		"train.moments": always((*step).moments), "train.batchnorm": always((*step).batchnorm),
		"train.running.mean": always((*step).runningMean), "train.running.var": always((*step).runningVar),
		"grad.batchnorm.sums": always((*step).batchnormSums), "grad.batchnorm.x": always((*step).batchnormBack),
		"train.gather":       (*step).part,
		"train.crossentropy": loss, "train.expected": loss, "train.correct": none, "train.fill": none,
		"grad.crossentropy": (*step).crossentropyBack,
		"sgd.velocity":      always((*step).velocity), "sgd.weight": always((*step).weight), "sgd.nesterov": always((*step).nesterov),
	}
}

// none is the lowering of what a step in fixed point does without, such as how many answers are right.
func none(*step, *ir.Value) (*ir.Value, error) { return nil, nil }

// loss is that of the loss, which takes a logarithm, and of what it is the sum of.
func loss(s *step, v *ir.Value) (*ir.Value, error) {
	s.lost[v] = true
	return nil, nil
}

// sum adds two values up, or parts of the loss.
func (s *step) sum(v *ir.Value) *ir.Value {
	if s.lost[v.Args[0]] {
		s.lost[v] = true
		return nil
	}
	return s.add(s.To[v.Args[0]], s.To[v.Args[1]])
}

// answers are what the cross entropy in a loss is taken of.
func answers(loss *ir.Value) *ir.Value {
	for loss.Is("nn.add") {
		loss = loss.Args[0]
	}
	if !loss.Is("train.crossentropy") {
		return nil
	}
	return loss.Args[0]
}

func lower(f *ir.Func, how how) (*ir.Func, error) {
	s := &step{Rewriter: pass.NewRewriter(f), how: how, signs: map[*ir.Value]*ir.Value{}, norms: map[*ir.Value]*norm{},
		parts: map[*ir.Value]*parts{}, odds: map[*ir.Value]*ir.Value{}, lost: map[*ir.Value]bool{}, named: map[*ir.Value]bool{}}
	answers := answers(f.Result)
	if len(f.Params) != 4 || f.Params[0].Type.Batch == 0 || answers == nil {
		return nil, fmt.Errorf("@%s gives %s of %d inputs: accepted is the cross entropy of a network's answers, by a batch of images, labels, rate and step", f.Name, f.Result.Op.Name, len(f.Params))
	}
	for i, p := range s.New.Params {
		frac := []int{how.frac, how.frac, rateFrac, 0}[i]
		p.Type.Elem = ir.Ring(ring, frac)
	}
	s.New.Params = s.New.Params[:3] // the step's number is dropout's and Adam's
	for _, v := range f.Body {
		if err := held(v); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", v.Pos, v.Path, err)
		}
		lowering := lowerings[v.Op.Name]
		if lowering == nil {
			return nil, fmt.Errorf("%s: %s: %s is not trained in fixed point yet: accepted are networks of convolutions, linear layers, batch normalisation, relu, x2act,"+
				" max- and average-pooling and sums, with sgd or nesterov", v.Pos, v.Path, v.Op.Name)
		}
		for i, a := range v.Args {
			if !s.has(v, i) {
				return nil, fmt.Errorf("%s: %s: %s reads %s, a result of %s: accepted are steps as autodiff makes them", v.Pos, v.Path, v.Op.Name, a, a.Op.Name)
			}
		}
		s.b = s.B.At(v)
		n, err := lowering(s, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", v.Pos, v.Path, err)
		}
		s.To[v] = n
		if n != nil && !s.named[n] {
			n.Name, s.named[n] = v.Name, true
		}
	}
	s.New.Result = s.To[answers]
	s.New.Output = ir.Attrs{"name": "logits"}
	return s.New, nil
}

// LeastFactor is the least public factor that is not zero: rateFrac bits hold it, and what is above, to a sixteenth.
const LeastFactor = 1. / (1 << (rateFrac - 3))

// held refuses public factors that would come to nothing, or to something else.
func held(v *ir.Value) error {
	for _, name := range []string{"momentum", "decay", "smoothing"} {
		if x, ok := v.Attrs[name].(float64); ok && x != 0 && math.Abs(x) < LeastFactor {
			return fmt.Errorf("%s of %g: accepted are 0, and %.2g and more, which %d fraction bits hold", name, x, LeastFactor, rateFrac)
		}
	}
	return nil
}

// has tells whether there is what v reads as an argument: a value, or what stands for moments, their gradients and the loss.
func (s *step) has(v *ir.Value, arg int) bool {
	a := v.Args[arg]
	k := s.norms[a]
	if v.Is("nn.add") && s.lost[v.Args[0]] && s.lost[v.Args[1]] {
		return true
	}
	switch fmt.Sprint(v.Op.Name, " ", arg) {
	case "assign 0":
		return s.To[a] != nil || v.Path == "metrics.correct"
	case "grad.crossentropy 2", "nn.scale 1":
		return true // which look at it
	case "train.batchnorm 3", "train.running.mean 1", "train.running.var 1":
		return k != nil
	case "grad.batchnorm.sums 1", "grad.batchnorm.x 2":
		return k != nil && k.deviation != nil
	case "grad.batchnorm.x 3", "train.gather 0":
		return s.parts[a] != nil
	}
	return s.To[a] != nil
}

// fine are the fraction bits of weights.
func (s *step) fine() int { return s.frac + finer }

// gradient are those of gradients by activations.
func (s *step) gradient(batch int) int { return s.frac + bits.Len(uint(batch-1)) }

func frac(v *ir.Value) int { return v.Type.Elem.Frac }

// What lowerings are written with.

// trunc drops fraction bits.
func (s *step) trunc(x *ir.Value, bits int) *ir.Value {
	if bits == 0 {
		return x
	}
	return s.b.Must("ring.trunc", ir.Attrs{"bits": bits}, x)
}

// at gives x with so many fraction bits: more of them are exact.
func (s *step) at(x *ir.Value, to int) *ir.Value {
	if d := to - frac(x); d > 0 {
		return s.b.Must("ring.mulc", ir.Attrs{"c": 1 << d, "frac": d}, x)
	}
	return s.trunc(x, frac(x)-to)
}

func (s *step) mul(x, y *ir.Value) *ir.Value { return s.b.Must("ring.mul", nil, x, y) }
func (s *step) sub(x, y *ir.Value) *ir.Value { return s.b.Must("ring.sub", nil, x, y) }

// add adds at the finer of two scales.
func (s *step) add(x, y *ir.Value) *ir.Value {
	to := max(frac(x), frac(y))
	return s.b.Must("ring.add", nil, s.at(x, to), s.at(y, to))
}

// plus adds a public number.
func (s *step) plus(x *ir.Value, c float64) *ir.Value {
	return s.b.Must("ring.addc", ir.Attrs{"c": fixed(c, frac(x))}, x)
}

// times multiplies by a public number, with rateFrac bits more.
func (s *step) times(x *ir.Value, c float64) *ir.Value {
	return s.b.Must("ring.mulc", ir.Attrs{"c": fixed(c, rateFrac), "frac": rateFrac}, x)
}

// halved divides by 2^n: a change of scale.
func (s *step) halved(x *ir.Value, n int) *ir.Value {
	if n == 0 {
		return x
	}
	return s.b.Must("ring.mulc", ir.Attrs{"c": 1, "frac": n}, x)
}

// over divides by a public number and gives so many fraction bits; the divisor is within 2^-quotient of itself.
func (s *step) over(x *ir.Value, n, to int) *ir.Value {
	const quotient = 16
	if n&(n-1) == 0 {
		return s.at(s.halved(x, bits.Len(uint(n))-1), to)
	}
	k := bits.Len(uint(n)) + quotient
	return s.at(s.b.Must("ring.mulc", ir.Attrs{"c": fixed(1/float64(n), k), "frac": k}, x), to)
}

// spread gives every stretch of a shape its number.
func (s *step) spread(x *ir.Value, shape []int) *ir.Value {
	return s.b.Must("ring.spread", ir.Attrs{"shape": shape}, x)
}

func (s *step) reshape(x *ir.Value, shape ...int) *ir.Value {
	return s.b.Must("ring.reshape", ir.Attrs{"shape": shape}, x)
}

// sign is 1 where x >= 0.
func (s *step) sign(x *ir.Value) *ir.Value { return s.b.Must("ring.drelu", nil, x) }

func (s *step) mux(d, x *ir.Value) *ir.Value { return s.b.Must("ring.mux", nil, d, x) }

// fixed rounds a number to an integer that stands for it.
func fixed(c float64, frac int) int { return int(math.RoundToEven(math.Ldexp(c, frac))) }

// State.

// param reads a tensor of state, which is nobody's.
func (s *step) param(v *ir.Value) *ir.Value {
	n := s.Copy(v)
	n.Type = ir.Type{Elem: ir.Ring(ring, s.fine()), Shape: v.Type.Shape}
	return n
}

// assign overwrites a tensor of state, at the scale that it is read with.
func (s *step) assign(v *ir.Value) *ir.Value {
	x := s.To[v.Args[0]]
	if x == nil { // what is left out
		return nil
	}
	return s.b.Assign(v.Path, s.at(x, s.fine()))
}
