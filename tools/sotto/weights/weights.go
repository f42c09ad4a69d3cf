// Package weights gives the compiler a network's weights by name: from a safetensors file, or initialised from a seed.
//
// Both are a Source. A file is read lazily, a tensor at a time; an initialised network is a recipe that makes each
// tensor anew when asked, so that neither keeps a network in memory.
package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/runtime/tensorfile"
)

// Keys of the metadata of a weights file that was written by `sotto init`.
const (
	InitKey    = "sotto.init"    // random:SEED
	ChoicesKey = "sotto.choices" // JSON object: site → option the statistics were propagated for
)

// Source gives tensors by path, as passes want them.
type Source interface {
	pass.Weights
	// Initialised is random:SEED where the weights are initial ones and no training has seen data; otherwise empty.
	Initialised() string
	// Choices are the options that initial weights were made for, by site; nil where that is not known.
	Choices() map[string]string
	Close() error
}

// Open gives the weights that spec names, for the network f under the decisions: random:SEED (0 to 2^64-1) or the path
// of a safetensors file.
func Open(spec string, f *ir.Func, decisions []pass.Decision) (Source, error) {
	text, random := strings.CutPrefix(spec, "random:")
	if !random {
		return openFile(spec)
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: seed %q, accepted is an integer from 0 to 2^64-1", spec, text)
	}
	return HeInitialised(f, decisions, seed)
}

// Params lists the weights of a network by path, in the order of their first appearance, those of every option of a
// choice included.
func Params(f *ir.Func) []*ir.Value {
	var out []*ir.Value
	seen := map[string]bool{}
	f.Walk(func(v *ir.Value) {
		if v.Is("param") && !seen[v.Path] {
			seen[v.Path] = true
			out = append(out, v)
		}
	})
	return out
}

// file is a safetensors file as a Source.
type file struct {
	path string
	*tensorfile.File
}

func openFile(path string) (Source, error) {
	f, err := tensorfile.Open(path)
	if err != nil {
		return nil, err
	}
	return &file{path, f}, nil
}

func (f *file) Initialised() string { return f.Metadata()[InitKey] }

func (f *file) Choices() map[string]string {
	var out map[string]string
	if json.Unmarshal([]byte(f.Metadata()[ChoicesKey]), &out) != nil {
		return nil // metadata of others
	}
	return out
}

// Weight reads a tensor. A single number may have shape [] as well as [1].
func (f *file) Weight(path string, shape []int) ([]float32, error) {
	if err := f.matches(path, shape); err != nil {
		return nil, err
	}
	data, _, err := f.Float32(path)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(data, notFinite); i >= 0 {
		return nil, fmt.Errorf("%s: tensor %q: element %d is %v, accepted are finite values", f.path, path, i, data[i])
	}
	return data, nil
}

func (f *file) matches(path string, shape []int) error {
	info, err := f.Info(path)
	if err != nil {
		return err
	}
	if slices.Equal(info.Shape, shape) || len(info.Shape) == 0 && slices.Equal(shape, []int{1}) {
		return nil
	}
	return fmt.Errorf("%s: tensor %q has shape %v, the network takes %v", f.path, path, info.Shape, shape)
}

func notFinite(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

// mostErrors is how many tensors that do not fit are named in one error.
const mostErrors = 10

// Check reports every weight of a network without choices that a source lacks or has in another shape.
func Check(s Source, f *ir.Func) error {
	from, ok := s.(*file)
	if !ok {
		return nil // made to measure
	}
	var errs []error
	for _, v := range Params(f) {
		if err := from.matches(v.Path, v.Type.Shape); err != nil {
			errs = append(errs, err)
		}
	}
	if more := len(errs) - mostErrors; more > 0 {
		errs = append(errs[:mostErrors], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

// Write stores the weights of the network f in a safetensors file, readable by everybody: it is for initial weights,
// which hold nothing that the seed does not say.
func Write(path string, f *ir.Func, s Source) error {
	choices, err := json.Marshal(s.Choices())
	if err != nil {
		return err
	}
	tensors, err := Tensors(f, s)
	if err != nil {
		return err
	}
	return tensorfile.Write(path, tensors, map[string]string{InitKey: s.Initialised(), ChoicesKey: string(choices)}, tensorfile.Shared)
}

// Tensors reads the weights of the network f.
func Tensors(f *ir.Func, s Source) ([]tensorfile.Tensor, error) {
	var out []tensorfile.Tensor
	for _, v := range Params(f) {
		data, err := s.Weight(v.Path, v.Type.Shape)
		if err != nil {
			return nil, err
		}
		out = append(out, tensorfile.New(v.Path, v.Type.Shape, data))
	}
	return out, nil
}
