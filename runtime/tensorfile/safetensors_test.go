package tensorfile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// raw puts a header and data into a file as they are.
func raw(t testing.TB, header string, data []byte) string {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return file(t, append(append(b, header...), data...))
}

func file(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

func opened(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		floats := rapid.SliceOf(rapid.Float32()).Draw(rt, "floats")
		words := rapid.SliceOf(rapid.Uint64()).Draw(rt, "words")
		bytes := rapid.SliceOf(rapid.Byte()).Draw(rt, "bytes")
		meta := rapid.MapOf(rapid.String(), rapid.String()).Draw(rt, "metadata")
		name := rapid.StringMatching(`[a-z<&"\\é.]{1,8}`).Draw(rt, "name")
		path := filepath.Join(t.TempDir(), "t.safetensors")
		must(t, Write(path, []Tensor{
			New(name+"/f", []int{len(floats)}, floats),
			New(name+"/w", []int{1, len(words)}, words),
			New(name+"/b", []int{len(bytes), 1}, bytes),
		}, meta, Secret))
		f, err := Open(path)
		must(t, err)
		defer f.Close()
		gotF, shapeF, err1 := f.Float32(name + "/f")
		gotW, shapeW, err2 := Words[uint64](f, name+"/w")
		gotB, shapeB, err3 := f.Ints(name + "/b")
		must(t, err1, err2, err3)
		if !slices.EqualFunc(gotF, floats, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) ||
			!slices.Equal(gotW, words) || !maps.Equal(f.Metadata(), meta) {
			rt.Fatal("another content comes back")
		}
		for i, b := range bytes {
			if gotB[i] != int64(b) {
				rt.Fatalf("byte %d is %d, want %d", i, gotB[i], b)
			}
		}
		if !slices.Equal(shapeF, []int{len(floats)}) || !slices.Equal(shapeW, []int{1, len(words)}) || !slices.Equal(shapeB, []int{len(bytes), 1}) {
			rt.Fatal("another shape comes back")
		}
	})
}

// TestLargerThanAChunk: tensors that do not fit the buffer, nor divide by it.
func TestLargerThanAChunk(t *testing.T) {
	n := chunkBytes/4 + 3
	data, wide := make([]float32, n), make([]int32, n)
	for i := range data {
		data[i], wide[i] = float32(i), int32(-i)
	}
	path := filepath.Join(t.TempDir(), "t")
	must(t, Write(path, []Tensor{New("f", []int{n}, data), New("i", []int{n}, wide)}, nil, Shared))
	f := opened(t, path)
	got, _, err1 := f.Float32("f")
	ints, _, err2 := f.Ints("i")
	must(t, err1, err2)
	for i := range n {
		if got[i] != float32(i) || ints[i] != int64(-i) {
			t.Fatalf("element %d: %v and %d", i, got[i], ints[i])
		}
	}
}

func TestDeterministicBytes(t *testing.T) {
	tensors := []Tensor{
		New("b", []int{2}, []float32{1, -2}), New("a", []int{}, []float32{0.5}), New("u", []int{3}, []uint8{1, 2, 3}),
		New("s", []int{1}, []uint64{1 << 63}), New("empty", []int{0, 3}, []int32{}),
	}
	meta := map[string]string{"format": "pt", "made": "by test"}
	hashes := map[string]bool{}
	for range 5 {
		path := filepath.Join(t.TempDir(), "t")
		must(t, Write(path, tensors, meta, Shared))
		content, err := os.ReadFile(path)
		must(t, err)
		sum := sha256.Sum256(content)
		hashes[hex.EncodeToString(sum[:])] = true
		slices.Reverse(tensors)
		if f := opened(t, path); !slices.Equal(f.Names(), []string{"s", "a", "b", "empty", "u"}) || f.base%8 != 0 {
			t.Errorf("layout %v from %d", f.Names(), f.base)
		}
	}
	const want = "0fd88aaf4a814dce0986ff2629488054171d1aea11ed2d284b68f43e5a371e8f"
	if len(hashes) != 1 || !hashes[want] {
		t.Errorf("files hash to %v, want %s alone", slices.Collect(maps.Keys(hashes)), want)
	}
}

