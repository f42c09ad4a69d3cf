// Command asm writes the AMD64 assembly of runtime/he/ntt. It is a module of its own, so that nothing that builds Sotto
// depends on avo. Run it by `go generate ./runtime/he/ntt`.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	forward4()
	forward8()
	forwardTail()
	inverseTail()
	inverse8()
	inverse4()
	inverseLast()

	add()
	sub()
	neg()
	mul()
	mulScalar()
	mulScalarAdd()

	mulAdd(1)
	mulAdd(2)
	mix(1)
	mix(4)
	reduce()

	signed("uint32", 4, func(at Mem, v vector) { VPMOVSXDQ(at, v) })
	signed("uint64", 8, func(at Mem, v vector) { VMOVDQU64(at, v) })
	divideRound()
	Generate()
}
