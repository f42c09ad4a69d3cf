package runs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sotto/passes/search"
)

func opened(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestCheckpointsComeBack(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, dir)
	if c, err := f.Load(); c != nil || err != nil || Begun(dir) {
		t.Errorf("a new folder has %v, %v", c, err)
	}
	want := &search.Checkpoint{Settings: json.RawMessage(`{"seed":1}`), Method: json.RawMessage(`{"batch":7}`), Lines: 3,
		Tensors: map[string][]float32{"conv#1.weight": {1, 2, 3}, "conv#1.weight.sgd.velocity": {0, -1, 0.5}}}
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := f.Load()
	if err != nil || !bytes.Equal(got.Settings, want.Settings) || !bytes.Equal(got.Method, want.Method) || got.Lines != 3 || !Begun(dir) {
		t.Fatalf("%+v, %v", got, err)
	}
	for path, data := range want.Tensors {
		if !slices.Equal(got.Tensors[path], data) {
			t.Errorf("%s: %v, want %v", path, got.Tensors[path], data)
		}
	}
}

// TestAHalfLineIsNone: what a crash left behind the last whole line is gone after the next cut.
func TestAHalfLineIsNone(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, dir)
	for _, line := range []string{"one", "two", "three"} {
		if err := f.Append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, JournalFile)
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(text, "fou"...), 0o600); err != nil {
		t.Fatal(err)
	}
	again := opened(t, dir)
	lines, err := again.Lines()
	if err != nil || len(lines) != 3 {
		t.Errorf("%q, %v", lines, err)
	}
	if err := again.Cut(2); err != nil {
		t.Fatal(err)
	}
	if err := again.Append([]byte("3")); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "one\ntwo\n3\n" {
		t.Errorf("%q", text)
	}
}
