// Package autodiff derives from a network the functions that train it: reverse mode over the gradient rules of the op table. It knows no op of
// networks by name; what an op becomes in training stands in its block.
package autodiff

import (
	"cmp"
	"fmt"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// Autodiff makes the training functions of a network.
var Autodiff = &pass.Pass{
	Name: "autodiff",
	Doc: "makes the functions that train a network: @step, the weights' optimiser; @gradient and @gradient.logits, gradients as @PATH.grad; @eval," +
		" loss and correct answers with running statistics. What is not needed is for cse and dce to remove",
	Needs: ir.Net, Gives: ir.Train,
	Run: func(c *pass.Context, m *ir.Module) error {
		if len(m.Funcs) != 1 {
			return fmt.Errorf("a module of %d functions: accepted is one network", len(m.Funcs))
		}
		if c.Training == nil || c.Training.Batch < 1 || c.Training.Optimiser == nil {
			return fmt.Errorf("nothing says how to train: accepted are a batch of 1 or more and an optimiser")
		}
		made, err := functions(m.Funcs[0], c.Training)
		m.Funcs = made
		return err
	},
}

func functions(net *ir.Func, how *pass.Training) ([]*ir.Func, error) {
	makes := []func(*function) error{(*function).step, (*function).gradient, (*function).eval}
	names := []string{"step", "gradient", "eval"}
	if len(logits(net.Body, how)) > 0 {
		makes, names = slices.Insert(makes, 2, (*function).gradientOfLogits), slices.Insert(names, 2, "gradient.logits")
		if how.OfLogits != nil {
			makes, names = append(makes, (*function).stepOfLogits), append(names, "step.logits")
		}
	}
	var out []*ir.Func
	for i, name := range names {
		f := begin(net, name, how)
		if err := makes[i](f); err != nil {
			return nil, err
		}
		out = append(out, f.fn)
	}
	return out, nil
}

// function is a training function in the making.
type function struct {
	net *ir.Func
	how *pass.Training
	fn  *ir.Func
	b   *ir.Builder
	to  map[*ir.Value]*ir.Value // of the network

	state   []*ir.Value // the network's weights, logits among them, one a path
	running []ir.Running
	label   *ir.Value
	rate    *ir.Value
	at      *ir.Value // the step: seed, number
	answer  *ir.Value // what the network gives for the batch
	logits  map[*ir.Value]bool
}

// begin starts a function with a batch of the network's inputs.
func begin(net *ir.Func, name string, how *pass.Training) *function {
	f := &function{net: net, how: how, fn: net.Shell(), to: map[*ir.Value]*ir.Value{}}
	f.fn.Name, f.fn.Output = name, ir.Attrs{"name": "loss"}
	f.b = ir.NewBuilder(f.fn)
	for _, p := range net.Params {
		x := p.CopyTo(f.to)
		x.Type = x.Type.Of(ir.Clear).Batched(how.Batch)
		f.fn.Params = append(f.fn.Params, x)
	}
	return f
}

// input adds a parameter of a name that the network has no value of.
func (f *function) input(name string, t ir.Type) *ir.Value {
	taken := func(v *ir.Value) bool { return v.Name == name }
	for slices.ContainsFunc(f.net.Body, taken) || slices.ContainsFunc(f.net.Params, taken) {
		name += "_"
	}
	v := &ir.Value{Name: name, Op: ir.Input, Type: t}
	f.fn.Params = append(f.fn.Params, v)
	return v
}

// labelled adds the labels of a batch.
func (f *function) labelled() error {
	t := f.net.Result.Type
	if len(t.Shape) != 1 {
		return fmt.Errorf("the network gives %s, accepted is a number for each class, [N]", t)
	}
	f.label = f.input("label", ir.Float(t.Shape...).Batched(f.how.Batch))
	return nil
}

// forward computes the network for the batch; apply says what an op becomes.
func (f *function) forward(apply func(v *ir.Value, args []*ir.Value) (*ir.Value, error)) error {
	paths := map[string]*ir.Value{}
	for _, v := range f.net.Body {
		if v.Op.Stages&ir.Train == 0 {
			return fmt.Errorf("%s: %s (%s): %s is no op of training: %s", v.Pos, v, v.Path, v.Op.Name, v.Op.NoGradient)
		}
		if v.Op.State {
			if paths[v.Path] == nil {
				paths[v.Path] = v.CopyTo(f.to)
				f.state, f.fn.Body = append(f.state, paths[v.Path]), append(f.fn.Body, paths[v.Path])
			}
			f.to[v] = paths[v.Path]
			continue
		}
		args := make([]*ir.Value, len(v.Args))
		for i, a := range v.Args {
			args[i] = f.to[a]
		}
		n, err := apply(v, args)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", v.Pos, v.Path, err)
		}
		f.to[v] = n
	}
	f.answer, f.logits = f.to[f.net.Result], logits(f.fn.Body, f.how)
	if f.answer.Type.Batch == 0 {
		return fmt.Errorf("the network gives %s, which does not depend on its input", f.answer)
	}
	slices.SortFunc(f.state, func(v, w *ir.Value) int { return cmp.Compare(v.Path, w.Path) })
	return nil
}

// infers is what an op computes in inference.
func (f *function) infers(v *ir.Value, args []*ir.Value) (*ir.Value, error) {
	return f.b.At(v).EmitAs(v.Name, v.Op.Name, v.Declared(), args...)
}

// trains computes the network as it is while it is trained.
func (f *function) trains() error {
	t := &ir.Training{Step: f.at}
	err := f.forward(func(v *ir.Value, args []*ir.Value) (*ir.Value, error) {
		if v.Op.Training == nil {
			return f.infers(v, args)
		}
		t.B = f.b.At(v)
		return v.Op.Training(t, v, args)
	})
	f.running = t.Running
	return err
}

