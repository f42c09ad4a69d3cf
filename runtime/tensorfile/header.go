package tensorfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The header of a safetensors file is
//
//	8 bytes   N, little endian
//	N bytes   JSON: {"__metadata__": {"k": "v"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
//
// and the data region is the rest of the file, which the offsets count from. The tensors cover it without gap or overlap.
const (
	lengthBytes = 8
	maxHeader   = 100_000_000 // the reference implementation's limit
	metadataKey = "__metadata__"
)

// Info describes one tensor of a file.
type Info struct {
	Name  string
	DType DType
	Shape []int
	Bytes int64

	begin, end int64 // in the data region
}

// Elements is the product of the shape.
func (i Info) Elements() int { return int(i.Bytes) / i.DType.Size() }

// readHeader reads and checks the header of a file of size bytes; the data region starts at base. Tensors come in
// the order of their data.
func readHeader(r io.ReaderAt, size int64) (tensors []Info, metadata map[string]string, base int64, err error) {
	var b [lengthBytes]byte
	if n, err := r.ReadAt(b[:], 0); n < len(b) {
		return nil, nil, 0, fmt.Errorf("file of %d bytes ends inside the header length: %w", size, err)
	}
	length := binary.LittleEndian.Uint64(b[:])
	if length > maxHeader {
		return nil, nil, 0, fmt.Errorf("header of %d bytes, at most %d accepted: not a safetensors file?", length, maxHeader)
	}
	base = lengthBytes + int64(length)
	if base > size {
		return nil, nil, 0, fmt.Errorf("header of %d bytes in a file of %d: file is truncated", length, size)
	}
	text := make([]byte, length)
	if n, err := r.ReadAt(text, lengthBytes); n < len(text) {
		return nil, nil, 0, fmt.Errorf("file ends inside the header: %w", err)
	}
	tensors, metadata, err = parseHeader(text)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("header: %w", err)
	}
	return tensors, metadata, base, checkCover(tensors, size-base)
}

// checkCover sorts tensors by their data and checks that they tile a region of size bytes.
func checkCover(tensors []Info, size int64) error {
	slices.SortFunc(tensors, func(a, b Info) int {
		if a.begin != b.begin {
			return sign(a.begin - b.begin)
		}
		if a.end != b.end {
			return sign(a.end - b.end)
		}
		return strings.Compare(a.Name, b.Name)
	})
	at := int64(0)
	for _, t := range tensors {
		switch {
		case t.end > size:
			return fmt.Errorf("tensor %q: data up to byte %d of %d: file is truncated", t.Name, t.end, size)
		case t.begin < at:
			return fmt.Errorf("tensor %q: data from byte %d overlaps what ends at %d", t.Name, t.begin, at)
		case t.begin > at:
			return fmt.Errorf("tensor %q: hole in the data from byte %d to %d", t.Name, at, t.begin)
		}
		at = t.end
	}
	if at != size {
		return fmt.Errorf("%d bytes after the last tensor, want none", size-at)
	}
	return nil
}

func sign(x int64) int {
	if x < 0 {
		return -1
	}
	return 1
}

// headerReader walks the JSON token by token: encoding/json by itself would let a later duplicate of a key win.
type headerReader struct{ *json.Decoder }

func parseHeader(text []byte) ([]Info, map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, nil, errors.New("not valid UTF-8")
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, nil, errors.New("does not begin with '{'")
	}
	d := headerReader{json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	var tensors []Info
	metadata := map[string]string{}
	err := d.object(func(key string) (err error) {
		if key == metadataKey {
			metadata, err = d.metadata()
			return err
		}
		t, err := d.tensor(key)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", clip(key), err)
		}
		tensors = append(tensors, t)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("more text after the closing '}'")
	}
	return tensors, metadata, nil
}

// clip keeps a hostile name from filling a terminal.
func clip(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "..."
}

// object reads an object, and calls member for each key, whose value it must read.
func (d headerReader) object(member func(key string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q appears twice", clip(key))
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return d.delim('}')
}

func (d headerReader) delim(want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return malformed(err)
	}
	if token != want {
		return fmt.Errorf("found %s, want '%v'", found(token), want)
	}
	return nil
}

func (d headerReader) text() (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", malformed(err)
	}
	s, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("found %s, want a string", found(token))
	}
	return s, nil
}

func malformed(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("malformed JSON: %w", err)
}

func found(token json.Token) string { return fmt.Sprintf("%q", clip(fmt.Sprint(token))) }

// naturals reads an array of at most limit integers, none negative.
func (d headerReader) naturals(limit int) ([]int64, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	list := []int64{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, malformed(err)
		}
		number, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("found %s, want an integer", found(token))
		}
		n, err := strconv.ParseUint(number.String(), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("found %s, want an integer from 0 to 2^63-1", clip(number.String()))
		}
		if len(list) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		list = append(list, int64(n))
	}
	return list, d.delim(']')
}

func (d headerReader) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := d.object(func(key string) error {
		value, err := d.text()
		m[key] = value
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metadataKey, err)
	}
	return m, nil
}

func (d headerReader) tensor(name string) (Info, error) {
	t := Info{Name: name}
	var shape, offsets []int64
	err := d.object(func(key string) (err error) {
		switch key {
		case "dtype":
			var s string
			s, err = d.text()
			t.DType = DType(s)
		case "shape":
			shape, err = d.naturals(maxRank)
		case "data_offsets":
			offsets, err = d.naturals(2)
		default:
			return fmt.Errorf("unknown key %q, accepted are dtype, shape, data_offsets", clip(key))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	return t, t.complete(shape, offsets)
}

// complete fills in t from what its header entry said and checks that it agrees with itself.
func (t *Info) complete(shape, offsets []int64) error {
	if t.DType == "" || shape == nil || len(offsets) != 2 {
		return errors.New("want a dtype, a shape and two data_offsets")
	}
	if t.DType.Size() == 0 {
		return fmt.Errorf("unknown dtype %q", clip(string(t.DType)))
	}
	t.Shape = make([]int, len(shape))
	for i, n := range shape {
		t.Shape[i] = int(n)
		if int64(t.Shape[i]) != n {
			return fmt.Errorf("dimension %d is larger than this machine can index", n)
		}
	}
	t.begin, t.end = offsets[0], offsets[1]
	_, bytes, err := volume(t.Shape, t.DType)
	if err != nil {
		return err
	}
	if t.end < t.begin || t.end-t.begin != bytes {
		return fmt.Errorf("shape %v of %s takes %d bytes, data_offsets are %v", t.Shape, t.DType, bytes, offsets)
	}
	t.Bytes = bytes
	return nil
}
