package target

// Areas of operators on words of w bits, without registers. Formulas are fits to synthesis at 8 to 64 bits where no structure says more.

// Adder adds or subtracts: a LUT a bit, beside the carry chain.
func Adder(w int) Area { return Luts(w) }

// Xor combines two words bit by bit, as does any function of up to six.
func Xor(w int) Area { return Luts(w) }

// Less compares two unsigned words.
func Less(w int) Area { return Luts(ceil(11*w, 16)) }

// Equal compares two words of at least 16 bits for equality: by a tree, and from 32 bits on along the carry chain.
func Equal(w int) Area {
	if w < 32 {
		return Luts(ceil(9*w, 16))
	}
	return Luts(ceil(23*w, 32))
}

// Mux chooses one of up to 16 words, n a power of two or up to four: four a LUT and bit, and with wide multiplexers two fifths of a LUT a
// word and bit.
func Mux(w, n int) Area {
	if n <= 4 {
		return Luts(w)
	}
	return Luts(ceil(2*w*n, 5))
}

// ReLU clears a word whose top bit is set; that bit itself is clear always.
func ReLU(w int) Area { return Luts(w - 1) }

// Shift shifts right by a variable: four shifts a LUT and bit.
func Shift(w int) Area { return Luts(w * ceil(log2(w), 2)) }

// multipliers are what synthesis makes of a product modulo 2^w.
var multipliers = []struct {
	width int
	area  Area
}{
	{16, Area{DSP: 1}},
	{24, Area{DSP: 2, LUT: 7}},
	{32, Area{DSP: 3, LUT: 29}},
	{48, Area{DSP: 6, LUT: 104}},
	{64, Area{DSP: 10, LUT: 225}},
}

// Multiplier is what synthesis makes of a*b modulo 2^w, w up to 64 and between those measured the next; RingMultiplier takes fewer DSPs.
func Multiplier(w int) Area {
	for _, m := range multipliers {
		if w <= m.width {
			return m.area
		}
	}
	return multipliers[len(multipliers)-1].area
}

// DelayLine delays a word by n cycles: in registers up to two, then in shift-register LUTs of 32.
func DelayLine(w, n int) Area {
	if n < 3 {
		return Registers(w * n)
	}
	return Luts(w * ceil(n, 32))
}

// BlockRAM is a memory of depth words, one port to write and one to read, in halves of RAMB36. A half is 512 x 36, or narrower and
// deeper.
func BlockRAM(w, depth int) Area {
	best := 0
	for _, shape := range []struct{ width, depth int }{{36, 512}, {18, 1 << 10}, {9, 1 << 11}, {4, 1 << 12}, {2, 1 << 13}, {1, 1 << 14}} {
		if n := ceil(w, shape.width) * ceil(depth, shape.depth); best == 0 || n < best {
			best = n
		}
	}
	return Area{BRAM18: best}
}

// UltraRAM is the same memory in URAMs of 4096 x 72, narrow words side by side; a word is chosen by LUTs where it may be in one of several
// places.
func UltraRAM(w, depth int) Area {
	const rows, bits = 4096, 72
	places := ceil(depth, rows)
	a := Area{URAM: ceil(w, bits) * places}
	if w <= bits/2 {
		a = Area{URAM: ceil(places, bits/w)}
	}
	if places == 1 {
		return a
	}
	return Sum(a, Mux(w, places), Luts(places), Registers(log2(places)))
}
