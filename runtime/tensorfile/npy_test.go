package tensorfile

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func openedNPY(t testing.TB, path string) *Array {
	t.Helper()
	a, err := OpenNPY(path)
	must(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

func npy(version byte, header string, data []byte) []byte {
	b := append([]byte(npyMagic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), data...)
}

func TestNPYRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 5).Draw(rt, "shape")
		n, _, err := volume(shape, I64)
		must(t, err)
		longs := rapid.SliceOfN(rapid.Int64(), n, n).Draw(rt, "data")
		floats, ints := make([]float32, n), make([]int32, n)
		for i, x := range longs {
			floats[i], ints[i] = float32(x), int32(x)
		}
		dir := t.TempDir()
		must(t, WriteNPY(filepath.Join(dir, "f"), shape, floats, Shared),
			WriteNPY(filepath.Join(dir, "i"), shape, ints, Shared), WriteNPY(filepath.Join(dir, "l"), shape, longs, Secret))
		f, i, l := openedNPY(t, filepath.Join(dir, "f")), openedNPY(t, filepath.Join(dir, "i")), openedNPY(t, filepath.Join(dir, "l"))
		gotF, err1 := f.Float32()
		gotI, err2 := i.Ints()
		gotL, err3 := l.Ints()
		must(t, err1, err2, err3)
		if !slices.Equal(gotF, floats) || !slices.Equal(gotL, longs) || !slices.Equal(l.Shape, shape) || l.base%npyAlign != 0 {
			rt.Fatal("another array comes back")
		}
		for k := range ints {
			if gotI[k] != int64(ints[k]) {
				rt.Fatalf("element %d is %d, want %d", k, gotI[k], ints[k])
			}
		}
	})
}

// TestNPYAsNumpyWrites: the exact bytes of numpy.save(f, numpy.arange(3, dtype='<i4')), by the format's document.
func TestNPYAsNumpyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	must(t, WriteNPY(path, []int{3}, []int32{0, 1, 2}, Shared))
	got, err := os.ReadFile(path)
	must(t, err)
	dict := "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }"
	want := "\x93NUMPY\x01\x00\x76\x00" + dict + strings.Repeat(" ", 128-10-len(dict)-1) + "\n" +
		"\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"
	if string(got) != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestNPYVersionsAndTypes(t *testing.T) {
	for _, version := range []byte{1, 2, 3} {
		a := openedNPY(t, file(t, npy(version, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), }   \n", []byte{7, 255})))
		if got, err := a.Ints(); err != nil || !slices.Equal(got, []int64{7, 255}) || !slices.Equal(a.Shape, []int{2, 1}) {
			t.Errorf("version %d: %v %v, %v", version, got, a.Shape, err)
		}
		if _, err := a.Float32(); err == nil || !strings.Contains(err.Error(), "holds U8") {
			t.Errorf("bytes as floats: %v", err)
		}
	}
	scalar := openedNPY(t, file(t, npy(1, `{"shape":(),"fortran_order":False,"descr":"<f8"}`, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f})))
	if got, err := scalar.Float32(); err != nil || len(got) != 1 || got[0] != 1.5 {
		t.Errorf("scalar: %v, %v", got, err)
	}
}

func TestNPYRefusals(t *testing.T) {
	with := func(descr, order, shape string) []byte {
		return npy(1, "{'descr': "+descr+", 'fortran_order': "+order+", 'shape': "+shape+"}\n", make([]byte, 8))
	}
	for want, content := range map[string][]byte{
		"not a .npy file":                          []byte("PK\x03\x04 it is an npz, at most"),
		"ends inside the header":                   npy(1, "", nil),
		"file of 20 bytes ends inside":             npy(1, "{'descr': '<f4'}", nil)[:20],
		"version 4.0":                              npy(4, "{}  ", nil),
		"at most 65536 accepted":                   npy(2, strings.Repeat(" ", npyMaxHeader+1), nil),
		"not valid UTF-8":                          npy(3, "{'\xff'}", nil),
		"Fortran order, only C order":              with("'<f4'", "True", "(2,)"),
		`fortran_order is "Maybe"`:                 with("'<f4'", "Maybe", "(2,)"),
		`descr is ">f4"`:                           with("'>f4'", "False", "(2,)"),
		`descr is "|O"`:                            with("'|O'", "False", "(2,)"),
		"array of records":                         with("[('a', '<f4')]", "False", "(2,)"),
		"takes 12 bytes, the file holds 8":         with("'<f4'", "False", "(3,)"),
		"takes 4 bytes, the file holds 8":          with("'<f4'", "False", "(1,)"),
		"more bytes than can be counted":           with("'<f4'", "False", "(9223372036854775807, 2)"),
		`found "", want an integer`:                with("'<f4'", "False", "(-2,)"),
		`found "9223372036854775808", want an int`: with("'<f4'", "False", "(9223372036854775808,)"),
		"more than 64 dimensions":                  with("'<f4'", "False", "("+strings.Repeat("1,", 65)+")"),
		`unknown key "x"`:                          npy(1, "{'x': 1}", nil),
		`key "descr" appears twice`:                npy(1, "{'descr': '<f4', 'descr': '<f4'}", nil),
		"want descr, fortran_order and shape":      npy(1, "{'descr': '<f4'}", nil),
		"more text after the dictionary":           append(with("'<f4'", "False", "(2,)} {"), 0),
		"string does not end":                      npy(1, "{'descr", nil),
		"want ','":                                 npy(1, "{'descr': '<f4' 'shape'", nil),
	} {
		path := file(t, content)
		if _, err := OpenNPY(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want the file and %q", content[:min(len(content), 80)], err, want)
		}
	}
	if err := WriteNPY(filepath.Join(t.TempDir(), "a"), []int{3}, []int32{1}, Shared); err == nil {
		t.Error("a shape that does not fit its data is written")
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", make([]byte, 8)))
	f.Add(npy(2, `{"shape":(),"fortran_order":False,"descr":"<i8"}`, make([]byte, 8)))
	f.Add(npy(3, "{'descr': [('a', '<f4')]", nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := OpenNPY(file(t, content))
		if err != nil {
			return
		}
		defer a.Close()
		n, bytes, err := volume(a.Shape, a.DType)
		if err != nil || bytes > int64(len(content)) {
			t.Fatalf("shape %v of %s in %d bytes: %v", a.Shape, a.DType, len(content), err)
		}
		if ints, err := a.Ints(); err == nil && len(ints) != n {
			t.Errorf("%d elements of %v", len(ints), a.Shape)
		}
	})
}
