package tensorfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A .npz file is a zip archive of .npy files, one an array, named NAME.npy; numpy.savez stores them, savez_compressed deflates.

// IsZip reports whether a file that begins with head may be an archive.
func IsZip(head []byte) bool { return strings.HasPrefix(string(head), "PK\x03\x04") }

// Archive is an open .npz file.
type Archive struct {
	path string
	f    *os.File
	most int64
	zip  *zip.Reader
}

const (
	npySuffix = ".npy"
	mostFiles = 1 << 10 // of an archive: far above what a data set has
)

// OpenNPZ opens a .npz file. An array of it may take at most so many bytes when it is unpacked.
func OpenNPZ(path string, most int64) (*Archive, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, size)
	if err == nil && len(z.File) > mostFiles {
		err = fmt.Errorf("%d files, accepted are at most %d", len(z.File), mostFiles)
	}
	if err != nil {
		_ = f.Close() // opened to read: nothing can be lost
		return nil, fmt.Errorf("%s: archive is damaged: %w", path, err)
	}
	return &Archive{path, f, most, z}, nil
}

// Close closes the file.
func (a *Archive) Close() error { return a.f.Close() }

// Names lists the arrays, sorted.
func (a *Archive) Names() []string {
	var names []string
	for _, f := range a.zip.File {
		if name, ok := strings.CutSuffix(f.Name, npySuffix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Array unpacks an array.
func (a *Archive) Array(name string) (*Array, error) {
	at := slices.IndexFunc(a.zip.File, func(f *zip.File) bool { return f.Name == name+npySuffix })
	if at < 0 {
		return nil, fmt.Errorf("%s: no array %q: accepted are %s", a.path, clip(name), strings.Join(a.Names(), ", "))
	}
	named := fmt.Sprintf("%s: %s", a.path, clip(name))
	content, err := a.unpack(a.zip.File[at])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", named, err)
	}
	return ReadNPY(named, bytes.NewReader(content), int64(len(content)))
}

// unpack reads a file whole. What it promises to be is not believed: memory grows with what really comes.
func (a *Archive) unpack(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > uint64(a.most) {
		return nil, fmt.Errorf("%d bytes unpacked, accepted are at most %d", f.UncompressedSize64, a.most)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, a.most+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("array is damaged: %w", err)
	}
	if int64(len(content)) > a.most {
		return nil, fmt.Errorf("more than %d bytes unpacked", a.most)
	}
	return content, nil
}

// WriteNPZ writes arrays into a .npz file, deflated, atomically and with the given permissions.
func WriteNPZ(path string, arrays []Entry, mode fs.FileMode) error {
	for _, e := range arrays {
		if e.err != nil {
			return fmt.Errorf("%s: %w", path, e.err)
		}
	}
	return replace(path, mode, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, e := range arrays {
			f, err := z.Create(e.name + npySuffix)
			if err == nil {
				err = e.write(f)
			}
			if err != nil {
				return err
			}
		}
		return z.Close()
	})
}
