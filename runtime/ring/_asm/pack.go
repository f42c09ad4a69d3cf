package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Packing at odd widths: 16 elements of width bits are 2*width bytes, so each register of elements begins at a byte. The
// places of bytes are tables, see runtime/ring/pack_amd64.go, whose layout the offsets here are.
const (
	tableOf   = zmmBytes // bytes of a table
	packFirst = 0 * tableOf
	packOther = 1 * tableOf
	packShift = 2 * tableOf
	packMasks = 3 * tableOf // whether a byte has a first, and another part: two words of 64 bits, and the bytes of the whole

	unpackPlace = 0 * tableOf
	unpackShift = 1 * tableOf
	unpackMask  = 2 * tableOf
)

func table(base reg.Register, disp int) vector {
	v := ZMM()
	VMOVDQU64(Mem{Base: base, Disp: disp}, v)
	return v
}

func maskOf(base reg.Register, disp int) reg.Register {
	k := K()
	KMOVQ(Mem{Base: base, Disp: disp}, k)
	return k
}

// pack32 joins two neighbours to 2*width bits in a lane of 64, moves each lane to where in a byte it begins, and gathers
// the bytes: one of the output has parts of at most two lanes.
func pack32() {
	TEXT("pack32", NOSPLIT, "func(dst *byte, src *uint32, registers int, t *byte, size int, low uint32, gap uint64)")
	Doc("pack32 packs whole registers of elements, at least one, to size bytes each: t is a packTable.", "It needs AVX512VBMI.")
	dst, src, n, t, size := pointer("dst"), pointer("src"), pointer("registers"), pointer("t"), pointer("size")
	low, gap := words[0].everywhere("low"), count("gap")
	first, other, shift := table(t, packFirst), table(t, packOther), table(t, packShift)
	isFirst, isOther, whole := maskOf(t, packMasks), maskOf(t, packMasks+8), maskOf(t, packMasks+16)
	even := ZMM()
	VPTERNLOGD(U8(0xff), even, even, even)
	VPSRLQ(U8(32), even, even)
	loop(n, func() {
		x, y := ZMM(), ZMM()
		VPANDD(Mem{Base: src}, low, x)
		VPANDNQ(x, even, y) // the odd neighbours, high in their lanes
		VPANDQ(even, x, x)
		VPSRLQ(gap, y, y)
		VPORQ(y, x, x)
		VPSLLVQ(shift, x, x)
		VPERMB_Z(x, first, isFirst, y)
		VPERMB_Z(x, other, isOther, x)
		VPORQ(x, y, y)
		VMOVDQU8(y, whole, Mem{Base: dst})
		ADDQ(size, dst)
		next(1, src)
	})
}

// unpack32 takes the four bytes in which an element lies.
func unpack32() {
	TEXT("unpack32", NOSPLIT, "func(dst *uint32, src *byte, registers int, t *byte, size int, low uint32)")
	Doc("unpack32 unpacks whole registers of elements, at least one, from size bytes each: t is an unpackTable.", "It needs AVX512VBMI.")
	dst, src, n, t, size := pointer("dst"), pointer("src"), pointer("registers"), pointer("t"), pointer("size")
	low := words[0].everywhere("low")
	place, shift, whole := table(t, unpackPlace), table(t, unpackShift), maskOf(t, unpackMask)
	loop(n, func() {
		x := ZMM()
		VMOVDQU8_Z(Mem{Base: src}, whole, x)
		VPERMB(x, place, x)
		VPSRLVD(shift, x, x)
		VPANDD(low, x, x)
		VMOVDQU32(x, Mem{Base: dst})
		ADDQ(size, src)
		next(1, dst)
	})
}
