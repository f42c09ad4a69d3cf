package party

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sotto/runtime/kernel/native"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// Names of the files of native kernels in a bundle: a folder with the description, the library, and its source for people to read.
const (
	NativeDir    = "native"
	NativeFile   = "native.json"
	LibraryFile  = "kernels.so"
	AssemblyFile = "kernels.ll"
)

// kernels are a bundle's native kernels, with the weights that were last packed for them.
type kernels struct {
	plan *program.Native
	lib  *native.Library

	mu     sync.Mutex
	packed any // *vm.Native of the ring's words
	of     stamp
}

// stamp tells one weights file from the next at the same place.
type stamp struct {
	size     int64
	modified time.Time
}

// LoadNative loads the bundle's native kernels. The error says why they cannot be used; the bundle runs without them as well.
func (b *Bundle) LoadNative() error {
	dir := filepath.Join(b.Dir, NativeDir)
	path := filepath.Join(dir, NativeFile)
	text, err := native.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds none: compile with --native", b.Dir)
	}
	if err != nil {
		return err
	}
	plan, err := program.ParseNative(text, b.Program)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lib, err := native.Open(filepath.Join(dir, LibraryFile), plan.Library, plan.Features)
	if err != nil {
		return err
	}
	b.native = &kernels{plan: plan, lib: lib}
	return nil
}

// nativeFor gives the bundle's kernels with weights packed for them, or nil without kernels. Sessions with weights of the same stamp
// share them.
func nativeFor[W ring.Word](b *Bundle, weights [][]W, of stamp) (*vm.Native[W], error) {
	k := b.native
	if k == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if have, ok := k.packed.(*vm.Native[W]); ok && k.of == of {
		return have, nil
	}
	packed, err := vm.NewNative(k.plan, k.lib, weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(b.Dir, NativeDir), err)
	}
	k.packed, k.of = packed, of
	return packed, nil
}

// stamp is zero without a file, which reading the weights says more about.
func (b *Bundle) stamp() stamp {
	info, err := os.Stat(filepath.Join(b.Dir, WeightsFile))
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime()}
}
