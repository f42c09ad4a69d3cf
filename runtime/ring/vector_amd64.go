package ring

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C _asm run . -kernels ring -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg ring

// registerBytes is what a kernel takes at a time; what is left of a vector is computed in Go.
const registerBytes = 64

// hasVectors says whether this machine has the kernels of elementwise operations, hasPacking those of packing.
var (
	hasVectors = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
	hasPacking = hasVectors && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasBMI2
)

// registers counts the whole registers of a vector, and their elements: none where there are no kernels.
func registers[W Word](v []W) (count, elements int) {
	if !hasVectors {
		return 0, 0
	}
	count = len(v) * Width[W]() / 8 / registerBytes
	return count, count * registerBytes * 8 / Width[W]()
}

// p32 and p64 are the address of a vector that is not empty, for the kernels of its size.
func p32[W Word](v []W) *uint32 { return (*uint32)(unsafe.Pointer(&v[0])) }
func p64[W Word](v []W) *uint64 { return (*uint64)(unsafe.Pointer(&v[0])) }

// binary32 and the others are the shapes of kernels.
type (
	binary32   = func(dst, a, b *uint32, registers int)
	binary64   = func(dst, a, b *uint64, registers int)
	constant32 = func(dst, a *uint32, registers int, c uint32)
	constant64 = func(dst, a *uint64, registers int, c uint64)
)

// combine runs a kernel as far as whole registers go, and says how far that was.
func combine[W Word](dst, a, b []W, k32 binary32, k64 binary64) int {
	n, done := registers(dst)
	switch {
	case n == 0:
	case Width[W]() == 32:
		k32(p32(dst), p32(a), p32(b), n)
	default:
		k64(p64(dst), p64(a), p64(b), n)
	}
	return done
}

// combineConst is combine for kernels with a constant.
func combineConst[W Word](dst, a []W, c W, k32 constant32, k64 constant64) int {
	n, done := registers(dst)
	switch {
	case n == 0:
	case Width[W]() == 32:
		k32(p32(dst), p32(a), n, uint32(c))
	default:
		k64(p64(dst), p64(a), n, uint64(c))
	}
	return done
}

func addVectors[W Word](dst, a, b []W) int { return combine(dst, a, b, add32, add64) }
func subVectors[W Word](dst, a, b []W) int { return combine(dst, a, b, sub32, sub64) }
func addConstVectors[W Word](dst, a []W, c W) int {
	return combineConst(dst, a, c, addConst32, addConst64)
}
func mulConstVectors[W Word](dst, a []W, c W) int {
	return combineConst(dst, a, c, mulConst32, mulConst64)
}
