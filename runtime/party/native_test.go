package party

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sotto/runtime/program"
)

// TestLoadNativeRefuses a description that others could have written: it says which functions are called, and with what.
func TestLoadNativeRefuses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("libraries are loaded on Linux alone")
	}
	b := &Bundle{Dir: t.TempDir(), Program: &program.Program{}}
	if err := b.LoadNative(); err == nil || !strings.Contains(err.Error(), "holds none") {
		t.Errorf("a bundle without kernels: %v", err)
	}
	path := filepath.Join(b.Dir, NativeDir, NativeFile)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o600: NativeFile + ": native kernels of version 0", 0o620: "can be written by others"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := b.LoadNative(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %v: got %v, want %s", mode, err, want)
		}
	}
}
