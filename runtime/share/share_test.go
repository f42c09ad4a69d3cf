package share

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// server is one of the two, with its key.
type server struct {
	For
	path string
}

// servers are two whose halves lie in a directory.
func servers(t testing.TB, dir string) (s [2]server) {
	t.Helper()
	names := []string{"sha256:0", "sha256:1"}
	for p := range s {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s[p] = server{For{p, names[p], names[1-p], key}, filepath.Join(dir, names[p])}
	}
	return s
}

// header is of images of odd size, whose batches end anywhere in the stream of a seed.
func header() Header {
	return Header{Shape: [3]int{1, 3, 5}, Classes: 3, Frac: 16, Mean: []float32{0.5}, Splits: []Split{{Train, Chunk + 45}, {Validation, 7}}}
}

// value is a pixel of a data set, and label the class of its images.
func value(split string, i int) float32 { return float32(i%97-48)/32 + float32(len(split)) }
func label(i int) int32                 { return int32(i % 3) }

func source(h Header, split string, value func(string, int) float32) Source {
	return func(number int, images []float32, labels []int32) (int, error) {
		n := min(Chunk, h.images(split)-number*Chunk)
		for i := range n * h.Pixels() {
			images[i] = value(split, number*Chunk*h.Pixels()+i)
		}
		for i := range n {
			labels[i] = label(number*Chunk + i)
		}
		return n, nil
	}
}

func write(t testing.TB, h Header, s [2]server, value func(string, int) float32) {
	t.Helper()
	from := map[string]Source{Train: source(h, Train, value), Validation: source(h, Validation, value)}
	var to [2]To
	for p := range s {
		to[p] = To{s[p].path, s[p].Fingerprint, s[p].Key.PublicKey()}
	}
	done := 0
	if _, err := Write(h, to, from, func(n, of int) { done = n }); err != nil || done != Chunk+45+7 {
		t.Fatalf("%d images: %v", done, err)
	}
}

