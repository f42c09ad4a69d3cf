// Command asm writes the AMD64 assembly of runtime/prg, runtime/garble and runtime/ot. It is a module of its own, so that nothing
// that builds Sotto depends on avo. Run it by `go generate ./runtime/prg ./runtime/garble ./runtime/ot`.
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	kernels := flag.String("kernels", "prg", "the package whose kernels are written: prg, garble or ot")
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
		garbleThreeHalvesAESNI()
		evaluateThreeHalvesAESNI()
		garbleThreeHalvesVAES512()
		evaluateThreeHalvesVAES512()
	case "ot":
		rowsGFNI()
		recordsAVX512()
		fromRecordsAVX512()
		addMaskedAVX512()
		foldAVX512()
		levelVAES512()
		addToPairAVX512()
		addRowsAVX()
	default:
		fmt.Fprintf(os.Stderr, "asm: no kernels for %q: prg, garble and ot are accepted\n", *kernels)
		os.Exit(2)
	}
	Generate()
}
