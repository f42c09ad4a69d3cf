package torch

import (
	"os"
	"path/filepath"
	"testing"

	"sotto/runtime/tensorfile"
)

// write puts files into a folder.
func write(t testing.TB, dir string, files []File) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readTensors gives the tensors of a file that Python wrote.
func readTensors(t testing.TB, path string) map[string][]float32 {
	t.Helper()
	f, err := tensorfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]float32{}
	for _, name := range f.Names() {
		if info, err := f.Info(name); err != nil || info.DType != tensorfile.F32 {
			continue
		}
		if out[name], _, err = f.Float32(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
