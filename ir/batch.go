package ir

import "fmt"

// A batch can stand in the first dimension: [C,H,W] of each of n samples is [n*C,H,W], [N] is [n*N], sample by sample. Then every value is one of
// one sample, and only ops that do not treat all elements or channels alike have to know of the batch: they have the attribute batch.

// attrBatch says how many samples lie one behind the other in the first dimension.
var attrBatch = Attr{"batch", IntAttr, 0, "how many samples the first dimension has of what is no weight; 0: it is that of one"}

// joined tells how many samples the first dimension has of v's activations: 0, if it is that of one.
func (v *Value) joined() int {
	if _, has := FindAttr(v.Op.Attrs, attrBatch.Name); !has || v.Op.Loops != nil {
		return 0
	}
	return v.Int(attrBatch.Name)
}

// apart gives v as it is on a batch of samples: with the first dimension of its activations parted into n.
func (v *Value) apart(n int) (*Value, error) {
	one := &Value{Name: v.Name, Op: v.Op, Attrs: v.Attrs.clone(), Args: make([]*Value, len(v.Args)), Type: v.Type, Pos: v.Pos, Path: v.Path}
	delete(one.Attrs, attrBatch.Name)
	for i, a := range v.Args {
		one.Args[i] = a
		if v.Op.oneForAll(i) {
			continue
		}
		t, err := a.Type.apart(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %s is %s: %w", v.Op.Name, v.operandName(i), a.Type, err)
		}
		one.Args[i] = &Value{Name: a.Name, Op: a.Op, Args: a.Args, Attrs: a.Attrs, Type: t}
	}
	return one, nil
}

// apart gives the type of a batch whose samples lie one behind the other in the first dimension.
func (t Type) apart(n int) (Type, error) {
	if n < 0 || t.Batch > 0 || t.Shape[0]%n != 0 {
		return t, fmt.Errorf("%d samples in its first dimension: accepted are divisors of %d", n, t.Shape[0])
	}
	return t.With(append([]int{t.Shape[0] / n}, t.Shape[1:]...)...).Batched(n), nil
}

// Joined gives the type of a batch with its samples one behind the other in the first dimension.
func (t Type) Joined() Type {
	if t.Batch == 0 {
		return t
	}
	return t.With(append([]int{t.Batch * t.Shape[0]}, t.Shape[1:]...)...).Batched(0)
}

// inferJoined infers the type of an op whose first dimension has n samples.
func (v *Value) inferJoined(n int) (Type, error) {
	one, err := v.apart(n)
	if err != nil {
		return Type{}, err
	}
	t, err := one.infer()
	return t.Joined(), err
}

// evalJoined evaluates v on n samples in the first dimension: the elements lie as those of a batch do.
func (v *Value) evalJoined(n int, args []*Tensor) (*Tensor, error) {
	one, err := v.apart(n)
	if err != nil {
		return nil, err
	}
	if one.Type, err = one.infer(); err != nil {
		return nil, err
	}
	apart := make([]*Tensor, len(args))
	for i, a := range args {
		apart[i] = &Tensor{Type: one.Args[i].Type, F: a.F, I: a.I}
	}
	t, err := one.eval(apart)
	if err != nil {
		return nil, err
	}
	return &Tensor{Type: v.Type, F: t.F, I: t.I}, nil
}
