package torch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sotto/ir"
)

// weights are the parameters of a function in the order in which they are met, by path.
type weights struct {
	order []*weight
	by    map[string]*weight
}

// weight is one parameter, shared by all values that name its path.
type weight struct {
	path    string
	shape   []int
	initial initial
	of      [][]taken // the options that it is of, one list for each place where it is read; an empty list: all networks
}

// taken is an option of a site.
type taken struct{ site, option string }

// initial says what a weight starts as: uniform in ±value, or value everywhere. A running one is a statistic, which is not trained.
type initial struct {
	kind  string
	value float64
}

// Kinds of initial values. Of given ones, which passes made something else of, nothing is known: they are read from a file.
const (
	uniform = "uniform"
	fill    = "fill"
	running = "running"
	given   = "given"
)

// What x2act starts as: 0.005*x^2 + x, near the identity (PASNet).
const (
	x2actSquare = 0.005
	x2actLinear = 1
)

// initials say what operand number arg of an op starts as.
var initials = map[string]func(v *ir.Value, arg int) initial{
	"nn.conv2d":    he,
	"nn.linear":    he,
	"nn.batchnorm": byOperand(initial{fill, 1}, initial{fill, 0}, initial{running, 0}, initial{running, 1}),
	"nn.x2act":     byOperand(initial{fill, x2actSquare}, initial{fill, x2actLinear}, initial{fill, 0}),
	"nn.quadratic": byOperand(initial{fill, x2actLinear}),
	"nn.scale":     byOperand(initial{fill, 1}),
	"nn.shift":     byOperand(initial{fill, 0}),
	"nn.mix":       func(*ir.Value, int) initial { return initial{fill, 0} },
}

// byOperand lists what the operands behind the first start as.
func byOperand(weights ...initial) func(*ir.Value, int) initial {
	return func(_ *ir.Value, arg int) initial { return weights[arg-1] }
}

// he is for layers of products: weights uniform with the variance 2/fan-in of He et al. (ICCV 2015, equation 10), biases in ±1/sqrt(fan-in).
func he(v *ir.Value, arg int) initial {
	const ofVariance = 6 // a uniform distribution in ±b has the variance b^2/3
	w := v.Args[1].Type
	fanIn := float64(w.Len() / w.Shape[0])
	if arg == 1 {
		return initial{uniform, math.Sqrt(ofVariance / fanIn)}
	}
	return initial{uniform, 1 / math.Sqrt(fanIn)}
}

// weightsOf finds the weights of a function, and where each is read.
func weightsOf(f *ir.Func) (*weights, error) {
	w := &weights{by: map[string]*weight{}}
	if err := w.body(f.Body, nil); err != nil {
		return nil, err
	}
	return w, w.nested()
}

func (w *weights) body(values []*ir.Value, under []taken) error {
	for _, v := range values {
		for _, o := range v.Options {
			if err := w.body(o.Body, append(slices.Clone(under), taken{v.Str("site"), o.Label})); err != nil {
				return err
			}
		}
		if err := w.read(v, under); err != nil {
			return err
		}
	}
	return nil
}

// read notes the weights among a value's arguments.
func (w *weights) read(v *ir.Value, under []taken) error {
	for i, a := range v.Args {
		if !a.Is("param") {
			continue
		}
		starts := initial{given, 0}
		if of := initials[v.Op.Name]; of != nil && i > 0 || v.Is("nn.mix") {
			starts = of(v, i)
		}
		have := w.by[a.Path]
		if have == nil {
			have = &weight{path: a.Path, shape: a.Type.Shape, initial: starts}
			w.by[a.Path], w.order = have, append(w.order, have)
		}
		if !slices.Equal(have.shape, a.Type.Shape) {
			return fmt.Errorf("%s: weight %s has shapes %v and %v: accepted is one", a.Pos, a.Path, have.shape, a.Type.Shape)
		}
		if (have.initial.kind == running) != (starts.kind == running) {
			return fmt.Errorf("%s: weight %s is a running statistic of one layer and trained by another: accepted is one of the two", a.Pos, a.Path)
		}
		have.of = append(have.of, under)
	}
	return nil
}

// nested refuses a path that is the beginning of another's: modules hold either tensors or modules under a name.
func (w *weights) nested() error {
	for _, x := range w.order {
		for at := range x.path {
			if x.path[at] == '.' && w.by[x.path[:at]] != nil {
				return fmt.Errorf("weights %s and %s: a PyTorch module cannot have both names; name a layer otherwise", x.path[:at], x.path)
			}
		}
	}
	return nil
}

// lines are the entries of PARAMS.
func (w *weights) lines() (lines []string) {
	for _, x := range w.order {
		starts := quote(x.initial.kind) + ", " + number(x.initial.value)
		lines = append(lines, fmt.Sprintf("(%s, [%s], %s%s)", quote(x.path), numbers(x.shape), starts, places(x.of)))
	}
	return lines
}

// places are the last part of an entry: the options that it is of, nothing if one place is in all networks.
func places(of [][]taken) string {
	var out []string
	for _, place := range of {
		if len(place) == 0 {
			return ""
		}
		var parts []string
		for _, t := range place {
			parts = append(parts, "["+quote(t.site)+", "+quote(t.option)+"]")
		}
		out = append(out, "["+strings.Join(parts, ", ")+"]")
	}
	slices.Sort(out)
	return ", [" + strings.Join(slices.Compact(out), ", ") + "]"
}
