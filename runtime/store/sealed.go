package store

import (
	"crypto/sha256"
	"fmt"
	"os"
)

// Sealed files outside a store: streams as in the file of an inference, behind a head that anyone can read, under a key of the
// caller's. The key of the file depends on head and context as well, so that neither can be exchanged.

// Key is what a sealed file is under.
type Key [sha256.Size]byte

// Create makes a sealed file, which is there once the writer has committed; it replaces one of that name.
func Create(path string, head []byte, key Key, context string) (*Writer, error) {
	w, err := newWriter(path+partSuffix, path, head, chainKey(key), bound(head, context))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// Unseal reads a sealed file, which is closed with the reader, behind a head that the caller has read. What a piece holds is verified as it
// is read. The error of what was damaged, or is under another key or for another purpose, is ErrForeign.
func Unseal(f *os.File, head []byte, key Key, context string) (*Reader, error) {
	return newReader(f, len(head), chainKey(key), bound(head, context))
}

// bound ties a file to its purpose and its head.
func bound(head []byte, context string) []byte {
	sum := sha256.Sum256(head)
	return append([]byte("sotto sealed file\x00"+context+"\x00"), sum[:]...)
}
