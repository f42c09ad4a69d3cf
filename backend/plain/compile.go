package plain

import (
	"fmt"

	"sotto/ir"
	"sotto/runtime/kernel"
)

// step is a call of a kernel: of one op, or of several that were fused.
type step struct {
	v    *ir.Value   // what is computed
	of   *ir.Value   // the value whose op's kernel it is: v itself, or what v's op was fused with
	args []*ir.Value // of the kernel
	// bounds are what the kernel brings its result into, and adds says that its last argument is added before that.
	bounds kernel.Bounds
	adds   bool

	row     *row
	run     func(*call) error
	scratch int

	to     place
	from   []place
	slices [][]float32 // room for a call's
}

// call is what a kernel gets: memory that it overwrites, the arguments, and scratch memory.
type call struct {
	dst     []float32
	args    [][]float32
	scratch []float32
}

// batch is the samples that a step goes through.
func (s *step) batch() int {
	n := max(1, s.of.Type.Batch)
	for _, a := range s.args {
		n = max(n, a.Type.Batch)
	}
	return n
}

// Compile plans a function of TRAIN or NET without choices.
func Compile(f *ir.Func) (*Program, error) {
	steps, err := lower(f)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if s.run, s.scratch, err = s.row.make(s); err != nil {
			return nil, fmt.Errorf("%s: @%s: %s (%s): %w", s.of.Pos, f.Name, s.of, s.of.Op.Name, err)
		}
		s.slices = make([][]float32, len(s.args))
	}
	return plan(f, steps), nil
}

// lower gives the steps of a function, in order: what is only another name for a tensor has none.
func lower(f *ir.Func) ([]*step, error) {
	l := &lowering{f: f, root: map[*ir.Value]*ir.Value{}, wide: map[*ir.Value]*ir.Value{}}
	for _, v := range f.Params {
		l.root[v] = v
	}
	for _, v := range f.Body {
		if err := l.value(v); err != nil {
			return nil, err
		}
	}
	return l.fuse(), nil
}

// lowering is a function on the way to steps.
type lowering struct {
	f     *ir.Func
	steps []*step
	root  map[*ir.Value]*ir.Value // the value whose tensor it is
	wide  map[*ir.Value]*ir.Value // what a tensor, one for all samples, is when it is there for each
}

func (l *lowering) value(v *ir.Value) error {
	switch {
	case v.Is("param"):
		l.root[v] = v
		return nil
	case v.Is("assign"), v.Is("nn.reshape"), v.Is("nn.dropout"):
		l.root[v] = l.root[v.Args[0]]
		return nil
	}
	r, ok := rows[v.Op.Name]
	if !ok {
		return fmt.Errorf("%s: @%s: %s: %s is no op of training or of inference in the clear", v.Pos, l.f.Name, v, v.Op.Name)
	}
	s := &step{v: v, of: v, bounds: kernel.Unbounded, row: &r}
	for _, a := range v.Args {
		s.args = append(s.args, l.root[a])
	}
	n := s.batch()
	for i, a := range s.args {
		if r.samples(v.Op, i) && n > 1 && a.Type.Batch == 0 {
			s.args[i] = l.widened(a, n)
		}
	}
	l.root[v] = v
	l.steps = append(l.steps, s)
	return nil
}

// widened gives a tensor once for each sample.
func (l *lowering) widened(a *ir.Value, n int) *ir.Value {
	if w := l.wide[a]; w != nil {
		return w
	}
	w := &ir.Value{Name: a.Name + ".each", Op: ir.Input, Type: a.Type.Batched(n), Pos: a.Pos}
	r := rowRepeat
	l.steps = append(l.steps, &step{v: w, of: w, args: []*ir.Value{a}, bounds: kernel.Unbounded, row: &r})
	l.wide[a] = w
	return w
}
