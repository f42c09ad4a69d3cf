// Package tensorfile reads and writes tensors in safetensors and .npy files.
//
// Files come from elsewhere and may be hostile: every length, offset and shape is checked before memory is taken for
// it, and each error names the file and the tensor. Reading is lazy: opening a file reads its header alone.
package tensorfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// File is an open safetensors file. Its methods may be called from several goroutines.
type File struct {
	path     string
	f        *os.File
	base     int64
	names    []string
	tensors  map[string]Info
	metadata map[string]string
}

// Open opens a safetensors file and checks its header.
func Open(path string) (*File, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	tensors, metadata, base, err := readHeader(f, size)
	if err != nil {
		_ = f.Close() // opened to read: nothing can be lost
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file := &File{path: path, f: f, base: base, tensors: map[string]Info{}, metadata: metadata}
	for _, t := range tensors {
		file.names = append(file.names, t.Name)
		file.tensors[t.Name] = t
	}
	return file, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Names lists the tensors in the order of their data.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata gives the file's own key-value pairs.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// MissingError says that a file has no tensor of a name.
type MissingError struct {
	Name  string
	Among int // tensors that it has
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("no tensor %q among its %d", e.Name, e.Among)
}

// Info describes the tensor of that name.
func (f *File) Info(name string) (Info, error) {
	t, ok := f.tensors[name]
	if !ok {
		return Info{}, fmt.Errorf("%s: %w", f.path, &MissingError{clip(name), len(f.names)})
	}
	t.Shape = slices.Clone(t.Shape)
	return t, nil
}

// Float32 reads a tensor of F32, F16, BF16 (exactly) or F64 (rounded to nearest; a finite value out of range is an
// error), in C order.
func (f *File) Float32(name string) (data []float32, shape []int, err error) {
	return read(f, name, floats, "float32 values")
}

// Ints reads a tensor of U8, I32, U32, I64 or U64 by value; a U64 beyond int64 is an error.
func (f *File) Ints(name string) (data []int64, shape []int, err error) {
	return read(f, name, ints, "integers")
}

// Words reads ring elements: a tensor of U32 or I32 as uint32, of U64 or I64 as uint64, bit for bit.
func Words[W Word](f *File, name string) (data []W, shape []int, err error) {
	return read(f, name, words[W](), fmt.Sprintf("%d-bit words", 8*dtypeOf[W]().Size()))
}

func read[T any](f *File, name string, from map[DType]decoder[T], what string) ([]T, []int, error) {
	t, err := f.Info(name)
	if err != nil {
		return nil, nil, err
	}
	decode, err := pick(from, t.DType, what)
	if err == nil {
		var data []T
		if data, err = load(f.f, f.base+t.begin, t.Elements(), t.DType.Size(), decode); err == nil {
			return data, t.Shape, nil
		}
	}
	return nil, nil, fmt.Errorf("%s: tensor %q: %w", f.path, clip(name), err)
}

// Tensor is data on its way into a file.
type Tensor struct {
	name   string
	shape  []int
	dtype  DType
	count  int
	encode func(io.Writer) error
}

// New names data, in C order, for Write. It keeps a reference to data.
func New[T Element](name string, shape []int, data []T) Tensor {
	return Tensor{name, slices.Clone(shape), dtypeOf[T](), len(data), func(w io.Writer) error { return encode(w, data) }}
}

// Write writes a safetensors file atomically, with the given permissions (Shared or Secret). Tensors are laid out by
// element size, largest first, then by name, which aligns each and makes the bytes of the file a function of its content.
func Write(path string, tensors []Tensor, metadata map[string]string, mode fs.FileMode) error {
	sorted := slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.dtype.Size(), a.dtype.Size()), cmp.Compare(a.name, b.name))
	})
	header, err := formatHeader(sorted, metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return replace(path, mode, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, t := range sorted {
			if err := t.encode(w); err != nil {
				return fmt.Errorf("tensor %q: %w", t.name, err)
			}
		}
		return nil
	})
}

// formatHeader gives the length and the JSON, padded with spaces so that the data starts at a multiple of 8. What it
// makes is read back before it is used: a name that does not survive JSON is the caller's error, found here.
func formatHeader(sorted []Tensor, metadata map[string]string) ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	if len(metadata) > 0 {
		if err := member(&text, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	at := int64(0)
	for _, t := range sorted {
		entry, err := t.entry(at)
		if err == nil {
			err = member(&text, t.name, entry)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", clip(t.name), err)
		}
		at = entry.Offsets[1]
	}
	text.WriteByte('}')
	for (lengthBytes+text.Len())%8 != 0 {
		text.WriteByte(' ')
	}
	if text.Len() > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d accepted", text.Len(), maxHeader)
	}
	if err := readsBack(text.Bytes(), sorted, metadata, at); err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(text.Len())), text.Bytes()...), nil
}

func readsBack(text []byte, sorted []Tensor, metadata map[string]string, size int64) error {
	back, meta, err := parseHeader(text)
	if err != nil {
		return err
	}
	for i, t := range back {
		if t.Name != sorted[i].name {
			return fmt.Errorf("tensor %q: name is not valid UTF-8", clip(sorted[i].name))
		}
	}
	if !maps.Equal(meta, metadata) {
		return fmt.Errorf("%s: keys or values are not valid UTF-8", metadataKey)
	}
	return checkCover(back, size)
}

// entry is a tensor's value in the header.
type entry struct {
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

func (t Tensor) entry(at int64) (entry, error) {
	elements, bytes, err := volume(t.shape, t.dtype)
	if err == nil && elements != t.count {
		err = fmt.Errorf("shape %v holds %d elements, the data %d", t.shape, elements, t.count)
	}
	if err == nil && t.name == metadataKey {
		err = fmt.Errorf("the name is reserved")
	}
	return entry{t.dtype, append([]int{}, t.shape...), [2]int64{at, at + bytes}}, err
}

func member(text *bytes.Buffer, key string, value any) error {
	if text.Len() > len("{") {
		text.WriteByte(',')
	}
	for i, v := range []any{key, value} {
		if i > 0 {
			text.WriteByte(':')
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		text.Write(b)
	}
	return nil
}
