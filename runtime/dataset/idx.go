package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// An IDX file is
//
//	2 bytes      0 0
//	1 byte       type of the elements: 8 is uint8
//	1 byte       number of dimensions
//	4 bytes each the dimensions, big endian
//	data         in C order
const (
	idxUint8  = 0x08
	idxPrefix = 4
	gzipMagic = "\x1f\x8b"
)

func isIDX(head []byte) bool {
	return len(head) >= idxPrefix && head[0] == 0 && head[1] == 0 && head[2] >= idxUint8 && head[2] <= 0x0e && head[3] >= 1 && head[3] <= 4
}

// readIDX pairs images with labels, split by split.
func readIDX(paths []string) (*Data, error) {
	d := &Data{}
	labels := map[**Split]string{}
	images := map[**Split]string{}
	for _, path := range paths {
		a, err := openIDX(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		s := d.splitOf(path)
		if *s == nil {
			*s = &Split{}
		}
		seen := images
		if len(a.shape) == 1 {
			seen = labels
		}
		if other := seen[s]; other != "" {
			return nil, fmt.Errorf("%s and %s are both of one split: accepted is one file of images and one of labels for each", other, path)
		}
		seen[s] = path
		a.put(*s)
	}
	for _, s := range []**Split{&d.Train, &d.Validation, &d.Test} {
		if *s == nil {
			continue
		}
		if images[s] == "" || labels[s] == "" {
			return nil, fmt.Errorf("%s%s: its labels or images are missing: accepted are one file of images (3 or 4 dimensions) and one of labels (1)",
				images[s], labels[s])
		}
		if err := (*s).paired(); err != nil {
			return nil, fmt.Errorf("%s and %s: %w", images[s], labels[s], err)
		}
	}
	return d, d.nameClasses()
}

// paired wants as many images as labels.
func (s *Split) paired() error {
	n := max(len(s.pixels), len(s.values)) / max(s.Shape.Len(), 1)
	if n != len(s.labels) {
		return fmt.Errorf("%d images and %d labels: accepted is one label for each image", n, len(s.labels))
	}
	return nil
}

// idxArray is an IDX file of uint8.
type idxArray struct {
	shape []int
	data  []uint8
}

func (a *idxArray) put(s *Split) {
	if len(a.shape) == 1 {
		s.labels = make([]int32, len(a.data))
		for i, l := range a.data {
			s.labels[i] = int32(l)
		}
		return
	}
	s.Shape = Shape{1, a.shape[len(a.shape)-2], a.shape[len(a.shape)-1]}
	if len(a.shape) == 4 {
		s.Shape[0] = a.shape[1]
	}
	s.pixels = a.data
}

func openIDX(path string) (*idxArray, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readIDXFrom(f)
}

// readIDXFrom reads an IDX file, gzipped or not.
func readIDXFrom(r io.ReadSeeker) (*idxArray, error) {
	magic := make([]byte, len(gzipMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return nil, fmt.Errorf("file ends inside the header: %w", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if !bytes.Equal(magic, []byte(gzipMagic)) {
		return parseIDX(r)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("gzip header: %w", err)
	}
	return parseIDX(z)
}

// parseIDX reads to the end. The size that the header promises is not believed: memory grows with what really comes.
func parseIDX(r io.Reader) (*idxArray, error) {
	shape, err := idxHeader(r)
	if err != nil {
		return nil, err
	}
	n := int64(1)
	for _, side := range shape {
		n *= int64(side)
	}
	data, err := io.ReadAll(io.LimitReader(r, n+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file is damaged after %d of %d bytes: %w", len(data), n, err)
	case int64(len(data)) < n:
		return nil, fmt.Errorf("file is truncated: shape %v takes %d bytes, there are %d", shape, n, len(data))
	case int64(len(data)) > n:
		return nil, fmt.Errorf("shape %v takes %d bytes, there are more: not one array", shape, n)
	}
	return &idxArray{shape, data}, nil
}

func idxHeader(r io.Reader) ([]int, error) {
	head := make([]byte, idxPrefix)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("file ends inside the header: %w", err)
	}
	if !isIDX(head) {
		return nil, fmt.Errorf("not an IDX file: it begins with % x, want 00 00 08 and 1 to 4 dimensions", head)
	}
	if head[2] != idxUint8 {
		return nil, fmt.Errorf("elements of type %#02x, accepted is %#02x, uint8", head[2], idxUint8)
	}
	sides := make([]uint32, head[3])
	if err := binary.Read(r, binary.BigEndian, sides); err != nil {
		return nil, fmt.Errorf("file ends inside the header: %w", err)
	}
	shape := make([]int, len(sides))
	for i, side := range sides {
		shape[i] = int(side)
	}
	return shape, checkIDX(shape)
}

func checkIDX(shape []int) error {
	switch n := int64(shape[0]); len(shape) {
	case 1:
		return checkCount(n, Shape{1, 1, 1}, 4)
	case 3:
		return checkCount(n, Shape{1, shape[1], shape[2]}, 1)
	case 4:
		return checkCount(n, Shape{shape[1], shape[2], shape[3]}, 1)
	}
	return errors.New("2 dimensions: accepted are 1 (labels), 3 (grey images) and 4 (images with channels)")
}
