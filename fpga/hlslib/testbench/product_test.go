package testbench

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestProductsOfLimbs: they are the ring's products.
func TestProductsOfLimbs(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("g++ is not installed: kernels are not compiled")
	}
	program := filepath.Join(t.TempDir(), "product")
	compile := exec.Command("g++", "-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-I..", "-o", program, filepath.Join("testdata", "product.cpp"))
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(program).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
