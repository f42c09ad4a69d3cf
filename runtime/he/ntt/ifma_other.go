//go:build !amd64

package ntt

// all gives the kernels that this machine has.
func all() []kernels { return []kernels{portable{}} }
