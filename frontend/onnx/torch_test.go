package onnx

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/backend/torch/torchtest"
	"sotto/frontend"
	"sotto/ir"
	"sotto/runtime/tensorfile"
)

var keep = flag.String("keep", "", "the folder to keep exported models in")

// tolerance is how far an output may be from PyTorch's, as a part of the greatest one.
const tolerance = 1e-4

// exported are networks as Debian's PyTorch exports them: by default, where it folds batch normalisations, and as they are, in old and new opsets.
// The values of the names of the text are how often the text has them.
var exported = []struct {
	spec, text string
	names      map[string]int
}{
	{"small,small,32,1", "small", map[string]int{"|> softmax to client": 1, "relu6": 1, "pad(image, [2, 1, 1, 0])": 1}},
	{"resnet18,resnet18_folded,32,0.125", "resnet18_folded", map[string]int{"block ": 2, "for ": 2, `as "layer{`: 2}},
	{"resnet18,resnet18,32,0.125,keep_batchnorm=True,opset_version=16", "resnet18", map[string]int{"block ": 2, "batchnorm as bn1": 3, `"downsample.1"`: 1}},
	{"mobilenetv2,mobilenetv2_folded,32,0.125", "", map[string]int{"block inverted": 2, "groups = c": 2}},
	{"mobilenetv2,mobilenetv2,32,0.125,keep_batchnorm=True,opset_version=9", "mobilenetv2", map[string]int{"block inverted": 2, `"conv.1.1"`: 2}},
	{"vgg16,vgg16,32,0.0625", "vgg16", map[string]int{"for ": 1, "maxpool(2)": 2}},
	{"squeezenet,squeezenet,34,0.25", "squeezenet", map[string]int{"block features": 1, "pad(x, [0, 1, 0, 1])": 1}},
	{"densenet,densenet,16,0.125", "", map[string]int{"concat": 3}},
	{"resnet50,resnet50,32,0.0625,keep_batchnorm=True", "resnet50", map[string]int{"block residual": 2, "for ": 2}},
}

// One process exports all: PyTorch takes seconds to start.
func TestImportComputesWhatTorchDoes(t *testing.T) {
	root := export(t)
	for _, c := range exported {
		name := strings.Split(c.spec, ",")[1]
		n := loaded(t, filepath.Join(root, name))
		for part, want := range c.names {
			if got := strings.Count(n.Source, part); got < want {
				t.Errorf("%s: %q stands %d times in\n%s", name, part, got, n.Source)
			}
		}
		if c.text != "" {
			golden(t, c.text+".sotto", n.Source)
		}
		compare(t, name, filepath.Join(root, name), n)
	}
}

func export(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("testdata/nets.py")
	if err != nil {
		t.Fatal(err)
	}
	root := *keep
	if root == "" {
		root = t.TempDir()
	}
	args := []string{script}
	for _, c := range exported {
		args = append(args, c.spec)
	}
	torchtest.Run(t, root, args...)
	return root
}

func loaded(t *testing.T, dir string) *Network {
	t.Helper()
	n, err := Load(filepath.Join(dir, "model.onnx"), "model")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s (%v) has\n%s\nnow it is\n%s", name, err, want, got)
	}
}

// compare evaluates an imported network on the input in a folder and holds the result to PyTorch's.
func compare(t *testing.T, name, dir string, n *Network) {
	t.Helper()
	x, want := numbers(t, filepath.Join(dir, "x.npy")), numbers(t, filepath.Join(dir, "y.npy"))
	got := evaluate(t, n, x)
	if off := apart(got, want); !(off <= tolerance) {
		t.Errorf("%s: %.6v, PyTorch has %.6v: %.2g apart\n%s", name, got[:min(4, len(got))], want[:min(4, len(want))], off, n.Source)
	}
}

func numbers(t *testing.T, path string) []float32 {
	t.Helper()
	a, err := tensorfile.OpenNPY(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	data, err := a.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// evaluate runs an imported network by the reference of the IR. The client takes the softmax.
func evaluate(t *testing.T, n *Network, x []float32) []float32 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := tensorfile.Write(path, n.Weights, nil, tensorfile.Shared); err != nil {
		t.Fatal(err)
	}
	w, err := tensorfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	space, err := frontend.Load("net.sotto", []byte(n.Source), frontend.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, n.Source)
	}
	f := space.Func
	r := &ir.Runner{Weight: func(v *ir.Value) (*ir.Tensor, error) {
		data, shape, err := w.Float32(v.Path)
		if err == nil && !slices.Equal(shape, v.Type.Shape) {
			err = fmt.Errorf("%s has shape %v, the source asks for %v", v.Path, shape, v.Type.Shape)
		}
		return &ir.Tensor{Type: v.Type, F: data}, err
	}}
	env, err := r.Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
	if err != nil {
		t.Fatalf("%v\n%s", err, n.Source)
	}
	out := slices.Clone(env[f.Result].F)
	if f.Output["post"] == "softmax" {
		total := 0.0
		for _, x := range out {
			total += math.Exp(float64(x))
		}
		for i, x := range out {
			out[i] = float32(math.Exp(float64(x)) / total)
		}
	}
	return out
}

// apart is the greatest difference, as a part of the greatest element.
func apart(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most, off := 0.0, 0.0
	for i := range want {
		most = max(most, math.Abs(float64(want[i])))
		off = max(off, math.Abs(float64(want[i])-float64(got[i])))
	}
	return off / most
}
