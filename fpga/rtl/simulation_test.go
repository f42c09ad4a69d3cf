package rtl

import (
	"bufio"
	"bytes"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tool skips a test that needs a program which is not there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: the hardware is not checked (Debian: apt-get install %s)", name, name)
	}
	return path
}

// simulator builds kernels_tb in a directory.
func simulator(dir string) (string, error) {
	args := []string{"--cc", "--exe", "--build", "--no-timing", "--hierarchical", "--top-module", "kernels_tb", "--Mdir", "built", "-j", "2",
		"-Wno-fatal", "-Wno-lint", "-Wno-UNOPTFLAT", "-Wno-STMTDLY", "-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1"}
	for _, pattern := range []string{"sv/*.sv", "testbench/*.sv", "testbench/main.cpp"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, s := range sources {
			path, err := filepath.Abs(s)
			if err != nil {
				return "", err
			}
			args = append(args, path)
		}
	}
	build := exec.Command("verilator", args...)
	build.Dir = dir // hierarchical builds mix paths from there and from the directory of what is made
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	return filepath.Join(dir, "built", "Vkernels_tb"), nil
}

// event is something at a kernel's ports: taken from, or given to, its bench.
type event struct {
	cycle  int
	values []string // hexadecimal, what came out
}

// trace is what a kernel did.
type trace struct{ in, out []event }

// simulate runs kernels_tb and gives what each kernel did, by its name.
func simulate(t *testing.T, plusargs ...string) map[string]*trace {
	t.Helper()
	tool(t, "verilator")
	tool(t, "g++")
	tool(t, "make")
	program, err := simulator(t.TempDir())
	if err != nil {
		t.Fatalf("verilator: %v\n%s", err, program)
	}
	out, err := exec.Command(program, plusargs...).CombinedOutput()
	if err != nil {
		t.Fatalf("simulation: %v\n%s", err, out)
	}
	kernels := map[string]*trace{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 3 || f[1] != "in" && f[1] != "out" {
			continue
		}
		cycle, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatalf("simulation printed %q: a cycle is accepted", lines.Text())
		}
		k := kernels[f[0]]
		if k == nil {
			k = new(trace)
			kernels[f[0]] = k
		}
		if f[1] == "in" {
			k.in = append(k.in, event{cycle, f[3:]})
		} else {
			k.out = append(k.out, event{cycle, f[3:]})
		}
	}
	return kernels
}
