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

// streamWork is the tile of an elementwise command. Operands of the ring come through ports side by side, bits and factors through others.
func (c *cutter) streamWork(t task, lo, hi, size int, factors [WeightRefs]uint32) []Work {
	d, n := c.design, hi-lo
	var w Work
	bits := 0
	for _, v := range t.in {
		if c.values[v.value].Space == BITS {
			bits += ceil(n, bitsPerWord)
			continue
		}
		bytes, cycles := move(d, n, d.WordBytes(), n)
		w.LoadBytes += bytes
		w.LoadCycles = max(w.LoadCycles, cycles)
	}
	beats := int64(0) // factors and biases come one after the other
	for _, f := range factors {
		if f != None {
			w.LoadBytes += int64(channels(lo, hi, size) * d.WordBytes())
			beats += d.FactorCycles(n, size)
		}
	}
	w.LoadCycles = max(w.LoadCycles, beats)
	w.LoadBytes += int64(bits) * bitWordBytes
	w.LoadCycles = max(w.LoadCycles, int64(bits))
	w.Compute = d.ElementwiseCycles(n)
	if c.values[t.out[0].value].Space == BITS {
		w.StoreBytes, w.StoreCycles = move(d, ceil(n, bitsPerWord), bitWordBytes, 1)
	} else {
		w.StoreBytes, w.StoreCycles = move(d, n, d.WordBytes(), n)
	}
	return []Work{w}
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
