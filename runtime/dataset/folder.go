package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readImages reads a folder for each class, or train, val and test folders of such. Images are decoded and brought to the network's
// shape at once, on all cores: their own sizes would not fit into memory.
func readImages(folders []string, p Preprocess) (*Data, error) {
	if p.Channels != 1 && p.Channels != 3 {
		return nil, fmt.Errorf("%s: an image has 1 or 3 channels, the network takes %d", filepath.Dir(folders[0]), p.Channels)
	}
	d := &Data{}
	if !slices.ContainsFunc(folders, func(f string) bool { return filepath.Base(f) == "train" }) {
		var err error
		d.Classes = bases(folders)
		d.Train, err = readClasses(folders, d.Classes, p)
		return d, err
	}
	slices.SortFunc(folders, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	for _, folder := range folders {
		classes, err := subfolders(folder)
		if err != nil {
			return nil, err
		}
		if d.Classes == nil {
			d.Classes = bases(classes)
		}
		s := d.splitOf(folder)
		if *s != nil {
			return nil, fmt.Errorf("%s: a second folder of one split: accepted are train, val and test", folder)
		}
		if *s, err = readClasses(classes, d.Classes, p); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// rank puts the training split first: its classes count.
func rank(folder string) string {
	if filepath.Base(folder) == "train" {
		return ""
	}
	return filepath.Base(folder)
}

func bases(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, filepath.Base(p))
	}
	return out
}

func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !strings.HasPrefix(e.Name(), ".") && isDir(path) {
			out = append(out, path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no folders: accepted is a folder of PNG or JPEG images for each class", dir)
	}
	return out, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readClasses reads the images of the folders, whose names are among the classes.
func readClasses(folders, classes []string, p Preprocess) (*Split, error) {
	if len(classes) > maxClasses {
		return nil, fmt.Errorf("%d classes, accepted are at most %d", len(classes), maxClasses)
	}
	var files []string
	s := &Split{Shape: Shape{p.Channels, p.Height, p.Width}, fitted: true}
	for _, folder := range folders {
		label := slices.Index(classes, filepath.Base(folder))
		if label < 0 {
			return nil, fmt.Errorf("%s: no class is called so in the training split: accepted are %s", folder, strings.Join(classes, ", "))
		}
		names, err := imageFiles(folder)
		if err != nil {
			return nil, err
		}
		files = append(files, names...)
		s.labels = append(s.labels, slices.Repeat([]int32{int32(label)}, len(names))...)
	}
	if err := checkCount(int64(len(files)), s.Shape, 1); err != nil {
		return nil, err
	}
	s.pixels = make([]uint8, len(files)*s.Shape.Len())
	errs := make([]error, len(files))
	each(len(files), func(i int) { errs[i] = p.readPixels(s.Pixels(i), files[i]) })
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", files[i], err)
		}
	}
	return s, nil
}

// imageFiles are those of a folder, an error if there are none.
func imageFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !strings.HasPrefix(e.Name(), ".") && !isDir(path) {
			out = append(out, path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no images: accepted is a folder of PNG or JPEG images for each class", dir)
	}
	return out, nil
}

// readPixels decodes a file to the network's shape.
func (p Preprocess) readPixels(dst []uint8, path string) error {
	head, err := headOf(path)
	if err != nil {
		return err
	}
	if _, err := sniff(head); err != nil {
		return errors.New("not an image: accepted are PNG and JPEG")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img, err := decode(f, head)
	if err != nil {
		return err
	}
	return p.fitOne(dst, img)
}
