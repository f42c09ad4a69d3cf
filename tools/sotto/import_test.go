package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sotto/backend/torch/torchtest"
	"sotto/runtime/tensorfile"
)

// Networks that PyTorch exports are imported, give its floats, compile, and run privately as they do in the clear: a slim ResNet-18, and with
// SOTTO_LONG=1 whole networks for 224 x 224 pixels.
func TestExportedNetworksRunPrivately(t *testing.T) {
	specs := []string{"resnet18,slim,32,0.125"}
	if os.Getenv("SOTTO_LONG") == "1" {
		specs = append(specs, "resnet18,resnet18,224,1", "mobilenetv2,mobilenetv2,224,1", "resnet50,resnet50,224,1", "vgg16,vgg16,224,1")
	}
	script, err := filepath.Abs("../../frontend/onnx/testdata/nets.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		root := t.TempDir()
		torchtest.Run(t, root, script, spec)
		name := strings.Split(spec, ",")[1]
		dir := filepath.Join(root, name)
		in := func(file string) string { return filepath.Join(dir, file) }
		sottoJSON(t, nil, "import", in("model.onnx"), "-o", in("net"), "--name", name)
		source, weights := in("net/"+name+".sotto"), in("net/"+importedWeights)
		var e evalResult
		sottoJSON(t, &e, "eval", source, "--weights", weights, "--input", in("x.npy"), "--calibration", in("x.npy"))
		off, most := 0.0, 0.0
		for i, want := range npy(t, in("y.npy")) {
			off = max(off, math.Abs(float64(e.Float.Output[i])-float64(want)))
			most = max(most, math.Abs(float64(want)))
		}
		if !(off <= 1e-4*most) {
			t.Errorf("%s: outputs are %g from PyTorch's, of which the greatest is %g", name, off, most)
		}
		sottoJSON(t, nil, "compile", source, "--weights", weights, "--calibration", in("x.npy"), "-o", in("out"))
		var v struct{ Equal bool }
		sottoJSON(t, &v, "verify", in("out"), "--input", in("x.npy"), "--offline", "dealer")
		if !v.Equal {
			t.Errorf("%s: the private run is not the clear one", name)
		}
	}
}

// sottoJSON runs the command as a process, which can start those of both parties, and reads the object that it prints.
func sottoJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	c := exec.Command("sotto", append(args, "--json")...)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("sotto %v: %v\n%s", args, err, errs.String())
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("sotto %v: %v", args, err)
	}
}

func npy(t *testing.T, path string) []float32 {
	t.Helper()
	a, err := tensorfile.OpenNPY(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	x, err := a.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return x
}
