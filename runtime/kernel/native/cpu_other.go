//go:build !amd64

package native

// features: there are kernels for amd64 alone.
var features map[string]bool
