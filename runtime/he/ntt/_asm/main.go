// Command asm writes the AMD64 assembly of runtime/he/ntt. It is a module of its own, so that nothing that builds Sotto
// depends on avo. Run it by `go generate ./runtime/he/ntt`.
package main

import . "github.com/mmcloughlin/avo/build"

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

	mulAdd()
	mulAddScalar()
	reduce()
	Generate()
}
