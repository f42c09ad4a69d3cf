package ir

import (
	"errors"
	"fmt"
)

// Env gives the tensors of a run by value.
type Env map[*Value]*Tensor

// Runner evaluates functions by the ops' reference evaluations.
type Runner struct {
	// Weight gives a weight or state tensor by its path, with the shape the value says.
	Weight func(v *Value) (*Tensor, error)
	// Assign, if set, gets what the function leaves in its state tensors, after all values are computed.
	Assign func(v *Value, t *Tensor)
	// Visit, if set, sees every tensor as it is computed; keep says which tensors stay in the result.
	Visit func(v *Value, t *Tensor)
	Keep  func(v *Value) bool
}

// Run evaluates f. Tensors are dropped after their last use unless Keep wants them; the result always stays.
func (r *Runner) Run(f *Func, inputs ...*Tensor) (Env, error) {
	if len(inputs) != len(f.Params) {
		return nil, fmt.Errorf("@%s takes %d input(s), not %d", f.Name, len(f.Params), len(inputs))
	}
	env := Env{}
	for i, p := range f.Params {
		if n := p.Type.All(); max(len(inputs[i].F), len(inputs[i].I)) != n {
			return nil, fmt.Errorf("input %s takes %d elements, not %d", p, n, max(len(inputs[i].F), len(inputs[i].I)))
		}
		env[p] = inputs[i]
		r.visit(p, inputs[i])
	}
	left := f.Uses()
	var state []*Value
	for _, v := range f.Body {
		t, err := r.value(v, env)
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", v, v.Path, err)
		}
		env[v] = t
		r.visit(v, t)
		if v.Overwrites() {
			state = append(state, v)
		}
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 && (r.Keep == nil || !r.Keep(a)) {
				delete(env, a)
			}
		}
	}
	for _, v := range state {
		if r.Assign != nil {
			r.Assign(v, env[v])
		}
	}
	return env, nil
}

func (r *Runner) visit(v *Value, t *Tensor) {
	if r.Visit != nil {
		r.Visit(v, t)
	}
}

func (r *Runner) value(v *Value, env Env) (*Tensor, error) {
	if v.Reads() {
		return r.Weight(v)
	}
	if v.Op.Eval == nil {
		return nil, fmt.Errorf("%s has no evaluation: resolve the choices first", v.Op.Name)
	}
	args := make([]*Tensor, len(v.Args))
	for i, a := range v.Args {
		if args[i] = env[a]; args[i] == nil {
			Bugf("%s of %s is not there", a, v)
		}
	}
	return v.eval(args)
}

// EvalOne evaluates a single value on given arguments: what the verifier of private runs compares with.
func EvalOne(v *Value, args []*Tensor) (*Tensor, error) {
	if v.Op.Eval == nil {
		return nil, fmt.Errorf("%s has no evaluation", v.Op.Name)
	}
	return v.eval(args)
}

// eval evaluates v: on each sample, unless the op takes the batch as it is.
func (v *Value) eval(args []*Tensor) (*Tensor, error) {
	if n := v.joined(); n != 0 {
		return v.evalJoined(n, args)
	}
	if v.Type.Batch == 0 || v.Op.Numbered {
		return v.Op.Eval(v, args)
	}
	one, out := *v, NewTensor(v.Type)
	one.Type.Batch = 0
	errs := make([]error, v.Type.Batch)
	both(v.Type.Batch, func(lo, hi int) {
		of := make([]*Tensor, len(args))
		for s := lo; s < hi; s++ {
			for i, a := range args {
				of[i] = a.sample(s)
			}
			t, err := v.Op.Eval(&one, of)
			if err != nil {
				errs[s] = err
				continue
			}
			copy(out.sample(s).F, t.F)
			copy(out.sample(s).I, t.I)
		}
	})
	return out, errors.Join(errs...)
}

// sample gives one sample of a batch; what is one for all samples is given as it is.
func (t *Tensor) sample(s int) *Tensor {
	if t.Type.Batch == 0 {
		return t
	}
	n, one := t.Type.Len(), &Tensor{Type: t.Type.Batched(0)}
	if t.F != nil {
		one.F = t.F[s*n : (s+1)*n]
	}
	if t.I != nil {
		one.I = t.I[s*n : (s+1)*n]
	}
	return one
}

// Overwrites tells whether v overwrites the state tensor at its path.
func (v *Value) Overwrites() bool { return v.Op.State && len(v.Args) > 0 }

// Reads tells whether v reads the weight or state tensor at its path.
func (v *Value) Reads() bool { return v.Op.State && len(v.Args) == 0 }

// IsConstant reports whether v is a weight or computed from weights alone.
func (v *Value) IsConstant() bool { return v.Op.Constant }
