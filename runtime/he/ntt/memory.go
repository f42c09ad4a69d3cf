package ntt

import "sync/atomic"

// A first-level cache of 8 ways has room for 8 lines whose addresses differ by a multiple of 4096 bytes, and large
// allocations, like vectors of N words, differ by nothing else: the streams of a sum of products would drive each other
// out. Vectors therefore begin lineStep lines apart from one to the next, modulo a page: an odd number, so that 64 of them
// begin at every place there is.
const (
	lineWords = 8
	pageLines = 64
	lineStep  = 5
)

// allocated counts vectors, so that those of different calls begin apart too.
var allocated atomic.Uint64

// NewVectors makes vectors of n words for sums of products: their sources are read side by side, and such vectors do not
// drive each other out of the caches. They share an allocation; append to none.
func NewVectors(count, n int) [][]uint64 {
	const step = lineStep * lineWords
	first := int(allocated.Add(uint64(count))) * lineStep % pageLines * lineWords
	slab, v := make([]uint64, first+count*(n+step)), make([][]uint64, count)
	for i := range v {
		at := first + i*(n+step)
		v[i] = slab[at : at+n : at+n]
	}
	return v
}
