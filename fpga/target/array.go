package target

import (
	"fmt"
	"math/bits"
)

// MACArray is the array of fpga/rtl that multiplies and adds in a ring: TM x TN products a cycle, the sums of TM output channels over
// TN input channels, kept for so many pixels of a tile.
//
// A product is of 17 x 26 bits a DSP48E2, of which only those are made that lie below 2^Width: 2 DSPs at 32 bits and 7 at 64, where
// synthesis gives a*b 3 and 10 (Multiplier).
type MACArray struct {
	Width  int // of a ring word: 32 or 64
	TM, TN int
	Pixels int // of a tile, at most
}

// MinPixels is the fewest pixels of a tile: the same accumulator may come again after so many cycles.
const MinPixels = 3

// Check refuses what fpga/rtl cannot make.
func (a MACArray) Check() error {
	if a.Width != 32 && a.Width != 64 {
		return fmt.Errorf("target: array of %d-bit words: 32 and 64 are accepted", a.Width)
	}
	if a.TM < 1 || a.TN < 1 {
		return fmt.Errorf("target: array of %d x %d: each must be at least 1", a.TM, a.TN)
	}
	if a.Pixels < MinPixels {
		return fmt.Errorf("target: tiles of up to %d pixels: at least %d are accepted", a.Pixels, MinPixels)
	}
	return nil
}

// Latency is the cycles from a pixel's inputs at its last tap to its sums: a register for the inputs, the product's, one a layer of the
// adder tree, and the accumulator's.
func (a MACArray) Latency() int { return 1 + a.productCycles() + log2(a.TN) + 1 }

// TapCycles is the cycles from a tap to the next in a tile of so many pixels: one a pixel, unless its weights, a row a cycle, take
// longer.
func (a MACArray) TapCycles(pixels int) int { return max(pixels, a.TM) }

// TileInterval is the cycles from a tile to the next, where they follow at once. A convolution's taps are the kernel's positions times the
// groups of TN input channels.
func (a MACArray) TileInterval(taps, pixels int) int { return taps * a.TapCycles(pixels) }

// TileCycles is the cycles of a tile, from its first inputs to its last sums.
func (a MACArray) TileCycles(taps, pixels int) int {
	return a.TileInterval(taps-1, pixels) + pixels - 1 + a.Latency()
}

func (a MACArray) productCycles() int {
	if a.Width == 32 {
		return 3
	}
	return 4
}

// Area is what the array takes, weights in registers twice and accumulators in block memory.
func (a MACArray) Area() Area {
	address := log2(a.Pixels)
	toSums := a.Latency() - 1
	row := Sum(
		RingMultiplier(a.Width).Add(Registers(2*a.Width)).Times(a.TN),
		AdderTree(a.Width, a.TN),
		Luts(a.Width+a.Width/2+1), Registers(a.Width), BlockRAM(a.Width, a.Pixels), // accumulators: the LUT that adds leaves memory out, or not
		Luts(2), // when weights change
	)
	control := Sum(Registers(toSums-1+3+2+2*address), Luts(4), DelayLine(address+2, toSums-1))
	return Sum(row.Times(a.TM), Registers(a.Width*a.TN), control)
}

// RingMultiplier is a registered product modulo 2^width, 32 or 64, of limbs of 17 and 26 bits. Registers are those of the limb products
// and of each layer of sums, of which some wait long enough to be shift-register LUTs; LUTs are those of the sums, a bit each, and of
// the smallest product.
func RingMultiplier(width int) Area {
	if width == 32 {
		return Area{DSP: 2, LUT: 15 + 36 + 17, FF: 15 + 6 + 15 + 15 + 15 + 15}
	}
	const sums = 43 + 30 + 38 + 21 // of the pairs of weight 1, 2^26; then 1; then 2^43
	const small = 20               // of 13, 4 and 12 bits, which share LUTs, and the product of 4 bits
	const waiting = 17 + 9 + 8     // low bits that take part in no sum
	const limbs, pairs, halves, product = 43 + 43 + 38 + 30 + 21 + 13 + 12 + 4, 61 + 38 + 21 + 12, 64 + 21, 64
	return Area{DSP: 7, LUT: sums + small + waiting, FF: limbs + pairs + halves + product - (4*17 + 3*9 + 3*8)}
}

// AdderTree sums n words, each layer registered.
func AdderTree(width, n int) Area {
	a := Adder(width).Times(n - 1)
	for n > 1 {
		n = ceil(n, 2)
		a = a.Add(Registers(width * n))
	}
	return a
}

// log2 is the bits of an index below n.
func log2(n int) int { return bits.Len(uint(n - 1)) }

// ceil is a/b, up.
func ceil(a, b int) int { return (a + b - 1) / b }
