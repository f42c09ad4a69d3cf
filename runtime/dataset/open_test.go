package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/runtime/tensorfile"
)

// idxOf writes an IDX file into memory.
func idxOf(shape []int, data []uint8) []byte {
	b := []byte{0, 0, idxUint8, byte(len(shape))}
	for _, n := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, data...)
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	must(t, err, z.Close())
	return b.Bytes()
}

// folder writes files, by their paths, into a new folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, content, 0o600))
	}
	return dir
}

// parts are a split as the formats want it.
func parts(s *Split) (pixels, labels []uint8) {
	for i := range s.Len() {
		pixels = append(pixels, s.Pixels(i)...)
		labels = append(labels, uint8(s.Label(i)))
	}
	return pixels, labels
}

func equalSplits(a, b *Split) bool {
	if a.Len() != b.Len() || a.Shape != b.Shape {
		return false
	}
	pa, la := parts(a)
	pb, lb := parts(b)
	return slices.Equal(pa, pb) && slices.Equal(la, lb)
}

// writers put the training and test images of a data set into a folder, one way each, and give what Open takes.
var writers = map[string]func(t *testing.T, d *Data) string{
	"idx": func(t *testing.T, d *Data) string { return folder(t, idxFiles(d, func(b []byte) []byte { return b })) },
	"idx.gz": func(t *testing.T, d *Data) string {
		return folder(t, idxFiles(d, func(b []byte) []byte { return gzipped(t, b) }))
	},
	"npy": func(t *testing.T, d *Data) string {
		dir := t.TempDir()
		for name, s := range map[string]*Split{"train": d.Train, "test": d.Test} {
			pixels, labels := parts(s)
			longs := make([]int64, len(labels))
			for i, l := range labels {
				longs[i] = int64(l)
			}
			must(t, tensorfile.WriteNPY(filepath.Join(dir, name+"_images.npy"), append([]int{s.Len()}, s.Shape[:]...), pixels, 0o600),
				tensorfile.WriteNPY(filepath.Join(dir, name+"_labels.npy"), []int{s.Len(), 1}, longs, 0o600))
		}
		return dir
	},
	"npz, channels last": func(t *testing.T, d *Data) string {
		var arrays []tensorfile.Entry
		for name, s := range map[string]*Split{"train": d.Train, "test": d.Test} {
			pixels, labels := parts(s)
			last := make([]uint8, 0, len(pixels))
			for i := range s.Len() {
				for k := range s.Shape[1] * s.Shape[2] {
					for c := range s.Shape[0] {
						last = append(last, s.Pixels(i)[c*s.Shape[1]*s.Shape[2]+k])
					}
				}
			}
			arrays = append(arrays, tensorfile.NewNPY("x_"+name, []int{s.Len(), s.Shape[1], s.Shape[2], s.Shape[0]}, last),
				tensorfile.NewNPY("y_"+name, []int{s.Len()}, labels))
		}
		path := filepath.Join(t.TempDir(), "set")
		must(t, tensorfile.WriteNPZ(path, arrays, 0o600))
		return path
	},
	"class folders": func(t *testing.T, d *Data) string {
		files := map[string][]byte{}
		for name, s := range map[string]*Split{"train": d.Train, "test": d.Test} {
			for i := range s.Len() {
				files[fmt.Sprintf("%s/%s/%06d.png", name, d.Classes[s.Label(i)], i)] = pngOf(t, s.Image(i))
			}
		}
		return folder(t, files)
	},
}

func idxFiles(d *Data, pack func([]byte) []byte) map[string][]byte {
	files := map[string][]byte{"readme.txt": []byte("beside the data"), ".DS_Store": {0}}
	for name, s := range map[string]*Split{"train": d.Train, "t10k": d.Test} {
		pixels, labels := parts(s)
		files[name+"-images"] = pack(idxOf(append([]int{s.Len()}, s.Shape[:]...), pixels))
		files[name+"-labels"] = pack(idxOf([]int{s.Len()}, labels))
	}
	return files
}

// byClass orders a split as class folders do.
func byClass(s *Split) *Split {
	numbers := make([]int, s.Len())
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return s.Label(a) - s.Label(b) })
	return s.Part(numbers)
}

