package cost

import "math/bits"

// AND gates of the circuits that compute a whole op (ir/circuit, whole.go), which has the reasons: held equal to the
// circuits' own counts by a test there.

// Format is what a whole op's numbers are, in bits: of the ring, of the values, dropped at the low end first.
type Format struct{ Ring, Width, Drop int }

// kept is the bits that are left of a value.
func (f Format) kept() int64 { return int64(f.Width - f.Drop) }

// reconstruct is the ANDs that add the shares of k numbers, remask those that subtract the mask of a result.
func (f Format) reconstruct(k int) int64 { return int64(k) * int64(f.Width-1) }
func (f Format) remask() int64           { return int64(f.Ring - 1) }

// ReLUANDs is 3(l-1) at the width of the ring.
func ReLUANDs(f Format) int64 { return f.reconstruct(1) + f.kept() - 1 + f.remask() }

// ClipANDs is those of a ReLU that ends at most.
func ClipANDs(f Format, most uint64) int64 {
	k := f.kept() - 1
	return f.reconstruct(1) + (k - 1 - int64(bits.TrailingZeros64(most))) + 1 + k + f.remask()
}

// MaxPoolANDs is those of the greatest of k numbers.
func MaxPoolANDs(k int, f Format) int64 {
	return f.reconstruct(k) + int64(k-1)*2*f.kept() + f.remask()
}

// ArgmaxANDs is those of the index of the greatest of k >= 2 numbers.
func ArgmaxANDs(k int, f Format) int64 {
	return f.reconstruct(k) + int64(2*k-3)*f.kept() + indexANDs(k) + f.remask()
}

// indexANDs is the choices of index bits in a tournament of k: s(1) = s(2) = 0, s(k) = s(2^j) + s(k-2^j) + j with 2^j the
// largest power of two below k.
func indexANDs(k int) int64 {
	if k <= 2 {
		return 0
	}
	j := bits.Len(uint(k-1)) - 1
	return indexANDs(1<<j) + indexANDs(k-1<<j) + int64(j)
}

// SignANDs is those of a sign of width bits whose drop lowest are left out.
func SignANDs(width, drop int) int64 { return int64(width - 1 - drop) }
