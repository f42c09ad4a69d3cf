package tensorfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A .npy file is
//
//	6 bytes   \x93NUMPY
//	2 bytes   version: 1.0, 2.0 or 3.0
//	2 bytes   header length, little endian (4 bytes from 2.0 on)
//	header    a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, spaces, a newline
//	data      in C order
const (
	npyMagic     = "\x93NUMPY"
	npyPrefix    = len(npyMagic) + 2
	npyMaxHeader = 1 << 16 // far above what a plain array of maxRank dimensions needs
	npyAlign     = 64      // of the data, as the format asks
)

// descrs gives the element types by numpy's names. A byte has no order: numpy writes |u1.
var descrs = map[string]DType{"<f4": F32, "<f8": F64, "<i4": I32, "<i8": I64, "|u1": U8, "<u1": U8}

// IsNPY reports whether a file that begins with head is a .npy file.
func IsNPY(head []byte) bool { return strings.HasPrefix(string(head), npyMagic) }

// Array is an open .npy file.
type Array struct {
	DType DType
	Shape []int

	path     string // or what else names it in errors
	r        io.ReaderAt
	close    func() error
	base     int64
	elements int
}

// OpenNPY opens a .npy file (format 1.0, 2.0 or 3.0; little-endian f4, f8, i4, i8 or u1; C order) and checks that
// it holds exactly the array that its header promises.
func OpenNPY(path string) (*Array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	a := &Array{path: path, r: f, close: f.Close}
	if err := a.readHeader(f, size); err != nil {
		_ = f.Close() // opened to read: nothing can be lost
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// ReadNPY is OpenNPY for a file of size bytes that is open already, or in memory. Its errors begin with name.
func ReadNPY(name string, r io.ReaderAt, size int64) (*Array, error) {
	a := &Array{path: name, r: r, close: func() error { return nil }}
	if err := a.readHeader(r, size); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// Close closes the file that OpenNPY opened.
func (a *Array) Close() error { return a.close() }

// Float32 reads an array of f4, or of f8 rounded to nearest (a finite value out of range is an error).
func (a *Array) Float32() ([]float32, error) { return readArray(a, floats, "float32 values") }

// Ints reads an array of i4, i8 or u1.
func (a *Array) Ints() ([]int64, error) { return readArray(a, ints, "integers") }

// Bytes reads an array of u1.
func (a *Array) Bytes() ([]uint8, error) {
	return readArray(a, map[DType]decoder[uint8]{U8: same[uint8]}, "bytes")
}

func readArray[T any](a *Array, from map[DType]decoder[T], what string) ([]T, error) {
	decode, err := pick(from, a.DType, what)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	data, err := load(a.r, a.base, a.elements, a.DType.Size(), decode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	return data, nil
}

func (a *Array) readHeader(r io.ReaderAt, size int64) error {
	text, base, err := npyHeaderText(r, size)
	if err != nil {
		return err
	}
	if a.DType, a.Shape, err = parseNPYHeader(text); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	elements, bytes, err := volume(a.Shape, a.DType)
	if err != nil {
		return err
	}
	if bytes != size-base {
		return fmt.Errorf("shape %v of %s takes %d bytes, the file holds %d: truncated, or not one array",
			a.Shape, a.DType, bytes, size-base)
	}
	a.base, a.elements = base, elements
	return nil
}

// npyHeaderText gives the dictionary, and where the data begins.
func npyHeaderText(r io.ReaderAt, size int64) (string, int64, error) {
	var b [npyPrefix + 4]byte
	n, err := r.ReadAt(b[:], 0)
	if !IsNPY(b[:n]) {
		return "", 0, errors.New("not a .npy file: it does not begin with \\x93NUMPY")
	}
	if n < len(b) {
		return "", 0, fmt.Errorf("file of %d bytes ends inside the header: %w", size, err)
	}
	major, minor := b[npyPrefix-2], b[npyPrefix-1]
	start, length := int64(npyPrefix+4), int64(binary.LittleEndian.Uint32(b[npyPrefix:]))
	switch {
	case major == 1 && minor == 0:
		start, length = int64(npyPrefix+2), int64(binary.LittleEndian.Uint16(b[npyPrefix:]))
	case (major != 2 && major != 3) || minor != 0:
		return "", 0, fmt.Errorf(".npy version %d.%d, accepted are 1.0, 2.0 and 3.0", major, minor)
	}
	if length > npyMaxHeader {
		return "", 0, fmt.Errorf("header of %d bytes, at most %d accepted", length, npyMaxHeader)
	}
	text := make([]byte, length)
	if n, err := r.ReadAt(text, start); n < len(text) {
		return "", 0, fmt.Errorf("file of %d bytes ends inside the header: %w", size, err)
	}
	if !utf8.Valid(text) {
		return "", 0, errors.New("header: not valid UTF-8")
	}
	return string(text), start + length, nil
}

// literal is what is left to read of a Python dictionary of the one form that numpy writes.
type literal struct{ rest string }

func parseNPYHeader(text string) (DType, []int, error) {
	p := &literal{text}
	var dtype DType
	shape, order := []int(nil), ""
	seen := map[string]bool{}
	err := p.list('{', '}', func() error {
		key, err := p.quoted()
		if err == nil {
			err = p.expect(':')
		}
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q appears twice", clip(key))
		}
		seen[key] = true
		switch key {
		case "descr":
			dtype, err = p.descr()
		case "fortran_order":
			order = p.word()
		case "shape":
			shape, err = p.tuple()
		default:
			err = fmt.Errorf("unknown key %q, accepted are descr, fortran_order, shape", clip(key))
		}
		return err
	})
	switch {
	case err != nil:
		return "", nil, err
	case strings.TrimSpace(p.rest) != "":
		return "", nil, fmt.Errorf("more text after the dictionary: %q", clip(p.rest))
	case len(seen) != 3:
		return "", nil, errors.New("want descr, fortran_order and shape")
	case order == "True":
		return "", nil, errors.New("array is in Fortran order, only C order is accepted: save numpy.ascontiguousarray(a)")
	case order != "False":
		return "", nil, fmt.Errorf("fortran_order is %q, accepted are True and False", clip(order))
	}
	return dtype, shape, nil
}

func (p *literal) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *literal) at(c byte) bool {
	p.skip()
	return p.rest != "" && p.rest[0] == c
}

func (p *literal) expect(c byte) error {
	if !p.at(c) {
		return fmt.Errorf("found %q, want '%c'", clip(p.rest), c)
	}
	p.rest = p.rest[1:]
	return nil
}

// list reads items between brackets, separated by commas, one more comma allowed at the end.
func (p *literal) list(opening, closing byte, item func() error) error {
	if err := p.expect(opening); err != nil {
		return err
	}
	for !p.at(closing) {
		if err := item(); err != nil {
			return err
		}
		if p.at(closing) {
			break
		}
		if err := p.expect(','); err != nil {
			return err
		}
	}
	return p.expect(closing)
}

// quoted reads a string without escapes: none of the names accepted has any.
func (p *literal) quoted() (string, error) {
	p.skip()
	if p.rest == "" || (p.rest[0] != '\'' && p.rest[0] != '"') {
		return "", fmt.Errorf("found %q, want a string", clip(p.rest))
	}
	s, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok {
		return "", errors.New("string does not end")
	}
	p.rest = rest
	return s, nil
}

// word reads letters and digits.
func (p *literal) word() string {
	p.skip()
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if n < 0 {
		n = len(p.rest)
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	return w
}

func (p *literal) descr() (DType, error) {
	if p.at('[') {
		return "", errors.New("array of records, only plain numbers are accepted")
	}
	s, err := p.quoted()
	if err != nil {
		return "", fmt.Errorf("descr: %w", err)
	}
	d, ok := descrs[s]
	if !ok {
		return "", fmt.Errorf("descr is %q, accepted are <f4, <f8, <i4, <i8 and |u1", clip(s))
	}
	return d, nil
}

func (p *literal) tuple() ([]int, error) {
	shape := []int{}
	err := p.list('(', ')', func() error {
		w := p.word()
		n, err := strconv.Atoi(w)
		if err != nil {
			return fmt.Errorf("shape: found %q, want an integer from 0 on", clip(w))
		}
		if len(shape) == maxRank {
			return fmt.Errorf("shape: more than %d dimensions", maxRank)
		}
		shape = append(shape, n)
		return nil
	})
	return shape, err
}

// WriteNPY writes data, in C order, as a .npy file of format 1.0, atomically and with the given permissions.
func WriteNPY[T float32 | int32 | int64 | uint8](path string, shape []int, data []T, mode fs.FileMode) error {
	a := NewNPY(path, shape, data)
	if err := a.err; err != nil {
		return err
	}
	return replace(path, mode, a.write)
}

// Entry is an array on its way into a .npy file or an archive of them.
type Entry struct {
	name  string
	err   error
	write func(io.Writer) error
}

// NewNPY names an array, in C order, for WriteNPZ. It keeps a reference to data.
func NewNPY[T float32 | int32 | int64 | uint8](name string, shape []int, data []T) Entry {
	dtype := dtypeOf[T]()
	elements, _, err := volume(shape, dtype)
	if err == nil && elements != len(data) {
		err = fmt.Errorf("shape %v holds %d elements, the data %d", shape, elements, len(data))
	}
	if err != nil {
		return Entry{name: name, err: fmt.Errorf("%s: %w", name, err)}
	}
	header := formatNPYHeader(dtype, shape)
	return Entry{name: name, write: func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		return encode(w, data)
	}}
}

// formatNPYHeader gives everything before the data. The length fits 16 bits: maxRank dimensions of 20 digits.
func formatNPYHeader(dtype DType, shape []int) []byte {
	descr := map[DType]string{F32: "<f4", I32: "<i4", I64: "<i8", U8: "|u1"}[dtype]
	tuple := "("
	for _, n := range shape {
		tuple += strconv.Itoa(n) + ", "
	}
	if len(shape) != 1 {
		tuple = strings.TrimSuffix(tuple, ", ")
	} else {
		tuple = strings.TrimSuffix(tuple, " ")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s), }", descr, tuple)
	used := npyPrefix + 2 + len(text) + 1
	text += strings.Repeat(" ", (npyAlign-used%npyAlign)%npyAlign) + "\n"
	head := append([]byte(npyMagic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	return slices.Concat(head, []byte(text))
}
