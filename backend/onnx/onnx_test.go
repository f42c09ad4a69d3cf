package onnx

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/backend/torch/torchtest"
	"sotto/frontend"
	format "sotto/frontend/onnx"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/runtime/tensorfile"
)

// every has all layers that there is an operator for; back has those that import reads back.
const (
	every = `choice act(x) = relu(x) | x2act(x, scale = 0.1)
net every {
  input image: f32[2, 9, 9] from client
  x = conv(image, 4, kernel = [3, 1], stride = [2, 1], pad = [1, 0], dilation = 1, groups = 2) |> batchnorm(eps = 1e-3) |> act
  x = slice(x, start = 1, stride = 2) |> upsample |> pad([0, 1, 2, 0]) |> relu6
  x = concat(maxpool(x, 3, stride = 2, pad = 1), avgpool(x, 3, stride = 2, pad = 1)) |> dropout(0.2)
  output scores = flatten(x) |> linear(6) |> act |> linear(3, bias = false) |> softmax to client
}
`
	back = `choice act(x) = relu(x) | x2act(x, scale = 0.1)
net back {
  input image: f32[2, 9, 9] from client
  x = conv(image, 4, kernel = [3, 1], stride = [2, 1], pad = [1, 0], groups = 2) |> batchnorm(eps = 1e-3) |> act
  y = pad(x, [0, 1, 2, 0]) |> relu6 |> conv(4, kernel = 3)
  x = concat(maxpool(y, 3, stride = 2, pad = 1) - -avgpool(y, 3, stride = 2, pad = 1), maxpool(y, 3, stride = 2, pad = 1)) |> act
  output scores = avgpool(x) |> flatten |> linear(6) |> act |> linear(3, bias = false) |> softmax to client
}
`
)

// decided elaborates a net, its choices as their options stand in turn.
func decided(t *testing.T, name, source string) *ir.Func {
	t.Helper()
	space, err := frontend.Load(name, []byte(source), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, c := space.Module.Clone(), &pass.Context{}
	for i, s := range choices.Sites(m.Funcs[0]) {
		c.Choices = append(c.Choices, pass.Decision{Site: s.Path, Option: s.Options[i%len(s.Options)]})
	}
	if err := (&pass.Runner{}).Run(c, m, passes.AsWritten...); err != nil {
		t.Fatal(err)
	}
	return m.Funcs[0]
}

// drawn gives weights, each a function of its path.
func drawn(path string, shape []int) ([]float32, error) {
	hash := fnv.New64a()
	hash.Write([]byte(path))
	r := rand.New(rand.NewPCG(hash.Sum64(), 0)) // public: weights of tests
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = r.Float32() - 0.5
		if strings.HasSuffix(path, "running_var") {
			data[i] += 1
		}
	}
	return data, nil
}

func run(t *testing.T, f *ir.Func, weight Weights) []float32 {
	t.Helper()
	x, err := drawn("input", f.Params[0].Type.Shape)
	if err != nil {
		t.Fatal(err)
	}
	r := &ir.Runner{Weight: func(v *ir.Value) (*ir.Tensor, error) {
		data, err := weight(v.Path, v.Type.Shape)
		return &ir.Tensor{Type: v.Type, F: data}, err
	}}
	env, err := r.Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
	if err != nil {
		t.Fatal(err)
	}
	return env[f.Result].F
}

func write(t *testing.T, path string, f *ir.Func) {
	t.Helper()
	m, err := Export(f, "sotto", "", drawn)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, format.Encode(m), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is imported of an export computes the very same floats.
func TestImportOfExport(t *testing.T) {
	f := decided(t, "back.sotto", back)
	path := filepath.Join(t.TempDir(), "back.onnx")
	write(t, path, f)
	n, err := format.Load(path, "back")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "w.safetensors")
	if err := tensorfile.Write(file, n.Weights, nil, tensorfile.Shared); err != nil {
		t.Fatal(err)
	}
	w, err := tensorfile.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	imported := decided(t, "back.sotto", n.Source)
	got := run(t, imported, func(path string, shape []int) ([]float32, error) {
		data, has, err := w.Float32(path)
		if err == nil && !slices.Equal(has, shape) {
			err = fmt.Errorf("%s has shape %v, not %v", path, has, shape)
		}
		return data, err
	})
	if want := run(t, f, drawn); !slices.Equal(got, want) {
		t.Errorf("%v became %v in\n%s", want, got, n.Source)
	}
	if imported.Output["post"] != "softmax" {
		t.Error("the softmax is gone")
	}
}

// ONNX's own checker, with its inference of shapes, accepts what is exported.
func TestCheckerAccepts(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "every.onnx"), decided(t, "every.sotto", every))
	for _, name := range []string{"minionn", "resnet18_cifar", "mobilenetv2_cifar"} {
		source, err := os.ReadFile("../../examples/" + name + ".sotto")
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name+".onnx"), decided(t, name+".sotto", string(source)))
	}
	out := torchtest.Run(t, dir, "-c", `
import glob, sys
try:
    import onnx
except ImportError:
    sys.exit(print("no onnx"))
for path in sorted(glob.glob("*.onnx")):
    m = onnx.load(path)
    onnx.checker.check_model(m, full_check=True)
    out = onnx.shape_inference.infer_shapes(m, strict_mode=True).graph.output[0]
    print(path, [d.dim_value or d.dim_param for d in out.type.tensor_type.shape.dim])
`)
	if out == "no onnx\n" && os.Getenv(torchtest.Variable) == "" {
		t.Skip("Python has no onnx: Debian's package is python3-onnx")
	}
	if want := "every.onnx ['batch', 3]\nminionn.onnx ['batch', 10]\nmobilenetv2_cifar.onnx ['batch', 10]\nresnet18_cifar.onnx ['batch', 10]\n"; out != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
}

// Every op of a network as it is written has a row, but for those that stand for no operator.
func TestEveryOpHasARow(t *testing.T) {
	without := []string{"param", "choice", "nn.mix", "nn.scale", "nn.shift", "nn.quadratic", "nn.dropout", "nn.argmax", "nn.softmax"}
	for _, o := range ir.Ops() {
		if o.Stages&ir.Space == 0 || strings.HasPrefix(o.Name, "const.") {
			continue
		}
		if has := rows[o.Name] != nil; has == slices.Contains(without, o.Name) {
			t.Errorf("%s: a row in rows.go: %v, and it is among those without: %v", o.Name, has, has)
		}
	}
}
