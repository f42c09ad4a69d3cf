// Command asm writes the AMD64 assembly of tools/sotto/bench/peak. It is a module of its own, so that nothing that builds
// Sotto depends on avo. Run it by `go generate ./tools/sotto/bench/peak`.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	loop("i32AVX512", ZMM, 24, VPMULLD)
	loop("i64AVX512", ZMM, 24, VPMULLQ)
	loop("f32AVX512", ZMM, 24, VFMADD231PS)
	loop("word52AVX512", ZMM, 24, VPMADD52LUQ)
	loop("i32AVX2", YMM, 12, VPMULLD)
	loop("halfAVX2", YMM, 12, VPMULUDQ)
	loop("f32AVX2", YMM, 12, VFMADD231PS)
	Generate()
}

// loop is a function that does rounds of n times one instruction, each into a register of its own.
func loop(name string, register func() reg.VecVirtual, n int, instruction func(ops ...Op)) {
	TEXT(name, NOSPLIT, "func(rounds int)")
	Doc(fmt.Sprintf("%s does rounds of %d instructions that do not depend on each other.", name, n))
	rounds := Load(Param("rounds"), GP64())
	a, b := zero(register), zero(register)
	results := make([]reg.VecVirtual, n)
	for i := range results {
		results[i] = zero(register)
	}
	Label("round")
	for _, r := range results {
		instruction(a, b, r)
	}
	DECQ(rounds)
	JNZ(LabelRef("round"))
	VZEROUPPER()
	RET()
}

func zero(register func() reg.VecVirtual) reg.VecVirtual {
	v := register()
	if v.Size() == 64 {
		VPXORQ(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
	return v
}
