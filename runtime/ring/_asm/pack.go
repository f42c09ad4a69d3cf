package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Packing at odd widths: the elements of a register are a whole number of bytes, so each register begins at one. The places of
// bytes are tables, see runtime/ring/pack_amd64.go, whose layout the offsets here are.
const (
	tableOf       = zmmBytes // bytes of a table
	packFirst     = 0 * tableOf
	packOther     = 1 * tableOf
	packFirstBits = 2 * tableOf
	packOtherBits = 3 * tableOf
	packTurn      = 4 * tableOf

	unpackPlace = 0 * tableOf
	unpackNext  = 1 * tableOf
	unpackShift = 2 * tableOf
)

// What VPTERNLOG makes of a, which it overwrites, and of b and c.
const (
	orOfBoth = 0xf8 // a | b&c
	aWhereC  = 0xe4 // a where c is 1, b where it is 0
)

func table(base reg.Register, disp int) vector {
	v := ZMM()
	VMOVDQU64(Mem{Base: base, Disp: disp}, v)
	return v
}

// lanes64 gives an argument in every lane of 64 bits, whatever the elements have.
func lanes64(name string) vector { return words[1].everywhere(name) }

// pack has elements in lanes of 64 bits, two in each where they have 32. It turns each lane to where in a byte it begins, so that
// bits for which there is no room come to its first byte, and gathers the bytes: one of the output has parts of at most two lanes.
func (w word) pack() {
	w.begin("pack", "func(dst *byte, src *E, registers int, t *byte, size int, low, pair, gap uint64)",
		"packs whole registers of elements, at least one, to size bytes each, and overwrites a whole register of dst with each: t is",
		"a packTable, low the bits of a lane that are packed, pair those of two elements that are the first's when gap bits between",
		"them are gone. It needs AVX512VBMI.")
	Pragma("noescape")
	dst, src, n, t, size := pointer("dst"), pointer("src"), pointer("registers"), pointer("t"), pointer("size")
	low, join := lanes64("low"), w.joining()
	first, other, turn := table(t, packFirst), table(t, packOther), table(t, packTurn)
	firstBits, otherBits := table(t, packFirstBits), table(t, packOtherBits)
	loop(n, func() {
		x, y := ZMM(), ZMM()
		VPANDQ(Mem{Base: src}, low, x)
		join(x)
		VPROLVQ(turn, x, x)
		VPERMB(x, first, y)
		VPERMB(x, other, x)
		VPANDQ(firstBits, y, y)
		VPTERNLOGQ(U8(orOfBoth), otherBits, x, y)
		VMOVDQU64(y, Mem{Base: dst})
		ADDQ(size, dst)
		next(1, src)
	})
}

// joining moves the second element of a lane, if there are two, to the end of the first.
func (w word) joining() func(x vector) {
	if w.bits == 64 {
		return func(vector) {}
	}
	pair, gap := lanes64("pair"), count("gap")
	return func(x vector) {
		second := ZMM()
		VPSRLQ(gap, x, second)
		VPTERNLOGQ(U8(aWhereC), pair, second, x)
	}
}

// packNarrow takes eight elements, whose lowest bytes have all that is packed.
func (w word) packNarrow() {
	w.begin("packNarrow", "func(dst *byte, src *E, eights int, size int, low uint64)",
		"packs eight elements at a time, at least once, to size bytes each, and overwrites eight of dst with each: low are the bits of",
		"eight bytes that are packed. It needs AVX512VL, AVX512BW and BMI2.")
	Pragma("noescape")
	dst, src, n, size := pointer("dst"), pointer("src"), pointer("eights"), pointer("size")
	low := pointer("low")
	loop(n, func() {
		x, eight := XMM(), GP64()
		if w.bits == 64 {
			VPMOVQB(w.loaded(src, 0), x)
		} else {
			y := YMM()
			VMOVDQU(Mem{Base: src}, y)
			VPMOVDB(y, x)
		}
		VMOVQ(x, eight)
		PEXTQ(low, eight, eight)
		MOVQ(eight, Mem{Base: dst})
		ADDQ(size, dst)
		ADDQ(U8(w.bits), src)
	})
}

// unpack takes the bytes from where an element begins, and those behind them, into which it may reach.
func (w word) unpack() {
	w.begin("unpack", "func(dst *E, src *byte, registers int, t *byte, size int, low uint64)",
		fmt.Sprintf("unpacks whole registers of %d elements, at least one, from size bytes each, and reads a whole register of src for", w.lanes),
		"each: t is an unpackTable, low the bits of a lane that there are. It needs AVX512VBMI and AVX512VBMI2.")
	Pragma("noescape")
	dst, src, n, t, size := pointer("dst"), pointer("src"), pointer("registers"), pointer("t"), pointer("size")
	low := lanes64("low")
	place, behind, shift := table(t, unpackPlace), table(t, unpackNext), table(t, unpackShift)
	loop(n, func() {
		x, y := ZMM(), ZMM()
		VMOVDQU64(Mem{Base: src}, x)
		VPERMB(x, behind, y)
		VPERMB(x, place, x)
		w.funnel(shift, y, x)
		VPANDQ(low, x, x)
		w.store(x, at(dst, 0))
		ADDQ(size, src)
		next(1, dst)
	})
}
