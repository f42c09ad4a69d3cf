// Command asm writes the AMD64 assembly of runtime/ring and runtime/nonlin. It is a module of its own, so that nothing that
// builds Sotto depends on avo. Run it by `go generate ./runtime/ring ./runtime/nonlin`.
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	kernels := flag.String("kernels", "ring", "the package whose kernels are written: ring or nonlin")
	flag.Parse() // avo's own flags too
	switch *kernels {
	case "ring":
		for _, w := range words {
			w.binary("add", "dst[i] = a[i] + b[i]", w.add)
			w.binary("sub", "dst[i] = a[i] - b[i]", w.sub)
			w.constant("addConst", "dst[i] = a[i] + c", w.add)
			w.constant("mulConst", "dst[i] = a[i] * c", w.mul)
			w.pack()
			w.packNarrow()
			w.unpack()
		}
	case "nonlin":
		for _, w := range words {
			w.choose()
			w.correlate()
			w.receive()
			w.send()
			w.squareClient()
			w.squareServer()
			w.quadraticBlind()
			w.quadraticClient()
			w.quadraticServer()
			w.roundedShare()
			w.roundedCorrelate()
			w.roundedClient()
			w.roundedServer()
		}
	default:
		fmt.Fprintf(os.Stderr, "asm: no kernels for %q: ring and nonlin are accepted\n", *kernels)
		os.Exit(2)
	}
	Generate()
}
