package tensorfile

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mostUnpacked = 1 << 12

func TestNPZRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	must(t, WriteNPZ(path, []Entry{NewNPY("x", []int{2, 3}, []uint8{1, 2, 3, 4, 5, 6}), NewNPY("y", []int{2}, []int64{7, -1})}, Shared))
	z, err := OpenNPZ(path, mostUnpacked)
	must(t, err)
	defer z.Close()
	x, err1 := z.Array("x")
	y, err2 := z.Array("y")
	must(t, err1, err2)
	pixels, err1 := x.Bytes()
	labels, err2 := y.Ints()
	must(t, err1, err2)
	if !slices.Equal(z.Names(), []string{"x", "y"}) || !slices.Equal(x.Shape, []int{2, 3}) ||
		!slices.Equal(pixels, []uint8{1, 2, 3, 4, 5, 6}) || !slices.Equal(labels, []int64{7, -1}) {
		t.Errorf("%v: %v %v, %v", z.Names(), x.Shape, pixels, labels)
	}
	if _, err := y.Bytes(); err == nil || !strings.Contains(err.Error(), "a.npz: y: holds I64") {
		t.Errorf("bytes of longs: %v", err)
	}
}

func zipped(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	must(t, err)
	_, err = f.Write(content)
	must(t, err, z.Close())
	return b.Bytes()
}

func TestDamagedNPZ(t *testing.T) {
	whole := zipped(t, "x.npy", append(formatNPYHeader(U8, []int{100}), make([]byte, 100)...))
	flipped := slices.Clone(whole)
	flipped[len("PK\x03\x04")+40] ^= 0xff // within what is deflated
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":          {nil, "archive is damaged"},
		"truncated":      {whole[:len(whole)-10], "archive is damaged"},
		"damaged":        {flipped, "x: array is damaged"},
		"bomb":           {zipped(t, "x.npy", make([]byte, mostUnpacked+1)), "4097 bytes unpacked, accepted are at most 4096"},
		"no array":       {zipped(t, "x.npy", []byte("hello")), "not a .npy file"},
		"short array":    {zipped(t, "x.npy", append(formatNPYHeader(U8, []int{100}), make([]byte, 99)...)), "takes 100 bytes"},
		"another's name": {zipped(t, "z.npy", nil), `no array "x": accepted are z`},
	} {
		path := filepath.Join(t.TempDir(), "a.npz")
		must(t, os.WriteFile(path, c.content, 0o600))
		z, err := OpenNPZ(path, mostUnpacked)
		if err == nil {
			_, err = z.Array("x")
			must(t, z.Close())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzNPZ: any file is an archive within its limits, or an error.
func FuzzNPZ(f *testing.F) {
	f.Add(zipped(f, "x.npy", append(formatNPYHeader(U8, []int{3}), 1, 2, 3)))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a.npz")
		must(t, os.WriteFile(path, content, 0o600))
		z, err := OpenNPZ(path, mostUnpacked)
		if err != nil {
			return
		}
		defer z.Close()
		for _, name := range z.Names() {
			if a, err := z.Array(name); err == nil && a.elements*a.DType.Size() > mostUnpacked {
				t.Errorf("array of %d elements", a.elements)
			}
		}
	})
}
