package hls

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// WrittenFile lists the SHA-256 of every other file of a folder as it was written, as sha256sum -c reads it.
const WrittenFile = "SHA256SUMS"

// sumGap is between a sum and its path.
const sumGap = "  "

// written writes the list of what was written.
func (w *writer) written() {
	var b bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(w.sums)) {
		fmt.Fprintf(&b, "%x%s%s\n", w.sums[path], sumGap, path)
	}
	w.bytes(WrittenFile, b.Bytes())
}

// Changed is the first file of a folder that is not as it was written, or that was not written: somebody's work, which would be lost if the
// folder were replaced. What make makes is none. It is empty if there is none; the error is fs.ErrNotExist where the folder has no list.
func Changed(folder fs.FS) (string, error) {
	sums, err := readSums(folder)
	if err != nil {
		return "", err
	}
	changed := ""
	err = fs.WalkDir(folder, ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && made(path):
			return fs.SkipDir
		case e.IsDir() || path == WrittenFile:
			return nil
		}
		same := e.Type().IsRegular() && sums[path] != ""
		if same {
			same, err = hasSum(folder, path, sums[path])
		}
		if err == nil && !same {
			changed, err = path, fs.SkipAll
		}
		return err
	})
	return changed, err
}

// made tells whether a directory is what make makes.
func made(path string) bool {
	kernels, work := strings.HasPrefix(path, "kernels/"), strings.HasSuffix(path, "/work")
	return path == "build" || kernels && work
}

func readSums(folder fs.FS) (map[string]string, error) {
	text, err := fs.ReadFile(folder, WrittenFile)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, of, ok := strings.Cut(strings.TrimSuffix(line, "\n"), sumGap)
		if !ok {
			return nil, fmt.Errorf("%s: a line is no sum and path", WrittenFile)
		}
		sums[of] = sum
	}
	return sums, nil
}

func hasSum(folder fs.FS, path, want string) (bool, error) {
	f, err := folder.Open(path)
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)) == want, errors.Join(err, f.Close())
}
