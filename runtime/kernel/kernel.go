// Package kernel holds the arithmetic of linear layers, pooling and data movement over Z/2^32, Z/2^64 and float32.
//
// Tensors are flat slices in channel, row, column order (CHW), for one image; weights of a convolution are in output
// channel, input channel of the group, row, column order (OIHW). Every function overwrites its destination, which may
// not overlap a source, uses both cores where there is work enough, and returns an error, leaving dst alone, if the
// geometry is impossible or a slice has another length than it says. Indices and branches depend on geometry alone,
// never on an element: ring tensors may be shares.
package kernel

import "fmt"

// Number is an element that the kernels compute with: Z/2^32, Z/2^64, or a float.
type Number interface{ uint32 | uint64 | float32 }

// serial is the multiply-adds (or moves) below which splitting work between cores costs more than it saves: a share
// should be many times the few microseconds that waking a worker takes.
const serial = 1 << 16

// units returns how many units of the given work, in multiply-adds, make a share of work for ring.Parallel.
func units(work int) int { return max(1, serial/max(1, work)) }

// sized reports a slice whose length is not what the geometry asks for.
func sized(op, name string, got, want int) error {
	if got != want {
		return fmt.Errorf("kernel: %s: %s has %d elements: want %d", op, name, got, want)
	}
	return nil
}

// dim is a number of a geometry with the range it may lie in.
type dim struct {
	name      string
	v, lo, hi int
}

// checkDims reports the first number out of range.
func checkDims(op string, dims ...dim) error {
	for _, d := range dims {
		if d.v < d.lo || d.v > d.hi {
			return fmt.Errorf("kernel: %s: %s is %d: want %d to %d", op, d.name, d.v, d.lo, d.hi)
		}
	}
	return nil
}

// maxDim bounds each number of a geometry and maxWork the products of them, so that the sums and products below fit
// an int; both are far beyond any tensor in memory.
const (
	maxDim  = 1 << 24
	maxWork = 1 << 60
)

// checkProduct reports a product of non-negative numbers above maxWork. It is formed as a float, which does not wrap.
func checkProduct(op, name string, factors ...int) error {
	product := 1.0
	for _, f := range factors {
		product *= float64(f)
	}
	if product > maxWork {
		return fmt.Errorf("kernel: %s: %g %s: want at most 2^60", op, product, name)
	}
	return nil
}