func TestEveryFormatGivesTheSameSet(t *testing.T) {
	for _, shape := range []Shape{{1, 20, 20}, {3, 18, 20}} {
		d, err := Glyphs(shape, 4, 40)
		must(t, err)
		d.Test = d.Test.First(12)
		p := Preprocess{Channels: shape[0], Height: shape[1], Width: shape[2]}
		for name, write := range writers {
			got, err := Open(write(t, d), p, 4)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			train, test := d.Train, d.Test
			if name == "class folders" {
				train, test = byClass(train), byClass(test)
			}
			if !equalSplits(got.Train, train) || !equalSplits(got.Test, test) || got.Validation != nil || len(got.Classes) != 4 {
				t.Errorf("%s of %v: another set comes back: %d, %d images of %v in %v", name, shape, got.Train.Len(), got.Test.Len(), got.Train.Shape, got.Classes)
			}
		}
	}
}

// cifarOf is records with so many labels each, the last of which counts.
func cifarOf(n, labels, classes int) []byte {
	var b []byte
	for i := range n {
		b = append(b, make([]byte, labels-1)...)
		b = append(b, byte(i%classes))
		b = append(b, bytes.Repeat([]byte{byte(i)}, cifarImage)...)
	}
	return b
}

var cifarInput = Preprocess{Channels: 3, Height: 32, Width: 32}

func TestCIFAR(t *testing.T) {
	names := []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n")
	d, err := Open(folder(t, map[string][]byte{
		"data_batch_1.bin": cifarOf(10, 1, 10), "data_batch_2.bin": cifarOf(5, 1, 10), "test_batch.bin": cifarOf(3, 1, 10), "batches.meta.txt": names,
	}), cifarInput, 10)
	must(t, err)
	if d.Train.Len() != 15 || d.Test.Len() != 3 || d.Classes[9] != "truck" || d.Train.Label(12) != 2 || d.Train.Pixels(9)[3071] != 9 {
		t.Errorf("CIFAR-10: %d and %d images, %v", d.Train.Len(), d.Test.Len(), d.Classes)
	}
	d, err = Open(folder(t, map[string][]byte{"train.bin": cifarOf(200, 2, 100), "test.bin": cifarOf(4, 2, 100)}), cifarInput, 100)
	must(t, err)
	if d.Train.Len() != 200 || d.Train.Label(199) != 99 || d.Classes[99] != "99" {
		t.Errorf("CIFAR-100: %d images, %v", d.Train.Len(), d.Classes)
	}
}

// TestOtherShapesAreBroughtToTheNetworks: grey to colour and another size, as for a single image.
func TestOtherShapesAreBroughtToTheNetworks(t *testing.T) {
	d := digits(t, 10)
	dir := folder(t, idxFiles(&Data{Train: d.Train, Test: d.Test.First(10)}, func(b []byte) []byte { return b }))
	p := Preprocess{Channels: 3, Height: 32, Width: 32}
	got, err := Open(dir, p, 10)
	must(t, err)
	b, err := InOrder(got.Train, p, 10)
	must(t, err)
	x := make([]float32, 10*3*32*32)
	_, err = b.Fill(0, x, make([]int32, 10))
	must(t, err)
	want, err := Load(file(t, pngOf(t, d.Train.Image(3))), p)
	must(t, err)
	if !slices.Equal(x[3*3*32*32:4*3*32*32], want) {
		t.Error("an image of the set is another than when it comes alone")
	}
}

func TestFloatsAreTakenAsTheyAre(t *testing.T) {
	values := []float32{0, 1, 2, 3, -4, 5, 6, 7}
	path := filepath.Join(t.TempDir(), "set.npz")
	must(t, tensorfile.WriteNPZ(path, []tensorfile.Entry{tensorfile.NewNPY("images", []int{2, 1, 2, 2}, values), tensorfile.NewNPY("labels", []int{2}, []int64{1, 0})}, 0o600))
	p := Preprocess{Channels: 1, Height: 2, Width: 2, Mean: []float32{9}}
	d, err := Open(path, p, 2)
	must(t, err)
	b, err := InOrder(d.Train, p, 2)
	must(t, err)
	x := make([]float32, 8)
	_, err = b.Fill(0, x, make([]int32, 2))
	must(t, err)
	if !slices.Equal(x, values) {
		t.Errorf("%v, want %v", x, values)
	}
}

