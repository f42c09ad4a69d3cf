package ir

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
)

// Gradients appends to b's function the gradients of a number by what it depends on, in reverse order: dy is that by y, by says by which values
// it is differentiated. The map has those that y depends on. An op on the way without a gradient is an error.
func Gradients(b *Builder, y, dy *Value, by map[*Value]bool) (map[*Value]*Value, error) {
	body := slices.Clone(*b.Body)
	moves := map[*Value]bool{} // what changes with by
	for v := range by {
		moves[v] = true
	}
	for _, v := range body {
		moves[v] = moves[v] || slices.ContainsFunc(v.Args, func(a *Value) bool { return moves[a] })
	}
	parts := map[*Value][]gradientPart{y: {{dy, y}}}
	for _, v := range slices.Backward(body) {
		if len(parts[v]) == 0 || !moves[v] || by[v] {
			continue
		}
		if v.Op.Grad == nil {
			return nil, fmt.Errorf("%s: %s (%s): %s has no gradient: %s", v.Pos, v, v.Path, v.Op.Name, v.Op.NoGradient)
		}
		at := b.At(v)
		for i, g := range v.Op.Grad(at, v, at.total(parts[v])) {
			if a := v.Args[i]; g != nil && moves[a] {
				parts[a] = append(parts[a], gradientPart{at.over(a, g), v})
			}
		}
	}
	out := map[*Value]*Value{}
	for _, v := range slices.Concat(b.Func.Params, body) {
		if by[v] && len(parts[v]) > 0 {
			out[v] = b.At(v).total(parts[v])
		}
	}
	return out, nil
}

// gradientPart is what one reader of a value adds to the gradient by it.
type gradientPart struct{ gradient, reader *Value }

// total adds up the parts, in the order of the readers' names: the sum does not depend on the order of independent values.
func (b *Builder) total(parts []gradientPart) *Value {
	slices.SortStableFunc(parts, func(p, q gradientPart) int { return cmp.Compare(p.reader.Name, q.reader.Name) })
	sum := parts[0].gradient
	for _, p := range parts[1:] {
		sum = b.Must("nn.add", nil, sum, p.gradient)
	}
	return sum
}

// over makes a gradient one by a: over the batch, if there is one a for all samples.
func (b *Builder) over(a, g *Value) *Value {
	if a.Type.Batch == 0 && g.Type.Batch > 0 {
		g = b.reshaped(b.sums(g, g.Type.Len()), a.Type.Shape)
	}
	if !g.Type.Equal(clear(a.Type)) {
		Bugf("the gradient by %s has type %s, not %s", a, g.Type, clear(a.Type))
	}
	return g
}

// What gradient rules are written with.

func (b *Builder) sums(dy *Value, n int) *Value { return b.Must("grad.sums", Attrs{"n": n}, dy) }

func (b *Builder) products(x, dy *Value, n int) *Value {
	return b.Must("grad.products", Attrs{"n": n}, x, dy)
}

func (b *Builder) reshaped(x *Value, shape []int) *Value {
	if slices.Equal(x.Type.Shape, shape) {
		return x
	}
	return b.Must("nn.reshape", Attrs{"shape": shape}, x)
}

func (b *Builder) gather(x *Value, l Loops, shape []int) *Value {
	return b.Must("train.gather", Attrs{"loops": l.Flat(), "shape": shape}, x)
}

func (b *Builder) scatter(x *Value, l Loops, shape []int) *Value {
	return b.Must("train.scatter", Attrs{"loops": l.Flat(), "shape": shape}, x)
}

// part gives the elements of x from one on, as many as a shape holds.
func (b *Builder) part(x *Value, from int, shape []int) *Value {
	return b.gather(x, Loops{from, []Loop{{Float(shape...).Len(), 1}}}, shape)
}

// defineBackward declares an op that only gradients and optimisers are made of.
func defineBackward(o Op) {
	o.NoGradient = "gradients are not differentiated again"
	define(o)
}

// Training is the forward half of a function in training, for the ops that compute something else there.
type Training struct {
	B    *Builder
	Step *Value // [2]: seed, number of the step
	// Running are the state tensors that ops keep up, and what each is to be overwritten with.
	Running []Running
}

// site gives a number that tells a random op of the function from the others: a hash of its path and name.
func (v *Value) site() int {
	const positive = 1<<31 - 1
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s", v.Path, v.Name)
	return int(h.Sum32() & positive)
}

// Running is a state tensor by its path with its next value.
type Running struct {
	Path string
	Next *Value
}

// Keep makes a state tensor what update gives of what it is by then.
func (t *Training) Keep(state *Value, update func(old *Value) *Value) {
	for i, r := range t.Running {
		if r.Path == state.Path { // a layer that is used again
			t.Running[i].Next = update(r.Next)
			return
		}
	}
	t.Running = append(t.Running, Running{state.Path, update(state)})
}

// trainBatchnorm normalises by the batch, and keeps the running statistics.
func trainBatchnorm(t *Training, v *Value, args []*Value) (*Value, error) {
	x, b := args[0], t.B
	for _, running := range args[3:] {
		if !running.Op.State {
			return nil, fmt.Errorf("the running statistics are %s, a result of %s: accepted are weights of the network as it is written", running, running.Op.Name)
		}
	}
	count := max(1, x.Type.Batch) * x.Type.Len() / x.Type.Shape[0]
	if count < 2 {
		return nil, fmt.Errorf("a channel has one element in a batch of %d: accepted are larger batches, as one number has no variance", max(1, x.Type.Batch))
	}
	moments := b.Must("train.moments", nil, x)
	t.Keep(args[3], func(old *Value) *Value { return b.Must("train.running.mean", nil, old, moments) })
	t.Keep(args[4], func(old *Value) *Value {
		return b.Must("train.running.var", Attrs{"count": count}, old, moments)
	})
	return b.EmitAs(v.Name, "train.batchnorm", v.Declared(), x, args[1], args[2], moments)
}
