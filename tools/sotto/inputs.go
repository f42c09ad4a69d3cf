package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sotto/ir"
	"sotto/runtime/dataset"
	"sotto/runtime/program"
)

// preprocess is how a network's input is made from an image.
func preprocess(x *ir.Value) dataset.Preprocess {
	return preprocessed(x.Type.Shape, x.Int("resize"), x.Int("crop"), x.Floats("mean"), x.Floats("std"))
}

// preprocessOf is preprocess for a program's input, where no network is at hand.
func preprocessOf(t program.Tensor) dataset.Preprocess {
	return preprocessed(t.Shape, t.Resize, t.Crop, t.Mean, t.Std)
}

func preprocessed(shape []int, resize, crop int, mean, std []float64) dataset.Preprocess {
	p := dataset.Preprocess{Channels: 1, Height: 1, Width: 1, Resize: resize, Crop: crop, Mean: narrow(mean), Std: narrow(std)}
	sides := []*int{&p.Channels, &p.Height, &p.Width}
	for i, d := range shape { // a vector is one row
		*sides[len(sides)-len(shape)+i] = d
	}
	return p
}

func narrow(xs []float64) []float32 {
	var out []float32
	for _, x := range xs {
		out = append(out, float32(x))
	}
	return out
}

// input loads what --input names: an image, a .npy file or random:SEED.
func input(spec string, p dataset.Preprocess) ([]float32, error) {
	if spec == "" {
		return nil, usagef("--input is missing: accepted are a PNG or JPEG image, a .npy file, or random:SEED")
	}
	return dataset.Load(spec, p)
}

// mostRandom bounds random:SEEDxN: calibration runs the network on every input.
const mostRandom = 1 << 12

// inputs loads what --calibration names, separated by commas: an input, a directory of inputs, or random:SEEDxN and
// smooth:SEEDxN for N seeds from SEED on.
func inputs(spec string, p dataset.Preprocess) ([][]float32, error) {
	var names []string
	for _, part := range strings.Split(spec, ",") {
		more, err := inputNames(part)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	var out [][]float32
	for _, name := range names {
		x, err := dataset.Load(name, p)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func inputNames(spec string) ([]string, error) {
	if kind, text, ok := strings.Cut(spec, ":"); ok && (kind == "random" || kind == "smooth") {
		return seededNames(kind, text)
	}
	info, err := os.Stat(spec)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{spec}, nil
	}
	entries, err := os.ReadDir(spec)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(spec, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no files: accepted is a directory of images and .npy files", spec)
	}
	return names, nil
}

func seededNames(kind, text string) ([]string, error) {
	seedText, countText, several := strings.Cut(text, "x")
	n := 1
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err == nil && several {
		n, err = strconv.Atoi(countText)
	}
	if err != nil || n < 1 || n > mostRandom {
		return nil, fmt.Errorf("%[1]s:%[2]s: accepted is %[1]s:SEED or %[1]s:SEEDxN, N from 1 to %[3]d", kind, text, mostRandom)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s:%d", kind, seed+uint64(i))
	}
	return names, nil
}
