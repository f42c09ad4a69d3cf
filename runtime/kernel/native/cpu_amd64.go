package native

import "golang.org/x/sys/cpu"

// features are those that kernels are compiled for, by the names that clang has for them.
var features = map[string]bool{
	"sse4.1": cpu.X86.HasSSE41, "sse4.2": cpu.X86.HasSSE42, "ssse3": cpu.X86.HasSSSE3, "popcnt": cpu.X86.HasPOPCNT,
	"avx2": cpu.X86.HasAVX2, "bmi1": cpu.X86.HasBMI1, "bmi2": cpu.X86.HasBMI2, "fma": cpu.X86.HasFMA,
	"avx512f": cpu.X86.HasAVX512F, "avx512bw": cpu.X86.HasAVX512BW, "avx512cd": cpu.X86.HasAVX512CD,
	"avx512dq": cpu.X86.HasAVX512DQ, "avx512vl": cpu.X86.HasAVX512VL,
}
