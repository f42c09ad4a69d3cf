package native

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestOpenRefuses has a file that is no library: whatever comes before loading must be refused before.
func TestOpenRefuses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("libraries are loaded on Linux alone")
	}
	text := []byte("no library")
	raw := sha256.Sum256(text)
	sum := hex.EncodeToString(raw[:])
	path := filepath.Join(t.TempDir(), "kernels.so")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	refuses := func(want, path, sum string, needs ...string) {
		t.Helper()
		if _, err := Open(path, sum, needs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	refuses("which this processor has not", path, sum, "avx9000")
	refuses("has another hash", path, strings.Repeat("0", 64))
	refuses("too many levels of symbolic links", link, sum)
	refuses("cannot be loaded", path, sum)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	refuses("can be written by others", path, sum)
	refuses("no such file", path+".missing", sum)
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "can be written by others") {
		t.Errorf("what says how to call a library: got %v", err)
	}
}