func TestConversions(t *testing.T) {
	data := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-1.5))
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(math.Inf(1)))
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(1e300))
	data = append(data, 0x00, 0x3c, 0x00, 0xc0) // F16 1, -2
	data = append(data, 0x80, 0x3f, 0x00, 0xc0) // BF16 1, -2
	data = binary.LittleEndian.AppendUint64(data, math.MaxUint64)
	f := opened(t, raw(t, `{"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},
		"big":{"dtype":"F64","shape":[1],"data_offsets":[16,24]},
		"h":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},
		"bf":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]},
		"max":{"dtype":"U64","shape":[1],"data_offsets":[32,40]}}`, data))
	for name, want := range map[string][]float32{"d": {-1.5, float32(math.Inf(1))}, "h": {1, -2}, "bf": {1, -2}} {
		if got, _, err := f.Float32(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	if got, _, err := Words[uint64](f, "max"); err != nil || got[0] != math.MaxUint64 {
		t.Errorf("%v, %v", got, err)
	}
	refused := func(name, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), f.path) {
			t.Errorf("%s: %v, want the file and %q", name, err, want)
		}
	}
	_, _, err := f.Float32("big")
	refused("big", "element 0 is out of range", err)
	_, _, err = f.Ints("max")
	refused("max", "element 0 is out of range", err)
	_, _, err = f.Ints("h")
	refused("h", "holds F16, but integers come from I32, I64", err)
	_, _, err = Words[uint32](f, "max")
	refused("max", "32-bit words come from I32, U32", err)
	_, _, err = f.Float32("nothing")
	refused("nothing", `no tensor "nothing"`, err)
}

func TestF16Exhaustively(t *testing.T) {
	for h := range 1 << 16 {
		// IEEE 754-2019, 3.4, literally.
		exponent, fraction := h>>10&0x1f, float64(h&0x3ff)
		want := math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction/1024, -14)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		want = math.Copysign(want, float64(1-2*(h>>15)))
		got := float64(fromF16(uint16(h)))
		if math.IsNaN(want) != math.IsNaN(got) || !math.IsNaN(want) && math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%#04x is %v, want %v", h, got, want)
		}
	}
}

func TestHostileHeaders(t *testing.T) {
	entry := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	two := func(first, second string) string {
		const e = `{"dtype":"U8","shape":[2],"data_offsets":%s}`
		return fmt.Sprintf(`{"a":`+e+`,"b":`+e+`}`, first, second)
	}
	for want, header := range map[string]string{
		"does not begin with '{'":        ` {}`,
		"malformed JSON":                 `{"w":`,
		"more text after":                `{} {}`,
		"not valid UTF-8":                "{\"\xff\":1}",
		`key "w" appears twice`:          `{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{}}`,
		`key "dtype" appears twice`:      `{"w":{"dtype":"U8","dtype":"U8"}}`,
		`tensor "w": unknown key "x"`:    `{"w":{"x":1}}`,
		`tensor "w": want a dtype`:       `{"w":{}}`,
		`found "[", want '{'`:            `{"w":[]}`,
		"want a string":                  `{"__metadata__":{"a":1}}`,
		`unknown dtype "C128"`:           entry("C128", "[1]", "[0,4]"),
		"takes 8 bytes":                  entry("F32", "[2]", "[0,4]"),
		"data_offsets are [4 0]":         entry("F32", "[0]", "[4,0]"),
		"more bytes than can be counted": entry("U8", "[4294967296,4294967296]", "[0,4]"),
		"can be counted":                 entry("U8", "[0,9223372036854775807,2]", "[0,0]"),
		`found -1`:                       entry("U8", "[-1]", "[0,4]"),
		`found 1.5`:                      entry("U8", "[1.5]", "[0,4]"),
		`found 1e3`:                      entry("U8", "[1e3]", "[0,4]"),
		`found 9223372036854775808`:      entry("U8", "[9223372036854775808]", "[0,4]"),
		"want an integer":                entry("U8", `["4"]`, "[0,4]"),
		"more than 64 numbers":           entry("U8", "["+strings.Repeat("1,", 64)+"4]", "[0,4]"),
		"more than 2 numbers":            entry("U8", "[4]", "[0,4,4]"),
		"file is truncated":              entry("U8", "[5]", "[0,5]"),
		"1 bytes after the last tensor":  entry("U8", "[3]", "[0,3]"),
		"overlaps what ends at 2":        two("[0,2]", "[1,3]"),
		"hole in the data from byte 0":   entry("U8", "[2]", "[2,4]"),
		"4 bytes after the last tensor":  `{}`,
	} {
		path := raw(t, header, make([]byte, 4))
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want the file and %q", header, err, want)
		}
	}
}

