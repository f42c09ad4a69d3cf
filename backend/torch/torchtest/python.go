// Package torchtest runs PyTorch programs in tests.
package torchtest

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Variable names the Python of tests. Where it is set, as .ci/run does, that one has to have PyTorch; else tests are skipped where none has it.
const Variable = "SOTTO_PYTHON"

var interpreter = sync.OnceValues(func() (name string, err error) {
	candidates := []string{"python3", "/usr/bin/python3"}
	if named := os.Getenv(Variable); named != "" {
		candidates = []string{named}
	}
	for _, name = range candidates {
		if err = exec.Command(name, "-c", "import torch").Run(); err == nil {
			return name, nil
		}
	}
	return name, err
})

// Python gives the name of a Python that has PyTorch.
func Python(t testing.TB) string {
	t.Helper()
	name, err := interpreter()
	switch {
	case err != nil && os.Getenv(Variable) != "":
		t.Fatalf("%s=%s has no PyTorch: %v", Variable, name, err)
	case err != nil:
		t.Skip("no Python with PyTorch is here: Debian's package is python3-torch")
	}
	return name
}

// Command is a Python process in a folder, with one thread for its mathematics, that leaves no files of bytecode.
func Command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(Python(t), append([]string{"-B"}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+cmp.Or(os.Getenv("OMP_NUM_THREADS"), "1"), "PYTHONWARNINGS=ignore")
	return c
}

// Run gives what a Python process prints.
func Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	c := Command(t, dir, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("python3 %v: %v\n%s", args, err, errs.Bytes())
	}
	return string(out)
}

// Fails gives what a Python process says that ends with an error.
func Fails(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := Command(t, dir, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("python3 %v: an error is missing\n%s", args, out)
	}
	return string(out)
}
