package lower

import (
	"sotto/fpga/target"
)

// Work is one tile of a command: what it moves from memory to the kernel's buffers, computes, and moves back. Cycles of moving are those
// that the kernel's own ports take; bytes are what the memory carries meanwhile. While a tile is computed the next one is loaded and the
// last one stored.
type Work struct {
	LoadBytes, LoadCycles   int64
	Compute                 int64
	StoreBytes, StoreCycles int64
	// KeepsInput says that a convolution's tile takes the input that is in the buffer.
	KeepsInput bool
}

// move is a stream of so many words through a port: bytes, and cycles at so many words a cycle at most.
func move(d target.Design, words, wordBytes, lanes int) (bytes, cycles int64) {
	bytes = int64(words) * int64(wordBytes)
	return bytes, max(d.PortCycles(bytes), int64(ceil(words, lanes)))
}

// scattered is words that lie one by one: a beat of the port each.
func scattered(d target.Design, words int) (bytes, cycles int64) {
	return int64(words) * int64(d.PortBytes), int64(words)
}

func ceil(a, b int) int { return (a + b - 1) / b }

const bitWordBytes = 8

// streamWork is the tile of an elementwise command of so many steps.
func (c *cutter) streamWork(in, out []view, lo, hi, steps, size int, factors [WeightRefs]uint32) []Work {
	d, s := c.design, target.Steps{N: hi - lo, Count: steps, Size: size}
	s.Vectors, s.Planes = c.kinds(in)
	s.Results, s.BitResults = c.kinds(out)
	w := Work{LoadBytes: d.StepsBytes(s.N, s.Vectors, s.Planes), StoreBytes: d.StepsBytes(s.N, s.Results, s.BitResults)}
	for _, f := range factors {
		if f != None {
			s.Factors++
			w.LoadBytes += int64(channels(lo, hi, size) * d.WordBytes())
		}
	}
	w.LoadCycles, w.Compute, w.StoreCycles = d.StepsLoad(s), d.StepsCompute(s), d.StepsStore(s)
	return []Work{w}
}

// kinds counts vectors of words and of bits.
func (t *tracer) kinds(list []view) (words, bits int) {
	for _, v := range list {
		if t.values[v.value].Space == BITS {
			bits++
		} else {
			words++
		}
	}
	return words, bits
}

// channels is how many channels of so many elements have elements lo to hi-1.
func channels(lo, hi, size int) int { return (hi-1)/size - lo/size + 1 }

// time is at most how long a command has its kernel: its slowest stage. Lists of commands are ordered by it.
func time(work []Work) int64 {
	var load, compute, store int64
	for _, w := range work {
		load, compute, store = load+w.LoadCycles, compute+w.Compute, store+w.StoreCycles
	}
	return max(load, compute, store)
}
