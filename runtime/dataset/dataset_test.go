package dataset

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/tensorfile"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func file(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

func rgb(w, h int, at func(x, y int) color.RGBA) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, at(x, y))
		}
	}
	return img
}

func flat(w, h int, c color.RGBA) image.Image {
	return rgb(w, h, func(int, int) color.RGBA { return c })
}

func near(a, b []float32, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= tolerance })
}

func TestPixelsComeAsNormalisedPlanes(t *testing.T) {
	img := rgb(2, 1, func(x, _ int) color.RGBA { return color.RGBA{uint8(255 * x), 51, 102, 255} })
	got, err := Load(file(t, pngOf(t, img)), Preprocess{
		Channels: 3, Height: 1, Width: 2, Mean: []float32{0.5, 0.2, 0}, Std: []float32{0.5, 1, 0.4},
	})
	must(t, err)
	if want := []float32{-1, 1, 0, 0, 1, 1}; !near(got, want, 1e-6) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestGreyAndColour(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 1, 1))
	grey.SetGray(0, 0, color.Gray{51})
	three, err1 := Load(file(t, pngOf(t, grey)), Preprocess{Channels: 3, Height: 1, Width: 1})
	one, err2 := Load(file(t, pngOf(t, grey)), Preprocess{Channels: 1, Height: 1, Width: 1})
	red, err3 := Load(file(t, pngOf(t, flat(1, 1, color.RGBA{255, 0, 0, 255}))), Preprocess{Channels: 1, Height: 1, Width: 1})
	must(t, err1, err2, err3)
	if !near(three, []float32{0.2, 0.2, 0.2}, 1e-6) || !near(one, []float32{0.2}, 1e-6) {
		t.Errorf("grey gives %v and %v", three, one)
	}
	if !near(red, []float32{76.0 / 255}, 1e-6) { // 76.245
		t.Errorf("red has luma %v, want 0.299", red)
	}
}

func TestJPEG(t *testing.T) {
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, flat(32, 16, color.RGBA{200, 100, 50, 255}), &jpeg.Options{Quality: 95}))
	got, err := Load(file(t, b.Bytes()), Preprocess{Channels: 3, Height: 8, Width: 8})
	must(t, err)
	for c, want := range []float32{200, 100, 50} {
		if !near(got[c*64:(c+1)*64], slices.Repeat([]float32{want / 255}, 64), 4.0/255) {
			t.Errorf("channel %d is %v, want %v", c, got[c*64], want/255)
		}
	}
}

// TestCropTakesTheCentre: an image whose pixels say where they are.
func TestCropTakesTheCentre(t *testing.T) {
	img := rgb(7, 6, func(x, y int) color.RGBA { return color.RGBA{uint8(x), uint8(y), 0, 255} })
	got, err := Load(file(t, pngOf(t, img)), Preprocess{Channels: 3, Height: 2, Width: 2, Crop: 2})
	must(t, err)
	// margins (7-2)/2 = 2.5, to even 2, and (6-2)/2 = 2
	want := []float32{2, 3, 2, 3, 2, 2, 3, 3, 0, 0, 0, 0}
	for i := range want {
		want[i] /= 255
	}
	if !near(got, want, 1e-6) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestResizeAveragesWhenItShrinks(t *testing.T) {
	checker := rgb(64, 128, func(x, y int) color.RGBA {
		v := uint8(255 * ((x + y) % 2))
		return color.RGBA{v, v, v, 255}
	})
	got, err := Load(file(t, pngOf(t, checker)), Preprocess{Channels: 1, Height: 8, Width: 8, Resize: 8, Crop: 8})
	must(t, err)
	if !near(got, slices.Repeat([]float32{0.5}, 64), 3.0/255) {
		t.Errorf("a fine checkerboard becomes %v, want grey", got[:8])
	}
}

// TestImagesComeAsPillowMakesThem: testdata/pillow.py says how pillow.txt is made.
func TestImagesComeAsPillowMakesThem(t *testing.T) {
	text, err := os.ReadFile("testdata/pillow.txt")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		var w, h, resize, crop int
		var bands string
		var want []byte
		_, err := fmt.Sscanf(line, "%d %d %s %d %d %x", &w, &h, &bands, &resize, &crop, &want)
		must(t, err)
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.SetNRGBA(x, y, color.NRGBA{uint8(x*x*7 + y*13), uint8(x*y*5 + 31), uint8(255 * ((x + y) % 2)), uint8(3 * x)})
			}
		}
		side := cmp.Or(crop, 8)
		got, err := Load(file(t, pngOf(t, img)), Preprocess{Channels: len(bands), Height: side, Width: side, Resize: resize, Crop: crop})
		must(t, err)
		for i, v := range got {
			if int(v*255+0.5) != int(want[i]) {
				t.Errorf("%d x %d as %s, resize %d, crop %d: value %d is %v/255, Pillow's is %d", w, h, bands, resize, crop, i, v*255, want[i])
				break
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d values, Pillow has %d", len(got), len(want))
		}
	}
}

