package native

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// Has tells whether this processor has a feature.
func Has(feature string) bool { return features[feature] }

// maxLibrary is more than any network's kernels take.
const maxLibrary = 256 << 20

// Open loads the library in a file if it has the SHA-256 that is given in hexadecimal digits, the processor has the features, and
// nobody else can change it: see Read.
func Open(path, sum string, needs []string) (*Library, error) {
	for _, f := range needs {
		if !Has(f) {
			return nil, fmt.Errorf("%s needs %s, which this processor has not: compile on a machine like this one", path, f)
		}
	}
	text, err := Read(path)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("%s has another hash than its description says: it was changed, compile again", path)
	}
	return load(path, text)
}

// Read reads a file that nobody but its owner can change, who is this process's user or root: a library, or what says how to call it.
func Read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) // a pipe would keep us waiting
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	if err := ours(path, info.Mode(), int(st.Uid)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxLibrary))
}

// ours refuses a file that others could have written.
func ours(path string, mode fs.FileMode, owner int) error {
	switch {
	case !mode.IsRegular():
		return fmt.Errorf("%s is no plain file", path)
	case mode.Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others (%v): accepted is a file that its owner alone can write", path, mode.Perm())
	case owner != 0 && owner != os.Getuid():
		return fmt.Errorf("%s belongs to user %d: accepted are files of the user that runs this, or of root", path, owner)
	}
	return nil
}

// load opens a library from memory, so that what is run is what was read. The memory's descriptor stays open: the loader knows
// libraries by their path, which must not become another's.
func load(path string, text []byte) (*Library, error) {
	fd, err := unix.MemfdCreate("sotto-kernels", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", path, err)
	}
	handle, err := fill(fd, text)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	return &Library{handle}, nil
}

func fill(fd int, text []byte) (uintptr, error) {
	for len(text) > 0 {
		n, err := unix.Write(fd, text)
		if err != nil {
			return 0, err
		}
		text = text[n:]
	}
	return purego.Dlopen(fmt.Sprintf("/proc/self/fd/%d", fd), purego.RTLD_NOW|purego.RTLD_LOCAL)
}
