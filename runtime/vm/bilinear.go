package vm

import (
	"fmt"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// bilinear is a map of a batch: z = f(x, y) + u, with u nil for zeros and so many elements of scratch memory.
type bilinear[W ring.Word] struct {
	apply   func(z, x, y, u, scratch []W) error
	scratch int
}

// batchKey names a map of a program: those of one layer may share their ints.
type batchKey struct {
	op   program.Opcode
	ints *int
}

// planBilinear prepares a map of batches.
func planBilinear[W ring.Word](op program.Opcode, ints []int) (bilinear[W], error) {
	n, c := program.BatchGeometry(ints)
	plan := kernel.NewBatchConv[W]
	switch op {
	case program.BatchConvX:
		plan = kernel.NewBatchConvBack[W]
	case program.BatchConvW:
		g, err := kernel.NewBatchGradient[W](c, n)
		if err != nil {
			return bilinear[W]{}, err
		}
		return bilinear[W]{g.Apply, g.Scratch()}, nil
	}
	b, err := plan(c, n)
	if err != nil {
		return bilinear[W]{}, err
	}
	apply := func(z, x, w, u, scratch []W) error { return b.Apply(z, x, w, nil, u, scratch) }
	return bilinear[W]{apply, b.Scratch()}, nil
}

// Bilinear sets z to a bilinear map of x and y: what the maker of the material does to masks.
func Bilinear[W ring.Word](op program.Opcode, ints []int, z, x, y []W) error {
	if !op.Bilinear() {
		return fmt.Errorf("%s is not a bilinear map", op)
	}
	if op == program.Mul {
		ring.Mul(z, x, y)
		return nil
	}
	f, err := planBilinear[W](op, ints)
	if err != nil {
		return err
	}
	scratch := make([]W, f.scratch)
	defer ring.Wipe(scratch)
	return f.apply(z, x, y, nil, scratch)
}

// batch computes a bilinear map of a batch.
func (m *Machine[W]) batch(in program.Instr) error {
	if err := m.Pack(); err != nil {
		return err
	}
	return m.linears.batches[batchKey{in.Op, &in.Ints[0]}].apply(m.r(in.Out[0]), m.r(in.In[0]), m.r(in.In[1]), m.r(in.In[2]), m.linears.scratch)
}

// mulAdd sets z = x*y + u; z may be any of them.
func mulAdd[W ring.Word](z, x, y, u []W) {
	x, y, u = x[:len(z)], y[:len(z)], u[:len(z)]
	for i := range z {
		z[i] = x[i]*y[i] + u[i]
	}
}
