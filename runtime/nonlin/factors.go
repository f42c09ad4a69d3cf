package nonlin

import (
	"fmt"

	"sotto/runtime/ring"
)

// Factors are numbers of which the elements of a channel share one. A step takes them with whole vectors or with the same stretch of
// each.
type Factors[W ring.Word] struct {
	Of    []W // one a channel
	Size  int // elements of a channel
	First int // the vectors' first element, counted from that of the first channel
}

// PerChannel gives the factors of whole vectors of n elements, which len(of) divides.
func PerChannel[W ring.Word](of []W, n int) Factors[W] {
	if len(of) == 0 || n%len(of) != 0 {
		panic(fmt.Sprintf("nonlin: %d factors for %d elements", len(of), n))
	}
	return Factors[W]{of, n / len(of), 0}
}

// Each calls f for the elements of each channel, of n elements, and its factor.
func (b Factors[W]) Each(step string, n int, f func(lo, hi int, b W)) {
	if n == 0 {
		return
	}
	if b.Size < 1 || b.First < 0 || b.First+n > len(b.Of)*b.Size {
		panic(fmt.Sprintf("nonlin: %s: %d elements from %d on, %d factors for %d each", step, n, b.First, len(b.Of), b.Size))
	}
	first, last := b.First/b.Size, (b.First+n-1)/b.Size
	for c := first; c <= last; c++ {
		f(max(c*b.Size-b.First, 0), min((c+1)*b.Size-b.First, n), b.Of[c])
	}
}