// TestPillowSaysSo runs testdata/pillow.py anew, where there is a Pillow.
func TestPillowSaysSo(t *testing.T) {
	python := cmp.Or(os.Getenv("SOTTO_PYTHON"), "python3")
	if os.Getenv("SOTTO_LONG") == "" || exec.Command(python, "-c", "import PIL").Run() != nil {
		t.Skip("SOTTO_LONG=1 runs it, with a Python that has Pillow ($SOTTO_PYTHON)")
	}
	got, err := exec.Command(python, "testdata/pillow.py").Output()
	must(t, err)
	want, err := os.ReadFile("testdata/pillow.txt")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("testdata/pillow.py prints something else than testdata/pillow.txt")
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		p             Preprocess
		width, height int
		whole         image.Point
		cut           image.Rectangle
		err           string
	}{
		{Preprocess{Height: 224, Width: 224, Resize: 256, Crop: 224}, 500, 375, image.Pt(341, 256), image.Rect(58, 16, 282, 240), ""},
		{Preprocess{Height: 32, Width: 32}, 100, 50, image.Pt(32, 32), image.Rect(0, 0, 32, 32), ""},
		{Preprocess{Height: 4, Width: 8, Resize: 4}, 20, 10, image.Pt(8, 4), image.Rect(0, 0, 8, 4), ""},
		{Preprocess{Height: 4, Width: 4, Resize: 4}, 20, 10, image.Pt(8, 4), image.Rectangle{}, "make 8 x 4 of 20 x 10"},
		{Preprocess{Height: 4, Width: 4, Crop: 4}, 3, 9, image.Pt(3, 9), image.Rectangle{}, "crop of 4 out of an image of 3 x 9"},
		{Preprocess{Height: 4, Width: 4, Resize: 256, Crop: 4}, 1, maxSide, image.Pt(256, 256*maxSide), image.Rectangle{}, "scaled from 1 x 16384"},
		{Preprocess{Height: 4, Width: 4, Resize: math.MaxInt, Crop: 4}, 2, 2, image.Point{}, image.Rectangle{}, "pixels a side"},
	} {
		whole, cut, err := c.p.plan(c.width, c.height)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v of %dx%d: %v, want %q", c.p, c.width, c.height, err, c.err)
			}
			continue
		}
		if err != nil || whole != c.whole || cut != c.cut {
			t.Errorf("%+v of %dx%d: %v, %v, %v, want %v, %v", c.p, c.width, c.height, whole, cut, err, c.whole, c.cut)
		}
	}
}

// TestPlanCutsInside: whatever the image, what is kept lies inside what is made and has the network's size.
func TestPlanCutsInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(0, 300)
		p := Preprocess{Height: side.Draw(t, "h"), Width: side.Draw(t, "w"), Resize: side.Draw(t, "resize"), Crop: side.Draw(t, "crop")}
		if p.Crop > 0 {
			p.Height, p.Width = p.Crop, p.Crop
		}
		whole, cut, err := p.plan(rapid.IntRange(1, 999).Draw(t, "x"), rapid.IntRange(1, 999).Draw(t, "y"))
		if err == nil && (!cut.In(image.Rectangle{Max: whole}) || cut.Dx() != p.Width || cut.Dy() != p.Height) {
			t.Fatalf("%+v cuts %v out of %v", p, cut, whole)
		}
	})
}

func TestRandomIsReproducibleAndUniform(t *testing.T) {
	p := Preprocess{Channels: 4, Height: 50, Width: 50, Mean: []float32{1, 1, 1, 1}, Std: []float32{2, 2, 2, 2}}
	a, err1 := Load("random:7", p)
	b, err2 := Load("random:7", p)
	c, err3 := Load("random:8", p)
	must(t, err1, err2, err3)
	if !slices.Equal(a, b) || slices.Equal(a, c) || len(a) != 10_000 {
		t.Errorf("%d values; the same seed must repeat and another differ", len(a))
	}
	sum := 0.0
	for _, x := range a {
		if x < -0.5 || x >= 0 {
			t.Fatalf("%v is outside [-0.5, 0)", x)
		}
		sum += float64(x)
	}
	// The mean of n uniform values over 1/2 deviates by 0.5/sqrt(12 n) = 0.0014; the seed is fixed.
	if mean := sum / float64(len(a)); math.Abs(mean+0.25) > 0.01 {
		t.Errorf("mean %v, want -0.25", mean)
	}
}

