package tensorfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// DType is the type of a tensor's elements, by its safetensors name.
type DType string

// The element types that this package reads; the others of the format are skipped over, and refused when asked for.
const (
	F16  DType = "F16"
	BF16 DType = "BF16"
	F32  DType = "F32"
	F64  DType = "F64"
	U8   DType = "U8"
	I32  DType = "I32"
	U32  DType = "U32"
	I64  DType = "I64"
	U64  DType = "U64"
)

// sizes gives the bytes of an element, for every type of whole bytes in the format.
var sizes = map[DType]int64{
	"BOOL": 1, U8: 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, F16: 2, BF16: 2,
	I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8,
}

// Size is the bytes of an element, zero for an unknown type.
func (d DType) Size() int { return int(sizes[d]) }

// Element is a Go type that can be written, as the DType of the same meaning.
type Element interface {
	float32 | float64 | uint8 | int32 | uint32 | int64 | uint64
}

func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return F32
	case float64:
		return F64
	case uint8:
		return U8
	case int32:
		return I32
	case uint32:
		return U32
	case int64:
		return I64
	}
	return U64
}

// Word is a ring element as the runtime holds it.
type Word interface{ uint32 | uint64 }

const maxRank = 64 // numpy's own limit, the larger of the two formats in practice

// volume gives the elements of a shape and their bytes. It refuses what does not fit an int64, whatever the other
// dimensions are: a zero among them makes no sense of an absurd one.
func volume(shape []int, d DType) (elements int, bytes int64, err error) {
	if len(shape) > maxRank {
		return 0, 0, fmt.Errorf("%d dimensions, at most %d accepted", len(shape), maxRank)
	}
	product, empty := int64(1), false
	for _, n := range shape {
		if n < 0 {
			return 0, 0, fmt.Errorf("shape %v: negative dimension", shape)
		}
		if n == 0 {
			empty = true
			continue
		}
		if product > math.MaxInt64/sizes[d]/int64(n) {
			return 0, 0, fmt.Errorf("shape %v of %s: more bytes than can be counted", shape, d)
		}
		product *= int64(n)
	}
	if empty {
		return 0, 0, nil
	}
	if product > math.MaxInt {
		return 0, 0, fmt.Errorf("shape %v: more elements than this machine can index", shape)
	}
	return int(product), product * sizes[d], nil
}

// decoder turns the bytes of len(dst) elements into dst. It gives the index of the first element that has no place
// in T, or -1.
type decoder[T any] func(dst []T, src []byte) int

const chunkBytes = 1 << 20 // of file read or written at a time; a multiple of every element size

// load reads n elements that begin at offset, through one buffer of bounded size that is zeroed afterwards.
func load[T any](r io.ReaderAt, offset int64, n, size int, decode decoder[T]) ([]T, error) {
	out := make([]T, n)
	buf := make([]byte, min(n*size, chunkBytes))
	defer clear(buf)
	for done := 0; done < n; {
		k := min(n-done, len(buf)/size)
		src := buf[:k*size]
		if got, err := r.ReadAt(src, offset+int64(done)*int64(size)); got < len(src) {
			clear(out)
			return nil, fmt.Errorf("file ends or cannot be read %d elements in: %w", done+got/size, err)
		}
		if bad := decode(out[done:done+k], src); bad >= 0 {
			clear(out)
			return nil, fmt.Errorf("element %d is out of range", done+bad)
		}
		done += k
	}
	return out, nil
}

// as decodes S and converts each element; keep says whether an element survives that. A nil keep keeps all.
func as[S Element, T any](convert func(S) T, keep func(S) bool) decoder[T] {
	return func(dst []T, src []byte) int {
		var block [256]S
		defer clear(block[:])
		for done := 0; done < len(dst); {
			part := block[:min(len(block), len(dst)-done)]
			n, err := binary.Decode(src, binary.LittleEndian, part)
			if err != nil {
				return done
			}
			src = src[n:]
			for i, v := range part {
				if keep != nil && !keep(v) {
					return done + i
				}
				dst[done+i] = convert(v)
			}
			done += len(part)
		}
		return -1
	}
}

// same decodes elements that are T already.
func same[T Element](dst []T, src []byte) int {
	if _, err := binary.Decode(src, binary.LittleEndian, dst); err != nil {
		return 0
	}
	return -1
}

// halves decodes 16-bit floats by their bits.
func halves(convert func(uint16) float32) decoder[float32] {
	return func(dst []float32, src []byte) int {
		for i := range dst {
			dst[i] = convert(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return -1
	}
}

// fromF16 widens an IEEE 754 binary16, exactly. Normal numbers keep their fraction under a rebiased exponent; a
// subnormal is its fraction times 2^-24.
func fromF16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// fromBF16 widens a bfloat16, the upper half of a binary32.
func fromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

func narrows(x float64) bool {
	return math.IsInf(x, 0) || !math.IsInf(float64(float32(x)), 0)
}

var floats = map[DType]decoder[float32]{
	F32:  same[float32],
	F64:  as(func(x float64) float32 { return float32(x) }, narrows),
	F16:  halves(fromF16),
	BF16: halves(fromBF16),
}

var ints = map[DType]decoder[int64]{
	U8:  as(func(x uint8) int64 { return int64(x) }, nil),
	I32: as(func(x int32) int64 { return int64(x) }, nil),
	U32: as(func(x uint32) int64 { return int64(x) }, nil),
	I64: same[int64],
	U64: as(func(x uint64) int64 { return int64(x) }, func(x uint64) bool { return x <= math.MaxInt64 }),
}

// words gives the decoders of ring elements: of exactly the word's width, signed ones by their two's complement.
func words[W Word]() map[DType]decoder[W] {
	if dtypeOf[W]() == U32 {
		return map[DType]decoder[W]{U32: same[W], I32: same[W]}
	}
	return map[DType]decoder[W]{U64: same[W], I64: same[W]}
}

// pick finds the decoder for d and says what would do if there is none.
func pick[T any](from map[DType]decoder[T], d DType, what string) (decoder[T], error) {
	if decode, ok := from[d]; ok {
		return decode, nil
	}
	var accepted []string
	for known := range from {
		accepted = append(accepted, string(known))
	}
	slices.Sort(accepted)
	return nil, fmt.Errorf("holds %s, but %s come from %s", d, what, strings.Join(accepted, ", "))
}

// encode writes elements through one buffer of bounded size that is zeroed afterwards.
func encode[T Element](w io.Writer, data []T) error {
	size := dtypeOf[T]().Size()
	buf := make([]byte, min(len(data)*size, chunkBytes))
	defer clear(buf)
	for len(data) > 0 {
		k := min(len(data), len(buf)/size)
		n, err := binary.Encode(buf, binary.LittleEndian, data[:k])
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		data = data[k:]
	}
	return nil
}

var errNotRegular = errors.New("not a regular file")
