package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sotto/runtime/tensorfile"
)

// Accepted says what Open takes, for help and errors.
const Accepted = "a folder of IDX files (MNIST and its family, also .gz), of CIFAR-10 or CIFAR-100 binary files, of .npy files, or with a folder" +
	" of PNG or JPEG images for each class; a .npz file; or glyphs[:N]"

// Open reads the data set that spec names, for a network whose input p describes and which has so many outputs, zero for any:
//   - glyphs or glyphs:N: generated, of the network's shape and classes (ten for any);
//   - a folder with IDX files, which begin with 0 0 and the type, gzipped or not: images of three or four dimensions, labels of
//     one; names with t10k or test are the test split, with val that of validation, others training;
//   - a folder with CIFAR binary files: records of 3073 bytes (CIFAR-10) or 3074 (CIFAR-100, its fine labels); names with test are the
//     test split; batches.meta.txt or fine_label_names.txt names the classes;
//   - a folder of .npy files, or a .npz file: images [N,H,W], [N,H,W,C] or [N,C,H,W] and labels [N] or [N,1], in arrays named
//     images and labels, or x and y, with train, val or test before or behind;
//   - a folder with a folder of images for each class, or with such folders named train, val and test.
//
// Files are told apart by their content. Pixels are brought to the network's shape as Load does it; images of float32 are taken
// as they are, normalised already, and have its shape. All is held in memory.
func Open(spec string, p Preprocess, classes int) (*Data, error) {
	return open(spec, p, classes, (*Data).check)
}

// OpenPart is Open for what one of several owners has of a data set: there may be classes of which it has no image. Where classes have names, as folders do, all
// must be there, as some would not say which of them they are.
func OpenPart(spec string, p Preprocess, classes int) (*Data, error) {
	return open(spec, p, classes, (*Data).checkPart)
}

func open(spec string, p Preprocess, classes int, check func(d *Data, classes int) error) (*Data, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", spec, err)
	}
	if n, ok, err := parseGlyphs(spec); ok || err != nil {
		if err != nil {
			return nil, err
		}
		if classes == 0 {
			classes = glyphsClasses
		}
		d, err := Glyphs(Shape{p.Channels, p.Height, p.Width}, classes, n)
		if err == nil {
			d.Name = spec
		}
		return d, err
	}
	d, err := read(spec, p)
	if err != nil {
		return nil, err
	}
	d.Name = spec
	if err := check(d, classes); err != nil {
		return nil, err
	}
	for _, s := range d.splits() {
		if err := s.fit(p); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", spec, s.name, err)
		}
	}
	return d, nil
}

func read(path string, p Preprocess) (*Data, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w; accepted are %s", err, Accepted)
	}
	if info.IsDir() {
		return readFolder(path, p)
	}
	head, err := headOf(path)
	if err != nil {
		return nil, err
	}
	if tensorfile.IsZip(head) {
		return readNPZ(path)
	}
	return nil, fmt.Errorf("%s: not a data set; accepted are %s", path, Accepted)
}

// kind is what a file of a folder is by its content.
type kind int

const (
	other kind = iota
	idxFile
	cifarFile
	npyFile
)

// readFolder looks at what there is. Folders in it are classes, or splits, if no file is data.
func readFolder(dir string, p Preprocess) (*Data, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[kind][]string{}
	var folders []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // follows links
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case err != nil:
			return nil, err
		case info.IsDir():
			folders = append(folders, path)
		case info.Mode().IsRegular():
			k, err := kindOf(path, info.Size())
			if err != nil {
				return nil, err
			}
			found[k] = append(found[k], path)
		}
	}
	switch {
	case len(found[idxFile]) > 0:
		return readIDX(found[idxFile])
	case len(found[cifarFile]) > 0:
		return readCIFAR(dir, found[cifarFile])
	case len(found[npyFile]) > 0:
		return readNPYs(found[npyFile])
	case len(folders) > 0:
		return readImages(folders, p)
	}
	return nil, fmt.Errorf("%s: no data set in it; accepted are %s", dir, Accepted)
}

