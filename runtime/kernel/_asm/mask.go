package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// masked stores x + add, where x is the vector-th of a chunk of which left elements are to be stored. Nothing beyond them is
// read or written.
func (k kernel) masked(x vector, left reg.Register, vector int, add, dst Mem) {
	n := k.inside(left, vector)
	if k.machine.bytes == avx2.bytes {
		k.masked2(x, n, add, dst)
		return
	}
	bits := GP64()
	MOVQ(I32(-1), bits)
	BZHIQ(n, bits, bits)
	mask, t := K(), k.vector()
	KMOVW(bits.As32(), mask)
	if k.element.bytes == 8 {
		VMOVDQU64_Z(add, mask, t)
		k.add(t, x)
		VMOVDQU64(x, mask, dst)
		return
	}
	VMOVDQU32_Z(add, mask, t)
	k.add(t, x)
	VMOVDQU32(x, mask, dst)
}

// inside gives left, less the elements of the vectors before, but 0 to k.lanes().
func (k kernel) inside(left reg.Register, vector int) reg.Register {
	n, bound := moved(left), GP64()
	SUBQ(Imm(uint64(vector*k.lanes())), n)
	MOVQ(U32(0), bound)
	CMPQ(n, bound)
	CMOVQLT(bound, n)
	MOVQ(U32(uint32(k.lanes())), bound)
	CMPQ(n, bound)
	CMOVQGT(bound, n)
	return n
}

// masked2 is masked for AVX2, whose masks are vectors: a part of a table of ones before zeros.
func (k kernel) masked2(x vector, n reg.Register, add, dst Mem) {
	table, mask, t := GP64(), k.vector(), k.vector()
	LEAQ(masks(), table)
	NEGQ(n)
	k.move(Mem{Base: table, Disp: k.vectorBytes(), Index: n, Scale: uint8(k.element.bytes)}, mask)
	if k.element.bytes == 8 {
		VPMASKMOVQ(add, mask, t)
		k.add(t, x)
		VPMASKMOVQ(x, mask, dst)
		return
	}
	VPMASKMOVD(add, mask, t)
	k.add(t, x)
	VPMASKMOVD(x, mask, dst)
}

var maskTable Mem

// masks is a vector of ones, then one of zeros.
func masks() Mem {
	if maskTable.Symbol.Name == "" {
		maskTable = GLOBL("masks", RODATA|NOPTR)
		for i := range 2 * avx2.bytes / wordBytes {
			ones := ^uint64(0)
			if i >= avx2.bytes/wordBytes {
				ones = 0
			}
			DATA(i*wordBytes, U64(ones))
		}
	}
	return maskTable
}