// opened is a server's set of halves.
func opened(t testing.TB, s ...server) *Set {
	t.Helper()
	var halves []*Half
	for _, s := range s {
		h, err := Open(s.path, s.For)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		halves = append(halves, h)
	}
	set, err := Join(halves)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func read(t testing.TB, s *Set, split string) (images, labels []uint64) {
	t.Helper()
	images, labels, err := s.Read(split)
	if err != nil {
		t.Fatal(err)
	}
	return images, labels
}

// The halves of every owner add up to what was split, in an order that does not depend on how a server names them.
func TestHalvesAddUp(t *testing.T) {
	h := header()
	owners := [][2]server{servers(t, t.TempDir()), {}}
	owners[1] = owners[0]
	for p := range owners[1] {
		owners[1][p].path += ".other"
	}
	values := []func(string, int) float32{value, func(split string, i int) float32 { return value(split, i) / 2 }}
	for i, o := range owners {
		write(t, h, o, values[i])
	}
	s0, s1 := opened(t, owners[0][0], owners[1][0]), opened(t, owners[1][1], owners[0][1])
	if s0.Agreed != s1.Agreed {
		t.Error("the servers do not agree on what they have")
	}
	if o := s0.Owners(); len(o) != 2 || o[0] != s1.Owners()[0] || o[1] != s1.Owners()[1] || o[0].Set == o[1].Set || o[0].Images != h.images(Train) {
		t.Errorf("owners are %v and %v", s0.Owners(), s1.Owners())
	}
	for _, split := range h.Splits {
		n := split.Images
		a, la := read(t, s0, split.Name)
		b, lb := read(t, s1, split.Name)
		if s0.Images(split.Name) != 2*n || len(a) != 2*n*h.Pixels() || len(la) != 2*n*h.Classes {
			t.Fatalf("%s: %d images, %d and %d numbers", split.Name, s0.Images(split.Name), len(a), len(la))
		}
		first := 0 // the owner whose set comes first
		if a[0]+b[0] != uint64(int64(value(split.Name, 0)*65536)) {
			first = 1
		}
		for i := range a {
			v := values[(first+i/(n*h.Pixels()))%2](split.Name, i%(n*h.Pixels()))
			if got, want := int64(a[i]+b[i]), int64(v*65536); got != want {
				t.Fatalf("%s: number %d is %d, want %d", split.Name, i, got, want)
			}
		}
		for i := range la {
			want := uint64(0)
			if int(label(i/h.Classes%n)) == i%h.Classes {
				want = 1
			}
			if la[i]+lb[i] != want {
				t.Fatalf("%s: label %d is %d, want %d", split.Name, i, la[i]+lb[i], want)
			}
		}
	}
}

// A server alone has uniform numbers, whatever was split: by chi-square over the bytes of each place.
func TestEitherHalfIsUniform(t *testing.T) {
	s := servers(t, t.TempDir())
	write(t, header(), s, func(string, int) float32 { return 1 })
	for p := range s {
		images, labels := read(t, opened(t, s[p]), Train)
		words := slices.Concat(images, labels)
		for place := range 8 {
			var seen [256]float64
			for _, w := range words {
				seen[byte(w>>(8*place))]++
			}
			chi, each := 0.0, float64(len(words))/256
			for _, n := range seen {
				chi += (n - each) * (n - each) / each
			}
			if chi > 255+8*22.6 { // mean and eight deviations: once in 10^12
				t.Errorf("server %d, byte %d: chi-square %.0f over 255 degrees of freedom", p, place, chi)
			}
		}
	}
}

// The files of two data sets of one size have one size, and neither half of one goes with the other's.
func TestFilesSaySizesAlone(t *testing.T) {
	a, b := servers(t, t.TempDir()), servers(t, t.TempDir())
	write(t, header(), a, value)
	write(t, header(), b, func(string, int) float32 { return 0 })
	for p := range a {
		x, err := os.ReadFile(a[p].path)
		y, other := os.ReadFile(b[p].path)
		if err != nil || other != nil || len(x) != len(y) {
			t.Errorf("server %d: %d and %d bytes (%v, %v)", p, len(x), len(y), err, other)
		}
	}
	if opened(t, a[0]).Agreed == opened(t, b[1]).Agreed {
		t.Error("halves of different splittings agree")
	}
}

func TestOpenRefuses(t *testing.T) {
	s := servers(t, t.TempDir())
	write(t, header(), s, value)
	for want, me := range map[string]For{
		"it is the server's half of the data, this is the client": {0, s[1].Fingerprint, s[1].Peer, s[1].Key},
		`it is for the holder of "sha256:1", this is sha256:2`:    {1, "sha256:2", s[1].Peer, s[1].Key},
		`its other half is for "sha256:0", the peer is sha256:2`:  {1, s[1].Fingerprint, "sha256:2", s[1].Key},
		"the file is damaged, or under another key":               {1, s[1].Fingerprint, s[1].Peer, s[0].Key},
	} {
		if _, err := Open(s[1].path, me); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Open("share_test.go", s[0].For); !errors.Is(err, errNone) {
		t.Errorf("another file: %v", err)
	}
}

// Nothing is read of a file that was changed anywhere.
func TestDamage(t *testing.T) {
	s := servers(t, t.TempDir())
	write(t, header(), s, value)
	good, err := os.ReadFile(s[1].path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(text []byte) error {
		if err := os.WriteFile(s[1].path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Open(s[1].path, s[1].For)
		if err != nil {
			return err
		}
		defer h.Close()
		set, err := Join([]*Half{h})
		if err != nil {
			return err
		}
		_, _, train := set.Read(Train)
		_, _, validation := set.Read(Validation)
		return errors.Join(train, validation)
	}
	if err := try(good); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(good); at += 1 + at/8 {
		text := bytes.Clone(good)
		text[at] ^= 1
		if err := try(text); err == nil {
			t.Errorf("byte %d was changed, and all was read", at)
		}
	}
	for _, text := range [][]byte{nil, good[:len(good)/2], append(bytes.Clone(good), 0)} {
		if err := try(text); err == nil {
			t.Errorf("read from %d of %d bytes", len(text), len(good))
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	s, other, finer := servers(t, t.TempDir()), servers(t, t.TempDir()), servers(t, t.TempDir())
	write(t, header(), s, value)
	h := header()
	h.Mean = nil
	write(t, h, other, value)
	h = header()
	h.Frac = 17
	write(t, h, finer, value)
	open := func(s server) *Half {
		h, err := Open(s.path, s.For)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		return h
	}
	for want, halves := range map[string][]*Half{
		"accepted is at least one file": nil,
		"are of one splitting":          {open(s[0]), open(s[0])},
		"normalised by":                 {open(s[0]), open(other[0])},
		"fraction bits":                 {open(s[0]), open(finer[0])},
	} {
		if _, err := Join(halves); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// What comes from a source that is wrong about itself is not written.
func TestWriteRefuses(t *testing.T) {
	s := servers(t, t.TempDir())
	to := [2]To{{s[0].path, "0", s[0].Key.PublicKey()}, {s[1].path, "1", s[1].Key.PublicKey()}}
	good := source(header(), Train, value)
	for want, change := range map[string]func(*Header) Source{
		"label 3, accepted are 0 to 2": func(*Header) Source {
			return func(n int, x []float32, l []int32) (int, error) { k, err := good(n, x, l); l[5] = 3; return k, err }
		},
		"100 images, there were to be 256": func(*Header) Source { return func(int, []float32, []int32) (int, error) { return 100, nil } },
		"1 classes":                        func(h *Header) Source { h.Classes = 1; return good },
		"split \"test\"":                   func(h *Header) Source { h.Splits[1].Name = "test"; return good },
		"no images to train on":            func(h *Header) Source { h.Splits = h.Splits[1:]; return good },
		"numbers in all":                   func(h *Header) Source { h.Splits[0].Images = 1 << 27; return good },
	} {
		h := header()
		from := change(&h)
		if _, err := Write(h, to, map[string]Source{Train: from, Validation: source(h, Validation, value)}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(s[0].path), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// FuzzHeader: any head is taken as it is or refused, and nothing is allocated that is not there.
func FuzzHeader(f *testing.F) {
	s := servers(f, f.TempDir())
	write(f, header(), s, value)
	text, err := os.ReadFile(s[0].path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		h := new(Half)
		head, enc, err := h.readHeader(bytes.NewReader(text))
		if err == nil && (!bytes.HasPrefix(text, head) || len(enc) != encBytes || h.check() != nil) {
			t.Errorf("accepted %q as %+v", head, h.Header)
		}
	})
}