func TestDamagedSets(t *testing.T) {
	d := digits(t, 10)
	pixels, labels := parts(d.Train)
	images := idxOf([]int{10, 28, 28}, pixels)
	good := idxOf([]int{10}, labels)
	with := func(name string, content []byte) map[string][]byte {
		files := map[string][]byte{"train-images": images, "train-labels": good}
		if files[name] = content; content == nil {
			delete(files, name)
		}
		return files
	}
	grey := Preprocess{Channels: 1, Height: 28, Width: 28}
	wrongType := slices.Clone(images)
	wrongType[2] = 0x0d
	for name, c := range map[string]struct {
		files map[string][]byte
		p     Preprocess
		want  []string
	}{
		"nothing":            {map[string][]byte{"notes.txt": []byte("hi")}, grey, []string{"no data set in it", "accepted are a folder of IDX"}},
		"truncated images":   {with("train-images", images[:len(images)-1]), grey, []string{"train-images", "truncated", "7840 bytes, there are 7839"}},
		"too long":           {with("train-images", append(slices.Clone(images), 0)), grey, []string{"there are more"}},
		"truncated header":   {with("train-images", images[:9]), grey, []string{"ends inside the header"}},
		"floats":             {with("train-images", wrongType), grey, []string{"type 0x0d, accepted is 0x08"}},
		"no labels":          {with("train-labels", nil), grey, []string{"its labels or images are missing"}},
		"fewer labels":       {with("train-labels", idxOf([]int{9}, labels[:9])), grey, []string{"10 images and 9 labels", "train-images and "}},
		"images twice":       {with("train-more", images), grey, []string{"both of one split"}},
		"two dimensions":     {with("train-images", idxOf([]int{10, 784}, pixels)), grey, []string{"2 dimensions"}},
		"a class is missing": {with("train-labels", idxOf([]int{10}, []byte{0, 1, 2, 3, 4, 5, 6, 7, 9, 9})), grey, []string{"class 8 (8) of 10 has no training image"}},
		"another number":     {with("train-labels", idxOf([]int{10}, []byte{0, 1, 2, 3, 4, 0, 1, 2, 3, 4})), grey, []string{"5 classes, the network has 10 outputs"}},
		"gigantic":           {with("train-images", idxOf([]int{1 << 31, 1 << 14, 1 << 14}, nil)), grey, []string{"which have to be in memory"}},
		"absurd side":        {with("train-images", idxOf([]int{1, 1 << 31, 1 << 31}, nil)), grey, []string{"accepted are 1 to 16384 a side"}},
		"no side":            {with("train-images", idxOf([]int{10, 0, 28}, nil)), grey, []string{"accepted are 1 to 16384 a side"}},
		"promised, void":     {with("train-images", idxOf([]int{1 << 22, 28, 28}, nil)), grey, []string{"truncated"}},
		"bad gzip":           {with("train-images", gzipped(t, images)[:500]), grey, []string{"file is damaged after"}},
		"gzip of text":       {with("train-images", gzipped(t, []byte("some text"))), grey, []string{"not an IDX file"}},
		"only tests":         {map[string][]byte{"t10k-images": images, "t10k-labels": good}, grey, []string{"no training images"}},
		"cut CIFAR":          {map[string][]byte{"data_batch_1.bin": cifarOf(10, 1, 10)[:5000]}, cifarInput, []string{"5000 bytes", "3073 (CIFAR-10)"}},
		"CIFAR label":        {map[string][]byte{"data_batch_1.bin": cifarOf(12, 1, 12)}, cifarInput, []string{"image 10 has label 10, accepted are 0 to 9"}},
		"CIFAR mixed":        {map[string][]byte{"data_batch_1.bin": cifarOf(10, 1, 10), "train.bin": cifarOf(10, 2, 10)}, cifarInput, []string{"accepted are files of one data set"}},
		"CIFAR names":        {map[string][]byte{"data_batch_1.bin": cifarOf(10, 1, 10), "batches.meta.txt": []byte("cat dog")}, cifarInput, []string{"names 2 classes, the data has 10"}},
		"empty class":        {map[string][]byte{"a/1.png": pngOf(t, d.Train.Image(0)), "b/.x": nil}, grey, []string{"b holds no images"}},
		"no image":           {map[string][]byte{"a/1.png": []byte("text")}, grey, []string{"1.png: not an image: accepted are PNG and JPEG"}},
		"cut image":          {map[string][]byte{"a/1.png": pngOf(t, d.Train.Image(0))[:100]}, grey, []string{"1.png: image is damaged"}},
		"test's own class":   {map[string][]byte{"train/a/1.png": pngOf(t, d.Train.Image(0)), "test/b/1.png": pngOf(t, d.Train.Image(0))}, grey, []string{"no class is called so in the training split"}},
		"no arrays of ours":  {map[string][]byte{"weights.npy": nil}, grey, []string{"no data set"}},
	} {
		_, err := Open(folder(t, c.files), c.p, 10)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// One owner of several may lack classes, as long as numbers say which those are that it has.
func TestPartsMayLackClasses(t *testing.T) {
	p := Preprocess{Channels: 1, Height: 2, Width: 2}
	numbers := folder(t, map[string][]byte{"train-images": idxOf([]int{3, 2, 2}, make([]uint8, 12)), "train-labels": idxOf([]int{3}, []byte{0, 2, 2})})
	d, err := OpenPart(numbers, p, 5)
	if err != nil || len(d.Classes) != 5 || d.Train.Label(1) != 2 {
		t.Errorf("classes %v, error %v", d, err)
	}
	if _, err := Open(numbers, p, 3); err == nil || !strings.Contains(err.Error(), "class 1 (1) of 3 has no training image") {
		t.Errorf("a whole set that lacks a class: %v", err)
	}
	if _, err := OpenPart(numbers, p, 2); err == nil || !strings.Contains(err.Error(), "has 3 classes, the network has 2 outputs") {
		t.Errorf("more classes than outputs: %v", err)
	}
	img := pngOf(t, flat(2, 2, color.RGBA{A: 255}))
	if _, err := OpenPart(folder(t, map[string][]byte{"cat/1.png": img, "dog/1.png": img}), p, 3); err == nil || !strings.Contains(err.Error(), "has 2 classes, the network has 3 outputs") {
		t.Errorf("folders of some classes: %v", err)
	}
}

func TestDamagedArrays(t *testing.T) {
	pixels, labels := tensorfile.NewNPY("x", []int{2, 4, 4}, make([]uint8, 32)), tensorfile.NewNPY("y", []int{2}, []int64{0, 1})
	for want, arrays := range map[string][]tensorfile.Entry{
		"accepted are images (or x)":             {tensorfile.NewNPY("weights", []int{1}, []float32{1})},
		"2 images and 0 labels":                  {pixels},
		"2 images and 3 labels":                  {pixels, tensorfile.NewNPY("y", []int{3}, []int64{0, 1, 1})},
		"image 1 has label -1":                   {pixels, tensorfile.NewNPY("y", []int{2}, []int64{0, -1})},
		"image 1 has label 65536":                {pixels, tensorfile.NewNPY("y", []int{2}, []int64{0, 1 << 16})},
		"shape [2 2], accepted are [N] and":      {pixels, tensorfile.NewNPY("y", []int{2, 2}, []int64{0, 1, 0, 1})},
		"holds F32, but integers":                {pixels, tensorfile.NewNPY("y", []int{2}, []float32{0, 1})},
		"shape [2 16], accepted are [N,H,W]":     {tensorfile.NewNPY("x", []int{2, 16}, make([]uint8, 32)), labels},
		"holds I64, but float32":                 {tensorfile.NewNPY("x", []int{2, 4, 4}, make([]int64, 32)), labels},
		"a second array of labels":               {pixels, labels, tensorfile.NewNPY("labels", []int{2}, []int64{0, 1})},
		"as float32, the network takes [1 5 5]":  {tensorfile.NewNPY("x", []int{2, 4, 4}, make([]float32, 32)), labels},
		"images of [2 4 4], the network takes [": {tensorfile.NewNPY("x", []int{2, 2, 4, 4}, make([]uint8, 64)), labels},
	} {
		path := filepath.Join(t.TempDir(), "set.npz")
		must(t, tensorfile.WriteNPZ(path, arrays, 0o600))
		if _, err := Open(path, Preprocess{Channels: 1, Height: 5, Width: 5}, 2); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestGlyphsByName(t *testing.T) {
	p := Preprocess{Channels: 1, Height: 28, Width: 28}
	d, err := Open("glyphs:50", p, 0)
	must(t, err)
	if d.Train.Len() != 50 || d.Validation.Len() != 10 || d.Test.Len() != 4000 || len(d.Classes) != 10 {
		t.Errorf("%d, %d, %d images of %d classes", d.Train.Len(), d.Validation.Len(), d.Test.Len(), len(d.Classes))
	}
	longer, err := Open("glyphs:70", p, 10)
	must(t, err)
	if !equalSplits(longer.Train.First(50), d.Train) || equalSplits(d.Train.First(10), d.Validation) {
		t.Error("a longer set begins with other images, or splits are not apart")
	}
	for want, spec := range map[string]string{"glyphs:N": "glyphs:x", "1 to 67108864": "glyphs:0", "no such file": "glyphsy"} {
		if _, err := Open(spec, p, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
	if _, err := Open("glyphs", p, 46); err == nil || !strings.Contains(err.Error(), "2 to 45") {
		t.Errorf("46 classes: %v", err)
	}
}

// FuzzIDX: any file is an array of what its header says, or an error.
func FuzzIDX(f *testing.F) {
	f.Add(idxOf([]int{2, 2, 2}, make([]byte, 8)))
	f.Add(idxOf([]int{3}, []byte{1, 2, 3}))
	f.Add(gzipped(f, idxOf([]int{1, 3, 2, 2}, make([]byte, 12))))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := readIDXFrom(bytes.NewReader(content))
		if err != nil {
			return
		}
		n := 1
		for _, side := range a.shape {
			n *= side
		}
		if n != len(a.data) {
			t.Errorf("shape %v with %d bytes", a.shape, len(a.data))
		}
	})
}

// FuzzOpen: whatever is in a folder, a data set comes whole or not at all.
func FuzzOpen(f *testing.F) {
	f.Add("train-images", idxOf([]int{2, 28, 28}, make([]byte, 2*784)), "train-labels", idxOf([]int{2}, []byte{0, 1}))
	f.Add("data_batch_1.bin", cifarOf(2, 1, 2), "b.bin", cifarOf(1, 1, 1))
	var b bytes.Buffer
	must(f, png.Encode(&b, flat(3, 3, color.RGBA{1, 2, 3, 255})))
	f.Add("a/1.png", b.Bytes(), "b/1.png", b.Bytes())
	f.Fuzz(func(t *testing.T, name1 string, content1 []byte, name2 string, content2 []byte) {
		if !filepath.IsLocal(name1) || !filepath.IsLocal(name2) {
			return
		}
		dir := t.TempDir()
		for name, content := range map[string][]byte{name1: content1, name2: content2} {
			path := filepath.Join(dir, name)
			if os.MkdirAll(filepath.Dir(path), 0o777) != nil || os.WriteFile(path, content, 0o600) != nil {
				return
			}
		}
		d, err := Open(dir, Preprocess{Channels: 1, Height: 4, Width: 4}, 0)
		if err != nil {
			return
		}
		for _, s := range d.splits() {
			for i := range s.Len() {
				if s.Label(i) >= len(d.Classes) || len(s.Pixels(i))+len(s.Values(i)) != 16 {
					t.Errorf("image %d of %s: label %d", i, s.name, s.Label(i))
				}
			}
		}
	})
}

// TestAnImageOfAFolderIsWhatItIsAlone, resized and cropped once.
func TestAnImageOfAFolderIsWhatItIsAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "1.png")
	must(t, os.Mkdir(filepath.Dir(path), 0o777), os.WriteFile(path, pngOf(t, rgb(30, 21, func(x, y int) color.RGBA {
		return color.RGBA{uint8(8 * x), uint8(12 * y), uint8(x * y), 255}
	})), 0o666))
	p := Preprocess{Channels: 3, Height: 8, Width: 8, Resize: 12, Crop: 8, Mean: []float32{0.1, 0.2, 0.3}, Std: []float32{1, 2, 3}}
	alone, err := Load(path, p)
	must(t, err)
	d, err := Open(dir, p, 1)
	must(t, err)
	b, err := InOrder(d.Train, p, 1)
	must(t, err)
	got := make([]float32, len(alone))
	_, err = b.Fill(0, got, make([]int32, 1))
	must(t, err)
	if !slices.Equal(got, alone) {
		t.Errorf("in a folder %v..., alone %v...", got[:8], alone[:8])
	}
}
