package hls

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/target"
)

// writeFiles writes files by their paths with slashes.
func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for path, text := range files {
		to := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.WriteFile(to, text, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

// builtFor gives the build files of a board's own design.
func builtFor(t *testing.T, b target.Board) map[string][]byte {
	t.Helper()
	d, err := target.ForBoard(b, 32)
	if err != nil {
		t.Fatal(err)
	}
	files, err := buildFiles(b, d.ClockMHz, d.Has, 4)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// making runs make with arguments, and gives what it prints.
func making(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make: the Makefile is not run")
	}
	out, err := exec.Command("make", append([]string{"-C", dir}, args...)...).CombinedOutput()
	return string(out), err
}

// TestSynthesisFollowsHeaders: a header that changes makes every kernel again.
func TestSynthesisFollowsHeaders(t *testing.T) {
	dir := t.TempDir()
	files := builtFor(t, must(t)(target.Shipped("zcu104")))
	for path := range files {
		if k, ok := strings.CutSuffix(strings.TrimPrefix(path, "kernels/"), "/hls_config.cfg"); ok {
			files["src/"+k+".cpp"] = nil
		}
	}
	files["src/config.hpp"], files["src/hlslib/word.hpp"] = nil, nil
	writeFiles(t, dir, files)
	for path := range files {
		if k, ok := strings.CutSuffix(strings.TrimPrefix(path, "kernels/"), "/hls_config.cfg"); ok {
			writeFiles(t, dir, map[string][]byte{"build/" + k + ".xo": nil})
		}
	}
	if out, err := making(t, dir, "-n", "hls"); err != nil || strings.Contains(out, "v++") {
		t.Fatalf("nothing changed, and kernels are made again: %v\n%s", err, out)
	}
	for _, header := range []string{"src/config.hpp", "src/hlslib/word.hpp"} {
		out, err := making(t, dir, "-n", "-W", header, "hls")
		if err != nil || !strings.Contains(out, "cd kernels/conv && v++ -c") || !strings.Contains(out, "cd kernels/sequencer && v++ -c") {
			t.Errorf("%s changed: %v\n%s", header, err, out)
		}
	}
}

// TestLinkSaysWhatIsMissing: without a network, or a platform where none is known, make link ends at once and says so; with both every
// instance is linked at the clock that its kernel is synthesised for.
func TestLinkSaysWhatIsMissing(t *testing.T) {
	own := must(t)(target.Shipped("zcu104"))
	own.Name = "my-board"
	dir := t.TempDir()
	files := builtFor(t, own)
	writeFiles(t, dir, files)
	for missing, args := range map[string][]string{"PLATFORM is missing: there is none for my-board": {"can-link"}, "NETWORK_XO is missing": {"can-link", "PLATFORM=mine.xpfm"}} {
		if out, err := making(t, dir, args...); err == nil || !strings.Contains(out, missing) {
			t.Errorf("%v: %v, %s: want %q", args, err, out, missing)
		}
	}
	if !strings.Contains(string(files["link/connectivity.cfg"]), "# The platform: sotto knows none for my-board") {
		t.Errorf("%s", files["link/connectivity.cfg"])
	}
	makefile := string(files["Makefile"])
	instances := regexp.MustCompile(`(?m)^INSTANCES = (.*)$`).FindStringSubmatch(makefile)
	if instances == nil || !strings.Contains(makefile, "$(INSTANCES:%=--freqhz=$(FREQHZ):%)") || !strings.Contains(makefile, "FREQHZ   ?= 200000000\n") {
		t.Fatalf("%s", makefile)
	}
	for _, name := range strings.Fields(instances[1]) {
		top, _, numbered := strings.Cut(name, "_top_")
		line := "nk=" + top + "_top:1:" + name + "\n"
		if numbered {
			line = "nk=" + top + "_top:"
		}
		if !strings.Contains(string(files["link/connectivity.cfg"]), line) {
			t.Errorf("there is no instance %s", name)
		}
	}
}

// TestPlannedConstants: a constant that is not the commands' is refused when it is compiled, wherever it is.
func TestPlannedConstants(t *testing.T) {
	d, err := target.ForBoard(must(t)(target.Shipped("zcu104")), 32)
	if err != nil {
		t.Fatal(err)
	}
	c, err := hlslib.ConfigOf(d)
	if err != nil {
		t.Fatal(err)
	}
	text := c.Struct("config")
	held := planned(text)
	if n, want := strings.Count(held, "static_assert("), strings.Count(text, "static const int")+1; n != want {
		t.Errorf("%d constants of %d are held:\n%s", n, want, held)
	}
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("no g++: the constants are not compiled")
	}
	compile := func(text string) (string, error) {
		dir := t.TempDir()
		writeFiles(t, dir, map[string][]byte{"config.hpp": []byte(header(text)), "planned.hpp": []byte(held), "a.cpp": []byte("#include \"config.hpp\"\n")})
		out, err := exec.Command("g++", "-std=c++14", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", filepath.Join(dir, "a.cpp")).CombinedOutput()
		return string(out), err
	}
	if out, err := compile(text); err != nil {
		t.Fatalf("as it is written: %v\n%s", err, out)
	}
	for name, change := range map[string]*regexp.Regexp{"config::TM": regexp.MustCompile(` TM = \d+`), "config::garbler::SLOTS": regexp.MustCompile(` SLOTS = \d+`)} {
		short := name[strings.LastIndex(name, ":")+1:]
		other := strings.Replace(text, change.FindString(text), " "+short+" = 77", 1)
		if out, err := compile(other); err == nil || !strings.Contains(out, "the commands of this folder are made with "+name+" = ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestChangedFiles: what was written is known again; a changed, a new and a replaced file are seen, what make makes is not.
func TestChangedFiles(t *testing.T) {
	dir := t.TempDir()
	w := &writer{kept: map[string][]byte{}, sums: map[string][]byte{}, create: func(path string) (io.WriteCloser, error) {
		to := filepath.Join(dir, filepath.FromSlash(path))
		return os.Create(to)
	}}
	if _, err := Changed(os.DirFS(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without a list: %v", err)
	}
	writeFiles(t, dir, map[string][]byte{"src/a.cpp": nil, "csim/x": nil})
	w.bytes("src/a.cpp", []byte("a"))
	w.bytes("csim/x", []byte("x"))
	w.written()
	if w.err != nil {
		t.Fatal(w.err)
	}
	want := func(changed string) {
		t.Helper()
		if got, err := Changed(os.DirFS(dir)); err != nil || got != changed {
			t.Errorf("%q, %v: want %q", got, err, changed)
		}
	}
	writeFiles(t, dir, map[string][]byte{"build/a.o": nil, "kernels/conv/work/log": nil})
	want("")
	if _, err := exec.LookPath("sha256sum"); err == nil {
		check := exec.Command("sha256sum", "-c", WrittenFile)
		check.Dir = dir
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("sha256sum: %v\n%s", err, out)
		}
	}
	writeFiles(t, dir, map[string][]byte{"src/b.cpp": []byte("mine")})
	want("src/b.cpp")
	os.Remove(filepath.Join(dir, "src", "b.cpp"))
	writeFiles(t, dir, map[string][]byte{"src/a.cpp": []byte("b")})
	want("src/a.cpp")
	writeFiles(t, dir, map[string][]byte{"src/a.cpp": []byte("a")})
	want("")
	if err := errors.Join(os.Remove(filepath.Join(dir, "csim", "x")), os.Symlink("/dev/null", filepath.Join(dir, "csim", "x"))); err != nil {
		t.Fatal(err)
	}
	want("csim/x")
}
