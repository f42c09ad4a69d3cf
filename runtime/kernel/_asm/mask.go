package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// masked stores x + add, where x is the vector-th of a chunk of which left elements are to be stored. Nothing beyond them is
// read or written.
func (k kernel) masked(x vector, left reg.Register, vector int, add, dst Mem) {
	m := k.first(left, vector)
	k.add(k.loadFirst(m, add), x)
	k.storeFirst(m, x, dst)
}

// first gives the mask of those elements that lie among the first left of a chunk, for its vector-th vector.
func (k kernel) first(left reg.Register, vector int) reg.Register {
	n := k.inside(left, vector)
	if k.machine.bytes == avx2.bytes {
		return k.first2(n)
	}
	bits, mask := GP64(), K()
	MOVQ(I32(-1), bits)
	BZHIQ(n, bits, bits)
	KMOVW(bits.As32(), mask)
	return mask
}

// loadFirst loads a vector with zeros beside a mask, where it reads nothing.
func (k kernel) loadFirst(mask reg.Register, from Mem) vector {
	v := k.vector()
	switch {
	case k.machine.bytes == avx2.bytes && k.element.bytes == 8:
		VPMASKMOVQ(from, mask, v)
	case k.machine.bytes == avx2.bytes:
		VPMASKMOVD(from, mask, v)
	case k.element.bytes == 8:
		VMOVDQU64_Z(from, mask, v)
	default:
		VMOVDQU32_Z(from, mask, v)
	}
	return v
}

// storeFirst stores what is under a mask.
func (k kernel) storeFirst(mask reg.Register, v vector, to Mem) {
	switch {
	case k.machine.bytes == avx2.bytes && k.element.bytes == 8:
		VPMASKMOVQ(v, mask, to)
	case k.machine.bytes == avx2.bytes:
		VPMASKMOVD(v, mask, to)
	case k.element.bytes == 8:
		VMOVDQU64(v, mask, to)
	default:
		VMOVDQU32(v, mask, to)
	}
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

// first2 is first for AVX2, whose masks are vectors: a part of a table of ones before zeros.
func (k kernel) first2(n reg.Register) vector {
	table := GP64()
	LEAQ(masks(), table)
	NEGQ(n)
	return k.load(Mem{Base: table, Disp: k.vectorBytes(), Index: n, Scale: uint8(k.element.bytes)})
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
