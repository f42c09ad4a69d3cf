package peak

import "golang.org/x/sys/cpu"

// Elements of a vector, and instructions of a round in _asm.
const (
	words512, doubles512, round512 = 16, 8, 24
	words256, doubles256, round256 = 8, 4, 12
)

// halfProducts are the products of 32 bits that one of 64 takes, where that is all there is.
const halfProducts = 3

// fastest gives the widest vectors that this machine has.
func fastest() loops {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ:
		l := loops{path: "AVX-512", i32: loop{i32AVX512, round512 * words512}, i64: loop{i64AVX512, round512 * doubles512}, f32: loop{f32AVX512, round512 * words512}}
		if cpu.X86.HasAVX512IFMA {
			l.word52 = loop{word52AVX512, round512 * doubles512}
		}
		return l
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return loops{path: "AVX2", i32: loop{i32AVX2, round256 * words256}, i64: loop{halfAVX2, round256 * doubles256 / halfProducts}, f32: loop{f32AVX2, round256 * words256}}
	}
	return portable
}
