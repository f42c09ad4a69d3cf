package dataset

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A CIFAR binary file is records of labels and an image of 3 x 32 x 32 bytes. CIFAR-10 has one label, CIFAR-100 a coarse and a fine one.
const (
	cifarImage   = 3 * 32 * 32
	cifar10Size  = 1 + cifarImage
	cifar100Size = 2 + cifarImage
)

// cifarNames are the files that name the classes, a line each.
var cifarNames = []string{"batches.meta.txt", "fine_label_names.txt"}

func readCIFAR(dir string, paths []string) (*Data, error) {
	d := &Data{}
	record := 0
	for _, path := range paths {
		size, err := d.addCIFAR(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if record != 0 && size != record {
			return nil, fmt.Errorf("%s has records of %d bytes, %s of %d: accepted are files of one data set", path, size, paths[0], record)
		}
		record = size
	}
	classes := 10
	if record == cifar100Size {
		classes = 100
	}
	names, err := cifarClasses(dir, classes)
	d.Classes = names
	return d, err
}

// addCIFAR adds a file's images to its split and gives the size of its records.
func (d *Data) addCIFAR(path string) (record int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if record, err = cifarRecord(info.Size()); err != nil {
		return 0, err
	}
	s := d.splitOf(path)
	if *s == nil {
		*s = &Split{Shape: Shape{3, 32, 32}}
	}
	return record, (*s).addCIFAR(f, record, int(info.Size())/record)
}

func cifarRecord(size int64) (int, error) {
	for _, record := range []int64{cifar10Size, cifar100Size} {
		if size%record == 0 {
			return int(record), checkCount(size/record, Shape{3, 32, 32}, 1)
		}
	}
	return 0, fmt.Errorf("%d bytes: accepted are whole records of %d (CIFAR-10) or %d bytes (CIFAR-100); the file is truncated or something else",
		size, cifar10Size, cifar100Size)
}

func (s *Split) addCIFAR(r io.Reader, record, n int) error {
	if err := checkCount(int64(len(s.labels)+n), s.Shape, 1); err != nil {
		return err
	}
	buf := make([]byte, record)
	s.pixels, s.labels = slices.Grow(s.pixels, n*cifarImage), slices.Grow(s.labels, n)
	for i := range n {
		if _, err := io.ReadFull(r, buf); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		s.labels = append(s.labels, int32(buf[record-cifarImage-1]))
		s.pixels = append(s.pixels, buf[record-cifarImage:]...)
	}
	return nil
}

// cifarClasses are the names from beside the data, or numbers.
func cifarClasses(dir string, n int) ([]string, error) {
	for _, name := range cifarNames {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue // any of them may be missing
		}
		names := strings.Fields(string(text))
		if len(names) != n {
			return nil, fmt.Errorf("%s names %d classes, the data has %d", filepath.Join(dir, name), len(names), n)
		}
		return names, nil
	}
	return numbered(n), nil
}
