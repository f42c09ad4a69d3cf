//go:build !amd64

package kernel

// micros gives the kernels that this machine has, the slowest first.
func micros[T Number]() []micro[T] { return []micro[T]{portable[T]()} }