func TestNPYIsTakenAsItIs(t *testing.T) {
	p := Preprocess{Channels: 2, Height: 1, Width: 2, Mean: []float32{9, 9}, Std: []float32{9, 9}}
	data := []float32{-3, 0, 1, 7}
	path := filepath.Join(t.TempDir(), "misnamed.png")
	for _, shape := range [][]int{{2, 1, 2}, {1, 2, 1, 2}} {
		must(t, tensorfile.WriteNPY(path, shape, data, tensorfile.Secret))
		if got, err := Load(path, p); err != nil || !slices.Equal(got, data) {
			t.Errorf("shape %v: %v, %v", shape, got, err)
		}
	}
	vector := Preprocess{Channels: 1, Height: 1, Width: 4}
	for _, shape := range [][]int{{4}, {1, 4}, {1, 1, 1, 4}} {
		must(t, tensorfile.WriteNPY(path, shape, data, tensorfile.Secret))
		if got, err := Load(path, vector); err != nil || !slices.Equal(got, data) {
			t.Errorf("a vector of shape %v: %v, %v", shape, got, err)
		}
	}
	for want, write := range map[string]func() error{
		"shape [4], the network takes [2 1 2]": func() error { return tensorfile.WriteNPY(path, []int{4}, data, 0o600) },
		"holds I32":                            func() error { return tensorfile.WriteNPY(path, []int{2, 1, 2}, []int32{1, 2, 3, 4}, 0o600) },
		"element 2 is NaN": func() error {
			return tensorfile.WriteNPY(path, []int{2, 1, 2}, []float32{0, 0, float32(math.NaN()), 0}, 0o600)
		},
	} {
		must(t, write())
		if _, err := Load(path, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// bomb is a PNG header that promises w x h pixels, with a correct checksum and nothing behind it.
func bomb(w, h uint32) []byte {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, w)
	chunk = binary.BigEndian.AppendUint32(chunk, h)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	b := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), uint32(len(chunk)-4))
	return binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
}

func TestHostileFiles(t *testing.T) {
	whole := pngOf(t, flat(40, 40, color.RGBA{1, 2, 3, 255}))
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":            {nil, "not an input"},
		"text":             {[]byte("hello, world"), "not an input"},
		"gif":              {[]byte("GIF89a\x01\x00\x01\x00"), "not an input"},
		"magic alone":      {whole[:8], "image header"},
		"truncated PNG":    {whole[:len(whole)/2], "image is damaged"},
		"truncated JPEG":   {[]byte("\xff\xd8\xff\xe0"), "image header"},
		"wide bomb":        {bomb(maxSide+1, 1), "image of 16385 x 1"},
		"square bomb":      {bomb(maxSide, maxSide), "image of 16384 x 16384"},
		"gigantic bomb":    {bomb(1<<31-1, 1<<31-1), "image"},
		"allowed but void": {bomb(100, 100), "image is damaged"},
	} {
		path := file(t, c.content)
		_, err := Load(path, Preprocess{Channels: 3, Height: 4, Width: 4})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v, want the file once and %q", name, err, c.want)
		}
	}
}

func TestLoadRefusals(t *testing.T) {
	ok := Preprocess{Channels: 3, Height: 1, Width: 1}
	with := func(change func(*Preprocess)) Preprocess {
		p := ok
		change(&p)
		return p
	}
	path := file(t, pngOf(t, flat(1, 1, color.RGBA{})))
	for want, c := range map[string]struct {
		path string
		p    Preprocess
	}{
		`seed "x"`:                  {"random:x", ok},
		`seed "-1"`:                 {"random:-1", ok},
		"no such file":              {filepath.Join(t.TempDir(), "none.png"), ok},
		"not a regular file":        {t.TempDir(), ok},
		"want positive sizes":       {path, with(func(p *Preprocess) { p.Height = 0 })},
		"at most":                   {"random:1", with(func(p *Preprocess) { p.Height, p.Width = math.MaxInt, math.MaxInt })},
		"mean has 1 values for 3":   {path, with(func(p *Preprocess) { p.Mean = []float32{1} })},
		"std [1 0 1]: want pos":     {path, with(func(p *Preprocess) { p.Std = []float32{1, 0, 1} })},
		"want finite values":        {path, with(func(p *Preprocess) { p.Std = []float32{1, 1, float32(math.NaN())} })},
		"resize -1":                 {path, with(func(p *Preprocess) { p.Resize = -1 })},
		"an image has 1 or 3 chann": {path, with(func(p *Preprocess) { p.Channels = 2 })},
	} {
		if _, err := Load(c.path, c.p); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v, want %q", c.path, err, want)
		}
	}
}

// FuzzLoad: any file gives exactly the values that the network takes, all of them pixels, or an error.
func FuzzLoad(f *testing.F) {
	f.Add(pngOf(f, flat(3, 2, color.RGBA{1, 2, 3, 255})))
	var b bytes.Buffer
	must(f, jpeg.Encode(&b, flat(9, 9, color.RGBA{9, 9, 9, 255}), nil))
	f.Add(b.Bytes())
	f.Add(bomb(maxSide, 2))
	f.Fuzz(func(t *testing.T, content []byte) {
		if tensorfile.IsNPY(content) {
			return // fuzzed where it is parsed
		}
		got, err := Load(file(t, content), Preprocess{Channels: 3, Height: 4, Width: 4, Resize: 6, Crop: 4})
		if err != nil {
			return
		}
		if len(got) != 48 || slices.ContainsFunc(got, func(x float32) bool { return !(x >= 0 && x <= 1) }) {
			t.Errorf("%v", got)
		}
	})
}
