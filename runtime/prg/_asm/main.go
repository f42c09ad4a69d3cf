// Command asm writes the AMD64 assembly of runtime/prg and runtime/garble. It is a module of its own, so that nothing
// that builds Sotto depends on avo. Run it by `go generate ./runtime/prg ./runtime/garble`.
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	kernels := flag.String("kernels", "prg", "the package whose kernels are written: prg or garble")
	flag.Parse() // avo's own flags too
	switch *kernels {
	case "prg":
		expandKeys()
		permuteAESNI()
		permuteVAES512()
		hashAESNI()
		hashVAES512()
		streamVAES512()
	case "garble":
		garbleAESNI()
		evaluateAESNI()
		garbleVAES512()
		evaluateVAES512()
		xorVAES512()
		gatherVAES512()
	default:
		fmt.Fprintf(os.Stderr, "asm: no kernels for %q: prg and garble are accepted\n", *kernels)
		os.Exit(2)
	}
	Generate()
}
