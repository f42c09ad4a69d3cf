package pass

import "sotto/ir"

// Rewriter builds a function anew from an old one, value by value. What it does not rewrite it copies.
type Rewriter struct {
	Old *ir.Func
	New *ir.Func
	B   *ir.Builder
	To  map[*ir.Value]*ir.Value
}

// Rewrite replaces every function's body: visit returns the new value for an old one, or nil to have it copied.
func Rewrite(m *ir.Module, visit func(r *Rewriter, v *ir.Value) (*ir.Value, error)) error {
	for i, f := range m.Funcs {
		r := NewRewriter(f)
		if err := r.body(visit); err != nil {
			return err
		}
		m.Funcs[i] = r.New
	}
	return nil
}

// NewRewriter starts a function with f's name, output and copies of its parameters.
func NewRewriter(f *ir.Func) *Rewriter {
	r := &Rewriter{Old: f, New: f.Shell(), To: make(map[*ir.Value]*ir.Value, len(f.Params)+len(f.Body))}
	r.B = ir.NewBuilder(r.New)
	for _, p := range f.Params {
		r.New.Params = append(r.New.Params, p.CopyTo(r.To))
	}
	return r
}

func (r *Rewriter) body(visit func(r *Rewriter, v *ir.Value) (*ir.Value, error)) error {
	for _, v := range r.Old.Body {
		n, err := visit(r, v)
		if err != nil {
			return err
		}
		if n == nil {
			n = r.Copy(v)
		}
		r.To[v] = n
	}
	r.New.Result = r.To[r.Old.Result]
	return nil
}

// Copy appends v with its arguments replaced.
func (r *Rewriter) Copy(v *ir.Value) *ir.Value {
	n := v.CopyTo(r.To)
	r.New.Body = append(r.New.Body, n)
	return n
}

// Args gives the new arguments of an old value.
func (r *Rewriter) Args(v *ir.Value) []*ir.Value {
	out := make([]*ir.Value, len(v.Args))
	for i, a := range v.Args {
		out[i] = r.To[a]
	}
	return out
}
