package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sotto/backend/llvm"
	"sotto/runtime/kernel"
	"sotto/runtime/kernel/native"
	"sotto/runtime/program"
	"sotto/tools/sotto/clang"
)

// nativePrimitives are convolutions by kernels that clang compiles before they are timed, each beside what the embedded kernel of its
// element is held against. Without clang there are none.
func nativePrimitives() []*Primitive {
	if _, err := clang.Find(); err != nil {
		return nil
	}
	list := []*Primitive{
		{Name: "conv.i32-native", Doc: "the same 3x3 convolution mod 2^32 by a native kernel, on one core", N: 8 * conv56MACs, Solo: true, Prepare: convolveNative[uint32](llvm.I32)},
		{Name: "conv.i64-native", Doc: "the same mod 2^64", N: 4 * conv56MACs, Solo: true, Prepare: convolveNative[uint64](llvm.I64)},
		{Name: "conv.f32-native", Doc: "the same in float32", N: 8 * conv56MACs, Solo: true, Prepare: convolveNative[float32](llvm.F32)},
	}
	for i, p := range list {
		p.Limit = soloPrimitives[i].Limit
	}
	return list
}

// convolveNative compiles the layer, packs its weights, and repeats it until n multiply-adds are done.
func convolveNative[T kernel.Number](e llvm.Elem) func(*Session, int64) (func() error, error) {
	return func(_ *Session, n int64) (func() error, error) {
		c, err := clang.Find()
		if err != nil {
			return nil, err
		}
		k := llvm.CompileConvolutions([]llvm.Convolution{{Geometry: conv56, Elem: e}}, c.Target)
		lib, err := compiled(c, k)
		if err != nil {
			return nil, err
		}
		calls, err := bindConv[T](lib, &k.Plan)
		return func() error {
			for done := int64(0); done < n; done += conv56MACs {
				for _, c := range calls {
					c.Run()
				}
			}
			return nil
		}, err
	}
}

func compiled(c *clang.Compiler, k *llvm.Kernels) (*native.Library, error) {
	dir, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	to := filepath.Join(dir, "native")
	if err := c.Write(context.Background(), to, k); err != nil {
		return nil, err
	}
	return c.Load(to, k)
}

// bindConv gives the calls of the one convolution of a plan on random tensors, for one worker.
func bindConv[T kernel.Number](lib *native.Library, plan *program.Native) ([]*native.Call, error) {
	w := plan.Panels[0]
	x, weights, y := make([]T, conv56.InLen()), make([]T, conv56.WeightLen()), make([]T, conv56.OutLen())
	p := kernel.Panels{Groups: w.Groups, Out: w.Out, Depth: w.Depth, Width: w.Width}
	packed := make([]T, p.Len())
	fillSmall(x)
	fillSmall(weights)
	if err := kernel.Pack(p, packed, weights); err != nil {
		return nil, err
	}
	shared, worker := make([]uint64, plan.Shared/8+1), make([]uint64, plan.Worker/8+1)
	var calls []*native.Call
	for _, s := range plan.Regions[0].Stages {
		at, err := lib.Symbol(s.Symbol)
		if err != nil {
			return nil, err
		}
		var args []native.Address
		for _, a := range s.Args {
			place, known := map[program.Arg]native.Address{{Kind: program.BufferArg, Index: 0}: native.At(y), {Kind: program.BufferArg, Index: 1}: native.At(x),
				{Kind: program.PanelsArg}: native.At(packed), {Kind: program.SharedArg}: native.At(shared), {Kind: program.WorkerArg}: native.At(worker)}[a]
			if !known {
				return nil, fmt.Errorf("stage %s: nothing is %s %d", s.Symbol, a.Kind, a.Index)
			}
			args = append(args, place)
		}
		calls = append(calls, native.NewCall(at, s.Units, s.Units, [][]native.Address{args}))
	}
	return calls, nil
}
