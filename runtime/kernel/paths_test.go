package kernel_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"sotto/backend/llvm"
	"sotto/runtime/kernel"
	"sotto/runtime/kernel/native"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/tools/sotto/clang"
)

// shapes draws convolutions around the sizes of vectors and tiles of all paths.
func shapes(rng *rand.Rand, count int) []kernel.Conv {
	n := func(lo, hi int) int { return lo + rng.IntN(hi-lo+1) }
	list := make([]kernel.Conv, count)
	for i := range list {
		c := kernel.Conv{KH: n(1, 4), KW: n(1, 4), StrideH: n(1, 3), StrideW: n(1, 3), PadH: n(0, 3), PadW: n(0, 3), DilH: n(1, 2), DilW: n(1, 3), Groups: n(1, 3)}
		in, out := []int{1, 3, 9, 70}[n(0, 3)], []int{1, 5, 17, 40, 100}[n(0, 4)]
		c.InC, c.OutC = c.Groups*in, c.Groups*out
		c.InH, c.InW = max(n(1, 18), c.DilH*(c.KH-1)+1-2*c.PadH), max(n(1, 18), c.DilW*(c.KW-1)+1-2*c.PadW)
		list[i] = c
	}
	return list
}

// drawn gives elements of a ring, or small integers as floats, whose sums are exact in any order.
func drawn[T kernel.Number](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		switch p := any(&v[i]).(type) {
		case *uint32:
			*p = rng.Uint32()
		case *uint64:
			*p = rng.Uint64()
		case *float32:
			*p = float32(rng.IntN(17) - 8)
		}
	}
	return v
}

// compiled are native kernels of convolutions.
type compiled struct {
	plan *program.Native
	lib  *native.Library
}

// compile builds native kernels, which add a tensor and a bias, or gives nil where there is no compiler.
func compile(t *testing.T, list []kernel.Conv, e llvm.Elem) *compiled {
	t.Helper()
	compiler, err := clang.Find()
	if err != nil {
		t.Logf("native kernels are left out: %v", err)
		return nil
	}
	var all []llvm.Convolution
	for _, c := range list {
		all = append(all, llvm.Convolution{Geometry: c, Elem: e, After: llvm.Epilogue{Add: true, Bias: true}})
	}
	k := llvm.CompileConvolutions(all, compiler.Target)
	dir := filepath.Join(t.TempDir(), party.NativeDir)
	if err := compiler.Write(t.Context(), dir, k); err != nil {
		t.Fatal(err)
	}
	lib, err := native.Open(filepath.Join(dir, party.LibraryFile), k.Plan.Library, k.Plan.Features)
	if err != nil {
		t.Fatal(err)
	}
	return &compiled{&k.Plan, lib}
}

// tensors are what a convolution computes with.
type tensors[T kernel.Number] struct{ x, w, bias, add []T }

// nativeConv computes convolution i by its native kernel.
func nativeConv[T kernel.Number](t *testing.T, k *compiled, i int, c kernel.Conv, o tensors[T]) []T {
	t.Helper()
	y, shared := make([]T, c.OutLen()), make([]uint64, k.plan.Shared/8+1)
	for _, s := range k.plan.Regions[i].Stages {
		symbol, err := k.lib.Symbol(s.Symbol)
		if err != nil {
			t.Fatal(err)
		}
		lists := make([][]native.Address, native.Workers())
		for w := range lists {
			for _, a := range s.Args {
				lists[w] = append(lists[w], address(t, k.plan, a, y, shared, o))
			}
		}
		native.NewCall(symbol, s.Units, s.Grain, lists).Run()
	}
	return y
}

// address gives what an argument of a stage points to: CompileConvolutions numbers buffers and weights.
func address[T kernel.Number](t *testing.T, plan *program.Native, a program.Arg, y []T, shared []uint64, o tensors[T]) native.Address {
	t.Helper()
	switch a.Kind {
	case program.BufferArg:
		return native.At([][]T{y, o.x, o.add}[a.Index])
	case program.WeightArg:
		return native.At([][]T{o.bias, o.w}[a.Index])
	case program.SharedArg:
		return native.At(shared)
	case program.WorkerArg:
		return native.At(make([]uint64, plan.Worker/8+1))
	}
	w := plan.Panels[a.Index]
	p := kernel.Panels{Groups: w.Groups, Out: w.Out, Depth: w.Depth, Width: w.Width}
	packed := make([]T, p.Len())
	if err := kernel.Pack(p, packed, o.w); err != nil {
		t.Fatal(err)
	}
	return native.At(packed)
}

// agree holds all paths against the portable one on each shape.
func agree[T kernel.Number](t *testing.T, rng *rand.Rand, list []kernel.Conv, e llvm.Elem) {
	t.Helper()
	k := compile(t, list, e)
	for i, c := range list {
		o := tensors[T]{drawn[T](rng, c.InLen()), drawn[T](rng, c.WeightLen()), drawn[T](rng, c.OutC), drawn[T](rng, c.OutLen())}
		names, packed, err := kernel.Paths(c, o.w, o.bias)
		if err != nil {
			t.Fatal(err)
		}
		var results [][]T
		for _, p := range packed {
			y := make([]T, c.OutLen())
			if err := p.Apply(y, o.x, o.add, make([]T, p.Scratch())); err != nil {
				t.Fatal(err)
			}
			results = append(results, y)
		}
		if k != nil {
			names, results = append(names, "native"), append(results, nativeConv(t, k, i, c, o))
		}
		for j, y := range results[1:] {
			if !slices.Equal(y, results[0]) {
				t.Errorf("%s, %+v: the kernels %s and %s differ", e, c, names[j+1], names[0])
			}
		}
	}
}

// TestPathsAgree holds native kernels, those of each instruction set and the portable ones against each other, on the same shapes
// and numbers.
func TestPathsAgree(t *testing.T) {
	const count = 6
	rng := rand.New(rand.NewPCG(7, 3))
	agree[uint32](t, rng, shapes(rng, count), llvm.I32)
	agree[uint64](t, rng, shapes(rng, count), llvm.I64)
	agree[float32](t, rng, shapes(rng, count), llvm.F32)
}