func TestHostileLengths(t *testing.T) {
	for want, content := range map[string][]byte{
		"ends inside the header length": {1, 2, 3},
		"at most 100000000 accepted":    {0, 0, 0, 0, 0, 0, 0, 0x80, '{', '}'},
		"header of 3 bytes in a file":   {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'},
	} {
		if _, err := Open(file(t, content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", content, err, want)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, errNotRegular) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestFileShrinksAfterOpening: reading is lazy, so the data may be gone by then.
func TestFileShrinksAfterOpening(t *testing.T) {
	path := raw(t, `{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 8))
	f := opened(t, path)
	must(t, os.Truncate(path, 66))
	if _, _, err := f.Float32("w"); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), `tensor "w"`) {
		t.Errorf("%v", err)
	}
}

func TestWriteRefusals(t *testing.T) {
	dir := t.TempDir()
	one := []float32{1}
	for want, c := range map[string]struct {
		tensors []Tensor
		meta    map[string]string
		mode    fs.FileMode
	}{
		"holds 2 elements, the data 1": {[]Tensor{New("w", []int{2}, one)}, nil, Shared},
		"negative dimension":           {[]Tensor{New("w", []int{-1}, one)}, nil, Shared},
		"appears twice":                {[]Tensor{New("w", []int{1}, one), New("w", []int{1}, one)}, nil, Shared},
		"the name is reserved":         {[]Tensor{New(metadataKey, []int{1}, one)}, nil, Shared},
		"name is not valid UTF-8":      {[]Tensor{New("\xff", []int{1}, one)}, nil, Shared},
		"keys or values are not valid": {nil, map[string]string{"k": "\xff"}, Shared},
		"want permissions":             {nil, nil, 0},
	} {
		err := Write(filepath.Join(dir, "t"), c.tensors, c.meta, c.mode)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	left, err := os.ReadDir(dir)
	if must(t, err); len(left) > 0 {
		t.Errorf("refused writes leave %v", left)
	}
}

func TestWriteReplacesAtomically(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t")
	must(t, Write(path, []Tensor{New("w", []int{1}, []float32{1})}, nil, Shared))
	old := opened(t, path)
	must(t, Write(path, []Tensor{New("w", []int{1}, []float32{2})}, nil, Secret))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != Secret {
		t.Errorf("mode %v, want %v", info.Mode(), Secret)
	}
	before, _, err1 := old.Float32("w")
	after, _, err2 := opened(t, path).Float32("w")
	if must(t, err1, err2); before[0] != 1 || after[0] != 2 {
		t.Errorf("old file reads %v, new one %v", before, after)
	}
	failing := errors.New("disk on fire")
	if err := replace(path, Secret, func(io.Writer) error { return failing }); !errors.Is(err, failing) {
		t.Errorf("%v", err)
	}
	if got, _, err := opened(t, path).Float32("w"); err != nil || got[0] != 2 {
		t.Errorf("a failed write leaves %v, %v", got, err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if must(t, err); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

// FuzzSafetensors: any file either opens, and then every tensor reads or says why not, or is refused; and what opens
// is covered by its tensors.
func FuzzSafetensors(f *testing.F) {
	seed := func(header string, data string) {
		f.Add(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...))
	}
	seed(`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, "abcd")
	seed(`{"__metadata__":{"a":"b"},"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  `, "a")
	seed(`{"w":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}}`, "")
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Open(file(t, content))
		if err != nil {
			return
		}
		defer file.Close()
		total := file.base
		for _, name := range file.Names() {
			info, err := file.Info(name)
			must(t, err)
			total += info.Bytes
			data, _, err := file.Float32(name)
			if err == nil && len(data) != info.Elements() {
				t.Errorf("%q: %d elements of %v", name, len(data), info.Shape)
			}
			if _, isFloat := floats[info.DType]; !isFloat && err == nil {
				t.Errorf("%q: %s reads as float32", name, info.DType)
			}
		}
		if total != int64(len(content)) {
			t.Errorf("header and tensors take %d bytes of %d", total, len(content))
		}
	})
}