func kindOf(path string, size int64) (kind, error) {
	head, err := headOf(path)
	switch {
	case err != nil:
		return other, err
	case bytes.HasPrefix(head, []byte(gzipMagic)):
		return idxFile, nil // nothing else is read gzipped: if it is none, the error says so
	case isIDX(head):
		return idxFile, nil
	case tensorfile.IsNPY(head):
		return npyFile, nil
	case strings.HasSuffix(path, ".bin") && size > 0:
		return cifarFile, nil
	}
	return other, nil
}

// headOf is how a file begins.
func headOf(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil
}

// splitNames say which split a file is of, by a part of its name. What has none is for training.
var splitNames = []struct {
	part  string
	split func(*Data) **Split
}{
	{"t10k", func(d *Data) **Split { return &d.Test }},
	{"test", func(d *Data) **Split { return &d.Test }},
	{"val", func(d *Data) **Split { return &d.Validation }},
	{"", func(d *Data) **Split { return &d.Train }},
}

// splitOf is the split that a file or array with such a name belongs to.
func (d *Data) splitOf(name string) **Split {
	name = strings.ToLower(filepath.Base(name))
	for _, s := range splitNames {
		if strings.Contains(name, s.part) {
			return s.split(d)
		}
	}
	return nil // not reached: every name contains the last part
}

// nameClasses numbers the classes up to the greatest label.
func (d *Data) nameClasses() error {
	greatest := int32(0)
	for _, s := range d.splits() {
		if len(s.labels) > 0 {
			greatest = max(greatest, slices.Max(s.labels))
		}
	}
	if greatest >= maxClasses {
		return fmt.Errorf("label %d, accepted are 0 to %d", greatest, maxClasses-1)
	}
	d.Classes = numbered(int(greatest) + 1)
	return nil
}

// fit brings pixels to the shape that p wants, as a single image would be.
func (s *Split) fit(p Preprocess) error {
	want := Shape{p.Channels, p.Height, p.Width}
	switch {
	case s.fitted || s.Shape == want && p.Resize == 0 && p.Crop == 0:
		return nil
	case s.Shape == want && s.values != nil:
		return nil // taken as they are
	case s.values != nil:
		return fmt.Errorf("images of %v as float32, the network takes %v: accepted are such, or pixels from 0 to 255", s.Shape, want)
	case s.Shape[0] != 1 && s.Shape[0] != 3 || want[0] != 1 && want[0] != 3:
		return fmt.Errorf("images of %v, the network takes %v: accepted are 1 or 3 channels, or that very shape", s.Shape, want)
	}
	if _, _, err := p.plan(s.Shape[2], s.Shape[1]); err != nil {
		return err
	}
	if err := checkCount(int64(len(s.labels)), want, 1); err != nil {
		return err
	}
	fitted := make([]uint8, len(s.labels)*want.Len())
	errs := make([]error, len(s.labels))
	each(len(s.labels), func(i int) { errs[i] = p.fitOne(fitted[i*want.Len():][:want.Len()], s.Image(i)) })
	s.Shape, s.pixels = want, fitted
	return errors.Join(errs...)
}

// fitOne writes an image, for which there is a plan, as planes of pixels.
func (p Preprocess) fitOne(dst []uint8, img image.Image) error {
	whole, cut, err := p.plan(img.Bounds().Dx(), img.Bounds().Dy())
	if err != nil {
		return err
	}
	scaled := scale(p.opaque(img), whole)
	plane := p.Height * p.Width
	for i := range plane {
		at := scaled.PixOffset(cut.Min.X+i%p.Width, cut.Min.Y+i/p.Width)
		for c := range p.Channels {
			dst[c*plane+i] = scaled.Pix[at+c]
		}
	}
	return nil
}
