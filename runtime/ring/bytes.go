package ring

import (
	"runtime"
	"unsafe"
)

// Bytes returns the memory of v as bytes, little endian, l/8 bytes an element: what the wire carries. It is a view,
// not a copy: reading into it fills v. (bigendian.go refuses hosts on which the view would be in the other order.)
func Bytes[W Word](v []W) []byte {
	var w W
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(w)))
}

// Wipe sets every element of v to zero, for secrets that have been used.
func Wipe[T any](v []T) {
	clear(v)
	runtime.KeepAlive(v) // the clearing is a use of v: it cannot be dropped as dead
}
