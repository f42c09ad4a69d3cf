package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sotto/runtime/tensorfile"
)

// Arrays of a .npz file, or .npy files of a folder, are images or labels by a part of their name.
var (
	imageNames = []string{"images", "image", "data", "x"}
	labelNames = []string{"labels", "label", "targets", "y"}
)

// named tells whether an array's name, without its split, is one of those.
func named(name string, among []string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(among, w) })
}

func readNPZ(path string) (*Data, error) {
	z, err := tensorfile.OpenNPZ(path, maxSetBytes)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return readArrays(path, z.Names(), z.Array)
}

func readNPYs(paths []string) (*Data, error) {
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".npy"))
	}
	return readArrays(filepath.Dir(paths[0]), names, func(name string) (*tensorfile.Array, error) {
		return tensorfile.OpenNPY(paths[slices.Index(names, name)])
	})
}

// readArrays pairs images with labels, split by split.
func readArrays(where string, names []string, open func(string) (*tensorfile.Array, error)) (*Data, error) {
	d := &Data{}
	for _, name := range names {
		s := d.splitOf(name)
		add := (*Split).addImages
		if named(name, labelNames) {
			add = (*Split).addLabels
		} else if !named(name, imageNames) {
			continue // something else, as the coarse labels or names that some keep beside
		}
		if *s == nil {
			*s = &Split{}
		}
		a, err := open(name)
		if err != nil {
			return nil, err
		}
		if err := add(*s, a); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", where, name, err)
		}
		if err := a.Close(); err != nil {
			return nil, err
		}
	}
	if len(d.splits()) == 0 {
		return nil, fmt.Errorf("%s has the arrays %s: accepted are images (or x) and labels (or y), with train, val or test before or behind",
			where, strings.Join(names, ", "))
	}
	for _, s := range d.splits() {
		if err := s.paired(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", where, s.name, err)
		}
	}
	return d, d.nameClasses()
}

// addImages takes uint8 as pixels and floats as values. Channels may come last, as image libraries have them.
func (s *Split) addImages(a *tensorfile.Array) (err error) {
	if s.Shape != (Shape{}) {
		return fmt.Errorf("a second array of images of this split: accepted is one")
	}
	shape, last, err := imageShape(a.Shape)
	if err != nil {
		return err
	}
	each := int64(a.DType.Size())
	if err := checkCount(int64(a.Shape[0]), shape, each); err != nil {
		return err
	}
	s.Shape = shape
	if a.DType == tensorfile.U8 {
		s.pixels, err = a.Bytes()
		s.pixels = last.planes(s.pixels, shape)
		return err
	}
	if s.values, err = a.Float32(); err != nil {
		return err
	}
	if i := slices.IndexFunc(s.values, isNotFinite); i >= 0 {
		return fmt.Errorf("image %d: element %d is %v, want finite values", i/shape.Len(), i%shape.Len(), s.values[i])
	}
	s.values = last.values(s.values, shape)
	return nil
}

// order is where the channels of an array are.
type order int

const (
	channelsFirst order = iota
	channelsLast
)

func (o order) planes(data []uint8, s Shape) []uint8     { return planar(o, data, s) }
func (o order) values(data []float32, s Shape) []float32 { return planar(o, data, s) }

func planar[T any](o order, data []T, s Shape) []T {
	if o == channelsFirst || s[0] == 1 {
		return data
	}
	out := make([]T, len(data))
	plane := s[1] * s[2]
	for i := 0; i+s.Len() <= len(data); i += s.Len() {
		for k := range plane {
			for c := range s[0] {
				out[i+c*plane+k] = data[i+k*s[0]+c]
			}
		}
	}
	return out
}

// imageShape reads [N,H,W], [N,C,H,W] and [N,H,W,C]. Channels are 1 or 3 where they come last; where both ends could be
// channels they come first.
func imageShape(shape []int) (Shape, order, error) {
	switch {
	case len(shape) == 3:
		return Shape{1, shape[1], shape[2]}, channelsFirst, nil
	case len(shape) == 4 && (shape[3] == 1 || shape[3] == 3) && shape[1] != 1 && shape[1] != 3:
		return Shape{shape[3], shape[1], shape[2]}, channelsLast, nil
	case len(shape) == 4:
		return Shape(shape[1:]), channelsFirst, nil
	}
	return Shape{}, channelsFirst, fmt.Errorf("shape %v, accepted are [N,H,W], [N,C,H,W] and [N,H,W,C]", shape)
}

func (s *Split) addLabels(a *tensorfile.Array) error {
	if s.labels != nil {
		return fmt.Errorf("a second array of labels of this split: accepted is one")
	}
	if len(a.Shape) == 0 || len(a.Shape) > 2 || len(a.Shape) == 2 && a.Shape[1] != 1 {
		return fmt.Errorf("shape %v, accepted are [N] and [N,1]", a.Shape)
	}
	if err := checkCount(int64(a.Shape[0]), Shape{1, 1, 1}, int64(a.DType.Size())); err != nil {
		return err
	}
	ints, err := a.Ints()
	if err != nil {
		return err
	}
	s.labels = make([]int32, len(ints))
	for i, l := range ints {
		if l < 0 || l >= maxClasses {
			return fmt.Errorf("image %d has label %d, accepted are 0 to %d", i, l, maxClasses-1)
		}
		s.labels[i] = int32(l)
	}
	return nil
}