// logits finds the weights that decisions are made by.
func logits(body []*ir.Value, how *pass.Training) map[*ir.Value]bool {
	out := map[*ir.Value]bool{}
	for _, v := range body {
		if v.Op.Decides {
			out[v.Args[0]] = true
		}
		if v.Op.State && slices.Contains(how.Logits, v.Path) {
			out[v] = true
		}
	}
	return out
}

// loss gives the mean loss of the batch, and leaves how many answers are correct.
func (f *function) loss(smoothing float64) *ir.Value {
	f.b.Assign("metrics.correct", f.b.Must("train.correct", nil, f.answer, f.label))
	return f.b.Must("train.crossentropy", ir.Attrs{"smoothing": smoothing}, f.answer, f.label)
}

// expected adds to a loss what the decisions cost on average.
func (f *function) expected(loss *ir.Value) (*ir.Value, error) {
	for _, l := range f.state {
		if !f.logits[l] || slices.Contains(f.how.Logits, l.Path) {
			continue
		}
		costs, err := f.b.Param(l.Layer()+".costs", l.Type.Shape...)
		if err != nil {
			return nil, err
		}
		loss = f.b.Must("nn.add", nil, loss, f.b.Must("train.expected", nil, l, costs))
	}
	return loss, nil
}

// gradients are those of the function's result by the state that which picks, of what it depends on.
func (f *function) gradients(which func(v *ir.Value) bool) (map[*ir.Value]*ir.Value, error) {
	by := map[*ir.Value]bool{}
	for _, v := range f.state {
		if which(v) {
			by[v] = true
		}
	}
	one := f.b.Must("train.fill", ir.Attrs{"shape": f.fn.Result.Type.Shape, "x": 1.0})
	return ir.Gradients(f.b, f.fn.Result, one, by)
}

// step takes one step of the optimiser.
func (f *function) step() error {
	if err := f.stepped(); err != nil {
		return err
	}
	f.fn.Result = f.loss(f.how.Smoothing)
	grads, err := f.gradients(func(v *ir.Value) bool { return !f.logits[v] })
	if err != nil {
		return err
	}
	f.clip(grads)
	f.update(grads, f.how.Optimiser, f.how.DecayOf)
	for _, r := range f.running {
		f.b.At(r.Next).Assign(r.Path, r.Next)
	}
	return nil
}

// stepped computes the network for a step.
func (f *function) stepped() error {
	if err := f.labelled(); err != nil {
		return err
	}
	f.rate, f.at = f.input("lr", ir.Float(1)), f.input("step", ir.Float(2))
	return f.trains()
}

// update has an optimiser take its step for all state that has a gradient.
func (f *function) update(grads map[*ir.Value]*ir.Value, o pass.Optimiser, decay func(w *ir.Value) float64) {
	for _, w := range f.state {
		if g := grads[w]; g != nil {
			b := f.b.At(w)
			b.Assign(w.Path, o.Update(b, pass.Update{Weights: w, Gradient: g, Rate: f.rate, Step: f.at, Decay: decay(w)}))
		}
	}
}

// stepOfLogits takes one step of the logits' optimiser, without decay.
func (f *function) stepOfLogits() error {
	if err := f.stepped(); err != nil {
		return err
	}
	if err := f.costed(); err != nil {
		return err
	}
	grads, err := f.gradients(func(v *ir.Value) bool { return f.logits[v] })
	f.update(grads, f.how.OfLogits, func(*ir.Value) float64 { return 0 })
	return err
}

// costed makes the loss the result, with what decisions cost if they pay.
func (f *function) costed() (err error) {
	f.fn.Result = f.loss(f.how.Smoothing)
	if f.how.Costs {
		f.fn.Result, err = f.expected(f.fn.Result)
	}
	return err
}

// clip scales all gradients to the norm that is allowed.
func (f *function) clip(grads map[*ir.Value]*ir.Value) {
	if f.how.Clip == 0 || len(grads) == 0 {
		return
	}
	var all []*ir.Value
	for _, w := range f.state {
		if grads[w] != nil {
			all = append(all, grads[w])
		}
	}
	norm := f.b.Must("clip.norm", nil, all...)
	for _, w := range f.state {
		if g := grads[w]; g != nil {
			grads[w] = f.b.At(w).Must("clip.scale", ir.Attrs{"most": f.how.Clip}, g, norm)
		}
	}
}

// gradient leaves the gradients of weights and logits.
func (f *function) gradient() error {
	return f.leavesGradients(func(*ir.Value) bool { return true })
}

// gradientOfLogits leaves those of the logits alone.
func (f *function) gradientOfLogits() error {
	return f.leavesGradients(func(v *ir.Value) bool { return f.logits[v] })
}

func (f *function) leavesGradients(which func(v *ir.Value) bool) error {
	if err := f.labelled(); err != nil {
		return err
	}
	f.at = f.input("step", ir.Float(2))
	if err := f.trains(); err != nil {
		return err
	}
	if err := f.costed(); err != nil {
		return err
	}
	grads, err := f.gradients(which)
	if err != nil {
		return err
	}
	for _, w := range f.state {
		if g := grads[w]; g != nil {
			f.b.At(w).Assign(w.Path+".grad", g)
		}
	}
	return nil
}

// eval evaluates the network as it is in inference.
func (f *function) eval() error {
	if err := f.labelled(); err != nil {
		return err
	}
	if err := f.forward(f.infers); err != nil {
		return err
	}
	f.fn.Result = f.loss(0)
	return nil
}
