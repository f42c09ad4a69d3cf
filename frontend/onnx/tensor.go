package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// folder is where a model's file lies: tensors may be stored in other files there, and nowhere else.
type folder struct {
	root *os.Root // nil: there are no other files
	read int64    // bytes so far
}

// load brings the elements of a tensor that are stored in another file into Raw.
func (d *folder) load(t *Tensor) error {
	if !t.Outside {
		return nil
	}
	name := t.External["location"]
	if !filepath.IsLocal(name) {
		return fmt.Errorf("tensor %s is stored in %q: accepted are files in the model's folder", clip(t.Name), clip(name))
	}
	if d.root == nil {
		return fmt.Errorf("tensor %s is stored in %q, which is not there", clip(t.Name), clip(name))
	}
	n, err := t.elements()
	if err != nil {
		return err
	}
	size := n * int64(t.Type.size())
	offset, err := d.number(t, "offset", 0)
	if err != nil {
		return err
	}
	length, err := d.number(t, "length", size)
	if err != nil {
		return err
	}
	if length != size {
		return fmt.Errorf("tensor %s has %d bytes in %s, its shape %v asks for %d", clip(t.Name), length, name, t.Dims, size)
	}
	if d.read += size; d.read > maxExternal {
		return fmt.Errorf("the tensors in other files have more than %d bytes", int64(maxExternal))
	}
	// A root follows no link out of the folder.
	info, err := d.root.Stat(name)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", clip(t.Name), err)
	}
	if !info.Mode().IsRegular() || offset > info.Size() || size > info.Size()-offset {
		return fmt.Errorf("tensor %s is at bytes %d to %d of %s, which is no file of as many", clip(t.Name), offset, offset+size, name)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", clip(t.Name), err)
	}
	defer f.Close()
	t.Raw = make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, size), t.Raw); err != nil {
		return fmt.Errorf("tensor %s: %s: %w", clip(t.Name), name, err)
	}
	t.Outside = false
	return nil
}

// maxExternal bounds the bytes of all tensors in other files: ten times those of VGG-16.
const maxExternal = 8 << 30

func (d *folder) number(t *Tensor, key string, missing int64) (int64, error) {
	text, ok := t.External[key]
	if !ok {
		return missing, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("tensor %s: %s is %q: accepted are numbers from 0 on", clip(t.Name), key, clip(text))
	}
	return n, nil
}

// size is the bytes of an element, 0 of a type that is not read.
func (d DType) size() int {
	switch d {
	case Bool:
		return 1
	case Float16, BFloat:
		return 2
	case Float32, Int32:
		return 4
	case Float64, Int64:
		return 8
	}
	return 0
}

// elements is the product of the dimensions, bounded so that its bytes can be counted.
func (t *Tensor) elements() (int64, error) {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && n > maxFile/d {
			return 0, fmt.Errorf("tensor %s has shape %v: accepted are at most %d elements", clip(t.Name), t.Dims, maxFile)
		}
		n *= d
	}
	return n, nil
}

// floats gives the elements of a tensor of floating-point numbers, in C order.
func (t *Tensor) floats() ([]float32, error) {
	n, err := t.elements()
	if err != nil {
		return nil, err
	}
	fail := func(has int) error {
		return fmt.Errorf("tensor %s has %d elements, its shape %v asks for %d", clip(t.Name), has, t.Dims, n)
	}
	switch {
	case t.Type != Float32 && t.Type != Float64:
		return nil, fmt.Errorf("tensor %s has elements of type %d: accepted are %d (float) and %d (double)", clip(t.Name), t.Type, Float32, Float64)
	case t.Raw != nil:
		size := t.Type.size()
		if int64(len(t.Raw)) != n*int64(size) {
			return nil, fail(len(t.Raw) / size)
		}
		out := make([]float32, n)
		for i := range out {
			if size == 4 {
				out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
			} else {
				out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.Raw[8*i:])))
			}
		}
		return out, nil
	case t.Type == Float64:
		if int64(len(t.Doubles)) != n {
			return nil, fail(len(t.Doubles))
		}
		out := make([]float32, n)
		for i, x := range t.Doubles {
			out[i] = float32(x)
		}
		return out, nil
	}
	if int64(len(t.Floats)) != n {
		return nil, fail(len(t.Floats))
	}
	return t.Floats, nil
}

// maxInts bounds tensors of integers, which in networks are shapes and axes.
const maxInts = 1 << 12

// ints gives the elements of a tensor of integers or truth values.
func (t *Tensor) ints() ([]int64, error) {
	n, err := t.elements()
	if err != nil {
		return nil, err
	}
	if n > maxInts {
		return nil, fmt.Errorf("tensor %s has %d integers: accepted are %d", clip(t.Name), n, maxInts)
	}
	out := t.Int64s
	if t.Type == Int32 || t.Type == Bool {
		out = t.Int32s
	}
	if size := t.Type.size(); t.Raw != nil && size > 0 {
		out = make([]int64, len(t.Raw)/size)
		for i := range out {
			switch size {
			case 1:
				out[i] = int64(t.Raw[i])
			case 4:
				out[i] = int64(int32(binary.LittleEndian.Uint32(t.Raw[4*i:])))
			case 8:
				out[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
			}
		}
	}
	if t.Type != Int64 && t.Type != Int32 && t.Type != Bool || int64(len(out)) != n {
		return nil, fmt.Errorf("tensor %s of type %d has %d integers, its shape %v asks for %d", clip(t.Name), t.Type, len(out), t.Dims, n)
	}
	return out, nil
}
