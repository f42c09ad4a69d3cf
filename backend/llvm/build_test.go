package llvm

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sotto/runtime/kernel"
	"sotto/runtime/kernel/native"
	"sotto/runtime/program"
)

// clangs are the compilers that are tested, those that are installed: the oldest and the newest that Debian has.
func clangs(t testing.TB) []string {
	var found []string
	for _, name := range []string{"clang-14", "clang-19", "clang"} {
		if _, err := exec.LookPath(name); err == nil && (name != "clang" || found == nil) {
			found = append(found, name)
		}
	}
	if found == nil {
		t.Skip("clang is not installed: native kernels are not tested")
	}
	return found
}

// runnable are the targets whose kernels this machine can run.
func runnable(t testing.TB) []Target {
	var out []Target
	for _, target := range targets {
		if target.runs(native.Has) {
			out = append(out, target)
		}
	}
	if out == nil {
		t.Skip("there are no kernels for this processor")
	}
	return out
}

// build compiles and loads a module.
func build(t testing.TB, clang string, target Target, text string) *native.Library {
	t.Helper()
	dir := t.TempDir()
	source, library := filepath.Join(dir, "kernels.ll"), filepath.Join(dir, "kernels.so")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(clang, append(target.Flags(), "-O3", "-fPIC", "-shared", "-nostdlib", "-Wno-override-module", "-o", library, source)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", clang, err, out)
	}
	raw, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(library, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	lib, err := native.Open(library, hex.EncodeToString(sum[:]), target.Features)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// operands are what a convolution of CompileConvolutions computes with.
type operands[T kernel.Number] struct{ y, x, u, w, bias []T }

// run runs the stages of region i.
func run[T kernel.Number](t testing.TB, lib *native.Library, plan *program.Native, i int, o operands[T]) {
	t.Helper()
	for _, c := range bind(t, lib, plan, i, o, native.Workers()) {
		c.Run()
	}
}

// bind gives the calls of region i for so many workers.
func bind[T kernel.Number](t testing.TB, lib *native.Library, plan *program.Native, i int, o operands[T], workers int) []*native.Call {
	t.Helper()
	var calls []*native.Call
	shared := make([]uint64, plan.Shared/8+1)
	for _, s := range plan.Regions[i].Stages {
		at, err := lib.Symbol(s.Symbol)
		if err != nil {
			t.Fatal(err)
		}
		lists := make([][]native.Address, workers)
		for worker := range lists {
			for _, a := range s.Args {
				var p native.Address
				switch a.Kind {
				case program.BufferArg:
					p = native.At([][]T{o.y, o.x, o.u}[a.Index])
				case program.WeightArg:
					p = native.At([][]T{o.bias, o.w}[a.Index])
				case program.PanelsArg:
					p = native.At(pack(t, plan.Panels[a.Index], o.w))
				case program.SharedArg:
					p = native.At(shared)
				case program.WorkerArg:
					p = native.At(make([]uint64, plan.Worker/8+1))
				}
				lists[worker] = append(lists[worker], p)
			}
		}
		grain := s.Grain
		if workers == 1 {
			grain = s.Units
		}
		calls = append(calls, native.NewCall(at, s.Units, grain, lists))
	}
	return calls
}

func pack[T kernel.Number](t testing.TB, w program.Panels, weights []T) []T {
	t.Helper()
	p := kernel.Panels{Groups: w.Groups, Out: w.Out, Depth: w.Depth, Width: w.Width}
	packed := make([]T, p.Len())
	if err := kernel.Pack(p, packed, weights); err != nil {
		t.Fatal(err)
	}
	return packed
}
